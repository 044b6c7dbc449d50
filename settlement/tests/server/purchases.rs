//! Purchases over the network: paid with the key or not at all, and told to both sides for ever.

use std::path::Path;
use std::time::Duration;

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::spec::Time;
use settlement::client::{Bought, ClientError};
use settlement::goods::GoodsKey;
use settlement::layout::Signer;
use settlement::ledger::{Action, Class, Code, Request, SignedRequest, Sum};
use settlement::purchases::{
    Delivery, NotAPurchase, Offer, OfferTerms, OrderKey, PurchaseReceipt, QuoteId, VerifiedOffer,
    order::action,
};
use settlement::server::open_safe;
use settlement::service::purchases::{PurchaseAnswer, PurchaseDeclined};
use settlement::service::{Answer, MovementKind, Question, Side};
use tokio::task::JoinSet;

use crate::bank::*;
use crate::liar::{Liar, ask};

const CUSTOMER: u8 = 1;
const MERCHANT: u8 = 2;
const PRICE: u64 = 30;

/// One purchase as its three parties have it.
struct Deal {
    offer: VerifiedOffer,
    order: SignedRequest,
    key: GoodsKey,
    name: OrderKey,
}

fn key(number: u128) -> GoodsKey {
    let mut bytes = [0xa7; 32];
    bytes[..16].copy_from_slice(&number.to_le_bytes());
    GoodsKey::from_bytes(&bytes)
}

fn deal(bank: &Bank, number: u128) -> Deal {
    let goods = Goods { key_hash: key(number).hash(), checksum: Digest([4; 32]), bytes: 100 };
    deal_for(bank, number, PRICE, Delivery::Encrypted(goods))
}

fn deal_for(bank: &Bank, number: u128, price: u64, delivery: Delivery) -> Deal {
    let terms = OfferTerms {
        server: bank.charter.server(),
        ledger: bank.charter.id(),
        merchant: person(MERCHANT).public(),
        customer: person(CUSTOMER).public(),
        currency: eur(),
        price: Sum::new(price).unwrap(),
        expires: UNTIL,
        item: 1,
        quote: QuoteId([5; 16]),
        delivery,
        description: "a photograph".to_owned(),
    };
    let offer = Offer::new(terms).unwrap().sign(&Signer::new(&person(MERCHANT))).unwrap();
    let request = Request { id: id(number), until: UNTIL, action: action(offer.offer()) };
    let signed = SignedRequest::sign(&request, &Signer::new(&person(CUSTOMER)), &bank.charter);
    let order = signed.countersign(&Signer::new(&person(MERCHANT)), &bank.charter);
    let name = OrderKey { account: account(CUSTOMER), id: id(number) };
    Deal { offer, order, key: key(number), name }
}

async fn buy(open: &Open, deal: &Deal) -> Result<Bought, ClientError> {
    open.client(MERCHANT).buy(&deal.order, deal.offer.offer(), &deal.key).await
}

fn paid(bought: Bought) -> PurchaseReceipt {
    match bought {
        Bought::Paid(receipt, _) => receipt,
        Bought::Refused(code) => panic!("{code:?}"),
    }
}

/// What a side is told of a purchase.
async fn told(open: &Open, asker: u8, deal: &Deal) -> Result<Option<Bought>, ClientError> {
    open.client(asker).purchase(deal.name).await
}

#[tokio::test]
async fn the_money_goes_with_the_key_and_both_sides_are_told_for_ever() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    let deal = deal(&bank, 1);
    assert!(told(&open, CUSTOMER, &deal).await.unwrap().is_none());
    let first = paid(buy(&open, &deal).await.unwrap());
    assert!(first.key().is_none());
    let again = paid(buy(&open, &deal).await.unwrap());
    assert_eq!(again.receipt().entry, first.receipt().entry);
    assert_eq!(open.client(1).account(account(1)).await.unwrap().balances.available(), 70);
    assert_eq!(open.client(2).account(account(2)).await.unwrap().balances.available(), 130);
    let line = open.client(1).history(account(1), 1).await.unwrap().movements[0];
    assert_eq!((line.kind, line.side, line.amount), (MovementKind::Purchase, Side::Debit, PRICE));
    open.stop().await.unwrap();
    // After a restart the keys of the safe are read back.
    let open = bank.open().await;
    for side in [CUSTOMER, MERCHANT] {
        let receipt = paid(told(&open, side, &deal).await.unwrap().unwrap());
        assert!(receipt.key().is_some_and(|key| *key == deal.key));
        assert_eq!(receipt.receipt().entry, first.receipt().entry);
    }
    // The operator sees the receipt, a stranger nothing.
    let operator = open.client_of(&bank.operator).purchase(deal.name).await.unwrap().unwrap();
    assert!(paid(operator).key().is_none());
    let stranger = told(&open, 3, &deal).await;
    let not_yours = ClientError::Purchase(PurchaseDeclined::NotYours);
    assert!(matches!(&stranger, Err(error) if error.to_string() == not_yours.to_string()));
    assert!(told(&open, 9, &deal).await.is_err());
    let again = paid(buy(&open, &deal).await.unwrap());
    assert_eq!(again.receipt().entry, first.receipt().entry);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_brought_alone_moves_nothing() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let deal = deal(&bank, 1);
    for bringer in [CUSTOMER, MERCHANT, 9] {
        let alone = open.client(bringer).submit(std::slice::from_ref(&deal.order)).await.unwrap();
        assert_eq!((code(&alone), code(&alone).class()), (Code::WithoutGoods, Class::Again));
        let tied = [bank.post(50, 2, 1, 1), deal.order.clone()];
        let tied = open.client(bringer).submit(&tied).await.unwrap();
        let codes: Vec<_> = tied.results.iter().map(|result| result.code).collect();
        assert_eq!(codes, [Code::ChainFailed, Code::WithoutGoods]);
    }
    assert!(told(&open, CUSTOMER, &deal).await.unwrap().is_none());
    assert_eq!(open.client(1).account(account(1)).await.unwrap().balances.available(), 100);
    paid(buy(&open, &deal).await.unwrap());
    open.stop().await.unwrap();
}

#[tokio::test]
async fn the_key_of_a_refused_purchase_is_stored_nowhere() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let goods =
        |number| Goods { key_hash: key(number).hash(), checksum: Digest([4; 32]), bytes: 9 };
    // Too little money, an altered order, another key.
    let poor = deal_for(&bank, 1, 500, Delivery::Encrypted(goods(1)));
    assert_eq!(buy(&open, &poor).await.unwrap(), Bought::Refused(Code::InsufficientFunds));
    let status = told(&open, CUSTOMER, &poor).await.unwrap().unwrap();
    assert_eq!(status, Bought::Refused(Code::InsufficientFunds));
    let mut other = deal(&bank, 2);
    other.key = key(99);
    let refused = buy(&open, &other).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::Refused(_)))));
    let mut uncountersigned = deal(&bank, 3);
    let request = *uncountersigned.order.request();
    uncountersigned.order =
        SignedRequest::sign(&request, &Signer::new(&person(CUSTOMER)), &bank.charter);
    let refused = buy(&open, &uncountersigned).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::Refused(_)))));
    open.stop().await.unwrap();
    let safe = open_safe(&bank.dir).unwrap().unwrap();
    let content = poor.order.clone().verify(&bank.charter).unwrap().content();
    let sealed = safe.seal(&content, &key(1));
    for (name, needle) in [
        ("refused", key(1).expose().to_vec()),
        ("sealed", sealed.as_bytes().to_vec()),
        ("wrong", key(99).expose().to_vec()),
        ("unsigned", key(3).expose().to_vec()),
    ] {
        assert_eq!(holders_of(&bank.dir, &needle), Vec::<String>::new(), "{name}");
    }
}

/// The files in a directory that hold these bytes.
fn holders_of(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders_of(&path, needle));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_stolen_journal_holds_no_key_and_a_lost_key_file_costs_the_key_alone() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let first = deal(&bank, 1);
    paid(buy(&open, &first).await.unwrap());
    open.stop().await.unwrap();
    assert_eq!(holders_of(&bank.dir, first.key.expose()), Vec::<String>::new());
    let vault = bank.dir.join("vault");
    let files = || -> Vec<_> {
        let listed = std::fs::read_dir(&vault).unwrap();
        listed.map(|entry| entry.unwrap().path()).collect()
    };
    let [file] = files().try_into().unwrap();
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    let open = bank.open().await;
    let receipt = paid(told(&open, CUSTOMER, &first).await.unwrap().unwrap());
    assert!(receipt.key().is_none());
    receipt.verify(&bank.charter).unwrap();
    // The merchant brings order and key again: it is the same purchase, sealed otherwise.
    let again = paid(buy(&open, &first).await.unwrap());
    assert_eq!(again.receipt().entry, receipt.receipt().entry);
    let second = deal(&bank, 2);
    paid(buy(&open, &second).await.unwrap());
    open.stop().await.unwrap();

    std::fs::write(&file, kept).unwrap();
    let open = bank.open().await;
    for deal in [&first, &second] {
        let receipt = paid(told(&open, CUSTOMER, deal).await.unwrap().unwrap());
        assert!(receipt.key().is_some_and(|key| *key == deal.key));
    }
    open.stop().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_order_is_never_paid() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let cancel = |number| bank.sign(&person(1), number, Action::Cancel { account: account(1) });
    let early = deal(&bank, 1);
    assert!(open.client(1).submit(&[cancel(1)]).await.unwrap().is_done());
    assert_eq!(buy(&open, &early).await.unwrap(), Bought::Refused(Code::Cancelled));
    let status = told(&open, CUSTOMER, &early).await.unwrap().unwrap();
    assert_eq!(status, Bought::Refused(Code::Cancelled));
    let late = deal(&bank, 2);
    paid(buy(&open, &late).await.unwrap());
    let refused = open.client(1).submit(&[cancel(2)]).await.unwrap();
    assert_eq!(code(&refused), Code::TooLateToCancel);
    assert!(matches!(told(&open, CUSTOMER, &late).await.unwrap().unwrap(), Bought::Paid(..)));
    // Both at once: one of the two, and both sides hear the same.
    for number in 10..20 {
        let deal = deal_for(&bank, number, 1, deal_goods(number));
        let (customer, request) = (open.client(1), [cancel(number)]);
        let (bought, cancelled) = tokio::join!(buy(&open, &deal), customer.submit(&request));
        let (bought, cancelled) = (bought.unwrap(), code(&cancelled.unwrap()));
        match bought {
            Bought::Paid(..) => assert_eq!(cancelled, Code::TooLateToCancel),
            Bought::Refused(code) => {
                assert_eq!((code, cancelled), (Code::Cancelled, Code::Done));
            }
        }
    }
    open.stop().await.unwrap();
}

fn deal_goods(number: u128) -> Delivery {
    Delivery::Encrypted(Goods {
        key_hash: key(number).hash(),
        checksum: Digest([4; 32]),
        bytes: 100,
    })
}

#[tokio::test]
async fn a_refusal_is_shown_by_the_receipt_of_the_orders_own_id() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let poor = deal_for(&bank, 1, 500, deal_goods(1));
    assert_eq!(buy(&open, &poor).await.unwrap(), Bought::Refused(Code::InsufficientFunds));
    let (cancelled, good) = (deal(&bank, 2), deal(&bank, 3));
    let cancel = bank.sign(&person(1), 2, Action::Cancel { account: account(1) });
    assert!(open.client(1).submit(&[cancel]).await.unwrap().is_done());
    paid(buy(&open, &good).await.unwrap());
    assert!(!open.client(1).submit(&[bank.post(4, 1, 2, 999)]).await.unwrap().is_done());
    let mut standings = Vec::new();
    for number in 1..=4 {
        let question = Question::Request(account(1), id(number));
        match ask(&open, &person(1), &question).await {
            Answer::Request(Some(standing)) => standings.push(standing),
            other => panic!("{other:?}"),
        }
    }
    open.stop().await.unwrap();
    let liar = Liar::in_place_of(&bank);
    let told = async |number: u128, standing: Option<usize>| {
        let standing = standing.map(|place| standings[place - 1].clone());
        let refused = PurchaseAnswer::Refused(Code::Cancelled);
        liar.says_in_turn(vec![Answer::Purchase(Box::new(refused)), Answer::Request(standing)]);
        let name = OrderKey { account: account(1), id: id(number) };
        liar.client(&person(1)).purchase(name).await
    };
    let refused = |code| Some(Bought::Refused(code));
    assert_eq!(told(1, Some(1)).await.unwrap(), refused(Code::InsufficientFunds));
    assert_eq!(told(2, Some(2)).await.unwrap(), refused(Code::Cancelled));
    assert_eq!((poor.name.id, cancelled.name.id), (id(1), id(2)));
    // Nothing, another order's refusal or cancellation, the purchase itself, another request's.
    let lies = [(3, None), (3, Some(1)), (3, Some(2)), (3, Some(3)), (3, Some(4)), (4, Some(4))];
    for lie in lies {
        let said = told(lie.0, lie.1).await;
        assert!(matches!(said, Err(ClientError::WrongAnswer(_))), "{lie:?}: {said:?}");
    }
}

#[tokio::test]
async fn an_order_out_of_time_buys_nothing() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let deal = deal(&bank, 1);
    bank.hands.pass(UNTIL.0 - BEGIN.0);
    assert_eq!(buy(&open, &deal).await.unwrap(), Bought::Refused(Code::Expired));
    assert!(told(&open, CUSTOMER, &deal).await.unwrap().is_none());
    // However the clock is set back.
    bank.hands.set(Time(UNTIL.0 - 10));
    assert_eq!(buy(&open, &deal).await.unwrap(), Bought::Refused(Code::Expired));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_bought_at_another_server() {
    let (bank, other) = (Bank::found(), Bank::found());
    let open = other.open().await;
    open.fund(&other, &[1, 2], 100).await;
    let foreign = deal(&bank, 1);
    let refused = buy(&open, &foreign).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::Refused(_)))));
    // A receipt of here proves nothing there.
    let here = deal(&other, 1);
    let receipt = paid(buy(&open, &here).await.unwrap());
    assert!(matches!(receipt.verify(&bank.charter), Err(NotAPurchase::Unproven(_))));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_paid_before_a_kill_is_told_after_it() {
    let bank = Bank::found();
    for round in 0..3u128 {
        let open = bank.open().await;
        if round == 0 {
            open.fund(&bank, &[1, 2], 1_000_000).await;
        }
        let mut buyers = JoinSet::new();
        for buyer in 0..4u128 {
            let client = open.client(MERCHANT).with_deadline(Duration::from_millis(300));
            let numbers = (0..200).map(move |n| 1 + 10_000 * round + 1_000 * buyer + n);
            let deals: Vec<Deal> = numbers.map(|number| deal(&bank, number)).collect();
            buyers.spawn(async move {
                let mut bought = Vec::new();
                for deal in deals {
                    match client.buy(&deal.order, deal.offer.offer(), &deal.key).await {
                        Ok(done) => bought.push((deal, paid(done))),
                        Err(_) => break,
                    }
                }
                bought
            });
        }
        tokio::time::sleep(Duration::from_millis(80 + 40 * round as u64)).await;
        open.kill();
        let bought: Vec<_> = buyers.join_all().await.into_iter().flatten().collect();

        let open = bank.open().await;
        let customer = open.client(CUSTOMER);
        for (deal, receipt) in bought.iter().take(40) {
            let after = paid(customer.purchase(deal.name).await.unwrap().unwrap());
            assert_eq!(after.receipt().entry, receipt.receipt().entry);
            assert!(after.key().is_some_and(|key| *key == deal.key));
        }
        // As many prices are gone as keys are there.
        let balances = customer.account(account(1)).await.unwrap().balances;
        let page = customer.history(account(1), 0).await.unwrap();
        assert_eq!(balances.debits_posted, u128::from((page.total - 1) * PRICE));
        open.stop().await.unwrap();
    }
}
