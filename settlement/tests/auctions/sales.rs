//! Sales, ties, fees, no sale: what the transcript says is what the ledger does.

use auction::money::Amount;
use auction::prices::{Level, PriceLadder};
use auction::spec::Rule;
use settlement::auctions::Decided;
use settlement::ledger::Code;
use settlement::sealed_key::Purpose;

use crate::world::goods::opening_of;
use crate::world::{
    RICH, Setting, V, World, account, account_key, bidder, house, seller, winner_of,
};

const RICH_I: i128 = RICH as i128;

/// Runs an auction of these bids, settles it and checks every account against what the clear
/// auction gives: winner `i` pays `price`, of which the house gets `fee`.
fn settles(setting: &Setting, bids: &[(u8, u32)], winners: &[u8], price: u64, fee: u64) {
    let mut world = World::new(setting);
    for (i, _) in bids {
        world.bond(*i, 6);
    }
    let held = world.state().bond(&bidder(bids[0].0).public()).unwrap().bond().amount.get();
    assert_eq!(world.has(account(&account_key(bids[0].0))).1, u128::from(held));
    let bytes = world.run(bids);
    let (winner, paid) = winner_of(&bytes, &mut world.rng).unwrap();
    let winner = winners.iter().find(|i| bidder(**i).public() == winner).expect("a right winner");
    assert_eq!(paid, Amount(price));

    let chain = world.decision(&bytes, 5_000);
    assert_eq!(world.code(chain.clone(), 5_000), Code::Done);
    let Some(Decided::Sale(record)) = world.state().decided() else { panic!("no sale") };
    assert_eq!((record.winner, record.price, record.fee.0), (bidder(*winner).public(), paid, fee));
    // The winner alone opens the goods key.
    let open = |i: u8| record.key.open(&opening_of(&bidder(i)), Purpose::Delivery, &record.auction);
    assert_eq!(open(*winner).unwrap().hash(), record.key_hash);
    assert!(open(7).is_err());
    // The winner's bond is gone whole, what it held beyond the price too.
    assert_eq!(world.has(account(&account_key(*winner))), (RICH_I - i128::from(price), 0));
    assert_eq!(world.has(account(&seller())), (RICH_I + i128::from(price - fee), 0));
    assert_eq!(world.has(account(&house())), (RICH_I + i128::from(fee), 0));
    assert_eq!(world.has(world.escrow()), (0, 0));

    // A repeat changes nothing.
    let state = world.ledger.digest();
    assert_eq!(world.code(chain, 5_100), Code::Done);
    assert_eq!(world.ledger.digest(), state);

    assert_eq!(world.release_all(5_200), usize::from(bids.len() > 1));
    for (i, _) in bids.iter().filter(|(i, _)| i != winner) {
        assert_eq!(world.has(account(&account_key(*i))), (RICH_I, 0));
    }
    assert_eq!(world.ledger.live_holds(), 0);
    let summary = world.audit(Some(bytes)).unwrap();
    assert_eq!((summary.sales, summary.bonds), (1, bids.len() as u64));
    assert!(summary.late.is_empty());
}

#[test]
fn the_second_price_is_paid_with_its_fee() {
    // 5 flat and 2.5 % of 10.50 EUR.
    settles(&Setting::default(), &[(0, 2), (1, 5), (2, 1)], &[1], 1_050, 5 + 26);
}

#[test]
fn the_first_price_is_paid() {
    let setting = Setting { rule: Rule::FirstPrice, ..Setting::default() };
    settles(&setting, &[(0, 2), (1, 5), (2, 1)], &[1], 1_200, 5 + 30);
}

#[test]
fn one_of_the_tied_pays_what_both_bid() {
    settles(&Setting::default(), &[(0, 4), (1, 4), (2, 2)], &[0, 1], 1_150, 5 + 28);
    let first = Setting { rule: Rule::FirstPrice, ..Setting::default() };
    settles(&first, &[(0, 4), (1, 4), (2, 2)], &[0, 1], 1_150, 5 + 28);
}

#[test]
fn a_lone_bidder_pays_the_lowest_price() {
    settles(&Setting::default(), &[(3, 6)], &[3], 1_000, 5 + 25);
}

#[test]
fn without_a_fee_the_seller_gets_all() {
    settles(&Setting { fee: None, ..Setting::default() }, &[(0, 2), (1, 5)], &[1], 1_050, 0);
    settles(
        &Setting { fee: Some((0, 0)), ..Setting::default() },
        &[(0, 2), (1, 5)],
        &[1],
        1_050,
        0,
    );
}

#[test]
fn the_fee_may_be_flat_a_part_or_all() {
    let with = |fee| Setting { fee: Some(fee), ..Setting::default() };
    settles(&with((7, 0)), &[(0, 2), (1, 5)], &[1], 1_050, 7);
    settles(&with((0, 1)), &[(0, 2), (1, 5)], &[1], 1_050, 0);
    settles(&with((0, 10_000)), &[(0, 2), (1, 5)], &[1], 1_050, 1_050);
}

#[test]
fn a_price_of_zero_moves_nothing_and_sells_all_the_same() {
    let ladder = PriceLadder::Even { min: Amount(0), tick: Amount(50), levels: 6 };
    let setting = Setting { ladder, fee: Some((0, 500)), ..Setting::default() };
    settles(&setting, &[(0, 1), (1, 6)], &[1], 0, 0);
}

#[test]
fn a_bond_of_a_lower_cover_pays_up_to_it() {
    let mut world = World::new(&Setting { covers: vec![Level(2), Level(6)], ..Setting::default() });
    world.bond(0, 2);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 1)]);
    let chain = world.decision(&bytes, 5_000);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    assert_eq!(world.has(account(&account_key(0))), (RICH_I - 1_000, 0));
}

#[test]
fn without_bids_nothing_is_sold_and_every_bond_comes_back() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 4);
    let bytes = world.run(&[]);
    let chain = world.decision(&bytes, 5_000);
    assert_eq!(world.code(chain.clone(), 5_000), Code::Done);
    assert!(matches!(world.state().decided(), Some(Decided::NoSale(_))));
    assert_eq!(world.release_all(5_001), 1);
    assert_eq!(world.has(account(&account_key(0))), (RICH_I, 0));
    assert_eq!(world.has(account(&seller())), (RICH_I, 0));
    // Nor is it void after that.
    assert_eq!(world.code(chain, V + 1), Code::Done);
    assert_eq!(world.audit(Some(bytes)).unwrap().no_sales, 1);
}

#[test]
fn an_unused_bond_is_released_with_the_losers() {
    let mut world = World::new(&Setting::default());
    for i in 0..4 {
        world.bond(i, 6);
    }
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let chain = world.decision(&bytes, 5_000);
    assert_eq!(world.code(chain, 5_000), Code::Done);
    assert_eq!(world.release_all(5_001), 1);
    for i in [0, 2, 3] {
        assert_eq!(world.has(account(&account_key(i))), (RICH_I, 0));
    }
    world.audit(Some(bytes)).unwrap();
}
