//! Reading ahead at a start: while a batch is replayed, those after it are compared with their
//! checksums and the chain and decoded, on a thread of its own.

use std::sync::mpsc::{SyncSender, sync_channel};

use super::record::{HEADER_BYTES, Header, Kind};
use super::storage::JournalError;
use super::tree::Leaf;
use super::walk::{Batch, Cursor, End, fault};
use crate::index::Place;
use crate::ledger::{Charter, Entry};
use crate::parallel;

/// So many batches wait to be replayed.
const AHEAD: usize = 2;

/// A batch that fits what came before it, ready to be replayed.
pub(super) struct Decoded {
    pub(super) header: Header,
    /// Where its entries lie.
    pub(super) places: Vec<Place>,
    pub(super) leaves: Vec<Leaf>,
    /// None of a batch that need not be replayed; nothing where one is malformed.
    pub(super) entries: Option<Vec<Entry>>,
    /// Where it lies in its segment.
    offset: u64,
}

/// Why a batch is not replayed.
pub(super) enum Refused {
    /// The journal contradicts itself there.
    Fault(&'static str),
    /// Something else than the batch is wrong.
    Error(JournalError),
}

impl From<&'static str> for Refused {
    fn from(what: &'static str) -> Self {
        Self::Fault(what)
    }
}

impl From<JournalError> for Refused {
    fn from(error: JournalError) -> Self {
        Self::Error(error)
    }
}

/// A segment to be read.
pub(super) struct Segment<'a> {
    pub(super) name: &'a str,
    pub(super) sequence: u64,
    pub(super) bytes: &'a [u8],
    /// The first batch that is not to be read in it.
    pub(super) stop: Option<u64>,
    /// The last batch that need not be replayed.
    pub(super) known: u64,
}

impl Segment<'_> {
    /// Reads its batches ahead of `replay`, which gets them in order on this thread. What `replay`
    /// says of a batch goes before what is wrong with a later one.
    pub(super) fn replay(
        &self,
        cursor: &mut Cursor,
        charter: &Charter,
        mut replay: impl FnMut(Decoded) -> Result<(), Refused>,
    ) -> Result<End, JournalError> {
        let (decoded, batches) = sync_channel(AHEAD);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || self.read(cursor, charter, &decoded));
            let mut replayed = Ok(());
            for batch in batches {
                let offset = batch.offset;
                replayed = replay(batch).map_err(|refused| match refused {
                    Refused::Fault(what) => fault(self.name, offset as usize, what),
                    Refused::Error(error) => error,
                });
                if replayed.is_err() {
                    // Nobody takes what the reader has, so it ends.
                    break;
                }
            }
            let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            replayed.and(read)
        })
    }

    fn read(
        &self,
        cursor: &mut Cursor,
        charter: &Charter,
        decoded: &SyncSender<Decoded>,
    ) -> Result<End, JournalError> {
        cursor.walk(self.name, self.bytes, self.stop, |batch| {
            decoded.send(self.decode(batch, charter)).map_err(|_| "nobody replays it")
        })
    }

    fn decode(&self, batch: Batch<'_>, charter: &Charter) -> Decoded {
        let places = self.places(&batch);
        let Batch { header, entries, leaves, offset } = batch;
        let entries = if header.kind == Kind::Batch && header.number > self.known {
            let entries = parallel::map(&entries, |bytes| Entry::decode(bytes, charter));
            entries.into_iter().collect()
        } else {
            Some(Vec::new())
        };
        Decoded { header, places, leaves, entries, offset }
    }

    /// Where the entries of a batch lie.
    fn places(&self, batch: &Batch<'_>) -> Vec<Place> {
        let mut entry = batch.offset + HEADER_BYTES as u64;
        let places = batch.entries.iter().map(|bytes| {
            // A segment is no longer than 32 bits can count.
            let (sequence, start) = (self.sequence, batch.offset as u32);
            let place = Place { sequence, batch: start, entry: entry as u32 };
            entry += 4 + bytes.len() as u64;
            place
        });
        places.collect()
    }
}
