//! What a settlement server can be asked about its history, and what a witness can be asked: the
//! vocabulary of both ends. A server is asked other things too; who asks about heads alone needs
//! none of the other words.

use serde::{Deserialize, Serialize};

use crate::continuation::SignedContinuation;
use crate::countersignature::Countersigned;
use crate::evidence::ServerEvidence;
use crate::head::{LedgerKey, SignedHead};
use crate::watch::Loss;
use auction::spec::Time;

/// Longest question about heads, in bytes.
pub const MAX_HEAD_QUESTION: usize = 1024;
/// Longest answer, in bytes: a continuation with the longest path.
pub const MAX_HEAD_ANSWER: usize = 8 << 10;
/// Most ledgers that a witness tells of in one answer.
pub const MAX_WITNESSED: usize = 64;

/// A question about a server's history. Anyone may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadQuestion {
    /// The head over everything so far.
    Head,
    /// The head with which this epoch began.
    Beginning(u32),
    /// The signed word that the tree of so many entries (second) continues that of so many
    /// (first).
    Continuation(u64, u64),
}

/// An answer to a [`HeadQuestion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadAnswer {
    /// To [`HeadQuestion::Head`] and [`HeadQuestion::Beginning`].
    Head(SignedHead),
    /// To [`HeadQuestion::Continuation`].
    Continuation(Box<SignedContinuation>),
    /// There is no such epoch, or there are not so many entries.
    Nothing,
    /// Ask again later.
    Busy {
        /// After how long, in milliseconds.
        retry_after: u32,
    },
}

/// What a settlement server is asked: about its history, or in its own vocabulary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asked<Q> {
    /// About its history.
    Heads(HeadQuestion),
    /// Something else.
    Other(Q),
}

/// What a settlement server answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answered<A> {
    /// To [`Asked::Heads`].
    Heads(HeadAnswer),
    /// To [`Asked::Other`].
    Other(A),
}

/// The vocabulary of who asks about heads alone: it has no other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoOther {}

/// What a witness says of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnessed {
    /// Which.
    pub of: LedgerKey,
    /// The newest head that it accepted, countersigned.
    pub head: Option<Countersigned>,
    /// When it last heard from the server, by its own clock.
    pub heard: Option<Time>,
    /// How the server stands with it.
    pub standing: Standing,
    /// What restores have lost of what it saw.
    pub losses: Vec<Loss>,
}

/// How a server stands with a witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Its last head was shown to continue those before.
    Followed,
    /// It has not answered for longer than the witness waits between two looks.
    Silent,
    /// It answers, and has not shown that its head continues those before: an accusation.
    Unanswered(Box<[SignedHead; 2]>),
    /// It contradicted itself.
    Convicted(Box<ServerEvidence>),
}
