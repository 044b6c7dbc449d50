//! Releasing what is left after a decision: in bounded chains, any number of times.

use settlement::auctions::RELEASES_PER_CHAIN;
use settlement::ledger::{Code, Fate};

use crate::world::{RICH, Setting, T, V, World, account, account_key, key};
use auction::spec::Time;

/// An auction in which so many keys are bonded, all of account 0, and which is void.
fn void_with(bonds: u16) -> World {
    let mut world = World::new(&Setting::default());
    for n in 0..bonds {
        let mut seed = [33; 32];
        seed[..2].copy_from_slice(&n.to_le_bytes());
        let bidder = auction::keys::SecretKey::from_seed(&seed);
        let order = world.order_with(&account_key(0), &bidder, 4, 5_000 + u128::from(n));
        assert_eq!(world.hold(order, 1_500), Code::Done);
    }
    let void = world.void(V);
    assert_eq!(world.code(void, V), Code::Done);
    world
}

#[test]
fn nothing_is_released_before_the_decision() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    assert!(world.releases(5_000, 9).is_empty());
    assert_eq!(world.index.to_release(Time(5_000)).count(), 0);
    assert_eq!(world.index.undecided(Time(5_000)).count(), 1);
    assert_eq!(world.index.undecided(Time(1_999)).count(), 0);
}

#[test]
fn chains_are_bounded_and_go_on_where_a_kill_left_them() {
    let mut world = void_with(150);
    assert_eq!(world.state().holds_left(Time(V)).count(), 150);
    let first = world.releases(V, 1);
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].requests().len(), RELEASES_PER_CHAIN);
    assert_eq!(world.code(first[0].clone(), V), Code::Done);
    // A server that starts again learns from its journal what is left.
    let mut index = settlement::auctions::Index::new(crate::world::charter());
    for (number, time, entry) in &world.journal {
        index.learn(*number, *time, entry);
    }
    world.index = index;
    assert_eq!(world.state().holds_left(Time(V)).count(), 150 - RELEASES_PER_CHAIN);
    assert_eq!(world.release_all(V), 2);
    assert_eq!(world.ledger.live_holds(), 0);
    assert_eq!(world.has(account(&account_key(0))), (i128::from(RICH), 0));
    // The same chain again is the same result.
    assert_eq!(world.code(first[0].clone(), V), Code::Done);
    world.audit(None).unwrap();
}

#[test]
fn a_hold_that_is_gone_already_does_not_stop_the_others() {
    let mut world = void_with(3);
    let whole = world.releases(V, 9).remove(0);
    let hold = world.state().holds_left(Time(V)).next().unwrap();
    let reference = world.state().release_reference().unwrap();
    let registered = world.state().registered();
    let one = world.postings.release(registered, reference, &[hold]).remove(0);
    assert_eq!(world.code(one.clone(), V), Code::Done);
    // What was made before it does not commit any more, and what is made anew does.
    assert_eq!(world.code(whole, V), Code::ChainPartlyKnown);
    assert_eq!(world.release_all(V), 1);
    assert_eq!(world.code(one, V), Code::Done);
    assert_eq!(world.ledger.live_holds(), 0);
}

#[test]
fn a_losers_bond_that_has_expired_counts_as_done() {
    let mut world = void_with(3);
    let late = world.releases(T - 1, 9).remove(0);
    assert_eq!(world.code(late, T), Code::Expired);
    assert!(world.releases(T, 9).is_empty());
    assert_eq!(world.index.to_release(Time(T)).count(), 0);
    let tick = world.order_with(&account_key(1), &key(99), 4, 1);
    assert_eq!(world.hold(tick, T), Code::Expired);
    let record = world.ledger.record(&account(&account_key(0)), crate::world::id(5_000)).unwrap();
    assert_eq!(record.fate, Fate::HoldExpired);
    assert_eq!(world.has(account(&account_key(0))), (i128::from(RICH), 0));
    world.audit(None).unwrap();
}
