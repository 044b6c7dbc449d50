//! V and T, to the millisecond: what decides, and what is too late.

use auction::spec::{EarlyClose, Time};
use settlement::auctions::{Attached, Decided, Decision, Misdeed, Undecided, VoidDecision};
use settlement::ledger::{Chain, Code};
use settlement::sealed_key::Purpose;

use crate::world::goods::seal_to;
use crate::world::{CLOSING, RICH, Setting, T, V, World, account, account_key, seller};

fn bonded() -> (World, Vec<u8>) {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    (world, bytes)
}

fn untouched(world: &World) {
    for key in [account_key(0), account_key(1), seller()] {
        assert_eq!(world.has(account(&key)), (i128::from(RICH), 0));
    }
}

#[test]
fn the_middle_between_last_time_and_end_is_v() {
    let (world, _) = bonded();
    assert_eq!(world.state().registered().decided_by(), Time(V));
    assert_eq!(world.state().registered().held_until(), Time(T));
}

#[test]
fn nothing_is_decided_before_closing_or_from_v_on() {
    let (mut world, bytes) = bonded();
    let proven = world.prove(&bytes);
    let at = |now| Decision::of(&proven, world.state(), Time(now)).map(|_| ());
    assert_eq!(at(CLOSING - 1), Err(Undecided::NotClosed(Time(CLOSING))));
    assert_eq!(at(CLOSING), Ok(()));
    assert_eq!(at(V - 1), Ok(()));
    assert_eq!(at(V), Err(Undecided::TooLate(Time(V))));
    let void_at = |now| VoidDecision::of(world.state(), Time(now)).map(|_| ());
    assert_eq!(void_at(V - 1), Err(Undecided::TooEarly(Time(V))));
    assert_eq!(void_at(V), Ok(()));
}

#[test]
fn the_word_of_the_seller_alone_lets_the_decision_come_before_closing() {
    let (mut world, bytes) = bonded();
    let proven = world.prove(&bytes);
    let other = World::new(&Setting { nonce: 2, ..Setting::default() });
    let elsewhere = EarlyClose::sign(other.auction(), &seller());
    for wrong in [elsewhere, EarlyClose::sign(world.auction(), &account_key(0))] {
        assert!(proven.closed_by(wrong, &world.spec).is_err());
    }
    let word = EarlyClose::sign(world.auction(), &seller());
    let proven = proven.closed_by(word, &world.spec).unwrap();
    let early = Time(CLOSING - 400);
    let Decision::Sale(sale) = Decision::of(&proven, world.state(), early).unwrap() else {
        panic!("no sale");
    };
    let sealed = seal_to(sale.delivery(), Purpose::Delivery, &world.auction());
    let chain = world.postings.sale(world.state().registered(), &sale, sealed.clone());
    // The same without the word in its record: a server that did not wait.
    let mut record = sale.record(sealed);
    record.early_close = None;
    let silent = Some(Attached::Sale(record).to_bytes());
    let silent = Chain::new(chain.requests().to_vec(), silent).unwrap();
    let (mut forged, _) = bonded();
    assert_eq!(forged.code(silent, early.0), Code::Done);
    let misdeed = Misdeed::Decision(Undecided::NotClosed(Time(CLOSING)));
    assert_eq!(forged.audit(Some(bytes.clone())), Err(misdeed));

    assert_eq!(world.code(chain, early.0), Code::Done);
    // A bond that comes between decision and closing is released like the others.
    world.bond(3, 6);
    assert_eq!(world.release_all(CLOSING), 1);
    assert_eq!(world.has(account(&account_key(3))), (i128::from(RICH), 0));
    assert_eq!(world.audit(Some(bytes)).unwrap().sales, 1);
}

#[test]
fn at_v_the_ledger_itself_refuses_the_sale() {
    let (mut world, bytes) = bonded();
    let sale = world.decision(&bytes, V - 1);
    // Made in time, and it came too late.
    assert_eq!(world.code(sale.clone(), V), Code::Expired);
    assert!(world.state().decided().is_none());
    let void = world.void(V);
    assert_eq!(world.code(void, V), Code::Done);
    assert!(matches!(world.state().decided(), Some(Decided::Void(_))));
    assert_eq!(world.code(sale, V), Code::Cancelled);
    assert_eq!(world.release_all(V), 1);
    untouched(&world);
    let summary = world.audit(None).unwrap();
    assert_eq!((summary.voids, summary.sales), (1, 0));
}

#[test]
fn a_sale_in_the_last_millisecond_stands() {
    let (mut world, bytes) = bonded();
    let sale = world.decision(&bytes, V - 1);
    assert_eq!(world.code(sale, V - 1), Code::Done);
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn a_sale_after_the_void_and_a_void_after_the_sale_change_nothing() {
    let (mut world, bytes) = bonded();
    let (sale, void) = (world.decision(&bytes, 5_000), world.void(V));
    assert_eq!(world.code(sale.clone(), 5_000), Code::Done);
    assert_eq!(world.code(void.clone(), V), Code::TooLateToCancel);
    let proven = world.prove(&bytes);
    let again = Decision::of(&proven, world.state(), Time(5_000));
    assert_eq!(again, Err(Undecided::Decided));
    assert_eq!(VoidDecision::of(world.state(), Time(V)), Err(Undecided::Decided));
    world.audit(Some(bytes)).unwrap();

    let (mut world, _) = bonded();
    assert_eq!(world.code(void, V), Code::Done);
    assert_eq!(world.code(sale, V), Code::Cancelled);
    world.release_all(V);
    untouched(&world);
}

#[test]
fn a_no_sale_makes_sale_and_void_impossible() {
    let (mut world, bytes) = bonded();
    let (sale, void) = (world.decision(&bytes, 5_000), world.void(V));
    let mut other = World::new(&Setting::default());
    let empty = other.run(&[]);
    let no_sale = other.decision(&empty, 5_000);
    assert_eq!(world.code(no_sale, 5_000), Code::Done);
    assert_eq!(world.code(sale, 5_000), Code::Cancelled);
    assert_eq!(world.code(void, V), Code::Cancelled);
    // The two runs are of one auction by one committee: the server has to show the one that it
    // decided by.
    assert_eq!(world.audit(Some(bytes)), Err(Misdeed::NoTranscript(world.auction())));
}

#[test]
fn the_probe_says_whether_the_journal_has_reached_v_and_never_commits() {
    let (mut world, _) = bonded();
    let probe = |world: &World| world.postings.probe(world.state().registered(), Time(V));
    let chain = probe(&world);
    assert_eq!(world.code(chain.clone(), V - 1), Code::HoldUnknown);
    assert_eq!(world.code(chain.clone(), V), Code::Expired);
    // The clock went back; the journal does not.
    assert_eq!(world.code(chain, 2_500), Code::Expired);
    assert!(world.ledger.time() >= Time(V));
    let void = world.void(V);
    assert_eq!(world.code(void, 2_500), Code::Done);
    assert_eq!(world.audit(None).unwrap().voids, 1);
}

#[test]
fn at_t_the_bonds_have_released_themselves() {
    let (mut world, bytes) = bonded();
    let sale = world.decision(&bytes, 5_000);
    let tick = Chain::from(world.signed_until(
        &account_key(5),
        5,
        T + 1,
        settlement::ledger::Action::Cancel { account: account(&account_key(5)) },
    ));
    assert_eq!(world.code(tick, T), Code::Done);
    assert_eq!(world.ledger.live_holds(), 0);
    untouched(&world);
    assert_eq!(world.code(sale, T), Code::Expired);
    untouched(&world);
    // The server was down across V and T: void, and nothing is left to release.
    assert_eq!(world.audit(None).unwrap().late, vec![world.auction()]);
    let void = world.void(T);
    assert_eq!(world.code(void, T), Code::Done);
    assert!(world.releases(T, 9).is_empty());
    assert!(world.audit(None).unwrap().late.is_empty());
}
