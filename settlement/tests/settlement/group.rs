//! The writer's thread: one flush for all that wait, and answers after it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, TryRecvError, channel};

use auction::spec::Time;
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::Options;
use settlement::ledger::{Chain, Code, Ledger};
use settlement::writer::{NoOutcome, Running};

use crate::disk::{Disk, Trouble};
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 16 << 10 };

fn open(disk: &Disk) -> Opened<Disk> {
    Bookkeeper::open(disk.clone(), charter(), server(), OPTIONS).unwrap()
}

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
        let reply = answers.recv().unwrap().unwrap().replies[0];
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

/// Sends payments of one person, each followed by a question; what is answered is told together
/// with whether the disk already held it, should the process have died at that moment.
fn pay_and_ask(running: &Running<Disk>, disk: &Disk, person: u8, told: &Sender<(u128, bool)>) {
    let writer = running.writer();
    for number in 0..40u128 {
        let id_of = 1000 * u128::from(person) + number;
        let (disk_then, told_then) = (disk.clone(), told.clone());
        writer.submit(post(id_of, person, 3 - person, 1).into(), move |outcome| {
            if outcome.is_ok_and(|outcome| outcome.replies[0].code == Code::Done) {
                let durable = open(&disk_then.flushed_alone());
                let held = durable.ledger().record(&account(person), id(id_of)).is_some();
                let _ = told_then.send((id_of, held));
            }
        });
        let (disk, told) = (disk.clone(), told.clone());
        writer.ask(
            |keeper| keeper.look(Ledger::entries),
            move |entries| {
                let durable = open(&disk.flushed_alone());
                let _ = told.send((0, durable.ledger().entries() >= entries));
            },
        );
    }
}

#[test]
fn no_reply_and_no_query_answer_leaves_before_the_flush_that_it_depends_on() {
    let disk = Disk::new();
    let clock = Arc::new(AtomicU64::new(1000));
    let running = start(&disk, &clock);
    assert_eq!(one(&running, deposit(1, 1, 1000)), Ok(Code::Done));
    assert_eq!(one(&running, deposit(2, 2, 1000)), Ok(Code::Done));
    let (told, answers) = channel();
    std::thread::scope(|scope| {
        for person in 1..=2 {
            let (running, disk, told) = (&running, &disk, told.clone());
            scope.spawn(move || pay_and_ask(running, disk, person, &told));
        }
    });
    drop(told);
    let answers: Vec<_> = answers.iter().take(160).collect();
    assert_eq!(answers.len(), 160);
    for (number, held) in answers {
        assert!(held, "the answer to {number} came before its flush");
    }
    assert!(running.stop().is_ok());
}

#[test]
fn a_large_batch_is_applied_beside_a_flush_and_its_answers_wait_for_their_own() {
    let disk = Disk::new();
    let options = Options { segment_bytes: 1 << 20 };
    let keeper =
        Bookkeeper::open(disk.clone(), charter(), server(), options).unwrap().serve_confirmed();
    let running = Running::start(keeper, || Time(1000));
    assert_eq!(one(&running, deposit(1, 1, 10_000)), Ok(Code::Done));
    let deposits: Vec<_> = (2..1502).map(|number| deposit(number, 1, 1)).collect();
    let (told, answers) = channel();
    let used = || {
        let bytes = disk.bytes("segment-0000000001");
        bytes.iter().rposition(|byte| *byte != 0).unwrap()
    };
    let before = used();
    disk.hold_flushes();
    let (first, others) = deposits.split_first().unwrap();
    let submit = |deposit: &settlement::ledger::VerifiedRequest| {
        let told = told.clone();
        let writer = running.writer();
        writer.submit(deposit.clone().into(), move |outcome| told.send(outcome).unwrap());
    };
    submit(first);
    // Its batch is written, and its flush cannot end.
    while used() == before {
        std::thread::yield_now();
    }
    others.iter().for_each(submit);
    // More than a thousand others are applied and written meanwhile.
    while used() < before + 1000 * 200 {
        std::thread::yield_now();
    }
    assert_eq!(answers.try_recv().err(), Some(TryRecvError::Empty));
    disk.let_flushes_end();
    for _ in 0..1500 {
        assert_eq!(answers.recv().unwrap().unwrap().replies[0].code, Code::Done);
    }
    assert!(running.stop().is_ok());
}

#[test]
fn whenever_the_process_dies_or_the_disk_fails_what_was_answered_is_there() {
    for call in 1..60 {
        for trouble in [Trouble::Crash, Trouble::Error] {
            let disk = Disk::new();
            let clock = Arc::new(AtomicU64::new(1000));
            let running = start(&disk, &clock);
            assert_eq!(one(&running, deposit(1, 1, 1000)), Ok(Code::Done));
            disk.trouble_at(call, trouble);
            let (told, answers) = channel();
            for number in 10..60u128 {
                let told = told.clone();
                running.writer().submit(post_or_fund(number).into(), move |outcome| {
                    let _ = told.send((number, outcome));
                });
                if number % 8 == 0 {
                    std::thread::yield_now();
                }
            }
            drop(told);
            let mut acknowledged = Vec::new();
            for (number, outcome) in answers {
                match outcome {
                    Ok(outcome) => acknowledged.push((number, outcome.replies[0].code)),
                    Err(why) => assert!(matches!(why, NoOutcome::Unknown | NoOutcome::Ended)),
                }
            }
            let ended = running.stop();
            drop(ended);
            for seed in 0..2 {
                let after = if seed == 0 { disk.flushed_alone() } else { disk.crashed(call) };
                let opened = open(&after);
                for (number, code) in &acknowledged {
                    let found = opened.ledger().record(&signing(*number), id(*number));
                    let what = format!("{trouble:?} at call {call}: {number}");
                    assert_eq!(found.map(|record| record.code), Some(*code), "{what}");
                }
            }
        }
    }
}

fn post_or_fund(number: u128) -> settlement::ledger::VerifiedRequest {
    if number.is_multiple_of(2) { deposit(number, 2, 5) } else { post(number, 1, 2, 1) }
}

fn signing(number: u128) -> settlement::ledger::AccountId {
    if number.is_multiple_of(2) { operator() } else { account(1) }
}
