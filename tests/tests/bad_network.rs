//! A whole payment over a network that loses, doubles, delays, reorders, replays and alters
//! datagrams: deposits, payments and withdrawals, escrow, bonds, bids, the transcript that the
//! server fetches, settling, receipt and goods. Each has its effect once, and nothing else has any.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use auction::layout::Digest;
use rand::rngs::StdRng;
use settlement::auctions::Attached;
use settlement::goods::{GoodsKey, open, unwatched};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Code, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::service::auctions::DecisionView;
use tests::market::{Market, eur};
use tests::seeds::seeded;

const PROGRAM: &str = env!("CARGO_BIN_EXE_settlement_server");

/// For the whole payment, which takes some seconds: what hangs fails.
const WHOLE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_over_a_bad_network_is_made_once_and_whole() {
    let mut rng = seeded("a_payment_over_a_bad_network_is_made_once_and_whole");
    tokio::time::timeout(WHOLE, pay(&mut rng)).await.unwrap();
}

async fn pay(rng: &mut StdRng) {
    let mut market = Market::open_behind(PROGRAM, 3, Some(rng)).await;
    there_and_back(&market).await;
    market.announce().await;
    for (bidder, level) in [(0, 3), (1, 9), (2, 2)] {
        market.bid(bidder, level).await;
    }
    market.close().await;
    let decision = market.settled(Some(market.word())).await;
    let winner = market.auction_key(1);
    assert!(matches!(decision, DecisionView::Sale { winner: who, .. } if who == winner.public()));
    collect(&market, &OpeningKey::derive(winner.seed(), Purpose::Delivery)).await;
    market.check_paid(Some((1, 3))).await;
    for network in market.networks() {
        assert!(network.mishaps().least() > 0, "{:?}", network.mishaps());
    }
    market.check_audit(1, 0);
}

/// Bidder 2 pays bidder 0 and gets it back; and takes money out, which comes in again.
async fn there_and_back(market: &Market) {
    let charter = market.server.charter_file().charter;
    let account = |bidder| AccountId::of_owner(&market.account_key(bidder).public(), eur());
    let amount = Sum::new(500).unwrap();
    let until = market.held_until();
    let sign = |by: usize, number: u128, action| {
        let request = Request { id: RequestId::new(number).unwrap(), until, action };
        SignedRequest::sign(&request, &Signer::new(&market.account_key(by)), &charter)
    };
    let reference = Digest::default();
    let pay = |from, to| {
        let (debit, credit) = (account(from), account(to));
        Action::Post(Movement { debit, credit, amount, reference })
    };
    let out = Action::Withdraw { account: account(2), amount, reference };
    let out = sign(2, 12, out);
    let out = out.countersign(&Signer::new(&market.server.operator()), &charter);
    for (bidder, request) in [(2, sign(2, 10, pay(2, 0))), (0, sign(0, 11, pay(0, 2))), (2, out)] {
        let client = market.client(&market.account_key(bidder));
        let decided = client.submit(std::slice::from_ref(&request)).await.unwrap();
        assert_eq!(decided.results[0].code, Code::Done);
        // The receipt proves it, whatever the network did to the answer.
        let status = client.status(account(bidder), request.request().id).await.unwrap();
        assert_eq!(status.unwrap().receipt.proven().requests, [request]);
    }
    market.deposit(20, market.account_key(2).public(), 500).await;
}

/// The winner opens what he has bought.
async fn collect(market: &Market, opening: &OpeningKey) {
    let (client, id) = (market.client(&market.auction_key(1)), market.id());
    let receipt = client.decision(id).await.unwrap().unwrap();
    let attachment = receipt.proven().attachment.clone().unwrap();
    let Some(Attached::Sale(record)) = Attached::read_bytes(&attachment).unwrap() else {
        panic!("no sale")
    };
    let key: GoodsKey = record.key.open(opening, Purpose::Delivery, &id).unwrap();
    let (expected, mut encrypted) = (market.goods(), Vec::new());
    client.download(id, &expected, 0, &mut encrypted, |_| {}).await.unwrap();
    assert_eq!(encrypted, market.encrypted);
    let mut plaintext = Vec::new();
    open(encrypted.as_slice(), &mut plaintext, &key, &expected, &mut unwatched).unwrap();
    assert_eq!(plaintext, market.plaintext);
}
