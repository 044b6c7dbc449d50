//! How many auctions and goods a server takes, of one seller and of all.

use std::io::Cursor;

use auction::keys::SecretKey;
use settlement::client::ClientError;
use settlement::service::auctions::{AuctionDeclined, DecisionView};

use crate::hall::{Hall, account_key};

/// Deposits an auction of this seller.
async fn deposit(hall: &Hall, seller: &SecretKey) -> Result<(), AuctionDeclined> {
    let mut spec = hall.spec();
    spec.seller = seller.public();
    let mut goods = Cursor::new(&hall.encrypted);
    let signed = spec.sign(seller);
    match hall.client(seller).escrow(&signed, &mut goods, &hall.key, |_| {}).await {
        Ok(_) => Ok(()),
        Err(ClientError::Auction(declined)) => Err(declined),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_with_as_many_auctions_as_he_may_have_waits_for_a_decision() {
    let more = "max_open_auctions_of_seller = 1\nmax_open_auctions = 2\n";
    let mut hall = Hall::built_with(more).await;
    let auction = hall.announced().await;
    let seller = hall.seller();
    assert_eq!(deposit(&hall, &seller).await, Err(AuctionDeclined::AuctionsOfSeller(1)));
    assert_eq!(deposit(&hall, &account_key(1)).await, Ok(()));
    assert_eq!(deposit(&hall, &account_key(2)).await, Err(AuctionDeclined::AuctionsOfAll(2)));
    // What is taken already is taken again.
    assert!(hall.escrow(&auction.verified_spec().signed().clone()).await.is_ok());
    hall.kill();
    hall.restart().await;
    assert_eq!(deposit(&hall, &seller).await, Err(AuctionDeclined::AuctionsOfSeller(1)));
    let word = hall.cluster.early_close(auction.id());
    for k in 0..2 {
        hall.cluster.insist(k, &link::service::Question::Close(word)).await;
    }
    hall.client(&seller).settle(auction.id(), Some(word)).await.unwrap();
    assert!(matches!(hall.settled(auction.id()).await, DecisionView::NoSale { .. }));
    assert_eq!(deposit(&hall, &seller).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_have_so_much_room_and_no_more() {
    // Goods have 0.7 MB.
    let more = "max_goods_of_seller_mib = 1\nmax_goods_in_all_mib = 2\n";
    let hall = Hall::built_with(more).await;
    let bytes = hall.goods.bytes;
    let (first, second, third) = (account_key(0), account_key(1), account_key(2));
    assert_eq!(deposit(&hall, &first).await, Ok(()));
    let refused = AuctionDeclined::GoodsOfSeller { got: 2 * bytes, most: 1 << 20 };
    assert_eq!(deposit(&hall, &first).await, Err(refused));
    assert_eq!(deposit(&hall, &second).await, Ok(()));
    let refused = AuctionDeclined::GoodsOfAll { got: 3 * bytes, most: 2 << 20 };
    assert_eq!(deposit(&hall, &third).await, Err(refused));
}
