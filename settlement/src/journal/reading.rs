//! Reading entries back from a journal that is being written.

use std::ops::Range;

use auction::layout::Digest;
use auction::spec::Time;

use super::Journal;
use super::record::{HEADER_BYTES, Header, Record};
use super::segment::segment_name;
use super::storage::{JournalError, Storage, read_into};
use super::walk;
use crate::ledger::{Charter, Entry};

/// An entry, read back, and its path to the root over all entries.
pub(crate) struct Found {
    pub(crate) batch: u64,
    pub(crate) time: Time,
    pub(crate) entry: Vec<u8>,
    pub(crate) path: Vec<Digest>,
}

/// Where a batch lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) first_entry: u64,
    pub(super) sequence: u64,
    pub(super) offset: u64,
}

impl<S: Storage> Journal<S> {
    /// The path from an entry to the head over all entries.
    pub(crate) fn path(&self, entry: u64) -> Option<Vec<Digest>> {
        self.tree.inclusion(entry, self.tree.size())
    }

    /// An entry with its batch's number and time, and its path to the head over all entries.
    pub(crate) fn entry(&mut self, entry: u64) -> Result<Option<Found>, JournalError> {
        let after = self.places.partition_point(|place| place.first_entry <= entry);
        let place = after.checked_sub(1).and_then(|place| self.places.get(place)).copied();
        let (Some(place), Some(path)) = (place, self.tree.inclusion(entry, self.tree.size()))
        else {
            return Ok(None);
        };
        let bytes = self.record_at(&place)?;
        let (header, entries) = place.read(&bytes)?;
        let index = usize::try_from(entry - place.first_entry).unwrap_or(usize::MAX);
        Ok(entries.get(index).map(|bytes| Found {
            batch: header.number,
            time: header.time,
            entry: bytes.to_vec(),
            path,
        }))
    }

    /// Reads the entries back in order, one batch at a time; of the batches alone that `wanted`
    /// wants for the range of their entries' numbers.
    pub(crate) fn scan(
        &mut self,
        charter: &Charter,
        wanted: impl Fn(Range<u64>) -> bool,
        mut visit: impl FnMut(u64, Time, &Entry),
    ) -> Result<(), JournalError> {
        for at in 0..self.places.len() {
            let Some(place) = self.places.get(at).copied() else { break };
            let end = self.places.get(at + 1).map_or(self.cursor.entries, |next| next.first_entry);
            if place.first_entry == end || !wanted(place.first_entry..end) {
                continue;
            }
            let bytes = self.record_at(&place)?;
            let (header, entries) = place.read(&bytes)?;
            for (number, bytes) in (place.first_entry..).zip(entries) {
                if wanted(number..number + 1) {
                    let entry = Entry::decode(bytes, charter)
                        .ok_or_else(|| place.fault("an entry is malformed"))?;
                    visit(number, header.time, &entry);
                }
            }
        }
        Ok(())
    }

    fn record_at(&mut self, place: &Place) -> Result<Vec<u8>, JournalError> {
        let name = segment_name(place.sequence);
        let mut bytes = vec![0; HEADER_BYTES];
        read_into(&mut self.storage, &name, place.offset, &mut bytes)?;
        let header = Header::decode(&bytes);
        let header = header.ok_or_else(|| place.fault("a batch's header is damaged"))?;
        let length = header
            .record_bytes()
            .filter(|length| *length as u64 <= self.options.segment_bytes)
            .ok_or_else(|| place.fault("a batch is longer than its segment"))?;
        bytes.resize(length, 0);
        let offset = place.offset + HEADER_BYTES as u64;
        let body = bytes.get_mut(HEADER_BYTES..).unwrap_or_default();
        read_into(&mut self.storage, &name, offset, body)?;
        Ok(bytes)
    }
}

impl Place {
    /// Reads what `Journal::record_at` found here.
    fn read<'a>(&self, bytes: &'a [u8]) -> Result<(Header, Vec<&'a [u8]>), JournalError> {
        let record = Record::read(bytes).map_err(|what| self.fault(what))?;
        let entries = record.entries().map_err(|what| self.fault(what))?;
        Ok((record.header, entries))
    }

    fn fault(&self, what: &'static str) -> JournalError {
        walk::fault(&segment_name(self.sequence), self.offset as usize, what)
    }
}
