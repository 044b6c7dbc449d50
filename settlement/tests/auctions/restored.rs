//! After a restore that the server has stated: what it lost convicts nobody, and what it says it
//! has kept is held against it as before.

use auction::bid::BondTicket;
use auction::spec::Time;
use settlement::auctions::physical::Stage;
use settlement::auctions::{Attached, SaleRecord};
use settlement::journal::{Receipt, backup, restore};
use settlement::judge::auction::{Case, DeliveryReceipts, Finding, Subject, judge};
use settlement::judge::ticket::TicketEvidence;
use settlement::layout::Signer;
use settlement::ledger::{Chain, Code, HoldKey};
use settlement::service::CharterParts;

use crate::corrupt::{OPTIONS, keeper, receipt, receipt_of, unfunded, write_on};
use crate::disk::Disk;
use crate::in_memory;
use crate::world::physical::{T2, dispatched, in_stage, setting};
use crate::world::*;

fn disk_with(chains: &[(Chain, u64)]) -> Disk {
    let disk = Disk::new();
    write_on(&disk, chains);
    disk
}

/// Restored from a backup of all that a disk holds, into the next epoch.
fn restored(disk: &Disk) -> Disk {
    let (copy, target) = (Disk::new(), Disk::new());
    let flushed = keeper(disk).flushed();
    backup(&mut disk.clone(), &mut copy.clone(), &charter(), flushed).unwrap();
    let signer = Signer::new(&server());
    restore(&mut copy.clone(), target.clone(), &charter(), &signer, OPTIONS).unwrap();
    target
}

/// Whom a ticket convicts by the journal on a disk, and what stays open.
fn judged(world: &World, ticket: BondTicket, disk: &Disk) -> (usize, usize) {
    let head = {
        let keeper = keeper(disk);
        keeper.release(keeper.head()).unwrap()
    };
    assert!(head.head.time >= Time(CLOSING));
    let evidence = TicketEvidence {
        charter: CharterParts::from(&charter()),
        spec: world.spec.signed().clone(),
        ticket,
        head: Some(head),
        bond: None,
    };
    let ruling = evidence.judge_with(&mut disk.clone(), in_memory::rng(1)).unwrap();
    (ruling.convicted.len(), ruling.open.len())
}

#[test]
fn a_bond_that_a_stated_restore_has_lost_convicts_nobody() {
    let mut world = World::new(&Setting::default());
    world.bond(1, 6);
    let kept = world.applied.len();
    world.bond(0, 6);
    let ticket = world.state().bond(&bidder(0).public()).unwrap().ticket(&server());
    let bonded = world.applied.len();
    world.deposit_at(&seller(), 1, 5_000);
    let later = world.applied[bonded..].to_vec();
    // The bond of bidder 0 is gone, and closing has come since.
    let disk = restored(&disk_with(&world.applied[..kept]));
    write_on(&disk, &later);
    assert_eq!(judged(&world, ticket.clone(), &disk), (0, 1));
    // The registration is gone too.
    let registration = kept - 2;
    let disk = restored(&disk_with(&world.applied[..registration]));
    write_on(&disk, &later);
    assert_eq!(judged(&world, ticket.clone(), &disk), (0, 1));
    // Nothing was lost: it is there.
    let disk = restored(&disk_with(&world.applied[..bonded]));
    write_on(&disk, &later);
    assert_eq!(judged(&world, ticket, &disk), (0, 0));
}

#[test]
fn a_restore_in_which_no_bond_can_have_been_lost_hides_no_ticket() {
    let mut world = World::new(&Setting::default());
    let registration = world.applied.len() - 1;
    world.bond(1, 6);
    world.deposit_at(&seller(), 1, 5_000);
    let ticket = unfunded(&world, 0);
    // Before the auction was registered.
    let disk = restored(&disk_with(&world.applied[..registration]));
    write_on(&disk, &world.applied[registration..]);
    assert_eq!(judged(&world, ticket.clone(), &disk), (1, 0));
    // With all that came before closing.
    let disk = restored(&disk_with(&world.applied));
    assert_eq!(judged(&world, ticket.clone(), &disk), (1, 0));
    // In the middle it stays open, whether something was lost or not.
    let disk = restored(&disk_with(&world.applied[..=registration]));
    write_on(&disk, &world.applied[registration + 1..]);
    assert_eq!(judged(&world, ticket, &disk), (0, 1));
}

/// What the judge finds of one subject.
fn finding(transcript: &[u8], receipts: [Option<&Receipt>; 4], subject: Subject) -> Finding {
    let [decision, order, dispatch, payout] = receipts;
    let case = Case {
        charter: &charter(),
        transcript,
        decision,
        order,
        goods: None,
        key_hash: None,
        delivery_secret: None,
        delivery: DeliveryReceipts { dispatch, dispute: None, payout },
    };
    let judgement = judge(&case, &mut in_memory::rng(5));
    judgement.findings.into_iter().find(|one| one.subject == subject).unwrap()
}

#[test]
fn a_sale_that_was_lost_is_not_held_against_a_later_payout() {
    let mut world = World::new(&setting(auction::physical_terms::Side::Winner));
    world.bond(0, 6);
    let kept = world.applied.len();
    let begun = disk_with(&world.applied);
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let lost = world.decision(&bytes, 5_000);
    assert_eq!(world.code(lost.clone(), 5_000), Code::Done);
    let first = disk_with(&world.applied);
    // After the restore the winner is bonded again, from another account.
    let mut again = World::new(&setting(auction::physical_terms::Side::Winner));
    again.bond(0, 6);
    let order = again.order_with(&account_key(5), &bidder(1), 6, 1_005);
    assert_eq!(again.hold(order, 1_600), Code::Done);
    let sale = again.decision(&bytes, 5_000);
    assert_eq!(again.code(sale.clone(), 5_000), Code::Done);
    let payout = again.delivery().due(Time(T2)).unwrap();
    let payout = again.payout(&payout, T2);
    assert_eq!(again.code(payout.clone(), T2), Code::Done);
    let second = restored(&begun);
    write_on(&second, &again.applied[kept..]);

    let (lost, sale, payout) =
        (receipt_of(&first, &lost), receipt_of(&second, &sale), receipt_of(&second, &payout));
    assert_eq!((lost.head.head.epoch, payout.head.head.epoch), (0, 1));
    let found = |sale| finding(&bytes, [Some(sale), None, None, Some(&payout)], Subject::PaidOut);
    assert!(!found(&lost).convicts_server, "{:?}", found(&lost));
    assert_eq!(found(&sale).found, settlement::judge::auction::Found::Holds);
    // Nor is the order that was lost held against the sale that came after it.
    let order = receipt(&first, account(&account_key(1)), id(1_001));
    let ordered = finding(&bytes, [Some(&sale), Some(&order), None, None], Subject::Ordered);
    assert!(!ordered.convicts_server, "{ordered:?}");
}

#[test]
fn a_dispatch_that_the_restore_kept_convicts_a_payout_as_if_there_was_none() {
    let (mut world, bytes) = in_stage(Stage::Sold);
    let sold = world.applied.len();
    let stale = world.delivery().due(Time(T2)).unwrap();
    let stale = world.payout(&stale, T2);
    world.say(dispatched(), T2 - 1).unwrap();
    let dispatch = world.applied.last().unwrap().0.clone();
    let first = disk_with(&world.applied);
    let decision = settlement::auctions::postings::decision_key(world.state().registered());
    let decision = receipt(&first, decision.account, decision.id);
    let dispatch = receipt_of(&first, &dispatch);
    for (kept, convicts) in [(world.applied.len(), true), (sold, false)] {
        let second = restored(&disk_with(&world.applied[..kept]));
        write_on(&second, &[(stale.clone(), T2)]);
        let payout = receipt_of(&second, &stale);
        assert_eq!((dispatch.head.head.epoch, payout.head.head.epoch), (0, 1));
        let receipts = [Some(&decision), None, Some(&dispatch), Some(&payout)];
        let found = finding(&bytes, receipts, Subject::PaidOut);
        assert_eq!(found.convicts_server, convicts, "{found:?}");
        let found = finding(&bytes, receipts, Subject::Dispatched);
        assert!(!found.convicts_server, "{found:?}");
    }
    // Two restores between them: the later head does not say what the first one kept.
    let second = restored(&restored(&first));
    write_on(&second, &[(stale.clone(), T2)]);
    let payout = receipt_of(&second, &stale);
    assert_eq!(payout.head.head.epoch, 2);
    let receipts = [Some(&decision), None, Some(&dispatch), Some(&payout)];
    assert!(!finding(&bytes, receipts, Subject::PaidOut).convicts_server);
}

#[test]
fn an_order_that_the_restore_kept_convicts_a_sale_from_another_hold() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    let before = world.applied.len();
    world.bond(1, 6);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let right = world.decision(&bytes, 5_000);
    let Some(Attached::Sale(record)) = Attached::read(right.attachment().unwrap()).unwrap() else {
        panic!("no sale")
    };
    let hold = HoldKey { account: account(&account_key(0)), id: id(1_000) };
    let record = Attached::Sale(SaleRecord { hold, ..record }).to_bytes();
    let chain = Chain::new(right.requests().to_vec(), Some(record)).unwrap();
    let first = disk_with(&world.applied);
    let order = receipt(&first, account(&account_key(1)), id(1_001));
    for (kept, convicts) in [(world.applied.len(), true), (before, false)] {
        let second = restored(&disk_with(&world.applied[..kept]));
        // What was lost comes again, and is another entry in another epoch.
        let mut later = world.applied[kept..].to_vec();
        later.push((chain.clone(), 5_000));
        write_on(&second, &later);
        let decision = receipt_of(&second, &chain);
        assert_eq!((order.head.head.epoch, decision.head.head.epoch), (0, 1));
        let found = finding(&bytes, [Some(&decision), Some(&order), None, None], Subject::Ordered);
        assert_eq!(found.convicts_server, convicts, "{found:?}");
    }
}
