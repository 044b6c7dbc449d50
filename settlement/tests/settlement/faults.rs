//! Damage to what was flushed: it is found and the place is named; only a tail is cut.

use auction::spec::Time;
use settlement::audit::{AuditError, audit};
use settlement::bookkeeper::{Bookkeeper, ClockDoubt, Opened};
use settlement::journal::{JournalError, Options};
use settlement::ledger::Ledger;

use crate::disk::{Disk, Trouble};
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 2048 };

fn open(disk: &Disk) -> Result<Opened<Disk>, JournalError> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS)
}

/// A journal of several segments, all flushed and marked.
fn journal() -> (Disk, Vec<u8>) {
    let disk = Disk::new();
    let mut bookkeeper = open(&disk).unwrap().serve_confirmed();
    let _ = bookkeeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let _ = bookkeeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
    for number in 10..18 {
        let _ = bookkeeper.submit(vec![post(number, 1, 2, 1).into()], Time(1001)).unwrap();
        bookkeeper.flush().unwrap();
    }
    bookkeeper.idle().unwrap();
    let state = bookkeeper.look(Ledger::to_bytes);
    let state = bookkeeper.release(state).unwrap();
    (disk, state)
}

/// The bytes of a segment that hold something.
fn used(disk: &Disk, name: &str) -> usize {
    disk.bytes(name).iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn every_flipped_bit_of_what_was_flushed_is_found_and_its_place_named() {
    let (disk, state) = journal();
    let mut segments = disk.names();
    segments.retain(|name| name.starts_with("segment-"));
    assert!(segments.len() > 2);
    let last = segments.last().unwrap().clone();
    for name in &segments {
        let end = used(&disk, name);
        for bit in (0..end * 8).step_by(5) {
            let damaged = disk.flipped(name, bit);
            match open(&damaged) {
                Err(JournalError::Fault { name: place, offset, .. }) => {
                    assert_eq!(&place, name, "bit {bit}");
                    assert!(offset as usize <= bit / 8, "bit {bit}");
                }
                Err(other) => panic!("{name} bit {bit}: {other}"),
                // Padding says nothing; the last mark and what it alone vouches for is the tail.
                Ok(opened) if opened.ledger().to_bytes() == state => {}
                Ok(opened) => {
                    assert_eq!(name, &last, "bit {bit} changed the state unnoticed");
                    let cut = opened.report().cut.clone().unwrap();
                    panic!("{name} bit {bit}: a flushed batch was cut: {cut:?}");
                }
            }
        }
    }
}

#[test]
fn a_missing_segment_is_named() {
    let (disk, _) = journal();
    for name in ["segment-0000000001", "segment-0000000002"] {
        let lost = disk.without(name);
        let found = open(&lost).err().unwrap();
        assert!(matches!(found, JournalError::Fault { name: place, .. } if place == name));
    }
}

#[test]
fn a_damaged_tail_is_cut_reported_and_kept_aside() {
    let (disk, _) = journal();
    let mut bookkeeper = open(&disk).unwrap().serve_confirmed();
    let waiting = bookkeeper.submit(vec![post(90, 1, 2, 1).into()], Time(1002)).unwrap();
    drop((waiting, bookkeeper));
    let mut segments = disk.names();
    segments.retain(|name| name.starts_with("segment-"));
    let name = segments.last().unwrap();
    let end = used(&disk, name);
    let damaged = disk.flipped(name, (end - 20) * 8);
    let opened = open(&damaged).unwrap();
    let cut = opened.report().cut.clone().unwrap();
    assert_eq!(&cut.segment, name);
    assert!(cut.bytes > 0);
    assert!(opened.ledger().record(&account(1), id(90)).is_none());
    // Still there, in the segment that is no longer written.
    assert_eq!(damaged.bytes(name), disk.flipped(name, (end - 20) * 8).bytes(name));
    // Going on works, and the cut is not found a second time.
    let mut bookkeeper = opened.serve_confirmed();
    let _ = bookkeeper.submit(vec![post(91, 1, 2, 1).into()], Time(1003)).unwrap();
    bookkeeper.flush().unwrap();
    drop(bookkeeper);
    let again = open(&damaged).unwrap();
    assert_eq!(again.report().cut, None);
    assert!(again.ledger().record(&account(1), id(91)).is_some());
    assert!(!audit(&mut damaged.clone(), &charter(), &[]).unwrap().tail);
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_one_ahead_of_the_journal_is_a_fault() {
    let (disk, state) = journal();
    let mut bookkeeper = open(&disk).unwrap().serve_confirmed();
    bookkeeper.snapshot().unwrap();
    drop(bookkeeper);
    assert_eq!(open(&disk).unwrap().report().replayed, 0);
    let name = disk.names().into_iter().find(|name| name.starts_with("snapshot-")).unwrap();
    for bit in (0..disk.bytes(&name).len() * 8).step_by(97) {
        let opened = open(&disk.flipped(&name, bit)).unwrap();
        assert_eq!(opened.report().damaged_snapshots, std::slice::from_ref(&name));
        assert_eq!(opened.ledger().to_bytes(), state);
    }
    let mut segments = disk.names();
    segments.retain(|name| name.starts_with("segment-"));
    let shorter = disk.without(segments.last().unwrap());
    assert!(matches!(open(&shorter), Err(JournalError::Fault { .. })));
    let none = segments.iter().fold(disk.clone(), |disk, name| disk.without(name));
    assert!(matches!(open(&none), Err(JournalError::Fault { .. })));
}

#[test]
fn an_audit_finds_every_flipped_bit_too() {
    let (disk, _) = journal();
    let sound = audit(&mut disk.clone(), &charter(), &[]).unwrap();
    assert_eq!((sound.batches, sound.requests, sound.tail), (10, 10, false));
    let name = "segment-0000000001";
    for bit in (0..used(&disk, name) * 8).step_by(61) {
        match audit(&mut disk.flipped(name, bit), &charter(), &[]) {
            Err(AuditError::Journal(JournalError::Fault { name: place, .. })) => {
                assert_eq!(place, name);
            }
            Err(other) => panic!("bit {bit}: {other}"),
            Ok(report) => assert_eq!(report, sound, "bit {bit} is padding"),
        }
    }
}

#[test]
fn after_a_failed_write_or_flush_nothing_is_tried_again() {
    for call in 1..=3 {
        let (disk, _) = journal();
        let mut bookkeeper = open(&disk).unwrap().serve_confirmed();
        disk.trouble_at(call, Trouble::Error);
        let submitted = bookkeeper.submit(vec![post(90, 1, 2, 1).into()], Time(1002));
        let flushed = bookkeeper.flush();
        if submitted.is_ok() && flushed.is_ok() {
            // The trouble is still ahead: it strikes the next batch.
            let _ = bookkeeper.submit(vec![post(91, 1, 2, 1).into()], Time(1002));
            let _ = bookkeeper.flush();
        }
        let before = disk.calls();
        let later = bookkeeper.submit(vec![post(92, 1, 2, 1).into()], Time(1003));
        assert_eq!(later.err(), Some(JournalError::Stopped), "call {call}");
        assert_eq!(bookkeeper.flush(), Err(JournalError::Stopped));
        assert_eq!(bookkeeper.idle(), Err(JournalError::Stopped));
        assert_eq!(disk.calls(), before, "the disk was asked again");
    }
}

#[test]
fn a_start_waits_for_the_operator_when_the_clock_cannot_be_right() {
    let (disk, _) = journal();
    let (doubt, opened) = open(&disk).unwrap().serve(Time(1000)).err().unwrap();
    assert_eq!(doubt, ClockDoubt::Behind(1));
    let (doubt, opened) = opened.serve(Time(1001 + 3_600_001)).err().unwrap();
    assert_eq!(doubt, ClockDoubt::FarAhead(3_600_001));
    assert!(opened.serve(Time(1001)).is_ok());
}

#[test]
fn a_journal_is_opened_with_its_own_key_and_charter_alone() {
    let (disk, _) = journal();
    let wrong = Bookkeeper::open(disk.clone(), charter(), signer(1), OPTIONS);
    assert_eq!(wrong.err(), Some(JournalError::WrongKey));
    let other = Bookkeeper::open(disk, charter_with(7), server(), OPTIONS);
    assert!(matches!(other.err(), Some(JournalError::Fault { .. })));
}

#[test]
fn a_state_with_a_flipped_bit_or_cut_short_is_refused_or_is_another_state() {
    let mut ledger = started();
    for request in [hold(10, 1, 2, 30, 5000), post(11, 1, 2, 999), post(12, 2, 1, 5)] {
        apply(&mut ledger, &request, 1001);
    }
    let bytes = ledger.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = Ledger::from_bytes(&altered, charter()) {
            assert_eq!(read.to_bytes(), altered, "bit {bit}");
            read.check().unwrap();
        }
    }
    for length in 0..bytes.len() {
        assert!(Ledger::from_bytes(&bytes[..length], charter()).is_err(), "length {length}");
    }
    // Money cannot be put into a state: every balance is held against all others.
    let mine = ledger.accounts().iter().position(|one| one.id == account(1)).unwrap();
    let posted = 56 + mine * 133 + 69 + 32;
    let mut richer = bytes;
    richer[posted] ^= 1;
    assert!(Ledger::from_bytes(&richer, charter()).is_err());
}
