//! Everything derived again from the first byte, trusting nothing but the charter.
//!
//! SETTLEMENT, sections "Journal" and "Unwinding". A journal that cannot be read, or whose results
//! replay does not give, ends the audit: nothing can be said of what follows. A misdeed does not:
//! it is noted, what it moved counts as not rightful, and the audit goes on, so that it can say
//! what would have to be moved back and hold every correction against that.

mod auditor;
mod held;
mod readmitted;

use auction::layout::Digest;
use auction::spec::Time;
use witness::{Contradiction, SignedHead, Unproven};

pub use held::Held;

use crate::journal::{JournalError, Storage};
use crate::ledger::{Entry, Ledger, Request, RequestError, Totals, Unsound, Unverified};
use crate::readmission::NotReadmitted;
use crate::unwinding::{Astray, WrongCorrection, WrongMovement, Wrongs};
use auditor::Auditor;

/// Most misdeeds that are listed.
pub const MAX_MISDEEDS: usize = 10_000;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// Batches replayed.
    pub batches: u64,
    /// Entries: the size of the tree.
    pub entries: u64,
    /// Signed requests.
    pub requests: u64,
    /// Entries that a restore had lost and that came back by their receipts.
    pub readmitted: u64,
    /// The tree's root.
    pub root: Digest,
    /// The journal's time.
    pub time: Time,
    /// The hash of the state.
    pub state: Digest,
    /// Restores so far.
    pub epoch: u32,
    /// How every epoch but the first began, in order; numbers that are not among them the journal
    /// passed over.
    pub restores: Vec<Restored>,
    /// The sums of each currency, debits equal to credits.
    pub totals: Vec<(crate::ledger::Currency, Totals)>,
    /// Heads over entries that a restore has lost, by number: what came between is to be brought
    /// back from its receipts.
    pub lost_heads: Vec<u64>,
    /// Entries that receipts prove and that a restore has lost: 'gavel settlement readmit' brings
    /// them back.
    pub lost_entries: Vec<u64>,
    /// Whether bytes after the last batch were passed over.
    pub tail: bool,
    /// What the server did that it must not do, in the order of the journal; what concerns no
    /// entry comes last.
    pub misdeeds: Vec<Misdeed>,
    /// Misdeeds beyond [`MAX_MISDEEDS`].
    pub unlisted: u64,
    /// Movements that were not rightful, with what was moved back.
    pub wrongs: Vec<WrongMovement>,
    /// Accounts that do not hold what rightful movements alone would have given them.
    pub astray: Vec<Astray>,
}

/// How a restore from a backup left a journal, by the journal's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The epoch that began.
    pub epoch: u32,
    /// Entries that were kept.
    pub kept: u64,
    /// The journal's time then: whatever was lost came no earlier.
    pub time: Time,
}

/// Something that the server did and must not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misdeed {
    /// The journal entry; nothing, where it concerns the journal as a whole.
    pub entry: Option<u64>,
    /// The entry's time, or the journal's.
    pub time: Time,
    /// What.
    pub wrong: AuditError,
    /// What it moved without right.
    pub movements: Vec<WrongMovement>,
}

/// How far a misdeed is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// It moved no money.
    Nothing,
    /// Everything that it moved is moved back.
    Whole,
    /// So much is not, in minor units.
    Left(u64),
}

impl Misdeed {
    /// How far it is undone.
    #[must_use]
    pub fn undone(&self) -> Undone {
        let left = self.movements.iter().map(WrongMovement::left).fold(0, u64::saturating_add);
        match left {
            _ if self.movements.is_empty() => Undone::Nothing,
            0 => Undone::Whole,
            left => Undone::Left(left),
        }
    }
}

impl AuditReport {
    /// Whether nothing is wrong, or everything that was is moved back.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.unlisted == 0 && self.misdeeds.iter().all(|misdeed| misdeed.undone() == Undone::Whole)
    }

    /// The report, if nothing was ever wrong.
    ///
    /// # Errors
    /// The first misdeed.
    pub fn strictly(self) -> Result<Self, AuditError> {
        match self.misdeeds.first() {
            None => Ok(self),
            Some(misdeed) => Err(misdeed.wrong.clone()),
        }
    }
}

/// What does not hold. All of it is the server's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The journal cannot be read, or contradicts itself. Ends the audit.
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
    /// An entry that is no request. Ends the audit.
    #[error("entry {entry}: {reason}")]
    Malformed {
        /// The entry.
        entry: u64,
        /// What is wrong with it.
        reason: RequestError,
    },
    /// Something was taken from a hold that its owner did not make.
    #[error("entry {entry} takes money from a hold that its owner did not sign")]
    FromUnsigned {
        /// The entry.
        entry: u64,
    },
    /// Money was made or lost, or a hold has no owner. Ends the audit.
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
    /// A correction of something that was not wrong, or of more than was.
    #[error("entry {entry}: {reason}")]
    Correction {
        /// The correction's own entry.
        entry: u64,
        /// What is wrong with it.
        reason: WrongCorrection,
    },
    /// An entry that is said to have been lost by a restore, and is not shown to be.
    #[error("entry {entry} is said to be one that a restore lost and that came back: {reason}")]
    Readmitted {
        /// The entry.
        entry: u64,
        /// What is wrong with that.
        reason: NotReadmitted,
    },
    /// What came back contradicts what the server signed before the restore: it convicts the
    /// server.
    #[error("entry {entry} came back after a restore, and before that the server {reason}")]
    ReadmittedAgainst {
        /// The entry.
        entry: u64,
        /// The two words.
        reason: Contradiction,
    },
    /// What came back is said to be of an epoch that had not begun: it convicts the server.
    #[error(
        "entry {entry} came back after a restore as one of epoch {epoch} and of {}, and in epoch \
         {earlier}, which was over by then, the server signed at {}", .time.0, .signed.0
    )]
    ReadmittedTooEarly {
        /// The entry.
        entry: u64,
        /// Its epoch before.
        epoch: u32,
        /// Its time before.
        time: Time,
        /// The earlier epoch.
        earlier: u32,
        /// When the server still signed in it.
        signed: Time,
    },
    /// One id was decided twice in what is said to be lost: it convicts the server.
    #[error(
        "entry {entry} came back after a restore as entry {number} of what that lost, and by a \
         receipt its id was decided in entry {other} of the same"
    )]
    DecidedTwice {
        /// The entry.
        entry: u64,
        /// Its number before.
        number: u64,
        /// The number in the receipt.
        other: u64,
    },
    /// A head that is not the server's.
    #[error("a head over {size} entries proves nothing: {reason}")]
    Head {
        /// The head's number.
        size: u64,
        /// Why.
        reason: Unproven,
    },
    /// A receipt that is not the server's.
    #[error("a receipt of entry {number} proves nothing: {reason}")]
    Receipt {
        /// The entry's number.
        number: u64,
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
    /// The journal says that it had so many entries at another time than the server signed.
    #[error(
        "the server signed a head over {size} entries at {}, and the journal says that it had \
         {} then", .signed.0, .found.map_or("another number".to_owned(), |found| found.to_string())
    )]
    Moment {
        /// The head's number.
        size: u64,
        /// The head's time.
        signed: Time,
        /// How many entries the journal says there were, if it can be said.
        found: Option<u64>,
    },
    /// The server signed that an epoch began with another number of entries.
    #[error(
        "the server signed that epoch {epoch} began with {signed} entries, the journal gives \
         {found:?}"
    )]
    Beginning {
        /// The epoch.
        epoch: u32,
        /// What was signed.
        signed: u64,
        /// What the journal gives; nothing, if it knows no such epoch.
        found: Option<u64>,
    },
    /// An entry that the server proved by a receipt is not in the journal: it convicts the server.
    #[error("the server proved entry {number} by a receipt, and the journal has {found} there")]
    Dropped {
        /// The entry's number.
        number: u64,
        /// What the journal has instead.
        found: Instead,
    },
}

/// What a journal has in place of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// Another entry.
    Another,
    /// No entry: it is shorter.
    Nothing,
}

impl std::fmt::Display for Instead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Another => "another one",
            Self::Nothing => "none",
        })
    }
}

/// What a check objects to, and what should have been there.
#[derive(Debug)]
pub struct Objected<T> {
    /// What does not hold.
    pub objection: T,
    /// The requests of the postings module that would have been right in the entry's place.
    pub rightful: Rightful,
}

/// What would have been right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rightful {
    /// These requests, or none.
    Known(Vec<Request>),
    /// Nobody knows: nothing is said to have moved without right.
    Unknown,
}

/// A check of what entries mean, which the ledger does not know. It sees every entry of a
/// journal, in order, each after its batch was replayed.
pub trait EntryCheck {
    /// What such a check can object to.
    type Objection: std::error::Error;

    /// Looks at the next entry: its number, its batch's time, its chain and codes. After an
    /// objection it goes on with the entry as it is, as the server did.
    ///
    /// # Errors
    /// What does not hold.
    fn entry(
        &mut self,
        number: u64,
        time: Time,
        entry: &Entry,
    ) -> Result<(), Objected<Self::Objection>>;

    /// What has become due by this time in the place of entries that moved what nothing was due
    /// for: the entry, and the requests that would be right now. Asked before a correction is
    /// judged, and after the last entry.
    fn owed(&self, _time: Time) -> Vec<(u64, Vec<Request>)> {
        Vec::new()
    }

    /// Looks at the ledger after the last entry: what does not hold in the end.
    fn end(&mut self, _ledger: &Ledger) -> Vec<Self::Objection> {
        Vec::new()
    }
}

/// Objects to nothing.
struct NoCheck;

impl EntryCheck for NoCheck {
    type Objection = std::convert::Infallible;

    fn entry(
        &mut self,
        _: u64,
        _: Time,
        _: &Entry,
    ) -> Result<(), Objected<std::convert::Infallible>> {
        Ok(())
    }
}

/// Replays a journal: CRCs, chain, every signature strictly and every debit under its owner's,
/// every result, sums and holds after every batch, and the heads that witnesses kept.
///
/// # Errors
/// [`AuditError`]: what ended the audit, or the first misdeed.
pub fn audit(
    storage: &mut impl Storage,
    charter: &crate::ledger::Charter,
    heads: &[SignedHead],
) -> Result<AuditReport, AuditError> {
    inquire(storage, charter, &Held { heads, ..Held::default() })?.0.strictly()
}

/// [`audit`] without a further check, that goes on after misdeeds and lists them; with the ledger
/// as the journal leaves it.
///
/// # Errors
/// [`AuditError`]: what ended the audit.
pub fn inquire(
    storage: &mut impl Storage,
    charter: &crate::ledger::Charter,
    held: &Held<'_>,
) -> Result<(AuditReport, Ledger), AuditError> {
    inquire_with(storage, charter, held, &mut NoCheck)
}

/// [`inquire`], with a further check of every entry.
///
/// # Errors
/// [`AuditError`]: what ended the audit.
pub fn inquire_with<C: EntryCheck>(
    storage: &mut impl Storage,
    charter: &crate::ledger::Charter,
    held: &Held<'_>,
    check: &mut C,
) -> Result<(AuditReport, Ledger), AuditError> {
    let mut auditor = Auditor::new(charter, check);
    let tail = auditor.walk(storage)?;
    auditor.finish(held, tail)
}

/// The wrongs that every misdeed moved, as they are in the end.
fn with_movements(mut misdeeds: Vec<Misdeed>, wrongs: &Wrongs) -> Vec<Misdeed> {
    for misdeed in &mut misdeeds {
        if let Some(entry) = misdeed.entry {
            misdeed.movements = wrongs.of_entry(entry);
        }
    }
    misdeeds
}
