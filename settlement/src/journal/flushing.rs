//! What makes a journal durable: flushes, marks, fresh segments, and the helpers that flush and
//! make spares while the next batch is applied.

use super::Journal;
use super::helper::{Helper, Vanished};
use super::record::HEADER_BYTES;
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
use super::spares::{STEP, Spares};
use super::storage::{JournalError, Storage, disk, write_all};

type Flusher = Helper<String, Result<(), JournalError>>;
type Maker = Helper<(Spares, usize), Made>;
/// The spares, and whether the disk has failed while they were made.
type Made = (Spares, Result<(), JournalError>);

/// Flushes, in line or by a helper, one at a time.
#[derive(Default)]
pub(super) struct Flushing {
    /// Flushes are made in line while there is none.
    helper: Option<Flusher>,
    /// The last batch that the flush under way covers.
    until: u64,
}

/// The making of spares, in line or by a helper.
pub(super) struct SpareMaking {
    helper: Option<Maker>,
    /// With the helper, while that is busy.
    home: Option<Spares>,
    /// As it was when the spares were last at home.
    scarce: bool,
    /// Bytes to be made when the helper is free.
    owed: usize,
}

impl SpareMaking {
    pub(super) fn in_line(spares: Spares) -> Self {
        Self { helper: None, scarce: spares.scarce(), home: Some(spares), owed: 0 }
    }
}

impl<S: Storage + 'static> Journal<S> {
    /// From here on flushes and the making of spares go on beside what is applied. `flushed` is
    /// called, on a thread of its own, when a flush has come to its end.
    pub(crate) fn start_helpers(
        &mut self,
        flushed: impl Fn() + Send + 'static,
    ) -> Result<(), JournalError> {
        self.running()?;
        let mut another = || self.storage.another().map_err(disk("open again", "."));
        let (flusher, maker) = (another()?, another()?);
        let flush =
            |storage: &mut S, name: String| storage.flush(&name).map_err(disk("flush", &name));
        self.flushing.helper = Some(Helper::start(flusher, flush, flushed));
        let make = |storage: &mut S, (mut spares, bytes): (Spares, usize)| {
            let made = spares.advance(storage, bytes);
            (spares, made)
        };
        self.spares.helper = Some(Helper::start(maker, make, || {}));
        Ok(())
    }
}

impl<S: Storage> Journal<S> {
    /// Flushes all that was appended, and waits for it: one flush for all that wait.
    pub(crate) fn flush(&mut self) -> Result<(), JournalError> {
        self.end_flush()?;
        if self.flushed == self.cursor.number {
            return Ok(());
        }
        let name = segment_name(self.sequence);
        let flushed = self.storage.flush(&name).map_err(disk("flush", &name));
        self.stop_on_error(flushed)?;
        self.flushed = self.cursor.number;
        Ok(())
    }

    /// Begins to flush all that was appended, after the flush under way has come to its end.
    pub(crate) fn begin_flush(&mut self) -> Result<(), JournalError> {
        self.end_flush()?;
        let Some(helper) = &mut self.flushing.helper else { return self.flush() };
        if self.flushed < self.cursor.number {
            self.flushing.until = self.cursor.number;
            helper.give(segment_name(self.sequence));
        }
        Ok(())
    }

    /// Waits until no flush is under way.
    pub(crate) fn end_flush(&mut self) -> Result<(), JournalError> {
        self.running()?;
        let done = self.flushing.helper.as_mut().map_or(Ok(None), Helper::wait);
        self.note_flush(done)
    }

    /// Whether a flush is under way. The place where whoever writes hears, between two batches,
    /// that the index is damaged, or that another process has the journal.
    pub(crate) fn is_flushing(&mut self) -> Result<bool, JournalError> {
        self.running()?;
        self.index.sound()?;
        let ours = self.storage.sound().map_err(disk("keep", "."));
        self.stop_on_error(ours)?;
        let done = self.flushing.helper.as_mut().map_or(Ok(None), Helper::poll);
        self.note_flush(done)?;
        Ok(self.flushing.helper.as_ref().is_some_and(Helper::is_busy))
    }

    fn note_flush(
        &mut self,
        done: Result<Option<Result<(), JournalError>>, Vanished>,
    ) -> Result<(), JournalError> {
        let done = done.unwrap_or(Some(Err(JournalError::Stopped)));
        let Some(flushed) = done else { return Ok(()) };
        self.stop_on_error(flushed)?;
        self.flushed = self.flushing.until;
        Ok(())
    }

    /// Writes down what is flushed, where no batch has done so; goes on making spares. Does
    /// nothing of the first while a flush is under way.
    pub(crate) fn mark(&mut self) -> Result<(), JournalError> {
        let busy = self.is_flushing()?;
        let fits = self.offset + HEADER_BYTES as u64 <= self.options.segment_bytes;
        let all = self.flushed == self.cursor.number && !busy;
        if self.cursor.known < self.flushed && all && fits {
            let header = self.next_header();
            let written = self.write_record(&header, &mut header.encode().to_vec());
            let name = segment_name(self.sequence);
            let flushed =
                written.and_then(|()| self.storage.flush(&name).map_err(disk("flush", &name)));
            self.stop_on_error(flushed)?;
        }
        let advanced = self.advance_spares(STEP);
        self.stop_on_error(advanced)
    }

    pub(super) fn change_segment(&mut self) -> Result<(), JournalError> {
        let spare = self.take_spare()?;
        // Everything before the new segment is on disk before the segment has its name.
        self.flush()?;
        let header = SegmentHeader {
            ledger: self.cursor.ledger,
            sequence: self.sequence + 1,
            first: self.cursor.number + 1,
            first_entry: self.cursor.entries,
            epoch: self.cursor.epoch,
            before: self.cursor.chain,
        };
        adopt(&mut self.storage, &spare, &header)?;
        self.sequence += 1;
        self.offset = SEGMENT_HEADER_BYTES as u64;
        self.cursor.known = self.cursor.number;
        Ok(())
    }

    /// Whether the last spare is kept for settlements, as far as is known.
    pub(crate) fn scarce(&self) -> bool {
        self.spares.scarce
    }

    /// Takes a ready spare; waits for one, and makes one now if there is none.
    fn take_spare(&mut self) -> Result<String, JournalError> {
        loop {
            self.end_making()?;
            let spares = self.spares.home.as_mut().ok_or(JournalError::Stopped)?;
            if let Some(ready) = spares.take() {
                return Ok(ready);
            }
            self.advance_spares(STEP)?;
            self.end_making()?;
            if self.spares.home.as_ref().is_some_and(Spares::is_full) {
                return Err(JournalError::Full);
            }
        }
    }

    /// Goes on making spares by `bytes`, now or when the helper is free.
    pub(super) fn advance_spares(&mut self, bytes: usize) -> Result<(), JournalError> {
        let made = self.spares.helper.as_mut().map_or(Ok(None), Helper::poll);
        self.note_making(made)?;
        let making = &mut self.spares;
        making.owed = making.owed.saturating_add(bytes).min(MAX_OWED);
        // Nothing where the helper is busy.
        let Some(mut spares) = making.home.take() else { return Ok(()) };
        let bytes = std::mem::take(&mut making.owed);
        match &mut making.helper {
            Some(helper) if spares.has_work() => {
                helper.give((spares, bytes));
                Ok(())
            }
            _ => {
                let made = spares.advance(&mut self.storage, bytes);
                self.note_making(Ok(Some((spares, made))))
            }
        }
    }

    /// Waits until the spares are at home.
    fn end_making(&mut self) -> Result<(), JournalError> {
        let made = self.spares.helper.as_mut().map_or(Ok(None), Helper::wait);
        self.note_making(made)
    }

    fn note_making(&mut self, made: Result<Option<Made>, Vanished>) -> Result<(), JournalError> {
        match made {
            Ok(None) => Ok(()),
            Ok(Some((spares, made))) => {
                self.spares.scarce = spares.scarce();
                self.spares.home = Some(spares);
                made
            }
            Err(Vanished) => Err(JournalError::Stopped),
        }
    }
}

/// Most bytes that the making of spares falls behind: as much as is made at once.
const MAX_OWED: usize = 16 * STEP;

/// Makes a spare the next segment: header, flush, name, flush.
pub(super) fn adopt(
    storage: &mut impl Storage,
    spare: &str,
    header: &SegmentHeader,
) -> Result<(), JournalError> {
    let name = segment_name(header.sequence);
    write_all(storage, spare, 0, &header.encode())?;
    storage.flush(spare).map_err(disk("flush", spare))?;
    storage.rename(spare, &name).map_err(disk("rename", spare))?;
    storage.flush_directory().map_err(disk("flush", "."))
}
