//! Case 3 over the network: the server holds the item in place of a key.

use std::io::Cursor;

use auction::spec::Time;
use settlement::client::{Bought, ClientError};
use settlement::goods::{checksum_of_item, unwatched};
use settlement::layout::Signer;
use settlement::ledger::{Action, Code, MAX_ORDER_AHEAD_MS, Request, SignedRequest, Sum};
use settlement::purchases::{
    Delivery, HeldItem, Offer, OfferTerms, OrderKey, QuoteId, VerifiedOffer, order::action,
};
use settlement::service::purchases::{PurchaseAnswer, PurchaseDeclined, PurchaseQuestion};
use settlement::service::{Answer, Question};

use crate::bank::*;
use crate::liar::ask;

const CUSTOMER: u8 = 1;
const MERCHANT: u8 = 2;

struct Deal {
    offer: VerifiedOffer,
    order: SignedRequest,
    name: OrderKey,
    item: HeldItem,
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251) as u8).collect()
}

fn deal(bank: &Bank, number: u128, content: &[u8], until: Time) -> Deal {
    let (checksum, bytes) = checksum_of_item(content, &mut unwatched).unwrap();
    deal_for(bank, number, CUSTOMER, HeldItem { checksum, bytes }, until)
}

fn deal_for(bank: &Bank, number: u128, customer: u8, item: HeldItem, until: Time) -> Deal {
    let terms = OfferTerms {
        server: bank.charter.server(),
        ledger: bank.charter.id(),
        merchant: person(MERCHANT).public(),
        customer: person(customer).public(),
        currency: eur(),
        price: Sum::new(30).unwrap(),
        expires: until,
        item: 1,
        quote: QuoteId([5; 16]),
        delivery: Delivery::Held(item),
        description: "a photograph".to_owned(),
    };
    let offer = Offer::new(terms).unwrap().sign(&Signer::new(&person(MERCHANT))).unwrap();
    let request = Request { id: id(number), until, action: action(offer.offer()) };
    let signed = SignedRequest::sign(&request, &Signer::new(&person(customer)), &bank.charter);
    let order = signed.countersign(&Signer::new(&person(MERCHANT)), &bank.charter);
    Deal { offer, order, name: OrderKey { account: account(customer), id: id(number) }, item }
}

async fn buy(open: &Open, deal: &Deal, content: &[u8]) -> Result<Bought, ClientError> {
    let mut item = Cursor::new(content);
    open.client(MERCHANT).buy_held(&deal.order, deal.offer.offer(), &mut item, |_| {}).await
}

async fn fetch(open: &Open, asker: u8, deal: &Deal) -> Result<Vec<u8>, ClientError> {
    let mut got = Vec::new();
    open.client(asker).fetch_item(deal.name, &deal.item, 0, &mut got, |_| {}).await?;
    Ok(got)
}

#[tokio::test]
async fn the_item_goes_to_who_paid_and_to_nobody_else() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    let content = content(600_000);
    let first = deal(&bank, 1, &content, UNTIL);
    assert!(fetch(&open, CUSTOMER, &first).await.is_err());
    assert!(matches!(buy(&open, &first, &content).await.unwrap(), Bought::Paid(..)));
    assert_eq!(fetch(&open, CUSTOMER, &first).await.unwrap(), content);
    assert_eq!(fetch(&open, MERCHANT, &first).await.unwrap(), content);
    for stranger in [3, 9] {
        let refused = fetch(&open, stranger, &first).await;
        assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::NotYours))));
    }
    // The same item sold again is not sent again.
    let second = deal(&bank, 2, &content, UNTIL);
    let mut asked = Vec::new();
    let merchant = open.client(MERCHANT);
    let mut nothing = Cursor::new(Vec::new());
    let bought = merchant
        .buy_held(&second.order, second.offer.offer(), &mut nothing, |have| asked.push(have))
        .await;
    assert!(matches!(bought.unwrap(), Bought::Paid(..)));
    assert_eq!(asked, [second.item.bytes]);
    open.stop().await.unwrap();
    let open = bank.open().await;
    assert_eq!(fetch(&open, CUSTOMER, &second).await.unwrap(), content);
    let again = open.client(CUSTOMER).purchase(first.name).await.unwrap().unwrap();
    let Bought::Paid(receipt, paid) = again else { panic!("paid") };
    assert!(receipt.key().is_none());
    assert_eq!(paid.offer.terms().delivery, Delivery::Held(first.item));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_where_it_ended_and_another_item_is_thrown_away() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let content = content(700_000);
    let deal = deal(&bank, 1, &content, UNTIL);
    // Half of it, and the server goes away.
    let half = buy(&open, &deal, &content[..300_000]).await;
    assert!(matches!(half, Err(ClientError::File(_))), "{half:?}");
    open.kill();
    let open = bank.open().await;
    let mut asked = Vec::new();
    let merchant = open.client(MERCHANT);
    let mut item = Cursor::new(&content);
    let bought = merchant
        .buy_held(&deal.order, deal.offer.offer(), &mut item, |have| asked.push(have))
        .await;
    assert!(matches!(bought.unwrap(), Bought::Paid(..)));
    assert!(asked[0] > 0, "{asked:?}");
    // Another item of the same length moves nothing.
    let other = content.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>();
    let second = self::deal(&bank, 2, &other, UNTIL);
    let refused = buy(&open, &second, &content).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::Item(_)))));
    assert!(open.client(CUSTOMER).purchase(second.name).await.unwrap().is_none());
    assert!(matches!(buy(&open, &second, &other).await.unwrap(), Bought::Paid(..)));
    assert_eq!(fetch(&open, CUSTOMER, &second).await.unwrap(), other);
    open.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_fills_the_disk_without_an_order() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let content = content(1000);
    let good = deal(&bank, 1, &content, UNTIL);
    let mut item = Cursor::new(&content);
    // Not countersigned, and brought by somebody else.
    let request = *good.order.request();
    let alone = SignedRequest::sign(&request, &Signer::new(&person(CUSTOMER)), &bank.charter);
    let merchant = open.client(MERCHANT);
    let refused = merchant.buy_held(&alone, good.offer.offer(), &mut item, |_| {}).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::Refused(_)))));
    let stranger = open.client(3);
    let refused = stranger.buy_held(&good.order, good.offer.offer(), &mut item, |_| {}).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::NotYours))));
    // More than the server holds.
    let mut huge = good.offer.terms().clone();
    huge.delivery = Delivery::Held(HeldItem { bytes: 1 << 39, ..good.item });
    let huge = Offer::new(huge).unwrap().sign(&Signer::new(&person(MERCHANT))).unwrap();
    let request = Request { action: action(huge.offer()), ..request };
    let order = SignedRequest::sign(&request, &Signer::new(&person(CUSTOMER)), &bank.charter)
        .countersign(&Signer::new(&person(MERCHANT)), &bank.charter);
    let refused = merchant.buy_held(&order, huge.offer(), &mut item, |_| {}).await;
    assert!(matches!(refused, Err(ClientError::Purchase(PurchaseDeclined::TooLong { .. }))));
    // A refusal leaves nothing to fetch.
    let drained = bank.post(70, 1, 2, 90);
    assert!(open.client(1).submit(&[drained]).await.unwrap().is_done());
    let poor = buy(&open, &good, &content).await.unwrap();
    assert_eq!(poor, Bought::Refused(Code::InsufficientFunds));
    assert!(fetch(&open, CUSTOMER, &good).await.is_err());
    open.stop().await.unwrap();
}

/// Has the item of a deal bought without sending anything of it.
async fn buy_unsent(open: &Open, deal: &Deal) -> Answer {
    let signed = || (deal.order.as_bytes().to_vec(), deal.offer.offer().as_bytes().to_vec());
    let (order, offer) = signed();
    let deposit = PurchaseQuestion::Deposit { order, offer };
    let (order, offer) = signed();
    for question in [deposit, PurchaseQuestion::BuyHeld { order, offer }] {
        let question = Question::Purchase(Box::new(question));
        let answer = ask(open, &person(MERCHANT), &question).await;
        let Answer::Purchase(said) = &answer else { panic!("{answer:?}") };
        if !matches!(**said, PurchaseAnswer::Have(_)) {
            return answer;
        }
    }
    panic!("an item that was bought by its deposit alone");
}

#[tokio::test]
async fn an_item_that_lies_there_is_not_sold_as_one_of_another_length() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2, 3], 100).await;
    let content = content(1000);
    // The merchant's second name buys it first, so that it lies there whole.
    let (checksum, bytes) = checksum_of_item(content.as_slice(), &mut unwatched).unwrap();
    let first = deal_for(&bank, 1, 3, HeldItem { checksum, bytes }, UNTIL);
    assert!(matches!(buy(&open, &first, &content).await.unwrap(), Bought::Paid(..)));
    for (number, bytes) in [(2, bytes - 1), (3, bytes + 1), (4, 0)] {
        let until = Time(UNTIL.0 + u64::try_from(number).unwrap());
        let false_one = deal_for(&bank, number, CUSTOMER, HeldItem { checksum, bytes }, until);
        let said = buy_unsent(&open, &false_one).await;
        let Answer::Purchase(said) = said else { panic!("{said:?}") };
        let other = matches!(*said, PurchaseAnswer::Declined(PurchaseDeclined::Item(_)));
        assert!(other, "{bytes}: {said:?}");
    }
    assert_eq!(open.client(1).account(account(1)).await.unwrap().balances.available(), 100);
    // The true one is sold to him as before.
    let good = deal_for(&bank, 5, CUSTOMER, HeldItem { checksum, bytes }, UNTIL);
    assert!(matches!(buy(&open, &good, &content).await.unwrap(), Bought::Paid(..)));
    assert_eq!(fetch(&open, CUSTOMER, &good).await.unwrap(), content);
    open.stop().await.unwrap();
}

/// The files of items in a server's directory, by their endings.
fn files_of(bank: &Bank, ending: &str) -> usize {
    let listed = std::fs::read_dir(bank.dir.join("items")).unwrap();
    listed.filter(|one| one.as_ref().unwrap().path().extension().unwrap() == ending).count()
}

#[tokio::test]
async fn a_deposit_takes_two_accounts_and_an_order_that_can_be_paid() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 100).await;
    let content = content(1000);
    let (checksum, bytes) = checksum_of_item(content.as_slice(), &mut unwatched).unwrap();
    let item = HeldItem { checksum, bytes };
    // Keys cost nothing.
    let nobodys = deal_for(&bank, 1, 9, item, UNTIL);
    let refused = buy(&open, &nobodys, &content).await.unwrap();
    assert_eq!(refused, Bought::Refused(Code::UnknownAccount));
    let endless = deal_for(&bank, 2, CUSTOMER, item, Time(BEGIN.0 + MAX_ORDER_AHEAD_MS + 1));
    let refused = buy(&open, &endless, &content).await;
    let too_long = ClientError::Purchase(PurchaseDeclined::Refused(String::new()));
    assert!(refused.is_err_and(|error| error.to_string().starts_with(&too_long.to_string())));
    let late = deal_for(&bank, 3, CUSTOMER, item, BEGIN);
    assert_eq!(buy(&open, &late, &content).await.unwrap(), Bought::Refused(Code::Expired));
    assert_eq!((files_of(&bank, "part"), files_of(&bank, "item")), (0, 0));
    open.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_decided_takes_no_place_and_leaves_nothing_that_nobody_bought() {
    let bank = Bank::found();
    let open = bank.open().await;
    open.fund(&bank, &[1, 2], 300).await;
    let mut names = 0;
    let mut next = |until| {
        names += 1;
        let content = content(1000 + usize::try_from(names).unwrap());
        (deal(&bank, names, &content, until), content)
    };
    // More than a merchant has places.
    let (first, first_content) = next(UNTIL);
    assert!(matches!(buy(&open, &first, &first_content).await.unwrap(), Bought::Paid(..)));
    for _ in 0..6 {
        let (deal, content) = next(UNTIL);
        assert!(matches!(buy(&open, &deal, &content).await.unwrap(), Bought::Paid(..)));
    }
    assert_eq!((files_of(&bank, "part"), files_of(&bank, "item")), (0, 7));
    let drained = bank.post(1_000, 1, 2, 90);
    assert!(open.client(1).submit(&[drained]).await.unwrap().is_done());
    for _ in 0..6 {
        let (deal, content) = next(UNTIL);
        let refused = buy(&open, &deal, &content).await.unwrap();
        assert_eq!(refused, Bought::Refused(Code::InsufficientFunds));
    }
    assert_eq!((files_of(&bank, "part"), files_of(&bank, "item")), (0, 7));
    // Cancelled in the middle.
    let (half, content) = next(UNTIL);
    assert!(buy(&open, &half, &content[..500]).await.is_err());
    assert_eq!(files_of(&bank, "part"), 1);
    let action = Action::Cancel { account: account(CUSTOMER) };
    let cancel = bank.sign(&person(CUSTOMER), half.name.id.get(), action);
    assert!(open.client(CUSTOMER).submit(&[cancel]).await.unwrap().is_done());
    let refused = buy(&open, &half, &content).await.unwrap();
    assert_eq!(refused, Bought::Refused(Code::Cancelled));
    assert_eq!((files_of(&bank, "part"), files_of(&bank, "item")), (0, 7));
    // What was bought before is told again, also when its order is out of time.
    bank.hands.pass(2 * (UNTIL.0 - BEGIN.0));
    assert!(matches!(buy(&open, &first, &[]).await.unwrap(), Bought::Paid(..)));
    assert_eq!(fetch(&open, CUSTOMER, &first).await.unwrap(), first_content);
    open.stop().await.unwrap();
}
