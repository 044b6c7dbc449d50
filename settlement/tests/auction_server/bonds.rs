//! Tickets: one bond a key, whoever comes at once, and what is refused.

use std::sync::Arc;

use auction::layout::Digest;
use settlement::client::ClientError;
use settlement::ledger::{AccountId, Action, Code, Movement, Sum};
use settlement::service::Declined;
use settlement::service::auctions::AuctionDeclined;

use crate::bank::eur;
use crate::cluster::CLOSING;
use crate::hall::{Hall, T, account, account_key, bidder};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_orders_at_once_one_bonds_the_key() {
    let mut hall = Hall::built().await;
    let auction = hall.announced().await;
    let spec = Arc::new(auction.verified_spec().clone());
    let mut tasks = Vec::new();
    for i in 0..6u8 {
        let order = hall.order_of(&spec, &account_key(i), &bidder(0), 6, 70);
        for _ in 0..2 {
            let (client, spec, order) = (hall.client(&account_key(i)), spec.clone(), order.clone());
            let ask = async move { (i, client.bond(&spec, &order).await) };
            tasks.push(tokio::spawn(ask));
        }
    }
    let mut bonded = Vec::new();
    let mut tickets = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (i, Ok(ticket)) => {
                bonded.push(i);
                tickets.push(ticket);
            }
            (_, Err(ClientError::Auction(AuctionDeclined::Bonded))) => {}
            (_, Err(error)) => panic!("{error}"),
        }
    }
    // The two askers of one account, and one ticket.
    assert_eq!(bonded.len(), 2, "{bonded:?}");
    assert_eq!(bonded[0], bonded[1]);
    assert_eq!(tickets[0], tickets[1]);
    for i in 0..6u8 {
        let held = if i == bonded[0] { 1_250 } else { 0 };
        assert_eq!(hall.has(&account_key(i)).await.1, held);
    }
    // Again after a kill, the same.
    hall.kill();
    hall.restart().await;
    let order = hall.order_of(&spec, &account_key(bonded[0]), &bidder(0), 6, 70);
    let again = hall.client(&bidder(9)).bond(&spec, &order).await.unwrap();
    assert_eq!(again, tickets[0]);
    assert_eq!(hall.audited().await.bonds, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_funds_before_the_escrow_or_after_closing_there_is_no_ticket() {
    let mut hall = Hall::built().await;
    // An auction of which the server knows nothing.
    let signed = hall.spec().sign(&hall.cluster.seller);
    let forged = auction::settlement_terms::EscrowReceipt::sign(
        &signed.claimed_id(),
        &settlement::server::load_key(&hall.bank.dir, settlement::server::SERVER_KEY_FILE).unwrap(),
    );
    let unknown = signed.with_escrow(forged).verify().unwrap();
    let order = hall.order(&unknown, 0, 6);
    let refused = hall.client(&account_key(0)).bond(&unknown, &order).await;
    assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::Unknown))));

    let auction = hall.announced().await;
    let spec = auction.verified_spec().clone();
    // Person 0 gives nearly all away.
    let movement = Movement {
        debit: account(&account_key(0)),
        credit: account(&account_key(1)),
        amount: Sum::new(crate::hall::RICH - 1_000).unwrap(),
        reference: Digest::default(),
    };
    let away = hall.sign(&account_key(0), 5, T, Action::Post(movement));
    assert!(hall.client(&account_key(0)).submit(&[away]).await.unwrap().is_done());
    let order = hall.order(&spec, 0, 6);
    let refused = hall.client(&account_key(0)).bond(&spec, &order).await;
    let short = AuctionDeclined::Refused(Code::InsufficientFunds);
    assert!(matches!(refused, Err(ClientError::Auction(reason)) if reason == short));

    // Past an order nothing goes into the escrow account.
    let stray = Movement { credit: AccountId::of_escrow(&auction.id(), eur()), ..movement };
    let stray = Movement { debit: account(&account_key(2)), ..stray };
    for (number, action) in
        [(6, Action::Post(stray)), (7, Action::Hold { movement: stray, timeout: T })]
    {
        let signed = hall.sign(&account_key(2), number, CLOSING, action);
        let refused = hall.client(&account_key(2)).submit(&[signed]).await;
        assert!(matches!(refused, Err(ClientError::Declined(Declined::Stray))), "{refused:?}");
    }
    let order = hall.order(&spec, 1, 6);
    hall.at(CLOSING);
    let refused = hall.client(&account_key(1)).bond(&spec, &order).await;
    assert!(matches!(refused, Err(ClientError::Auction(AuctionDeclined::Closed))));
    assert_eq!(hall.has(&account_key(1)).await.1, 0);
}
