//! Copies of a journal that is being written, and starting again from one.

use super::Options;
use super::segment::{SEGMENT_HEADER_BYTES, segment_name};
use super::storage::{JournalError, Storage, disk, read_all, write_all};
use super::walk::{Cursor, fault, segments};
use crate::audit::{AuditError, AuditReport, Held, inquire};
use crate::index::DiskIndex;
use crate::layout::Signer;
use crate::ledger::{Charter, Window};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The last batch in the copy.
    pub batch: u64,
    /// The audit of the copy, with the misdeeds that the journal shows.
    pub audit: AuditReport,
}

/// Why there is no good copy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// Reading or writing failed, or the source is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The copy cannot be audited.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// Copies a journal up to batch `flushed`, which must be one that its bookkeeper said is
/// flushed, while it goes on being written; then audits the copy from the first byte.
///
/// # Errors
/// [`BackupError`] when the source cannot be read, the target is not empty, or the audit fails.
pub fn backup(
    source: &mut impl Storage,
    target: &mut impl Storage,
    charter: &Charter,
    flushed: u64,
) -> Result<Copied, BackupError> {
    refuse_unfinished(source)?;
    begin_copy(target)?;
    let copied = copy(source, target, charter, flushed)?;
    end_copy(target)?;
    Ok(copied)
}

fn copy(
    source: &mut impl Storage,
    target: &mut impl Storage,
    charter: &Charter,
    flushed: u64,
) -> Result<Copied, BackupError> {
    let headers = segments(source)?;
    let mut cursor = Cursor::start(charter.id());
    let mut all = headers.iter().peekable();
    while let Some(header) = all.next() {
        if header.first > flushed + 1 {
            break;
        }
        let name = segment_name(header.sequence);
        cursor.enter(header).map_err(|what| fault(&name, 0, what))?;
        let bytes = read_all(source, &name)?;
        let next = all.peek().map_or(u64::MAX, |next| next.first);
        let end = cursor.walk(&name, &bytes, Some(next.min(flushed + 1)), |_| Ok(()))?;
        if let Some(what) = end.bad {
            return Err(fault(&name, end.offset, what).into());
        }
        target.create(&name).map_err(disk("create", &name))?;
        write_all(target, &name, 0, bytes.get(..end.offset).unwrap_or_default())?;
        target.flush(&name).map_err(disk("flush", &name))?;
    }
    target.flush_directory().map_err(disk("flush", "."))?;
    // Misdeeds are in the copy because they are in the journal: they are said, and it is a good
    // copy all the same.
    let (audit, _) = inquire(target, charter, &Held::default())?;
    Ok(Copied { batch: cursor.number, audit })
}

/// Makes a new journal from a backup. It says so: a new epoch begins, which every later head
/// states. Commits that the backup lacks are lost until their receipts come back as requests.
///
/// # Errors
/// As [`backup`], and when `server` is not the key of the charter.
pub fn restore<S: Storage + 'static>(
    source: &mut impl Storage,
    target: S,
    charter: &Charter,
    server: &Signer,
    options: Options,
) -> Result<Copied, BackupError> {
    restore_above(source, target, charter, server, options, 0)
}

/// Most epochs that a restore passes over.
pub const MAX_EPOCHS_PASSED: u32 = 1024;

/// The same above an epoch, for whoever has restored from this backup, or a newer one, before:
/// `above` is no less than every epoch in which the server has signed. Two histories that begin
/// one epoch convict their server.
///
/// Where that passes over epochs one more is left out, in which nobody ever signs: so epochs with
/// following numbers follow each other in one history, and of others nobody takes that for granted.
///
/// # Errors
/// As [`restore`], and when `above` is more than [`MAX_EPOCHS_PASSED`] - 2 above the backup's.
pub fn restore_above<S: Storage + 'static>(
    source: &mut impl Storage,
    mut target: S,
    charter: &Charter,
    server: &Signer,
    options: Options,
    above: u32,
) -> Result<Copied, BackupError> {
    let index = target.another().map_err(disk("open again", "."))?;
    restore_with_index(source, (target, Box::new(index)), charter, server, options, above)
}

/// The same with a place of its own for the index that is made on the way and removed again:
/// beside a journal in a database.
///
/// # Errors
/// As [`restore`].
pub fn restore_with_index<S: Storage + 'static>(
    source: &mut impl Storage,
    (mut target, index): (S, Box<dyn Storage>),
    charter: &Charter,
    server: &Signer,
    options: Options,
    above: u32,
) -> Result<Copied, BackupError> {
    if server.public() != charter.server() {
        return Err(JournalError::WrongKey.into());
    }
    refuse_unfinished(source)?;
    let last = last_batch(source, charter)?;
    begin_copy(&mut target)?;
    let copied = copy(source, &mut target, charter, last)?;
    let window = Window::default();
    let index = DiskIndex::open(index, charter.id(), window)?;
    let (mut journal, _, _) = super::recover(target, index, *charter, options, window)?;
    journal.begin_epoch(next_epoch(journal.cursor.epoch, above)?)?;
    journal.mark()?;
    let batch = journal.last();
    let super::Journal { mut storage, index, .. } = journal;
    // The server makes its own, in its own place.
    index.remove()?;
    end_copy(&mut storage)?;
    Ok(Copied { batch, ..copied })
}

/// The epoch of a journal that is restored from a backup of epoch `old`.
fn next_epoch(old: u32, above: u32) -> Result<u32, JournalError> {
    if above <= old {
        return Ok(old.saturating_add(1));
    }
    let next = above.saturating_add(2);
    if next - old > MAX_EPOCHS_PASSED {
        let limit = old.saturating_add(MAX_EPOCHS_PASSED - 2);
        return Err(JournalError::TooManyEpochs { above, limit });
    }
    Ok(next)
}

/// Stands beside a copy until it is whole. Without it half a backup would pass for an older one,
/// and half a restore would be served without its new epoch.
const UNFINISHED: &str = "unfinished-copy";

fn begin_copy(target: &mut impl Storage) -> Result<(), JournalError> {
    if let Some(name) = target.list().map_err(disk("list", "."))?.first() {
        return Err(JournalError::NotEmpty(name.clone()));
    }
    target.create(UNFINISHED).map_err(disk("create", UNFINISHED))?;
    target.flush(UNFINISHED).map_err(disk("flush", UNFINISHED))?;
    target.flush_directory().map_err(disk("flush", "."))
}

fn end_copy(target: &mut impl Storage) -> Result<(), JournalError> {
    target.remove(UNFINISHED).map_err(disk("remove", UNFINISHED))?;
    target.flush_directory().map_err(disk("flush", "."))
}

/// Refuses what an interrupted backup or restore has left.
pub(crate) fn refuse_unfinished(storage: &mut impl Storage) -> Result<(), JournalError> {
    let names = storage.list().map_err(disk("list", "."))?;
    if names.iter().any(|name| name == UNFINISHED) {
        return Err(JournalError::UnfinishedCopy);
    }
    Ok(())
}

/// The last whole batch of a backup.
fn last_batch(source: &mut impl Storage, charter: &Charter) -> Result<u64, JournalError> {
    let headers = segments(source)?;
    let mut cursor = Cursor::start(charter.id());
    let mut all = headers.iter().peekable();
    while let Some(header) = all.next() {
        let name = segment_name(header.sequence);
        cursor.enter(header).map_err(|what| fault(&name, 0, what))?;
        let bytes = read_all(source, &name)?;
        let stop = all.peek().map(|next| next.first);
        let end = cursor.walk(&name, &bytes, stop, |_| Ok(()))?;
        let left = bytes.get(end.offset.max(SEGMENT_HEADER_BYTES)..).unwrap_or_default();
        if let Some(what) = end.bad.filter(|_| left.iter().any(|byte| *byte != 0)) {
            return Err(fault(&name, end.offset, what));
        }
    }
    Ok(cursor.number)
}
