//! Bids that break a rule are refused, each with its reason, by every accumulator that can see
//! it; and a bad bid in a batch costs the honest ones around it nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod disputes;
mod forge;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod shares;
mod standing;
mod sums;
mod tickets;
mod vectors;

use std::sync::Arc;

use auction::bid::Submission;
use auction::checking::{BidChecker, Checked, verify_bids};
use auction::layout::Digest;
use auction::prices::Level;
use auction::receipts::Reason;
use in_memory::{Committee, Terms};
use rand::rngs::ChaCha20Rng;

/// What accumulator `k` says of submissions: why each is refused, if it is.
fn said(
    committee: &Committee,
    k: usize,
    submissions: Vec<Submission>,
    rng: &mut ChaCha20Rng,
) -> Vec<Result<(), Reason>> {
    let named: Vec<Digest> = submissions.iter().map(|submission| submission.bid.digest()).collect();
    let checker = BidChecker::new(Arc::clone(&committee.auction), k, rng);
    let Checked { verdicts, batch, .. } = checker.check(submissions, rng);
    let passed = named.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok());
    assert!(passed.map(|(bid, _)| *bid).eq(batch.bids().iter().map(|bid| bid.verified().digest())));
    verdicts
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
