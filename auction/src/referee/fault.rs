//! Whose fault it is, and why.

use crate::group::EncodingError;
use crate::layout::Digest;
use crate::messages::RoundMessage;
use crate::proofs::ProofError;
use crate::receipts::Reason;
use crate::set::SetError;

/// What an accumulator did wrong in a signed message. It convinces everyone who has the
/// messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultReason {
    /// A message of another kind than the round asks for.
    #[error("sent a {got} message where {expected} was due")]
    Content {
        /// Kind sent.
        got: &'static str,
        /// Kind due.
        expected: &'static str,
    },
    /// The wrong number of parts.
    #[error("sent {got} {part}, expected {expected}")]
    Count {
        /// Which parts.
        part: &'static str,
        /// How many were sent.
        got: usize,
        /// How many were due.
        expected: usize,
    },
    /// A list, or receipts, against the rules.
    #[error(transparent)]
    Set(#[from] SetError),
    /// Bytes that encode nothing.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// A proof that does not hold: a sum, ladder entry, product, blind or opening was altered.
    #[error("its {part} is not proved: {error}")]
    Proof {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        error: ProofError,
    },
    /// Listed, or signed a receipt for, a bid that is not valid.
    #[error("receipted bid {bid}, which is invalid: {reason}")]
    InvalidBid {
        /// The bid.
        bid: Digest,
        /// Why.
        reason: Reason,
    },
    /// Listed, or signed receipts for, two bids of one key.
    #[error("receipted two bids of one key, {first} and {second}")]
    OneKeyTwice {
        /// One bid.
        first: Digest,
        /// The other.
        second: Digest,
    },
    /// The set has more bids than the spec allows.
    #[error("listed more bids than the spec allows")]
    TooManyBids,
    /// All blinds of a test add up to nothing, which would make every sum look like zero.
    #[error("the blinds of all accumulators cancel")]
    BlindsCancel,
    /// Opened answers contradict each other.
    #[error("the opened answers contradict each other")]
    Contradiction,
}

/// A fault that stops an auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which round.
    pub round: u16,
    /// Accumulators at fault, with the reason each.
    pub culprits: Vec<(usize, FaultReason)>,
    /// A bid of the set that nobody has shown to this referee. It convicts nobody: whoever
    /// handed over the messages left it out.
    pub unknown_bid: Option<Digest>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "round {}", self.round)?;
        for (accumulator, reason) in &self.culprits {
            write!(f, "; accumulator {accumulator}: {reason}")?;
        }
        if let Some(bid) = &self.unknown_bid {
            write!(f, "; bid {bid} belongs to the set and is not shown")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// A proved wrong that does not stop the auction: a bid that its signer receipted and left out
/// of its list. The bid counts all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Omission {
    /// Who.
    pub accumulator: usize,
    /// Which bid.
    pub bid: Digest,
}

impl std::fmt::Display for Omission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "accumulator {} receipted bid {} and left it out", self.accumulator, self.bid)
    }
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Not signed by the accumulator that it names; says nothing of that accumulator.
    #[error("message is not signed by the accumulator that it names")]
    NotAuthentic,
    /// For another auction, or other joins.
    #[error("message is for another auction context")]
    OtherContext,
    /// For a round that has not come.
    #[error("message is for round {got}, expected {expected}")]
    Early {
        /// The message's round.
        got: u16,
        /// The round that is due.
        expected: u16,
    },
    /// Its sender saw other messages in the round before. Convicts nobody by itself: ask the
    /// sender for the messages that it hashed, and compare.
    #[error("accumulator {accumulator} saw other messages in the round before")]
    OtherHistory {
        /// The sender.
        accumulator: usize,
        /// The hash it computed.
        claimed: Digest,
    },
    /// Its sender has signed another message for the same round.
    #[error("accumulator {accumulator} signed two messages for round {round}")]
    Equivocation {
        /// The sender.
        accumulator: usize,
        /// The round.
        round: u16,
        /// Both messages.
        messages: Box<[RoundMessage; 2]>,
    },
    /// The round is complete and somebody is at fault.
    #[error("the auction is stopped by a fault: {0}")]
    Fault(Fault),
}
