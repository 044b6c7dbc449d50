//! The server killed at any point between the outcome and the last release: started again, it
//! takes the step that was due, once.

use std::time::Duration;

use link::service::{Phase, Question};
use settlement::client::ClientError;
use settlement::service::auctions::{AuctionDeclined, DecisionView, Stage};

use crate::hall::{Hall, account_key, bidder};

/// Waits, without asking the server anything, until `come` is so or a while has passed.
async fn soon(come: impl Fn() -> bool) {
    for _ in 0..4_000 {
        if come() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_once_the_transcript_is_kept_and_once_the_sale_is_decided() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 2), (1, 5), (2, 3)] {
        hall.bid(&auction, i, level).await;
    }
    let id = auction.id();
    let file = hall.transcript_file(&id);
    hall.closed(&auction).await;
    soon(|| file.exists()).await;
    hall.kill();
    assert!(file.exists());
    // The accumulators are not needed any more.
    hall.cluster.kill(0);
    hall.cluster.kill(1);
    hall.restart().await;
    hall.until(id, |standing| matches!(standing.stage, Stage::Decided { .. })).await;
    hall.kill();
    hall.restart().await;
    let DecisionView::Sale { winner, .. } = hall.settled(id).await else { panic!("no sale") };
    assert_eq!(winner, bidder(1).public());
    hall.paid(Some(1), 1_100, &[0, 1, 2]).await;
    assert_eq!(hall.auction_keys(), 0);
    assert!(hall.client(&bidder(1)).decision(id).await.unwrap().is_some());
    assert_eq!(hall.audited().await.sales, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 4), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    hall.kill();
    hall.closed(&auction).await;
    // From before it has looked up to well after all is done.
    for step in 0..12u64 {
        hall.restart().await;
        tokio::time::sleep(Duration::from_millis(step * step * 12)).await;
        hall.kill();
    }
    hall.restart().await;
    assert!(matches!(hall.settled(auction.id()).await, DecisionView::Sale { .. }));
    hall.paid(Some(1), 1_150, &[0, 1]).await;
    let summary = hall.audited().await;
    assert_eq!((summary.sales, summary.bonds), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_it_heard_the_sellers_word_it_still_knows_it() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    let id = auction.id();
    let word = hall.cluster.early_close(id);
    for k in 0..2 {
        hall.cluster.insist(k, &Question::Close(word)).await;
        hall.cluster.until(k, id, |state| state.phase == Phase::Done).await;
        hall.cluster.kill(k);
    }
    // Taken, while nothing can be decided yet.
    let standing = hall.client(&bidder(9)).settle(id, Some(word)).await.unwrap();
    assert!(matches!(standing.stage, Stage::Settling { .. }), "{standing:?}");
    hall.kill();
    for k in 0..2 {
        hall.cluster.start(k).await;
    }
    hall.restart().await;
    // Nobody says it again, and no bond is taken meanwhile.
    let spec = auction.verified_spec().clone();
    let order = hall.order(&spec, 2, 6);
    let refused = hall.client(&account_key(2)).bond(&spec, &order).await;
    assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::Closed))), "{refused:?}");
    assert!(matches!(hall.settled(id).await, DecisionView::Sale { .. }));
    hall.paid(Some(1), 1_050, &[0, 1, 2]).await;
    assert_eq!(std::fs::read_dir(hall.bank.dir.join("closed-early")).unwrap().count(), 0);
    assert_eq!(hall.audited().await.sales, 1);
}
