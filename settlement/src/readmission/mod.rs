//! What a stated restore has lost comes back by its receipts. SETTLEMENT, section "Readmission".
//!
//! A receipt is the server's own word that it committed an entry, when, and in which epoch. Whoever
//! has one brings it: what it proves is looked at here without the journal ([`Brought::verify`]),
//! then held against how the journal's epochs began ([`Restores::check`]). A server goes by these
//! rules before it takes a chain back, and an audit by the same ones afterwards.

pub(crate) mod kinds;
mod restores;

use auction::spec::Time;

pub use kinds::{NotTakenBack, kind_of};
pub use restores::Restores;

use crate::journal::{Leaf, Receipt, Unproven};
use crate::ledger::{
    Chain, Charter, Code, LostCommit, RawEntry, RequestError, SignedRequest, Unverified,
};

/// How long after a restore what it lost is taken back, in milliseconds (seven days): from the
/// first entry of the newest epoch on.
pub const READMISSION_MS: u64 = 7 * 24 * 3600 * 1000;

/// Why what a receipt proves is not taken back. Nothing is decided by that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReadmitted {
    /// The receipt proves nothing of this server's ledger.
    #[error("the receipt is none of this server's: {0}")]
    Unproven(#[from] Unproven),
    /// The entry in it is none.
    #[error("entry {0} of the receipt cannot be read")]
    Malformed(u64),
    /// A request in it is none.
    #[error("a request in the receipt: {0}")]
    Request(#[from] RequestError),
    /// The server signed for what nobody had signed.
    #[error("a request in the receipt is not signed as it must be: {0}")]
    Unsigned(#[from] Unverified),
    /// Nothing was committed.
    #[error(
        "the receipt is of a refusal ({0:?}), and commits alone come back: whoever signed that \
         request makes sure that it stays refused by cancelling its id"
    )]
    Refused(Code),
    /// Of a kind that does not come back.
    #[error(transparent)]
    Kind(#[from] NotTakenBack),
    /// The server is in that epoch still.
    #[error(
        "the receipt is of epoch {0}, in which the server is: nothing of that is lost. \
         'gavel settlement audit --receipts' checks that the journal has it"
    )]
    ThisEpoch(u32),
    /// Of an epoch that did not come before.
    #[error(
        "the receipt is of epoch {epoch} that began with {signed} entries, and in this server's \
         history {} : that is another history, and both together convict the server \
         ('gavel settlement witness --seen')",
        .found.map_or("there is none".to_owned(), |found| format!("it began with {found}"))
    )]
    OtherHistory {
        /// The epoch.
        epoch: u32,
        /// What the receipt's head says that it began with.
        signed: u64,
        /// What the journal says.
        found: Option<u64>,
    },
    /// It was not lost.
    #[error(
        "entry {number} is not lost: the restores since have kept the first {kept}. \
         'gavel settlement audit --receipts' checks that the journal has it; one that has not \
         convicts the server"
    )]
    Kept {
        /// The entry's number.
        number: u64,
        /// How many were kept.
        kept: u64,
    },
    /// Its time cannot be.
    #[error(
        "the receipt says that entry {number} was committed at {}, and what came after the entries \
         that the restore has kept came between {} and {}", .time.0, .from.0, .to.0
    )]
    Impossible {
        /// The entry's number.
        number: u64,
        /// Its time.
        time: Time,
        /// The journal's time when the restore kept what it kept.
        from: Time,
        /// The time of the receipt's head.
        to: Time,
    },
    /// The journal's time is before the lost commit.
    #[error("the lost entry is of {}, which the server's time has not reached yet", .0.0)]
    Ahead(Time),
    /// Too late.
    #[error("what the last restore has lost came back until {}, and that is over", .0.0)]
    Over(Time),
}

/// What a receipt proves to have been committed: the server's word, and signatures, verified.
/// Whether it is lost, its journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    commit: LostCommit,
    leaf: Leaf,
    chain: Chain,
}

impl Receipt {
    /// The receipt of what came back in this entry, as it was before it was lost; the receipt
    /// itself, where the entry is none that came back. Not verified.
    #[must_use]
    pub fn original(&self) -> Self {
        let raw = RawEntry::split(&self.entry);
        let Some((readmitted, original)) =
            raw.and_then(|raw| raw.readmitted.map(|readmitted| (readmitted, raw.original)))
        else {
            return self.clone();
        };
        let LostCommit { number, batch, time, head, path } = readmitted.commit;
        Self { number, batch, time, entry: original.to_vec(), head, path }
    }
}

impl Brought {
    /// Verifies a receipt: the server's signature, the path, and every signature on the requests.
    /// Of an entry that came back itself the receipt in it counts.
    ///
    /// # Errors
    /// [`NotReadmitted`].
    pub fn verify(receipt: &Receipt, charter: &Charter) -> Result<Self, NotReadmitted> {
        let receipt = receipt.original();
        let Receipt { number, batch, time, head, ref path, ref entry } = receipt;
        let inclusion = receipt.inclusion();
        inclusion.verify(&charter.ledger_key())?;
        let leaf = inclusion.leaf;
        let raw = RawEntry::split(entry).ok_or(NotReadmitted::Malformed(number))?;
        if raw.readmitted.is_some() {
            return Err(NotReadmitted::Malformed(number));
        }
        if let Some(code) = raw.codes.iter().find(|code| **code != Code::Done) {
            return Err(NotReadmitted::Refused(*code));
        }
        let mut requests = Vec::with_capacity(raw.requests.len());
        for bytes in &raw.requests {
            requests.push(SignedRequest::decode(bytes)?.verify(charter)?);
        }
        let attachment = raw.attachment.map(<[u8]>::to_vec);
        let chain =
            Chain::new(requests, attachment).map_err(|_| NotReadmitted::Malformed(number))?;
        kind_of(&chain)?;
        let commit = LostCommit { number, batch, time, head, path: path.clone() };
        Ok(Self { commit, leaf, chain })
    }

    /// Where and when it was committed.
    #[must_use]
    pub fn commit(&self) -> &LostCommit {
        &self.commit
    }

    /// The hash of the entry.
    pub(crate) fn leaf(&self) -> Leaf {
        self.leaf
    }

    /// What was committed.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn into_parts(self) -> (LostCommit, Chain) {
        (self.commit, self.chain)
    }
}
