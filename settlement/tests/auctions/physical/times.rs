//! T2, T3 and T4, to the millisecond: by the decision, and by the ledger where a chain was made in
//! time and came too late.

use auction::physical_terms::Side;
use auction::spec::Time;
use settlement::auctions::physical::{Ground, Saying, Stage, Unheard};
use settlement::ledger::{Code, MAX_AHEAD_MS};

use crate::world::physical::{FEE, PRICE, T2, T3, T4, awarded, dispatched, disputed, paid, sold};
use crate::world::{T, World};

/// A sale in a stage, in which this side gets the price at T4.
fn at(stage: Stage, otherwise: Side) -> (World, Vec<u8>) {
    let (mut world, bytes) = sold(otherwise);
    let words = [(Stage::Dispatched, dispatched(), 6_000), (Stage::Disputed, disputed(), 7_000)];
    for (reached, saying, now) in words {
        if stage >= reached {
            world.say(saying, now).unwrap();
        }
    }
    (world, bytes)
}

/// Each stage, its end, and what a word in it does.
fn words() -> [(Stage, u64, Saying); 6] {
    [
        (Stage::Sold, T2, dispatched()),
        (Stage::Sold, T2, Saying::Received),
        (Stage::Dispatched, T3, disputed()),
        (Stage::Dispatched, T3, Saying::Received),
        (Stage::Disputed, T4, awarded(500)),
        (Stage::Disputed, T4, Saying::Received),
    ]
}

#[test]
fn a_word_counts_until_the_last_millisecond_of_its_stage() {
    for (stage, end, saying) in words() {
        let (mut world, bytes) = at(stage, Side::Winner);
        world.say(saying.clone(), end - 1).unwrap();
        world.audit(Some(bytes)).unwrap();
        for late in [end, end + 1, T4 + 1] {
            let (mut world, _) = at(stage, Side::Winner);
            assert_eq!(world.say(saying.clone(), late), Err(Unheard::TooLate(stage)));
            assert_eq!(world.gains(), paid(0, 0, 0));
        }
    }
}

#[test]
fn the_ledger_itself_refuses_a_word_that_was_in_time_and_comes_late() {
    for (stage, end, saying) in words() {
        let (mut world, _) = at(stage, Side::Winner);
        let chain = world.chain_of(&world.word(saying), end - 1).unwrap().unwrap();
        assert_eq!(world.code(chain.clone(), end), Code::Expired, "{stage:?}");
        // Nor when the clock goes back afterwards: the journal does not.
        assert_eq!(world.code(chain, end - 1), Code::Expired);
        assert_eq!(world.gains(), paid(0, 0, 0));
        world.tick(end).unwrap();
    }
}

#[test]
fn each_end_sends_the_price_where_the_terms_say() {
    let whole = paid(PRICE - FEE, FEE, 0);
    let back = paid(0, 0, PRICE);
    for (stage, end, otherwise, gains) in [
        (Stage::Sold, T2, Side::Winner, back),
        (Stage::Sold, T2, Side::Seller, back),
        (Stage::Dispatched, T3, Side::Winner, whole),
        (Stage::Dispatched, T3, Side::Seller, whole),
        (Stage::Disputed, T4, Side::Winner, back),
        (Stage::Disputed, T4, Side::Seller, whole),
    ] {
        let (mut world, bytes) = at(stage, otherwise);
        assert_eq!(world.tick(end - 1), Err(Unheard::TooEarly(stage)));
        assert_eq!(world.index.to_pay_out(Time(end - 1)).count(), 0);
        assert_eq!(world.index.to_pay_out(Time(end)).count(), 1);
        world.tick(end).unwrap();
        assert_eq!(world.gains(), gains, "{stage:?} {otherwise}");
        assert_eq!(world.index.to_pay_out(Time(T4)).count(), 0);
        let record = world.delivery().paid_out().unwrap().record.clone().unwrap();
        let ground = match stage {
            Stage::Sold => Ground::Undispatched,
            Stage::Dispatched => Ground::Undisputed,
            Stage::Disputed => Ground::Unawarded,
        };
        assert_eq!(record.ground, ground);
        // Again, and whatever anybody says now.
        assert_eq!(world.tick(T4), Err(Unheard::PaidOut));
        for saying in [awarded(1), Saying::Received] {
            assert_eq!(world.say(saying, end), Err(Unheard::PaidOut));
        }
        assert_eq!(world.audit(Some(bytes)).unwrap().payouts, 1);
    }
}

#[test]
fn a_word_in_the_last_millisecond_comes_before_the_payout() {
    // The server looks at its clock, a word is committed, and the payout is made of what it saw.
    let (mut world, bytes) = at(Stage::Sold, Side::Winner);
    let stale = world.delivery().due(Time(T2)).unwrap();
    let stale = world.payout(&stale, T2);
    world.say(dispatched(), T2 - 1).unwrap();
    // It asks the journal for the time and looks again: nothing is due any more.
    assert_eq!(world.tick(T2), Err(Unheard::TooEarly(Stage::Dispatched)));
    assert_eq!(world.gains(), paid(0, 0, 0));
    world.audit(Some(bytes.clone())).unwrap();
    // A server that does not look again is convicted.
    assert_eq!(world.code(stale, T2), Code::Done);
    assert!(world.audit(Some(bytes)).is_err());
}

#[test]
fn a_server_that_was_down_for_years_pays_out_all_the_same() {
    let years = 20 * 365 * 24 * 3600 * 1000;
    for (stage, gains) in [
        (Stage::Sold, paid(0, 0, PRICE)),
        (Stage::Dispatched, paid(PRICE - FEE, FEE, 0)),
        (Stage::Disputed, paid(0, 0, PRICE)),
    ] {
        let (mut world, bytes) = at(stage, Side::Winner);
        world.restart();
        let late = world.audit(Some(bytes.clone())).unwrap().late;
        assert!(late.is_empty(), "the journal has not reached its time");
        world.tick(T4 + years).unwrap();
        assert_eq!(world.gains(), gains);
        world.audit(Some(bytes)).unwrap();
    }
}

#[test]
fn a_payout_that_is_overdue_in_the_journal_is_late() {
    let (mut world, bytes) = at(Stage::Sold, Side::Winner);
    let ends = world.delivery().in_escrow().unwrap().ends();
    let probe = world.postings.probe(world.state().registered(), ends);
    assert_eq!(world.code(probe, T2), Code::Expired);
    // A probe leaves no entry; the next one tells the time.
    world.deposit_at(&crate::world::account_key(3), 1, T2);
    assert_eq!(world.audit(Some(bytes.clone())).unwrap().late, [world.auction()]);
    world.tick(T2).unwrap();
    assert!(world.audit(Some(bytes)).unwrap().late.is_empty());
}

#[test]
fn every_request_is_within_what_the_ledger_takes() {
    // Made as early as can be, with the latest times that a spec may name.
    let longest = T + auction::physical_terms::LONGEST_ESCROW_MS;
    assert!(longest - T < MAX_AHEAD_MS);
    let (world, _) = at(Stage::Sold, Side::Winner);
    let payout = world.delivery().due(Time(T2)).unwrap();
    let chain = world.payout(&payout, T2);
    for request in chain.requests() {
        let until = request.request().until.0;
        assert!(until > T4 && until - T2 <= MAX_AHEAD_MS);
    }
}
