//! Transfers a second through ledger and journal on the real file system, and how long a start
//! takes after them. `cargo run --release --example throughput [transfers] [directory]`
//!
//! Random ids, batches of 8,000, one flush a batch; the next batch is applied while the one
//! before is flushed, and answers are released after their flush. Signatures are made before the
//! clock starts; "without signature checks" means that they were also verified before. Memory
//! for the ids is taken before the clock starts too.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example that reports figures")]

use std::path::PathBuf;
use std::time::Instant;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Movement, Outcome, Request, RequestId,
    SignedRequest, Sum,
};

const BATCH: usize = 8000;
const ACCOUNTS: u8 = 200;
const UNTIL: Time = Time(1_000_000);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let transfers = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let path = place.join(format!("settlement-throughput-{}", std::process::id()));

    let signer = |seed: u8| Signer::new(&SecretKey::from_seed(&[seed; 32]));
    let [server, operator, postings] = [253, 254, 255].map(signer);
    let charter = Charter::new(server.public(), operator.public(), postings.public(), 1000);
    let charter = charter.expect("three different keys");
    let people: Vec<Signer> = (1..=ACCOUNTS).map(signer).collect();
    let currency = Currency::from_bytes(*b"EUR\x02").expect("a currency");

    let started = Watch::start();
    let payments = payments(&people, currency, &charter, transfers);
    report("signing, all cores", transfers, started.elapsed());
    let started = Watch::start();
    let batches = verify(&payments, &charter);
    let verifying = started.elapsed();
    report("decoding and verifying, all cores", transfers, verifying);

    let options = Options::default();
    let storage = Directory::open(&path).expect("a directory");
    let opened =
        Bookkeeper::open(storage, charter, Signer::new(&SecretKey::from_seed(&[253; 32])), options);
    let mut keeper = opened.expect("a new journal").serve_confirmed();
    keeper.start_helpers(|| {}).expect("another handle");
    keeper.reserve(transfers);
    fund(&mut keeper, &people, currency, (&operator, &charter));
    let committing = commit(&mut keeper, batches);
    report("apply, journal and flush, without signature checks", transfers, committing);
    keeper.idle().expect("a mark");
    let digest = keeper.release(keeper.look(settlement::ledger::Ledger::digest)).expect("flushed");
    drop(keeper);

    let reopen = |what: &str| {
        let started = Watch::start();
        let storage = Directory::open(&path).expect("the directory");
        let server = Signer::new(&SecretKey::from_seed(&[253; 32]));
        let opened = Bookkeeper::open(storage, charter, server, options).expect("a sound journal");
        println!("{what}: {}, {:?}", started.elapsed(), opened.report());
        assert_eq!(opened.ledger().digest(), digest, "replay gave another state");
        opened.serve_confirmed()
    };
    let mut keeper = reopen("start by replay of everything");
    let started = Watch::start();
    keeper.snapshot().expect("a snapshot");
    println!("snapshot: {}", started.elapsed());
    drop(keeper);
    drop(reopen("start from the snapshot"));
    let bytes: u64 = std::fs::read_dir(&path)
        .expect("the directory")
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|file| file.len())
        .sum();
    println!("on disk with spares and snapshot: {} MiB", bytes >> 20);
    std::fs::remove_dir_all(&path).expect("the directory is removed");
}

fn payments(
    people: &[Signer],
    currency: Currency,
    charter: &Charter,
    transfers: usize,
) -> Vec<Vec<u8>> {
    let accounts: Vec<AccountId> =
        people.iter().map(|person| AccountId::of_owner(&person.public(), currency)).collect();
    let make = |seed: u64, count: usize| {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut made = Vec::with_capacity(count);
        while made.len() < count {
            let (from, to) = (rng.random_range(0..people.len()), rng.random_range(0..people.len()));
            let id = RequestId::new(rng.random());
            let (Some(id), true) = (id, from != to) else { continue };
            let movement = Movement {
                debit: accounts[from],
                credit: accounts[to],
                amount: Sum::new(rng.random_range(1..1000)).expect("not zero"),
                reference: Digest(rng.random()),
            };
            let request = Request { id, until: UNTIL, action: Action::Post(movement) };
            made.push(SignedRequest::sign(&request, &people[from], charter).as_bytes().to_vec());
        }
        made
    };
    let batches: Vec<usize> =
        (0..transfers).step_by(BATCH).map(|at| BATCH.min(transfers - at)).collect();
    on_all_cores(&batches, |place, count| make(place as u64, *count)).concat()
}

/// Does work on each of `things`, with its place, on as many threads as there are cores.
fn on_all_cores<T: Sync, R: Send>(things: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = things.len().div_ceil(cores).max(1);
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = things
            .chunks(share)
            .enumerate()
            .map(|(number, chunk)| {
                let numbered = (number * share..).zip(chunk);
                scope.spawn(move || {
                    numbered.map(|(place, thing)| work(place, thing)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn verify(payments: &[Vec<u8>], charter: &Charter) -> Vec<Vec<Chain>> {
    let batches: Vec<&[Vec<u8>]> = payments.chunks(BATCH).collect();
    on_all_cores(&batches, |_, batch| {
        let chains = batch.iter().map(|bytes| {
            let signed = SignedRequest::decode(bytes).expect("a request");
            Chain::from(signed.verify(charter).expect("signed"))
        });
        chains.collect()
    })
}

fn fund(
    keeper: &mut Bookkeeper<Directory>,
    people: &[Signer],
    currency: Currency,
    (operator, charter): (&Signer, &Charter),
) {
    let deposits = people.iter().enumerate().map(|(place, person)| {
        let action = Action::Deposit {
            owner: person.public(),
            currency,
            amount: Sum::new(1 << 40).expect("not zero"),
            reference: Digest::default(),
        };
        let id = RequestId::new(place as u128 + 1).expect("not reserved");
        let signed = SignedRequest::sign(&Request { id, until: UNTIL, action }, operator, charter);
        Chain::from(signed.verify(charter).expect("signed"))
    });
    let unflushed = keeper.submit(deposits.collect(), Time(1)).expect("applied");
    keeper.flush().expect("flushed");
    keeper.release(unflushed).expect("flushed");
}

fn commit(keeper: &mut Bookkeeper<Directory>, batches: Vec<Vec<Chain>>) -> Took {
    let done = |keeper: &Bookkeeper<Directory>, waiting| {
        let outcomes: Vec<Outcome> = keeper.release(waiting).expect("flushed");
        assert!(outcomes.iter().all(|outcome| outcome.replies[0].code == Code::Done));
    };
    let started = Watch::start();
    let mut before = None;
    for (place, batch) in batches.into_iter().enumerate() {
        let unflushed = keeper.submit(batch, Time(2 + place as u64)).expect("applied");
        // Waits for the flush of the batch before.
        keeper.begin_flush().expect("flushed");
        if let Some(waiting) = before.replace(unflushed) {
            done(keeper, waiting);
        }
    }
    keeper.end_flush().expect("flushed");
    if let Some(waiting) = before {
        done(keeper, waiting);
    }
    started.elapsed()
}

fn report(what: &str, transfers: usize, took: Took) {
    let per_second = |took: f64| transfers as f64 / took;
    println!(
        "{what}: {transfers} in {took}: {:.0}/s by the wall, {:.0}/s by CPU time",
        per_second(took.wall),
        per_second(took.cpu)
    );
}

/// Wall and CPU time since a moment. On a machine with other load the second says more.
struct Watch {
    started: Instant,
    cpu: f64,
}

#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

impl Watch {
    fn start() -> Self {
        Self { started: Instant::now(), cpu: cpu_seconds() }
    }

    fn elapsed(&self) -> Took {
        Took { wall: self.started.elapsed().as_secs_f64(), cpu: cpu_seconds() - self.cpu }
    }
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} s ({:.2} CPU s)", self.wall, self.cpu)
    }
}

/// User and system time of this process, as Linux tells it in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok());
    (ticks(11).unwrap_or_default() + ticks(12).unwrap_or_default()) / 100.0
}
