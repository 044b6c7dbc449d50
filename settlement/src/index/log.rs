//! A file of records of one width, found by their number. What was added last is in memory too.

use crate::journal::{JournalError, Storage, disk, read_into, write_all};

/// Bytes that gather in memory before they are written.
const SPILL_BYTES: usize = 128 << 10;
/// Bytes that stay in memory when they were written, unless a log says otherwise.
const KEEP_BYTES: usize = 256 << 10;

/// Records of `W` bytes. It is no authority: what a crash leaves beyond the last
/// [`super::checkpoint::Checkpoint`] counts for nothing.
#[derive(Debug)]
pub(super) struct Log<const W: usize> {
    name: &'static str,
    /// Whether the file is there.
    made: bool,
    /// Records in the file.
    written: u64,
    /// The first record in `last`; those up to `written` are in the file as well.
    base: u64,
    last: Vec<u8>,
    /// Bytes that stay in memory; up to twice as many before they are cut off.
    keep: usize,
}

impl<const W: usize> Log<W> {
    /// A log whose file holds `written` records; with none it need not be there.
    pub(super) fn new(name: &'static str, written: u64) -> Self {
        Self::keeping(KEEP_BYTES, name, written)
    }

    /// The same with so many of the last bytes in memory.
    pub(super) fn keeping(keep: usize, name: &'static str, written: u64) -> Self {
        Self { name, made: written > 0, written, base: written, last: Vec::new(), keep }
    }

    /// How many records there are.
    pub(super) fn len(&self) -> u64 {
        self.base + (self.last.len() / W) as u64
    }

    pub(super) fn push(&mut self, record: &[u8; W]) {
        self.last.extend_from_slice(record);
    }

    /// The record of a number.
    pub(super) fn get(
        &self,
        storage: &mut dyn Storage,
        number: u64,
    ) -> Result<Option<[u8; W]>, JournalError> {
        if number >= self.len() {
            return Ok(None);
        }
        if let Some(place) = number.checked_sub(self.base) {
            // The log is no longer than memory from `base` on.
            let at = place as usize * W;
            return Ok(self.last.get(at..).and_then(<[u8]>::first_chunk).copied());
        }
        let mut record = [0; W];
        let read = read_into(storage, self.name, number * W as u64, &mut record)?;
        Ok((read == W).then_some(record))
    }

    /// Changes a record that is in memory.
    pub(super) fn at_mut(&mut self, number: u64) -> Option<&mut [u8; W]> {
        let place = usize::try_from(number.checked_sub(self.base)?).ok()?;
        self.last.get_mut(place.checked_mul(W)?..)?.first_chunk_mut()
    }

    /// Takes the records from a number on back.
    pub(super) fn truncate(&mut self, length: u64) {
        let kept = length.saturating_sub(self.base);
        self.last.truncate(usize::try_from(kept).unwrap_or(usize::MAX).saturating_mul(W));
        self.base = self.base.min(length);
        self.written = self.written.min(length);
    }

    /// Bytes in memory.
    pub(super) fn kept(&self) -> usize {
        self.last.len()
    }

    /// Bytes that are in memory and not in the file.
    fn unwritten(&self) -> &[u8] {
        let place = usize::try_from(self.written - self.base).unwrap_or(usize::MAX);
        self.last.get(place.saturating_mul(W)..).unwrap_or_default()
    }

    /// Writes what has gathered, where that is much.
    pub(super) fn spill(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        if self.unwritten().len() < SPILL_BYTES {
            return Ok(());
        }
        self.write(storage)?;
        if self.last.len() >= 2 * self.keep {
            let gone = (self.last.len() - self.keep) / W;
            self.last.drain(..gone * W);
            self.base += gone as u64;
        }
        Ok(())
    }

    fn write(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        if !self.made {
            storage.create(self.name).map_err(disk("create", self.name))?;
            self.made = true;
        }
        write_all(storage, self.name, self.written * W as u64, self.unwritten())?;
        self.written = self.len();
        Ok(())
    }

    /// Makes all of it durable.
    pub(super) fn flush(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        if !self.unwritten().is_empty() {
            self.write(storage)?;
        }
        if self.made {
            storage.flush(self.name).map_err(disk("flush", self.name))?;
        }
        Ok(())
    }
}
