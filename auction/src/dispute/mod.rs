//! Disputes between bidder and accumulator, judged from signed words alone. PROTOCOL sections 2
//! to 4; SETTLEMENT, section "Evidence".
//!
//! Whoever judges needs nothing but the file: the terms and the joins are in it, and every word
//! that weighs is signed by whom it can convict. Nobody can be framed by it, since nobody else
//! can make his words.

mod accumulator;
mod refusal;
mod share;

use serde::{Deserialize, Serialize};

pub use accumulator::AccumulatorEvidence;
pub use refusal::RefusalEvidence;
pub use share::ShareEvidence;

use crate::checking::{VerifiedBid, verify_bids};
use crate::equivocation::NoEvidence;
use crate::evidence::Ruling;
use crate::join::{Auction, Join, JoinError};
use crate::keys::PublicKey;
use crate::messages::MAX_MESSAGE_BYTES;
use crate::receipts::Reason;
use crate::spec::{SignedSpec, SpecError};
use rand::CryptoRng;

/// Longest evidence of a dispute, in bytes: two round messages and the auction.
const MAX_BYTES: usize = 2 * MAX_MESSAGE_BYTES + (4 << 20);

/// The auction that a dispute is about, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The terms.
    pub spec: SignedSpec,
    /// The joins, in the order of the accumulators.
    pub joins: Vec<Join>,
}

/// Why evidence of a dispute proves nothing: whoever brings it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDispute {
    /// The terms do not verify.
    #[error("the terms in the evidence are invalid: {0}")]
    Spec(#[from] SpecError),
    /// The joins do not verify.
    #[error("the joins in the evidence are invalid: {0}")]
    Join(#[from] JoinError),
    /// The words convict nobody.
    #[error("the words convict nobody: {0}")]
    Words(#[from] NoEvidence),
    /// The bid is of another auction, or its bidder did not sign it.
    #[error("the bid in the evidence is not one that its bidder signed for this auction: {0}")]
    Bid(Reason),
    /// The share is not one that the bidder signed for this bid.
    #[error("the share in the evidence is not one that the bidder signed for this bid")]
    Share,
    /// The refusal is not the accumulator's, or of another bid.
    #[error("the refusal in the evidence is not an accumulator's refusal of this bid")]
    Refusal,
}

impl Setting {
    /// The setting of an auction.
    #[must_use]
    pub fn of(auction: &Auction) -> Self {
        let spec = auction.verified_spec().signed().clone();
        Self { spec, joins: auction.joins().to_vec() }
    }

    fn verify(self) -> Result<Auction, BadDispute> {
        Ok(Auction::new(self.spec.verify()?, self.joins)?)
    }
}

/// A ruling about an auction.
fn ruling(auction: &Auction) -> Ruling {
    Ruling::about([("Auction", auction.id().to_string()), ("Title", auction.spec().title.clone())])
}

/// The key of an accumulator that there is.
fn identity(auction: &Auction, k: usize) -> PublicKey {
    auction.identity(k).copied().unwrap_or(PublicKey([0; 32]))
}

/// Checks a bid that its bidder signed: the bid as it is verified, or what is wrong with it, for
/// which its bidder alone answers.
fn check_bid<R: CryptoRng + ?Sized>(
    auction: &Auction,
    bid: &crate::bid::SealedBid,
    rng: &mut R,
) -> Result<Result<VerifiedBid, Reason>, BadDispute> {
    if bid.context != *auction.context() {
        return Err(BadDispute::Bid(Reason::OtherContext));
    }
    let signed = bid.verify_signature(&bid.digest());
    signed.map_err(|_| BadDispute::Bid(Reason::BidSignature))?;
    let checked = verify_bids(auction, vec![bid.clone()], rng).pop();
    // One went in.
    Ok(checked.unwrap_or(Err(Reason::OtherContext)))
}
