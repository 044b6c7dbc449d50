//! Transfers a second with the journal in a database, beside those on this machine's disk in the
//! same run: `cargo run --release -p journal-postgres --example compare URL [transfers] [directory]`
//!
//! The database must be empty, or hold what this program has left: its tables are not removed.
//! The index is on the disk both times. Batches of 8,000, 100 and 1, one flush each; the next batch
//! is applied while the one before is flushed. Signatures are made and checked before the clock
//! starts.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example that reports figures")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use journal_postgres::{Database, Taking, Target};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{AnyStorage, Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Movement, Request, RequestId, SignedRequest,
    Sum, Window,
};

const ACCOUNTS: u8 = 100;
const UNTIL: Time = Time(1_000_000_000);
/// Sizes of batches, and how many of each the small ones make at most.
const BATCHES: [(usize, usize); 3] = [(8000, usize::MAX), (100, 500), (1, 500)];
/// Segments for the largest batch.
const OPTIONS: Options = Options { segment_bytes: 16 << 20 };

fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a database");
    let transfers = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let target = Target::parse(&url).expect("a URL that names a database");
    let world = World::new();
    for (size, most) in BATCHES {
        let count = transfers.min(size.saturating_mul(most));
        let chains = world.transfers(count);
        let path = place.join(format!("compare-{}-{size}", std::process::id()));
        // A fresh journal each time: what the database holds is another's.
        Database::make(&target).expect("an empty database for each run: drop its schema gavel");
        let database = Database::open(&target, Taking::IfFree).expect("a journal");
        let directory = Directory::open(&path.join("journal")).expect("a directory");
        let disk = world.run(AnyStorage::new(directory), &path.join("index-1"), &chains, size);
        let rows = world.run(AnyStorage::new(database), &path.join("index-2"), &chains, size);
        println!(
            "batches of {size}: {disk:.0} transfers/s on the disk, {rows:.0} in the database: \
             {:.2} of the disk's",
            rows / disk
        );
        std::fs::remove_dir_all(&path).expect("the directory is removed");
        clear(&url);
    }
}

/// Removes the journal that this program has made.
fn clear(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("a database on this machine");
        tokio::spawn(connection);
        client.batch_execute("DROP SCHEMA gavel CASCADE").await.expect("removed");
    });
}

struct World {
    charter: Charter,
    people: Vec<Signer>,
    currency: Currency,
}

fn signer(seed: u8) -> Signer {
    Signer::new(&SecretKey::from_seed(&[seed; 32]))
}

impl World {
    fn new() -> Self {
        let [server, operator, postings] = [253, 254, 255].map(|seed| signer(seed).public());
        Self {
            charter: Charter::new(server, operator, postings, 1000).expect("three different keys"),
            people: (1..=ACCOUNTS).map(signer).collect(),
            currency: Currency::from_bytes(*b"EUR\x02").expect("a currency"),
        }
    }

    fn chain(&self, by: &Signer, number: usize, action: Action) -> Chain {
        let id = RequestId::new(number as u128 + 1).expect("not reserved");
        let signed = SignedRequest::sign(&Request { id, until: UNTIL, action }, by, &self.charter);
        Chain::from(signed.verify(&self.charter).expect("signed"))
    }

    fn transfers(&self, count: usize) -> Vec<Chain> {
        let account = |person: &Signer| AccountId::of_owner(&person.public(), self.currency);
        let pairs = self.people.iter().zip(self.people.iter().cycle().skip(1)).cycle();
        let transfers = pairs.take(count).enumerate().map(|(number, (from, to))| {
            let amount = Sum::new(1).expect("not zero");
            let (debit, credit) = (account(from), account(to));
            let movement = Movement { debit, credit, amount, reference: Digest::default() };
            self.chain(from, number, Action::Post(movement))
        });
        transfers.collect()
    }

    /// Transfers a second, by the wall.
    fn run(&self, storage: AnyStorage, index: &Path, chains: &[Chain], size: usize) -> f64 {
        let index = Box::new(Directory::open(index).expect("a directory"));
        let (server, window) = (signer(253), Window::default());
        let opened = Bookkeeper::open_with(storage, index, self.charter, server, OPTIONS, window);
        let mut keeper = opened.expect("a new journal").serve_confirmed();
        keeper.start_helpers(|| {}).expect("another handle");
        let deposits = self.people.iter().enumerate().map(|(number, person)| {
            let (owner, amount) = (person.public(), Sum::new(1 << 40).expect("not zero"));
            let reference = Digest::default();
            let action = Action::Deposit { owner, currency: self.currency, amount, reference };
            self.chain(&signer(254), number, action)
        });
        let _ = keeper.submit(deposits.collect(), Time(1)).expect("applied");
        keeper.flush().expect("flushed");
        let batches: Vec<Vec<Chain>> = chains.chunks(size).map(<[Chain]>::to_vec).collect();
        let started = Instant::now();
        let mut before = None;
        for batch in batches {
            let unflushed = keeper.submit(batch, Time(2)).expect("applied");
            keeper.begin_flush().expect("flushed");
            if let Some(waiting) = before.replace(unflushed) {
                check(keeper.release(waiting).expect("flushed"));
            }
        }
        keeper.end_flush().expect("flushed");
        if let Some(waiting) = before {
            check(keeper.release(waiting).expect("flushed"));
        }
        chains.len() as f64 / started.elapsed().as_secs_f64()
    }
}

fn check(outcomes: Vec<settlement::ledger::Outcome>) {
    let done = |outcome: &settlement::ledger::Outcome| {
        outcome.replies.first().is_some_and(|reply| reply.code == Code::Done)
    };
    assert!(outcomes.iter().all(done), "every transfer is made");
}
