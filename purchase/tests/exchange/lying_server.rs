//! A settlement server that says with its own key what is not true: the customer believes what is
//! proved, signs no second order and gives up none, and the truth is there when she asks again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use purchase::customer::{Cancelled, Settled};
use purchase::merchant::ItemDelivery;
use purchase::relay::{Fate, Network};
use purchase::service as shop;
use settlement::ledger::{Code, RequestId};
use settlement::service::purchases::{Paid, PurchaseAnswer, PurchaseDeclined};
use settlement::service::{self as bank, Answer, Question, RequestResult, Submitted};

use crate::cancelling::{ordered, resumed};
use crate::town::*;

/// Longest that a customer waits for a merchant who is gone.
const SHORT: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers in the server's name, one after the other; the last one again and again.
struct Lying(Mutex<VecDeque<Answer>>);

impl Lying {
    fn with(lies: &[Answer]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(lies.iter().cloned().collect())))
    }
}

impl Network<bank::Question, bank::Answer> for Lying {
    fn question(&self, _: &mut bank::Question) -> Fate {
        Fate::Passes
    }

    fn answer(&self, answer: &mut bank::Answer) -> Fate {
        let mut lies = self.0.lock().unwrap();
        let lie = if lies.len() > 1 { lies.pop_front() } else { lies.front().cloned() };
        *answer = lie.unwrap();
        Fate::Passes
    }
}

/// The merchant is silent.
impl Network<shop::Question, shop::Answer> for Lying {
    fn question(&self, _: &mut shop::Question) -> Fate {
        Fate::Lost
    }

    fn answer(&self, _: &mut shop::Answer) -> Fate {
        Fate::Lost
    }
}

fn of_purchase(answer: PurchaseAnswer) -> Answer {
    Answer::Purchase(Box::new(answer))
}

/// A true answer about another order of hers, which was paid.
async fn of_another(town: &mut Town) -> (Paid, Answer, Answer) {
    let bought = town.buy(&town.customer(PATIENCE), "another").await.unwrap();
    let (paid, key) = (bought.receipt().receipt().clone(), bought.paid().key);
    let standing = town.ask_bank(CUSTOMER, &Question::Request(key.account, key.id)).await.unwrap();
    // And one that was refused for good.
    let refused = town.refused_payment(RequestId::new(900).unwrap()).await;
    (Paid { receipt: paid, key: None }, standing, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_whose_order_is_paid_believes_nothing_that_is_not_proved() {
    lies_about(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_believes_no_refusal_payment_or_cancellation_that_is_not_proved() {
    lies_about(false).await;
}

/// Tells every lie about an order that is paid, or about one that is not.
async fn lies_about(is_paid: bool) {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let (another, standing, refused) = of_another(&mut town).await;
    let mut paid = 1;
    let code = |code| {
        let result = RequestResult { code, repeated: false, entry: None, balances: None };
        Answer::Submitted(Box::new(Submitted { results: vec![result], receipt: None }))
    };
    let no = of_purchase(PurchaseAnswer::Refused(Code::InsufficientFunds));
    let never = of_purchase(PurchaseAnswer::Refused(Code::Cancelled));
    let lies = [
        ("refused", vec![no.clone(), Answer::Request(None)]),
        ("refused like another", vec![no.clone(), refused.clone()]),
        ("refused and paid", vec![no, standing.clone()]),
        ("cancelled", vec![never, Answer::Request(None)]),
        ("paid like another", vec![of_purchase(PurchaseAnswer::Paid(Box::new(another)))]),
        ("undecided", vec![of_purchase(PurchaseAnswer::Undecided)]),
        ("unknown", vec![of_purchase(PurchaseAnswer::Declined(PurchaseDeclined::NotYours))]),
        ("something else", vec![Answer::Flushed(1)]),
        ("the word is taken", vec![code(Code::Done)]),
        ("the word is late", vec![code(Code::TooLateToCancel), refused]),
        ("the word is not needed", vec![code(Code::Cancelled), Answer::Request(None)]),
    ];
    for (name, lies) in &lies {
        let folder = format!("{is_paid} {name}");
        drop(ordered(&mut town, &folder, is_paid).await);
        paid += u64::from(is_paid);
        let links = town.relayed(&Lying::with(lies)).await;
        town.kill_merchant();
        let customer = links.customer(SHORT);
        let order = resumed(&town, &folder).await;
        match order.settle(&customer, town.now()).await {
            Err(_) | Ok(Settled::Open(..)) => {}
            Ok(other) => panic!("{folder}: {other:?}"),
        }
        let links = town.relayed(&Lying::with(lies)).await;
        town.kill_merchant();
        let customer = links.customer(SHORT);
        let order = resumed(&town, &folder).await;
        let cancelled = order.cancel(&customer, town.now()).await;
        assert!(cancelled.is_err(), "{folder}: {cancelled:?}");
        drop(links);
        town.paid_for(paid).await;
        // The truth: where it was not paid, her word arrived whatever was answered.
        let customer = town.customer(PATIENCE);
        match resumed(&town, &folder).await.cancel(&customer, town.now()).await.unwrap() {
            Cancelled::TooLate(_) => assert!(is_paid, "{folder}"),
            Cancelled::Done(_) => assert!(!is_paid, "{folder}"),
        }
        town.paid_for(paid).await;
    }
}
