//! A server that does with the postings key what it must not, convicted by its own journal.

use auction::layout::Digest;
use auction::money::Amount;
use auction::spec::Time;
use auction::transcript::TranscriptError;
use settlement::auctions::{
    Attached, Decision, Misdeed, NoSaleRecord, SaleRecord, Undecided, VoidDecision, VoidRecord,
};
use settlement::ledger::{Action, Chain, Code, HoldKey, Movement, Part, Sum};

use crate::world::{
    Setting, V, World, account, account_key, bidder, id, key, postings_key, seller,
};

fn sold() -> (World, Vec<u8>) {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    (world, bytes)
}

/// A sale's chain with another record, its requests made to fit or left alone.
fn altered(world: &mut World, bytes: &[u8], change: impl FnOnce(&mut SaleRecord)) -> Chain {
    let chain = world.decision(bytes, 5_000);
    let read = Attached::read(chain.attachment().unwrap()).unwrap();
    let Some(Attached::Sale(mut record)) = read else { panic!("no sale") };
    change(&mut record);
    let bytes = Attached::Sale(record).to_bytes();
    Chain::new(chain.requests().to_vec(), Some(bytes)).unwrap()
}

fn convicted(mut world: World, chain: Chain, now: u64, bytes: Option<Vec<u8>>) -> Misdeed {
    assert_eq!(world.code(chain, now), Code::Done, "the ledger alone does not see it");
    world.audit(bytes).unwrap_err()
}

type Change = fn(&mut SaleRecord);

#[test]
fn a_record_that_is_not_what_the_transcript_gives() {
    let changes: [(&str, Change); 7] = [
        ("winner", |record| record.winner = bidder(0).public()),
        ("hold", |record| record.hold.account = account(&account_key(0))),
        ("price", |record| record.price = Amount(1)),
        ("fee", |record| record.fee = Amount(0)),
        ("delivery key", |record| {
            record.delivery = crate::world::goods::delivery_of(&bidder(0));
        }),
        ("goods", |record| record.checksum = Digest([1; 32])),
        ("goods", |record| record.key_hash = Digest([1; 32])),
    ];
    for (what, change) in changes {
        let (mut world, bytes) = sold();
        let chain = altered(&mut world, &bytes, change);
        assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::NotAsProven(what));
    }
}

/// The requests of a sale made by hand: which hold, how much, and to whom.
fn by_hand(
    world: &World,
    hold: HoldKey,
    price: u64,
    to: &[(Movement, u128)],
) -> Vec<settlement::ledger::VerifiedRequest> {
    let part = Part::Amount(price);
    let reference = Digest::default();
    let post = Action::PostHold { account: world.escrow(), hold, part, reference };
    let mut requests = vec![world.signed(&postings_key(), 900, post)];
    for (movement, number) in to {
        requests.push(world.signed(&postings_key(), *number, Action::Post(*movement)));
    }
    requests
}

#[test]
fn a_bond_posted_past_a_sale() {
    let loser = HoldKey { account: account(&account_key(0)), id: id(1_000) };
    let pay = |world: &World, to| Movement {
        debit: world.escrow(),
        credit: account(&to),
        amount: Sum::new(1_250).unwrap(),
        reference: Digest::default(),
    };
    // Without a record, and under the record of the right sale.
    let (world, bytes) = sold();
    let movement = pay(&world, seller());
    let requests = by_hand(&world, loser, 1_250, &[(movement, 901)]);
    let chain = Chain::new(requests, None).unwrap();
    assert_eq!(
        convicted(world, chain, 5_000, Some(bytes)),
        Misdeed::ReleasedEarly(sold().0.auction())
    );
    let (mut world, bytes) = sold();
    let right = world.decision(&bytes, 5_000);
    let movement = pay(&world, key(12));
    let requests = by_hand(&world, loser, 1_250, &[(movement, 901)]);
    let record = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(requests, Some(record)).unwrap();
    assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::Requests("sale"));
}

#[test]
fn more_taken_after_the_sale() {
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let loser = HoldKey { account: account(&account_key(0)), id: id(1_000) };
    let requests = by_hand(&world, loser, 1_250, &[]);
    let chain = Chain::new(requests, None).unwrap();
    assert_eq!(convicted(world, chain, 5_100, Some(bytes)), Misdeed::Requests("release"));
}

#[test]
fn a_sale_without_its_transcript_or_with_another() {
    let (mut world, bytes) = sold();
    let chain = world.decision(&bytes, 5_000);
    let auction = world.auction();
    assert_eq!(convicted(world, chain, 5_000, None), Misdeed::NoTranscript(auction));
    let (mut world, bytes) = sold();
    let chain = world.decision(&bytes, 5_000);
    let damaged = bytes[..bytes.len() - 1].to_vec();
    let misdeed = convicted(world, chain, 5_000, Some(damaged));
    assert!(matches!(misdeed, Misdeed::Transcript(TranscriptError::Wire(_))), "{misdeed:?}");
    // The record names one that nobody has.
    let (mut world, bytes) = sold();
    let chain = altered(&mut world, &bytes, |record| record.transcript = Digest([1; 32]));
    assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::NoTranscript(auction));
}

#[test]
fn nothing_sold_where_the_transcript_shows_a_winner() {
    let (mut world, bytes) = sold();
    let cancel = Action::Cancel { account: world.escrow() };
    let mut other = World::new(&Setting::default());
    let empty = other.run(&[]);
    let request = other.decision(&empty, 5_000).requests()[0].clone();
    let transcript = world.prove(&bytes).transcript();
    let record = NoSaleRecord { auction: world.auction(), transcript, early_close: None };
    let attachment = Some(Attached::NoSale(record).to_bytes());
    let chain = Chain::new(vec![request], attachment.clone()).unwrap();
    assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::NotAsProven("result"));
    // A right record on a request of one's own making.
    let mut world = World::new(&Setting::default());
    let empty = world.run(&[]);
    let right = world.decision(&empty, 5_000).attachment().unwrap().as_bytes().to_vec();
    let request = world.signed(&postings_key(), 900, cancel);
    let chain = Chain::new(vec![request], Some(right)).unwrap();
    assert_eq!(convicted(world, chain, 5_000, Some(empty)), Misdeed::Requests("decision"));
}

#[test]
fn a_void_before_v() {
    let (world, bytes) = sold();
    let chain = world.void(V);
    let early = Misdeed::Decision(Undecided::TooEarly(Time(V)));
    assert_eq!(convicted(world, chain, V - 1, Some(bytes)), early);
}

#[test]
fn a_decision_before_closing_and_a_second_one() {
    let (mut world, bytes) = sold();
    let chain = world.decision(&bytes, 5_000);
    let closing = Time(crate::world::CLOSING);
    let early = Misdeed::Decision(Undecided::NotClosed(closing));
    assert_eq!(convicted(world, chain, 1_900, Some(bytes)), early);
    // Under another id the ledger lets it pass; the audit does not.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let cancel = Action::Cancel { account: world.escrow() };
    let request = world.signed_until(&postings_key(), 901, V + 9, cancel);
    let record = VoidRecord { auction: world.auction() };
    let chain = Chain::new(vec![request], Some(Attached::Void(record).to_bytes())).unwrap();
    let misdeed = convicted(world, chain, V, Some(bytes));
    assert_eq!(misdeed, Misdeed::Decision(Undecided::Decided));
}

#[test]
fn a_bond_released_before_the_decision() {
    let (mut world, bytes) = sold();
    // Made as for after the decision, and journaled before it.
    let (mut later, _) = sold();
    let sale = later.decision(&bytes, 5_000);
    assert_eq!(later.code(sale.clone(), 5_000), Code::Done);
    let release = later.releases(5_000, 1).remove(0);
    assert_eq!(world.code(release, 4_000), Code::Done);
    assert_eq!(world.audit(Some(bytes.clone())), Err(Misdeed::ReleasedEarly(world.auction())));
}

#[test]
fn a_goods_key_attached_to_anything_else() {
    // To a customer's payment.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    let record = sale.attachment().unwrap().as_bytes().to_vec();
    let movement = Movement {
        debit: account(&account_key(3)),
        credit: account(&seller()),
        amount: Sum::new(1).unwrap(),
        reference: Digest::default(),
    };
    let post = world.signed(&account_key(3), 1, Action::Post(movement));
    let chain = Chain::new(vec![post], Some(record.clone())).unwrap();
    assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::Requests("sale"));
    // To a release.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let release = world.releases(5_000, 1).remove(0);
    let chain = Chain::new(release.requests().to_vec(), Some(vec![99, 1, 2])).unwrap();
    assert_eq!(convicted(world, chain, 5_000, Some(bytes)), Misdeed::Requests("release"));
    // To a chain that was refused.
    let (mut world, bytes) = sold();
    let (number, time, mut entry) = world.journal.last().cloned().unwrap();
    entry.codes = vec![Code::InsufficientFunds; entry.codes.len()].into();
    world.journal.push((number + 1, time, entry));
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::AttachedToRefused));
}

#[test]
fn an_order_that_does_not_verify_or_is_of_no_auction() {
    let (mut world, _) = sold();
    // The countersignature of another order for the same key: what a bidder never signed.
    let mut order = world.order(2, 6);
    let other = world.order(3, 6);
    let hold = settlement::ledger::SignedRequest::decode(order.hold_bytes()).unwrap();
    let hold = hold.verify(&crate::world::charter()).unwrap();
    order = settlement::auctions::BondOrder::of_parts(
        order.terms().clone(),
        order.hold_bytes().to_vec(),
        other.countersignature(),
    );
    let attachment = Attached::Bond(order).to_bytes();
    let chain = Chain::new(vec![hold], Some(attachment)).unwrap();
    assert_eq!(world.code(chain, 1_600), Code::Done);
    let misdeed = world.audit(None).unwrap_err();
    assert!(matches!(misdeed, Misdeed::Order(_)), "{misdeed:?}");

    let mut world = World::new(&Setting::default());
    let stranger = World::new(&Setting { nonce: 2, ..Setting::default() });
    let attachment = Attached::Bond(stranger.order(0, 6)).to_bytes();
    let hold = world.order(0, 6).verify(&world.spec, &crate::world::charter()).unwrap();
    let hold = hold.chain().unwrap().requests().to_vec();
    let chain = Chain::new(hold, Some(attachment)).unwrap();
    assert_eq!(world.code(chain, 1_600), Code::Done);
    assert_eq!(world.audit(None), Err(Misdeed::Unregistered(stranger.auction())));
    // The index believes it no more than the audit does.
    assert_eq!(world.state().bonds(), 0);
}

#[test]
fn attachments_that_cannot_be_read_teach_the_index_nothing() {
    let (mut world, _) = sold();
    for tag in 0..8 {
        for length in [0, 1, 40, 400] {
            let mut bytes = vec![tag];
            bytes.resize(1 + length, 0xa5);
            let movement = Movement {
                debit: account(&account_key(4)),
                credit: account(&seller()),
                amount: Sum::new(1).unwrap(),
                reference: Digest::default(),
            };
            let number = 100 + u128::from(tag) * 1_000 + length as u128;
            let post = world.signed(&account_key(4), number, Action::Post(movement));
            let chain = Chain::new(vec![post], Some(bytes)).unwrap();
            assert_eq!(world.code(chain, 1_700), Code::Done);
        }
    }
    assert_eq!(world.state().bonds(), 2);
    assert!(matches!(world.audit(None), Err(Misdeed::Unreadable(_))));
    // A decision whose record is damaged is a decision all the same.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    let chain = Chain::new(sale.requests().to_vec(), Some(vec![3, 1])).unwrap();
    assert_eq!(world.code(chain, 5_000), Code::Done);
    assert_eq!(world.state().decided(), Some(&settlement::auctions::Decided::Unreadable));
    let proven = world.prove(&bytes);
    assert_eq!(Decision::of(&proven, world.state(), Time(5_000)), Err(Undecided::Decided));
    assert_eq!(VoidDecision::of(world.state(), Time(V)), Err(Undecided::Decided));
}
