//! Reading a journal in order and checking each batch against all before it: the one reader of
//! recovery, audit and backup.

use std::collections::VecDeque;

use auction::layout::Digest;
use auction::spec::Time;

use super::backup::MAX_EPOCHS_PASSED;
use super::record::{ALIGNMENT, HEADER_BYTES, Header, Kind, Record};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_name, segment_sequence};
use super::storage::{JournalError, Storage, disk, read_into};
use super::tree::Leaf;

/// Where a reader stands: what must hold of the next batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) ledger: Digest,
    pub(crate) epoch: u32,
    /// The last batch read.
    pub(crate) number: u64,
    pub(crate) time: Time,
    pub(crate) entries: u64,
    pub(crate) chain: Digest,
    /// The last batch that anything read so far says was flushed.
    pub(crate) known: u64,
}

/// A batch that fits what came before it.
pub(crate) struct Batch<'a> {
    pub(crate) header: Header,
    pub(crate) entries: Vec<&'a [u8]>,
    pub(crate) leaves: Vec<Leaf>,
    /// Where it lies in its segment.
    pub(crate) offset: u64,
}

/// Where a segment stopped making sense.
pub(crate) struct End {
    pub(crate) offset: usize,
    /// Why; `None` where the walk stopped because the next segment goes on.
    pub(crate) bad: Option<&'static str>,
    /// Where the last batch ends that is known to be flushed, and the cursor there.
    pub(crate) known: (usize, Cursor),
}

impl Cursor {
    pub(crate) fn start(ledger: Digest) -> Self {
        let chain = Digest::default();
        Self { ledger, epoch: 0, number: 0, time: Time(0), entries: 0, chain, known: 0 }
    }

    /// Enters a segment; what lies before its first batch was flushed before it got its name.
    pub(crate) fn enter(&mut self, header: &SegmentHeader) -> Result<(), &'static str> {
        if header.ledger != self.ledger {
            return Err("the segment belongs to another ledger");
        }
        let fits = header.first == self.number + 1
            && header.first_entry == self.entries
            && header.epoch == self.epoch
            && header.before == self.chain;
        if !fits {
            return Err("the segment does not continue the one before");
        }
        self.known = self.known.max(self.number);
        Ok(())
    }

    fn accept<'a>(&mut self, record: &Record<'a>, offset: u64) -> Result<Batch<'a>, &'static str> {
        let header = record.header;
        let entries = record.entries()?;
        let leaves = record.leaves(&entries);
        if header.kind == Kind::Mark {
            let fits = header.number == self.number
                && header.flushed == self.number
                && header.epoch == self.epoch
                && entries.is_empty()
                && header.after == self.chain;
            if !fits {
                return Err("a mark does not fit the batch before it");
            }
            self.known = self.number;
        } else {
            let epochs = header.epoch.checked_sub(self.epoch);
            let epoch_fits = epochs.is_some_and(|epochs| match header.kind {
                Kind::Epoch => (1..=MAX_EPOCHS_PASSED + 1).contains(&epochs),
                _ => epochs == 0,
            });
            let fits = header.number == self.number + 1
                && header.flushed <= self.number
                && epoch_fits
                && header.time >= self.time
                && header.first_entry == self.entries
                && header.before == self.chain
                && (header.kind == Kind::Batch || entries.is_empty());
            if !fits {
                return Err("a batch does not continue the one before");
            }
            if header.chain(&leaves) != header.after {
                return Err("a batch does not match its place in the chain");
            }
            self.known = self.known.max(header.flushed);
            self.number = header.number;
            self.epoch = header.epoch;
            self.time = header.time;
            self.entries += u64::from(header.entries);
            self.chain = header.after;
        }
        Ok(Batch { header, entries, leaves, offset })
    }

    /// Reads a segment's batches, up to the one before `stop`.
    pub(crate) fn walk(
        &mut self,
        name: &str,
        bytes: &[u8],
        stop: Option<u64>,
        mut visit: impl FnMut(Batch<'_>) -> Result<(), &'static str>,
    ) -> Result<End, JournalError> {
        let mut offset = SEGMENT_HEADER_BYTES;
        let mut known = (offset, self.clone());
        // The ends of the batches that are not known to be flushed: few, since each tells of
        // those before it.
        let mut waiting = VecDeque::new();
        loop {
            if stop == Some(self.number + 1) {
                return Ok(End { offset, bad: None, known });
            }
            let rest = bytes.get(offset..).unwrap_or_default();
            let accepted = Record::read(rest)
                .and_then(|record| Ok((self.accept(&record, offset as u64)?, record.length)));
            let (batch, length) = match accepted {
                Ok(accepted) => accepted,
                Err(what) => return Ok(End { offset, bad: Some(what), known }),
            };
            let marks = batch.header.kind == Kind::Mark;
            visit(batch).map_err(|what| fault(name, offset, what))?;
            offset += length;
            if !marks {
                waiting.push_back((offset, self.clone()));
            }
            while let Some(end) = waiting.pop_front_if(|(_, at)| at.number <= self.known) {
                known = end;
            }
        }
    }

    /// Whether anything in `bytes` from `offset` on says that the batch after the last one read
    /// was flushed.
    pub(crate) fn next_was_flushed(&self, bytes: &[u8], offset: usize) -> bool {
        let mut at = offset.next_multiple_of(ALIGNMENT);
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= HEADER_BYTES) {
            let header = if rest.first() == Some(&0) { None } else { Header::decode(rest) };
            if header.is_some_and(|header| header.flushed > self.number) {
                return true;
            }
            at += ALIGNMENT;
        }
        false
    }
}

pub(crate) fn fault(name: &str, offset: usize, what: &'static str) -> JournalError {
    JournalError::Fault { name: name.to_owned(), offset: offset as u64, what }
}

/// The headers of all segments, which must be there from the first to the last.
pub(crate) fn segments(storage: &mut impl Storage) -> Result<Vec<SegmentHeader>, JournalError> {
    let names = storage.list().map_err(disk("list", "."))?;
    let mut sequences: Vec<u64> = names.iter().filter_map(|name| segment_sequence(name)).collect();
    sequences.sort_unstable();
    let mut headers = Vec::with_capacity(sequences.len());
    for (place, sequence) in sequences.into_iter().enumerate() {
        let expected = place as u64 + 1;
        if sequence != expected {
            return Err(fault(&segment_name(expected), 0, "the segment is missing"));
        }
        let name = segment_name(sequence);
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        read_into(storage, &name, 0, &mut bytes)?;
        let header = SegmentHeader::decode(&bytes).filter(|header| header.sequence == sequence);
        headers.push(header.ok_or(fault(&name, 0, "the segment's header is damaged"))?);
    }
    Ok(headers)
}
