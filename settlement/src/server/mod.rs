//! The settlement server: a ledger and its journal, asked over QUIC.
//!
//! [`init`] makes a directory, [`Server`] serves it. Questions come through [`link`]; signatures
//! are checked on threads of their own; one writer decides, flushes once for all that wait, and
//! only then are answers given. Kill it at any instant: what was acknowledged is there after the
//! next start, without hand work.

mod alarm;
mod auctions;
mod checkers;
mod checking;
mod desk;
mod error;
pub mod files;
mod giving_way;
mod keys;
mod pages;
mod pieces;
pub mod private_file;
mod purchases;
mod service;
mod sight;
mod time;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auction::keys::{PublicKey, SecretKey};
use link::{Endpoint, Identity, Limits};

pub use auctions::kept_transcript;
pub use error::ServerError;
pub use keys::{
    EXPIRIES_PER_BATCH, OPERATOR_KEY_FILE, POSTINGS_KEY_FILE, SERVER_KEY_FILE, init, load_key,
};
pub use purchases::open_safe;
pub use time::{Clock, SystemClock};

use crate::bookkeeper::{Bookkeeper, Scanned};
use crate::charter_file::{CHARTER_FILE, CharterFile};
use crate::config::Config;
use crate::journal::{AnyStorage, Directory, JournalError, Options, Report, Storage};
use crate::layout::Signer;
use crate::ledger::{Ledger, Window};
use crate::service::{MAX_ANSWER, MAX_QUESTION};
use crate::writer::Running;
use alarm::Alarm;
use auctions::{AuctionKeys, Auctions, Limits as AuctionLimits};
use checkers::Checkers;
use desk::{Desk, Learnt};
use purchases::Purchases;
use service::Service;
use time::WriterClock;

/// The journal's place in a server's directory.
pub const JOURNAL_DIRECTORY: &str = "journal";
/// The place of the journal's index: it follows from the journal, and may be deleted while no
/// server runs.
pub const INDEX_DIRECTORY: &str = "index";
/// Time for an answer: a chain's flush, however many wait before it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked whether a snapshot is due.
const SNAPSHOT_LOOK: Duration = Duration::from_secs(1);
/// Batches replayed at a start from which on a snapshot is due at once.
const MANY_REPLAYED: u64 = 50_000;

/// How a server starts.
#[derive(Clone)]
pub struct Start {
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// The operator's word that the clock is right, where it is before the journal's last time
    /// or over an hour after it.
    pub confirm_clock: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), confirm_clock: false }
    }
}

/// A server, opened and not yet running.
pub struct Server {
    endpoint: Endpoint,
    keeper: Bookkeeper<AnyStorage>,
    config: Config,
    file: CharterFile,
    clock: Arc<dyn Clock>,
    auctions: Arc<Auctions>,
    purchases: Arc<Purchases>,
    learnt: Arc<Learnt>,
    /// Entries at the last snapshot, as far as is known.
    snapshot_at: u64,
}

impl Server {
    /// Opens the server that [`init`] made in `dir`, replays its journal and binds its address.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`]: what the operator has to mend.
    pub fn open(dir: &Path, start: Start) -> Result<Self, ServerError> {
        let made = Made::read(dir)?;
        if made.config.journal.is_some() {
            return Err(ServerError::JournalElsewhere(dir.to_owned()));
        }
        let (journal, index) = (open_directory(dir, JOURNAL_DIRECTORY)?, open_index(dir)?);
        Self::open_made(made, AnyStorage::new(journal), Box::new(index), start)
    }

    /// The same with journal and index on other storages than [`JOURNAL_DIRECTORY`] and
    /// [`INDEX_DIRECTORY`]. Who holds them must be alone with `dir`, as who holds the lock of a
    /// [`Directory`] in it is.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub fn open_on(
        dir: &Path,
        journal: impl Storage + 'static,
        index: impl Storage + 'static,
        start: Start,
    ) -> Result<Self, ServerError> {
        Self::open_made(Made::read(dir)?, AnyStorage::new(journal), Box::new(index), start)
    }

    /// Whoever has the journal has its lock, which is the server's: whatever else lies in the
    /// directory is used by nobody else.
    fn open_made(
        made: Made,
        journal: AnyStorage,
        index: Box<dyn Storage>,
        start: Start,
    ) -> Result<Self, ServerError> {
        let Made { dir, config, file, key, postings } = made;
        let options = Options { segment_bytes: u64::from(config.segment_mib) << 20 };
        let (charter, signer, window) = (file.charter, Signer::new(&key), Window::default());
        let mut opened = Bookkeeper::open_with(journal, index, charter, signer, options, window)?;
        let report = opened.report().clone();
        log(&report, opened.ledger());
        let identity = Identity::from_seed(key.seed());
        let keys = AuctionKeys { server: key, postings };
        let limits = AuctionLimits::from(&config);
        let Start { clock, confirm_clock } = start;
        let told = Arc::clone(&clock);
        let most = limits.max_bytes;
        let purchases = Purchases::open(&dir, file.charter, most, Arc::clone(&told))?;
        let purchases = Arc::new(purchases);
        let auctions = Arc::new(Auctions::open(&dir, file.charter, keys, limits, told)?);
        let learnt = Arc::new(Learnt::new(Arc::clone(&auctions), Arc::clone(&purchases)));
        opened.scan(Scanned::Marked, |number, time, entry| learnt.learn(number, time, entry))?;
        auctions.ready()?;
        let known = report.snapshot.is_some() && report.replayed < MANY_REPLAYED;
        let snapshot_at = if known { opened.ledger().entries() } else { 0 };
        let keeper = if confirm_clock {
            opened.serve_confirmed()
        } else {
            opened.serve(clock.now()).map_err(|(doubt, _)| doubt)?
        };
        let limits = Limits {
            max_connections: config.max_connections,
            max_connections_per_ip: config.max_connections_per_address,
            max_question_bytes: MAX_QUESTION,
            max_answer_bytes: MAX_ANSWER,
            answer_timeout: ANSWER_TIMEOUT,
            ..Limits::default()
        };
        let endpoint = Endpoint::bind(config.listen, &identity, limits)?;
        Ok(Self { endpoint, keeper, config, file, clock, auctions, purchases, learnt, snapshot_at })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`ServerError::Link`] when the operating system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, ServerError> {
        Ok(self.endpoint.local_addr()?)
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.file.charter.server()
    }

    /// What its clients are given.
    #[must_use]
    pub fn charter_file(&self) -> &CharterFile {
        &self.file
    }

    /// Serves until `shutdown` completes; then lets what waits finish, and writes a snapshot.
    /// Dropping the future is a kill: what was acknowledged is on the disk, and another
    /// [`Server::open`] goes on from there.
    ///
    /// # Errors
    /// [`ServerError::Journal`] when a write or flush failed: who waited was told that the
    /// result is unknown. [`ServerError::ClockDrifted`] when the clock was set.
    /// [`ServerError::Died`] when a part of the server died by a defect. Nothing a client does
    /// ends it.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let addr = self.endpoint.local_addr()?;
        let (alarm, drifted) = (Alarm::new(), Arc::new(OnceLock::new()));
        // Dropped with this future, and then the writer ends.
        let alive = Alive(Arc::new(AtomicBool::new(true)));
        let mut clock =
            WriterClock::begin(Arc::clone(&self.clock), Arc::clone(&alive.0), Arc::clone(&drifted));
        let watch = alarm.when_dropped("the writer");
        let running = Running::start_guarded(self.keeper, move || {
            // Owned by the writer's thread, so that its end raises the alarm.
            let _ = &watch;
            clock.now()
        });
        let charter = self.file.charter;
        let desk = Arc::new(Desk::new(charter, running.writer(), self.learnt));
        let (to, auctions) = (Arc::clone(&desk), Arc::clone(&self.auctions));
        let check =
            move |keyring: &mut _, waiting| checking::check(&to, &auctions, keyring, waiting);
        let checkers = Checkers::start(self.config.max_waiting_chains, &alarm, check)
            .map_err(ServerError::file("start the threads of", "the server"))?;
        let service = Arc::new(Service {
            desk: Arc::clone(&desk),
            checkers: Arc::new(checkers),
            clock: self.clock,
            auctions: Arc::clone(&self.auctions),
            purchases: Arc::clone(&self.purchases),
        });
        tracing::info!(key = %charter.server(), ledger = %charter.id(), %addr, "serving");
        let snapshots =
            take_snapshots(Arc::clone(&desk), self.config.snapshot_every, self.snapshot_at);
        let stopping = async {
            tokio::select! {
                () = shutdown => tracing::info!("shutting down"),
                what = alarm.raised() => tracing::error!(what, "ended; the server ends"),
                () = self.auctions.run(desk) => {}
                () = self.purchases.run() => {}
                () = snapshots => {}
            }
        };
        let served = self.endpoint.serve(service, stopping).await;
        let died = alarm.said();
        stop(running).await.map_err(|error| match (drifted.get(), error) {
            (Some(drifted), _) => ServerError::ClockDrifted(*drifted),
            (None, Some(error)) => ServerError::Journal(error),
            (None, None) => ServerError::Died("the writer"),
        })?;
        drop(alive);
        served?;
        match (drifted.get(), died) {
            (Some(drifted), _) => Err(ServerError::ClockDrifted(*drifted)),
            (None, Some(what)) => Err(ServerError::Died(what)),
            (None, None) => Ok(()),
        }
    }
}

/// While it lives, the writer goes on.
struct Alive(Arc<AtomicBool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The index of the server in `dir`, with its lock: where the journal is elsewhere, that makes a
/// process alone with `dir`.
///
/// # Errors
/// [`ServerError::InUse`] when another process has it, [`ServerError::File`].
pub fn open_index(dir: &Path) -> Result<Directory, ServerError> {
    open_directory(dir, INDEX_DIRECTORY)
}

/// A directory of the server's, with its lock.
fn open_directory(dir: &Path, name: &str) -> Result<Directory, ServerError> {
    let place = dir.join(name);
    Directory::open(&place).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => ServerError::InUse(dir.to_owned()),
        _ => ServerError::file("open", &place)(error),
    })
}

/// What [`init`] made, read back.
struct Made {
    dir: PathBuf,
    config: Config,
    file: CharterFile,
    /// Of the server, as the charter names it.
    key: SecretKey,
    postings: SecretKey,
}

impl Made {
    fn read(dir: &Path) -> Result<Self, ServerError> {
        let config = Config::load(dir)?;
        keys::refuse_open_directory(dir)?;
        let key = load_key(dir, SERVER_KEY_FILE)?;
        let file = CharterFile::load(&dir.join(CHARTER_FILE))?;
        if key.public() != file.charter.server() {
            return Err(ServerError::OtherKey(dir.join(SERVER_KEY_FILE)));
        }
        let postings = load_key(dir, POSTINGS_KEY_FILE)?;
        Ok(Self { dir: dir.to_owned(), config, file, key, postings })
    }
}

fn log(report: &Report, ledger: &Ledger) {
    let (entries, accounts) = (ledger.entries(), ledger.accounts().len());
    let (snapshot, indexed, replayed) = (report.snapshot, report.indexed, report.replayed);
    tracing::info!(entries, accounts, ?snapshot, ?indexed, replayed, "the journal was read back");
    for name in &report.damaged_snapshots {
        tracing::warn!(name, "a damaged snapshot was passed over");
    }
    if let Some(cut) = &report.cut {
        let (segment, offset, bytes) = (&cut.segment, cut.offset, cut.bytes);
        tracing::warn!(segment, offset, bytes, why = cut.what, "an unfinished write was cut off");
    }
    if report.copied > 0 {
        tracing::info!(batches = report.copied, "batches that were perhaps not flushed are now");
    }
}

/// Writes a snapshot whenever so many entries have come since the last.
async fn take_snapshots(desk: Arc<Desk>, every: u64, mut last: u64) {
    if every == 0 {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(SNAPSHOT_LOOK).await;
        let Some(entries) = desk.look(Ledger::entries).await else { continue };
        if entries - last.min(entries) < every {
            continue;
        }
        let taken = desk.ask(|keeper| {
            if let Err(error) = keeper.snapshot() {
                // The journal has stopped, and the writer ends with its next batch.
                tracing::error!(%error, "no snapshot was written");
            }
            keeper.look(|_| ())
        });
        if taken.await.is_some() {
            tracing::info!(entries, "a snapshot was written");
            last = entries;
        }
    }
}

/// Lets the writer finish what waits, and writes a snapshot.
async fn stop(running: Running<AnyStorage>) -> Result<(), Option<JournalError>> {
    let stopped = tokio::task::spawn_blocking(move || {
        let mut keeper = running.stop()?;
        if let Err(error) = keeper.snapshot() {
            tracing::warn!(%error, "no snapshot was written: the next start takes longer");
        }
        Ok(())
    });
    stopped.await.unwrap_or(Err(None))
}
