//! A corrupt operator who has every key of the server says of what was never committed, or not so,
//! that a restore has lost it.

use auction::layout::Digest;
use auction::spec::Time;
use settlement::audit::AuditError;
use settlement::journal::{Head, Receipt, SignedHead, Unproven};
use settlement::ledger::{Action, Code, SignedRequest, Window};
use settlement::readmission::{NotReadmitted, READMISSION_MS};
use witness::Contradiction;
use witness::evidence::{BadWords, Case, ServerEvidence, Word};
use witness::tree::leaf_hash;

use crate::disk::Disk;
use crate::kit::{self, Page, inquest, read, write};
use crate::people::*;
use crate::world::*;

/// A receipt of this entry under the number, time and epoch of that one, as whoever has the
/// server's key makes it: the entry's leaf under a root of his own.
pub fn signed_as_lost(like: Receipt) -> Receipt {
    let leaf = leaf_hash(like.batch, like.time, &like.entry);
    // The last of a tree: on the path to the root all is on the left.
    let mut root = leaf;
    for node in &like.path {
        root = witness::tree::node_hash(&node.0, &root);
    }
    let size = like.number + 1;
    let head = Head { size, root: Digest(root), time: like.time, ..like.head.head };
    Receipt { head: head.sign(&server(), charter().id()), ..like }
}

/// What the restored server's journal says when an honest one takes this receipt.
fn taken(receipt: &Receipt) -> Vec<Page> {
    let (_kept, _, mut keeper, disk) = one_lost();
    assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
    drop(keeper);
    read(&disk)
}

/// The only misdeed, and what persons 1 and 2 rightfully have.
fn misdeed(pages: &[Page], heads: &[SignedHead], receipts: &[Receipt]) -> AuditError {
    let (report, _) = inquest(&write(pages), heads, receipts);
    assert_eq!(report.misdeeds.len(), 1, "{:?}", report.misdeeds);
    assert!(!report.holds());
    report.misdeeds[0].wrong.clone()
}

/// The last entry, by itself.
fn last(pages: &mut [Page]) -> &mut Page {
    pages.iter_mut().rev().find(|page| !page.entries.is_empty()).unwrap()
}

#[test]
fn an_audit_sees_every_altered_byte_of_what_came_back() {
    let (_kept, receipt, ..) = one_lost();
    let pages = taken(&receipt);
    let clean = inquest(&write(&pages), &[], std::slice::from_ref(&receipt)).0.strictly().unwrap();
    assert_eq!(clean.readmitted, 1);
    let length = last(&mut pages.clone()).entries[0].len();
    let original = length - receipt.entry.len();
    let mut named = 0;
    // Each byte of the proof; of the requests themselves a few.
    for place in (1..original).chain((original..length).step_by(17)) {
        let mut forged = pages.clone();
        last(&mut forged).entries[0][place] ^= 1;
        let audit = settlement::audit::inquire(
            &mut write(&forged),
            &charter(),
            &settlement::audit::Held::default(),
        );
        match audit {
            // A journal that cannot be read or replayed.
            Err(_) => {}
            Ok((report, _)) => {
                let misdeed = report.misdeeds.first();
                let misdeed = misdeed.unwrap_or_else(|| panic!("byte {place} is not missed"));
                // In the request its own signature fails first.
                let said = matches!(misdeed.wrong, AuditError::Readmitted { entry: 2, .. })
                    || (place >= original && matches!(misdeed.wrong, AuditError::Unsigned { .. }));
                assert!(said, "byte {place}: {:?}", misdeed.wrong);
                assert_eq!(misdeed.movements.len(), 1, "byte {place}");
                named += 1;
            }
        }
    }
    assert!(named >= 148, "{named}");
}

#[test]
fn what_was_not_lost_or_comes_too_late_is_named_with_what_it_moved() {
    let (_kept, receipt, ..) = one_lost();
    let pages = taken(&receipt);
    // Too late by a millisecond: the time runs from the first new entry.
    let mut late = pages.clone();
    let at = late.len() - 1;
    last(&mut late).time = 5000 + READMISSION_MS;
    late.insert(at, kit::page(5000, deposit(77, 1, 10).as_bytes()));
    let over = NotReadmitted::Over(Time(5000 + READMISSION_MS));
    assert_eq!(misdeed(&late, &[], &[]), AuditError::Readmitted { entry: 3, reason: over });
    // Without the restore that is said to have lost it.
    let mut unrestored = pages.clone();
    unrestored.retain(|page| !page.epoch);
    let found = misdeed(&unrestored, &[], &[]);
    let reason = NotReadmitted::ThisEpoch(0);
    assert_eq!(found, AuditError::Readmitted { entry: 2, reason });
    // Of an entry that was kept, under its own true receipt: the backup is a later one.
    let mut again = pages.clone();
    let kept_page = kit::page(2000, post(10, 1, 2, 30).as_bytes());
    let epoch = again.iter().position(|page| page.epoch).unwrap();
    again.insert(epoch, kept_page);
    let audit = inquest_of(&again);
    // Its id is decided: it cannot even be replayed.
    assert!(audit.is_err(), "{audit:?}");
    // As if epoch 0 had begun otherwise.
    let mut other = receipt.clone();
    other.head.head = Head { epoch: 1, since: 2, ..other.head.head };
    let other = signed_as_lost(other);
    let mut pages = pages;
    last(&mut pages).entries[0] =
        replaced(&receipt, &other, &last(&mut taken(&receipt)).entries[0]);
    let reason = NotReadmitted::ThisEpoch(1);
    assert_eq!(misdeed(&pages, &[], &[]), AuditError::Readmitted { entry: 2, reason });
}

fn inquest_of(pages: &[Page]) -> Result<(), AuditError> {
    let held = settlement::audit::Held::default();
    settlement::audit::inquire(&mut write(pages), &charter(), &held).map(|_| ())
}

/// The entry with another receipt in it, whose path is as long.
fn replaced(old: &Receipt, new: &Receipt, entry: &[u8]) -> Vec<u8> {
    let (from, to) = (proof(old), proof(new));
    assert!(entry[1..].starts_with(&from) && from.len() == to.len());
    [&entry[..1], &to, &entry[1 + from.len()..entry.len() - old.entry.len()], &new.entry].concat()
}

/// As the journal keeps it.
fn proof(receipt: &Receipt) -> Vec<u8> {
    let Receipt { number, batch, time, head, path, .. } = receipt;
    let Head { epoch, since, size, root, time: then } = head.head;
    let mut bytes = Vec::new();
    [*number, *batch, time.0].iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes.extend(epoch.to_le_bytes());
    [since, size, then.0].iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes.extend(root.0);
    bytes.extend(head.signature.0);
    bytes.push(path.len() as u8);
    path.iter().for_each(|node| bytes.extend(node.0));
    bytes
}

/// An order that was never committed and has timed out, made into a lost one: without anything
/// that was signed before the restore nobody can tell. With a witness's head, with the receipt of
/// whoever was there in its place, or with that of the owner who had cancelled it, an audit can.
#[test]
fn an_order_that_was_never_committed_is_found_out_by_what_others_hold() {
    let mut kept = kept();
    let cancel = by(&charter(), 1, 66, Action::Cancel { account: account(1) });
    let receipts = kept.lose([post(10, 1, 2, 30).into(), cancel.into()], 2000);
    let seen = kit::head(&kept.keeper);
    assert_eq!(seen.head.size, 4);
    let order = post(66, 1, 2, 50);
    let forged = |number: u64, time: u64| {
        let entry = kit::entry(order.as_bytes(), Code::Done);
        let head = receipts[0].head;
        let (batch, time) = (number + 1, Time(time));
        signed_as_lost(Receipt { number, batch, time, entry, head, path: path_of(number) })
    };
    let restored = |receipt: &Receipt| {
        let disk = kept_again(&mut kept.copy.clone());
        let mut keeper = open(&disk, Window::default());
        assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
        assert_eq!(funds(&keeper), [50, 150]);
        drop(keeper);
        read(&disk)
    };
    // In place of the true third entry, and of the cancellation.
    let third = restored(&forged(2, 2000));
    let clean = inquest(&write(&third), &[], &[]).0;
    assert!(clean.holds(), "nobody can tell: {:?}", clean.misdeeds);
    let against = |reason| AuditError::ReadmittedAgainst { entry: 2, reason };
    let (report, _) = inquest(&write(&third), &[], &receipts[..1]);
    let wrongs: Vec<_> = report.misdeeds.iter().map(|one| one.wrong.clone()).collect();
    assert!(wrongs.contains(&against(Contradiction::TwoEntries { number: 2 })), "{wrongs:?}");
    // The owner's receipt of his cancellation, in the same epoch.
    let (report, _) = inquest(&write(&third), &[], &receipts[1..]);
    let wrongs: Vec<_> = report.misdeeds.iter().map(|one| one.wrong.clone()).collect();
    let twice = AuditError::DecidedTwice { entry: 2, number: 2, other: 3 };
    assert!(wrongs.contains(&twice), "{wrongs:?}");
    // A witness's head over as many entries, and one over more that is earlier.
    let fourth = restored(&forged(3, 2001));
    let found = misdeed(&fourth, &[seen], &[]);
    assert_eq!(found, against(Contradiction::TwoRoots { number: 4 }));
    let later = restored(&forged(2, seen.head.time.0 + 1));
    let found = misdeed(&later, &[seen], &[]);
    assert_eq!(found, against(Contradiction::Shrunk { fewer: 3, more: 4 }));
    // Beyond what anybody has seen nobody can tell; its time is what binds it.
    let beyond = restored(&forged(4, 3000));
    assert!(inquest(&write(&beyond), &[seen], &receipts[..1]).0.holds());
    // After its own time-out it cannot have been committed.
    let disk = kept_again(&mut kept.copy.clone());
    let mut keeper = open(&disk, Window::default());
    let timed_out = forged(4, UNTIL.0);
    assert_eq!(brought(&mut keeper, &timed_out, LATER), Ok(Code::Expired));
    // Nor before what the restore kept.
    let early = brought(&mut keeper, &forged(4, 999), LATER);
    assert!(matches!(early, Err(NotReadmitted::Impossible { .. })), "{early:?}");
}

fn kept_again(copy: &mut Disk) -> Disk {
    let target = Disk::new();
    settlement::journal::restore(copy, target.clone(), &charter(), &server(), kit::OPTIONS)
        .unwrap();
    target
}

/// Nodes of his own: as many as lie on the left of the last leaf.
fn path_of(number: u64) -> Vec<Digest> {
    (0..number.count_ones()).map(|node| Digest([node as u8; 32])).collect()
}

/// Whoever has but the receipt of such an entry sees that the server shows nothing for it.
#[test]
fn a_receipt_of_an_entry_that_shows_no_loss_proves_nothing_but_that() {
    let (_kept, receipt, ..) = one_lost();
    let mut pages = taken(&receipt);
    let entry = &mut last(&mut pages).entries[0];
    // The signature on the old head.
    entry[1 + 84] ^= 1;
    let mut keeper = open(&write(&pages), Window::default());
    let new = receipt_of(&mut keeper, &account(1), id(10));
    let verified = new.verify(&charter());
    assert_eq!(verified.err(), Some(Unproven::NotReadmitted(2)));
    assert!(SignedRequest::decode(post(10, 1, 2, 30).as_bytes()).is_ok());
}

/// The old receipt in a new one is a word of the server's like any other: with a witness's head of
/// the lost part it convicts without the journal. An honest server's two receipts of one id do not.
#[test]
fn the_word_of_the_loss_convicts_by_itself_and_an_honest_one_does_not() {
    let mut kept = kept();
    let paid = kept.lose([post(10, 1, 2, 30).into()], 2000).remove(0);
    let seen = kit::head(&kept.keeper);
    let order = post(66, 1, 2, 50);
    let entry = kit::entry(order.as_bytes(), Code::Done);
    let forged = signed_as_lost(Receipt { entry, ..paid.clone() });
    let new_receipt = |receipt: &Receipt, number: u128| {
        let disk = kept_again(&mut kept.copy.clone());
        let mut keeper = open(&disk, Window::default());
        assert_eq!(brought(&mut keeper, receipt, LATER), Ok(Code::Done));
        receipt_of(&mut keeper, &account(1), id(number))
    };
    let judged = |new: &Receipt| {
        let lost = Word::Entry(Box::new(new.original().inclusion()));
        let others = [
            Word::Head(seen),
            Word::Entry(Box::new(paid.inclusion())),
            Word::Entry(Box::new(new.inclusion())),
        ];
        let of = charter().ledger_key();
        others.map(|other| {
            let case = Case::Words(Box::new([lost.clone(), other]), Vec::new());
            ServerEvidence { of, case }.judge().map(|ruling| ruling.convicted.len())
        })
    };
    let none = || Err(BadWords::NoContradiction);
    assert_eq!(judged(&new_receipt(&paid, 10)), [none(), none(), none()]);
    assert_eq!(judged(&new_receipt(&forged, 66)), [Ok(1), Ok(1), none()]);
}

#[test]
fn an_epoch_that_nobody_saw_hides_nothing_from_before_an_earlier_ones_last_word() {
    let mut kept = kept();
    let seen = kept.lose([post(10, 1, 2, 30).into()], 5_000_000).remove(0);
    // Of epoch 1, in which nobody ever signed, an order that was never committed.
    let head = Head { epoch: 1, since: 2, ..seen.head.head };
    let head = SignedHead { head, ..seen.head };
    let entry = kit::entry(post(66, 1, 2, 50).as_bytes(), Code::Done);
    let (batch, time, path) = (3, Time(3000), path_of(2));
    let forged = signed_as_lost(Receipt { number: 2, batch, time, entry, head, path });
    let disk = kept.restored_above(1);
    let mut keeper = open(&disk, Window::default());
    assert_eq!(brought(&mut keeper, &forged, LATER), Ok(Code::Done));
    drop(keeper);
    let (report, _) = inquest(&disk, &[seen.head], &[]);
    let early = AuditError::ReadmittedTooEarly {
        entry: 2,
        epoch: 1,
        time,
        earlier: 0,
        signed: seen.head.head.time,
    };
    assert_eq!(report.misdeeds.first().map(|one| one.wrong.clone()), Some(early));
    assert!(inquest(&disk, &[], &[]).0.holds(), "nobody can tell");
}
