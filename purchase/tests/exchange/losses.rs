//! Every message lost, lost with its link, doubled, delayed or replayed.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use purchase::customer::{Cancelled, Purchase, Stage};
use purchase::merchant::ItemDelivery;
use purchase::relay::{Fate, Network};
use purchase::service as shop;
use settlement::goods::{Existing, unwatched};
use settlement::service as bank;

use crate::town::*;

/// Longest that a customer waits on a network that may be cut.
const SHORT: Duration = Duration::from_millis(900);
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts messages, and does something to the one with a number.
#[derive(Default)]
pub struct Counting {
    pub passed: AtomicUsize,
    at: Option<usize>,
    what: What,
    cut: AtomicBool,
    /// Questions as they were asked, to be asked again.
    shop: Mutex<Vec<shop::Question>>,
    pub bank: Mutex<Vec<bank::Question>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum What {
    #[default]
    Nothing,
    /// This one message is lost.
    Lose,
    /// All links are cut when it has arrived.
    CutAfter,
    /// It is lost, and all links with it.
    CutBefore,
    /// It arrives twice.
    Double,
}

impl Counting {
    pub fn new(at: usize, what: What) -> Arc<Self> {
        Arc::new(Self { at: Some(at), what, ..Self::default() })
    }

    fn fate(&self) -> Fate {
        if self.cut.load(Ordering::SeqCst) {
            return Fate::Lost;
        }
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        if self.at != Some(number) {
            return Fate::Passes;
        }
        match self.what {
            What::Nothing => Fate::Passes,
            What::Lose => Fate::Lost,
            What::Double => Fate::Twice,
            What::CutBefore => {
                self.cut.store(true, Ordering::SeqCst);
                Fate::Lost
            }
            What::CutAfter => {
                self.cut.store(true, Ordering::SeqCst);
                Fate::Passes
            }
        }
    }
}

impl Network<shop::Question, shop::Answer> for Counting {
    fn question(&self, question: &mut shop::Question) -> Fate {
        self.shop.lock().unwrap().push(question.clone());
        self.fate()
    }

    fn answer(&self, _: &mut shop::Answer) -> Fate {
        self.fate()
    }
}

impl Network<bank::Question, bank::Answer> for Counting {
    fn question(&self, question: &mut bank::Question) -> Fate {
        self.bank.lock().unwrap().push(question.clone());
        self.fate()
    }

    fn answer(&self, _: &mut bank::Answer) -> Fate {
        self.fate()
    }
}

/// Messages of an exchange on a network that does nothing to them.
async fn messages(town: &mut Town, folder: &str) -> usize {
    let network = Arc::new(Counting::default());
    let links = town.relayed(&network).await;
    let customer = links.customer(PATIENCE);
    drop(town.go_on(&customer, folder, "out").await.unwrap());
    network.passed.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_message_may_be_lost_or_doubled() {
    for delivery in [ItemDelivery::Encrypted, ItemDelivery::Held] {
        let mut town = Town::found(&content(), delivery).await;
        let count = messages(&mut town, "first").await;
        assert!((8..40).contains(&count), "{count}");
        let mut paid = 1;
        for what in [What::Lose, What::Double] {
            for at in 0..count {
                let network = Counting::new(at, what);
                let links = town.relayed(&network).await;
                let customer = links.customer(PATIENCE);
                let folder = format!("{what:?} {at}");
                drop(town.go_on(&customer, &folder, "out").await.unwrap());
                assert_eq!(read(&town.at("out")), content(), "{folder}");
                paid += 1;
                town.paid_for(paid).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_after_any_message_leaves_all_or_nothing_and_is_recovered_from() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let count = messages(&mut town, "first").await;
    let mut paid = 1;
    for what in [What::CutBefore, What::CutAfter] {
        for at in 0..count {
            let network = Counting::new(at, what);
            let links = town.relayed(&network).await;
            let customer = links.customer(SHORT);
            let folder = format!("{what:?} {at}");
            let cut = town.go_on(&customer, &folder, "out").await;
            drop((cut, links));
            // Afterwards the customer is charged exactly if the server has the key for him.
            let charged = (FUNDS - town.balance(CUSTOMER).await) / PRICE - paid;
            assert!(charged <= 1, "{folder}");
            // The links are there again, and the same command goes on.
            town.start_merchant(None).await;
            let customer = town.customer(PATIENCE);
            drop(town.go_on(&customer, &folder, "out").await.unwrap());
            assert_eq!(read(&town.at("out")), content(), "{folder}");
            paid += 1;
            town.paid_for(paid).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_merchant_never_comes_back_the_server_has_all_or_nothing_was_paid() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let count = messages(&mut town, "first").await;
    let (mut paid, mut cancelled) = (1, 0);
    for at in 0..count {
        let network = Counting::new(at, What::CutAfter);
        let links = town.relayed(&network).await;
        let customer = links.customer(SHORT);
        let folder = format!("gone {at}");
        drop((town.go_on(&customer, &folder, "out").await, links));
        town.kill_merchant();
        let customer = town.customer(PATIENCE);
        let purchase = Purchase::open(town.folder(&folder).await, &town.charter().charter);
        let bought = match purchase.resume(town.now()).unwrap() {
            Stage::Fresh(_) | Stage::Offered(_) => None,
            Stage::Bought(bought) => Some(bought),
            // By her word it is one or the other, for good.
            Stage::Ordered(ordered) => match ordered.cancel(&customer, town.now()).await.unwrap() {
                Cancelled::TooLate(bought) => Some(bought),
                Cancelled::Done(_) => {
                    cancelled += 1;
                    None
                }
            },
        };
        if let Some(bought) = bought {
            let out = town.at("gone");
            drop(bought.deliver(&customer, &out, Existing::Replace, unwatched).await.unwrap());
            assert_eq!(read(&out), content(), "{folder}");
            std::fs::remove_file(&out).unwrap();
            paid += 1;
        }
        town.paid_for(paid).await;
        town.start_merchant(None).await;
    }
    // The order alone reached nobody or the merchant alone; later the server had it with its key.
    assert!(paid > 1 && cancelled > 0, "{paid} paid, {cancelled} cancelled");
    // What was cancelled stays so, now that the merchant brings it.
    town.paid_for(paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_was_asked_may_be_asked_again_for_ever() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let network = Arc::new(Counting::default());
    let links = town.relayed(&network).await;
    let customer = links.customer(PATIENCE);
    let bought = town.go_on(&customer, "one", "out").await.unwrap();
    drop(links);
    let (to_shop, to_bank) =
        (network.shop.lock().unwrap().clone(), network.bank.lock().unwrap().clone());
    assert!(to_shop.len() >= 3 && !to_bank.is_empty());
    // By himself, by a stranger, at once and after everything is over.
    town.start_merchant(None).await;
    for asker in [CUSTOMER, MERCHANT, 9] {
        for pass in 0..2 {
            if pass == 1 {
                town.hands.pass(40 * HOUR_MS);
            }
            for question in &to_shop {
                let _ = town.ask_shop(asker, question).await;
            }
            for question in &to_bank {
                let _ = town.ask_bank(asker, question).await;
            }
            town.paid_for(1).await;
        }
    }
    assert_eq!(bought.paid().offer.terms().price.get(), PRICE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_answered_with_what_is_anothers() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let network = Arc::new(Counting::default());
    let links = town.relayed(&network).await;
    let customer = links.customer(PATIENCE);
    drop(town.go_on(&customer, "one", "out").await.unwrap());
    drop(links);
    town.start_merchant(None).await;
    let questions = network.shop.lock().unwrap().clone();
    for question in &questions {
        let own = town.ask_shop(CUSTOMER, question).await;
        let strangers = town.ask_shop(9, question).await;
        match question {
            shop::Question::Catalogue(_) => {}
            // An offer to the stranger himself, under a key of his own.
            shop::Question::Inquiry { .. } => assert_ne!(own, strangers),
            _ => assert!(
                matches!(strangers, Some(shop::Answer::Declined(_))),
                "{question:?}: {strangers:?}"
            ),
        }
    }
}
