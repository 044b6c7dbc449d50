//! People who pay while something goes wrong, and what must be true of it afterwards.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use auction::spec::Time;
use journal_postgres::{Database, Target, Times};
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{Directory, Options};
use settlement::ledger::{Code, Window};
use settlement::writer::{NoOutcome, Running};

use crate::people::*;
use crate::server::Postgres;

pub const OPTIONS: Options = Options { segment_bytes: 64 << 10 };
/// The first payment's number, and how many there are.
pub const FIRST: u128 = 100;
pub const PAYMENTS: u128 = 400;

/// Opens a journal, its index in a directory, and that made anew.
pub fn open(database: &Postgres, storage: Database) -> Opened<Database> {
    let index = Box::new(Directory::open(&database.directory()).unwrap());
    let window = Window::default();
    Bookkeeper::open_with(storage, index, charter(), server(), OPTIONS, window).unwrap()
}

pub fn take(target: &Target, how: journal_postgres::Taking) -> Database {
    Database::open_with(target, how, Times::default()).unwrap()
}

/// A writer, with money in both accounts.
pub fn start(database: &Postgres, storage: Database) -> Running<Database> {
    let running = Running::start(open(database, storage).serve_confirmed(), || Time(1000));
    for person in 1..=2u8 {
        assert_eq!(one(&running, deposit(person.into(), person, 10_000)), Ok(Code::Done));
    }
    running
}

pub fn one(
    running: &Running<Database>,
    request: settlement::ledger::VerifiedRequest,
) -> Result<Code, NoOutcome> {
    let (told, answer) = channel();
    running.writer().submit(request.into(), move |outcome| told.send(outcome).unwrap());
    answer.recv().unwrap().map(|outcome| outcome.replies[0].code)
}

pub type Answers = Receiver<(u128, Result<(Code, bool), NoOutcome>)>;

/// Submits all payments, one unit each from 1 to 2, and goes on.
pub fn pay(running: &Running<Database>) -> Answers {
    pay_half(running).0
}

/// The same, the second half of them only once what comes with the answers is dropped.
fn pay_half(running: &Running<Database>) -> (Answers, Sender<()>) {
    let (gate, opened) = channel::<()>();
    let (told, answers) = channel();
    let payments: Vec<_> =
        (FIRST..FIRST + PAYMENTS).map(|number| (number, post(number, 1, 2, 1))).collect();
    let writer = running.writer();
    std::thread::spawn(move || {
        for (number, payment) in payments {
            if number == FIRST + PAYMENTS / 2 {
                let _ = opened.recv();
            }
            let told = told.clone();
            writer.submit(payment.into(), move |outcome| {
                let heard = outcome.map(|outcome| {
                    let reply = &outcome.replies[0];
                    (reply.code, reply.repeated)
                });
                let _ = told.send((number, heard));
            });
            // So that there are many batches.
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
    });
    (answers, gate)
}

/// A load under way.
pub struct Amid {
    pub running: Running<Database>,
    pub answers: Answers,
    /// The second half of the payments waits until it is dropped.
    pub gate: Sender<()>,
}

/// Starts a writer and a load; some payments are through.
pub fn amid(server: &Postgres, database: &str, storage: Database) -> Amid {
    let running = start(server, storage);
    let (answers, gate) = pay_half(&running);
    while is_early(server, database) {
        std::thread::yield_now();
    }
    Amid { running, answers, gate }
}

/// All answers; only those that tell a result.
pub fn acknowledged(answers: Answers) -> BTreeMap<u128, Code> {
    let mut known = BTreeMap::new();
    let mut heard = 0;
    for (number, outcome) in answers {
        heard += 1;
        match outcome {
            Ok((code, _)) => {
                known.insert(number, code);
            }
            Err(why) => assert!(matches!(why, NoOutcome::Unknown | NoOutcome::Ended), "{why}"),
        }
    }
    assert_eq!(heard, PAYMENTS, "somebody was told nothing");
    known
}

/// Everything acknowledged is there; all payments made again have one effect each.
pub fn verify(database: &Postgres, storage: Database, known: &BTreeMap<u128, Code>) {
    let opened = open(database, storage);
    for (number, code) in known {
        let found = opened.ledger().record(&account(1), id(*number));
        assert_eq!(found.map(|record| record.code), Some(*code), "payment {number} was lost");
    }
    let stood: u64 = (FIRST..FIRST + PAYMENTS)
        .filter(|number| opened.ledger().record(&account(1), id(*number)).is_some())
        .count() as u64;
    assert_eq!(balances(opened.ledger(), 2).posted(), 10_000 + i128::from(stood));
    let running = Running::start(opened.serve_confirmed(), || Time(1000));
    for (number, outcome) in pay(&running) {
        let (code, repeated) = outcome.unwrap();
        assert_eq!(code, Code::Done);
        assert!(repeated || !known.contains_key(&number), "payment {number} was made twice");
    }
    let keeper = running.stop().ok().unwrap();
    let both = keeper.look(|ledger| (balances(ledger, 1).posted(), balances(ledger, 2).posted()));
    let all = i128::try_from(PAYMENTS).unwrap();
    assert_eq!(keeper.release(both), Ok((10_000 - all, 10_000 + all)));
}

/// Whether hardly any payment has been through: fewer than a few flushes.
fn is_early(server: &Postgres, database: &str) -> bool {
    let rows = server.sql(database, "SELECT coalesce(max(seq), 0) FROM gavel.journal");
    rows[0].parse::<u64>().unwrap() < 12
}
