//! A crash after every single call to the disk, a second one during the start after it, by
//! chance losing, tearing, reordering and flipping what was not flushed: what is read back is a
//! prefix of the history that holds everything acknowledged.

use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options};
use settlement::ledger::Window;

use crate::disk::{Disk, Trouble};
use crate::people::*;
use crate::work::Work;

const OPTIONS: Options = Options { segment_bytes: 2048 };

/// With so few ids in memory that they leave all the time, into an index on the same disk.
fn open(disk: &Disk) -> Result<Opened<Disk>, JournalError> {
    let (index, window) = (Box::new(disk.clone()), Window { least: 4, leave: 2 });
    Bookkeeper::open_with(disk.clone(), index, charter(), server(), OPTIONS, window)
}

/// Does the work; answers with the last batch acknowledged. An error is the end: nothing more is
/// heard from this process.
fn run(work: &Work, disk: &Disk, check_durable: bool) -> u64 {
    let mut acknowledged = 0;
    let done = open(disk);
    let _ = done.and_then(|opened| {
        let check = |acknowledged| durable(disk, check_durable, acknowledged);
        work.try_run(opened, &mut acknowledged, check)
    });
    acknowledged
}

/// The same with helpers.
fn run_beside(work: &Work, disk: &Disk, check_durable: bool) -> u64 {
    let mut acknowledged = 0;
    let done = open(disk);
    let _ = done.and_then(|opened| {
        let check = |acknowledged| durable(disk, check_durable, acknowledged);
        work.try_run_beside(opened, &mut acknowledged, check)
    });
    acknowledged
}

fn durable(disk: &Disk, check: bool, acknowledged: u64) {
    if check {
        let durable = open(&disk.flushed_alone()).unwrap();
        assert!(durable.last_batch() >= acknowledged, "answered before it was flushed");
    }
}

#[test]
fn nothing_is_answered_before_the_flush_that_it_depends_on() {
    let work = Work::new();
    assert_eq!(run(&work, &Disk::new(), true), work.batches.len() as u64);
}

#[test]
fn a_crash_after_every_call_loses_nothing_acknowledged() {
    let work = Work::new();
    let whole = Disk::new();
    assert_eq!(run(&work, &whole, false), work.batches.len() as u64);
    assert!(whole.names().iter().filter(|name| name.starts_with("segment-")).count() > 2);
    for call in 1..=whole.calls() {
        for short in [false, true] {
            let disk = Disk::new();
            if short {
                disk.write_short();
            }
            disk.trouble_at(call, Trouble::Crash);
            let acknowledged = run(&work, &disk, false);
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
                assert_eq!(run(&work, &disk, false).max(acknowledged), work.batches.len() as u64);
            }
        }
    }
}

#[test]
fn a_second_crash_during_the_start_loses_nothing_acknowledged() {
    let work = Work::new();
    let whole = Disk::new();
    run(&work, &whole, false);
    for call in (1..=whole.calls()).step_by(3) {
        let disk = Disk::new();
        disk.trouble_at(call, Trouble::Crash);
        let acknowledged = run(&work, &disk, false);
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
    assert_eq!(run_beside(&work, &whole, true), work.batches.len() as u64);
    for call in 1..=whole.calls() {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let disk = Disk::new();
            disk.trouble_at(call, trouble);
            let acknowledged = run_beside(&work, &disk, false);
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
    run(&work, &whole, false);
    for call in 1..=whole.calls() {
        let disk = Disk::new();
        disk.trouble_at(call, Trouble::Error);
        let acknowledged = run(&work, &disk, false);
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
