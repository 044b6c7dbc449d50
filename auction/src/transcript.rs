//! Everything public about an auction, and its check by an outsider. PROTOCOL section 9.

mod view;

pub use view::TranscriptView;

use std::sync::Arc;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::bid::SealedBid;
use crate::checking::verify_bids;
use crate::join::{Auction, Join, JoinError};
use crate::layout::Digest;
use crate::messages::RoundMessage;
use crate::outcome::Outcome;
use crate::referee::{Fault, Omission, Referee, Refused};
use crate::spec::{SignedSpec, SpecError};
use crate::wire::{WireError, decode, encode};

/// First bytes of a transcript file, its format version last.
const MAGIC: &[u8; 8] = b"gavelTR\x01";

/// Longest transcript that is read, in bytes. No spec allows bids that would not fit into one.
pub const MAX_TRANSCRIPT_BYTES: usize = 1 << 30;
/// Longest message in place of the outcome's that is shown, in bytes.
const MAX_FALSE_WORD: usize = 64 << 10;

/// Bids that are checked, or found, together.
const BATCH: usize = 512;

/// A transcript, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// The terms.
    pub spec: SignedSpec,
    /// The joins, in the order of the accumulators.
    pub joins: Vec<Join>,
    /// The bids of the set, sorted by digest.
    pub bids: Vec<SealedBid>,
    /// All rounds, each in the order of the accumulators. The last may lack outcome signatures.
    pub rounds: Vec<Vec<RoundMessage>>,
}

/// What a transcript proves.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The auction.
    pub auction: Arc<Auction>,
    /// The outcome.
    pub outcome: Outcome,
    /// The accumulators that signed the outcome. It holds whoever did.
    pub signed_by: Vec<usize>,
    /// The accumulators that signed something else in its place.
    pub false_signers: Vec<usize>,
    /// Bids that were receipted and left out by an accumulator; they counted all the same.
    pub omissions: Vec<Omission>,
}

/// Why a transcript proves nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TranscriptError {
    /// Not a transcript file.
    #[error("not a transcript: the file does not begin as transcripts of version 1 do")]
    NotATranscript,
    /// The bytes do not decode.
    #[error("the transcript is damaged: {0}")]
    Wire(#[from] WireError),
    /// The seller's fault.
    #[error("the seller's spec is invalid: {0}")]
    Spec(#[from] SpecError),
    /// An accumulator's join is invalid.
    #[error("the joins are invalid: {0}")]
    Join(#[from] JoinError),
    /// The transcript is of another auction than was asked for.
    #[error("the transcript is of auction {got}, expected {expected}")]
    OtherAuction {
        /// The transcript's.
        got: Digest,
        /// The one asked for.
        expected: Digest,
    },
    /// An accumulator broke a rule in a signed message.
    #[error("the auction is invalid: {0}")]
    Fault(Fault),
    /// A message that does not belong where it stands. Whoever wrote the transcript is at fault,
    /// or its sender.
    #[error("round {round}, accumulator {accumulator}: {reason}")]
    Message {
        /// The round.
        round: usize,
        /// The place in the round.
        accumulator: usize,
        /// What is wrong.
        reason: Refused,
    },
    /// The rounds end before the outcome is decided.
    #[error("the transcript ends in round {round}, waiting for accumulators {waiting:?}")]
    Incomplete {
        /// The round that is not complete.
        round: u16,
        /// Whose messages are missing.
        waiting: Vec<usize>,
    },
    /// Bids that do not belong to the set, or not in their order.
    #[error("the transcript shows {got} bids, expected exactly the {expected} of the set, sorted")]
    Bids {
        /// Bids shown.
        got: usize,
        /// Bids in the set.
        expected: usize,
    },
    /// Rounds that are not in their order, or not whole.
    #[error(
        "round {round} of the transcript does not have the messages of all accumulators in their order"
    )]
    Shape {
        /// Counted from 0.
        round: usize,
    },
}

impl Transcript {
    /// The transcript of a referee's auction: once the outcome is decided, the proof of it; once
    /// a fault has stopped the auction, what convicts those at fault. There is none before that,
    /// nor of a referee whose bids are kept elsewhere: see [`TranscriptView`].
    #[must_use]
    pub fn of(referee: &Referee) -> Option<Self> {
        TranscriptView::of(referee).and_then(|view| view.to_transcript())
    }

    /// Encodes a transcript file.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(encode(self)?);
        Ok(bytes)
    }

    /// Decodes a transcript file.
    ///
    /// # Errors
    /// [`TranscriptError::NotATranscript`] or [`TranscriptError::Wire`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TranscriptError> {
        let body = bytes.strip_prefix(MAGIC).ok_or(TranscriptError::NotATranscript)?;
        Ok(decode(body, MAX_TRANSCRIPT_BYTES)?)
    }

    /// Verifies the whole auction without any secret: spec, joins, every bid, every round.
    /// `expected` is the auction id that the verifier means, where he knows it.
    ///
    /// # Errors
    /// [`TranscriptError`]: who broke which rule, or what is missing.
    pub fn verify<R: CryptoRng + ?Sized>(
        self,
        expected: Option<&Digest>,
        rng: &mut R,
    ) -> Result<Verdict, TranscriptError> {
        let spec = self.spec.verify()?;
        if let Some(expected) = expected.filter(|expected| **expected != spec.id()) {
            return Err(TranscriptError::OtherAuction { got: spec.id(), expected: *expected });
        }
        let auction = Arc::new(Auction::new(spec, self.joins)?);
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let mut referee = Referee::new(Arc::clone(&auction), seed);
        let shown: Vec<Digest> = self.bids.iter().map(SealedBid::digest).collect();
        supply(&mut referee, self.bids, rng);
        check_shape(&self.rounds, auction.accumulators())?;
        for (round, messages) in self.rounds.into_iter().enumerate() {
            for (place, message) in messages.into_iter().enumerate() {
                replay(&mut referee, message, round, place)?;
            }
        }
        let set = referee.tally().map(|tally| {
            tally.bids().iter().map(crate::checking::CountedBid::digest).collect::<Vec<_>>()
        });
        let (Some(outcome), Some(set)) = (referee.outcome().copied(), set) else {
            let (round, waiting) = (referee.round(), referee.waiting_for());
            return Err(TranscriptError::Incomplete { round, waiting });
        };
        if set != shown {
            return Err(TranscriptError::Bids { got: shown.len(), expected: set.len() });
        }
        let (signed_by, false_signers) = referee.signers();
        let omissions = referee.omissions().to_vec();
        Ok(Verdict { auction, outcome, signed_by, false_signers, omissions })
    }
}

/// One auction has one form: round after round, in each the accumulators in their order, all of
/// them but in the last.
fn check_shape(rounds: &[Vec<RoundMessage>], accumulators: usize) -> Result<(), TranscriptError> {
    for (i, round) in rounds.iter().enumerate() {
        let whole = round.len() == accumulators || (i + 1 == rounds.len() && !round.is_empty());
        let in_order = round.is_sorted_by(|a, b| a.body.accumulator < b.body.accumulator);
        let in_place = round.iter().all(|message| usize::from(message.body.round) == i);
        if !whole || !in_order || !in_place {
            return Err(TranscriptError::Shape { round: i });
        }
    }
    Ok(())
}

/// Checks the public part of bids, some at a time, and tells the referee.
fn supply<R: CryptoRng + ?Sized>(referee: &mut Referee, bids: Vec<SealedBid>, rng: &mut R) {
    let auction = Arc::clone(referee.auction());
    let mut bids = bids.into_iter().peekable();
    while bids.peek().is_some() {
        let part: Vec<SealedBid> = bids.by_ref().take(BATCH).collect();
        let digests: Vec<Digest> = part.iter().map(SealedBid::digest).collect();
        for (digest, checked) in digests.into_iter().zip(verify_bids(&auction, part, rng)) {
            match checked {
                Ok(bid) => referee.supply([bid]),
                Err(reason) => referee.supply_invalid(digest, reason),
            }
        }
    }
}

fn replay(
    referee: &mut Referee,
    message: RoundMessage,
    round: usize,
    place: usize,
) -> Result<(), TranscriptError> {
    match referee.offer(message) {
        Ok(_) => Ok(()),
        Err(Refused::Fault(fault)) => Err(TranscriptError::Fault(fault)),
        Err(reason) => Err(TranscriptError::Message { round, accumulator: place, reason }),
    }
}
