//! The rounds after closing, timed as one accumulator computes them.

use std::time::{Duration, Instant};

use auction::bid::Submission;
use auction::messages::{Content, RoundMessage};
use auction::step::{Shown, Step};
use auction::transcript::Transcript;
use rand::rngs::ChaCha20Rng;
use serde::Serialize;

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
    /// Of these, proofs of stages.
    pub proof_bytes: usize,
    /// Messages with ciphertexts of a stage, each with one proof.
    pub stages: Work,
    /// Tests, by what they are made of: products, blinds, openings.
    pub tests: Work,
    /// Tests that began with a product.
    pub products: usize,
    /// Ciphertexts of all stages.
    pub ciphertexts: usize,
}

/// A part of what one accumulator computed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// How many.
    pub count: usize,
    /// Making its own.
    pub own: Duration,
    /// Judging its fellows'.
    pub judging: Duration,
}

impl Work {
    fn add(&mut self, own: Duration, judging: Duration) {
        (self.own, self.judging) = (self.own + own, self.judging + judging);
    }

    /// Both.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.own + self.judging
    }
}

impl Closing {
    /// From close to outcome.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.set + self.ladder + self.price + self.winner
    }

    /// Counts what the messages of a round say and how long they are, under the time that the
    /// first accumulator took to make its own and to judge the others.
    fn count(&mut self, messages: &[RoundMessage], making: Duration, judging: Duration) {
        let fellows = messages.len() - 1;
        for message in messages {
            self.bytes += length(message) * fellows;
            if let Content::Show { entries: Some(part), .. } = &message.body.content {
                self.proof_bytes += length(&part.proof) * fellows;
            }
        }
        match messages.first().map(|message| &message.body.content) {
            Some(Content::Show { entries: Some(part), .. }) => {
                self.stages.count += 1;
                self.ciphertexts += part.ciphertexts.len();
                self.stages.add(making, judging);
            }
            Some(Content::Multiply(products)) => {
                self.products += products.len();
                self.tests.add(making, judging);
            }
            Some(Content::Blind(blinds)) => {
                self.tests.count += blinds.len();
                self.tests.add(making, judging);
            }
            Some(Content::Open(_)) => self.tests.add(making, judging),
            _ => {}
        }
    }
}

fn length(value: &impl Serialize) -> usize {
    auction::wire::encode(value).map_or(0, |bytes| bytes.len())
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
        let (mut making, mut judging) = (Duration::ZERO, Duration::ZERO);
        let mut messages = Vec::with_capacity(accumulators);
        for (k, (party, referee)) in nodes.iter_mut().enumerate() {
            let start = Instant::now();
            let own = party.message(referee, rng).expect("a message is due");
            let message = own.message().clone();
            referee.offer_own(own).expect("honest messages");
            if k == 0 {
                making += start.elapsed();
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
                judging += start.elapsed();
            }
        }
        closing.count(&messages, making, judging);
        closing.rounds += 1;
        let spent = making + judging;
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
