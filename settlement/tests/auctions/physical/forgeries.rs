//! A server that does with a price in escrow what it must not, convicted by its own journal.

use auction::layout::Digest;
use auction::money::Amount;
use auction::physical_terms::Side;
use auction::spec::Time;
use settlement::auctions::physical::{Ground, Saying, Stage, Unheard, Word, WordRefused};
use settlement::auctions::{Attached, Misdeed, SaleFacts, Undecided};
use settlement::ledger::{Action, Chain, Code, HoldKey, Movement, Sum};

use crate::world::physical::{
    FEE, PRICE, SOLD, T2, T3, T4, arbiter, awarded, dispatched, disputed, forged, forged_to,
    in_stage, paid, setting, shares, speaker,
};
use crate::world::{World, account, account_key, bidder, charter, postings_key, seller};

/// Commits a chain that the ledger takes, and says what the audit finds.
fn convicted(mut world: World, chain: Chain, now: u64, bytes: Vec<u8>) -> Misdeed {
    assert_eq!(world.code(chain, now), Code::Done, "the ledger alone does not see it");
    world.audit(Some(bytes)).unwrap_err()
}

#[test]
fn a_payout_before_its_time() {
    let whole = shares(PRICE - FEE, FEE, 0);
    let back = shares(0, 0, PRICE);
    for (stage, end, ground, shares) in [
        (Stage::Sold, T2, Ground::Undispatched, back),
        (Stage::Dispatched, T3, Ground::Undisputed, whole),
        (Stage::Disputed, T4, Ground::Unawarded, back),
    ] {
        // The right payout, a millisecond early: the postings module itself makes it.
        let (world, bytes) = in_stage(stage);
        let payout = world.delivery().due(Time(end)).unwrap();
        assert_eq!(payout.record().shares, shares);
        let chain = world.payout(&payout, end - 1);
        let early = Misdeed::Delivery(Unheard::TooEarly(stage));
        assert_eq!(convicted(world, chain, end - 1, bytes), early);
        // By hand, under other ids, in time.
        let (world, bytes) = in_stage(stage);
        let chain = forged(&world, ground, shares);
        assert_eq!(convicted(world, chain, end, bytes), Misdeed::Requests("payout"));
    }
}

#[test]
fn a_payout_on_a_ground_that_is_none() {
    let whole = shares(PRICE - FEE, FEE, 0);
    let back = shares(0, 0, PRICE);
    let (all, dear) = (shares(PRICE, 0, 0), shares(PRICE - FEE - 1, FEE + 1, 0));
    for (stage, now, ground, shares) in [
        // To the seller though nothing was dispatched, or back although it was.
        (Stage::Sold, T3, Ground::Undisputed, whole),
        (Stage::Dispatched, T3, Ground::Undispatched, back),
        // As if nobody had disputed.
        (Stage::Disputed, T4, Ground::Undisputed, whole),
        // To the other side than the terms name.
        (Stage::Disputed, T4, Ground::Unawarded, whole),
        // More or less of a fee.
        (Stage::Dispatched, T3, Ground::Undisputed, all),
        (Stage::Dispatched, T3, Ground::Undisputed, dear),
    ] {
        let (world, bytes) = in_stage(stage);
        let chain = forged(&world, ground.clone(), shares);
        let misdeed = convicted(world, chain, now, bytes);
        assert_eq!(misdeed, Misdeed::NotAsProven("payout"), "{stage:?} {ground:?}");
    }
    // Disputed, and paid as if not, before T4.
    let (world, bytes) = in_stage(Stage::Disputed);
    let chain = forged(&world, Ground::Undisputed, whole);
    let early = Misdeed::Delivery(Unheard::TooEarly(Stage::Disputed));
    assert_eq!(convicted(world, chain, T3, bytes), early);
}

#[test]
fn a_payout_to_somebody_else_or_without_a_record() {
    let (world, bytes) = in_stage(Stage::Sold);
    let stranger = account(&account_key(0));
    let back = shares(0, 0, PRICE);
    let chain = forged_to(&world, Ground::Undispatched, back, stranger);
    assert_eq!(convicted(world, chain, T2, bytes), Misdeed::Requests("payout"));
    // The right movements, and nothing that says why.
    let (world, bytes) = in_stage(Stage::Sold);
    let payout = world.delivery().due(Time(T2)).unwrap();
    let bare = Chain::new(world.payout(&payout, T2).requests().to_vec(), None).unwrap();
    assert_eq!(convicted(world, bare, T2, bytes), Misdeed::Requests("release"));
    // Half of what the record says, the rest kept.
    let (world, bytes) = in_stage(Stage::Sold);
    let mut requests = world.payout(&payout, T2).requests().to_vec();
    let all = Attached::Payout(payout.record().clone()).to_bytes();
    let half = Movement {
        debit: world.escrow(),
        credit: account(&account_key(1)),
        amount: Sum::new(PRICE / 2).unwrap(),
        reference: world.delivery().sale().transcript,
    };
    requests[1] = world.signed_until(&postings_key(), 903, T4 * 2, Action::Post(half));
    let chain = Chain::new(requests, Some(all)).unwrap();
    assert_eq!(convicted(world, chain, T2, bytes), Misdeed::Requests("payout"));
}

#[test]
fn a_second_payout() {
    // Under the right ids the ledger itself refuses it; under others there is no money left, unless
    // somebody has paid into the escrow account past the server's door.
    let (mut world, bytes) = in_stage(Stage::Disputed);
    let again = world.chain_of(&world.word(awarded(0)), 8_000).unwrap().unwrap();
    world.say(Saying::Received, 8_000).unwrap();
    assert_ne!(world.code(again, 8_100), Code::Done);
    assert_eq!(world.gains(), paid(PRICE - FEE, FEE, 0));
    let ground = Ground::Awarded(world.word(awarded(0)));
    let twice = forged(&world, ground, shares(0, 0, PRICE));
    assert_eq!(world.code(twice.clone(), 8_200), Code::InsufficientFunds);
    let gift = Movement {
        debit: account(&account_key(4)),
        credit: world.escrow(),
        amount: Sum::new(PRICE).unwrap(),
        reference: Digest::default(),
    };
    let gift = world.signed_until(&account_key(4), 5, T4, Action::Post(gift));
    assert_eq!(world.code(Chain::from(gift), 8_300), Code::Done);
    world.audit(Some(bytes.clone())).unwrap();
    let misdeed = convicted(world, twice, 8_400, bytes);
    assert_eq!(misdeed, Misdeed::Delivery(Unheard::PaidOut));
}

#[test]
fn a_word_that_nobody_signed() {
    let (world, bytes) = in_stage(Stage::Disputed);
    let words = [
        (Saying::Received, shares(PRICE - FEE, FEE, 0)),
        (awarded(500), shares(486, 14, PRICE - 500)),
    ];
    for (saying, shares) in words {
        // The seller's word in place of the winner's or the arbiter's.
        let word = Word::sign(&charter().id(), world.auction(), saying.clone(), &seller()).unwrap();
        let ground = match saying {
            Saying::Received => Ground::Received(word),
            _ => Ground::Awarded(word),
        };
        let chain = forged(&world, ground, shares);
        let misdeed = convicted(world.copy(), chain, 8_000, bytes.clone());
        assert!(matches!(misdeed, Misdeed::Word(WordRefused::Signature { .. })), "{misdeed:?}");
    }
    // A right word for another ground, and one that moves no money.
    let dispute = Ground::Received(world.word(disputed()));
    let chain = forged(&world, dispute, shares(PRICE - FEE, FEE, 0));
    let misdeed = convicted(world.copy(), chain, 8_000, bytes.clone());
    assert_eq!(misdeed, Misdeed::Delivery(Unheard::Said));
    let confirmed = Ground::Awarded(world.word(Saying::Received));
    let chain = forged(&world, confirmed, shares(PRICE - FEE, FEE, 0));
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::NotAsProven("payout"));
}

#[test]
fn an_award_above_the_price_or_paid_otherwise_than_it_says() {
    let (world, bytes) = in_stage(Stage::Disputed);
    let (to_seller, to_winner) = (Amount(PRICE + 1), Amount(0));
    let saying = Saying::Awarded { to_seller, to_winner, reason: "so".to_owned() };
    let word = Word::sign(&charter().id(), world.auction(), saying, &arbiter()).unwrap();
    let chain = forged(&world, Ground::Awarded(word), shares(PRICE - FEE, FEE, 0));
    let price = Amount(PRICE);
    let wrong = Misdeed::Delivery(Unheard::NotThePrice { to_seller, to_winner, price });
    assert_eq!(convicted(world.copy(), chain, 8_000, bytes.clone()), wrong);
    let word = world.word(awarded(500));
    let chain = forged(&world, Ground::Awarded(word), shares(500, 0, PRICE - 500));
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::NotAsProven("payout"));
    // Without a dispute.
    let (world, bytes) = in_stage(Stage::Dispatched);
    let word = world.word(awarded(500));
    let chain = forged(&world, Ground::Awarded(word), shares(486, 14, PRICE - 500));
    let misdeed = convicted(world, chain, 8_000, bytes);
    assert_eq!(misdeed, Misdeed::Delivery(Unheard::NotDisputed));
}

/// A word journaled under an id of one's own making, good for as long as is wanted.
fn noted(world: &World, word: &Word) -> Chain {
    let cancel = Action::Cancel { account: world.escrow() };
    let request = world.signed_until(&postings_key(), 950, T4 * 2, cancel);
    Chain::new(vec![request], Some(Attached::Word(word.clone()).to_bytes())).unwrap()
}

#[test]
fn a_word_journaled_after_its_time_or_in_anothers_place() {
    let late = |stage| Misdeed::Delivery(Unheard::TooLate(stage));
    for (stage, end, saying) in
        [(Stage::Sold, T2, dispatched()), (Stage::Dispatched, T3, disputed())]
    {
        let (world, bytes) = in_stage(stage);
        let chain = noted(&world, &world.word(saying.clone()));
        assert_eq!(convicted(world, chain, end, bytes), late(stage));
        // In time, and where nobody finds it.
        let (world, bytes) = in_stage(stage);
        let chain = noted(&world, &world.word(saying));
        assert_eq!(convicted(world, chain, end - 1, bytes), Misdeed::Requests("word"));
    }
    // A confirmation that pays nobody.
    let (world, bytes) = in_stage(Stage::Dispatched);
    let chain = noted(&world, &world.word(Saying::Received));
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::Requests("word"));
    // Made in time of what was so, and journaled after the price had left escrow.
    let (mut world, bytes) = in_stage(Stage::Sold);
    let chain = world.chain_of(&world.word(dispatched()), 7_000).unwrap().unwrap();
    world.say(Saying::Received, 7_000).unwrap();
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::Delivery(Unheard::PaidOut));
    // A second dispatch, and a word by nobody who may.
    let (world, bytes) = in_stage(Stage::Dispatched);
    let second = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    let chain = noted(&world, &world.word(second.clone()));
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::Delivery(Unheard::Said));
    let (world, bytes) = in_stage(Stage::Sold);
    let word = Word::sign(&charter().id(), world.auction(), second, &seller()).unwrap();
    let chain = noted(&world, &word);
    let misdeed = convicted(world, chain, 8_000, bytes);
    assert!(matches!(misdeed, Misdeed::Word(WordRefused::Signature { .. })), "{misdeed:?}");
}

#[test]
fn a_word_about_what_was_not_sold() {
    // Before the sale, and about an auction that nobody knows.
    let mut world = World::new(&setting(Side::Winner));
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let word = Word::sign(&charter().id(), world.auction(), dispatched(), &speaker(&dispatched()));
    let word = word.unwrap();
    let chain = noted(&world, &word);
    let auction = world.auction();
    assert_eq!(world.code(chain, 1_900), Code::Done);
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::NotSold(auction)));
    let (world, bytes) = in_stage(Stage::Sold);
    let nowhere = Digest([9; 32]);
    let word = Word::sign(&charter().id(), nowhere, dispatched(), &speaker(&dispatched()));
    let chain = noted(&world, &word.unwrap());
    assert_eq!(convicted(world, chain, 8_000, bytes), Misdeed::Unregistered(nowhere));
}

type Change = fn(&mut SaleFacts);

#[test]
fn a_sale_into_escrow_that_is_not_what_the_transcript_gives() {
    let changes: [(&str, Change); 4] = [
        ("winner", |sale| sale.winner = bidder(0).public()),
        ("hold", |sale| sale.hold = HoldKey { account: account(&account_key(0)), ..sale.hold }),
        ("price", |sale| sale.price = Amount(1)),
        ("fee", |sale| sale.fee = Amount(0)),
    ];
    let ready = || {
        let mut world = World::new(&setting(Side::Winner));
        world.bond(0, 6);
        world.bond(1, 6);
        let bytes = world.run(&[(0, 2), (1, 5)]);
        let chain = world.decision(&bytes, SOLD);
        (world, bytes, chain)
    };
    let (world, bytes, chain) = ready();
    let Some(Attached::PhysicalSale(sale)) = Attached::read(chain.attachment().unwrap()).unwrap()
    else {
        panic!("no sale of physical goods");
    };
    for (what, change) in changes {
        let mut altered = sale.clone();
        change(&mut altered);
        let bytes_of = Attached::PhysicalSale(altered).to_bytes();
        let chain = Chain::new(chain.requests().to_vec(), Some(bytes_of)).unwrap();
        let misdeed = convicted(world.copy(), chain, SOLD, bytes.clone());
        assert_eq!(misdeed, Misdeed::NotAsProven(what));
    }
    // By a transcript that nobody has.
    let named = SaleFacts { transcript: Digest([1; 32]), ..sale.clone() };
    let named = Attached::PhysicalSale(named).to_bytes();
    let unseen = Chain::new(chain.requests().to_vec(), Some(named)).unwrap();
    let misdeed = convicted(world.copy(), unseen, SOLD, bytes.clone());
    assert_eq!(misdeed, Misdeed::NoTranscript(world.auction()));
    // Paid to the seller at once, beside the right record.
    let at_once = Movement {
        debit: world.escrow(),
        credit: account(&seller()),
        amount: Sum::new(PRICE).unwrap(),
        reference: sale.transcript,
    };
    let mut requests = chain.requests().to_vec();
    requests.push(world.signed(&postings_key(), 900, Action::Post(at_once)));
    let record = chain.attachment().unwrap().as_bytes().to_vec();
    let paid_at_once = Chain::new(requests, Some(record)).unwrap();
    let misdeed = convicted(world.copy(), paid_at_once, SOLD, bytes.clone());
    assert_eq!(misdeed, Misdeed::Requests("sale"));
    // Sold twice.
    let (mut world, bytes, chain) = ready();
    assert_eq!(world.code(chain.clone(), SOLD), Code::Done);
    let cancel = Action::Cancel { account: world.escrow() };
    let request = world.signed(&postings_key(), 901, cancel);
    let record = chain.attachment().unwrap().as_bytes().to_vec();
    let second = Chain::new(vec![request], Some(record)).unwrap();
    let misdeed = convicted(world, second, 6_000, bytes);
    assert_eq!(misdeed, Misdeed::Decision(Undecided::Decided));
}

#[test]
fn a_price_that_has_gone_from_escrow_without_a_payout() {
    let (mut world, bytes) = in_stage(Stage::Sold);
    let away = Movement {
        debit: world.escrow(),
        credit: account(&account_key(7)),
        amount: Sum::new(PRICE).unwrap(),
        reference: Digest::default(),
    };
    let post = world.signed(&postings_key(), 900, Action::Post(away));
    assert_eq!(world.code(Chain::from(post), 8_000), Code::Done);
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::Requests("release")));
}

#[test]
fn damaged_records_are_payouts_all_the_same() {
    let (mut world, bytes) = in_stage(Stage::Sold);
    let payout = world.delivery().due(Time(T2)).unwrap();
    let requests = world.payout(&payout, T2).requests().to_vec();
    let chain = Chain::new(requests, Some(vec![9, 1])).unwrap();
    assert_eq!(world.code(chain, T2), Code::Done);
    let paid_out = world.delivery().paid_out().unwrap();
    assert_eq!((paid_out.record.as_ref(), paid_out.time), (None, Time(T2)));
    assert_eq!(world.delivery().due(Time(T4)), Err(Unheard::PaidOut));
    assert!(matches!(world.audit(Some(bytes)), Err(Misdeed::Unreadable(_))));
    world.restart();
}
