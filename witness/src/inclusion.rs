//! An entry's place under a head, without the entry: a receipt's proof, to be shown to others
//! whom the entry does not concern.

use auction::layout::Digest;
use serde::{Deserialize, Serialize};

use crate::head::{Head, LedgerKey, SignedHead, Unproven};
use crate::tree::{Leaf, MAX_PATH, included};

/// Proof that the entry of this number has this leaf in the tree of this head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The entry's number.
    pub number: u64,
    /// The hash of entry, batch and time ([`crate::tree::leaf_hash`]).
    pub leaf: Leaf,
    /// A head that covers the entry.
    pub head: SignedHead,
    /// The path from the leaf to the head's root.
    pub path: Vec<Digest>,
}

impl Inclusion {
    /// Verifies head and path.
    ///
    /// # Errors
    /// [`Unproven`] says what does not hold.
    pub fn verify(&self, of: &LedgerKey) -> Result<Head, Unproven> {
        let head = self.head.verify(of)?;
        let leads = self.path.len() <= MAX_PATH
            && included(self.leaf, self.number, head.size, &self.path, head.root);
        if leads { Ok(head) } else { Err(Unproven::NotIncluded(self.number)) }
    }
}
