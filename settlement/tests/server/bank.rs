//! A server in a temporary directory, its operator, and people.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::client::{Client, Decided};
use settlement::config::CONFIG_FILE;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Charter, Currency, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::server::{
    Clock, JOURNAL_DIRECTORY, OPERATOR_KEY_FILE, Server, ServerError, Start, init, load_key,
};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// When every test begins.
pub const BEGIN: Time = Time(1_800_000_000_000);
/// Until when requests are good.
pub const UNTIL: Time = Time(BEGIN.0 + 3_600_000);

/// A clock that a test sets, and can hold: then whoever asks waits.
#[derive(Default)]
pub struct Hands {
    wall: AtomicU64,
    passed: AtomicU64,
    held: Mutex<bool>,
    let_go: Condvar,
    asked: AtomicBool,
}

impl Hands {
    /// Time passes.
    pub fn pass(&self, ms: u64) {
        self.passed.fetch_add(ms, Ordering::SeqCst);
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub fn set(&self, wall: Time) {
        self.wall.store(wall.0, Ordering::SeqCst);
    }

    /// Holds the clock; returns when somebody waits for it.
    pub async fn hold(&self) {
        *self.held.lock().unwrap() = true;
        self.asked.store(false, Ordering::SeqCst);
        while !self.asked.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn let_go(&self) {
        *self.held.lock().unwrap() = false;
        self.let_go.notify_all();
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        let mut held = self.held.lock().unwrap();
        while *held {
            self.asked.store(true, Ordering::SeqCst);
            held = self.let_go.wait(held).unwrap();
        }
        Time(self.wall.load(Ordering::SeqCst))
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

/// How a server is opened: where its journal is.
pub type Opening = Arc<dyn Fn(&Path, Start) -> Result<Server, ServerError> + Send + Sync>;

/// A server's directory.
pub struct Bank {
    pub opening: Opening,
    pub dir: PathBuf,
    pub charter: Charter,
    pub hands: Arc<Hands>,
    pub operator: SecretKey,
    _place: tempfile::TempDir,
}

/// A server that runs in a runtime of its own.
pub struct Open {
    pub file: CharterFile,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServerError>>,
}

pub fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

pub fn person(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub fn account(seed: u8) -> AccountId {
    AccountId::of_owner(&person(seed).public(), eur())
}

pub fn id(number: u128) -> RequestId {
    RequestId::new(number).unwrap()
}

pub fn sum(amount: u64) -> Sum {
    Sum::new(amount).unwrap()
}

impl Bank {
    pub fn found() -> Self {
        Self::found_with("")
    }

    /// With more lines in its configuration.
    pub fn found_with(more: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("bank");
        let listen = "127.0.0.1:0".parse().unwrap();
        let charter = init(&dir, listen).unwrap().charter;
        let config = format!("listen = \"{listen}\"\nsegment_mib = 1\n{more}");
        std::fs::write(dir.join(CONFIG_FILE), config).unwrap();
        let hands = Arc::new(Hands::default());
        hands.set(BEGIN);
        let operator = load_key(&dir, OPERATOR_KEY_FILE).unwrap();
        assert!(dir.join(CHARTER_FILE).exists());
        Self { opening: Arc::new(Server::open), dir, charter, hands, operator, _place: place }
    }

    /// A copy of it as it lies there, which goes its own way.
    pub fn forked(&self) -> Self {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("bank");
        copy(&self.dir, &dir);
        let hands = Arc::new(Hands::default());
        hands.set(BEGIN);
        let operator = SecretKey::from_seed(self.operator.seed());
        let opening = Arc::clone(&self.opening);
        Self { opening, dir, charter: self.charter, hands, operator, _place: place }
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join(JOURNAL_DIRECTORY)
    }

    /// Opens its doors. After a kill the lock may still be held for a moment.
    pub async fn open(&self) -> Open {
        for _ in 0..1000 {
            match self.try_open(false).await {
                Ok(open) => return open,
                Err(ServerError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the directory stays in use");
    }

    pub async fn try_open(&self, confirm_clock: bool) -> Result<Open, ServerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (dir, clock) = (self.dir.clone(), self.hands.clone());
        let open = Arc::clone(&self.opening);
        let opening = runtime.spawn(async move {
            let server = open(&dir, Start { clock, confirm_clock })?;
            let address = server.local_addr()?.to_string();
            let file = CharterFile { address, ..server.charter_file().clone() };
            Ok((server, file))
        });
        let (server, file) = match opening.await.unwrap() {
            Ok(opened) => opened,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let (stop, stopped) = oneshot::channel();
        let ended = runtime.spawn(server.run(async move { drop(stopped.await) }));
        Ok(Open { file, runtime, stop, ended })
    }

    /// What the operator signs.
    pub fn deposit(&self, number: u128, owner: u8, amount: u64) -> SignedRequest {
        let action = Action::Deposit {
            owner: person(owner).public(),
            currency: eur(),
            amount: sum(amount),
            reference: Digest::default(),
        };
        self.sign(&self.operator, number, action)
    }

    pub fn post(&self, number: u128, from: u8, to: u8, amount: u64) -> SignedRequest {
        let reference = Digest([7; 32]);
        let (debit, credit) = (account(from), account(to));
        let movement = Movement { debit, credit, amount: sum(amount), reference };
        self.sign(&person(from), number, Action::Post(movement))
    }

    pub fn hold(
        &self,
        number: u128,
        from: u8,
        to: u8,
        amount: u64,
        timeout: Time,
    ) -> SignedRequest {
        let reference = Digest([8; 32]);
        let (debit, credit) = (account(from), account(to));
        let movement = Movement { debit, credit, amount: sum(amount), reference };
        self.sign(&person(from), number, Action::Hold { movement, timeout })
    }

    pub fn sign(&self, by: &SecretKey, number: u128, action: Action) -> SignedRequest {
        let request = Request { id: id(number), until: UNTIL, action };
        SignedRequest::sign(&request, &Signer::new(by), &self.charter)
    }
}

impl Open {
    pub fn client(&self, seed: u8) -> Client {
        self.client_of(&person(seed))
    }

    pub fn client_of(&self, key: &SecretKey) -> Client {
        Client::connect(key, &self.file).unwrap()
    }

    /// Gives each of these people so much.
    pub async fn fund(&self, bank: &Bank, people: &[u8], amount: u64) {
        let teller = self.client_of(&bank.operator);
        let deposits: Vec<_> = people
            .iter()
            .map(|one| bank.deposit(1_000_000 + u128::from(*one), *one, amount))
            .collect();
        assert!(teller.submit(&deposits).await.unwrap().is_done());
    }

    /// Closes the doors in order.
    pub async fn stop(self) -> Result<(), ServerError> {
        let _ = self.stop.send(());
        let ended = self.ended.await.unwrap();
        self.runtime.shutdown_background();
        ended
    }

    /// Waits for an end that nobody asked for.
    pub async fn end(self) -> Result<(), ServerError> {
        let ended = self.ended.await.unwrap();
        self.runtime.shutdown_background();
        ended
    }

    /// Everything of the server is gone at once.
    pub fn kill(self) {
        self.runtime.shutdown_background();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    // Others may not enter it, as with what it is copied from.
    std::fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The code of a single request.
pub fn code(decided: &Decided) -> settlement::ledger::Code {
    decided.results[0].code
}
