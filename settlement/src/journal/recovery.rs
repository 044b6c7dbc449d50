//! Starting: snapshot and replay, the tail cut and copied, or a fault named.

use auction::layout::Digest;

use super::flushing::{Flushing, SpareMaking, adopt};
use super::reading::Place;
use super::record::{HEADER_BYTES, Header, Kind};
use super::segment::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_name};
use super::spares::{Spares, unfinished, zeroed};
use super::storage::{JournalError, Storage, read_all, read_into, write_all};
use super::tree::Tree;
use super::walk::{Batch, Cursor, End, fault, segments};
use super::{Beginning, Journal, Options, snapshot};
use crate::ledger::{Charter, Entry, Ledger};
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
}

const ANOTHER_HISTORY: &str = "the snapshot was taken of another history";

/// The state while it is being read back.
struct Replay {
    charter: Charter,
    ledger: Ledger,
    tree: Tree,
    epochs: Vec<Beginning>,
    places: Vec<Place>,
    report: Report,
    /// The last batch that the ledger holds.
    number: u64,
    /// The batch of the snapshot, and the chain that it was taken at.
    taken: Option<(u64, Digest)>,
}

/// The last segment, as it was found.
struct Last {
    header: SegmentHeader,
    bytes: Vec<u8>,
    end: usize,
    /// Where the batches begin that are not known to be flushed, and the cursor before them.
    tail: Option<(usize, Cursor)>,
}

/// Reads a journal back, or founds it, and makes it ready to be written.
pub(crate) fn recover<S: Storage>(
    mut storage: S,
    charter: Charter,
    options: Options,
) -> Result<(Journal<S>, Ledger, Report), JournalError> {
    let headers = segments(&mut storage)?;
    let mut replay = Replay {
        charter,
        ledger: Ledger::new(charter),
        tree: Tree::default(),
        epochs: vec![Beginning::FIRST],
        places: Vec::new(),
        report: Report::default(),
        number: 0,
        taken: None,
    };
    let mut cursor = Cursor::start(charter.id());
    let mut last = None;
    if headers.is_empty() && !snapshot::snapshots(&mut storage)?.is_empty() {
        return Err(fault(&segment_name(1), 0, "the segment is missing"));
    }
    if !headers.is_empty() {
        let first = replay.begin(&mut storage, &headers, &mut cursor)?;
        last = Some(replay.read(&mut storage, &headers, first, &mut cursor)?);
    }
    if cursor.number < replay.number {
        let name = headers.last().map_or_else(String::new, |header| segment_name(header.sequence));
        return Err(fault(&name, 0, "a snapshot holds batches that the journal has lost"));
    }
    let spares = Spares::find(&mut storage, options.segment_bytes)?;
    let mut journal = Journal {
        storage,
        options,
        sequence: 0,
        offset: SEGMENT_HEADER_BYTES as u64,
        flushed: cursor.number,
        cursor,
        tree: replay.tree,
        epochs: replay.epochs,
        places: replay.places,
        spares: SpareMaking::in_line(spares),
        flushing: Flushing::default(),
        stopped: false,
        buffer: Vec::new(),
    };
    match last {
        None => journal.change_segment()?,
        Some(last) => settle_tail(&mut journal, last, &mut replay.report)?,
    }
    Ok((journal, replay.ledger, replay.report))
}

impl Replay {
    /// Takes the newest sound snapshot, and finds the segment that goes on from it.
    fn begin(
        &mut self,
        storage: &mut impl Storage,
        headers: &[SegmentHeader],
        cursor: &mut Cursor,
    ) -> Result<usize, JournalError> {
        for name in snapshot::snapshots(storage)? {
            let Some(found) = snapshot::read(storage, &name, &self.charter)? else {
                self.report.damaged_snapshots.push(name);
                continue;
            };
            let number = found.cursor.number;
            // The last segment that begins before what is to be replayed.
            let first = headers.partition_point(|header| header.first <= number + 1);
            let first = first.saturating_sub(1);
            for (header, next) in headers.iter().zip(headers.iter().skip(1)).take(first) {
                self.skim(storage, header, next.first)?;
            }
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
            self.taken = Some((number, found.cursor.chain));
            self.report.snapshot = Some(number);
            self.number = number;
            self.ledger = found.ledger;
            self.tree = found.tree;
            return Ok(first);
        }
        Ok(0)
    }

    /// Finds where the batches of a segment lie that the snapshot makes unnecessary to replay.
    fn skim(
        &mut self,
        storage: &mut impl Storage,
        segment: &SegmentHeader,
        stop: u64,
    ) -> Result<(), JournalError> {
        let name = segment_name(segment.sequence);
        let (mut offset, mut number) = (SEGMENT_HEADER_BYTES, segment.first - 1);
        while number + 1 < stop {
            let mut bytes = [0; HEADER_BYTES];
            read_into(storage, &name, offset as u64, &mut bytes)?;
            let damaged = || fault(&name, offset, "a batch's header does not match its CRC");
            let header = Header::decode(&bytes).ok_or_else(damaged)?;
            if header.kind != Kind::Mark {
                number = header.number;
                self.place(&header, segment.sequence, offset as u64);
            }
            let length = header.record_bytes().ok_or_else(damaged)?;
            offset = offset.checked_add(length).ok_or_else(damaged)?;
        }
        Ok(())
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
            let end =
                cursor.walk(&name, &bytes, stop, |batch| self.replay(&batch, header.sequence))?;
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

    /// Remembers where a batch lies, and how an epoch began.
    fn place(&mut self, header: &Header, sequence: u64, offset: u64) {
        self.places.push(Place { first_entry: header.first_entry, sequence, offset });
        if header.kind == Kind::Epoch {
            self.epochs.push(Beginning { since: header.first_entry, time: header.time });
        }
    }

    fn replay(&mut self, batch: &Batch<'_>, sequence: u64) -> Result<(), &'static str> {
        let header = &batch.header;
        if header.kind == Kind::Mark {
            return Ok(());
        }
        self.place(header, sequence, batch.offset);
        if self
            .taken
            .is_some_and(|(number, chain)| number == header.number && chain != header.after)
        {
            return Err(ANOTHER_HISTORY);
        }
        if header.number <= self.number {
            return Ok(());
        }
        self.number = header.number;
        self.report.replayed += 1;
        if header.kind == Kind::Epoch {
            return Ok(());
        }
        let entries = parallel::map(&batch.entries, |bytes| Entry::decode(bytes, &self.charter));
        let entries = entries.into_iter().collect::<Option<Vec<_>>>();
        let entries = entries.ok_or("an entry is malformed")?;
        replay_batch(&mut self.ledger, header, &entries)?;
        self.tree.extend(batch.leaves.clone());
        Ok(())
    }
}

/// Applies a journaled batch again, and compares what comes of it with what was written.
pub(crate) fn replay_batch(
    ledger: &mut Ledger,
    header: &Header,
    entries: &[Entry],
) -> Result<(), &'static str> {
    let applied = ledger.replay(entries.iter().map(|entry| &entry.chain), header.time);
    let same = applied.now == header.time
        && applied.expired.len() as u64 == u64::from(header.expired)
        && applied.outcomes.iter().zip(entries).all(|(outcome, entry)| {
            outcome.entry.is_some()
                && outcome.replies.iter().map(|reply| reply.code).eq(entry.codes.iter().copied())
        });
    if same { Ok(()) } else { Err("replay gives other results than were written") }
}

/// Goes on in the last segment where all in it is known to be flushed; otherwise copies what is
/// not known to be into a fresh one and flushes that, before anything is answered.
fn settle_tail<S: Storage>(
    journal: &mut Journal<S>,
    last: Last,
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
    let moved = journal.places.len().saturating_sub(usize::try_from(report.copied).unwrap_or(0));
    for place in journal.places.iter_mut().skip(moved) {
        place.sequence = header.sequence;
        place.offset = place.offset - start as u64 + SEGMENT_HEADER_BYTES as u64;
    }
    Ok(())
}
