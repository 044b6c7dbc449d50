//! Auctions that have ended cost little, and say what they said before.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::time::Duration;

use auction::spec::{Rule, Time};
use cluster::{CLOSING, Cluster, LAST, eventually};
use link::service::{Answer, Declined, Phase, Question};

#[tokio::test(flavor = "multi_thread")]
async fn a_done_auction_is_served_from_the_disk() {
    let mut cluster = Cluster::started(2).await;
    let auction = cluster.open_auction(Rule::SecondPrice, 16).await;
    let id = auction.id();
    let levels = [3, 9, 4];
    let bids = cluster.place_all(&auction, &levels).await;
    cluster.set_clock(CLOSING);
    cluster.check_outcome(&auction, &bids, &levels).await;
    for _ in 0..2 {
        for k in 0..2 {
            // Bids get a signed refusal until the auction is buried.
            eventually(async || {
                cluster.submit(k, &bids[0], id).await == Answer::Declined(Declined::Finished)
            })
            .await;
            assert_eq!(cluster.auction(k, id).await.context(), auction.context());
            let receipts = Question::LeaveReceipts(id, Vec::new());
            let answer = cluster.ask(k, &receipts).await;
            assert!(matches!(answer, Answer::Declined(Declined::NotNow(_))), "{answer:?}");
        }
        cluster.check_outcome(&auction, &bids, &levels).await;
        cluster.kill(0);
        cluster.start(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_that_not_all_join_is_void_in_time_and_forgotten_in_the_end() {
    let mut cluster = Cluster::new(2);
    cluster.append_config(0, "max_joining_minutes = 1");
    cluster.start(0).await;
    let signed = cluster.sign(cluster.spec(Rule::SecondPrice, 16));
    let (id, announce) = (signed.claimed_id(), Question::Announce(Box::new(signed)));
    assert!(matches!(cluster.ask(0, &announce).await, Answer::Auction { .. }));
    // The node counts its minute from when it begins to wait, which may be after its answer.
    let mut now = Time(1_000);
    while cluster.state(0, id).await.phase != Phase::Void {
        now = Time(now.0 + 62_000);
        assert!(now < CLOSING, "not even void when bids should end");
        cluster.set_clock(now);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Past the time in which fellows are told.
    cluster.set_clock(Time(CLOSING.0 + 200_000));
    cluster.kill(0);
    cluster.start(0).await;
    cluster.until(0, id, |state| state.phase == Phase::Void).await;
    assert_eq!(cluster.ask(0, &announce).await, Answer::Declined(Declined::Finished));
    let auction = Question::Auction(id);
    eventually(async || cluster.ask(0, &auction).await == Answer::Declined(Declined::Finished))
        .await;
    cluster.kill(0);
    cluster.set_clock(Time(LAST.0 + 25 * 3600 * 1000));
    cluster.start(0).await;
    let state = Question::State(id);
    eventually(async || cluster.ask(0, &state).await == Answer::Declined(Declined::UnknownAuction))
        .await;
    assert!(matches!(cluster.ask(0, &announce).await, Answer::Declined(Declined::NotNow(_))));
}
