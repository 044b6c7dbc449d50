//! Starting: snapshot and replay, the tail cut and copied, or a fault named.

use std::collections::VecDeque;

use auction::layout::Digest;

use super::ahead::{Decoded, Refused, Segment};
use super::flushing::{Flushing, SpareMaking, adopt};
use super::reading;
use super::record::{Header, Kind};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
use super::spares::{Spares, unfinished, zeroed};
use super::storage::{JournalError, Storage, read_all, write_all};
use super::tree::Leaf;
use super::walk::{Cursor, End, fault, segments};
use super::{Beginning, Draft, Journal, Options, snapshot};
use crate::index::{Addition, DiskIndex, Place, Told};
use crate::ledger::{Applied, Charter, Entry, Ledger, Window};
use crate::parallel;

/// Bytes after the last whole batch: an unfinished write, or one that was never flushed. They
/// stay where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment's file.
    pub segment: String,
    /// Where they begin.
    pub offset: u64,
    /// How many there are, trailing zeros not counted.
    pub bytes: u64,
    /// Why they are no batch.
    pub what: &'static str,
}

/// What a start found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The snapshot that replay began from: its batch.
    pub snapshot: Option<u64>,
    /// Snapshots that were damaged and passed over.
    pub damaged_snapshots: Vec<String>,
    /// Batches replayed.
    pub replayed: u64,
    /// What was cut.
    pub cut: Option<Cut>,
    /// Batches that were whole but perhaps not flushed, and are now, in a fresh segment.
    pub copied: u64,
    /// The batch up to which the index was there; nothing where all of it was made anew.
    pub indexed: Option<u64>,
}

const ANOTHER_HISTORY: &str = "the snapshot was taken of another history";
const INDEX_OF_ANOTHER: &str = "the index is of another history";

/// The state while it is being read back.
struct Replay<'a> {
    charter: Charter,
    window: Window,
    ledger: Ledger,
    index: &'a mut DiskIndex,
    report: Report,
    /// The last batch that the ledger holds.
    number: u64,
    /// The batch of the snapshot, and the chain that it was taken at.
    taken: Option<(u64, Digest)>,
    /// Where the entries lie of the batches that may be copied to a fresh segment, by batch.
    tail: VecDeque<(u64, Vec<Place>)>,
}

/// The last segment, as it was found.
struct Last {
    header: SegmentHeader,
    bytes: Vec<u8>,
    end: usize,
    /// Where the batches begin that are not known to be flushed, and the cursor before them.
    tail: Option<(usize, Cursor)>,
}

/// Reads a journal back, or founds it, and makes it ready to be written. The ledger keeps `window`
/// in memory; what else is asked of the past the index answers, which is made anew where it is
/// missing, damaged or of another history.
pub(crate) fn recover<S: Storage>(
    mut storage: S,
    mut index: DiskIndex,
    charter: Charter,
    options: Options,
    window: Window,
) -> Result<(Journal<S>, Ledger, Report), JournalError> {
    let read = match read_back(&mut storage, &mut index, charter, window) {
        Err(JournalError::Index { name, what }) => {
            tracing::warn!(name, what, "the index cannot be used, and is made anew");
            index = index.start_over()?;
            read_back(&mut storage, &mut index, charter, window)?
        }
        other => other?,
    };
    let ReadBack { ledger, cursor, last, tail, mut report } = read;
    let spares = Spares::find(&mut storage, options.segment_bytes)?;
    let mut journal = Journal {
        storage,
        options,
        sequence: 0,
        offset: SEGMENT_HEADER_BYTES as u64,
        flushed: cursor.number,
        cursor,
        index,
        spares: SpareMaking::in_line(spares),
        flushing: Flushing::default(),
        stopped: false,
        draft: Draft::default(),
    };
    match last {
        None => journal.change_segment()?,
        Some(last) => settle_tail(&mut journal, last, tail, &mut report)?,
    }
    Ok((journal, ledger, report))
}

/// What was read back.
struct ReadBack {
    ledger: Ledger,
    cursor: Cursor,
    last: Option<Last>,
    tail: VecDeque<(u64, Vec<Place>)>,
    report: Report,
}

fn read_back(
    storage: &mut impl Storage,
    index: &mut DiskIndex,
    charter: Charter,
    window: Window,
) -> Result<ReadBack, JournalError> {
    let headers = segments(storage)?;
    let indexed = index.durable();
    let mut replay = Replay {
        charter,
        window,
        ledger: Ledger::with_window(charter, window),
        index,
        report: Report { indexed: indexed.map(|(batch, _)| batch), ..Report::default() },
        number: 0,
        taken: None,
        tail: VecDeque::new(),
    };
    let mut cursor = Cursor::start(charter.id());
    let mut last = None;
    if headers.is_empty() && !snapshot::snapshots(storage)?.is_empty() {
        return Err(fault(&segment_name(1), 0, "the segment is missing"));
    }
    if !headers.is_empty() {
        let first = replay.begin(storage, &headers, &mut cursor)?;
        last = Some(replay.read(storage, &headers, first, &mut cursor)?);
    }
    if cursor.number < replay.number {
        let name = headers.last().map_or_else(String::new, |header| segment_name(header.sequence));
        return Err(fault(&name, 0, "a snapshot holds batches that the journal has lost"));
    }
    if indexed.is_some_and(|(batch, _)| cursor.number < batch) {
        return Err(another_history());
    }
    let Replay { ledger, report, tail, .. } = replay;
    // A beginning for each epoch, the first included.
    if index.epochs().len() as u64 != u64::from(cursor.epoch) + 1 {
        return Err(another_history());
    }
    Ok(ReadBack { ledger, cursor, last, tail, report })
}

fn another_history() -> JournalError {
    JournalError::Index { name: "the index".to_owned(), what: INDEX_OF_ANOTHER }
}

impl Replay<'_> {
    /// Takes the newest sound snapshot, and finds the segment that goes on from it.
    fn begin(
        &mut self,
        storage: &mut impl Storage,
        headers: &[SegmentHeader],
        cursor: &mut Cursor,
    ) -> Result<usize, JournalError> {
        // What the index lacks only a replay from the beginning gives it.
        let indexed = self.index.batch();
        for name in snapshot::snapshots(storage)? {
            let Some(found) = snapshot::read(storage, &name, &self.charter, self.window)? else {
                self.report.damaged_snapshots.push(name);
                continue;
            };
            let number = found.cursor.number;
            if number > indexed {
                continue;
            }
            // The last segment that begins before what is to be replayed.
            let first = headers.partition_point(|header| header.first <= number + 1);
            let first = first.saturating_sub(1);
            if let Some(header) = headers.get(first) {
                cursor.number = header.first - 1;
                cursor.entries = header.first_entry;
                cursor.epoch = header.epoch;
                cursor.chain = header.before;
            }
            if number < cursor.number {
                return Err(fault(&name, 0, "the snapshot is older than the first segment"));
            }
            if number == cursor.number && found.cursor.chain != cursor.chain {
                return Err(fault(&name, 0, ANOTHER_HISTORY));
            }
            let other = |(batch, chain)| batch == number && chain != found.cursor.chain;
            if self.index.durable().is_some_and(other) {
                return Err(another_history());
            }
            self.taken = Some((number, found.cursor.chain));
            self.report.snapshot = Some(number);
            self.number = number;
            self.ledger = found.ledger;
            return Ok(first);
        }
        Ok(0)
    }

    /// Replays all segments from `first` on; answers with the last one.
    fn read(
        &mut self,
        storage: &mut impl Storage,
        headers: &[SegmentHeader],
        first: usize,
        cursor: &mut Cursor,
    ) -> Result<Last, JournalError> {
        let mut rest = headers.iter().skip(first).peekable();
        while let Some(header) = rest.next() {
            let name = segment_name(header.sequence);
            cursor.enter(header).map_err(|what| fault(&name, 0, what))?;
            let bytes = read_all(storage, &name)?;
            let stop = rest.peek().map(|next| next.first);
            let (sequence, known) = (header.sequence, self.number);
            let segment = Segment { name: &name, sequence, bytes: &bytes, stop, known };
            let charter = self.charter;
            let end = segment.replay(cursor, &charter, |batch| self.replay(storage, batch))?;
            match (stop, end) {
                (Some(_), End { offset, bad: Some(what), .. }) => {
                    return Err(fault(&name, offset, what));
                }
                (Some(_), _) => {}
                (None, end) => {
                    return self.finish(&name, *header, bytes, end, cursor);
                }
            }
        }
        Err(fault(&segment_name(1), 0, "the segment is missing"))
    }

    /// Judges the end of the last segment: a clean end, a tail to cut, or a fault.
    fn finish(
        &mut self,
        name: &str,
        header: SegmentHeader,
        bytes: Vec<u8>,
        end: End,
        after: &Cursor,
    ) -> Result<Last, JournalError> {
        let rest = bytes.get(end.offset..).unwrap_or_default();
        let left = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if left > 0 {
            let what = end.bad.unwrap_or_default();
            if after.next_was_flushed(&bytes, end.offset) {
                return Err(fault(name, end.offset, what));
            }
            self.report.cut = Some(Cut {
                segment: name.to_owned(),
                offset: end.offset as u64,
                bytes: left as u64,
                what,
            });
        }
        let unsure = after.known < after.number || left > 0;
        let tail = unsure.then_some(end.known);
        Ok(Last { header, bytes, end: end.offset, tail })
    }

    fn replay(&mut self, storage: &mut impl Storage, batch: Decoded) -> Result<(), Refused> {
        let Decoded { header, places, leaves, entries, .. } = batch;
        // What is flushed stays where it is.
        while self.tail.pop_front_if(|(number, _)| *number <= header.flushed).is_some() {}
        if header.kind == Kind::Mark {
            return Ok(());
        }
        let at = |(number, chain)| number == header.number && chain != header.after;
        if self.taken.is_some_and(at) {
            return Err(Refused::Fault(ANOTHER_HISTORY));
        }
        if self.index.durable().is_some_and(at) {
            return Err(Refused::Error(another_history()));
        }
        self.tail.push_back((header.number, places.clone()));
        if header.number <= self.number {
            return Ok(());
        }
        self.number = header.number;
        self.report.replayed += 1;
        if header.kind == Kind::Epoch {
            if header.number > self.index.batch() {
                let begins = Some((header.epoch, Beginning::of(&header)));
                self.index.add(&Addition { begins, ..Addition::nothing(header.number) })?;
            }
            return Ok(());
        }
        let entries = entries.ok_or(Refused::Fault("an entry is malformed"))?;
        let missing = self.ledger.missing_holds(entries.iter().map(|entry| &entry.chain));
        let candidates = self.index.filters().candidates(missing);
        match reading::recall(storage, self.index, &mut self.ledger, &candidates) {
            // Whether the index led there or the journal is damaged, a replay of all will show.
            Err(JournalError::Fault { name, what, .. }) => Err(JournalError::Index { name, what }),
            recalled => recalled,
        }?;
        let applied = replay_batch(&mut self.ledger, &header, &entries)?;
        if header.number > self.index.batch() {
            self.index(&header, &applied, entries, &leaves, &places)?;
        }
        Ok(())
    }

    /// Adds a batch that was applied to the index.
    fn index(
        &mut self,
        header: &Header,
        applied: &Applied,
        entries: Vec<Entry>,
        leaves: &[Leaf],
        places: &[Place],
    ) -> Result<(), JournalError> {
        let chains = entries.iter().map(|entry| &entry.chain).zip(&applied.outcomes);
        let told = Told::of(&self.ledger, chains, applied);
        let (mut moving, nodes) = self.index.parts();
        let (moved, ()) = parallel::both(
            leaves.len(),
            || {
                let moved = moving.add(&told.lines, &applied.left);
                // Many small pieces of memory: here they hold nobody up.
                drop(entries);
                moved
            },
            || nodes.extend(leaves),
        );
        moved?;
        let (batch, marked) = (header.number, &told.marked);
        self.index.add(&Addition { batch, places, marked, begins: None })
    }
}

/// Applies a journaled batch again, and compares what comes of it with what was written.
pub(crate) fn replay_batch(
    ledger: &mut Ledger,
    header: &Header,
    entries: &[Entry],
) -> Result<Applied, &'static str> {
    let applied = ledger.replay(entries.iter().map(|entry| &entry.chain), header.time);
    let same = applied.now == header.time
        && applied.expired.len() as u64 == u64::from(header.expired)
        && applied.outcomes.iter().zip(entries).all(|(outcome, entry)| {
            outcome.entry.is_some()
                && outcome.replies.iter().map(|reply| reply.code).eq(entry.codes.iter().copied())
        });
    if same { Ok(applied) } else { Err("replay gives other results than were written") }
}

/// Goes on in the last segment where all in it is known to be flushed; otherwise copies what is
/// not known to be into a fresh one and flushes that, before anything is answered.
fn settle_tail<S: Storage>(
    journal: &mut Journal<S>,
    last: Last,
    places: VecDeque<(u64, Vec<Place>)>,
    report: &mut Report,
) -> Result<(), JournalError> {
    journal.sequence = last.header.sequence;
    journal.offset = last.end as u64;
    let whole = last.bytes.len() as u64 == journal.options.segment_bytes;
    let (start, cursor) = match last.tail {
        None if whole => return Ok(()),
        None => (last.end, journal.cursor.clone()),
        Some((start, cursor)) => (start, cursor),
    };
    let tail = last.bytes.get(start..last.end).unwrap_or_default();
    let header = SegmentHeader {
        ledger: cursor.ledger,
        sequence: last.header.sequence + 1,
        first: cursor.number + 1,
        first_entry: cursor.entries,
        epoch: cursor.epoch,
        before: cursor.chain,
    };
    report.copied = journal.cursor.number - cursor.number;
    let fresh = unfinished("fresh");
    let size = journal.options.segment_bytes.max((SEGMENT_HEADER_BYTES + tail.len()) as u64);
    zeroed(&mut journal.storage, &fresh, size)?;
    write_all(&mut journal.storage, &fresh, SEGMENT_HEADER_BYTES as u64, tail)?;
    adopt(&mut journal.storage, &fresh, &header)?;
    journal.sequence = header.sequence;
    journal.offset = (SEGMENT_HEADER_BYTES + tail.len()) as u64;
    journal.cursor.known = cursor.number;
    let back = |offset: u32| {
        // Where it lay, less what is not copied: within the segment.
        (u64::from(offset) - start as u64 + SEGMENT_HEADER_BYTES as u64) as u32
    };
    let copied = places.into_iter().filter(|(number, _)| *number > cursor.number);
    let moved = copied.flat_map(|(_, places)| places).map(|place| Place {
        sequence: header.sequence,
        batch: back(place.batch),
        entry: back(place.entry),
    });
    let moved: Vec<Place> = moved.collect();
    journal.index.move_entries(cursor.entries, &moved);
    Ok(())
}
