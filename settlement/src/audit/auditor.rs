//! The walk through a journal.

use std::collections::BTreeSet;

use auction::spec::Time;

use super::readmitted::{self, Original, Returned};
use super::{
    AuditError, AuditReport, EntryCheck, Held, MAX_MISDEEDS, Misdeed, Objected, Restored, Rightful,
    held, with_movements,
};
use crate::journal::walk::{Cursor, End, segments};
use crate::journal::{
    Batch, BatchKind, Beginning, JournalError, Storage, Tree, name_of_segment, read_file,
    replay_batch,
};
use crate::ledger::{
    Action, Authority, Chain, Charter, Entry, HoldKey, Ledger, RawEntry, Request, RequestError,
    SignedRequest, VerifiedRequest,
};
use crate::parallel;
use crate::unwinding::{Budget, Moved, Movements, Wrongs};

pub(super) struct Auditor<'a, C> {
    check: &'a mut C,
    pub(super) charter: Charter,
    pub(super) ledger: Ledger,
    pub(super) tree: Tree,
    batches: u64,
    requests: u64,
    /// The ledger's size at which the whole of it is checked next.
    next_check: u64,
    pub(super) epoch: u32,
    /// The end of each epoch but the last.
    pub(super) restores: Vec<Restored>,
    /// How long the journal had how many entries.
    pub(super) moments: Vec<Moment>,
    pub(super) returned: Returned,
    readmitted: u64,
    movements: Movements,
    wrongs: Wrongs,
    /// Entries in whose place something has become due.
    owed: BTreeSet<u64>,
    misdeeds: Vec<Misdeed>,
    unlisted: u64,
    /// What ends the audit.
    fatal: Option<AuditError>,
}

/// From when to when the journal had so many entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) size: u64,
    pub(super) from: Time,
    pub(super) to: Time,
}

impl<'a, C: EntryCheck> Auditor<'a, C> {
    pub(super) fn new(charter: &Charter, check: &'a mut C) -> Self {
        Self {
            check,
            charter: *charter,
            ledger: Ledger::new(*charter),
            tree: Tree::default(),
            batches: 0,
            requests: 0,
            next_check: 1,
            epoch: 0,
            restores: Vec::new(),
            moments: vec![Moment { size: 0, from: Time(0), to: Time(0) }],
            returned: Returned::default(),
            readmitted: 0,
            movements: Movements::default(),
            wrongs: Wrongs::default(),
            owed: BTreeSet::new(),
            misdeeds: Vec::new(),
            unlisted: 0,
            fatal: None,
        }
    }

    /// Goes through all segments; says whether bytes after the last batch were passed over.
    pub(super) fn walk(&mut self, storage: &mut impl Storage) -> Result<bool, AuditError> {
        let mut cursor = Cursor::start(self.charter.id());
        let mut tail = false;
        let headers = segments(storage)?;
        let mut all = headers.iter().peekable();
        while let Some(header) = all.next() {
            let name = name_of_segment(header.sequence);
            let place = |offset, what| JournalError::Fault { name: name.clone(), offset, what };
            cursor.enter(header).map_err(|what| place(0, what))?;
            let bytes = read_file(storage, &name)?;
            let stop = all.peek().map(|next| next.first);
            let walked = cursor.walk(&name, &bytes, stop, |batch| self.batch(&batch));
            if let Some(fatal) = self.fatal.take() {
                return Err(fatal);
            }
            let End { offset, bad, .. } = walked?;
            if let Some(what) = bad {
                let left = bytes.get(offset..).unwrap_or_default().iter().any(|byte| *byte != 0);
                if stop.is_some() || (left && cursor.next_was_flushed(&bytes, offset)) {
                    return Err(place(offset as u64, what).into());
                }
                tail |= left;
            }
        }
        self.epoch = cursor.epoch;
        self.check_ledger()?;
        Ok(tail)
    }

    /// What was found, once everything was seen.
    pub(super) fn finish(
        mut self,
        held: &Held<'_>,
        tail: bool,
    ) -> Result<(AuditReport, Ledger), AuditError> {
        let (entry, time) = (self.tree.size(), self.ledger.time());
        self.look_what_is_owed(time);
        for objection in self.check.end(&self.ledger) {
            let reason = objection.to_string();
            self.note(None, time, AuditError::Objection { entry, reason });
        }
        let found = held::compare(&self, held);
        for wrong in found.wrong {
            self.note(None, time, wrong);
        }
        let report = AuditReport {
            batches: self.batches,
            entries: self.tree.size(),
            requests: self.requests,
            readmitted: self.readmitted,
            root: self.tree.root(self.tree.size()),
            time,
            state: self.ledger.digest(),
            epoch: self.epoch,
            restores: self.restores,
            totals: self.ledger.totals().into_iter().collect(),
            lost_heads: found.lost_heads,
            lost_entries: found.lost_entries,
            tail,
            misdeeds: with_movements(self.misdeeds, &self.wrongs),
            unlisted: self.unlisted,
            wrongs: self.wrongs.movements(),
            astray: self.wrongs.astray(&self.ledger),
        };
        Ok((report, self.ledger))
    }

    fn note(&mut self, entry: Option<u64>, time: Time, wrong: AuditError) {
        if self.misdeeds.len() < MAX_MISDEEDS {
            self.misdeeds.push(Misdeed { entry, time, wrong, movements: Vec::new() });
        } else {
            self.unlisted += 1;
        }
    }

    fn batch(&mut self, batch: &Batch<'_>) -> Result<(), &'static str> {
        if batch.header.kind == BatchKind::Mark {
            return Ok(());
        }
        self.batches = batch.header.number;
        if batch.header.kind == BatchKind::Epoch {
            let (kept, time) = (self.tree.size(), self.ledger.time());
            let epoch = batch.header.epoch;
            self.restores.push(Restored { epoch, kept, time });
            self.returned.epoch_begins(epoch, Beginning::of(&batch.header));
            return Ok(());
        }
        let numbered: Vec<_> = (self.tree.size()..).zip(&batch.entries).collect();
        let verified = parallel::map(&numbered, |(number, bytes)| {
            let raw = RawEntry::split(bytes)?;
            Some(verify(&raw, *number, &self.charter))
        });
        let (mut entries, mut seen) = (Vec::new(), Vec::new());
        for entry in verified {
            match entry.ok_or("an entry is malformed")? {
                Ok(Verified { entry, unsigned, original }) => {
                    entries.push(entry);
                    seen.push((unsigned, original));
                }
                Err(fatal) => {
                    self.fatal = Some(fatal);
                    return Err("an entry cannot be replayed");
                }
            }
        }
        let requests: usize = entries.iter().map(|entry| entry.chain.requests().len()).sum();
        self.requests += requests as u64;
        replay_batch(&mut self.ledger, &batch.header, &entries)?;
        let time = batch.header.time;
        if !entries.is_empty() {
            self.returned.batch(time);
        }
        let leaves = batch.leaves.iter().zip(entries.iter().zip(seen));
        for (number, (leaf, (entry, (unsigned, original)))) in (self.tree.size()..).zip(leaves) {
            let unsigned = unsigned.or_else(|| self.readmitted(number, time, entry, &original));
            self.entry(number, time, leaf, entry, unsigned);
        }
        self.tree.extend(batch.leaves.clone());
        self.moment(time);
        self.check_now_and_then()
    }

    /// What is wrong with an entry that is said to have come back after a restore.
    fn readmitted(
        &mut self,
        entry: u64,
        time: Time,
        chain: &Entry,
        original: &Original,
    ) -> Option<AuditError> {
        chain.chain.readmitted()?;
        self.readmitted += 1;
        let known = (&self.ledger, self.tree.leaves());
        let reason = self.returned.entry(entry, time, chain, original, known)?;
        Some(AuditError::Readmitted { entry, reason })
    }

    fn moment(&mut self, time: Time) {
        let size = self.tree.size();
        match self.moments.last_mut() {
            Some(last) if last.size == size => last.to = time,
            _ => self.moments.push(Moment { size, from: time, to: time }),
        }
    }

    /// After every batch while the ledger is small, then each time that it has grown by a
    /// hundredth: the check reads all of it.
    fn check_now_and_then(&mut self) -> Result<(), &'static str> {
        let size = self.ledger.records() + self.ledger.accounts().len() as u64;
        if size < 1000 || size >= self.next_check {
            self.next_check = size + size / 100;
            if let Err(error) = self.check_ledger() {
                self.fatal = Some(error);
                return Err("the ledger is not sound");
            }
        }
        Ok(())
    }

    fn check_ledger(&self) -> Result<(), AuditError> {
        let batch = self.batches;
        self.ledger.check().map_err(|reason| AuditError::Unsound { batch, reason })
    }

    /// Looks at an entry that was replayed: what is wrong with it, and what it moved.
    fn entry(
        &mut self,
        number: u64,
        time: Time,
        leaf: &[u8; 32],
        entry: &Entry,
        unsigned: Option<AuditError>,
    ) {
        let moved = self.movements.learn(entry, &self.ledger);
        let mut requests = entry.chain.requests().iter();
        if requests.any(|one| matches!(one.request().action, Action::Correct { .. })) {
            self.look_what_is_owed(time);
        }
        let objected = self.check.entry(number, time, entry);
        if let Some(wrong) = unsigned {
            // All of the chain hangs on the signature that is missing.
            moved.iter().for_each(|moved| self.wrongs.add(number, leaf, moved, 0));
            holds_of(entry).for_each(|hold| self.wrongs.taint(hold));
            return self.note(Some(number), time, wrong);
        }
        let rightful = match objected {
            Ok(()) => Rightful::Unknown,
            Err(Objected { objection, rightful }) => {
                let reason = objection.to_string();
                self.note(Some(number), time, AuditError::Objection { entry: number, reason });
                rightful
            }
        };
        let mut budget = match &rightful {
            Rightful::Known(expected) => Some(Budget::of(expected)),
            Rightful::Unknown => None,
        };
        for moved in &moved {
            let request = entry.chain.requests().get(usize::from(moved.request));
            let Some(request) = request else { continue };
            self.moved(number, time, leaf, moved, request, budget.as_mut());
        }
        if let (Rightful::Known(expected), Some(budget)) = (&rightful, budget)
            && is_in_place_of(entry, expected)
        {
            self.withhold(number, leaf, &budget);
        }
    }

    /// Takes note of what has become due since in the place of earlier entries.
    fn look_what_is_owed(&mut self, time: Time) {
        for (number, requests) in self.check.owed(time) {
            let leaf = usize::try_from(number).ok().and_then(|at| self.tree.leaves().get(at));
            if let Some(leaf) = leaf.copied()
                && self.owed.insert(number)
            {
                self.withhold(number, &leaf, &Budget::of(&requests));
            }
        }
    }

    /// Takes note of what should have been paid in an entry's place and was not.
    fn withhold(&mut self, number: u64, leaf: &[u8; 32], budget: &Budget) {
        let unpaid = budget.unpaid();
        let account = unpaid.first().and_then(|one| self.ledger.account(&one.debit));
        if let Some(currency) = account.map(|account| account.currency) {
            self.wrongs.withhold(number, leaf, currency, &unpaid);
        }
    }

    /// Sorts a movement: rightful, wrong, or the correction of a wrong one. The budget is what
    /// the entry may still move rightfully, where that is known.
    fn moved(
        &mut self,
        number: u64,
        time: Time,
        leaf: &[u8; 32],
        moved: &Moved,
        request: &VerifiedRequest,
        budget: Option<&mut Budget>,
    ) {
        if let Action::Correct { movement, .. } = &request.request().action {
            let corrected = self.wrongs.correct(number, leaf, moved, &movement.reference);
            if let Err(reason) = corrected {
                self.note(Some(number), time, AuditError::Correction { entry: number, reason });
            }
            return;
        }
        if moved.hold.is_some_and(|hold| self.wrongs.is_tainted(&hold)) {
            self.wrongs.add(number, leaf, moved, 0);
            return self.note(Some(number), time, AuditError::FromUnsigned { entry: number });
        }
        // What its owner signed for is his doing, whatever else the entry holds; but a purchase
        // was signed for with the goods key beside it, and what the offer says.
        let part = match (request.authority(), budget) {
            (Authority::Postings | Authority::OwnerAndPayee { .. }, Some(budget)) => {
                budget.take(moved)
            }
            _ => moved.amount,
        };
        self.wrongs.add(number, leaf, moved, part);
    }
}

/// Whether an entry has used up the id of what should have been there: then that can never come.
fn is_in_place_of(entry: &Entry, expected: &[Request]) -> bool {
    let id = expected.first().map(|request| request.id);
    entry.chain.requests().iter().any(|request| {
        request.authority() == Authority::Postings && Some(request.request().id) == id
    })
}

/// The holds that an entry made.
fn holds_of(entry: &Entry) -> impl Iterator<Item = HoldKey> {
    entry.chain.requests().iter().filter_map(|request| match &request.request().action {
        Action::Hold { movement, .. } => {
            Some(HoldKey { account: movement.debit, id: request.request().id })
        }
        _ => None,
    })
}

/// An entry of which everything is verified that can be without the rest of the journal.
struct Verified {
    entry: Entry,
    unsigned: Option<AuditError>,
    original: Original,
}

/// Reads an entry and verifies its signatures: nothing is taken on the journal's word. What is
/// not signed as it must be is replayed all the same, as the server did, and said to be so.
fn verify(raw: &RawEntry<'_>, entry: u64, charter: &Charter) -> Result<Verified, AuditError> {
    let mut requests = Vec::with_capacity(raw.requests.len());
    let mut unsigned = None;
    for bytes in &raw.requests {
        let signed = SignedRequest::decode(bytes)
            .map_err(|reason| AuditError::Malformed { entry, reason })?;
        let verified = signed.verify(charter).or_else(|reason| {
            let wrong = AuditError::Unsigned { entry, reason };
            let taken = VerifiedRequest::from_journal(bytes, charter).ok_or(wrong.clone());
            unsigned.get_or_insert(wrong);
            taken
        });
        requests.push(verified?);
    }
    let malformed = || AuditError::Malformed { entry, reason: RequestError::Malformed };
    let chain = Chain::new(requests, raw.attachment.map(<[u8]>::to_vec));
    let chain = chain.map_err(|_| malformed())?;
    let (chain, original) = readmitted::verify(raw, chain, charter).ok_or_else(malformed)?;
    Ok(Verified { entry: Entry { chain, codes: raw.codes.clone() }, unsigned, original })
}
