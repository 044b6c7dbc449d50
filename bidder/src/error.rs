//! What can go wrong with accumulators, whose fault it is and what to do.

use auction::equivocation::Equivocation;
use auction::join::JoinError;
use auction::keys::{BadSignature, PublicKey};
use auction::layout::Digest;
use auction::spec::{ACCUMULATORS, SpecError};
use auction::transcript::TranscriptError;
use link::LinkError;
use link::service::Declined;

use crate::text::printable;

/// Why one accumulator did not give what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// No answer, or none that can be read.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// It says that it cannot.
    #[error("it declines: {}", printable(&.0.to_string()))]
    Declined(Declined),
    /// It asked for patience until there was none left.
    #[error("it was still busy when the time was over; try again later")]
    Busy,
    /// It answered what no honest accumulator answers.
    #[error("it misbehaves: {0}")]
    Misbehaved(#[from] Misbehaviour),
}

impl MemberError {
    /// Whether asking again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Link(error) => error.is_transient(),
            Self::Declined(declined) => matches!(declined, Declined::NotNow(_)),
            Self::Busy => true,
            Self::Misbehaved(_) => false,
        }
    }
}

/// An answer that no honest accumulator of the same version gives.
#[derive(Debug, thiserror::Error)]
pub enum Misbehaviour {
    /// An answer to another question.
    #[error("got answer '{got}', expected '{expected}'")]
    OtherAnswer {
        /// What came.
        got: &'static str,
        /// What the question asks for.
        expected: &'static str,
    },
    /// The spec or transcript of another auction.
    #[error("it shows auction {got}, expected {expected}")]
    OtherAuction {
        /// What it shows.
        got: Digest,
        /// What it was asked for.
        expected: Digest,
    },
    /// A spec that breaks the rules.
    #[error("it shows an invalid spec: {0}")]
    Spec(SpecError),
    /// A join that does not verify.
    #[error("it shows an invalid join: {0}")]
    Join(#[from] JoinError),
    /// Joins twice or not in the order of the accumulators.
    #[error("it shows joins twice or out of order")]
    JoinOrder,
    /// A closing word that the seller did not say.
    #[error("it shows an invalid word of the seller that closes the auction: {0}")]
    EarlyClose(SpecError),
    /// A receipt or refusal for another bid, or in another accumulator's name.
    #[error("its {0} is for another bid or of another accumulator")]
    OtherBid(&'static str),
    /// A receipt or refusal that it did not sign.
    #[error("its {part} is not signed by it: {source}")]
    Unsigned {
        /// `receipt` or `refusal`.
        part: &'static str,
        /// What is wrong.
        source: BadSignature,
    },
    /// A transcript longer than any.
    #[error("its transcript is {got} bytes long, expected at most {limit}")]
    TranscriptTooLong {
        /// What it claims.
        got: u64,
        /// The limit asked for.
        limit: u64,
    },
    /// A piece of a transcript that does not fit the others.
    #[error("its transcript breaks off or changes at byte {at}")]
    TranscriptPiece {
        /// Where.
        at: u64,
    },
    /// A transcript that proves nothing.
    #[error("its transcript is invalid: {0}")]
    Transcript(#[from] TranscriptError),
}

/// What one accumulator did not do.
#[derive(Debug, thiserror::Error)]
#[error("accumulator {accumulator} ({address}): {error}")]
pub struct Failure {
    /// Its number: its place in the list of accumulators asked, from 0.
    pub accumulator: usize,
    /// Where it was asked.
    pub address: String,
    /// What happened.
    pub error: MemberError,
}

/// `accumulator 1 has` or `accumulators 0, 2 have`.
fn unjoined(missing: &[usize]) -> String {
    let shown: Vec<String> = missing.iter().map(ToString::to_string).collect();
    match shown.as_slice() {
        [one] => format!("accumulator {one} has"),
        several => format!("accumulators {} have", several.join(", ")),
    }
}

/// What several accumulators did not do.
#[derive(Debug)]
pub struct Failures(pub Vec<Failure>);

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, failure) in self.0.iter().enumerate() {
            write!(f, "{}{failure}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl ClientError {
    /// Whether there is no transcript because the auction goes on, as some accumulator says.
    #[must_use]
    pub fn is_not_ended(&self) -> bool {
        let not_now =
            |one: &Failure| matches!(one.error, MemberError::Declined(Declined::NotNow(_)));
        matches!(self, Self::NoTranscript { failures, .. } if failures.0.iter().any(not_now))
    }
}

/// Why a committee could not be asked for something.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Ours: no socket.
    #[error("cannot open a socket: {0}")]
    Endpoint(LinkError),
    /// Too few or too many accumulators.
    #[error("got {got} accumulators to ask, expected 1 to {}", ACCUMULATORS.end())]
    Members {
        /// How many.
        got: usize,
    },
    /// The seller's own spec breaks a rule.
    #[error("the spec cannot be announced: {0}")]
    Spec(SpecError),
    /// The early close is not this auction's seller's.
    #[error("the word that closes the auction is not its seller's: {0}")]
    EarlyClose(SpecError),
    /// Nobody shows the auction.
    #[error("no accumulator shows auction {auction}: {failures}")]
    NobodyShows {
        /// The auction.
        auction: Digest,
        /// What each did instead.
        failures: Failures,
    },
    /// The auction is known and not everybody has joined.
    #[error(
        "auction {auction} is not ready: {} not joined; try again later", unjoined(.missing)
    )]
    NotJoined {
        /// The auction.
        auction: Digest,
        /// Whose joins are missing.
        missing: Vec<usize>,
    },
    /// One accumulator has signed two joins.
    #[error(
        "accumulator {culprit} signed two different joins of auction {auction}, shown by \
         {} and {}: it cheats, do not bid; show the evidence to the others and to the seller",
        printable(&.shown_by[0]), printable(&.shown_by[1])
    )]
    JoinsDiffer {
        /// The auction.
        auction: Digest,
        /// Who signed both.
        culprit: usize,
        /// The addresses of those that showed them.
        shown_by: [String; 2],
        /// Both joins, which convict it. None when it signed one and the same join in two ways,
        /// which makes two contexts as well.
        evidence: Option<Box<Equivocation>>,
    },
    /// All keys together are worthless.
    #[error("the joins do not make an auction: {0}")]
    Joins(#[from] JoinError),
    /// The auction names somebody whom the committee file does not.
    #[error(
        "the auction names accumulator {key} at {}, which is not in the committee: \
         add it if you trust it", printable(.address)
    )]
    Stranger {
        /// Its key.
        key: PublicKey,
        /// Its address in the spec.
        address: String,
    },
    /// Some accumulator did not take the announcement.
    #[error("the auction is not announced to all: {0}")]
    NotAnnounced(Failures),
    /// Nobody gives a transcript.
    #[error("no accumulator gives a valid transcript of auction {auction}: {failures}")]
    NoTranscript {
        /// The auction.
        auction: Digest,
        /// What each did instead.
        failures: Failures,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_an_accumulator_cannot_command_a_terminal() {
        let hostile = Declined::Wrong(format!("\u{1b}[2J\r\n{}", "x".repeat(5_000)));
        let said = MemberError::Declined(hostile).to_string();
        assert!(!said.chars().any(char::is_control), "{said}");
        assert!(said.len() < 400 && said.ends_with(".."));
    }
}
