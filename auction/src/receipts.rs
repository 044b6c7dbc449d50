//! Receipts and refusals of accumulators. PROTOCOL section 3.

use serde::{Deserialize, Serialize};

use crate::bid::TicketError;
use crate::join::Auction;
use crate::keys::{BadSignature, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::proofs::ProofError;
use crate::spec::Time;

/// An accumulator's signed word that it holds a bid and will count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The bid.
    pub bid: Digest,
    /// The number of the accumulator.
    pub accumulator: u8,
    /// Its signature.
    pub signature: Signature,
}

impl Receipt {
    /// Signs a receipt. Only for a bid that is checked and durably stored.
    #[must_use]
    pub fn sign(context: &Digest, bid: Digest, accumulator: u8, identity: &SecretKey) -> Self {
        let signature = identity.sign(&Self::layout(context, &bid, accumulator));
        Self { bid, accumulator, signature }
    }

    fn layout(context: &Digest, bid: &Digest, accumulator: u8) -> Layout {
        let mut layout = Layout::new(Label::Receipt, context);
        layout.digest(bid).u8(accumulator);
        layout
    }

    /// Whether the named accumulator of the auction signed it.
    ///
    /// # Errors
    /// [`BadSignature`]; under a key of zeros when the auction has no such accumulator.
    pub fn verify(&self, auction: &Auction) -> Result<(), BadSignature> {
        let nobody = BadSignature { key: PublicKey([0; 32]) };
        let key = auction.decoded_identity(usize::from(self.accumulator)).ok_or(nobody)?;
        let layout = Self::layout(auction.context(), &self.bid, self.accumulator);
        key.verify(&layout, &self.signature)
    }
}

/// Checks the receipts of all accumulators for one bid, in their order.
///
/// # Errors
/// [`ReceiptsError`]: which one is wrong.
pub fn verify_all(
    auction: &Auction,
    bid: &Digest,
    receipts: &[Receipt],
) -> Result<(), ReceiptsError> {
    if receipts.len() != auction.accumulators() {
        return Err(ReceiptsError::Incomplete {
            got: receipts.len(),
            expected: auction.accumulators(),
        });
    }
    for (k, receipt) in receipts.iter().enumerate() {
        let in_place = usize::from(receipt.accumulator) == k && receipt.bid == *bid;
        if !in_place || receipt.verify(auction).is_err() {
            return Err(ReceiptsError::Wrong { accumulator: k });
        }
    }
    Ok(())
}

/// Receipts that do not make a bid count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ReceiptsError {
    /// Not one of each accumulator.
    #[error("got {got} receipts, expected {expected}, one of each accumulator in order")]
    Incomplete {
        /// Receipts given.
        got: usize,
        /// Accumulators.
        expected: usize,
    },
    /// One does not verify.
    #[error("the receipt of accumulator {accumulator} is not its receipt for this bid")]
    Wrong {
        /// Whose.
        accumulator: usize,
    },
}

/// Why an accumulator refused a bid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Reason {
    /// Too early.
    #[error("the auction is not open yet: send the same bid again from {} ms since 1970 on", .0.0)]
    NotOpen(Time),
    /// Too late.
    #[error("the auction is closed: no bid is taken any more")]
    Closed,
    /// No room.
    #[error("the auction has as many bids as its spec allows")]
    Full,
    /// Made for another auction or other joins.
    #[error("the bid is for another auction context: fetch the auction again and seal anew")]
    OtherContext,
    /// The number of commitments is not that of accumulators.
    #[error("got {got} commitments, expected {expected}, one for each accumulator")]
    Commitments {
        /// How many came.
        got: usize,
        /// How many are needed.
        expected: usize,
    },
    /// The bidder did not sign the bid.
    #[error("the bidder's signature on the bid is wrong")]
    BidSignature,
    /// Bond ticket.
    #[error(transparent)]
    Ticket(TicketError),
    /// The key has made another bid.
    #[error("this key has already made another bid ({0}): one bid a key")]
    SecondBid(Digest),
    /// The commitments are not to one level of the ladder.
    #[error("the bid is not proved to be one level of the ladder: {0}")]
    NotALevel(String),
    /// The share is for another bid or accumulator.
    #[error("the share is for another bid or another accumulator")]
    OtherShare,
    /// The bidder did not sign the share.
    #[error("the bidder's signature on the share is wrong")]
    ShareSignature,
    /// The share is malformed. It is named, so that nobody can say that it was another.
    #[error("share {share} is malformed: {why}")]
    ShareShape {
        /// What was delivered ([`crate::bid::ShareDelivery::digest`]).
        share: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// The share does not open its commitment; named likewise.
    #[error("share {0} does not open its commitment")]
    ShareDoesNotOpen(Digest),
    /// The settlement server has signed what cannot all be true: its tickets are worth nothing.
    #[error(
        "the auction's settlement server is convicted by its own words: no more bids are taken"
    )]
    ServerConvicted,
}

impl Reason {
    /// Whether anyone who has seen a bid could bring this about for it, by sending it with
    /// another signature or share: such a refusal is not signed, since it says nothing of the
    /// bidder.
    #[must_use]
    pub fn is_anyones_doing(&self) -> bool {
        matches!(self, Self::BidSignature | Self::ShareSignature | Self::OtherShare)
    }

    pub(crate) fn not_a_level(error: ProofError) -> Self {
        Self::NotALevel(error.to_string())
    }
}

/// An accumulator's signed refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The bid.
    pub bid: Digest,
    /// The number of the accumulator.
    pub accumulator: u8,
    /// Why.
    pub reason: Reason,
    /// Its signature.
    pub signature: Signature,
}

impl Refusal {
    /// Signs a refusal.
    #[must_use]
    pub fn sign(
        context: &Digest,
        bid: Digest,
        accumulator: u8,
        reason: Reason,
        identity: &SecretKey,
    ) -> Self {
        let signature = identity.sign(&Self::layout(context, &bid, accumulator, &reason));
        Self { bid, accumulator, reason, signature }
    }

    fn layout(context: &Digest, bid: &Digest, accumulator: u8, reason: &Reason) -> Layout {
        let mut layout = Layout::new(Label::Refusal, context);
        layout.digest(bid).u8(accumulator).bytes(reason.to_string().as_bytes());
        layout
    }

    /// Whether the named accumulator of the auction signed it.
    ///
    /// # Errors
    /// [`BadSignature`]; under a key of zeros when the auction has no such accumulator.
    pub fn verify(&self, auction: &Auction) -> Result<(), BadSignature> {
        let nobody = crate::keys::PublicKey([0; 32]);
        let key = auction.identity(usize::from(self.accumulator)).unwrap_or(&nobody);
        let layout = Self::layout(auction.context(), &self.bid, self.accumulator, &self.reason);
        key.verify(&layout, &self.signature)
    }
}
