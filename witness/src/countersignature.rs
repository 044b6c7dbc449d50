//! A witness's signature on a head that it accepted: whoever relies on the head knows who holds
//! the server to it. SETTLEMENT, section "Witnesses".

use auction::keys::{BadSignature, PublicKey, Signature};
use serde::{Deserialize, Serialize};

use crate::head::{Head, LedgerKey, SignedHead, Unproven};
use crate::layout::{Label, Signer, Statement};

/// A witness's word: this head continues every head of this ledger that I have countersigned
/// before, as far as the server has not stated that a restore lost some of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// The witness's key.
    pub witness: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

/// A head with a witness's signature beside the server's, as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersigned {
    /// Whose head.
    pub of: LedgerKey,
    /// The head.
    pub head: SignedHead,
    /// The witness's word.
    pub by: Countersignature,
}

impl Countersigned {
    /// Countersigns a head that was accepted and is on the witness's disk.
    #[must_use]
    pub fn sign(of: LedgerKey, head: SignedHead, witness: &Signer) -> Self {
        let signature = witness.sign(&statement(&of, &head.head));
        let by = Countersignature { witness: witness.public(), signature };
        Self { of, head, by }
    }

    /// Verifies both signatures.
    ///
    /// # Errors
    /// [`Unproven`]: which of them does not hold.
    pub fn verify(&self) -> Result<Head, Unproven> {
        let head = self.head.verify(&self.of)?;
        let verified: Result<(), BadSignature> =
            statement(&self.of, &head).verify(&self.by.witness, &self.by.signature);
        verified?;
        Ok(head)
    }
}

fn statement(of: &LedgerKey, head: &Head) -> Statement {
    let mut statement = Statement::new(Label::AcceptedHead, &of.ledger);
    statement.fixed(&of.server.0);
    head.write(&mut statement);
    statement
}
