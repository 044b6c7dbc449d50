//! Bids that break a rule are refused, each with its reason, by every accumulator that can see
//! it; and a bad bid in a batch costs the honest ones around it nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod forge;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod shares;
mod standing;
mod tickets;
mod vectors;

use std::sync::Arc;

use auction::bid::Submission;
use auction::checking::{BidChecker, verify_bids};
use auction::layout::Digest;
use auction::prices::Level;
use auction::receipts::Reason;
use in_memory::{Committee, Terms};
use rand::rngs::ChaCha20Rng;

/// What accumulator `k` says of submissions: the bid's digest, or why it is refused.
fn said(
    committee: &Committee,
    k: usize,
    submissions: Vec<Submission>,
    rng: &mut ChaCha20Rng,
) -> Vec<Result<Digest, Reason>> {
    let checker = BidChecker::new(Arc::clone(&committee.auction), k, rng);
    let checked = checker.check(submissions, rng);
    checked.into_iter().map(|bid| bid.map(|bid| bid.verified.digest())).collect()
}

/// Puts a bad submission for accumulator `k` among honest ones: they pass, and the reason why
/// the bad one does not is returned.
fn refused(
    committee: &Committee,
    k: usize,
    bad: Submission,
    rng: &mut ChaCha20Rng,
) -> Option<Reason> {
    let mut batch: Vec<_> =
        (1..=5).map(|level| committee.seal(Level(level), rng).submissions[k].clone()).collect();
    batch.insert(3, bad);
    let mut results = said(committee, k, batch, rng);
    let answer = results.remove(3);
    assert!(results.iter().all(Result::is_ok), "honest bids were refused: {results:?}");
    answer.err()
}

/// What an outsider, who sees the public part alone, says of a bid.
fn public_part(committee: &Committee, bad: &Submission, rng: &mut ChaCha20Rng) -> Option<Reason> {
    verify_bids(&committee.auction, vec![bad.bid.clone()], rng).remove(0).err()
}

fn committee(rng: &mut ChaCha20Rng) -> Committee {
    Committee::new(Terms::small(), rng)
}
