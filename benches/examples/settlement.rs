//! Signed transfers a second through the real settlement server, over QUIC on loopback, with the
//! clients on the same machine.
//! `cargo run --release -p benches --example settlement [clients] [transfers] [read|verify] [directory]`
//!
//! Requests are signed before the clock starts. Each client has a socket and a connection of its
//! own, sends one request, waits for its answer, and sends the next. The server checks each
//! signature, decides, flushes, and answers with a receipt. With `verify` (the default) the
//! client checks the receipt too: the head's signature, the path, and that it is his request;
//! with `read` he only decodes it.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example that reports figures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use link::{Connection, Endpoint, Identity, Limits, PeerKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::config::CONFIG_FILE;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Charter, Code, Currency, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::server::{
    Clock as _, OPERATOR_KEY_FILE, Server, Start, SystemClock, init, load_key,
};
use settlement::service::{Answer, Answered, Asked, MAX_ANSWER, Question};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, oneshot};

const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |otherwise| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (clients, transfers): (usize, usize) = (number(32), number(100_000));
    let verify = arguments.next().is_none_or(|text| text != "read");
    let place = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = place.join(format!("settlement-bench-{}", std::process::id()));

    let bank = Bank::open(&dir);
    let people: Vec<SecretKey> = (0..clients).map(key).collect();
    bank.fund(&people);
    let each = transfers.div_ceil(clients);
    let requests = sign(&people, each, &bank.file.charter);
    let outside = runtime("client");
    let (took, cpu, mut waited, batches) =
        outside.block_on(pay(&bank.file, people, requests, verify));
    outside.shutdown_background();

    waited.sort_unstable();
    let at = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let done = waited.len() as f64;
    let what = if verify { "verifies" } else { "reads" };
    println!(
        "{clients} clients, each {what} its receipts: {done} transfers in {took:.2} s: {:.0}/s; \
         p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.2} ms",
        done / took,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
    );
    println!(
        "{batches} batches of {:.1} on average; {:.0} us of CPU time a transfer, clients included",
        done / batches as f64,
        cpu * 1e6 / done
    );
    bank.close();
    std::fs::remove_dir_all(&dir).expect("the directory is removed");
}

/// A running server.
struct Bank {
    file: CharterFile,
    operator: SecretKey,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Bank {
    fn open(dir: &std::path::Path) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        init(dir, listen).expect("a new server");
        let config = format!("listen = \"{listen}\"\nmax_connections_per_address = 1024\n");
        std::fs::write(dir.join(CONFIG_FILE), config).expect("a configuration");
        let operator = load_key(dir, OPERATOR_KEY_FILE).expect("the operator's key");
        let runtime = runtime("server");
        let (stop, stopped) = oneshot::channel();
        let (file, ended) = runtime.block_on(async {
            let server = Server::open(dir, Start::default()).expect("a server");
            let address = server.local_addr().expect("an address").to_string();
            let file = CharterFile { address, ..server.charter_file().clone() };
            let serving = server.run(async { drop(stopped.await) });
            (file, tokio::spawn(async { serving.await.expect("an orderly end") }))
        });
        Self { file, operator, runtime, stop, ended }
    }

    fn fund(&self, people: &[SecretKey]) {
        let deposits = people.iter().zip(1u128..).map(|(person, number)| {
            let action = Action::Deposit {
                owner: person.public(),
                currency: eur(),
                amount: Sum::new(1 << 40).expect("not zero"),
                reference: Digest::default(),
            };
            let request = Request { id: id(number), until: until(), action };
            SignedRequest::sign(&request, &Signer::new(&self.operator), &self.file.charter)
        });
        let deposits: Vec<_> = deposits.collect();
        self.runtime.block_on(async {
            let teller = Client::connect(&self.operator, &self.file).expect("a socket");
            for some in deposits.chunks(64) {
                assert!(teller.submit(some).await.expect("an answer").is_done());
            }
        });
    }

    fn close(self) {
        let _ = self.stop.send(());
        self.runtime.block_on(self.ended).expect("an orderly end");
    }
}

/// How a client asks.
enum Asker {
    Verifies(Client),
    Reads(Connection),
}

impl Asker {
    async fn new(key: &SecretKey, file: &CharterFile, verify: bool) -> Self {
        if verify {
            let client = Client::connect(key, file).expect("a socket");
            client.head().await.expect("an answer");
            return Self::Verifies(client);
        }
        let limits = Limits { max_answer_bytes: MAX_ANSWER, ..Limits::default() };
        let identity = Identity::from_seed(key.seed());
        let endpoint = Endpoint::client(&identity, limits).expect("a socket");
        let address = file.address.parse().expect("an address");
        let server = PeerKey(file.charter.server().0);
        Self::Reads(endpoint.connect(address, server, PATIENCE).await.expect("a connection"))
    }

    /// Submits one request; answers with the batch that it came into.
    async fn submit(&self, request: SignedRequest) -> u64 {
        match self {
            Self::Verifies(client) => {
                let decided = client.submit(&[request]).await.expect("an answer");
                assert!(decided.is_done());
                decided.receipt.expect("a receipt").receipt().batch
            }
            Self::Reads(connection) => {
                let question = Asked::Other(Question::Submit(vec![request.as_bytes().to_vec()]));
                let answer = connection.request(&question, PATIENCE).await.expect("an answer");
                let Answered::Other(Answer::Submitted(submitted)) = answer else { return 0 };
                assert!(submitted.results.iter().all(|result| result.code == Code::Done));
                submitted.receipt.expect("a receipt").batch
            }
        }
    }
}

async fn pay(
    file: &CharterFile,
    people: Vec<SecretKey>,
    requests: Vec<Vec<SignedRequest>>,
    verify: bool,
) -> (f64, f64, Vec<Duration>, usize) {
    let start = Arc::new(Barrier::new(people.len() + 1));
    let mut payers = tokio::task::JoinSet::new();
    for (person, requests) in people.into_iter().zip(requests) {
        let (start, file) = (Arc::clone(&start), file.clone());
        payers.spawn(async move {
            let asker = Asker::new(&person, &file, verify).await;
            start.wait().await;
            let mut answered = Vec::with_capacity(requests.len());
            for request in requests {
                let asked = Instant::now();
                let batch = asker.submit(request).await;
                answered.push((asked.elapsed(), batch));
            }
            answered
        });
    }
    start.wait().await;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let answered: Vec<_> = payers.join_all().await.into_iter().flatten().collect();
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let batches: std::collections::HashSet<u64> =
        answered.iter().map(|(_, batch)| *batch).collect();
    (took, cpu, answered.into_iter().map(|(waited, _)| waited).collect(), batches.len())
}

fn sign(people: &[SecretKey], each: usize, charter: &Charter) -> Vec<Vec<SignedRequest>> {
    let accounts: Vec<_> =
        people.iter().map(|person| AccountId::of_owner(&person.public(), eur())).collect();
    let mut rng = StdRng::seed_from_u64(1);
    let mut signed = Vec::with_capacity(people.len());
    for (place, person) in people.iter().enumerate() {
        let signer = Signer::new(person);
        let mut of_person = Vec::with_capacity(each);
        for _ in 0..each {
            let other = (place + rng.random_range(1..people.len())) % people.len();
            let movement = Movement {
                debit: accounts[place],
                credit: accounts[other],
                amount: Sum::new(rng.random_range(1..1000)).expect("not zero"),
                reference: Digest(rng.random()),
            };
            let action = Action::Post(movement);
            let request =
                Request { id: id(rng.random_range(1..u128::MAX)), until: until(), action };
            of_person.push(SignedRequest::sign(&request, &signer, charter));
        }
        signed.push(of_person);
    }
    signed
}

fn key(number: usize) -> SecretKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::from_seed(&seed)
}

fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").expect("a currency")
}

fn id(number: u128) -> RequestId {
    RequestId::new(number).expect("not reserved")
}

fn until() -> Time {
    Time(SystemClock.now().0 + 24 * 3600 * 1000)
}

fn runtime(name: &str) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().thread_name(name).build().expect("a runtime")
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
