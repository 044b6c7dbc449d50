//! Merchants and customers who do not keep to the protocol.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::spec::Time;
use link::{Endpoint, Handler, Identity, Limits, PeerKey};
use purchase::customer::{BuyError, Customer, Purchase, Settled, Stage};
use purchase::merchant::ItemDelivery;
use purchase::merchant_file::MerchantFile;
use purchase::service::{Answer, Declined, MAX_QUESTION, Paid, Question};
use settlement::client::{Bought, Client, ClientError};
use settlement::goods::{Existing, GoodsKey, seal, unwatched};
use settlement::layout::Signer;
use settlement::ledger::{self, Action, Code, Movement, Request, RequestId, SignedRequest, Sum};
use settlement::purchases::{Delivery, Offer, OfferTerms, Order, QuoteId};
use settlement::service::auctions::KeyInTransit;

use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(700);

/// What a cheating merchant answers.
type Answers = Box<dyn Fn(&Question) -> Answer + Send + Sync>;

struct Cheat(Answers);

impl Handler for Cheat {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    async fn answer(&self, _: PeerKey, question: Question) -> Answer {
        (self.0)(&question)
    }
}

/// A merchant of the test's own making, with the account of the honest one.
async fn cheat(answers: impl Fn(&Question) -> Answer + Send + Sync + 'static) -> MerchantFile {
    let identity = person(66);
    let limits = Limits { max_answer_bytes: purchase::service::MAX_ANSWER, ..Limits::default() };
    let front =
        Endpoint::bind(([127, 0, 0, 1], 0).into(), &Identity::from_seed(identity.seed()), limits);
    let front = front.unwrap();
    let address = front.local_addr().unwrap().to_string();
    let handler = Arc::new(Cheat(Box::new(answers)));
    tokio::spawn(async move { front.serve(handler, std::future::pending()).await });
    MerchantFile { address, identity: identity.public(), account: person(MERCHANT).public() }
}

fn customer(town: &Town, merchant: &MerchantFile, patience: Duration) -> Customer {
    Customer::new(&person(CUSTOMER), eur(), town.charter(), merchant, patience).unwrap()
}

/// Goods that a cheat has encrypted, whatever they are.
struct Wares {
    key: GoodsKey,
    goods: Goods,
    encrypted: Vec<u8>,
}

fn wares(plaintext: &[u8], seed: u8) -> Wares {
    let key = GoodsKey::from_bytes(&[seed; 32]);
    let mut encrypted = Vec::new();
    let length = plaintext.len() as u64;
    let goods = seal(plaintext, length, &mut encrypted, &key, &mut rand::rng(), &mut unwatched);
    Wares { goods: goods.unwrap(), key, encrypted }
}

fn terms(town: &Town, goods: Goods) -> OfferTerms {
    OfferTerms {
        server: town.charter().charter.server(),
        ledger: town.charter().charter.id(),
        merchant: person(MERCHANT).public(),
        customer: person(CUSTOMER).public(),
        currency: ledger::Currency::from(&eur()),
        price: Sum::new(PRICE).unwrap(),
        expires: Time(town.now().0 + HOUR_MS),
        item: 1,
        quote: QuoteId([1; 16]),
        delivery: Delivery::Encrypted(goods),
        description: "a photograph of a vase".to_owned(),
    }
}

fn signed(terms: OfferTerms, by: u8) -> Vec<u8> {
    let offer = Offer::new(OfferTerms { merchant: person(by).public(), ..terms }).unwrap();
    offer.sign(&Signer::new(&person(by))).unwrap().signed().to_bytes()
}

fn piece(encrypted: &[u8], offset: u64) -> Answer {
    Answer::Goods(encrypted.iter().skip(offset as usize).take(100_000).copied().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_something_else_is_not_taken() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let good = terms(&town, wares(b"a vase", 1).goods);
    let other_ledger = Digest([9; 32]);
    let cases = [
        ("another item", signed(OfferTerms { item: 2, ..good.clone() }, MERCHANT)),
        ("another merchant's", signed(good.clone(), 3)),
        (
            "another currency",
            signed(
                OfferTerms {
                    currency: ledger::Currency::from_bytes(*b"USD\x02").unwrap(),
                    ..good.clone()
                },
                MERCHANT,
            ),
        ),
        (
            "made to another",
            signed(OfferTerms { customer: person(3).public(), ..good.clone() }, MERCHANT),
        ),
        (
            "for another ledger",
            signed(OfferTerms { ledger: other_ledger, ..good.clone() }, MERCHANT),
        ),
        ("over already", signed(OfferTerms { expires: town.now(), ..good.clone() }, MERCHANT)),
        ("not signed", {
            let mut bytes = signed(good.clone(), MERCHANT);
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        }),
        ("no offer at all", vec![1, 2, 3]),
    ];
    for (what, bytes) in cases {
        let merchant = cheat(move |_| Answer::Offer(bytes.clone())).await;
        let refused = town.buy(&customer(&town, &merchant, PATIENCE), what).await;
        assert!(refused.is_err(), "{what}");
        let path = town.at("purchases").join(what).join("offer");
        assert!(!path.exists(), "{what}");
    }
    town.paid_for(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_goods_than_offered_are_never_ordered() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let (offered, sent) = (wares(&content(), 1), wares(&content(), 2));
    let offer = signed(terms(&town, offered.goods), MERCHANT);
    let ordered = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&ordered);
    let merchant = cheat(move |question| match question {
        Question::Inquiry { .. } => Answer::Offer(offer.clone()),
        Question::Goods { offset, .. } => piece(&sent.encrypted, *offset),
        _ => {
            *seen.lock().unwrap() += 1;
            Answer::Pending
        }
    })
    .await;
    for _ in 0..2 {
        let refused = town.buy(&customer(&town, &merchant, PATIENCE), "one").await;
        assert!(matches!(refused, Err(BuyError::Goods(_))), "{refused:?}");
    }
    assert_eq!(*ordered.lock().unwrap(), 0);
    town.paid_for(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_paid_for_and_proved() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    // One bit of the last chunk: the checksum is that of the garbage, the key opens the rest.
    let mut garbage = wares(&content(), 1);
    *garbage.encrypted.last_mut().unwrap() ^= 1;
    garbage.goods =
        settlement::goods::measure(garbage.encrypted.as_slice(), &mut unwatched).unwrap();
    let offer = signed(terms(&town, garbage.goods), MERCHANT);
    let merchant_client = Client::connect(&person(MERCHANT), town.charter()).unwrap();
    let charter = town.charter().charter;
    let encrypted = garbage.encrypted.clone();
    let taken = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&taken);
    let answer = offer.clone();
    let merchant = cheat(move |question| match question {
        Question::Inquiry { .. } => Answer::Offer(answer.clone()),
        Question::Goods { offset, .. } => piece(&encrypted, *offset),
        Question::Order { order, .. } => {
            *kept.lock().unwrap() = Some(order.clone());
            Answer::Pending
        }
        _ => Answer::Declined(Declined::NotYours),
    })
    .await;
    let customer = customer(&town, &merchant, PATIENCE);
    assert!(town.buy(&customer, "one").await.is_err());
    // He brings it himself, and never says a word to the customer.
    let order = taken.lock().unwrap().take().unwrap();
    let verified = settlement::purchases::SignedOffer::decode(&offer).unwrap();
    let verified = verified.verify(&charter).unwrap();
    let order = Order::decode(&order).unwrap().verify(&verified, &charter, town.now()).unwrap();
    let order = order.countersign(&Signer::new(&person(MERCHANT)), &charter);
    // With another key the server does not take it.
    let other = GoodsKey::from_bytes(&[9; 32]);
    let refused = merchant_client.buy(&order, verified.offer(), &other).await;
    assert!(matches!(refused, Err(ClientError::Purchase(_))));
    let done = merchant_client.buy(&order, verified.offer(), &garbage.key).await.unwrap();
    assert!(matches!(done, Bought::Paid(..)));
    let bought = town.buy(&customer, "one").await.unwrap();
    assert!(bought.receipt().key().is_some());
    let opened = bought.deliver(&customer, &town.at("out"), Existing::Keep, unwatched).await;
    assert!(matches!(opened, Err(BuyError::DoesNotOpen(_))), "{opened:?}");
    assert!(!town.at("out").exists());
    town.paid_for(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchants_word_counts_for_nothing_that_the_server_does_not_say() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    // A receipt of another purchase.
    let honest = town.customer(PATIENCE);
    let bought = town.buy(&honest, "honest").await.unwrap();
    let (receipt, key) = (bought.receipt().receipt().clone(), bought.receipt().key());
    let anothers = Paid { receipt, key: key.map(KeyInTransit::from) };
    drop(bought);
    let goods = wares(&content(), 1);
    let offer = signed(terms(&town, goods.goods), MERCHANT);
    let lies = [
        ("refused", Answer::Refused(Code::InsufficientFunds)),
        ("paid", Answer::Paid(Box::new(anothers))),
        ("declined", Answer::Declined(Declined::Gone)),
        ("nonsense", Answer::Goods(vec![])),
    ];
    for (name, lie) in lies {
        let (offer, encrypted) = (offer.clone(), goods.encrypted.clone());
        let merchant = cheat(move |question| match question {
            Question::Inquiry { .. } => Answer::Offer(offer.clone()),
            Question::Goods { offset, .. } => piece(&encrypted, *offset),
            _ => lie.clone(),
        })
        .await;
        let customer = customer(&town, &merchant, PATIENCE);
        let purchase = Purchase::open(town.folder(name).await, &town.charter().charter);
        let Stage::Fresh(fresh) = purchase.resume(town.now()).unwrap() else { panic!("fresh") };
        let offered = fresh.inquire(&customer, 1, town.now()).await.unwrap();
        let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
        let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
        let settled = ordered.settle(&customer, town.now()).await.unwrap();
        assert!(matches!(settled, Settled::Open(..)), "{name}: {settled:?}");
    }
    town.paid_for(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_the_merchant_is_not_taken_for_him() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let impostor = cheat(|_| Answer::Catalogue(vec![])).await;
    let file = MerchantFile { address: impostor.address, ..town.shop().clone() };
    let refused = customer(&town, &file, SHORT).shop().catalogue().await;
    assert!(matches!(refused, Err(BuyError::Link(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_money_gets_nothing_and_may_try_again_with_it() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let customer = town.customer(PATIENCE);
    let folder = town.folder("one").await;
    let purchase = Purchase::open(folder, &town.charter().charter);
    let Stage::Fresh(fresh) = purchase.resume(town.now()).unwrap() else { panic!("fresh") };
    let offered = fresh.inquire(&customer, 1, town.now()).await.unwrap();
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    // She spends it all elsewhere before the merchant brings the order.
    let client = Client::connect(&person(CUSTOMER), town.charter()).unwrap();
    let pay = |number, from: u8, to: u8| {
        let movement = Movement {
            debit: account(from),
            credit: account(to),
            amount: Sum::new(FUNDS).unwrap(),
            reference: Digest::default(),
        };
        let id = RequestId::new(number).unwrap();
        let until = Time(town.now().0 + HOUR_MS);
        let request = Request { id, until, action: Action::Post(movement) };
        SignedRequest::sign(&request, &Signer::new(&person(from)), &town.charter().charter)
    };
    assert!(client.submit(&[pay(500, CUSTOMER, 3)]).await.unwrap().is_done());
    let settled = ordered.settle(&customer, town.now()).await.unwrap();
    let Settled::Refused(offered, Code::InsufficientFunds) = settled else { panic!("{settled:?}") };
    assert_eq!((town.balance(CUSTOMER).await, town.balance(MERCHANT).await), (0, FUNDS));
    let third = Client::connect(&person(3), town.charter()).unwrap();
    assert!(third.submit(&[pay(501, 3, CUSTOMER)]).await.unwrap().is_done());
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    let Settled::Bought(bought) = ordered.settle(&customer, town.now()).await.unwrap() else {
        panic!("bought")
    };
    drop(bought);
    town.paid_for(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_takes_no_order_that_is_not_his_offers() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let goods = wares(&content(), 1);
    let ask = |offer: Vec<u8>, order: Vec<u8>| Question::Order { offer, order };
    let inquiry = Question::Inquiry { item: 1, inquiry: [7; 16] };
    let Some(Answer::Offer(own)) = town.ask_shop(CUSTOMER, &inquiry).await else { panic!("offer") };
    let offer = settlement::purchases::SignedOffer::decode(&own).unwrap();
    let good = Request {
        id: RequestId::new(5).unwrap(),
        until: Time(town.now().0 + HOUR_MS),
        action: settlement::purchases::order::action(offer.offer()),
    };
    let charter = town.charter().charter;
    let order = |by: u8, request: Request| {
        SignedRequest::sign(&request, &Signer::new(&person(by)), &charter).as_bytes().to_vec()
    };
    let Action::Purchase(movement) = good.action else { panic!("a purchase") };
    let cheaper = Movement { amount: Sum::new(1).unwrap(), ..movement };
    let late = Request { until: town.now(), ..good };
    let anothers_offer = signed(terms(&town, goods.goods), 3);
    let not_his_goods = signed(terms(&town, goods.goods), MERCHANT);
    let cases = [
        (
            "cheaper",
            own.clone(),
            order(CUSTOMER, Request { action: Action::Purchase(cheaper), ..good }),
        ),
        ("another's", own.clone(), order(3, good)),
        (
            "a payment",
            own.clone(),
            order(CUSTOMER, Request { action: Action::Post(movement), ..good }),
        ),
        ("late", own.clone(), order(CUSTOMER, late)),
        ("no order", own.clone(), vec![9; 40]),
        ("another merchant's offer", anothers_offer, order(CUSTOMER, good)),
        // Signed with his key by somebody who has it, for goods that he never encrypted.
        ("goods that he has not", not_his_goods, order(CUSTOMER, good)),
    ];
    for (what, offer, order) in cases {
        let answer = town.ask_shop(CUSTOMER, &ask(offer, order)).await;
        assert!(matches!(answer, Some(Answer::Declined(_))), "{what}: {answer:?}");
    }
    town.paid_for(0).await;
    let answer = town.ask_shop(CUSTOMER, &ask(own.clone(), order(CUSTOMER, good))).await;
    assert!(matches!(answer, Some(Answer::Paid(_))), "{answer:?}");
    // The id is used up: another order under it is another.
    let other = Request { until: Time(good.until.0 - 1), ..good };
    let answer = town.ask_shop(CUSTOMER, &ask(own, order(CUSTOMER, other))).await;
    assert_eq!(answer, Some(Answer::Declined(Declined::IdTaken)));
    town.paid_for(1).await;
}
