//! Reading entries back from a journal that is being written: the index says where they lie, and
//! the tree whether that is what was written.

use std::collections::HashSet;

use auction::layout::Digest;
use auction::spec::Time;
use witness::Continuation;

use super::record::{HEADER_BYTES, Header, Kind, Record};
use super::segment::segment_name;
use super::storage::{JournalError, Storage, read_into};
use super::tree::{Leaf, leaf_hash};
use super::{Beginning, Head, Journal, walk};
use crate::index::{Continued, DiskIndex, Line, Place};
use crate::ledger::{
    Action, Attachment, Chain, Charter, Entry, HoldKey, Ledger, MAX_ATTACHMENT_BYTES,
    MAX_CHAIN_REQUESTS, MAX_READMITTED_BYTES, MAX_REQUEST_BYTES, Past, VerifiedRequest,
};
use crate::parallel;
use crate::readmission::Restores;

/// An entry, read back, and its path to the root over all entries.
pub(crate) struct Found {
    pub(crate) batch: u64,
    pub(crate) time: Time,
    pub(crate) entry: Vec<u8>,
    pub(crate) path: Vec<Digest>,
}

/// An entry, read back.
struct Read {
    header: Header,
    entry: Vec<u8>,
    leaf: Leaf,
}

/// Longest entry, in bytes.
const MAX_ENTRY_BYTES: usize = MAX_CHAIN_REQUESTS * (MAX_REQUEST_BYTES + 3)
    + MAX_ATTACHMENT_BYTES
    + 5
    + 1
    + MAX_READMITTED_BYTES;

/// Reads an entry, and compares it with its leaf.
fn read(
    storage: &mut impl Storage,
    index: &mut DiskIndex,
    entry: u64,
) -> Result<Option<Read>, JournalError> {
    let (Some(place), Some(leaf)) = (index.place(entry)?, index.leaf(entry)?) else {
        return Ok(None);
    };
    let header = header_at(storage, &place)?;
    let name = segment_name(place.sequence);
    let mut length = [0; 4];
    read_into(storage, &name, place.entry.into(), &mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_ENTRY_BYTES {
        return Err(fault(&place, "an entry is longer than any is"));
    }
    let mut bytes = vec![0; length];
    read_into(storage, &name, u64::from(place.entry) + 4, &mut bytes)?;
    if leaf_hash(header.number, header.time, &bytes) != leaf {
        return Err(fault(&place, "an entry does not match its leaf"));
    }
    Ok(Some(Read { header, entry: bytes, leaf }))
}

fn header_at(storage: &mut impl Storage, place: &Place) -> Result<Header, JournalError> {
    let mut bytes = [0; HEADER_BYTES];
    match read_into(storage, &segment_name(place.sequence), place.batch.into(), &mut bytes) {
        Err(JournalError::Disk { kind: std::io::ErrorKind::NotFound, .. }) => {
            return Err(fault(place, "there is no such segment"));
        }
        read => read?,
    };
    let header = Header::decode(&bytes).filter(|header| header.kind == Kind::Batch);
    header.ok_or_else(|| fault(place, "a batch's header is damaged"))
}

fn fault(place: &Place, what: &'static str) -> JournalError {
    walk::fault(&segment_name(place.sequence), place.entry as usize, what)
}

/// Brings those of the ids back that a batch speaks of and that left the ledger's memory.
pub(super) fn recall(
    storage: &mut impl Storage,
    index: &mut DiskIndex,
    ledger: &mut Ledger,
    candidates: &[HoldKey],
) -> Result<(), JournalError> {
    let mut seen = HashSet::new();
    for key in candidates.iter().filter(|key| seen.insert(**key)) {
        let mut located = index.locate(key, ledger.entries())?;
        // Of two words on one id the last one counts: a hold that had expired, and was taken by a
        // receipt that came back. That one says what became of it, the first one what it was.
        located.sort_by_key(|located| located.entry);
        let mut later = None;
        for located in located.into_iter().rev() {
            let Some(Read { entry, .. }) = read(storage, index, located.entry)? else { continue };
            let Some(entry) = Entry::decode(&entry, ledger.charter()) else { continue };
            if let Some((content, code, attachment)) = past(&entry, key, ledger.charter()) {
                let fate = later.unwrap_or(located.fate);
                let entry = located.entry;
                ledger.recall(key, &Past { content, entry, code, fate, attachment });
                break;
            }
            if ends_again(&entry, key) {
                later.get_or_insert(located.fate);
            }
        }
    }
    Ok(())
}

/// Whether an entry came back after a restore and ended this hold.
fn ends_again(entry: &Entry, key: &HoldKey) -> bool {
    let ends = |request: &VerifiedRequest| match &request.request().action {
        Action::PostHold { hold, .. } | Action::VoidHold { hold, .. } => hold == key,
        _ => false,
    };
    entry.chain.readmitted().is_some() && entry.chain.requests().iter().any(ends)
}

/// What an entry says of an id, if it decided it.
fn past(
    entry: &Entry,
    key: &HoldKey,
    charter: &Charter,
) -> Option<(Digest, crate::ledger::Code, Option<Digest>)> {
    let mut requests = entry.chain.requests().iter().zip(&entry.codes);
    let is_it = |(request, _): &(&crate::ledger::VerifiedRequest, _)| {
        request.request().id == key.id && request.signing_account(charter) == key.account
    };
    let (request, code) = requests.find(is_it)?;
    Some((request.content(), *code, entry.chain.attachment().map(Attachment::digest)))
}

impl<S: Storage> Journal<S> {
    /// Brings back for the next batch what it says of ids that left the ledger's memory.
    pub(crate) fn recall(
        &mut self,
        ledger: &mut Ledger,
        batch: &[Chain],
    ) -> Result<(), JournalError> {
        let (filters, known) = (self.index.filters(), &*ledger);
        let look = |chains: &[Chain]| filters.candidates(known.missing(chains.iter()));
        // Most of it is waiting for memory, which two do side by side.
        let (first, second) = batch.split_at(batch.len() / 2);
        let (mut candidates, more) = parallel::both(batch.len(), || look(first), || look(second));
        candidates.extend(more);
        let recalled = recall(&mut self.storage, &mut self.index, ledger, &candidates);
        self.distrust(recalled)
    }

    /// The same of ids that are not part of a batch.
    pub(crate) fn recall_keys(
        &mut self,
        ledger: &mut Ledger,
        missing: Vec<HoldKey>,
    ) -> Result<(), JournalError> {
        let candidates = self.index.filters().candidates(missing);
        let recalled = recall(&mut self.storage, &mut self.index, ledger, &candidates);
        self.distrust(recalled)
    }

    /// The hash of the entry of a number.
    pub(crate) fn leaf(&mut self, entry: u64) -> Result<Option<Leaf>, JournalError> {
        let leaf = self.index.leaf(entry);
        self.distrust(leaf)
    }

    /// The path from an entry to the head over all entries.
    pub(crate) fn path(&mut self, entry: u64) -> Result<Option<Vec<Digest>>, JournalError> {
        let path = self.index.inclusion(entry);
        self.distrust(path)
    }

    /// The head with which an epoch began; that of the next, where this journal passed it over.
    /// Nothing is ever signed of an epoch that was passed over: elsewhere it may have begun.
    pub(crate) fn beginning(&mut self, epoch: u32) -> Result<Option<Head>, JournalError> {
        let begun = (0..).zip(self.index.epochs()).skip(epoch as usize);
        let mut begun = begun.filter(|(_, begun)| **begun != Beginning::PASSED);
        let Some((epoch, Beginning { since, time })) = begun.next() else { return Ok(None) };
        let (since, time) = (*since, *time);
        let root = self.index.root_of(since);
        let root = self.distrust(root)?;
        Ok(root.map(|root| Head { epoch, since, size: since, root, time }))
    }

    /// What this journal says of its restores.
    pub(crate) fn restores(&mut self) -> Result<Restores, JournalError> {
        let since = self.since();
        let place = self.index.place(since);
        let first = match self.distrust(place)? {
            Some(place) => {
                let header = header_at(&mut self.storage, &place);
                Some(self.distrust(header)?.time)
            }
            None => None,
        };
        Ok(Restores::new(self.index.epochs().to_vec(), first))
    }

    /// The proof that the first `new` entries continue the first `old`.
    pub(crate) fn continuation(
        &mut self,
        old: u64,
        new: u64,
    ) -> Result<Option<Continuation>, JournalError> {
        let continued = self.index.continued(old, new);
        let continued = self.distrust(continued)?;
        Ok(continued.map(|Continued { old_root, new_root, path }| Continuation {
            epoch: self.cursor.epoch,
            since: self.since(),
            old_size: old,
            old_root,
            new_size: new,
            new_root,
            path,
        }))
    }

    /// Some movements of an account, by its order of opening, from number `from` on; and how many
    /// there are.
    pub(crate) fn movements(
        &mut self,
        account: u32,
        from: u64,
        most: u64,
    ) -> Result<(u64, Vec<Line>), JournalError> {
        let page = self.index.page(account, from, most);
        Ok((self.index.movements(account), self.distrust(page)?))
    }

    /// Bytes of the index in memory.
    pub(crate) fn index_kept(&self) -> usize {
        self.index.kept()
    }

    /// An entry with its batch's number and time, and its path to the head over all entries.
    pub(crate) fn entry(&mut self, entry: u64) -> Result<Option<Found>, JournalError> {
        let read = read(&mut self.storage, &mut self.index, entry);
        let Some(Read { header, entry: bytes, leaf }) = self.distrust(read)? else {
            return Ok(None);
        };
        let path = self.index.proven(entry, leaf);
        let path = self.distrust(path)?;
        let (batch, time) = (header.number, header.time);
        Ok(path.map(|path| Found { batch, time, entry: bytes, path }))
    }

    /// Reads all entries back in order, one batch at a time.
    pub(crate) fn scan(
        &mut self,
        charter: &Charter,
        mut visit: impl FnMut(u64, Time, &Entry),
    ) -> Result<(), JournalError> {
        let mut number = 0;
        while number < self.cursor.entries {
            let place = self.index.place(number);
            let Some(place) = self.distrust(place)? else { break };
            let bytes = self.record_at(&place)?;
            let record = Record::read(&bytes).map_err(|what| fault(&place, what))?;
            let entries = record.entries().map_err(|what| fault(&place, what))?;
            if record.header.first_entry != number || entries.is_empty() {
                return Err(fault(&place, "another batch lies there"));
            }
            for bytes in entries {
                let entry = Entry::decode(bytes, charter)
                    .ok_or_else(|| fault(&place, "an entry is malformed"))?;
                visit(number, record.header.time, &entry);
                number += 1;
            }
        }
        Ok(())
    }

    /// Reads the entries back in order that have an attachment or are about an escrow account.
    pub(crate) fn scan_marked(
        &mut self,
        charter: &Charter,
        mut visit: impl FnMut(u64, Time, &Entry),
    ) -> Result<(), JournalError> {
        for place in 0..self.index.marked() {
            let number = self.index.marked_at(place);
            let Some(number) = self.distrust(number)? else { break };
            let read = read(&mut self.storage, &mut self.index, number);
            let Some(Read { header, entry, .. }) = self.distrust(read)? else { break };
            let name = segment_name(self.sequence);
            let malformed = || walk::fault(&name, 0, "a marked entry is malformed");
            let entry = Entry::decode(&entry, charter).ok_or_else(malformed)?;
            visit(number, header.time, &entry);
        }
        Ok(())
    }

    fn record_at(&mut self, place: &Place) -> Result<Vec<u8>, JournalError> {
        let length = header_at(&mut self.storage, place)?
            .record_bytes()
            .filter(|length| *length as u64 <= self.options.segment_bytes)
            .ok_or_else(|| fault(place, "a batch is longer than its segment"))?;
        let mut bytes = vec![0; length];
        read_into(
            &mut self.storage,
            &segment_name(place.sequence),
            place.batch.into(),
            &mut bytes,
        )?;
        Ok(bytes)
    }

    /// Where the index is damaged, or an entry that it led to, no further batch is taken: the next
    /// start makes the index anew, and finds out whether the journal itself is damaged.
    pub(super) fn distrust<T>(
        &mut self,
        result: Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if let Err(why @ (JournalError::Index { .. } | JournalError::Fault { .. })) = &result {
            self.index.condemn(why);
        }
        result
    }
}
