//! Payments through the real settlement server over QUIC on loopback: each is signed, checked,
//! decided, flushed, and answered with a receipt.

use std::collections::HashSet;
use std::path::Path;
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
use settlement::journal::Receipt;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Charter, Code, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::server::{
    Clock as _, OPERATOR_KEY_FILE, Server, Start, SystemClock, init, load_key,
};
use settlement::service::{Answer, Answered, Asked, MAX_ANSWER, Question};
use tokio::runtime::Runtime;
use tokio::sync::{Barrier, oneshot};
use tokio::task::JoinSet;

use super::ledger::eur;
use super::machine::processor_seconds;

/// Long enough that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Deposits in one chain.
const DEPOSITS: usize = 64;

/// What a run took.
pub(crate) struct Payments {
    /// Payments a second.
    pub(crate) rate: f64,
    /// From request to receipt: the middle one, the one before the slowest hundredth, the slowest.
    pub(crate) middle: Duration,
    pub(crate) slow: Duration,
    pub(crate) slowest: Duration,
    /// Payments that share a batch, and so a flush and a signed head.
    pub(crate) together: f64,
    /// Processor seconds of one, the payer's included.
    pub(crate) processor: f64,
}

/// `clients` payers with a connection each pay `n` times in all, each waiting for its receipt
/// before it pays again. All receipts are verified: by the payers within the time where `within`
/// says so, after it otherwise.
pub(crate) fn through_server(clients: usize, n: usize, within: bool) -> Payments {
    let dir = tempfile::tempdir().expect("room for a journal");
    let bank = Bank::open(&dir.path().join("server"));
    let mut people: Vec<SecretKey> = (0..=clients).map(key).collect();
    bank.fund(&people);
    // One more has an account and buys nothing.
    let shop = people.pop().expect("one more than payers");
    let requests = sign(&people, &shop, n.div_ceil(clients), &bank.file.charter);
    let outside = Runtime::new().expect("a runtime");
    let bought = outside.block_on(buy(&bank.file, people, requests, within));
    outside.shutdown_background();
    let mut waited = bought.waited;
    let done = waited.len();
    let mut batches = HashSet::new();
    for receipt in bought.receipts {
        receipt.verify(&bank.file.charter).expect("a receipt that holds");
        batches.insert(receipt.batch);
    }
    bank.close();
    waited.sort_unstable();
    Payments {
        rate: done as f64 / bought.seconds,
        middle: waited[done / 2],
        slow: waited[(done - 1) * 99 / 100],
        slowest: waited[done - 1],
        together: done as f64 / batches.len() as f64,
        processor: bought.processor / done as f64,
    }
}

/// What all payers got, and what it took.
struct Bought {
    receipts: Vec<Receipt>,
    waited: Vec<Duration>,
    /// By the wall clock, and of processor time.
    seconds: f64,
    processor: f64,
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
    fn open(dir: &Path) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        init(dir, listen).expect("a new server");
        let config = format!("listen = \"{listen}\"\nmax_connections_per_address = 1024\n");
        std::fs::write(dir.join(CONFIG_FILE), config).expect("a configuration");
        let operator = load_key(dir, OPERATOR_KEY_FILE).expect("the operator's key");
        let runtime = Runtime::new().expect("a runtime");
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
            let id = RequestId::new(number).expect("not reserved");
            let request = Request { id, until: until(), action };
            SignedRequest::sign(&request, &Signer::new(&self.operator), &self.file.charter)
        });
        let deposits: Vec<_> = deposits.collect();
        self.runtime.block_on(async {
            let teller = Client::connect(&self.operator, &self.file).expect("a socket");
            for some in deposits.chunks(DEPOSITS) {
                assert!(teller.submit(some).await.expect("an answer").is_done());
            }
        });
    }

    fn close(self) {
        // It may have ended, which the next line tells.
        let _ = self.stop.send(());
        self.runtime.block_on(self.ended).expect("an orderly end");
    }
}

/// How a payer asks.
enum Buyer {
    Verifies(Client),
    Reads(Connection),
}

impl Buyer {
    async fn new(key: &SecretKey, file: &CharterFile, verifies: bool) -> Self {
        if verifies {
            let client = Client::connect(key, file).expect("a socket");
            client.head().await.expect("an answer");
            return Self::Verifies(client);
        }
        let limits = Limits { max_answer_bytes: MAX_ANSWER, ..Limits::default() };
        let endpoint = Endpoint::client(&Identity::from_seed(key.seed()), limits);
        let address = file.address.parse().expect("an address");
        let server = PeerKey(file.charter.server().0);
        let connection = endpoint.expect("a socket").connect(address, server, PATIENCE).await;
        Self::Reads(connection.expect("a connection"))
    }

    async fn buy(&self, request: SignedRequest) -> Receipt {
        match self {
            Self::Verifies(client) => {
                let decided = client.submit(&[request]).await.expect("an answer");
                assert!(decided.is_done());
                decided.receipt.expect("a receipt").receipt().clone()
            }
            Self::Reads(connection) => {
                let question = Asked::Other(Question::Submit(vec![request.as_bytes().to_vec()]));
                match connection.request(&question, PATIENCE).await.expect("an answer") {
                    Answered::Other(Answer::Submitted(done)) => {
                        assert!(done.results.iter().all(|result| result.code == Code::Done));
                        *done.receipt.expect("a receipt")
                    }
                    other => panic!("expected a receipt, got {other:?}"),
                }
            }
        }
    }
}

async fn buy(
    file: &CharterFile,
    people: Vec<SecretKey>,
    requests: Vec<Vec<SignedRequest>>,
    within: bool,
) -> Bought {
    let start = Arc::new(Barrier::new(people.len() + 1));
    let mut payers = JoinSet::new();
    for (person, requests) in people.into_iter().zip(requests) {
        let (start, file) = (Arc::clone(&start), file.clone());
        payers.spawn(async move {
            let payer = Buyer::new(&person, &file, within).await;
            start.wait().await;
            let mut bought = Vec::with_capacity(requests.len());
            for request in requests {
                let asked = Instant::now();
                let receipt = payer.buy(request).await;
                bought.push((receipt, asked.elapsed()));
            }
            bought
        });
    }
    start.wait().await;
    let worked = || processor_seconds(std::process::id());
    let (begun, before) = (Instant::now(), worked());
    let bought = payers.join_all().await;
    let (seconds, processor) = (begun.elapsed().as_secs_f64(), worked() - before);
    let (receipts, waited) = bought.into_iter().flatten().unzip();
    Bought { receipts, waited, seconds, processor }
}

/// Payments from everybody to anybody else.
fn sign(
    people: &[SecretKey],
    shop: &SecretKey,
    each: usize,
    charter: &Charter,
) -> Vec<Vec<SignedRequest>> {
    let account = |person: &SecretKey| AccountId::of_owner(&person.public(), eur());
    let accounts: Vec<_> = people.iter().chain([shop]).map(account).collect();
    let mut rng = StdRng::seed_from_u64(1);
    let mut of_person = |(place, person): (usize, &SecretKey)| {
        let signer = Signer::new(person);
        let mut signed = Vec::with_capacity(each);
        for _ in 0..each {
            let other = (place + rng.random_range(1..accounts.len())) % accounts.len();
            let movement = Movement {
                debit: accounts[place],
                credit: accounts[other],
                amount: Sum::new(rng.random_range(1..1000)).expect("not zero"),
                reference: Digest(rng.random()),
            };
            let id = RequestId::new(rng.random_range(1..u128::MAX)).expect("not reserved");
            let request = Request { id, until: until(), action: Action::Post(movement) };
            signed.push(SignedRequest::sign(&request, &signer, charter));
        }
        signed
    };
    people.iter().enumerate().map(&mut of_person).collect()
}

fn key(number: usize) -> SecretKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::from_seed(&seed)
}

fn until() -> Time {
    Time(SystemClock.now().0 + 24 * 3600 * 1000)
}
