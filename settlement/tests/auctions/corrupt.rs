//! A corrupt server's auctions, through its whole journal: the audit names each misdeed with what
//! it moved, goes on, and holds corrections to that; the judge needs no journal.

use auction::bid::BondTicket;
use auction::evidence::Role;
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::spec::Time;
use settlement::auctions::{Attached, History, Misdeed, NoSaleRecord, SaleRecord};
use settlement::audit::{AuditReport, Held, Undone, inquire_with};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Options, Receipt};
use settlement::judge::payment::{GivenSecret, PaymentEvidence};
use settlement::judge::ticket::TicketEvidence;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Code, Ledger, Movement, Part, SignedRequest, Sum,
};
use settlement::sealed_key::{OpeningKey, Purpose, SealedKey};
use settlement::service::CharterParts;
use settlement::unwinding::{Planned, plan};

use crate::disk::Disk;
use crate::in_memory;
use crate::world::*;

pub const OPTIONS: Options = Options { segment_bytes: 1 << 20 };

/// A world's journal as the server's disk holds it.
pub fn disk_of(world: &World) -> Disk {
    let disk = Disk::new();
    write_on(&disk, &world.applied);
    disk
}

/// Commits more chains, each at its clock.
pub fn write_on(disk: &Disk, chains: &[(Chain, u64)]) {
    let mut keeper = keeper(disk);
    for (chain, now) in chains {
        let _ = keeper.submit(vec![chain.clone()], Time(*now)).unwrap();
    }
    keeper.flush().unwrap();
}

pub fn keeper(disk: &Disk) -> Bookkeeper<Disk> {
    let signer = Signer::new(&server());
    Bookkeeper::open(disk.clone(), charter(), signer, OPTIONS).unwrap().serve_confirmed()
}

pub fn receipt(disk: &Disk, account: AccountId, number: settlement::ledger::RequestId) -> Receipt {
    let mut keeper = keeper(disk);
    let receipt = keeper.receipt(&account, number).unwrap();
    keeper.release(receipt).unwrap().unwrap()
}

/// The receipt of a chain, by its first request.
pub fn receipt_of(disk: &Disk, chain: &Chain) -> Receipt {
    let first = &chain.requests()[0];
    receipt(disk, first.signing_account(&charter()), first.request().id)
}

pub fn inquest(disk: &Disk, auction: Digest, transcript: Option<&[u8]>) -> (AuditReport, Ledger) {
    let evidence = |id: &Digest| transcript.filter(|_| *id == auction).map(<[u8]>::to_vec);
    let mut history = History::new(charter(), evidence, in_memory::rng(77));
    inquire_with(&mut disk.clone(), &charter(), &Held::default(), &mut history).unwrap()
}

fn named(report: &AuditReport) -> Vec<String> {
    report.misdeeds.iter().map(|misdeed| misdeed.wrong.to_string()).collect()
}

/// Bidders 0 and 1 are bonded; 1 wins at 1,050, the bid of 0.
fn sold() -> (World, Vec<u8>) {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    (world, bytes)
}

/// A sale whose record and requests the server has changed so that they fit each other.
fn priced(world: &mut World, bytes: &[u8], price: u64) -> Chain {
    let right = world.decision(bytes, 5_000);
    let Some(Attached::Sale(record)) = Attached::read(right.attachment().unwrap()).unwrap() else {
        panic!("no sale")
    };
    let record = SaleRecord { price: Amount(price), ..record };
    let proceeds = Sum::new(price - record.fee.0).unwrap();
    let requests = right.requests().iter().map(|verified| {
        let mut request = *verified.request();
        match &mut request.action {
            Action::PostHold { part, .. } => *part = Part::Amount(price),
            Action::Post(movement) if movement.credit == account(&seller()) => {
                movement.amount = proceeds;
            }
            _ => {}
        }
        let signed = SignedRequest::sign(&request, &Signer::new(&postings_key()), &charter());
        signed.verify(&charter()).unwrap()
    });
    Chain::new(requests.collect(), Some(Attached::Sale(record).to_bytes())).unwrap()
}

pub fn evidence(bytes: &[u8], decision: Receipt) -> PaymentEvidence {
    PaymentEvidence {
        charter: CharterParts::from(&charter()),
        transcript: bytes.to_vec(),
        decision: Some(decision),
        order: None,
        delivery: None,
        dispatch: None,
        dispute: None,
        payout: None,
    }
}

pub fn decision_of(world: &World, disk: &Disk) -> Receipt {
    let key = settlement::auctions::postings::decision_key(world.state().registered());
    receipt(disk, key.account, key.id)
}

pub fn convicts_server(evidence: &PaymentEvidence) -> Option<String> {
    let ruling = evidence.judge(&mut in_memory::rng(5)).unwrap();
    let convicted = ruling.convicted.first()?;
    assert_eq!((convicted.role, convicted.key), (Role::Server, server().public()));
    Some(convicted.deed.clone())
}

#[test]
fn an_altered_price_is_named_convicts_before_the_judge_and_the_excess_comes_back() {
    let (mut world, bytes) = sold();
    let chain = priced(&mut world, &bytes, 1_200);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let disk = disk_of(&world);
    let (report, ledger) = inquest(&disk, world.auction(), Some(&bytes));
    let misdeed = &report.misdeeds[0];
    assert!(misdeed.wrong.to_string().contains("another price"), "{}", misdeed.wrong);
    // 150 too much from the winner, and through the escrow account to the seller.
    let wrong: Vec<_> = misdeed.movements.iter().map(|one| (one.moved.credit, one.wrong)).collect();
    assert_eq!(wrong, [(world.escrow(), 150), (account(&seller()), 150)]);
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk)));
    assert!(deed.unwrap().contains("another price"));

    // Moved back the way it came.
    let planned = plan(&report.wrongs, &ledger);
    assert_eq!(planned.iter().map(|one| one.amount).collect::<Vec<_>>(), [150, 150]);
    let mut keeper = keeper(&disk);
    for one in &planned {
        let chain = correction(one.request(Time(T)).unwrap());
        let _ = keeper.submit(vec![chain], Time(6_000)).unwrap();
    }
    keeper.flush().unwrap();
    drop(keeper);
    let (report, ledger) = inquest(&disk, world.auction(), Some(&bytes));
    assert_eq!(report.misdeeds.len(), 1, "{:?}", named(&report));
    assert_eq!(report.misdeeds[0].undone(), Undone::Whole);
    assert!(report.holds() && report.astray.is_empty());
    let winner = ledger.account(&account(&account_key(1))).unwrap();
    assert_eq!(winner.balances.posted(), i128::from(RICH) - 1_050);
}

#[test]
fn a_price_below_the_right_one_moves_nothing_without_right() {
    let (mut world, bytes) = sold();
    let chain = priced(&mut world, &bytes, 1_000);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let (report, _) = inquest(&disk_of(&world), world.auction(), Some(&bytes));
    assert_eq!(report.misdeeds[0].undone(), Undone::Nothing, "what was not paid is no movement");
    assert!(!report.holds());
}

/// The server's house takes more than its fee: the seller lacks what the house has too much.
#[test]
fn a_fee_that_was_too_high_goes_back_to_the_seller() {
    let (mut world, bytes) = sold();
    let right = world.decision(&bytes, 5_000);
    let requests = right.requests().iter().map(|verified| {
        let mut request = *verified.request();
        if let Action::Post(movement) = &mut request.action {
            let amount = if movement.credit == account(&house()) { 131 } else { 919 };
            movement.amount = Sum::new(amount).unwrap();
        }
        let signed = SignedRequest::sign(&request, &Signer::new(&postings_key()), &charter());
        signed.verify(&charter()).unwrap()
    });
    let record = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(requests.collect(), Some(record)).unwrap();
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let disk = disk_of(&world);
    let (report, ledger) = inquest(&disk, world.auction(), Some(&bytes));
    let planned = plan(&report.wrongs, &ledger);
    let from_to = |one: &Planned| (one.wrong.moved.credit, one.wrong.moved.debit, one.amount);
    let (escrow, house, seller) = (world.escrow(), account(&house()), account(&seller()));
    let moves: Vec<_> = planned.iter().map(from_to).collect();
    assert_eq!(moves, [(house, escrow, 100), (escrow, seller, 100)]);
    let corrections: Vec<_> =
        planned.iter().map(|one| (correction(one.request(Time(T)).unwrap()), 6_000)).collect();
    write_on(&disk, &corrections);
    let (report, ledger) = inquest(&disk, world.auction(), Some(&bytes));
    assert!(report.holds() && report.astray.is_empty(), "{:?}", named(&report));
    let has = |id| ledger.account(&id).unwrap().balances.posted() - i128::from(RICH);
    assert_eq!((has(seller), has(house)), (1_019, 31));
}

/// A correction that the operator signs.
fn correction(request: settlement::ledger::Request) -> Chain {
    let signed = SignedRequest::sign(&request, &Signer::new(&operator()), &charter());
    Chain::from(signed.verify(&charter()).unwrap())
}

#[test]
fn a_losers_bond_posted_past_the_sale_is_named_and_all_of_it_comes_back() {
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let hold = settlement::ledger::HoldKey { account: account(&account_key(0)), id: id(1_000) };
    let reference = Digest::default();
    let part = Part::Amount(1_250);
    let take = Action::PostHold { account: world.escrow(), hold, part, reference };
    let pay = Movement {
        debit: world.escrow(),
        credit: account(&account_key(5)),
        amount: Sum::new(1_250).unwrap(),
        reference,
    };
    let requests = vec![
        world.signed(&postings_key(), 900, take),
        world.signed(&postings_key(), 901, Action::Post(pay)),
    ];
    assert_eq!(world.code(Chain::new(requests, None).unwrap(), 5_100), Code::Done);
    let (report, ledger) = inquest(&disk_of(&world), world.auction(), Some(&bytes));
    assert_eq!(report.misdeeds[0].undone(), Undone::Left(2_500));
    let back: Vec<_> = plan(&report.wrongs, &ledger).iter().map(|one| one.amount).collect();
    assert_eq!(back, [1_250, 1_250]);
}

#[test]
fn a_key_without_payment_a_sale_too_early_and_a_decision_too_late_are_named() {
    // The record, with the sealed key, beside a movement of one cent.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    let record = sale.attachment().unwrap().as_bytes().to_vec();
    let cent = Movement {
        debit: account(&account_key(1)),
        credit: account(&seller()),
        amount: Sum::new(1).unwrap(),
        reference: Digest::default(),
    };
    let post = world.signed(&account_key(1), 7, Action::Post(cent));
    assert_eq!(world.code(Chain::new(vec![post], Some(record)).unwrap(), 5_000), Code::Done);
    let (report, _) = inquest(&disk_of(&world), world.auction(), Some(&bytes));
    let named_so = named(&report);
    assert!(named_so[0].contains("belong to no sale"), "{named_so:?}");
    // The cent is its owner's own doing.
    assert_eq!(report.misdeeds[0].undone(), Undone::Nothing);

    // Paid before closing: what moved is what would have moved in time.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, CLOSING - 1), Code::Done);
    let disk = disk_of(&world);
    let (report, _) = inquest(&disk, world.auction(), Some(&bytes));
    assert!(named(&report)[0].contains("could not decide"), "{:?}", named(&report));
    assert_eq!(report.misdeeds[0].undone(), Undone::Nothing);
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk))).unwrap();
    assert!(deed.contains("before closing"), "{deed}");

    // Late: V has passed and nothing is decided, or a decision that the ledger let pass since it
    // was made under another time-out.
    let (mut world, bytes) = sold();
    let right = world.decision(&bytes, 5_000);
    let late = right.requests().iter().map(|verified| {
        let request = settlement::ledger::Request { until: Time(T), ..*verified.request() };
        let signed = SignedRequest::sign(&request, &Signer::new(&postings_key()), &charter());
        signed.verify(&charter()).unwrap()
    });
    let attached = right.attachment().unwrap().as_bytes().to_vec();
    let chain = Chain::new(late.collect(), Some(attached)).unwrap();
    assert_eq!(world.code(chain, V + 1), Code::Done);
    let disk = disk_of(&world);
    let (report, _) = inquest(&disk, world.auction(), Some(&bytes));
    assert!(named(&report)[0].contains("no transcript counts"), "{:?}", named(&report));
    assert!(matches!(report.misdeeds[0].undone(), Undone::Left(_)));
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk))).unwrap();
    assert!(deed.contains("not the transcript's"), "{deed}");
}

/// A ticket as the server signs it, for a key that nobody is bonded for.
pub fn unfunded(world: &World, bidder: u8) -> BondTicket {
    let key = crate::world::bidder(bidder).public();
    BondTicket::sign(world.auction(), key, Level(6), Time(T), &server())
}

#[test]
fn a_shill_with_a_ticket_without_funds_is_found_though_he_loses() {
    let mut world = World::new(&Setting::default());
    world.bond(1, 6);
    // Bidder 0 is the seller's shill: he drives the price and risks nothing.
    let ticket = unfunded(&world, 0);
    let bytes = world.run_with(&[(0, 4), (1, 5)], &[(0, ticket.clone())]);
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let expected =
        Misdeed::Unfunded { auction: world.auction(), bidder: bidder(0).public() }.to_string();
    let disk = disk_of(&world);
    let (report, _) = inquest(&disk, world.auction(), Some(&bytes));
    assert!(named(&report)[0].contains(&expected), "{:?}", named(&report));
    assert_eq!(world.audit(Some(bytes.clone())).unwrap_err().to_string(), expected);

    // A void auction: the transcript decided nothing, and shows the ticket all the same.
    let mut world = World::new(&Setting::default());
    world.bond(1, 6);
    let ticket_of_void = unfunded(&world, 0);
    let bytes = world.run_with(&[(0, 4), (1, 5)], &[(0, ticket_of_void)]);
    let void = world.void(V);
    assert_eq!(world.code(void, V), Code::Done);
    assert!(world.audit(None).is_ok(), "without the transcript nobody knows of it");
    assert_eq!(world.audit(Some(bytes)).unwrap_err().to_string(), expected);

    // A ticket that was never used, kept by whoever got it.
    let mut history = History::new(charter(), |_: &Digest| None, in_memory::rng(3));
    history.hold_ticket(world.spec.clone(), ticket).unwrap();
    inquire_with(&mut disk_of(&world), &charter(), &Held::default(), &mut history)
        .map(|(report, _)| assert!(named(&report)[0].contains(&expected)))
        .unwrap();
}

#[test]
fn a_ticket_alone_is_an_accusation_and_with_the_journal_it_is_decided() {
    let mut world = World::new(&Setting::default());
    world.bond(1, 6);
    let bytes = world.run(&[(1, 5)]);
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let disk = disk_of(&world);
    let head = {
        let keeper = keeper(&disk);
        keeper.release(keeper.head()).unwrap()
    };
    let evidence = |ticket: BondTicket| TicketEvidence {
        charter: CharterParts::from(&charter()),
        spec: world.spec.signed().clone(),
        ticket,
        head: Some(head),
        bond: None,
    };
    let false_one = evidence(unfunded(&world, 0));
    let ruling = false_one.judge().unwrap();
    assert_eq!((ruling.convicted.len(), ruling.open.len()), (0, 1));
    let ruling = false_one.judge_with(&mut disk.clone(), in_memory::rng(1)).unwrap();
    assert_eq!(ruling.convicted[0].role, Role::Server);
    // Another journal than the one that the head covers decides nothing.
    let other = disk_of(&World::new(&Setting::default()));
    let ruling = false_one.judge_with(&mut other.clone(), in_memory::rng(1)).unwrap();
    assert_eq!((ruling.convicted.len(), ruling.open.len()), (0, 1));
    // A funded one: the journal clears the server, and so does its receipt.
    let bond = world.state().bond(&bidder(1).public()).unwrap();
    let funded = evidence(bond.ticket(&server()));
    let ruling = funded.judge_with(&mut disk.clone(), in_memory::rng(1)).unwrap();
    assert_eq!((ruling.convicted.len(), ruling.open.len()), (0, 0));
    let answer = receipt(&disk, account(&account_key(1)), id(1_001));
    let answered = TicketEvidence { bond: Some(answer.clone()), ..funded };
    assert!(answered.judge().unwrap().open.is_empty());
    let of_another = TicketEvidence { bond: Some(answer), ..false_one };
    assert_eq!(of_another.judge().unwrap().open.len(), 1, "the receipt of another's bond");
}

/// A sale with something else sealed to the winner's delivery key.
pub fn with_garbage(world: &mut World, bytes: &[u8]) -> Chain {
    let right = world.decision(bytes, 5_000);
    let Some(Attached::Sale(record)) = Attached::read(right.attachment().unwrap()).unwrap() else {
        panic!("no sale")
    };
    let garbage = settlement::goods::GoodsKey::from_bytes(&[66; 32]);
    let mut rng = in_memory::rng(13);
    let to = record.delivery.clone();
    let key = SealedKey::seal(&garbage, &to, Purpose::Delivery, &record.auction, &mut rng);
    let record = SaleRecord { key: key.unwrap(), ..record };
    Chain::new(right.requests().to_vec(), Some(Attached::Sale(record).to_bytes())).unwrap()
}

#[test]
fn garbage_sealed_to_the_winner_convicts_once_he_gives_his_delivery_secret() {
    let secret = |i: u8| {
        let opening = OpeningKey::derive(bidder(i).seed(), Purpose::Delivery);
        Some(GivenSecret(*opening.to_bytes()))
    };
    let (mut world, bytes) = sold();
    let chain = with_garbage(&mut world, &bytes);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let disk = disk_of(&world);
    let (decision, order) =
        (decision_of(&world, &disk), receipt(&disk, account(&account_key(1)), id(1_001)));
    let case = PaymentEvidence { order: Some(order), ..evidence(&bytes, decision) };
    assert_eq!(convicts_server(&case), None, "nobody can see it without the secret");
    let opened = PaymentEvidence { delivery: secret(1), ..case.clone() };
    assert!(convicts_server(&opened).unwrap().contains("garbage"));
    // Another's secret proves nothing.
    let wrong = PaymentEvidence { delivery: secret(0), ..case };
    assert_eq!(convicts_server(&wrong), None);
    let ruling = wrong.judge(&mut in_memory::rng(5)).unwrap();
    assert!(ruling.open.iter().any(|words| words.contains("proves nothing")), "{ruling:?}");
    // The right key clears the server.
    let (mut world, bytes) = sold();
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    let decision = decision_of(&world, &disk_of(&world));
    let honest = PaymentEvidence { delivery: secret(1), ..evidence(&bytes, decision) };
    assert_eq!(convicts_server(&honest), None);
    let ruling = honest.judge(&mut in_memory::rng(5)).unwrap();
    assert!(ruling.proved.iter().any(|words| words.contains("that was in escrow to")));
}

#[test]
fn no_sale_and_void_are_judged_by_their_signed_requests_and_not_by_their_records() {
    let mut world = World::new(&Setting::default());
    let empty = world.run(&[]);
    let right = world.decision(&empty, 5_000);
    let record = right.attachment().unwrap().as_bytes().to_vec();
    // A right record on a request that is no decision.
    let cancel = Action::Cancel { account: world.escrow() };
    let stray = world.signed(&postings_key(), 900, cancel);
    let forged = Chain::new(vec![stray], Some(record)).unwrap();
    assert_eq!(world.code(forged, 5_000), Code::Done);
    let disk = disk_of(&world);
    let deed = convicts_server(&evidence(&empty, receipt(&disk, world.escrow(), id(900))));
    assert!(deed.unwrap().contains("requests of another kind"));
    // The right one.
    let mut world = World::new(&Setting::default());
    let empty = world.run(&[]);
    let right = world.decision(&empty, 5_000);
    assert_eq!(world.code(right, 5_000), Code::Done);
    let honest = evidence(&empty, decision_of(&world, &disk_of(&world)));
    assert_eq!(convicts_server(&honest), None);
    // Nothing sold where there was a sale; void before V.
    let (mut world, bytes) = sold();
    let transcript = world.prove(&bytes).transcript();
    let none = NoSaleRecord { auction: world.auction(), transcript, early_close: None };
    let request = right_no_sale(&world);
    let chain = Chain::new(vec![request.clone()], Some(Attached::NoSale(none).to_bytes())).unwrap();
    assert_eq!(world.code(chain, 5_000), Code::Done);
    let disk = disk_of(&world);
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk)));
    assert!(deed.unwrap().contains("there was a sale"));
    let (mut world, bytes) = sold();
    let void = world.void(V);
    assert_eq!(world.code(void, V - 5), Code::Done);
    let disk = disk_of(&world);
    let deed = convicts_server(&evidence(&bytes, decision_of(&world, &disk)));
    assert!(deed.unwrap().contains("before V"));
}

fn right_no_sale(world: &World) -> settlement::ledger::VerifiedRequest {
    let key = settlement::auctions::postings::decision_key(world.state().registered());
    let cancel = Action::Cancel { account: world.escrow() };
    world.signed_until(&postings_key(), key.id.get(), V, cancel)
}
