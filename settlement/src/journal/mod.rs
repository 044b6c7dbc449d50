//! The journal: the authority. An append-only log of batches, each with the signed requests that
//! caused it, byte for byte; the state is what replay gives.
//!
//! SETTLEMENT, section "Journal". Nothing here decides anything about money: a batch is given,
//! appended and flushed, and read back.

mod ahead;
mod any_storage;
mod backup;
mod directory;
mod draft;
mod flushing;
mod head;
mod helper;
mod reading;
mod record;
mod recovery;
mod segment;
mod snapshot;
mod spares;
mod storage;
mod tree;
pub(crate) mod walk;

use std::ops::Range;

use auction::spec::Time;

pub use any_storage::AnyStorage;
pub(crate) use backup::refuse_unfinished;
pub use backup::{
    BackupError, Copied, MAX_EPOCHS_PASSED, backup, restore, restore_above, restore_with_index,
};
pub use directory::Directory;
pub(crate) use draft::Draft;
pub use head::{Proven, Receipt};
pub use recovery::{Cut, Report};
pub use storage::{JournalError, Storage};
pub use witness::{Head, SignedHead, Unproven};

use crate::index::{Addition, DiskIndex, Place, Told};
use crate::ledger::{Applied, Chain, Ledger};
use crate::parallel;
use flushing::{Flushing, SpareMaking};
use record::{HEADER_BYTES, Header, Kind, padded};
use segment::{SEGMENT_HEADER_BYTES, segment_name};
use walk::Cursor;

pub(crate) use reading::Found;
pub(crate) use record::Kind as BatchKind;
pub(crate) use recovery::{recover, replay_batch};
pub(crate) use segment::segment_name as name_of_segment;
pub(crate) use spares::unfinished;
pub(crate) use storage::{disk, is_full, read_all as read_file, read_into, write_all};
#[cfg(test)]
pub(crate) use tree::leaf_hash;
pub(crate) use tree::{Leaf, Tree};
pub(crate) use walk::Batch;

/// Sizes of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Size of a segment in bytes. A batch must fit into one.
    pub segment_bytes: u64,
}

impl Default for Options {
    /// 64 MiB.
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// How an epoch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// Entries that the journal had.
    pub(crate) since: u64,
    /// The journal's time.
    pub(crate) time: Time,
}

impl Beginning {
    /// Of the epoch of a journal that was never restored.
    pub(crate) const FIRST: Self = Self { since: 0, time: Time(0) };
    /// Of an epoch that this journal passed over: if it began, then elsewhere.
    pub(crate) const PASSED: Self = Self { since: u64::MAX, time: Time(0) };

    /// Of the epoch that begins with this record.
    pub(crate) fn of(header: &Header) -> Self {
        Self { since: header.first_entry, time: header.time }
    }
}

/// A journal that is being written.
pub(crate) struct Journal<S> {
    storage: S,
    options: Options,
    /// The segment being written, and where in it the next batch goes.
    sequence: u64,
    offset: u64,
    /// What was appended; `known` is the last batch that the journal itself says was flushed.
    cursor: Cursor,
    /// The last batch whose flush has returned.
    flushed: u64,
    /// What follows from all that, and need not be in memory.
    index: DiskIndex,
    spares: SpareMaking,
    flushing: Flushing,
    stopped: bool,
    /// What the last batch was laid out in; kept to be used again.
    draft: Draft,
}

impl<S: Storage> Journal<S> {
    /// The last batch appended.
    pub(crate) fn last(&self) -> u64 {
        self.cursor.number
    }

    /// The last batch that is known to be on disk.
    pub(crate) fn flushed(&self) -> u64 {
        self.flushed
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Most bytes of entries, with their lengths, that a batch can hold.
    pub(crate) fn max_batch_bytes(&self) -> usize {
        let overhead = SEGMENT_HEADER_BYTES + 2 * HEADER_BYTES + record::ALIGNMENT;
        usize::try_from(self.options.segment_bytes).unwrap_or(usize::MAX).saturating_sub(overhead)
    }

    /// Makes sure that a batch of these chains fits, changing to a fresh segment if need be.
    /// Called before the batch is applied: when it fails, nothing has happened.
    pub(crate) fn make_room(&mut self, batch: &[Chain]) -> Result<(), JournalError> {
        self.running()?;
        self.index.sound()?;
        let entries: usize = batch.iter().map(|chain| chain.entry_bytes() + 4).sum();
        // Two headers: the batch's, and that of a mark after it.
        let needed = entries + 2 * HEADER_BYTES + record::ALIGNMENT;
        let limit = self.max_batch_bytes();
        if entries > limit {
            return Err(JournalError::BatchTooLarge { got: entries, limit });
        }
        if self.offset + needed as u64 > self.options.segment_bytes {
            let changed = self.change_segment();
            return self.stop_unless_full(changed);
        }
        Ok(())
    }

    /// The next batch's draft, to be laid out while the batch is applied.
    pub(crate) fn draft(&mut self) -> Draft {
        let mut draft = std::mem::take(&mut self.draft);
        draft.begin(self.cursor.number + 1);
        draft
    }

    /// Takes back the draft of a batch that decided nothing.
    pub(crate) fn discard(&mut self, draft: Draft) {
        self.draft = draft;
    }

    /// Appends a batch that was applied to this ledger, and laid out in this draft; returns its
    /// number. Not flushed yet.
    pub(crate) fn append(
        &mut self,
        batch: Vec<Chain>,
        draft: Draft,
        applied: &Applied,
        ledger: &Ledger,
    ) -> Result<u64, JournalError> {
        self.running()?;
        let appended = self.write_batch(batch, draft, applied, ledger);
        let appended = self.distrust(appended);
        self.stop_on_error(appended)?;
        Ok(self.cursor.number)
    }

    fn write_batch(
        &mut self,
        batch: Vec<Chain>,
        mut draft: Draft,
        applied: &Applied,
        ledger: &Ledger,
    ) -> Result<(), JournalError> {
        draft.settle(&batch, applied);
        let told = Told::of(ledger, batch.iter().zip(&applied.outcomes), applied);
        let next = self.next_header();
        let number = next.number + 1;
        let places: Vec<Place> = draft.places.iter().map(|range| self.place(range)).collect();
        let (index, writing) = self.parts();
        let (mut moving, nodes) = index.parts();
        let (moved, written) = parallel::both(
            batch.len(),
            || {
                let moved = moving.add(&told.lines, &applied.left);
                // Many small pieces of memory: here they hold nobody up.
                drop(batch);
                moved
            },
            || {
                let Draft { bytes, leaves, .. } = &mut draft;
                let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
                let mut header = Header {
                    kind: Kind::Batch,
                    number,
                    time: applied.now,
                    entries: leaves.len() as u32,
                    expired: applied.expired.len() as u32,
                    body_bytes: body.len() as u64,
                    body_crc: crc32fast::hash(body),
                    ..next
                };
                header.after = header.chain(leaves);
                if let Some(place) = bytes.first_chunk_mut() {
                    *place = header.encode();
                }
                writing.write(&header, bytes)?;
                nodes.extend(leaves);
                Ok(())
            },
        );
        let length = draft.bytes.len();
        self.draft = draft;
        written?;
        moved?;
        let marked = &told.marked;
        self.index.add(&Addition { batch: number, places: &places, marked, begins: None })?;
        // Twice as fast as segments are used up, so that a spare is ready in time.
        self.advance_spares(2 * length)
    }

    /// Where an entry of the next batch comes to lie, of which this is the place in its record.
    fn place(&self, range: &Range<usize>) -> Place {
        Place {
            sequence: self.sequence,
            // A segment is no longer than 32 bits can count.
            batch: self.offset as u32,
            entry: (self.offset + range.start as u64 - 4) as u32,
        }
    }

    /// The index, and what a record is written with.
    fn parts(&mut self) -> (&mut DiskIndex, Writing<'_, S>) {
        let Self { storage, sequence, offset, cursor, index, .. } = self;
        (index, Writing { storage, sequence: *sequence, offset, cursor })
    }

    /// A header that continues what was written, of a mark until it is made something else.
    fn next_header(&self) -> Header {
        Header {
            kind: Kind::Mark,
            epoch: self.cursor.epoch,
            number: self.cursor.number,
            flushed: self.flushed,
            time: self.cursor.time,
            first_entry: self.cursor.entries,
            entries: 0,
            expired: 0,
            body_bytes: 0,
            body_crc: crc32fast::hash(&[]),
            before: self.cursor.chain,
            after: self.cursor.chain,
        }
    }

    fn write_record(&mut self, header: &Header, bytes: &mut Vec<u8>) -> Result<(), JournalError> {
        self.parts().1.write(header, bytes)
    }

    /// Begins a later epoch: written once after a restore, and flushed.
    pub(crate) fn begin_epoch(&mut self, epoch: u32) -> Result<(), JournalError> {
        self.make_room(&[])?;
        let mut header =
            Header { kind: Kind::Epoch, number: self.cursor.number + 1, ..self.next_header() };
        header.epoch = epoch;
        header.after = header.chain(&[]);
        let written = self.write_record(&header, &mut header.encode().to_vec());
        let begins = Some((epoch, Beginning::of(&header)));
        let added = written.and_then(|()| {
            self.index.add(&Addition { begins, ..Addition::nothing(header.number) })
        });
        let added = self.distrust(added);
        self.stop_on_error(added)?;
        self.flush()
    }

    /// The head over all that was appended.
    pub(crate) fn head(&self) -> Head {
        let nodes = self.index.nodes();
        let Cursor { epoch, time, .. } = self.cursor;
        Head { epoch, since: self.since(), size: nodes.size(), root: nodes.root(), time }
    }

    /// Entries that this epoch began with.
    fn since(&self) -> u64 {
        self.index.epochs().last().map_or(0, |epoch| epoch.since)
    }

    /// Writes a snapshot of the state after the last batch, which is flushed first, and what the
    /// index has of it.
    pub(crate) fn snapshot(&mut self, ledger: &Ledger) -> Result<(), JournalError> {
        self.flush()?;
        // The journal itself must say that all of it is flushed: what a start moves to a fresh
        // segment is then in no checkpoint.
        self.mark()?;
        if self.cursor.known < self.cursor.number {
            return Ok(());
        }
        let indexed = self.index.checkpoint(self.cursor.chain);
        if !self.stop_on_error(indexed)? {
            return Ok(());
        }
        let written = snapshot::write(&mut self.storage, &self.cursor, ledger);
        match written {
            // No snapshot is lost money; a later one may fit.
            Err(JournalError::Disk { doing: "write" | "create", .. }) => Ok(()),
            other => self.stop_on_error(other),
        }
    }

    fn running(&self) -> Result<(), JournalError> {
        if self.stopped { Err(JournalError::Stopped) } else { Ok(()) }
    }

    /// A failed write or flush is never tried again: what is on disk is unknown from here on.
    fn stop_on_error<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        self.stopped |= result.is_err();
        result
    }

    fn stop_unless_full<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        self.stopped |= result.as_ref().is_err_and(|error| *error != JournalError::Full);
        result
    }
}

/// What changes when a record is written.
struct Writing<'a, S> {
    storage: &'a mut S,
    sequence: u64,
    offset: &'a mut u64,
    cursor: &'a mut Cursor,
}

impl<S: Storage> Writing<'_, S> {
    fn write(self, header: &Header, bytes: &mut Vec<u8>) -> Result<(), JournalError> {
        let Self { storage, sequence, offset, cursor } = self;
        bytes.resize(padded(bytes.len()).unwrap_or(bytes.len()), 0);
        write_all(storage, &segment_name(sequence), *offset, bytes)?;
        if header.kind != Kind::Mark {
            cursor.number = header.number;
            cursor.epoch = header.epoch;
            cursor.time = header.time;
            cursor.entries += u64::from(header.entries);
            cursor.chain = header.after;
        }
        cursor.known = cursor.known.max(header.flushed);
        *offset += bytes.len() as u64;
        Ok(())
    }
}
