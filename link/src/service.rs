//! What an accumulator can be asked, and what it answers: the one vocabulary of both ends.

use auction::bid::Submission;
use auction::equivocation::Equivocation;
use auction::join::Join;
use auction::layout::Digest;
use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage};
use auction::outcome::{Outcome, Void};
use auction::receipts::{Receipt, Refusal};
use auction::spec::{EarlyClose, SignedSpec, Time};
use serde::{Deserialize, Serialize};
use witness::ServerEvidence;
use witness::service::Witnessed;

/// Longest question of anyone, in bytes: a submission with an explicit share of the most levels.
pub const MAX_PUBLIC_QUESTION: usize = 1 << 20;
/// Longest question of a fellow accumulator, in bytes: a round message.
pub const MAX_PEER_QUESTION: usize = MAX_MESSAGE_BYTES + (1 << 20);
/// Longest answer to a fellow accumulator, in bytes: a round message.
pub const MAX_PEER_ANSWER: usize = MAX_PEER_QUESTION;
/// Longest answer to anyone else, in bytes: a piece of a transcript, or a spec with its joins.
pub const MAX_PUBLIC_ANSWER: usize = 2 << 20;
/// Bytes of a transcript in one answer.
pub const TRANSCRIPT_CHUNK: usize = 1 << 20;

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// Who are you?
    Hello,
    /// The seller: here is an auction that names you.
    Announce(Box<SignedSpec>),
    /// A fellow accumulator: here is my join, with the spec in case it is new to you.
    Join(Box<(SignedSpec, Join)>),
    /// Anyone: the spec and joins of an auction.
    Auction(Digest),
    /// A bidder: here is my bid with your share.
    Submit(Digest, Box<Submission>),
    /// A bidder: here are the receipts of all accumulators for my bid.
    LeaveReceipts(Digest, Vec<Receipt>),
    /// The seller, or an accumulator passing it on: close now.
    Close(EarlyClose),
    /// Anyone: how does the auction stand?
    State(Digest),
    /// A fellow accumulator: my message of a round.
    Round(Digest, Box<RoundMessage>),
    /// A fellow accumulator: which message of this round did you hash for that accumulator?
    History(Digest, u16, u8),
    /// Anyone: this convicts an accumulator.
    Evidence(Digest, Box<Equivocation>),
    /// A fellow accumulator: I send nothing more.
    Void(Digest, Void),
    /// Anyone: the transcript from this byte on.
    Transcript(Digest, u64),
    /// Anyone: what have you seen, as a witness, of the settlement servers of your auctions?
    Witnessed,
    /// Anyone: this convicts a settlement server.
    Accuse(Box<ServerEvidence>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Hello`].
    Hello {
        /// Version of the software.
        version: String,
        /// The node's clock.
        now: Time,
    },
    /// To [`Question::Announce`], [`Question::Join`] and [`Question::Auction`]: the auction with
    /// the joins known so far, in the order of the accumulators.
    Auction {
        /// The terms.
        spec: Box<SignedSpec>,
        /// The joins known so far.
        joins: Vec<Join>,
        /// The seller's word, when he has closed the auction early.
        early_close: Option<EarlyClose>,
    },
    /// To [`Question::Submit`]: durably stored, and counted when all accumulators say so.
    Accepted(Receipt),
    /// To [`Question::Submit`]: not taken, and why.
    Refused(Refusal),
    /// To any question of the sender's that was taken and needs no other answer.
    Done,
    /// To [`Question::State`].
    State(Box<State>),
    /// To [`Question::History`].
    History(Box<RoundMessage>),
    /// To [`Question::Transcript`].
    Transcript {
        /// Length of the whole transcript file.
        total: u64,
        /// Its bytes from the place asked for; at most [`TRANSCRIPT_CHUNK`].
        bytes: Vec<u8>,
    },
    /// To [`Question::Witnessed`]: at most [`witness::service::MAX_WITNESSED`] ledgers.
    Witnessed(Vec<Witnessed>),
    /// The question cannot be answered now: ask again later.
    Busy {
        /// After how long, in milliseconds.
        retry_after: u32,
    },
    /// The question cannot be answered.
    Declined(Declined),
}

/// Why a question was declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Declined {
    /// No such auction here.
    #[error("this accumulator knows no auction with this id")]
    UnknownAuction,
    /// The spec breaks a rule.
    #[error("the spec is refused: {0}")]
    Spec(String),
    /// The spec does not name this accumulator.
    #[error(
        "the spec does not name this accumulator ({0}): check keys and addresses in the committee file"
    )]
    NotNamed(auction::keys::PublicKey),
    /// The auction was joined before and its traces erased, or it is past its times.
    #[error("this accumulator has finished with this auction and never joins one twice")]
    Finished,
    /// The node holds as many auctions as it may.
    #[error("this accumulator holds as many auctions as its operator allows")]
    TooManyAuctions,
    /// The sender may not ask this, or did not sign it.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// Not yet, or no longer.
    #[error("not now: {0}")]
    NotNow(String),
    /// What was sent is wrong.
    #[error("refused: {0}")]
    Wrong(String),
}

/// Where an auction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Waiting for the joins of these accumulators.
    Joining(Vec<u8>),
    /// All joined; bids are not taken yet.
    Waiting,
    /// Taking bids.
    Open,
    /// Closed; the rounds run.
    Closed {
        /// The round that is due.
        round: u16,
        /// What it says.
        step: String,
        /// Whose messages are missing.
        waiting_for: Vec<u8>,
    },
    /// Done: the outcome is signed by all.
    Done,
    /// Stopped by a fault of the accumulators named in the text.
    Stopped(String),
    /// Void: the last time passed without an outcome.
    Void,
}

/// How an auction stands at one accumulator. Says nothing that the outcome does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The phase.
    pub phase: Phase,
    /// Bids receipted by this accumulator.
    pub bids: u32,
    /// The outcome, when it is decided.
    pub outcome: Option<Outcome>,
    /// Wrongs that did not stop the auction, and evidence received, in words.
    pub findings: Vec<String>,
    /// What each phase after closing took at this accumulator.
    pub phases: Vec<PhaseReport>,
}

/// What a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// `bids`, `set`, `price`, `winner` or `outcome`.
    pub phase: String,
    /// Wall time in microseconds.
    pub micros: u64,
    /// Bytes that this accumulator sent to its fellows, or took from bidders in phase `bids`.
    pub bytes: u64,
}
