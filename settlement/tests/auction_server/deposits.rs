//! Goods and key on their way into escrow.

use std::io::Cursor;

use auction::keys::SecretKey;
use auction::settlement_terms::{Delivery, Goods};
use auction::spec::Spec;
use settlement::client::{Client, ClientError};
use settlement::goods::GoodsKey;
use settlement::service::auctions::{AuctionDeclined, AuctionQuestion, KeyInTransit, PIECE_BYTES};
use settlement::service::{Answer, Question};

use crate::cluster::CLOSING;
use crate::hall::{Hall, account_key, bidder};
use crate::liar::ask;

fn reason(error: ClientError) -> AuctionDeclined {
    match error {
        ClientError::Auction(reason) => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_goes_on_after_a_kill_and_is_taken_once() {
    let mut hall = Hall::built().await;
    let signed = hall.spec().sign(&hall.cluster.seller);
    let auction = signed.claimed_id();
    // The first piece, by hand, and a kill.
    let client = hall.client(&hall.seller());
    let mut first = Cursor::new(&hall.encrypted[..PIECE_BYTES]);
    // Its end comes too early: the key does not help.
    let error = client.escrow(&signed, &mut first, &hall.key, |_| {}).await.unwrap_err();
    assert!(matches!(reason(error), AuctionDeclined::Goods(_)));
    hall.kill();
    hall.restart().await;
    let mut had = Vec::new();
    let client = hall.client(&hall.seller());
    let mut goods = Cursor::new(&hall.encrypted);
    let receipt = client.escrow(&signed, &mut goods, &hall.key, |have| had.push(have)).await;
    let receipt = receipt.unwrap();
    assert_eq!(had[0], PIECE_BYTES as u64);
    assert_eq!(*had.last().unwrap(), hall.goods.bytes);
    receipt.verify(&auction, &hall.bank.charter.server()).unwrap();
    // Again: the same receipt, at once, also after another kill.
    assert_eq!(hall.escrow(&signed).await.unwrap(), receipt);
    hall.kill();
    hall.restart().await;
    assert_eq!(hall.escrow(&signed).await.unwrap(), receipt);
    assert_eq!(hall.auction_keys(), 1);
    // Everyone may fetch the goods.
    let mut back = Vec::new();
    let anyone = hall.client(&bidder(9));
    anyone.download(auction, &hall.goods, 0, &mut back, |_| {}).await.unwrap();
    assert_eq!(back, hall.encrypted);
    assert_eq!(hall.audited().await.auctions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_specs_is_not_taken() {
    let mut hall = Hall::built().await;
    let signed = hall.spec().sign(&hall.cluster.seller);
    // Another than the seller.
    let stranger: Client = hall.client(&account_key(0));
    let mut goods = Cursor::new(&hall.encrypted);
    let error = stranger.escrow(&signed, &mut goods, &hall.key, |_| {}).await.unwrap_err();
    assert_eq!(reason(error), AuctionDeclined::SellerOnly);
    // Another key; then goods with one wrong byte, of which nothing stays.
    let seller = hall.client(&hall.seller());
    let other = GoodsKey::generate(&mut rand::rng());
    let error = seller.escrow(&signed, &mut goods, &other, |_| {}).await.unwrap_err();
    assert!(matches!(reason(error), AuctionDeclined::Goods(_)));
    let signed = hall.spec().sign(&hall.cluster.seller);
    let mut altered = hall.encrypted.clone();
    altered[400_000] ^= 1;
    let mut altered = Cursor::new(altered);
    let error = seller.escrow(&signed, &mut altered, &hall.key, |_| {}).await.unwrap_err();
    assert!(matches!(reason(error), AuctionDeclined::Goods(_)));
    assert!(hall.escrow(&signed).await.is_ok());

    // Too long for this server, an account that is not there, a closing that is past.
    let with = |change: &dyn Fn(&mut Spec)| {
        let mut spec = hall.spec();
        change(&mut spec);
        spec.sign(&hall.cluster.seller)
    };
    let long = with(&|spec| {
        let goods = Goods { bytes: (1 << 30) + 1, ..hall.goods };
        spec.settlement.as_mut().unwrap().delivery = Delivery::Digital(goods);
    });
    let error = hall.escrow(&long).await.unwrap_err();
    assert!(matches!(reason(error), AuctionDeclined::GoodsTooLong { .. }));
    let nobody = with(&|spec| {
        let fee = spec.settlement.as_mut().unwrap().fee.as_mut().unwrap();
        fee.house = bidder(9).public();
    });
    assert!(matches!(reason(hall.escrow(&nobody).await.unwrap_err()), AuctionDeclined::Spec(_)));
    let late = with(&|_| {});
    hall.at(CLOSING);
    assert!(matches!(reason(hall.escrow(&late).await.unwrap_err()), AuctionDeclined::Spec(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_out_of_place_change_nothing() {
    let hall = Hall::built().await;
    let signed = hall.spec().sign(&hall.cluster.seller);
    let auction = signed.claimed_id();
    let open = hall.open.as_ref().unwrap();
    let ask_as = async |key: SecretKey, question: AuctionQuestion| {
        ask(open, &key, &Question::Auction(Box::new(question))).await
    };
    let ask = async |question: AuctionQuestion| ask_as(hall.seller(), question).await;
    let piece = |offset: u64, bytes: Vec<u8>| AuctionQuestion::Piece { auction, offset, bytes };
    let shown = |answer: Answer| format!("{answer:?}");
    // Before the spec was shown.
    assert!(shown(ask(piece(0, vec![1])).await).contains("NoDeposit"));
    assert!(shown(ask(AuctionQuestion::Deposit(Box::new(signed))).await).contains("Have(0)"));
    assert!(shown(ask(piece(0, vec![1; 10])).await).contains("Have(10)"));
    assert!(shown(ask(piece(0, vec![2; 20])).await).contains("Have(10)"));
    assert!(shown(ask(piece(30, vec![2; 20])).await).contains("Have(10)"));
    assert!(shown(ask(piece(10, vec![0; PIECE_BYTES + 1])).await).contains("Piece"));
    assert!(shown(ask(piece(hall.goods.bytes, vec![1])).await).contains("Piece"));
    assert!(shown(ask(piece(u64::MAX, vec![1])).await).contains("Piece"));
    assert!(shown(ask(piece(10, vec![3; 5])).await).contains("Have(15)"));
    // Nobody else adds to it, or ends it.
    let key = || AuctionQuestion::Escrow(auction, KeyInTransit::from(&hall.key));
    for question in [piece(15, vec![4; 5]), key()] {
        assert!(shown(ask_as(bidder(0), question).await).contains("SellerOnly"));
    }
    assert!(shown(ask(key()).await).contains("Goods("));
}
