//! Accumulators that hold different bids at closing: what counts is what the receipts say.
//! PROTOCOL section 4.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use auction::receipts::Reason;
use auction::spec::Rule;
use link::service::{Answer, Declined, Phase, Question};
use tests::committee::Committee;
use tests::needles::copy;
use tests::sale::{Bid, Sale};

/// Waits until an accumulator, just started, takes bids and holds that many.
async fn holds(sale: &Sale, k: usize, bids: u32) {
    sale.until(k, "bids", |state| state.phase == Phase::Open && state.bids == bids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accumulator_that_was_down_leaves_out_no_bid_that_counts() {
    for rule in [Rule::FirstPrice, Rule::SecondPrice] {
        let mut committee = Committee::started(3);
        let sale = committee.announce(committee.terms(rule, 64)).await;
        let whole = sale.place(20).await;
        // All receipts there are, left with one accumulator alone: the others lack the flag.
        let left_with_one = Bid::seal(&sale.auction, 41);
        let receipts = sale.receipts(&left_with_one).await;
        sale.leave(1, &receipts).await;
        // All have given a receipt and nobody was left them: on every list all the same.
        let left_with_none = Bid::seal(&sale.auction, 38);
        sale.receipts(&left_with_none).await;

        committee.accumulators[2].kill();
        // The highest of all, and one accumulator has not heard of it: it does not count.
        let partial = Bid::seal(&sale.auction, 64);
        let mut some = vec![sale.receipt(0, &partial).await, sale.receipt(1, &partial).await];
        // Nor does claiming more receipts than there are make it count.
        some.push(Bid::seal(&sale.auction, 64).claimed(&sale, 2));
        let answer = sale.ask(0, &Question::LeaveReceipts(sale.id(), some.clone())).await;
        assert!(matches!(answer, Answer::Declined(Declined::Wrong(_))), "{answer:?}");
        // Half sent while the accumulator is down, the rest when it is up again.
        let late = Bid::seal(&sale.auction, 41);
        for k in 0..2 {
            sale.receipt(k, &late).await;
        }
        committee.accumulators[2].start();
        holds(&sale, 2, 3).await;
        let receipts = sale.receipts(&late).await;
        sale.leave(0, &receipts).await;

        // Down again at closing, which it hears of from the others.
        committee.accumulators[2].kill();
        committee.close(&sale, 1).await;
        for k in 0..2 {
            let waits = |phase: &Phase| match phase {
                Phase::Closed { round: 0, waiting_for, .. } => *waiting_for == [2],
                _ => false,
            };
            sale.until(k, "a list", |state| waits(&state.phase)).await;
        }
        committee.accumulators[2].start();
        sale.check_honest_outcome(&[&whole, &left_with_one, &left_with_none, &late]).await;
        // It had no receipt, and after closing there is none to be had.
        let reason = match sale.submit(2, &partial).await {
            Answer::Refused(refusal) => Some(refusal.reason),
            _ => None,
        };
        assert!(matches!(reason, None | Some(Reason::Closed)), "{reason:?}");
    }
}

trait Claimed {
    fn claimed(&self, sale: &Sale, k: u8) -> auction::receipts::Receipt;
}

impl Claimed for Bid {
    /// A receipt for this bid that its bidder signed himself.
    fn claimed(&self, sale: &Sale, k: u8) -> auction::receipts::Receipt {
        auction::receipts::Receipt::sign(sale.auction.context(), self.digest(), k, &self.key)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_restored_from_a_backup_never_makes_a_false_outcome() {
    let mut committee = Committee::started(3);
    let sale = committee.announce(committee.terms(Rule::FirstPrice, 16)).await;
    sale.place(3).await;
    let (dir, backup) = (committee.dirs()[2].clone(), committee.folder().join("backup"));
    committee.accumulators[2].kill();
    copy(&dir, &backup);
    committee.accumulators[2].start();
    let forgotten = sale.place(9).await;
    committee.accumulators[2].kill();
    std::fs::remove_dir_all(&dir).unwrap();
    copy(&backup, &dir);
    committee.accumulators[2].start();
    holds(&sale, 2, 1).await;
    committee.close(&sale, 0).await;
    // The receipts of the bid that it forgot are shown, and convict it. Without its share of that
    // bid it says nothing more, and without it nobody says an outcome.
    let omission = format!("accumulator 2 receipted bid {} and left it out", forgotten.digest());
    for k in 0..2 {
        let held = |phase: &Phase| match phase {
            Phase::Closed { step, waiting_for, .. } => step == "show" && *waiting_for == [2],
            _ => false,
        };
        let state = sale.until(k, "a round that lacks", |state| held(&state.phase)).await;
        assert_eq!((state.findings, state.outcome), (vec![omission.clone()], None));
    }
    let stopped = |phase: &Phase| match phase {
        Phase::Stopped(reason) => reason.contains(&forgotten.digest().to_string()),
        _ => false,
    };
    let state = sale.until(2, "stopped", |state| stopped(&state.phase)).await;
    assert_eq!(state.outcome, None);
}
