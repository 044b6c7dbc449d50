//! A server's signed word that its tree goes on where an older one ended, with the proof.
//!
//! A proof of consistency that nobody signed convicts nobody when it is wrong: the server can say
//! that it never gave it. So the server signs the whole answer, and with it the root that its tree
//! has at the older number. An honest server loses nothing by that; one with two histories signs
//! two roots for one number, or a proof that is none, or says nothing. SETTLEMENT, section
//! "Witnesses".

use auction::keys::Signature;
use auction::layout::Digest;
use serde::{Deserialize, Serialize};

use crate::head::{LedgerKey, Unproven};
use crate::layout::{Label, Signer, Statement};
use crate::tree::{MAX_PATH, consistent};

/// What is signed: in the tree of this epoch the first `old_size` entries have the root
/// `old_root`, the first `new_size` have `new_root`, and the path shows that these begin with
/// those. It says nothing of when either was the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuation {
    /// The journal's epoch.
    pub epoch: u32,
    /// How many entries the journal had when the epoch began.
    pub since: u64,
    /// The older number.
    pub old_size: u64,
    /// The root over so many entries.
    pub old_root: Digest,
    /// The newer number.
    pub new_size: u64,
    /// The root over so many.
    pub new_root: Digest,
    /// The proof (RFC 9162, 2.1.4.1).
    pub path: Vec<Digest>,
}

/// A continuation under the server's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedContinuation {
    /// What is signed.
    pub continuation: Continuation,
    /// The server's signature.
    pub signature: Signature,
}

impl Continuation {
    fn statement(&self, of: &LedgerKey) -> Statement {
        let mut statement = Statement::new(Label::Continuation, &of.ledger);
        statement.u64(u64::from(self.epoch)).u64(self.since);
        statement.u64(self.old_size).fixed(&self.old_root.0);
        statement.u64(self.new_size).fixed(&self.new_root.0);
        statement.u64(self.path.len() as u64);
        for node in &self.path {
            statement.fixed(&node.0);
        }
        statement
    }

    /// Signs the word: the server's part.
    #[must_use]
    pub fn sign(self, server: &Signer, ledger: Digest) -> SignedContinuation {
        let of = LedgerKey { server: server.public(), ledger };
        let signature = server.sign(&self.statement(&of));
        SignedContinuation { continuation: self, signature }
    }

    /// Whether the path proves what is said.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.path.len() <= MAX_PATH
            && consistent(
                (self.old_size, self.old_root),
                (self.new_size, self.new_root),
                &self.path,
            )
    }
}

impl SignedContinuation {
    /// Verifies the server's signature; whether the proof holds is another question
    /// ([`Continuation::holds`]): signed and wrong, it convicts the server.
    ///
    /// # Errors
    /// [`Unproven::Signature`].
    pub fn verify(&self, of: &LedgerKey) -> Result<&Continuation, Unproven> {
        self.continuation.statement(of).verify(&of.server, &self.signature)?;
        Ok(&self.continuation)
    }
}
