//! Snapshots: the state after a flushed batch, so that a start need not replay everything.
//!
//! A snapshot is a shortcut and no authority: one that is damaged is passed over.

use auction::layout::Digest;
use auction::spec::Time;
use sha2::{Digest as _, Sha256};

use super::spares::unfinished;
use super::storage::{JournalError, Storage, disk, read_all, write_all};
use super::walk::Cursor;
use crate::bytes::Reader;
use crate::ledger::{Charter, Ledger, Window};

const MAGIC: &[u8; 8] = b"gavelsn2";
const PREFIX: &str = "snapshot-";
/// Snapshots kept: the newest, and one more in case that one is damaged.
const KEEP: usize = 2;

/// A state, and where in the journal it stands.
pub(crate) struct Snapshot {
    pub(crate) cursor: Cursor,
    pub(crate) ledger: Ledger,
}

/// Writes a snapshot of a state all of which is flushed in the journal.
pub(crate) fn write(
    storage: &mut impl Storage,
    cursor: &Cursor,
    ledger: &Ledger,
) -> Result<(), JournalError> {
    let state = ledger.to_bytes();
    let mut out = Vec::with_capacity(state.len() + 256);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&cursor.ledger.0);
    out.extend_from_slice(&cursor.epoch.to_le_bytes());
    for value in [cursor.number, cursor.time.0, cursor.entries] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&cursor.chain.0);
    out.extend_from_slice(&state);
    let sum: [u8; 32] = Sha256::digest(&out).into();
    out.extend_from_slice(&sum);

    let name = format!("{PREFIX}{:020}", cursor.number);
    let temporary = unfinished(&name);
    let names = storage.list().map_err(disk("list", "."))?;
    if names.contains(&temporary) {
        storage.remove(&temporary).map_err(disk("remove", &temporary))?;
    }
    storage.create(&temporary).map_err(disk("create", &temporary))?;
    if let Err(error) = write_all(storage, &temporary, 0, &out) {
        // Its room is worth more than half a snapshot.
        storage.remove(&temporary).map_err(disk("remove", &temporary))?;
        return Err(error);
    }
    storage.flush(&temporary).map_err(disk("flush", &temporary))?;
    storage.rename(&temporary, &name).map_err(disk("rename", &temporary))?;
    storage.flush_directory().map_err(disk("flush", "."))?;
    for old in snapshots(storage)?.iter().skip(KEEP) {
        storage.remove(old).map_err(disk("remove", old))?;
    }
    Ok(())
}

/// The names of all snapshots, the newest first.
pub(crate) fn snapshots(storage: &mut impl Storage) -> Result<Vec<String>, JournalError> {
    let mut names = storage.list().map_err(disk("list", "."))?;
    names.retain(|name| name.starts_with(PREFIX) && name.len() == PREFIX.len() + 20);
    names.sort_unstable_by(|left, right| right.cmp(left));
    Ok(names)
}

/// Reads a snapshot; `None` when it is damaged.
pub(crate) fn read(
    storage: &mut impl Storage,
    name: &str,
    charter: &Charter,
    window: Window,
) -> Result<Option<Snapshot>, JournalError> {
    let bytes = read_all(storage, name)?;
    Ok(decode(&bytes, charter, window))
}

fn decode(bytes: &[u8], charter: &Charter, window: Window) -> Option<Snapshot> {
    let (content, sum) = bytes.split_last_chunk::<32>()?;
    if <[u8; 32]>::from(Sha256::digest(content)) != *sum {
        return None;
    }
    let mut reader = Reader::new(content);
    if reader.array()? != *MAGIC {
        return None;
    }
    let (ledger, epoch): (Digest, u32) = (reader.digest()?, reader.u32()?);
    let (number, time, entries) = (reader.u64()?, Time(reader.u64()?), reader.u64()?);
    let chain = reader.digest()?;
    let state = reader.slice(reader.left())?;
    let state = Ledger::read_back(state, *charter, window).ok()?;
    let cursor = Cursor { ledger, epoch, number, time, entries, chain, known: number };
    // The time of an epoch record is in the journal alone.
    let fits = ledger == charter.id() && state.entries() == entries && state.time() <= time;
    fits.then_some(Snapshot { cursor, ledger: state })
}
