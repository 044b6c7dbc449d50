//! Whole auctions between nodes, against an auction in the clear.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use auction::spec::Rule;
use cluster::{CLOSING, Cluster};

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_closes_by_the_clock_and_all_agree() {
    let cluster = Cluster::started(3).await;
    for (rule, levels) in [
        (Rule::SecondPrice, &[3, 9, 14, 2, 11, 14, 7, 1, 16, 5][..]),
        (Rule::FirstPrice, &[4, 12, 12, 6]),
        (Rule::SecondPrice, &[]),
    ] {
        cluster.set_clock(auction::spec::Time(1_000));
        let auction = cluster.open_auction(rule, 16).await;
        let bids = cluster.place_all(&auction, levels).await;
        cluster.set_clock(CLOSING);
        cluster.check_outcome(&auction, &bids, levels).await;
        let state = cluster.state(0, auction.id()).await;
        assert_eq!(state.findings, Vec::<String>::new());
        let names: Vec<_> = state.phases.iter().map(|report| report.phase.as_str()).collect();
        let expected: &[&str] = match levels.len() {
            0 => &["bids", "set", "price", "outcome"],
            _ => &["bids", "set", "price", "winner", "outcome"],
        };
        assert_eq!(names, expected);
        assert!(state.phases.iter().skip(1).all(|report| report.bytes > 0), "{state:?}");
    }
}
