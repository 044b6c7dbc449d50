//! What is left of a bid once it is checked: what the rounds need. PROTOCOL sections 4 to 8.

use std::sync::Arc;

use super::VerifiedBid;
use crate::bid::SealedBid;
use crate::group::Point;
use crate::keys::PublicKey;
use crate::layout::Digest;

/// What the rounds need of a verified bid. The bid as it travels is needed again for the
/// transcript alone: who keeps it elsewhere need not have it in memory until then.
#[derive(Clone)]
pub struct CountedBid {
    digest: Digest,
    bidder: PublicKey,
    commitments: Arc<[Point]>,
    sealed: Option<Arc<SealedBid>>,
}

impl CountedBid {
    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bidder's key.
    #[must_use]
    pub fn bidder(&self) -> PublicKey {
        self.bidder
    }

    /// The commitment to each accumulator's share.
    #[must_use]
    pub fn commitments(&self) -> &[Point] {
        &self.commitments
    }

    /// The bid as it travels; nothing where it is kept elsewhere.
    #[must_use]
    pub fn sealed(&self) -> Option<&SealedBid> {
        self.sealed.as_deref()
    }

    /// The same without the bid as it travels, which is kept elsewhere.
    #[must_use]
    pub fn without_sealed(self) -> Self {
        Self { sealed: None, ..self }
    }
}

impl From<VerifiedBid> for CountedBid {
    fn from(verified: VerifiedBid) -> Self {
        let VerifiedBid { sealed, digest, commitments } = verified;
        Self { digest, bidder: sealed.bidder, commitments, sealed: Some(sealed) }
    }
}
