//! What the journal needs of a disk, so that tests can give it a bad one.

use std::io;

/// A flat directory of files. Nothing is durable before it is flushed: a file's bytes and length
/// by `flush`, its name by `flush_directory`.
pub trait Storage: Send {
    /// The names of all files, in no order.
    ///
    /// # Errors
    /// As the disk gives them, here and below.
    fn list(&mut self) -> io::Result<Vec<String>>;
    /// A file's length in bytes.
    ///
    /// # Errors
    /// As the disk gives them.
    fn length(&mut self, name: &str) -> io::Result<u64>;
    /// Reads into `buffer`, possibly less than fits; 0 at the end of the file.
    ///
    /// # Errors
    /// As the disk gives them.
    fn read_at(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Makes an empty file, which must not exist.
    ///
    /// # Errors
    /// As the disk gives them.
    fn create(&mut self, name: &str) -> io::Result<()>;
    /// Writes bytes, possibly fewer than given.
    ///
    /// # Errors
    /// As the disk gives them; `StorageFull` where there is no room.
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    /// Makes a file's bytes and length durable.
    ///
    /// # Errors
    /// As the disk gives them; what was written is in an unknown state then.
    fn flush(&mut self, name: &str) -> io::Result<()>;
    /// Renames a file over another.
    ///
    /// # Errors
    /// As the disk gives them.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the disk gives them.
    fn remove(&mut self, name: &str) -> io::Result<()>;
    /// Another handle on the same files, for another thread.
    ///
    /// # Errors
    /// As the disk gives them.
    fn another(&mut self) -> io::Result<Self>
    where
        Self: Sized;
    /// Makes the names of all files durable.
    ///
    /// # Errors
    /// As the disk gives them.
    fn flush_directory(&mut self) -> io::Result<()>;
    /// Whether the files are still this process's to write, as far as is known. It is asked between
    /// two batches and when idle, and asks nobody itself.
    ///
    /// # Errors
    /// Where another process has them now; a directory's lock is not lost.
    fn sound(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why the journal cannot go on, or cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk failed. What was written and not flushed is in an unknown state.
    #[error("cannot {doing} {name}: {reason}; start again, which recovers what was flushed")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        name: String,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// What the disk said.
        reason: String,
    },
    /// Something that was flushed is not there any more. Restore a backup.
    #[error("{name} is damaged at byte {offset}: {what}; restore a backup")]
    Fault {
        /// The file.
        name: String,
        /// The byte.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file of the index is damaged. The journal is whole; the next start makes the index anew.
    #[error("{name} is damaged: {what}; start again, which makes the index anew")]
    Index {
        /// The file.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An earlier write or flush failed; nothing is tried again.
    #[error(
        "the journal has stopped after a failed write or flush: results of waiting requests are unknown"
    )]
    Stopped,
    /// The disk is full, and no spare segment is left. Nothing was applied.
    #[error("the disk is full and no spare segment is left: make room")]
    Full,
    /// A batch that could never fit into a segment. Nothing was applied.
    #[error("got a batch of up to {got} bytes, expected at most {limit}")]
    BatchTooLarge {
        /// An upper bound of its length.
        got: usize,
        /// What fits.
        limit: usize,
    },
    /// More requests than a batch may hold. Nothing was applied.
    #[error("got {got} requests in a batch, expected at most {limit}")]
    TooManyRequests {
        /// How many came.
        got: usize,
        /// How many may.
        limit: usize,
    },
    /// The signing key is not the server key of the charter.
    #[error("the server's key is not the one that the charter names")]
    WrongKey,
    /// A backup or restore came to no end here: what there is looks whole and is not.
    #[error("a backup or restore into this place was not finished: make it again, elsewhere")]
    UnfinishedCopy,
    /// A restore above an epoch that is too far from the backup's.
    #[error("got an epoch {above} to begin above, expected at most {limit} for this backup")]
    TooManyEpochs {
        /// What was asked for.
        above: u32,
        /// What can be.
        limit: u32,
    },
    /// The place for a copy is not empty.
    #[error("the target is not empty: it holds {0}")]
    NotEmpty(String),
}

/// Whether the disk has no room.
pub(crate) fn is_full(error: &JournalError) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error, JournalError::Disk { kind: StorageFull | QuotaExceeded, .. })
}

pub(crate) fn disk<'a>(
    doing: &'static str,
    name: &'a str,
) -> impl FnOnce(io::Error) -> JournalError + 'a {
    move |error| JournalError::Disk {
        doing,
        name: name.to_owned(),
        kind: error.kind(),
        reason: error.to_string(),
    }
}

/// Writes all of it. A short write goes on where it ended; an error ends it for good.
pub(crate) fn write_all(
    storage: &mut (impl Storage + ?Sized),
    name: &str,
    mut offset: u64,
    mut bytes: &[u8],
) -> Result<(), JournalError> {
    while !bytes.is_empty() {
        let written = storage.write_at(name, offset, bytes).map_err(disk("write", name))?;
        if written == 0 || written > bytes.len() {
            return Err(disk("write", name)(io::ErrorKind::WriteZero.into()));
        }
        offset += written as u64;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Reads a whole file.
pub(crate) fn read_all(
    storage: &mut (impl Storage + ?Sized),
    name: &str,
) -> Result<Vec<u8>, JournalError> {
    let length = storage.length(name).map_err(disk("measure", name))?;
    let length = usize::try_from(length)
        .map_err(|_| disk("read", name)(io::ErrorKind::FileTooLarge.into()))?;
    let mut bytes = vec![0; length];
    let read = read_into(storage, name, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Fills `buffer` as far as the file goes; answers with how far.
pub(crate) fn read_into(
    storage: &mut (impl Storage + ?Sized),
    name: &str,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, JournalError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let read =
            storage.read_at(name, offset + filled as u64, rest).map_err(disk("read", name))?;
        if read == 0 {
            break;
        }
        filled += read;
    }
    Ok(filled)
}
