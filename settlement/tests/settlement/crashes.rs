//! A crash after every single call to the disk, a second one during the start after it, by
//! chance losing, tearing, reordering and flipping what was not flushed: what is read back is a
//! prefix of the history that holds everything acknowledged.

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options};
use settlement::ledger::{Chain, Ledger, Part, Window};

use crate::disk::{Disk, Trouble};
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 2048 };

/// Batches that open accounts, pay, hold, take, void, expire, are refused and carry attachments.
struct Work {
    batches: Vec<(Vec<Chain>, u64)>,
    /// The state after each number of batches.
    states: Vec<Ledger>,
}

impl Work {
    fn new() -> Self {
        let take = |number, key, part| post_hold(number, 2, key, part);
        let chain = |requests| Chain::new(requests, Some(b"goods key".to_vec())).unwrap();
        let batches: Vec<(Vec<Chain>, u64)> = vec![
            (vec![deposit(1, 1, 100).into(), deposit(2, 2, 100).into()], 1000),
            (vec![post(10, 1, 2, 10).into(), hold(11, 1, 2, 20, 2000).into()], 1001),
            (vec![post(12, 1, 2, 500).into()], 1002),
            (vec![hold(13, 1, 2, 20, 1500).into(), hold(14, 1, 2, 5, 1600).into()], 1003),
            (
                vec![
                    chain(vec![take(15, hold_of(1, 11), Part::Amount(7)), post(16, 2, 1, 3)]),
                    void_hold(17, 2, hold_of(1, 14)).into(),
                ],
                1004,
            ),
            (vec![post(18, 1, 2, 1).into(), post(19, 2, 1, 2).into()], 1005),
            (vec![], 1500),
            (vec![chain(vec![post(20, 1, 2, 1), post(21, 1, 2, 999)])], 1501),
            (vec![deposit(3, 3, 50).into()], 1502),
            (vec![post(22, 3, 1, 9).into(), post(23, 3, 2, 9).into()], 1503),
        ];
        let mut ledger = Ledger::new(charter());
        let mut states = vec![ledger.clone()];
        for (batch, time) in &batches {
            assert!(ledger.apply(batch, Time(*time)).effective);
            states.push(ledger.clone());
        }
        Self { batches, states }
    }

    /// Does the work from batch `from` on; answers with the last batch acknowledged.
    fn run(&self, disk: &Disk, check_durable: bool) -> u64 {
        let mut acknowledged = 0;
        // An error is the end: nothing more is heard from this process.
        let _ = self.try_run(disk, &mut acknowledged, check_durable);
        acknowledged
    }

    fn try_run(
        &self,
        disk: &Disk,
        acknowledged: &mut u64,
        check_durable: bool,
    ) -> Result<(), JournalError> {
        let opened = open(disk)?;
        let from = opened.last_batch() as usize;
        *acknowledged = from as u64;
        let mut bookkeeper = opened.serve_confirmed();
        let mut waiting = Vec::new();
        for (place, (batch, time)) in self.batches.iter().enumerate().skip(from) {
            waiting.push(bookkeeper.submit(batch.clone(), Time(*time))?);
            // Every third time two batches wait for one flush.
            if place % 3 == 1 {
                continue;
            }
            bookkeeper.flush()?;
            for unflushed in waiting.drain(..) {
                bookkeeper.release(unflushed).unwrap();
            }
            *acknowledged = place as u64 + 1;
            if check_durable {
                let durable = open(&disk.flushed_alone()).unwrap();
                assert!(durable.last_batch() >= *acknowledged, "answered before it was flushed");
            }
            if place % 4 == 0 {
                bookkeeper.idle()?;
            }
            if place == 5 {
                bookkeeper.snapshot()?;
            }
        }
        Ok(())
    }

    /// Does all the work with flushes and spares made by helpers, while the next batch is applied
    /// and written; answers with the last batch acknowledged. What comes between what is chance.
    fn run_beside(&self, disk: &Disk, check_durable: bool) -> u64 {
        let mut acknowledged = 0;
        let _ = self.try_run_beside(disk, &mut acknowledged, check_durable);
        acknowledged
    }

    fn try_run_beside(
        &self,
        disk: &Disk,
        acknowledged: &mut u64,
        check_durable: bool,
    ) -> Result<(), JournalError> {
        let mut keeper = open(disk)?.serve_confirmed();
        keeper.start_helpers(|| {})?;
        let mut before = None;
        for (place, (batch, time)) in self.batches.iter().enumerate() {
            let unflushed = keeper.submit(batch.clone(), Time(*time))?;
            keeper.begin_flush()?;
            if place == 6 {
                keeper.snapshot()?;
            }
            if let Some(unflushed) = before.replace(unflushed) {
                // The flush after it has begun, so its own has ended.
                keeper.release(unflushed).unwrap();
                *acknowledged = place as u64;
                if check_durable {
                    let durable = open(&disk.flushed_alone()).unwrap();
                    assert!(durable.last_batch() >= *acknowledged, "answered too early");
                }
            }
        }
        keeper.end_flush()?;
        if let Some(unflushed) = before {
            keeper.release(unflushed).unwrap();
        }
        *acknowledged = self.batches.len() as u64;
        keeper.idle()
    }

    /// What is read back must be a state of the history that holds everything acknowledged.
    fn verify(&self, opened: &Opened<Disk>, acknowledged: u64, what: &str) {
        let last = opened.last_batch();
        assert!(last >= acknowledged, "{what}: batch {acknowledged} was lost, got {last}");
        let state = &self.states[last as usize];
        assert_eq!(opened.ledger().digest(), state.digest(), "{what}: batch {last}");
    }

    /// And every id that was ever decided has its record and its receipt.
    fn verify_ids(&self, opened: Opened<Disk>, what: &str) {
        let state = &self.states[opened.last_batch() as usize];
        let mut keeper = opened.serve_confirmed();
        for (owner, number) in (10..24).flat_map(|number| [(1, number), (2, number), (3, number)]) {
            let (owner, number) = (account(owner), id(number));
            let expected = state.record(&owner, number).map(|record| (record.entry, record.fate));
            let found = keeper.record(&owner, number).unwrap();
            let found = keeper.release(found).unwrap().map(|record| (record.entry, record.fate));
            assert_eq!(found, expected, "{what}: {number:?}");
            let receipt = keeper.receipt(&owner, number).unwrap();
            let receipt = keeper.release(receipt).unwrap();
            assert_eq!(receipt.is_some(), expected.is_some(), "{what}: {number:?}");
            assert!(receipt.is_none_or(|receipt| receipt.verify(&charter()).is_ok()));
        }
    }
}

/// With so few ids in memory that they leave all the time, into an index on the same disk.
fn open(disk: &Disk) -> Result<Opened<Disk>, JournalError> {
    let (index, window) = (Box::new(disk.clone()), Window { least: 4, leave: 2 });
    Bookkeeper::open_with(disk.clone(), index, charter(), server(), OPTIONS, window)
}

#[test]
fn nothing_is_answered_before_the_flush_that_it_depends_on() {
    let work = Work::new();
    assert_eq!(work.run(&Disk::new(), true), work.batches.len() as u64);
}

#[test]
fn a_crash_after_every_call_loses_nothing_acknowledged() {
    let work = Work::new();
    let whole = Disk::new();
    assert_eq!(work.run(&whole, false), work.batches.len() as u64);
    assert!(whole.names().iter().filter(|name| name.starts_with("segment-")).count() > 2);
    for call in 1..=whole.calls() {
        for short in [false, true] {
            let disk = Disk::new();
            if short {
                disk.write_short();
            }
            disk.trouble_at(call, Trouble::Crash);
            let acknowledged = work.run(&disk, false);
            for seed in 0..4 {
                let what = format!("crash at call {call}, short writes {short}, seed {seed}");
                let disk = if seed == 0 { disk.flushed_alone() } else { disk.crashed(seed) };
                let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                work.verify(&opened, acknowledged, &what);
                if seed < 2 && !short {
                    work.verify_ids(opened, &what);
                } else {
                    drop(opened);
                }
                // And it goes on to the end from there.
                assert_eq!(work.run(&disk, false).max(acknowledged), work.batches.len() as u64);
            }
        }
    }
}

#[test]
fn a_second_crash_during_the_start_loses_nothing_acknowledged() {
    let work = Work::new();
    let whole = Disk::new();
    work.run(&whole, false);
    for call in (1..=whole.calls()).step_by(3) {
        let disk = Disk::new();
        disk.trouble_at(call, Trouble::Crash);
        let acknowledged = work.run(&disk, false);
        let first = disk.crashed(call);
        let calls = {
            let copy = first.crashed(0);
            open(&copy).unwrap();
            copy.calls()
        };
        for second in 1..=calls {
            let disk = first.crashed(0);
            disk.trouble_at(second, Trouble::Crash);
            let opened = open(&disk);
            assert!(opened.is_err() || second == calls);
            drop(opened);
            let what = format!("crash at call {call}, then at call {second} of the start");
            let opened =
                open(&disk.crashed(second)).unwrap_or_else(|error| panic!("{what}: {error}"));
            work.verify(&opened, acknowledged, &what);
        }
    }
}

#[test]
fn a_crash_or_error_while_helpers_flush_loses_nothing_acknowledged() {
    let work = Work::new();
    let whole = Disk::new();
    assert_eq!(work.run_beside(&whole, true), work.batches.len() as u64);
    for call in 1..=whole.calls() {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let disk = Disk::new();
            disk.trouble_at(call, trouble);
            let acknowledged = work.run_beside(&disk, false);
            for seed in 0..3 {
                let what = format!("{trouble:?} at call {call}, seed {seed}");
                let disk = if seed == 0 { disk.flushed_alone() } else { disk.crashed(seed) };
                let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
                work.verify(&opened, acknowledged, &what);
            }
        }
    }
}

#[test]
fn an_error_that_is_followed_by_success_stops_the_journal_for_good() {
    let work = Work::new();
    let whole = Disk::new();
    work.run(&whole, false);
    for call in 1..=whole.calls() {
        let disk = Disk::new();
        disk.trouble_at(call, Trouble::Error);
        let acknowledged = work.run(&disk, false);
        // The process ended. The page cache may still show what the disk does not have.
        for (disk, what) in [(disk.clone(), "cache kept"), (disk.flushed_alone(), "cache lost")] {
            let what = format!("error at call {call}, {what}");
            let opened = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            work.verify(&opened, acknowledged, &what);
            let last = opened.last_batch();
            drop(opened);
            // What the start showed is on disk before anything is served from it.
            let after = open(&disk.flushed_alone()).unwrap();
            assert!(after.last_batch() >= last, "{what}");
        }
    }
}
