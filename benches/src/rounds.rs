//! The rounds after closing, timed as one accumulator computes them.

use std::time::{Duration, Instant};

use auction::bid::Submission;
use auction::step::{Shown, Step};
use auction::transcript::Transcript;
use rand::rngs::ChaCha20Rng;

use crate::Committee;

/// What one accumulator computed, and what went over the wires.
#[derive(Debug, Clone, Copy, Default)]
pub struct Closing {
    /// Lists: settling the set.
    pub set: Duration,
    /// Ladder messages: making its own and judging all.
    pub ladder: Duration,
    /// The rest of the price rounds.
    pub price: Duration,
    /// The winner rounds.
    pub winner: Duration,
    /// Rounds.
    pub rounds: u32,
    /// Bytes between all accumulators.
    pub bytes: usize,
}

impl Closing {
    /// From close to outcome.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.set + self.ladder + self.price + self.winner
    }
}

/// Runs the rounds of an auction with all accumulators in this process, timing the first one.
///
/// # Panics
/// When an honest message is refused.
pub fn close(
    committee: &Committee,
    bids: &[Vec<Submission>],
    rng: &mut ChaCha20Rng,
) -> (Closing, Transcript) {
    let accumulators = committee.auction.accumulators();
    let mut nodes: Vec<_> = (0..accumulators)
        .map(|k| {
            let book = committee.book(k, bids, rng);
            committee.node(k, book, rng)
        })
        .collect();
    let mut closing = Closing::default();
    let mut winner = false;
    while *nodes[0].1.step() != Step::Complete {
        let step = nodes[0].1.step().clone();
        winner |= matches!(step, Step::Show { shown: Some(Shown::Blocks { .. }), .. });
        let mut spent = Duration::ZERO;
        let mut messages = Vec::with_capacity(accumulators);
        for (k, (party, referee)) in nodes.iter_mut().enumerate() {
            let start = Instant::now();
            let own = party.message(referee, rng).expect("a message is due");
            let message = own.message().clone();
            referee.offer_own(own).expect("honest messages");
            if k == 0 {
                spent += start.elapsed();
            }
            messages.push(message);
        }
        for (k, (_, referee)) in nodes.iter_mut().enumerate() {
            let peers = (0..).zip(&messages).filter(|(peer, _)| *peer != k);
            let peers: Vec<_> = peers.map(|(_, message)| message.clone()).collect();
            let start = Instant::now();
            peers.into_iter().for_each(|message| {
                referee.offer(message).expect("honest messages");
            });
            if k == 0 {
                spent += start.elapsed();
            }
        }
        let encoded = messages.iter().map(auction::wire::encode);
        closing.bytes += encoded.map(|bytes| bytes.map_or(0, |bytes| bytes.len())).sum::<usize>()
            * (accumulators - 1);
        closing.rounds += 1;
        match step {
            Step::List | Step::Receipts { .. } | Step::Outcome(_) => closing.set += spent,
            _ if winner => closing.winner += spent,
            Step::Show { .. } => closing.ladder += spent,
            _ => closing.price += spent,
        }
    }
    let transcript = Transcript::of(&nodes[0].1).expect("an outcome");
    (closing, transcript)
}
