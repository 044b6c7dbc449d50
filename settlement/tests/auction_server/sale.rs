//! A whole sale, and what each side gets of it.

use auction::money::Amount;
use auction::spec::EarlyClose;
use link::service::{Phase, Question};
use settlement::auctions::Attached;
use settlement::client::ClientError;
use settlement::goods::{GoodsKey, open, unwatched};
use settlement::judge::auction::{Case, DeliveryReceipts, judge};
use settlement::sealed_key::Purpose;
use settlement::service::auctions::{AuctionDeclined, DecisionView, Stage};

use crate::bank::id;
use crate::hall::{Hall, account, account_key, bidder, house, opening_of};

#[tokio::test(flavor = "multi_thread")]
async fn the_winner_pays_and_gets_the_goods_and_nobody_else_either() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let id_of = auction.id();
    for (i, level) in [(0, 2), (1, 5), (2, 1)] {
        hall.bid(&auction, i, level).await;
    }
    // One more bond, of which nobody makes a bid.
    let spec = auction.verified_spec().clone();
    let unused = hall.order(&spec, 3, 4);
    hall.client(&account_key(3)).bond(&spec, &unused).await.unwrap();
    assert_eq!(hall.has(&account_key(3)).await.1, 1_150);
    let anyone = hall.client(&bidder(9));
    assert_eq!(anyone.payment(id_of).await.unwrap().stage, Stage::Open);
    assert!(anyone.decision(id_of).await.unwrap().is_none());

    hall.closed(&auction).await;
    // It settles by itself.
    let decision = hall.settled(id_of).await;
    let DecisionView::Sale { winner, price, fee, .. } = decision else { panic!("{decision:?}") };
    assert_eq!((winner, price, fee), (bidder(1).public(), Amount(1_050), Amount(31)));
    hall.paid(Some(1), 1_050, &[0, 1, 2, 3]).await;
    assert_eq!(hall.auction_keys(), 0);

    // The winner, by either of his keys, opens the goods.
    for key in [bidder(1), account_key(1)] {
        let client = hall.client(&key);
        let receipt = client.decision(id_of).await.unwrap().unwrap();
        let attachment = receipt.proven().attachment.clone().unwrap();
        let Some(Attached::Sale(record)) = Attached::read_bytes(&attachment).unwrap() else {
            panic!("no sale");
        };
        let opened = record.key.open(&opening_of(&bidder(1)), Purpose::Delivery, &id_of);
        let key: GoodsKey = opened.unwrap();
        let mut encrypted = Vec::new();
        client.download(id_of, &hall.goods, 0, &mut encrypted, |_| {}).await.unwrap();
        let mut plaintext = Vec::new();
        open(encrypted.as_slice(), &mut plaintext, &key, &hall.goods, &mut unwatched).unwrap();
        assert_eq!(plaintext, hall.plaintext);
        for other in [bidder(0), account_key(1)] {
            let refused = record.key.open(&opening_of(&other), Purpose::Delivery, &id_of);
            assert!(refused.is_err());
        }
    }
    // Both sides get the same bytes; who is no side gets none.
    let theirs = hall.client(&hall.seller()).decision(id_of).await.unwrap().unwrap();
    let his = hall.client(&bidder(1)).decision(id_of).await.unwrap().unwrap();
    assert_eq!(theirs.receipt().entry, his.receipt().entry);
    assert!(hall.client(&house()).decision(id_of).await.unwrap().is_some());
    assert!(hall.client(&hall.bank.operator).decision(id_of).await.unwrap().is_some());
    for stranger in [bidder(0), account_key(0), bidder(9)] {
        let refused = hall.client(&stranger).decision(id_of).await;
        assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::NotYours))));
    }
    // A judge needs no more than files.
    let order = hall.client(&account_key(1)).status(account(&account_key(1)), id(51)).await;
    let order = order.unwrap().unwrap().receipt;
    let transcript = std::fs::read(hall.transcript_file(&id_of)).unwrap();
    let case = Case {
        charter: &hall.bank.charter,
        transcript: &transcript,
        decision: Some(his.receipt()),
        order: Some(order.receipt()),
        goods: Some(hall.goods),
        key_hash: Some(hall.key.hash()),
        delivery_secret: None,
        delivery: DeliveryReceipts::default(),
    };
    let judgement = judge(&case, &mut rand::rng());
    assert!(judgement.is_complete(), "{judgement:?}");

    let summary = hall.audited().await;
    assert_eq!((summary.auctions, summary.bonds, summary.sales), (1, 4, 1));
    assert!(summary.late.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bids_all_bonds_come_back_and_the_key_is_gone() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let spec = auction.verified_spec().clone();
    for i in 0..2 {
        let order = hall.order(&spec, i, 6);
        hall.client(&account_key(i)).bond(&spec, &order).await.unwrap();
    }
    hall.closed(&auction).await;
    assert!(matches!(hall.settled(auction.id()).await, DecisionView::NoSale { .. }));
    hall.paid(None, 0, &[0, 1]).await;
    assert_eq!(hall.auction_keys(), 0);
    // Everyone may see that nothing was sold; the goods stay shut.
    let receipt = hall.client(&bidder(9)).decision(auction.id()).await.unwrap().unwrap();
    let attachment = receipt.proven().attachment.clone().unwrap();
    assert!(matches!(Attached::read_bytes(&attachment), Ok(Some(Attached::NoSale(_)))));
    assert_eq!(hall.audited().await.no_sales, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_early_it_is_settled_at_the_sellers_word_before_closing() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    let id_of = auction.id();
    let word = hall.cluster.early_close(id_of);
    for k in 0..2 {
        hall.cluster.insist(k, &Question::Close(word)).await;
        hall.cluster.until(k, id_of, |state| state.phase == Phase::Done).await;
    }
    // Nobody has told the server, and it takes nobody else's word.
    let anyone = hall.client(&bidder(9));
    let stranger = EarlyClose::sign(id_of, &bidder(9));
    let refused = anyone.settle(id_of, Some(stranger)).await;
    assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::EarlyClose(_)))));
    assert_eq!(anyone.settle(id_of, None).await.unwrap().stage, Stage::Open);
    anyone.settle(id_of, Some(word)).await.unwrap();
    let decision = hall.settled(id_of).await;
    assert!(matches!(decision, DecisionView::Sale { winner, .. } if winner == bidder(1).public()));
    hall.paid(Some(1), 1_050, &[0, 1]).await;
    // No bond is taken after the decision.
    let spec = auction.verified_spec().clone();
    let order = hall.order(&spec, 2, 6);
    let refused = hall.client(&account_key(2)).bond(&spec, &order).await;
    assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::Closed))));
    assert_eq!(hall.audited().await.sales, 1);
}
