//! Everything derived again from the first byte, trusting nothing but the charter.

use auction::layout::Digest;
use auction::spec::Time;

use crate::journal::walk::{Cursor, End, segments};
use crate::journal::{Batch, BatchKind, Tree};
use crate::journal::{
    JournalError, SignedHead, Storage, Unproven, name_of_segment, read_file, replay_batch,
};
use crate::ledger::{
    Chain, Charter, Code, Entry, Ledger, RawEntry, RequestError, SignedRequest, Totals, Unsound,
    Unverified,
};
use crate::parallel;

/// What an audit found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Batches replayed.
    pub batches: u64,
    /// Entries: the size of the tree.
    pub entries: u64,
    /// Signed requests whose signatures hold.
    pub requests: u64,
    /// The tree's root.
    pub root: Digest,
    /// The hash of the state.
    pub state: Digest,
    /// Restores so far.
    pub epoch: u32,
    /// The sums of each currency, debits equal to credits.
    pub totals: Vec<(crate::ledger::Currency, Totals)>,
    /// Heads over entries that a restore has lost, by number: what came between is to be brought
    /// back from its receipts.
    pub lost_heads: Vec<u64>,
    /// Whether bytes after the last batch were passed over.
    pub tail: bool,
}

/// What does not hold. All of it is the server's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The journal cannot be read, or contradicts itself.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A movement without its signature.
    #[error("entry {entry}: {reason}")]
    Unsigned {
        /// The entry.
        entry: u64,
        /// What is wrong with the signature.
        reason: Unverified,
    },
    /// An entry that is no request.
    #[error("entry {entry}: {reason}")]
    Malformed {
        /// The entry.
        entry: u64,
        /// What is wrong with it.
        reason: RequestError,
    },
    /// Money was made or lost, or a hold has no owner.
    #[error("after batch {batch}: {reason}")]
    Unsound {
        /// The batch.
        batch: u64,
        /// What is wrong.
        reason: Unsound,
    },
    /// A check that was given to the audit objects to an entry.
    #[error("entry {entry}: {reason}")]
    Objection {
        /// The entry; the number of all entries where the objection is to the end.
        entry: u64,
        /// What the check's own error says.
        reason: String,
    },
    /// A head that is not the server's.
    #[error("a head over {size} entries proves nothing: {reason}")]
    Head {
        /// The head's number.
        size: u64,
        /// Why.
        reason: Unproven,
    },
    /// A head of the server's that this journal contradicts: it convicts the server.
    #[error("the server signed root {signed} over {size} entries, the journal gives {found:?}")]
    Convicted {
        /// The head's number.
        size: u64,
        /// What was signed.
        signed: Digest,
        /// What the journal gives; nothing, if it is shorter.
        found: Option<Digest>,
    },
}

/// A check of what entries mean, which the ledger does not know. It sees every entry of a
/// journal, in order, each after its batch was replayed and its signatures were verified.
pub trait EntryCheck {
    /// What such a check can object to.
    type Objection: std::error::Error;

    /// Looks at the next entry: its number, its batch's time, its chain and codes.
    ///
    /// # Errors
    /// What does not hold.
    fn entry(&mut self, number: u64, time: Time, entry: &Entry) -> Result<(), Self::Objection>;

    /// Looks at the ledger after the last entry.
    ///
    /// # Errors
    /// What does not hold.
    fn end(&mut self, _ledger: &Ledger) -> Result<(), Self::Objection> {
        Ok(())
    }
}

/// Objects to nothing.
struct NoCheck;

impl EntryCheck for NoCheck {
    type Objection = std::convert::Infallible;

    fn entry(&mut self, _: u64, _: Time, _: &Entry) -> Result<(), Self::Objection> {
        Ok(())
    }
}

/// Replays a journal: CRCs, chain, every signature strictly and every debit under its owner's,
/// every result, sums and holds after every batch, and the heads that witnesses kept.
///
/// # Errors
/// [`AuditError`] names the first thing that does not hold.
pub fn audit(
    storage: &mut impl Storage,
    charter: &Charter,
    heads: &[SignedHead],
) -> Result<AuditReport, AuditError> {
    audit_with(storage, charter, heads, &mut NoCheck)
}

/// [`audit`], with a further check of every entry.
///
/// # Errors
/// [`AuditError`] names the first thing that does not hold; [`AuditError::Objection`] where it
/// is `check` that says so.
pub fn audit_with<C: EntryCheck>(
    storage: &mut impl Storage,
    charter: &Charter,
    heads: &[SignedHead],
    check: &mut C,
) -> Result<AuditReport, AuditError> {
    let mut auditor = Auditor {
        check,
        charter: *charter,
        ledger: Ledger::new(*charter),
        tree: Tree::default(),
        batches: 0,
        requests: 0,
        next_check: 1,
        epoch_ends: Vec::new(),
        wrong: None,
    };
    let mut cursor = Cursor::start(charter.id());
    let mut tail = false;
    let headers = segments(storage)?;
    let mut all = headers.iter().peekable();
    while let Some(header) = all.next() {
        let name = name_of_segment(header.sequence);
        let place = |offset, what| JournalError::Fault { name: name.clone(), offset, what };
        cursor.enter(header).map_err(|what| place(0, what))?;
        let bytes = read_file(storage, &name)?;
        let stop = all.peek().map(|next| next.first);
        let walked = cursor.walk(&name, &bytes, stop, |batch| auditor.batch(&batch));
        if let Some(wrong) = auditor.wrong.take() {
            return Err(wrong);
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
    auditor.check_ledger()?;
    auditor.check_end()?;
    let lost_heads = auditor.heads(heads)?;
    Ok(AuditReport {
        batches: auditor.batches,
        entries: auditor.tree.size(),
        requests: auditor.requests,
        root: auditor.tree.root(auditor.tree.size()),
        state: auditor.ledger.digest(),
        epoch: cursor.epoch,
        totals: auditor.ledger.totals().into_iter().collect(),
        lost_heads,
        tail,
    })
}

struct Auditor<'a, C> {
    check: &'a mut C,
    charter: Charter,
    ledger: Ledger,
    tree: Tree,
    batches: u64,
    requests: u64,
    /// The ledger's size at which the whole of it is checked next.
    next_check: u64,
    /// Entries at the end of each epoch but the last.
    epoch_ends: Vec<u64>,
    wrong: Option<AuditError>,
}

impl<C: EntryCheck> Auditor<'_, C> {
    fn batch(&mut self, batch: &Batch<'_>) -> Result<(), &'static str> {
        if batch.header.kind == BatchKind::Mark {
            return Ok(());
        }
        self.batches = batch.header.number;
        if batch.header.kind == BatchKind::Epoch {
            self.epoch_ends.push(self.tree.size());
            return Ok(());
        }
        let numbered: Vec<_> = (self.tree.size()..).zip(&batch.entries).collect();
        let verified = parallel::map(&numbered, |(number, bytes)| {
            RawEntry::split(bytes).map(|raw| verify(&raw, *number, &self.charter))
        });
        let mut entries = Vec::with_capacity(verified.len());
        for entry in verified {
            match entry.ok_or("an entry is malformed")? {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    self.wrong = Some(error);
                    return Err("a signature does not hold");
                }
            }
        }
        let requests: usize = entries.iter().map(|entry| entry.chain.requests().len()).sum();
        self.requests += requests as u64;
        replay_batch(&mut self.ledger, &batch.header, &entries)?;
        for (number, entry) in (self.tree.size()..).zip(&entries) {
            if let Err(objection) = self.check.entry(number, batch.header.time, entry) {
                let reason = objection.to_string();
                self.wrong = Some(AuditError::Objection { entry: number, reason });
                return Err("an entry is objected to");
            }
        }
        self.tree.extend(batch.leaves.clone());
        // After every batch while the ledger is small, then each time that it has grown by a
        // hundredth: the check reads all of it.
        let size = self.ledger.records() + self.ledger.accounts().len() as u64;
        if size < 1000 || size >= self.next_check {
            self.next_check = size + size / 100;
            if let Err(error) = self.check_ledger() {
                self.wrong = Some(error);
                return Err("the ledger is not sound");
            }
        }
        Ok(())
    }

    fn check_ledger(&self) -> Result<(), AuditError> {
        let batch = self.batches;
        self.ledger.check().map_err(|reason| AuditError::Unsound { batch, reason })
    }

    fn check_end(&mut self) -> Result<(), AuditError> {
        let entry = self.tree.size();
        let objected = self.check.end(&self.ledger);
        objected.map_err(|objection| AuditError::Objection { entry, reason: objection.to_string() })
    }

    fn heads(&self, heads: &[SignedHead]) -> Result<Vec<u64>, AuditError> {
        let mut lost = Vec::new();
        for signed in heads {
            let size = signed.head.size;
            let head =
                signed.verify(&self.charter).map_err(|reason| AuditError::Head { size, reason })?;
            let end = usize::try_from(head.epoch).ok().and_then(|epoch| self.epoch_ends.get(epoch));
            if end.is_some_and(|end| size > *end) {
                lost.push(size);
                continue;
            }
            let found = (size <= self.tree.size()).then(|| self.tree.root(size));
            if found != Some(head.root) {
                return Err(AuditError::Convicted { size, signed: head.root, found });
            }
        }
        Ok(lost)
    }
}

/// Reads an entry and verifies its signatures: nothing is taken on the journal's word.
fn verify(raw: &RawEntry<'_>, entry: u64, charter: &Charter) -> Result<Entry, AuditError> {
    let mut requests = Vec::with_capacity(raw.requests.len());
    for bytes in &raw.requests {
        let signed = SignedRequest::decode(bytes)
            .map_err(|reason| AuditError::Malformed { entry, reason })?;
        let verified =
            signed.verify(charter).map_err(|reason| AuditError::Unsigned { entry, reason })?;
        requests.push(verified);
    }
    let chain = Chain::new(requests, raw.attachment.map(<[u8]>::to_vec))
        .map_err(|_| AuditError::Malformed { entry, reason: RequestError::Malformed })?;
    let codes: Vec<Code> = raw.codes.clone();
    Ok(Entry { chain, codes })
}
