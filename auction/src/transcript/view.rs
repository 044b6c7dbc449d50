//! A transcript as an accumulator writes it: what its referee holds, without a copy of it.
//! PROTOCOL section 9.

use std::io::{self, Write};

use super::{BATCH, MAGIC, MAX_FALSE_WORD, Transcript};
use crate::bid::SealedBid;
use crate::checking::CountedBid;
use crate::join::Join;
use crate::messages::{Content, RoundMessage};
use crate::referee::Referee;
use crate::spec::SignedSpec;
use crate::step::Step;
use crate::wire::{encode, encode_into};

/// The transcript of a referee's auction; see [`Transcript`], whose encoding it has. The bids of a
/// large auction are more than a node has to hold: they are written as they are found.
pub struct TranscriptView<'a> {
    spec: &'a SignedSpec,
    joins: &'a [Join],
    bids: Vec<&'a CountedBid>,
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
            bids,
            rounds: rounds(referee),
        })
    }

    /// Writes a transcript file, as [`Transcript::to_bytes`] gives it. `find` is asked for the bids
    /// that the referee does not have as they travel, some at a time, and gives the first of them,
    /// as many as it likes, in their order.
    ///
    /// # Errors
    /// What the writer or `find` says; [`io::ErrorKind::InvalidData`] when something cannot be
    /// encoded, and when `find` gives none, or another bid than it was asked for.
    pub fn write(
        &self,
        writer: &mut impl Write,
        mut find: impl FnMut(&[&CountedBid]) -> io::Result<Vec<SealedBid>>,
    ) -> io::Result<()> {
        writer.write_all(MAGIC)?;
        encode_into(self.spec, writer)?;
        encode_into(&self.joins, writer)?;
        // A sequence is its length and then what is in it.
        encode_into(&(self.bids.len() as u64), writer)?;
        for part in self.bids.chunks(BATCH) {
            let wanted: Vec<&CountedBid> =
                part.iter().filter(|bid| bid.sealed().is_none()).copied().collect();
            let mut found = Vec::with_capacity(wanted.len());
            while let Some(rest @ [_, ..]) = wanted.get(found.len()..) {
                let more = find(rest)?;
                if more.is_empty() {
                    break;
                }
                found.extend(more);
            }
            let mut found = found.into_iter();
            for bid in part {
                match bid.sealed() {
                    Some(sealed) => encode_into(sealed, writer)?,
                    None => encode_into(&expect(bid, found.next())?, writer)?,
                }
            }
        }
        encode_into(&self.rounds, writer)
    }

    /// The transcript by itself; nothing where bids are kept elsewhere.
    #[must_use]
    pub fn to_transcript(&self) -> Option<Transcript> {
        let owned = |round: &Vec<&RoundMessage>| round.iter().copied().cloned().collect();
        Some(Transcript {
            spec: self.spec.clone(),
            joins: self.joins.to_vec(),
            bids: self.bids.iter().map(|bid| bid.sealed().cloned()).collect::<Option<_>>()?,
            rounds: self.rounds.iter().map(owned).collect(),
        })
    }
}

/// What was found, if it is the bid that was meant.
fn expect(bid: &CountedBid, found: Option<SealedBid>) -> io::Result<SealedBid> {
    found.filter(|sealed| sealed.digest() == bid.digest()).ok_or_else(|| {
        let digest = bid.digest();
        io::Error::new(io::ErrorKind::InvalidData, format!("bid {digest} is not where it is kept"))
    })
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
