//! A transcript as an accumulator writes it: what its referee holds, without a copy of it.
//! PROTOCOL section 9.

use std::io::{self, Write};

use serde::Serialize;

use super::{MAGIC, MAX_FALSE_WORD, Transcript};
use crate::bid::SealedBid;
use crate::join::Join;
use crate::messages::{Content, RoundMessage};
use crate::referee::Referee;
use crate::spec::SignedSpec;
use crate::step::Step;
use crate::wire::{encode, encode_into};

/// The transcript of a referee's auction; see [`Transcript`], whose encoding it has. The bids of a
/// large auction are most of what a node holds: to copy them before they are written, and to
/// encode the copy before it is written, would take as much three times over.
#[derive(Serialize)]
pub struct TranscriptView<'a> {
    spec: &'a SignedSpec,
    joins: &'a [Join],
    bids: Vec<&'a SealedBid>,
    rounds: Vec<Vec<&'a RoundMessage>>,
}

impl<'a> TranscriptView<'a> {
    /// The transcript of a referee's auction: once the outcome is decided, the proof of it; once
    /// a fault has stopped the auction, what convicts those at fault. Before that there is none.
    #[must_use]
    pub fn of(referee: &'a Referee) -> Option<Self> {
        if referee.outcome().is_none() && referee.fault().is_none() {
            return None;
        }
        let auction = referee.auction();
        // Before the set is fixed: all that a fault in it may be about.
        let bids = match referee.tally() {
            Some(tally) => tally.bids().iter().collect(),
            None => referee.supplied(),
        };
        Some(Self {
            spec: auction.verified_spec().signed(),
            joins: auction.joins(),
            bids: bids.into_iter().map(|bid| &**bid.sealed()).collect(),
            rounds: rounds(referee),
        })
    }

    /// Writes a transcript file, as [`Transcript::to_bytes`] gives it.
    ///
    /// # Errors
    /// What the writer says, and [`io::ErrorKind::InvalidData`] when it cannot be encoded.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        writer.write_all(MAGIC)?;
        encode_into(self, writer)
    }

    /// The transcript by itself.
    #[must_use]
    pub fn to_transcript(&self) -> Transcript {
        let owned = |round: &Vec<&RoundMessage>| round.iter().copied().cloned().collect();
        Transcript {
            spec: self.spec.clone(),
            joins: self.joins.to_vec(),
            bids: self.bids.iter().copied().cloned().collect(),
            rounds: self.rounds.iter().map(owned).collect(),
        }
    }
}

/// The rounds that a transcript shows.
fn rounds(referee: &Referee) -> Vec<Vec<&RoundMessage>> {
    let mut rounds: Vec<Vec<&RoundMessage>> =
        referee.rounds().iter().map(|round| round.iter().collect()).collect();
    if referee.outcome().is_none() {
        return rounds;
    }
    // 9 Who speaks of something else in the last round is named for it. Said at length, it is
    // left out: it must not make the proof of the outcome longer than anybody takes.
    let last = match referee.step() {
        Step::Complete => rounds.pop().unwrap_or_default(),
        _ => (0..referee.auction().accumulators()).filter_map(|k| referee.received(k)).collect(),
    };
    let short = |message: &&RoundMessage| {
        matches!(message.body.content, Content::Outcome(_))
            || encode(*message).is_ok_and(|bytes| bytes.len() <= MAX_FALSE_WORD)
    };
    let last: Vec<_> = last.into_iter().filter(short).collect();
    if !last.is_empty() {
        rounds.push(last);
    }
    rounds
}
