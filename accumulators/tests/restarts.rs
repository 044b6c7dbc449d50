//! Nodes killed in every phase: what was promised stays, and the outcome is the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::time::Duration;

use accumulators::{Node, NodeError};
use auction::receipts::Reason;
use auction::spec::Rule;
use auction::wire::encode;
use cluster::{CLOSING, Cluster, holds};
use link::service::{Answer, Declined, Phase, Question};

const LEVELS: [u32; 5] = [3, 9, 14, 2, 11];

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_joining() {
    let mut cluster = Cluster::new(3);
    cluster.start(0).await;
    cluster.start(1).await;
    let spec = cluster.sign(cluster.spec(Rule::SecondPrice, 16));
    let id = spec.claimed_id();
    let Answer::Auction { joins, .. } =
        cluster.ask(0, &Question::Announce(Box::new(spec.clone()))).await
    else {
        panic!("not joined");
    };
    cluster.until(0, id, |state| state.phase == Phase::Joining(vec![2])).await;
    cluster.kill(0);
    cluster.start(0).await;
    cluster.start(2).await;
    let auction = cluster.announce(&spec).await;
    // A node joins once.
    assert_eq!(auction.joins()[0], joins[0]);
    let bids = cluster.place_all(&auction, &LEVELS).await;
    cluster.set_clock(CLOSING);
    cluster.check_outcome(&auction, &bids, &LEVELS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_right_after_a_receipt() {
    let mut cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::FirstPrice, 16).await;
    let id = auction.id();
    let (bid, alone) = (cluster.seal(&auction, 7), cluster.seal(&auction, 9));
    let Answer::Accepted(receipt) = cluster.submit(0, &bid, id).await else { panic!("refused") };
    cluster.kill(0);
    cluster.start(0).await;
    cluster.until(0, id, |state| state.phase == Phase::Open && state.bids == 1).await;
    // The same bid gets the same receipt, another of the same key none.
    assert_eq!(cluster.submit(0, &bid, id).await, Answer::Accepted(receipt));
    let second =
        cluster.seal_with(&auction, 8, auction::keys::SecretKey::from_seed(bid.key.seed()));
    let Answer::Refused(refusal) = cluster.submit(0, &second, id).await else { panic!("taken") };
    assert_eq!(refusal.reason, Reason::SecondBid(bid.digest()));
    cluster.place(&auction, &bid).await;
    // Receipts left are kept too: the bid counts though the other node forgets to list it.
    cluster.kill(0);
    cluster.start(0).await;
    assert!(matches!(cluster.submit(0, &alone, id).await, Answer::Accepted(_)));
    cluster.set_clock(CLOSING);
    // The bid that one accumulator alone holds does not count.
    cluster.check_outcome(&auction, &[bid], &[7]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_closing_and_when_done() {
    let mut cluster = Cluster::started(3).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let id = auction.id();
    let bids = cluster.place_all(&auction, &LEVELS).await;
    cluster.kill(2);
    cluster.set_clock(CLOSING);
    for k in 0..2 {
        let waiting = |phase: &Phase| match phase {
            Phase::Closed { round: 0, waiting_for, .. } => *waiting_for == [2],
            _ => false,
        };
        cluster.until(k, id, |state| waiting(&state.phase)).await;
    }
    cluster.kill(0);
    cluster.kill(1);
    for k in 0..3 {
        cluster.start(k).await;
    }
    cluster.check_outcome(&auction, &bids, &LEVELS).await;
    let before = cluster.state(1, id).await;
    cluster.kill(1);
    cluster.start(1).await;
    let after = cluster.until(1, id, |state| state.phase == Phase::Done).await;
    assert_eq!(after, before);
    cluster.check_outcome(&auction, &bids, &LEVELS).await;
    // Joined once, for ever.
    let signed = auction.verified_spec().signed().clone();
    let again = cluster.ask(1, &Question::Announce(Box::new(signed))).await;
    assert_eq!(again, Answer::Declined(Declined::Finished));
    let late = cluster.submit(1, &bids[0], id).await;
    assert_eq!(late, Answer::Declined(Declined::Finished));
    // The storage key is gone, and nothing that it sealed is found any more.
    cluster.kill(1);
    assert_eq!(std::fs::read_dir(cluster.dir(1).join("keys")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_during_the_rounds() {
    let mut cluster = Cluster::started(3).await;
    for (i, rule) in
        [Rule::SecondPrice, Rule::FirstPrice, Rule::SecondPrice].into_iter().enumerate()
    {
        cluster.set_clock(auction::spec::Time(1_000));
        let auction = cluster.open_auction(rule, 16).await;
        let bids = cluster.place_all(&auction, &LEVELS).await;
        cluster.set_clock(CLOSING);
        for kill in 0..6 {
            tokio::time::sleep(Duration::from_millis(7 + 5 * (kill + i as u64))).await;
            let k = (kill as usize + i) % 3;
            cluster.kill(k);
            cluster.start(k).await;
        }
        cluster.check_outcome(&auction, &bids, &LEVELS).await;
        for k in 0..3 {
            // Nobody said two things, left a bid out, or was thought to.
            let state = cluster.state(k, auction.id()).await;
            assert_eq!(state.findings, Vec::<String>::new());
        }
    }
}

/// A node that cannot go on after a restart, and is mended in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_trouble_of_its_own_goes_on_once_it_is_mended() {
    let mut cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let (id, bids) = (auction.id(), cluster.place_all(&auction, &LEVELS).await);
    // It closes alone, and waits for the other.
    cluster.kill(1);
    cluster.set_clock(CLOSING);
    cluster.until(0, id, |state| matches!(state.phase, Phase::Closed { .. })).await;
    cluster.kill(0);
    let keys = cluster.dir(0).join("keys");
    let key = std::fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    let aside = cluster.dir(0).join("aside");
    std::fs::rename(&key, &aside).unwrap();
    cluster.start(0).await;
    cluster.until(0, id, |state| matches!(state.phase, Phase::Stopped(_))).await;
    // The other closes too, and is not told that its list is not needed any more.
    cluster.start(1).await;
    cluster.until(1, id, |state| matches!(state.phase, Phase::Closed { .. })).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    cluster.kill(0);
    std::fs::rename(&aside, &key).unwrap();
    cluster.start(0).await;
    cluster.check_outcome(&auction, &bids, &LEVELS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_served_once_and_given_back_at_shutdown() {
    let mut cluster = Cluster::started(2).await;
    let error = Node::open(&cluster.dir(0)).err().unwrap();
    assert!(matches!(error, NodeError::InUse(_)), "{error}");
    let auction = cluster.open_auction(Rule::FirstPrice, 4).await;
    let bids = cluster.place_all(&auction, &[2]).await;
    cluster.stop(0).await;
    cluster.start(0).await;
    cluster.set_clock(CLOSING);
    cluster.check_outcome(&auction, &bids, &[2]).await;
    // The sealed bid itself is public.
    let public = encode(&bids[0].submissions[0].bid).unwrap();
    cluster.kill(0);
    assert!(holds(&cluster.dir(0).join("transcripts"), &public));
}
