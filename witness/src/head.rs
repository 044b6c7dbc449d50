//! Signed heads: how many entries a server's journal has, the root over them, and which epoch of
//! the journal says so. SETTLEMENT, section "Witnesses".

use auction::keys::{BadSignature, PublicKey, Signature};
use auction::layout::Digest;
use auction::spec::Time;
use serde::{Deserialize, Serialize};

use crate::layout::{Label, Signer, Statement};

/// Whose heads these are: the key that signs them, and the ledger id that binds each to one
/// ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LedgerKey {
    /// The settlement server's key.
    pub server: PublicKey,
    /// The ledger id: the hash of its charter.
    pub ledger: Digest,
}

/// A tree head: the number of entries and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How often the journal was restored from a backup.
    pub epoch: u32,
    /// How many entries the journal had when this epoch began: what the restore has kept. Zero
    /// in epoch 0.
    pub since: u64,
    /// Entries covered: the head's number.
    pub size: u64,
    /// The Merkle root over them (RFC 9162).
    pub root: Digest,
    /// The journal's time at that moment.
    pub time: Time,
}

/// A head under the server's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// What is signed.
    pub head: Head,
    /// The server's signature.
    pub signature: Signature,
}

/// Why a head, a receipt or another word of a server proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// A head that says of itself what cannot be.
    #[error("the head covers {size} entries in an epoch that began with {since}")]
    Impossible {
        /// Entries covered.
        size: u64,
        /// Entries at the epoch's beginning.
        since: u64,
    },
    /// The path does not lead from the entry to the root.
    #[error("the path does not lead from entry {0} to the root")]
    NotIncluded(u64),
    /// The entry is said to have been lost by a restore and to have come back, and shows nothing of
    /// that: what the receipt does prove is that the server wrote so.
    #[error(
        "entry {0} is said to have come back after a restore without the server's word that it was \
         there before: that is the server's fault, and an audit convicts it"
    )]
    NotReadmitted(u64),
    /// The entry cannot be read.
    #[error("entry {0} is malformed")]
    Malformed(u64),
}

impl Head {
    fn statement(&self, of: &LedgerKey) -> Statement {
        let mut statement = Statement::new(Label::Head, &of.ledger);
        self.write(&mut statement);
        statement
    }

    pub(crate) fn write(&self, statement: &mut Statement) {
        statement.u64(u64::from(self.epoch)).u64(self.since).u64(self.size);
        statement.fixed(&self.root.0).u64(self.time.0);
    }

    /// Signs the head: the server's part.
    #[must_use]
    pub fn sign(self, server: &Signer, ledger: Digest) -> SignedHead {
        let of = LedgerKey { server: server.public(), ledger };
        SignedHead { head: self, signature: server.sign(&self.statement(&of)) }
    }

    /// Number and epoch, the epoch first: what comes later in an honest history is not less.
    #[must_use]
    pub fn place(&self) -> (u32, u64) {
        (self.epoch, self.size)
    }
}

impl SignedHead {
    /// Verifies the server's signature.
    ///
    /// # Errors
    /// [`Unproven::Signature`] when it does not hold, [`Unproven::Impossible`] when the epoch is
    /// said to have begun after the head.
    pub fn verify(&self, of: &LedgerKey) -> Result<Head, Unproven> {
        self.head.statement(of).verify(&of.server, &self.signature)?;
        let Head { epoch, since, size, .. } = self.head;
        if size < since || (epoch == 0 && since != 0) {
            return Err(Unproven::Impossible { size, since });
        }
        Ok(self.head)
    }
}
