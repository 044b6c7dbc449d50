//! The writer's thread: one flush for all that wait, and answers after it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use auction::spec::Time;
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::Options;
use settlement::ledger::{Chain, Code, Ledger};
use settlement::writer::{NoOutcome, Running};

use crate::disk::{Disk, Trouble};
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 16 << 10 };

fn start(disk: &Disk, clock: &Arc<AtomicU64>) -> Running<Disk> {
    let keeper =
        Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS).unwrap().serve_confirmed();
    let clock = clock.clone();
    Running::start(keeper, move || Time(clock.load(Ordering::SeqCst)))
}

fn one(running: &Running<Disk>, chain: impl Into<Chain>) -> Result<Code, NoOutcome> {
    let (told, answer) = channel();
    running.writer().submit(chain.into(), move |outcome| told.send(outcome).unwrap());
    answer.recv().unwrap().map(|outcome| outcome.replies[0].code)
}

#[test]
fn many_at_once_share_batches_and_each_gets_its_answer() {
    let disk = Disk::new();
    let clock = Arc::new(AtomicU64::new(1000));
    let running = start(&disk, &clock);
    assert_eq!(one(&running, deposit(1, 1, 1000)), Ok(Code::Done));
    assert_eq!(one(&running, deposit(2, 2, 1000)), Ok(Code::Done));
    let (told, answers) = channel();
    std::thread::scope(|scope| {
        for person in 1..=2u8 {
            let (writer, told) = (running.writer(), told.clone());
            scope.spawn(move || {
                let payments: Vec<_> =
                    (0..150).map(|number| post(100 + number, person, 3 - person, 1)).collect();
                for payment in payments {
                    // Each twice at once: the second gets the first one's answer.
                    for _ in 0..2 {
                        let told = told.clone();
                        let answer = move |outcome| told.send(outcome).unwrap();
                        writer.submit(payment.clone().into(), answer);
                    }
                }
            });
        }
    });
    drop(told);
    let mut repeated = 0;
    for _ in 0..600 {
        let reply = answers.recv().unwrap().unwrap().replies.remove(0);
        assert_eq!(reply.code, Code::Done);
        repeated += u32::from(reply.repeated);
    }
    assert_eq!(repeated, 300);
    let (told, answer) = channel();
    running.writer().ask(|keeper| keeper.look(Ledger::entries), move |got| told.send(got).unwrap());
    assert_eq!(answer.recv().unwrap(), 302);
    let keeper = running.stop().ok().unwrap();
    assert!(keeper.flushed() <= 302);
    let state = keeper.release(keeper.look(Ledger::to_bytes)).unwrap();
    drop(keeper);
    let opened = Bookkeeper::open(disk.flushed_alone(), charter(), server(), OPTIONS).unwrap();
    assert_eq!(opened.ledger().to_bytes(), state);
}

#[test]
fn a_hold_falls_due_without_any_traffic() {
    let disk = Disk::new();
    let clock = Arc::new(AtomicU64::new(1000));
    let running = start(&disk, &clock);
    assert_eq!(one(&running, deposit(1, 1, 100)), Ok(Code::Done));
    assert_eq!(one(&running, deposit(2, 2, 100)), Ok(Code::Done));
    assert_eq!(one(&running, hold(10, 1, 2, 60, 5000)), Ok(Code::Done));
    clock.store(5000, Ordering::SeqCst);
    // Asked until the writer has noticed.
    loop {
        let (told, answer) = channel();
        let question = |keeper: &mut Bookkeeper<Disk>| keeper.look(Ledger::live_holds);
        running.writer().ask(question, move |holds| told.send(holds).unwrap());
        if answer.recv().unwrap() == 0 {
            break;
        }
    }
    let keeper = running.stop().ok().unwrap();
    let pending = keeper.look(|ledger| ledger.account(&account(1)).unwrap().balances.pending());
    assert_eq!(keeper.release(pending), Ok(0));
}

#[test]
fn after_a_failed_flush_who_waits_is_told_that_the_result_is_unknown() {
    for call in 1..=2 {
        let disk = Disk::new();
        let clock = Arc::new(AtomicU64::new(1000));
        let running = start(&disk, &clock);
        assert_eq!(one(&running, deposit(1, 1, 100)), Ok(Code::Done));
        disk.trouble_at(call, Trouble::Error);
        let mut number = 2;
        let told = loop {
            // Idle work may meet the trouble first: then the writer has ended.
            match one(&running, deposit(number, 1, 1)) {
                Ok(code) => assert_eq!(code, Code::Done),
                Err(error) => break error,
            }
            number += 1;
        };
        assert!(matches!(told, NoOutcome::Unknown | NoOutcome::Ended), "{told}");
        assert!(matches!(running.stop(), Err(Some(_))));
    }
}

#[test]
fn what_a_segment_cannot_hold_is_refused_alone() {
    let disk = Disk::new();
    let clock = Arc::new(AtomicU64::new(1000));
    let running = start(&disk, &clock);
    assert_eq!(one(&running, deposit(1, 1, 100)), Ok(Code::Done));
    assert_eq!(one(&running, deposit(2, 2, 100)), Ok(Code::Done));
    let large = Chain::new(vec![post(10, 1, 2, 1)], Some(vec![7; 20 << 10])).unwrap();
    assert!(matches!(one(&running, large), Err(NoOutcome::Refused(_))));
    assert_eq!(one(&running, post(10, 1, 2, 1)), Ok(Code::Done));
    assert!(running.stop().is_ok());
}
