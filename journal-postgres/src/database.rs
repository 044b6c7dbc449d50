//! The storage: files of a journal as rows of a database that one server holds at a time.

use std::io;
use std::sync::Arc;

use settlement::journal::Storage;

use crate::files::{Entry, Files};
use crate::lease::{self, NotTaken, Taking};
use crate::reading::Reading;
use crate::renewing::Renewing;
use crate::session::Session;
use crate::shared::{Shared, Writing};
use crate::target::Target;
use crate::trouble::Trouble;
use crate::worker::Worker;
use crate::{Times, schema};

/// Bytes that wait for a flush before they are put into a transaction of their own, as a disk
/// Most bytes that one write takes; whoever has more writes again.
const MAX_WRITE_BYTES: usize = 4 << 20;
/// would write them of itself.
const MAX_WAITING_BYTES: usize = 8 << 20;

/// A journal's files in a database. Whoever opened it to write has the lease while this or
/// [`Storage::another`] of it lives; it is let go of when the last is dropped.
pub struct Database {
    reading: Reading,
    // Before what it keeps alive.
    _renewing: Option<Arc<Renewing>>,
    shared: Arc<Shared>,
}

impl Database {
    /// Makes the tables of a journal, empty; where they are and have been empty ever since, there
    /// is nothing to be done.
    ///
    /// # Errors
    /// `AlreadyExists` when the database holds somebody's journal; otherwise as the database gives them.
    pub fn make(target: &Target) -> io::Result<()> {
        let (worker, times) = (Worker::start()?, Times::default());
        let target = target.clone();
        let made = worker.wait(times.answer, async move {
            let session = Session::connect(target, true).await?;
            if session.is_made().await? {
                let last: i64 = session.client.query_one(schema::LAST, &[]).await?.try_get(0)?;
                return Ok(last == 0);
            }
            session.client.batch_execute("BEGIN").await?;
            session.client.batch_execute(schema::MAKE).await?;
            session.client.execute(schema::FIRST_LEASE, &[&schema::LAYOUT]).await?;
            session.client.batch_execute("COMMIT").await?;
            Ok(true)
        })?;
        if made {
            return Ok(());
        }
        let what = "the database holds a journal already: one database keeps one journal";
        Err(io::Error::new(io::ErrorKind::AlreadyExists, what))
    }

    /// Opens a journal to write it, which takes its lease.
    ///
    /// # Errors
    /// `WouldBlock` when another process has the lease, `NotFound` when the database holds no
    /// journal; otherwise as the database gives them.
    pub fn open(target: &Target, how: Taking) -> io::Result<Self> {
        Self::open_with(target, how, Times::default())
    }

    /// The same with other times.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open_with(target: &Target, how: Taking, times: Times) -> io::Result<Self> {
        let worker = Worker::start()?;
        let own = target.clone();
        let opened = worker.wait(times.answer, async move {
            let session = connect(own, true).await?;
            let prepared = session.prepare().await?;
            let taken = lease::take(&session, &lease::own_name(), how, times.lease).await;
            let lease = match taken {
                Ok(lease) => lease,
                Err(NotTaken::Held(what)) => return Ok(Err(what)),
                Err(NotTaken::Trouble(trouble)) => return Err(trouble),
            };
            let files = files(&session).await?;
            Ok(Ok((Writing::new(session, prepared, &lease), files)))
        })?;
        let (writing, files) =
            opened.map_err(|what| io::Error::new(io::ErrorKind::WouldBlock, what))?;
        let shared = Shared::new(target.clone(), times, worker, files, Some(writing));
        let shared = Arc::new(shared);
        let renewing = Some(Arc::new(Renewing::start(&shared)?));
        Ok(Self { reading: Reading::default(), _renewing: renewing, shared })
    }

    /// Opens a journal that another process may write, to copy flushed parts from it. It writes
    /// nothing: a role that may only read is enough.
    ///
    /// # Errors
    /// `NotFound` when the database holds no journal; otherwise as the database gives them.
    pub fn open_to_read(target: &Target) -> io::Result<Self> {
        let (worker, times, own) = (Worker::start()?, Times::default(), target.clone());
        let files = worker.wait(times.answer, async move {
            let session = connect(own, false).await?;
            files(&session).await
        })?;
        let shared = Arc::new(Shared::new(target.clone(), times, worker, files, None));
        Ok(Self { reading: Reading::default(), _renewing: None, shared })
    }

    /// Of what is only read, what another process may have renamed meanwhile.
    fn look(&mut self) -> io::Result<()> {
        let target = self.shared.target.clone();
        let fresh = self.shared.worker.wait(self.shared.times.answer, async move {
            files(&connect(target, false).await?).await
        })?;
        *self.shared.files()? = fresh;
        Ok(())
    }
}

/// Connects to a database that holds a journal.
async fn connect(target: Target, writes: bool) -> Result<Session, Trouble> {
    let session = Session::connect(target, writes).await?;
    if session.is_made().await? {
        return Ok(session);
    }
    Err(Trouble::NotMade)
}

async fn files(session: &Session) -> Result<Files, Trouble> {
    let rows = session.client.query(schema::FILES, &[]).await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let (length, written): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        entries.push(Entry {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            length: length.unsigned_abs(),
            written: written.unsigned_abs(),
        });
    }
    Ok(Files::new(entries))
}

impl Storage for Database {
    fn list(&mut self) -> io::Result<Vec<String>> {
        if !self.shared.writes() {
            self.look()?;
        }
        Ok(self.shared.files()?.list())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        self.shared.files()?.length(name)
    }

    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.reading.read(&self.shared, name, offset, buffer)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.sound()?;
        self.shared.files()?.create(name)
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        self.sound()?;
        // A short write: no transaction is longer than the database takes in its time.
        let bytes = bytes.get(..MAX_WRITE_BYTES).unwrap_or(bytes);
        let waiting = {
            let mut files = self.shared.files()?;
            files.write(name, offset, bytes)?;
            files.fresh_bytes()
        };
        if waiting >= MAX_WAITING_BYTES {
            self.shared.commit()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self, name: &str) -> io::Result<()> {
        self.shared.files()?.length(name)?;
        self.shared.commit()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.sound()?;
        self.shared.files()?.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.sound()?;
        self.shared.files()?.remove(name)
    }

    fn another(&mut self) -> io::Result<Self> {
        let (shared, renewing) = (Arc::clone(&self.shared), self._renewing.clone());
        Ok(Self { reading: Reading::default(), _renewing: renewing, shared })
    }

    fn flush_directory(&mut self) -> io::Result<()> {
        self.shared.commit()
    }

    fn sound(&mut self) -> io::Result<()> {
        if !self.shared.writes() {
            let what = "the journal was opened to be read";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        self.shared.sound()
    }
}
