//! Every entry seen in order: to rebuild what the ledger does not keep, and by a check that an
//! audit is given.

use auction::spec::Time;
use settlement::audit::{AuditError, EntryCheck, Held, Objected, Rightful, inquire_with};
use settlement::bookkeeper::{Bookkeeper, Opened, Scanned};
use settlement::journal::Options;
use settlement::ledger::{Chain, Code, Entry, Ledger};

use crate::disk::Disk;
use crate::people::*;

type Seen = (u64, Time, Vec<u128>, Vec<Code>, Option<Vec<u8>>);

fn seen(number: u64, time: Time, entry: &Entry) -> Seen {
    let ids = entry.chain.requests().iter().map(|one| one.request().id.get()).collect();
    let attached = entry.chain.attachment().map(|attached| attached.as_bytes().to_vec());
    (number, time, ids, entry.codes.to_vec(), attached)
}

fn open(disk: &Disk) -> Opened<Disk> {
    Bookkeeper::open(disk.clone(), charter(), server(), Options { segment_bytes: 2048 }).unwrap()
}

/// A journal of several segments, and what a scan of it must see.
fn journal() -> (Disk, Vec<Seen>) {
    let attached = |number| {
        Chain::new(vec![post(number, 1, 2, 1)], Some(number.to_le_bytes().to_vec())).unwrap()
    };
    let with = |number: u128| Some(number.to_le_bytes().to_vec());
    let disk = Disk::new();
    let mut keeper = open(&disk).serve_confirmed();
    let deposits = vec![deposit(1, 1, 100).into(), deposit(2, 2, 100).into()];
    let mut batches = vec![deposits];
    let mut expected: Vec<Seen> = vec![
        (0, Time(1000), vec![1], vec![Code::Done], None),
        (1, Time(1000), vec![2], vec![Code::Done], None),
    ];
    for round in 0..6 {
        let number = 10 + 10 * round;
        batches.push(vec![
            attached(number),
            post(number + 1, 1, 2, 1).into(),
            post(number + 2, 1, 2, 500).into(),
            Chain::new(vec![post(number + 3, 1, 2, 500)], Some(b"K".to_vec())).unwrap(),
        ]);
        let time = Time(1001 + round as u64);
        for (place, code) in [
            (0, Code::Done),
            (1, Code::Done),
            (2, Code::InsufficientFunds),
            (3, Code::InsufficientFunds),
        ] {
            let attached = if place == 0 { with(number) } else { None };
            let entry = expected.len() as u64;
            expected.push((entry, time, vec![number + place], vec![code], attached));
        }
    }
    for (place, batch) in batches.into_iter().enumerate() {
        let _ = keeper.submit(batch, Time(1000 + place as u64)).unwrap();
        if place == 3 {
            keeper.snapshot().unwrap();
        }
    }
    keeper.flush().unwrap();
    (disk, expected)
}

fn scan(opened: &mut Opened<Disk>, wanted: Scanned) -> Vec<Seen> {
    let mut found = Vec::new();
    opened.scan(wanted, |number, time, entry| found.push(seen(number, time, entry))).unwrap();
    found
}

#[test]
fn a_scan_sees_every_entry_in_order_or_those_with_attachments() {
    let (disk, expected) = journal();
    assert!(disk.names().iter().filter(|name| name.starts_with("segment-")).count() > 2);
    let attached: Vec<_> = expected.iter().filter(|one| one.4.is_some()).cloned().collect();
    assert_eq!(attached.len(), 6);
    // The last batches are not marked: they are copied to a fresh segment and seen there, once.
    let mut opened = open(&disk);
    assert!(opened.report().copied > 0 && opened.report().snapshot == Some(4));
    assert_eq!(scan(&mut opened, Scanned::All), expected);
    assert_eq!(scan(&mut opened, Scanned::Marked), attached);
    // What is committed later is seen too, and is flushed by then.
    let mut keeper = opened.serve_confirmed();
    let _ = keeper.submit(vec![post(900, 1, 2, 1).into()], Time(2000)).unwrap();
    let mut last = None;
    keeper
        .scan(Scanned::All, |number, time, entry| last = Some(seen(number, time, entry)))
        .unwrap();
    assert_eq!(last, Some((26, Time(2000), vec![900], vec![Code::Done], None)));
    assert_eq!(open(&disk.flushed_alone()).ledger().entries(), 27);
}

#[derive(Debug, thiserror::Error)]
#[error("request {0} is not liked")]
struct NotLiked(u128);

/// Likes every request but one, and ledgers of one size.
struct Dislike {
    request: u128,
    entries: u64,
    seen: Vec<Seen>,
}

impl EntryCheck for Dislike {
    type Objection = NotLiked;

    fn entry(&mut self, number: u64, time: Time, entry: &Entry) -> Result<(), Objected<NotLiked>> {
        self.seen.push(seen(number, time, entry));
        let mut requests = entry.chain.requests().iter().map(|one| one.request().id.get());
        if requests.any(|id| id == self.request) {
            let rightful = Rightful::Unknown;
            return Err(Objected { objection: NotLiked(self.request), rightful });
        }
        Ok(())
    }

    fn end(&mut self, ledger: &Ledger) -> Vec<NotLiked> {
        if ledger.entries() == self.entries { Vec::new() } else { vec![NotLiked(0)] }
    }
}

#[test]
fn a_check_given_to_the_audit_sees_every_entry_and_its_objection_names_one() {
    let (disk, expected) = journal();
    let run = |request, entries| {
        let mut check = Dislike { request, entries, seen: Vec::new() };
        let held = Held::default();
        let found = inquire_with(&mut disk.clone(), &charter(), &held, &mut check).unwrap().0;
        (found.strictly(), check.seen)
    };
    let (audited, seen) = run(999, 26);
    assert_eq!(audited.unwrap().entries, 26);
    assert_eq!(seen, expected);
    let objection = |entry, id| AuditError::Objection { entry, reason: NotLiked(id).to_string() };
    let (audited, seen) = run(31, 26);
    assert_eq!(audited, Err(objection(11, 31)));
    assert_eq!(seen, expected, "an objection ends nothing");
    assert_eq!(run(999, 27).0, Err(objection(26, 0)));
}
