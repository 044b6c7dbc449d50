//! A cancellation, each of its messages lost or doubled, before the order is paid and after; and
//! cancellations by others, at another server, and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use auction::spec::Time;
use purchase::customer::{Cancelled, Ordered, Purchase, Stage};
use purchase::merchant::ItemDelivery;
use purchase::relay::{Fate, Network};
use purchase::service as shop;
use settlement::client::Client;
use settlement::layout::Signer;
use settlement::ledger::{Action, Code, Request, SignedRequest};
use settlement::purchases::OrderKey;
use settlement::service as bank;

use crate::losses::{Counting, What};
use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longest that a customer waits on a network that is cut.
const SHORT: Duration = Duration::from_millis(700);
/// Longest that a merchant takes to have an order paid that he has.
const SELLING: Duration = Duration::from_secs(10);

/// Cuts all links at the order: when it has arrived, or before.
struct CutAtOrder {
    arrives: bool,
    cut: AtomicBool,
    /// Whether the merchant has answered the order: then it is on his disk.
    taken: AtomicBool,
}

impl CutAtOrder {
    fn fate(&self) -> Fate {
        if self.cut.load(Ordering::SeqCst) { Fate::Lost } else { Fate::Passes }
    }
}

impl Network<shop::Question, shop::Answer> for CutAtOrder {
    fn question(&self, question: &mut shop::Question) -> Fate {
        let is_order = matches!(question, shop::Question::Order { .. });
        if is_order && !self.cut.swap(true, Ordering::SeqCst) && self.arrives {
            return Fate::Passes;
        }
        self.fate()
    }

    fn answer(&self, answer: &mut shop::Answer) -> Fate {
        let taken = matches!(answer, shop::Answer::Pending | shop::Answer::Paid(_));
        self.taken.fetch_or(taken, Ordering::SeqCst);
        self.fate()
    }
}

impl Network<bank::Question, bank::Answer> for CutAtOrder {
    fn question(&self, _: &mut bank::Question) -> Fate {
        self.fate()
    }

    fn answer(&self, _: &mut bank::Answer) -> Fate {
        self.fate()
    }
}

/// A purchase that its customer has ordered and of which she has heard no more: where `paid`, the
/// merchant has the order, and it is paid.
pub async fn ordered(town: &mut Town, folder: &str, paid: bool) -> Ordered {
    let before = town.balance(CUSTOMER).await;
    // On a busy machine the cut may come while all are still connecting; then once more.
    for _ in 0..20 {
        let [cut, taken] = [false; 2].map(AtomicBool::new);
        let network = Arc::new(CutAtOrder { arrives: paid, cut, taken });
        let links = town.relayed(&network).await;
        let customer = links.customer(SHORT);
        assert!(town.go_on(&customer, folder, "out").await.is_err());
        drop(links);
        let taken = network.taken.load(Ordering::SeqCst);
        assert!(paid || !taken, "{folder}: an order that was lost was answered");
        if paid {
            town.start_merchant(None).await;
            let since = Instant::now();
            while town.balance(CUSTOMER).await == before && since.elapsed() < SELLING {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        } else {
            town.kill_merchant();
        }
        let is_paid = town.balance(CUSTOMER).await != before;
        assert!(is_paid || !taken, "{folder}: an order that was taken is forgotten");
        let purchase = Purchase::open(town.folder(folder).await, &town.charter().charter);
        if let Stage::Ordered(ordered) = purchase.resume(town.now()).unwrap()
            && is_paid == paid
        {
            return ordered;
        }
    }
    panic!("{folder}: no order came about");
}

pub async fn resumed(town: &Town, folder: &str) -> Ordered {
    let purchase = Purchase::open(town.folder(folder).await, &town.charter().charter);
    match purchase.resume(town.now()).unwrap() {
        Stage::Ordered(ordered) => ordered,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_lost_or_doubled_the_order_is_cancelled_or_paid_and_she_knows_which() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let mut paid = 0;
    for is_paid in [false, true] {
        for what in [What::Lose, What::Double] {
            let mut at = 0;
            loop {
                let folder = format!("{is_paid} {what:?} {at}");
                drop(ordered(&mut town, &folder, is_paid).await);
                let network = Counting::new(at, what);
                let links = town.relayed(&network).await;
                let customer = links.customer(PATIENCE);
                let cancelled = resumed(&town, &folder).await.cancel(&customer, town.now()).await;
                match cancelled.unwrap() {
                    Cancelled::Done(offered) => {
                        assert!(!is_paid, "{folder}");
                        assert_eq!(offered.last_refusal(), Some(Code::Cancelled));
                    }
                    Cancelled::TooLate(bought) => {
                        assert!(is_paid, "{folder}");
                        assert!(bought.receipt().key().is_some(), "{folder}");
                        paid += 1;
                    }
                }
                town.paid_for(paid).await;
                if network.passed.load(Ordering::SeqCst) <= at {
                    break;
                }
                at += 1;
            }
            // The word and its answer; where it came too late, the question what became of it.
            assert!(at >= if is_paid { 4 } else { 2 }, "{at}");
        }
    }
}

/// A cancellation of this order, signed for this town by somebody.
fn word(town: &Town, by: u8, key: OrderKey) -> SignedRequest {
    let action = Action::Cancel { account: key.account };
    let request = Request { id: key.id, until: Time(town.now().0 + HOUR_MS), action };
    SignedRequest::sign(&request, &Signer::new(&person(by)), &town.charter().charter)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_cancels_and_no_word_counts_at_another_server_or_for_another_order() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let elsewhere = Town::found(b"short", ItemDelivery::Encrypted).await;
    let first = ordered(&mut town, "one", false).await;
    let key = first.key();
    for by in [MERCHANT, 3, 9] {
        let client = Client::connect(&person(by), town.charter()).unwrap();
        let refused = client.submit(&[word(&town, by, key)]).await.unwrap();
        assert_eq!(refused.results[0].code, Code::NotOwner, "{by}");
    }
    // Her own word for another server, brought here.
    let foreign = bank::Question::Submit(vec![word(&elsewhere, CUSTOMER, key).as_bytes().to_vec()]);
    let answer = town.ask_bank(CUSTOMER, &foreign).await;
    assert!(matches!(answer, Some(bank::Answer::Declined(_))), "{answer:?}");
    // The order is as good as before.
    drop(first);
    town.start_merchant(None).await;
    let customer = town.customer(PATIENCE);
    drop(town.go_on(&customer, "one", "out").await.unwrap());
    town.paid_for(1).await;
    // A word that was heard once, brought again by anybody at any time, cancels nothing else.
    let network = Arc::new(Counting::default());
    let second = ordered(&mut town, "two", false).await;
    let links = town.relayed(&network).await;
    let customer = links.customer(PATIENCE);
    let Cancelled::Done(offered) = second.cancel(&customer, town.now()).await.unwrap() else {
        panic!("cancelled")
    };
    drop((offered, links));
    town.start_merchant(None).await;
    let customer = town.customer(PATIENCE);
    let words = network.bank.lock().unwrap().clone();
    assert!(!words.is_empty());
    for asker in [CUSTOMER, MERCHANT, 9] {
        for word in &words {
            let _ = town.ask_bank(asker, word).await;
        }
    }
    drop(town.go_on(&customer, "two", "out").await.unwrap());
    town.paid_for(2).await;
}
