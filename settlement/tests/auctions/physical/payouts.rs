//! Where the price goes, once.

use auction::layout::Digest;
use auction::money::Amount;
use auction::physical_terms::Side;
use auction::prices::PriceLadder;
use auction::spec::Time;
use settlement::auctions::physical::{Ground, Saying, Stage, Unheard};
use settlement::ledger::{Chain, Code};

use crate::world::physical::{
    FEE, PRICE, SOLD, T2, T4, awarded, dispatched, disputed, paid, setting, sold,
};
use crate::world::{RICH, Setting, World, account, account_key, bidder, seller};

fn disputed_sale(otherwise: Side) -> (World, Vec<u8>) {
    let (mut world, bytes) = sold(otherwise);
    world.say(dispatched(), 6_000).unwrap();
    world.say(disputed(), 7_000).unwrap();
    (world, bytes)
}

#[test]
fn the_sale_pays_into_escrow_and_nothing_more() {
    let (world, bytes) = sold(Side::Winner);
    assert_eq!(world.gains(), paid(0, 0, 0));
    assert_eq!(world.delivery().in_escrow().unwrap().stage, Stage::Sold);
    assert_eq!(world.has(account(&account_key(1))), (i128::from(RICH - PRICE), 0));
    assert_eq!(world.has(account(&account_key(0))), (i128::from(RICH), 0));
    let summary = world.audit(Some(bytes)).unwrap();
    assert_eq!((summary.sales, summary.payouts, summary.in_escrow), (1, 0, 1));
    assert!(summary.late.is_empty());
}

#[test]
fn the_winners_word_pays_the_seller_less_the_fee() {
    let (mut world, bytes) = sold(Side::Winner);
    world.say(dispatched(), 6_000).unwrap();
    assert_eq!(world.gains(), paid(0, 0, 0));
    world.say(Saying::Received, 7_000).unwrap();
    assert_eq!(world.gains(), paid(PRICE - FEE, FEE, 0));
    let summary = world.audit(Some(bytes)).unwrap();
    assert_eq!((summary.sales, summary.payouts, summary.in_escrow), (1, 1, 0));
    // Handed over without a carrier.
    let (mut world, bytes) = sold(Side::Winner);
    world.say(Saying::Received, 6_000).unwrap();
    assert_eq!(world.gains(), paid(PRICE - FEE, FEE, 0));
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn an_award_divides_the_price_and_takes_the_fee_in_proportion() {
    // 31 * 500 / 1050 is 14 and a bit.
    for (to_seller, fee) in [(0, 0), (1, 0), (500, 14), (PRICE - 1, 30), (PRICE, FEE)] {
        let (mut world, bytes) = disputed_sale(Side::Seller);
        assert_eq!(world.gains(), paid(0, 0, 0));
        world.say(awarded(to_seller), 8_000).unwrap();
        assert_eq!(world.gains(), paid(to_seller - fee, fee, PRICE - to_seller));
        assert_eq!(world.audit(Some(bytes)).unwrap().payouts, 1);
    }
}

#[test]
fn an_award_that_is_not_the_price_or_without_a_dispute_is_none() {
    let (mut world, _) = sold(Side::Winner);
    assert_eq!(world.say(awarded(500), 6_000), Err(Unheard::NotDisputed));
    world.say(dispatched(), 6_000).unwrap();
    assert_eq!(world.say(awarded(500), 6_000), Err(Unheard::NotDisputed));
    world.say(disputed(), 7_000).unwrap();
    let wrong = [(PRICE + 1, 0), (PRICE, 1), (0, PRICE - 1), (u64::MAX, PRICE + 1), (0, 0)];
    for (to_seller, to_winner) in wrong {
        let (to_seller, to_winner) = (Amount(to_seller), Amount(to_winner));
        let saying = Saying::Awarded { to_seller, to_winner, reason: "so".to_owned() };
        let price = Amount(PRICE);
        let refused = Unheard::NotThePrice { to_seller, to_winner, price };
        assert_eq!(world.say(saying, 8_000), Err(refused));
    }
    assert_eq!(world.gains(), paid(0, 0, 0));
}

#[test]
fn what_comes_first_stands() {
    // Dispatched twice, with another text the second time; the same again changes nothing.
    let (mut world, bytes) = sold(Side::Winner);
    world.say(dispatched(), 6_000).unwrap();
    let journal = world.journal.len();
    world.say(dispatched(), 6_500).unwrap();
    assert_eq!(world.journal.len(), journal);
    let other = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    assert_eq!(world.say(other.clone(), 6_500), Err(Unheard::Said));
    // Two disputes.
    world.say(disputed(), 7_000).unwrap();
    let again = Saying::Disputed { reason: "it is broken".to_owned() };
    assert_eq!(world.say(again, 7_500), Err(Unheard::Said));
    assert_eq!(world.say(other, 7_500), Err(Unheard::Said));
    // Two awards, and whatever may come after one.
    world.say(awarded(500), 8_000).unwrap();
    let gains = world.gains();
    world.say(awarded(500), 8_500).unwrap();
    for late in [awarded(501), Saying::Received, Saying::Disputed { reason: "no".to_owned() }] {
        assert_eq!(world.say(late, 8_500), Err(Unheard::PaidOut));
    }
    assert_eq!(world.tick(T4), Err(Unheard::PaidOut));
    assert_eq!(world.gains(), gains);
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn a_dispute_needs_a_dispatch_and_a_confirmation_ends_it() {
    let (mut world, _) = sold(Side::Winner);
    assert_eq!(world.say(disputed(), 6_000), Err(Unheard::NotDispatched));
    world.say(dispatched(), 6_000).unwrap();
    world.say(Saying::Received, 6_500).unwrap();
    assert_eq!(world.say(disputed(), 7_000), Err(Unheard::PaidOut));
    let (mut world, bytes) = disputed_sale(Side::Winner);
    world.say(Saying::Received, 8_000).unwrap();
    assert_eq!(world.gains(), paid(PRICE - FEE, FEE, 0));
    assert_eq!(world.say(awarded(0), 8_500), Err(Unheard::PaidOut));
    let record = world.delivery().paid_out().unwrap().record.clone().unwrap();
    assert!(matches!(record.ground, Ground::Received(_)));
    world.audit(Some(bytes)).unwrap();
}

/// Two chains that were made of one state: whichever the journal has first stands, and the other
/// moves nothing.
#[test]
fn of_two_payouts_made_at_once_one_is_made() {
    let sayings = [Saying::Received, awarded(500), awarded(0), awarded(PRICE)];
    for first in &sayings {
        for second in &sayings {
            let (mut world, bytes) = disputed_sale(Side::Winner);
            let made = |saying: &Saying| {
                world.chain_of(&world.word(saying.clone()), 8_000).unwrap().unwrap()
            };
            let (one, other) = (made(first), made(second));
            assert_eq!(world.code(one.clone(), 8_000), Code::Done);
            let (gains, state) = (world.gains(), world.ledger.digest());
            let code = world.code(other, 8_000);
            assert_eq!(code == Code::Done, first == second, "{first:?}, then {second:?}: {code:?}");
            // And what was lost on its way may come again.
            assert_eq!(world.code(one, 8_500), Code::Done);
            assert_eq!((world.gains(), world.ledger.digest()), (gains, state));
            world.audit(Some(bytes)).unwrap();
        }
    }
}

#[test]
fn of_two_dispatches_made_at_once_one_is_noted() {
    let (mut world, bytes) = sold(Side::Winner);
    let other = Saying::Dispatched { tracking: "parcel 8".to_owned() };
    let made = |saying: Saying| world.chain_of(&world.word(saying), 6_000).unwrap().unwrap();
    let (one, other) = (made(dispatched()), made(other));
    assert_eq!(world.code(one.clone(), 6_000), Code::Done);
    assert_eq!(world.code(other, 6_000), Code::AttachmentConflict);
    assert_eq!(world.code(one, 6_000), Code::Done);
    assert_eq!(*world.delivery().dispatched().unwrap().word.saying(), dispatched());
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn a_confirmation_and_a_dispute_made_at_once_both_count() {
    let (mut world, bytes) = sold(Side::Winner);
    world.say(dispatched(), 6_000).unwrap();
    let made = |saying: Saying| world.chain_of(&world.word(saying), 7_000).unwrap().unwrap();
    let (dispute, confirmation) = (made(disputed()), made(Saying::Received));
    assert_eq!(world.code(dispute, 7_000), Code::Done);
    assert_eq!(world.code(confirmation, 7_000), Code::Done);
    assert_eq!(world.gains(), paid(PRICE - FEE, FEE, 0));
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn a_price_of_nothing_is_paid_out_like_any_other() {
    let ladder = PriceLadder::Even { min: Amount(0), tick: Amount(50), levels: 6 };
    let mut world = World::new(&Setting { ladder, fee: Some((0, 500)), ..setting(Side::Winner) });
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 1), (1, 6)]);
    let sale = world.decision(&bytes, SOLD);
    assert_eq!(world.code(sale, SOLD), Code::Done);
    world.release_all(SOLD);
    let rich = i128::from(RICH);
    assert_eq!(world.has(account(&account_key(1))), (rich, 0));
    world.say(dispatched(), 6_000).unwrap();
    world.say(disputed(), 7_000).unwrap();
    let nothing = Amount(0);
    let saying =
        Saying::Awarded { to_seller: nothing, to_winner: nothing, reason: "none".to_owned() };
    world.say(saying, 8_000).unwrap();
    assert_eq!(world.delivery().paid_out().unwrap().record.as_ref().unwrap().shares.winner.0, 0);
    assert_eq!(world.has(account(&seller())), (rich, 0));
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn without_a_fee_every_unit_is_a_sides() {
    let mut world = World::new(&Setting { fee: None, ..setting(Side::Winner) });
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let sale = world.decision(&bytes, SOLD);
    assert_eq!(world.code(sale, SOLD), Code::Done);
    world.release_all(SOLD);
    world.tick(T2).unwrap();
    assert_eq!(world.gains(), paid(0, 0, PRICE));
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn nothing_is_heard_before_the_sale_or_where_nothing_was_sold() {
    let mut world = World::new(&setting(Side::Winner));
    world.bond(0, 6);
    assert!(world.state().delivery().is_none());
    let bytes = world.run(&[]);
    let none = world.decision(&bytes, SOLD);
    assert_eq!(world.code(none, SOLD), Code::Done);
    assert!(world.state().delivery().is_none());
    assert_eq!(world.index.to_pay_out(Time(T4)).count(), 0);
    // Nor does a word of another sale teach the index anything.
    let (elsewhere, _) = sold(Side::Winner);
    let note = elsewhere.chain_of(&elsewhere.word(dispatched()), 6_000).unwrap().unwrap();
    let chain: Chain = note;
    assert_ne!(elsewhere.auction(), Digest::default());
    assert_eq!(world.code(chain, 6_000), Code::Done);
    assert!(world.state().delivery().is_none());
    assert!(world.audit(Some(bytes)).is_err());
    assert_eq!(bidder(1).public(), elsewhere.delivery().sale().winner);
}
