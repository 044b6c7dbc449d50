//! What survives a kill: one embedded database a node, written by one thread.
//!
//! Callers send batches and wait until they are on the disk. The thread takes everything that
//! waits along in one commit, so that many auctions and bids share the cost of a flush. Secrets
//! are in it only sealed, under keys that lie in files of their own and are
//! destroyed when an auction ends.

mod batch;
pub mod inspect;
mod records;
mod vault;
mod writer;

use std::path::Path;
use std::sync::Arc;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::wire::WireError;
use redb::{Builder, Database, DatabaseError};
use tokio::sync::{mpsc, oneshot};

pub(crate) use batch::Batch;
pub(crate) use records::{
    AuctionRow, BidRow, Closed, End, EndedAuction, FindingRow, Stored, StoredAuction, TombEnd,
    TombRow, WatchRow,
};
pub(crate) use vault::{StorageKey, Vault};

use crate::alarm::Alarm;
use crate::error::NodeError;
use crate::limits::{STORE_CACHE, STORE_PAUSE, STORE_QUEUE};
use crate::private_file;
use batch::Operation;
use writer::Request;

/// The database's name in a node's directory.
pub const STORE_FILE: &str = "store.redb";

/// Why something was not stored or not read. It may be on the disk all the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, fails, or the file is damaged.
    #[error("{0}; check the disk and its free space")]
    Database(Arc<redb::Error>),
    /// A file of the store beside the database.
    #[error("{path}: {reason}; check the disk and its free space")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A row does not decode, or a value does not encode.
    #[error("a row of table {table} is damaged: {reason}")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: WireError,
    },
    /// A sealed value does not open.
    #[error("a sealed {0} does not open: it was altered, or belongs to another key")]
    Sealed(&'static str),
    /// The node is shutting down.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    fn database(error: impl Into<redb::Error>) -> Self {
        Self::Database(Arc::new(error.into()))
    }
}

/// The way to the writer thread. Clones are the same store; the thread ends, and gives the
/// database file back, when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Store {
    requests: mpsc::Sender<Request>,
}

impl Store {
    /// Opens the store of the node in `dir`, with all auctions in it. When its thread dies, the
    /// alarm tells.
    ///
    /// # Errors
    /// [`NodeError::InUse`] when another process has it open, [`NodeError::Store`].
    pub(crate) fn open(dir: &Path, alarm: &Alarm) -> Result<(Self, Stored), NodeError> {
        let path = dir.join(STORE_FILE);
        private_file::keep_private(&path).map_err(NodeError::file("make private", &path))?;
        let failed = |source| NodeError::Store { path: dir.to_owned(), source };
        let database = match builder().create(&path) {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(NodeError::InUse(dir.to_owned()));
            }
            opened => opened.map_err(|error| failed(StoreError::database(error)))?,
        };
        let stored = records::load(&database).map_err(failed)?;
        let store = Self::start(database, Box::new(move || builder().open(&path)), alarm);
        Ok((store, stored))
    }

    fn start(database: Database, reopen: writer::Reopen, alarm: &Alarm) -> Self {
        let (requests, receiver) = mpsc::channel(STORE_QUEUE);
        let watch = alarm.on_panic("the thread that writes the store");
        std::thread::spawn(move || {
            let _watch = watch;
            writer::run(database, &reopen, receiver);
        });
        Self { requests }
    }

    /// Stores a batch. Returns when it is on the disk.
    ///
    /// # Errors
    /// [`StoreError`]: then it is not known whether the batch will be found after a restart.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        self.submit(&Arc::new(batch.finish()?)).await
    }

    /// Stores a batch, however often the disk fails; without it nothing can go on.
    ///
    /// # Errors
    /// [`StoreError::Closed`] and [`StoreError::Row`], which no repetition mends.
    pub(crate) async fn write_surely(&self, batch: Batch) -> Result<(), StoreError> {
        let operations = Arc::new(batch.finish()?);
        loop {
            match self.submit(&operations).await {
                Err(StoreError::Database(_)) => tokio::time::sleep(STORE_PAUSE).await,
                other => return other,
            }
        }
    }

    async fn submit(&self, operations: &Arc<Vec<Operation>>) -> Result<(), StoreError> {
        let (done, stored) = oneshot::channel();
        let request = Request::Write { operations: Arc::clone(operations), done };
        self.requests.send(request).await.map_err(|_| StoreError::Closed)?;
        stored.await.map_err(|_| StoreError::Closed)?
    }

    /// Reads what is kept of an ended auction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn read_ended(&self, id: Digest) -> Result<EndedAuction, StoreError> {
        let (request, read) = reading(move |open| records::ended(open, &id));
        self.requests.send(request).await.map_err(|_| StoreError::Closed)?;
        read.await.map_err(|_| StoreError::Closed)?
    }

    /// Finds the first of the bids of these keys in an auction, in their order: until one is not
    /// there, or they are long enough for one question. Waits for the writer thread: for
    /// computations, not for tasks.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Panics
    /// In a task of the runtime.
    pub(crate) fn find_bids(
        &self,
        id: Digest,
        bidders: Vec<PublicKey>,
    ) -> Result<Vec<BidRow>, StoreError> {
        self.compute_read(move |open| records::find_bids(open, &id, &bidders))
    }

    /// The next bids of an auction behind that of a key, or the first: some of them, in the order of
    /// their keys. None when there are no more.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Panics
    /// In a task of the runtime.
    pub(crate) fn next_bids(
        &self,
        id: Digest,
        after: Option<PublicKey>,
    ) -> Result<Vec<(PublicKey, BidRow)>, StoreError> {
        self.compute_read(move |open| records::next_bids(open, &id, after.as_ref()))
    }

    fn compute_read<T: Send + 'static>(
        &self,
        from: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (request, read) = reading(from);
        self.requests.blocking_send(request).map_err(|_| StoreError::Closed)?;
        read.blocking_recv().map_err(|_| StoreError::Closed)?
    }
}

type Read<T> = oneshot::Receiver<Result<T, StoreError>>;

/// A question to the writer thread, and where its answer comes.
fn reading<T: Send + 'static>(
    from: impl FnOnce(&Database) -> Result<T, StoreError> + Send + 'static,
) -> (Request, Read<T>) {
    let (done, read) = oneshot::channel();
    let reading = move |open: Result<&Database, StoreError>| {
        // Who asked may be gone.
        let _ = done.send(open.and_then(from));
    };
    (Request::Read(Box::new(reading)), read)
}

/// How the database is opened. Left to itself it keeps up to a gigabyte in memory.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(STORE_CACHE);
    builder
}

#[cfg(test)]
mod tests;
