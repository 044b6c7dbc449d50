//! Answers about an auction, from the server's own key, that are altered, replayed or of another
//! auction: seller, bidder and winner take none of them.

use std::io::Cursor;

use auction::bid::BondTicket;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::settlement_terms::{EscrowReceipt, Goods};
use auction::spec::Time;
use settlement::client::ClientError;
use settlement::goods::{open, unwatched};
use settlement::journal::Receipt;
use settlement::judge::auction::{Case, DeliveryReceipts, Finding, Found, Subject, judge};
use settlement::ledger::RequestId;
use settlement::server::{SERVER_KEY_FILE, load_key};
use settlement::service::Answer;
use settlement::service::auctions::{AuctionAnswer, DecisionView};

use crate::bank::{Bank, id};
use crate::hall::{Hall, LEVELS, T, account, account_key, bidder};
use crate::liar::Liar;

fn answer(answer: AuctionAnswer) -> Answer {
    Answer::Auction(Box::new(answer))
}

fn wrong<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> bool {
    matches!(answer, Err(ClientError::WrongAnswer(_)))
}

fn server_key(hall: &Hall) -> SecretKey {
    load_key(&hall.bank.dir, SERVER_KEY_FILE).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_receipt_or_ticket_is_taken_for_ones_own() {
    let mut hall = Hall::built().await;
    let signed = hall.spec().sign(&hall.cluster.seller);
    let (auction, server) = (signed.claimed_id(), server_key(&hall));
    hall.kill();
    let liar = Liar::in_place_of(&hall.bank);
    let escrow = async |said: AuctionAnswer| {
        liar.says(answer(said));
        let mut goods = Cursor::new(&hall.encrypted);
        liar.client(&hall.seller()).escrow(&signed, &mut goods, &hall.key, |_| {}).await
    };
    let receipt = EscrowReceipt::sign(&auction, &server);
    assert_eq!(escrow(AuctionAnswer::Escrowed(receipt)).await.unwrap(), receipt);
    let mut altered = receipt;
    altered.0.0[7] ^= 1;
    let elsewhere = EscrowReceipt::sign(&Digest([9; 32]), &server);
    for lie in [altered, elsewhere, EscrowReceipt::sign(&auction, &bidder(0))] {
        assert!(wrong(escrow(AuctionAnswer::Escrowed(lie)).await));
    }
    // It never gets on, or has more than there is.
    for lie in [0, hall.goods.bytes, u64::MAX] {
        assert!(wrong(escrow(AuctionAnswer::Have(lie)).await));
    }
    assert!(wrong(escrow(AuctionAnswer::Receipt(None)).await));

    let spec = signed.clone().with_escrow(receipt).verify().unwrap();
    let order = hall.order(&spec, 0, LEVELS);
    let bond = async |ticket: BondTicket| {
        liar.says(answer(AuctionAnswer::Ticket(Box::new(ticket))));
        liar.client(&account_key(0)).bond(&spec, &order).await
    };
    let (own, cover) = (bidder(0).public(), Level(LEVELS));
    let sign = BondTicket::sign;
    let ticket = sign(auction, own, cover, T, &server);
    assert_eq!(bond(ticket.clone()).await.unwrap(), ticket);
    let mut altered = ticket.clone();
    altered.signature.0[7] ^= 1;
    let lies = [
        altered,
        sign(Digest([9; 32]), own, cover, T, &server),
        sign(auction, bidder(1).public(), cover, T, &server),
        // A cover of the auction, and not the one that was ordered.
        sign(auction, own, Level(4), T, &server),
        sign(auction, own, cover, Time(T.0 - 1), &server),
        sign(auction, own, cover, T, &bidder(0)),
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        assert!(wrong(bond(lie).await), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_decision_or_goods_are_taken_for_the_auctions() {
    let mut hall = Hall::built().await;
    let (auction, unsold) = (hall.announced().await, hall.announced().await);
    for (i, level) in [(0, 2), (1, 5)] {
        hall.bid(&auction, i, level).await;
    }
    hall.closed(&auction).await;
    assert!(matches!(hall.settled(auction.id()).await, DecisionView::Sale { .. }));
    assert!(matches!(hall.settled(unsold.id()).await, DecisionView::NoSale { .. }));
    let winner = hall.client(&account_key(1));
    let decision = async |of: Digest| winner.decision(of).await.unwrap().unwrap().receipt().clone();
    let (sale, no_sale) = (decision(auction.id()).await, decision(unsold.id()).await);
    let [losers, order] = [0u8, 1].map(|i| (account_key(i), id(50 + u128::from(i))));
    let ordered = async |(key, number): (SecretKey, RequestId)| {
        let status = hall.client(&key).status(account(&key), number).await.unwrap();
        status.unwrap().receipt.receipt().clone()
    };
    let (losers, order) = (ordered(losers).await, ordered(order).await);
    let transcript = hall.cluster.transcript(0, auction.id()).await.to_bytes().unwrap();
    hall.kill();
    judge_them(&hall, &transcript, [&sale, &no_sale], [&order, &losers]);

    let liar = Liar::in_place_of(&hall.bank);
    let told = async |receipt: &Receipt, of: Digest| {
        liar.says(answer(AuctionAnswer::Receipt(Some(Box::new(receipt.clone())))));
        liar.client(&account_key(1)).decision(of).await
    };
    assert!(told(&sale, auction.id()).await.unwrap().is_some());
    assert!(told(&no_sale, unsold.id()).await.unwrap().is_some());
    assert!(wrong(told(&no_sale, auction.id()).await));
    assert!(wrong(told(&sale, unsold.id()).await));
    assert!(wrong(told(&order, auction.id()).await));
    let mut altered = sale.clone();
    let place = altered.entry.len() - 9;
    altered.entry[place] ^= 1;
    let said = told(&altered, auction.id()).await;
    assert!(matches!(said, Err(ClientError::Unproven(_))), "{said:?}");

    let download = async |total: u64, bytes: Vec<u8>| {
        liar.says(answer(AuctionAnswer::Goods { total, bytes }));
        let mut got = Vec::new();
        let client = liar.client(&account_key(1));
        let all = client.download(auction.id(), &hall.goods, 0, &mut got, |_| {}).await;
        all.map(|_| got)
    };
    let total = hall.goods.bytes;
    assert!(wrong(download(total + 1, vec![1; 9]).await));
    assert!(wrong(download(total, vec![]).await));
    assert!(wrong(download(total, vec![1; total as usize + 1]).await));
    // What has the right length and is something else, nobody opens.
    let got = download(total, vec![1; total as usize]).await.unwrap();
    let mut plaintext = Vec::new();
    let opened =
        open(got.as_slice(), &mut plaintext, &hall.key, &hall.goods, &mut unwatched).unwrap_err();
    assert!(opened.is_fault_of_goods() && plaintext.is_empty(), "{opened}");

    let client = liar.client(&bidder(0));
    for lie in [
        AuctionAnswer::Have(transcript.len() as u64),
        AuctionAnswer::Have(u64::MAX),
        AuctionAnswer::Receipt(None),
    ] {
        liar.says(answer(lie));
        assert!(wrong(client.hand_in(auction.id(), &transcript, |_| {}).await));
    }
    assert!(wrong(client.settle(auction.id(), None).await));
    assert!(wrong(client.payment(auction.id()).await));
}

/// The judge believes the true receipts, and says of each false one what fails.
fn judge_them(
    hall: &Hall,
    transcript: &[u8],
    [sale, no_sale]: [&Receipt; 2],
    orders: [&Receipt; 2],
) {
    let elsewhere = Bank::found().charter;
    let [order, losers] = orders;
    let (charter, key_hash) = (&hall.bank.charter, Some(hall.key.hash()));
    let (decision, goods) = (Some(sale), Some(hall.goods));
    let truth = || Case {
        charter,
        transcript,
        decision,
        order: Some(order),
        goods,
        key_hash,
        delivery_secret: None,
        delivery: DeliveryReceipts::default(),
    };
    let judged = |case: Case<'_>| judge(&case, &mut rand::rng());
    assert!(judged(truth()).is_complete());
    let altered = |receipt: &Receipt| {
        let mut altered = receipt.clone();
        let place = altered.entry.len() - 9;
        altered.entry[place] ^= 1;
        altered
    };
    let (altered_sale, altered_order) = (altered(sale), altered(order));
    let other = Digest([9; 32]);
    let other_goods = Some(Goods { checksum: other, ..hall.goods });
    let mut cut = transcript.to_vec();
    let place = cut.len() / 2;
    cut[place] ^= 1;
    let false_ones = [
        (Subject::Paid, Case { decision: Some(&altered_sale), ..truth() }),
        (Subject::Paid, Case { decision: Some(no_sale), ..truth() }),
        (Subject::Paid, Case { decision: Some(order), ..truth() }),
        (Subject::Ordered, Case { order: Some(&altered_order), ..truth() }),
        (Subject::Ordered, Case { order: Some(losers), ..truth() }),
        (Subject::Ordered, Case { order: Some(sale), ..truth() }),
        (Subject::Goods, Case { goods: other_goods, ..truth() }),
        (Subject::Key, Case { key_hash: Some(other), ..truth() }),
    ];
    for (subject, case) in false_ones {
        let judgement = judged(case);
        let failed = |one: &Finding| one.subject == subject && one.found == Found::Fails;
        assert!(judgement.findings.iter().any(failed), "{subject:?}: {judgement:?}");
    }
    for case in [Case { transcript: &cut, ..truth() }, Case { charter: &elsewhere, ..truth() }] {
        let judgement = judged(case);
        assert!(judgement.fails() && !judgement.is_complete(), "{judgement:?}");
    }
}
