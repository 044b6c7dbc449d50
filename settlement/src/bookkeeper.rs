//! Ledger and journal together: no answer leaves before the journal holds what it depends on.

mod readmitting;

use auction::layout::Digest;
use auction::spec::Time;
use witness::SignedContinuation;

use crate::index::{DiskIndex, Line};
use crate::journal::{
    Found, Head, Journal, JournalError, Options, Receipt, Report, SignedHead, Storage, disk,
    recover, refuse_unfinished,
};
use crate::layout::Signer;
use crate::ledger::{
    Account, AccountId, Chain, Charter, Code, Entry, HoldKey, Ledger, Outcome, Record, RequestId,
    Window,
};
use crate::parallel;

/// Most requests in one batch.
pub const MAX_BATCH_REQUESTS: usize = 8192;
/// How far the clock may be ahead of the journal at a start without the operator's word, in
/// milliseconds (an hour).
pub const MAX_START_AHEAD_MS: u64 = 3_600_000;

/// An answer that depends on batches up to one that may not be flushed yet. Only
/// [`Bookkeeper::release`] opens it.
#[derive(Debug)]
#[must_use = "an answer reaches nobody until it is released"]
pub struct Unflushed<T> {
    answer: T,
    batch: u64,
}

impl<T> Unflushed<T> {
    /// Turns the answer into another of the same dependence.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Unflushed<U> {
        Unflushed { answer: with(self.answer), batch: self.batch }
    }
}

/// Which entries a scan visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// All.
    All,
    /// Those that were committed with an attachment, or are about an escrow account; the others
    /// are not even read.
    Marked,
}

/// Why an answer is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// Flush first.
    #[error("batch {0} is not flushed yet")]
    NotFlushed(u64),
    /// The journal stopped. Ask again by id after the next start.
    #[error("the result is unknown: the journal stopped before it was flushed; ask again by id")]
    Unknown,
}

/// Why a start waits for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// The clock is before the last journaled time.
    #[error("the clock is {0} ms before the journal: set it, or confirm")]
    Behind(u64),
    /// The clock is far after the last journaled time.
    #[error("the clock is {0} ms after the journal: confirm that it is right")]
    FarAhead(u64),
}

/// A journal that was read back and not served yet.
pub struct Opened<S> {
    bookkeeper: Bookkeeper<S>,
    report: Report,
}

impl<S: Storage> Opened<S> {
    /// What the start found.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The state as it was read back.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.bookkeeper.ledger
    }

    /// The last batch that was read back; it is flushed.
    #[must_use]
    pub fn last_batch(&self) -> u64 {
        self.bookkeeper.journal.last()
    }

    /// Hands every entry that is `wanted` to `visit`, in order: its number, its batch's time,
    /// and what was asked and answered. To rebuild what the ledger does not keep.
    ///
    /// # Errors
    /// [`JournalError`] when the journal cannot be read back.
    pub fn scan(
        &mut self,
        wanted: Scanned,
        visit: impl FnMut(u64, Time, &Entry),
    ) -> Result<(), JournalError> {
        self.bookkeeper.scan(wanted, visit)
    }

    /// Begins to serve, if the clock can be believed.
    ///
    /// # Errors
    /// [`ClockDoubt`], with the journal, when only the operator can know.
    #[expect(clippy::result_large_err, reason = "the journal goes back to who must confirm")]
    pub fn serve(self, clock: Time) -> Result<Bookkeeper<S>, (ClockDoubt, Self)> {
        let last = self.bookkeeper.ledger.time();
        if clock < last {
            Err((ClockDoubt::Behind(last.0 - clock.0), self))
        } else if last != Time(0) && clock.0 - last.0 > MAX_START_AHEAD_MS {
            Err((ClockDoubt::FarAhead(clock.0 - last.0), self))
        } else {
            Ok(self.bookkeeper)
        }
    }

    /// Begins to serve on the operator's word.
    #[must_use]
    pub fn serve_confirmed(self) -> Bookkeeper<S> {
        self.bookkeeper
    }
}

/// A movement, with the accounts by their ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    pub(crate) line: Line,
    pub(crate) debit: AccountId,
    pub(crate) credit: AccountId,
    /// The operator's in their currency.
    pub(crate) operator: AccountId,
}

/// What of the past a bookkeeper has in memory, beside accounts and live holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Decided ids, those of live holds included.
    pub ids: usize,
    /// Bytes of the index, 32 for each account included.
    pub index_bytes: usize,
}

/// Where an entry stands in the journal, for a receipt made without reading it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The batch that it was committed in.
    pub batch: u64,
    /// The batch's time.
    pub time: Time,
    /// A head that covers it.
    pub head: SignedHead,
    /// The path from the entry to the head's root.
    pub path: Vec<Digest>,
}

impl<S: Storage + 'static> Bookkeeper<S> {
    /// Starts threads that flush, and make spare segments, while the next batch is applied.
    /// `flushed` is called on one of them whenever a flush has ended, well or not.
    ///
    /// # Errors
    /// [`JournalError`] when the files cannot be opened again.
    pub fn start_helpers(
        &mut self,
        flushed: impl Fn() + Send + 'static,
    ) -> Result<(), JournalError> {
        self.journal.start_helpers(flushed)
    }
}

/// The one writer of a ledger and its journal.
pub struct Bookkeeper<S> {
    ledger: Ledger,
    journal: Journal<S>,
    server: Signer,
}

impl<S: Storage> Bookkeeper<S> {
    /// Reads a journal back, or founds one where there is none, with its index beside it.
    ///
    /// # Errors
    /// [`JournalError`] when the disk fails, or something that was flushed is damaged.
    pub fn open(
        mut storage: S,
        charter: Charter,
        server: Signer,
        options: Options,
    ) -> Result<Opened<S>, JournalError>
    where
        S: 'static,
    {
        let index = storage.another().map_err(disk("open again", "."))?;
        Self::open_with(storage, Box::new(index), charter, server, options, Window::default())
    }

    /// The same with an index elsewhere, where it may be deleted whenever no journal is open, and
    /// with another number of decided ids in memory.
    ///
    /// # Errors
    /// As [`Bookkeeper::open`].
    pub fn open_with(
        mut storage: S,
        index: Box<dyn Storage>,
        charter: Charter,
        server: Signer,
        options: Options,
        window: Window,
    ) -> Result<Opened<S>, JournalError> {
        if server.public() != charter.server() {
            return Err(JournalError::WrongKey);
        }
        refuse_unfinished(&mut storage)?;
        let index = DiskIndex::open(index, charter.id(), window)?;
        let (mut journal, ledger, report) = recover(storage, index, charter, options, window)?;
        journal.mark()?;
        Ok(Opened { bookkeeper: Self { ledger, journal, server }, report })
    }

    /// Applies a batch and appends it to the journal. The answers open after the next flush;
    /// several batches may wait for one.
    ///
    /// # Errors
    /// [`JournalError`]; after `Full` and `BatchTooLarge` nothing was applied, after any other
    /// the journal has stopped.
    pub fn submit(
        &mut self,
        batch: Vec<Chain>,
        clock: Time,
    ) -> Result<Unflushed<Vec<Outcome>>, JournalError> {
        let requests: usize = batch.iter().map(|chain| chain.requests().len()).sum();
        if requests > MAX_BATCH_REQUESTS {
            let limit = MAX_BATCH_REQUESTS;
            return Err(JournalError::TooManyRequests { got: requests, limit });
        }
        self.journal.make_room(&batch)?;
        let over = self.readmission_is_over(&batch, clock)?;
        self.journal.recall(&mut self.ledger, &batch)?;
        let scarce = self.journal.scarce();
        let refusal = |ledger: &Ledger, chain: &Chain| match chain {
            chain if over && chain.readmitted().is_some() => Some(Code::ReadmissionOver),
            chain if scarce && !ledger.only_finishes(chain) => Some(Code::StorageScarce),
            _ => None,
        };
        if (over || scarce) && batch.iter().any(|one| refusal(&self.ledger, one).is_some()) {
            return self.submit_some(batch, clock, refusal);
        }
        let outcomes = self.commit(batch, clock)?;
        Ok(self.unflushed(outcomes))
    }

    fn commit(&mut self, batch: Vec<Chain>, clock: Time) -> Result<Vec<Outcome>, JournalError> {
        let (scarce, now) = (self.journal.scarce(), self.ledger.time().max(clock));
        let (mut draft, ledger) = (self.journal.draft(), &mut self.ledger);
        let (draft, applied) = parallel::both(
            batch.len(),
            || {
                draft.lay_out(&batch, now);
                draft
            },
            || {
                if scarce {
                    ledger.apply_while_scarce(&batch, clock)
                } else {
                    ledger.apply(&batch, clock)
                }
            },
        );
        if applied.effective {
            self.journal.append(batch, draft, &applied, &self.ledger)?;
        } else {
            self.journal.discard(draft);
        }
        Ok(applied.outcomes)
    }

    /// Refuses what has a refusal, and commits the rest.
    fn submit_some(
        &mut self,
        batch: Vec<Chain>,
        clock: Time,
        refusal: impl Fn(&Ledger, &Chain) -> Option<Code>,
    ) -> Result<Unflushed<Vec<Outcome>>, JournalError> {
        let (mut refused, mut kept) = (Vec::with_capacity(batch.len()), Vec::new());
        for chain in batch {
            let code = refusal(&self.ledger, &chain);
            refused.push(code.map(|code| readmitting::refused(&chain, code)));
            if code.is_none() {
                kept.push(chain);
            }
        }
        let mut committed = self.commit(kept, clock)?.into_iter();
        let outcomes =
            refused.into_iter().filter_map(|refused| refused.or_else(|| committed.next()));
        let outcomes = outcomes.collect();
        Ok(self.unflushed(outcomes))
    }

    fn unflushed<T>(&self, answer: T) -> Unflushed<T> {
        Unflushed { answer, batch: self.journal.last() }
    }

    /// Where the entries of the batch that was submitted last stand, one place for each of its
    /// outcomes: one signature for all of them. Nobody may see them before the next flush.
    pub(crate) fn proofs(
        &mut self,
        outcomes: &Unflushed<Vec<Outcome>>,
    ) -> Result<Vec<Option<Proof>>, JournalError> {
        let outcomes = &outcomes.answer;
        if outcomes.iter().all(|outcome| outcome.entry.is_none()) {
            return Ok(vec![None; outcomes.len()]);
        }
        let head = self.sign(self.journal.head());
        let (batch, time) = (self.journal.last(), self.ledger.time());
        let mut proofs = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let path = outcome.entry.map(|entry| self.journal.path(entry)).transpose()?.flatten();
            proofs.push(path.map(|path| Proof { batch, time, head, path }));
        }
        Ok(proofs)
    }

    /// Flushes everything submitted so far: one flush for all that wait.
    ///
    /// # Errors
    /// [`JournalError`]; the journal has stopped, and what waits is unknown.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.journal.flush()
    }

    /// Begins to flush everything submitted so far, and returns while that goes on, if
    /// [`Bookkeeper::start_helpers`] was called. Waits for the flush before it.
    ///
    /// # Errors
    /// [`JournalError`]; the journal has stopped, and what waits is unknown.
    pub fn begin_flush(&mut self) -> Result<(), JournalError> {
        self.journal.begin_flush()
    }

    /// Waits until no flush is under way. What was submitted after it was begun still waits.
    ///
    /// # Errors
    /// [`JournalError`]; the journal has stopped, and what waits is unknown.
    pub fn end_flush(&mut self) -> Result<(), JournalError> {
        self.journal.end_flush()
    }

    /// Whether a flush is under way.
    ///
    /// # Errors
    /// [`JournalError`] where it has failed; the journal has stopped.
    pub fn is_flushing(&mut self) -> Result<bool, JournalError> {
        self.journal.is_flushing()
    }

    /// Opens an answer, if everything that it depends on is flushed.
    ///
    /// # Errors
    /// [`Withheld`].
    pub fn release<T>(&self, unflushed: Unflushed<T>) -> Result<T, Withheld> {
        if unflushed.batch <= self.journal.flushed() {
            Ok(unflushed.answer)
        } else if self.journal.has_stopped() {
            Err(Withheld::Unknown)
        } else {
            Err(Withheld::NotFlushed(unflushed.batch))
        }
    }

    /// Asks the state something. The answer may show a batch that is not flushed, so it waits
    /// like any other.
    pub fn look<T>(&self, question: impl FnOnce(&Ledger) -> T) -> Unflushed<T> {
        self.unflushed(question(&self.ledger))
    }

    /// The head over all entries, signed.
    pub fn head(&self) -> Unflushed<SignedHead> {
        self.unflushed(self.sign(self.journal.head()))
    }

    /// The head with which an epoch began, signed.
    ///
    /// # Errors
    /// [`JournalError`] when the tree cannot be read.
    pub fn beginning(&mut self, epoch: u32) -> Result<Unflushed<Option<SignedHead>>, JournalError> {
        let head = self.journal.beginning(epoch)?;
        Ok(self.unflushed(head.map(|head| self.sign(head))))
    }

    /// The signed word that the tree of `new` entries continues that of `old`.
    ///
    /// # Errors
    /// [`JournalError`] when the tree cannot be read.
    pub fn continuation(
        &mut self,
        old: u64,
        new: u64,
    ) -> Result<Unflushed<Option<SignedContinuation>>, JournalError> {
        let word = self.journal.continuation(old, new)?;
        let ledger = self.ledger.charter().id();
        Ok(self.unflushed(word.map(|word| word.sign(&self.server, ledger))))
    }

    fn sign(&self, head: Head) -> SignedHead {
        head.sign(&self.server, self.ledger.charter().id())
    }

    /// What became of the request that the owner of `account` gave `id`, however long ago.
    ///
    /// # Errors
    /// [`JournalError`] when that cannot be read back.
    pub fn record(
        &mut self,
        account: &AccountId,
        id: RequestId,
    ) -> Result<Unflushed<Option<Record>>, JournalError> {
        let record = self.find(account, id)?;
        Ok(self.unflushed(record))
    }

    fn find(&mut self, account: &AccountId, id: RequestId) -> Result<Option<Record>, JournalError> {
        let known = self.ledger.record(account, id).copied();
        if known.is_some() {
            return Ok(known);
        }
        let missing = self.ledger.missing_key(&HoldKey { account: *account, id });
        self.journal.recall_keys(&mut self.ledger, missing.into_iter().collect())?;
        let record = self.ledger.record(account, id).copied();
        self.ledger.forget_recalled();
        Ok(record)
    }

    /// The receipt of a decided request, by account and id. Whether it may be shown to who asks
    /// is the caller's to know: it holds what was attached.
    ///
    /// # Errors
    /// [`JournalError`] when the entry cannot be read back.
    pub fn receipt(
        &mut self,
        account: &AccountId,
        id: RequestId,
    ) -> Result<Unflushed<Option<Receipt>>, JournalError> {
        let Some(number) = self.find(account, id)?.map(|record| record.entry) else {
            return Ok(self.unflushed(None));
        };
        let found = self.journal.entry(number)?;
        let head = self.sign(self.journal.head());
        let receipt = found.map(|Found { batch, time, entry, path }| Receipt {
            number,
            batch,
            time,
            entry,
            head,
            path,
        });
        Ok(self.unflushed(receipt))
    }

    /// Movements of an account from number `from` on, oldest first, at most `most`; and how many
    /// there are in all.
    ///
    /// # Errors
    /// [`JournalError`] when they cannot be read.
    pub(crate) fn movements(
        &mut self,
        account: &AccountId,
        from: u64,
        most: u32,
    ) -> Result<Unflushed<(u64, Vec<Moved>)>, JournalError> {
        let known = self.ledger.number_of(account).zip(self.ledger.account(account));
        let Some((number, &Account { currency, .. })) = known else {
            return Ok(self.unflushed((0, Vec::new())));
        };
        let (total, lines) = self.journal.movements(number, from, most.into())?;
        let operator = AccountId::of_owner(&self.ledger.charter().operator(), currency);
        let name = |number: u32| self.ledger.accounts().get(number as usize).map(|one| one.id);
        let named = |line: Line| {
            let (debit, credit) = (name(line.debit)?, name(line.credit)?);
            Some(Moved { line, debit, credit, operator })
        };
        let moved = lines.into_iter().filter_map(named).collect();
        Ok(self.unflushed((total, moved)))
    }

    /// Hands every entry that is wanted to `visit`, as [`Opened::scan`] does. It flushes first, so
    /// that nothing is seen that could still be lost.
    ///
    /// # Errors
    /// [`JournalError`] when the flush fails or the journal cannot be read back.
    pub fn scan(
        &mut self,
        wanted: Scanned,
        visit: impl FnMut(u64, Time, &Entry),
    ) -> Result<(), JournalError> {
        self.journal.flush()?;
        let Self { ledger, journal, .. } = self;
        match wanted {
            Scanned::All => journal.scan(ledger.charter(), visit),
            Scanned::Marked => journal.scan_marked(ledger.charter(), visit),
        }
    }

    /// What to do when nothing waits: writes down what is flushed, and goes on making spares.
    ///
    /// # Errors
    /// [`JournalError`]; the journal has stopped.
    pub fn idle(&mut self) -> Result<(), JournalError> {
        self.journal.mark()
    }

    /// Writes a snapshot, flushing first.
    ///
    /// # Errors
    /// [`JournalError`]; the journal has stopped.
    pub fn snapshot(&mut self) -> Result<(), JournalError> {
        self.journal.snapshot(&self.ledger)
    }

    /// The last batch that is known to be on disk: up to here a backup may copy.
    #[must_use]
    pub fn flushed(&self) -> u64 {
        self.journal.flushed()
    }

    /// Most bytes of entries that a batch can hold.
    #[must_use]
    pub fn max_batch_bytes(&self) -> usize {
        self.journal.max_batch_bytes()
    }

    /// What of the past is in memory: neither grows with it.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let (ids, index_bytes) = (self.ledger.records_kept(), self.journal.index_kept());
        Kept { ids, index_bytes }
    }

    /// When an empty batch is due, because holds fall due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.ledger.next_due()
    }

    /// Whether only settlements, voids and expiries go on, for want of disk.
    #[must_use]
    pub fn is_scarce(&self) -> bool {
        self.journal.scarce()
    }

    /// Makes room for `more` decided ids at once.
    pub fn reserve(&mut self, more: usize) {
        self.ledger.reserve(more);
    }
}
