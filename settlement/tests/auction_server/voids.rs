//! No transcript by V.

use settlement::service::auctions::{DecisionView, Stage};

use crate::cluster::{CLOSING, LAST};
use crate::hall::{Hall, T, V};
use auction::spec::Time;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_transcript_by_v_the_auction_is_void() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    hall.bid(&auction, 0, 2).await;
    hall.bid(&auction, 1, 5).await;
    hall.cluster.kill(0);
    hall.cluster.kill(1);
    hall.at(CLOSING);
    let why = |stage: &Stage| matches!(stage, Stage::Settling { because: Some(_) });
    hall.until(auction.id(), |standing| why(&standing.stage)).await;
    hall.at(LAST);
    hall.at(Time(V.0 - 1));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let standing = hall.client(&hall.seller()).payment(auction.id()).await.unwrap();
    assert!(matches!(standing.stage, Stage::Settling { .. }), "{standing:?}");
    hall.at(V);
    assert_eq!(hall.settled(auction.id()).await, DecisionView::Void);
    hall.paid(None, 0, &[0, 1]).await;
    assert_eq!(hall.auction_keys(), 0);
    let summary = hall.audited().await;
    assert_eq!((summary.voids, summary.sales), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_across_v_and_t_voids_and_nobody_has_lost() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    hall.bid(&auction, 0, 2).await;
    hall.bid(&auction, 1, 5).await;
    hall.kill();
    hall.closed(&auction).await;
    hall.at(T);
    hall.restart().await;
    assert_eq!(hall.settled(auction.id()).await, DecisionView::Void);
    hall.paid(None, 0, &[0, 1]).await;
    assert_eq!(hall.audited().await.voids, 1);
}
