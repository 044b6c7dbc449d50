//! Customer, merchant and server killed at every message, and all of them at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use purchase::merchant::ItemDelivery;
use purchase::relay::{Fate, Network};
use tokio::sync::Notify;

use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Lets messages pass up to a number; then it says so, and lets none pass.
#[derive(Default)]
struct Until {
    passed: AtomicUsize,
    at: usize,
    /// Whether the message with that number still arrives.
    arrives: bool,
    over: AtomicBool,
    hit: Notify,
}

impl<Q, A> Network<Q, A> for Until {
    fn question(&self, _: &mut Q) -> Fate {
        self.fate()
    }

    fn answer(&self, _: &mut A) -> Fate {
        self.fate()
    }
}

impl Until {
    fn fate(&self) -> Fate {
        if self.over.load(Ordering::SeqCst) {
            return Fate::Lost;
        }
        if self.passed.fetch_add(1, Ordering::SeqCst) < self.at {
            return Fate::Passes;
        }
        self.over.store(true, Ordering::SeqCst);
        self.hit.notify_one();
        if self.arrives { Fate::Passes } else { Fate::Lost }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Customer,
    Merchant,
    Server,
    All,
}

/// Kills somebody at each message in turn; how many messages there were.
async fn kill_at_every_message(town: &mut Town, who: Who, arrives: bool, paid: &mut u64) -> usize {
    for at in 0..100 {
        let network = Arc::new(Until { at, arrives, ..Until::default() });
        let links = town.relayed(&network).await;
        let customer = links.customer(PATIENCE);
        let folder = format!("{who:?} {arrives} {at}");
        tokio::select! {
            bought = town.go_on(&customer, &folder, "out") => drop(bought.unwrap()),
            () = network.hit.notified() => {}
        }
        // The customer's attempt is dropped wherever it was.
        drop((customer, links));
        if matches!(who, Who::Server | Who::All) {
            town.kill_server();
        }
        if matches!(who, Who::Merchant | Who::All) {
            town.kill_merchant();
        }
        if matches!(who, Who::Server | Who::All) {
            town.start_server().await;
        }
        // Behind a relay that is gone he would not find the server.
        town.start_merchant(None).await;
        let customer = town.customer(PATIENCE);
        drop(town.go_on(&customer, &folder, "out").await.unwrap());
        assert_eq!(read(&town.at("out")), content(), "{folder}");
        *paid += 1;
        town.paid_for(*paid).await;
        if !network.over.load(Ordering::SeqCst) {
            return at;
        }
    }
    panic!("an exchange without end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_killed_when_the_goods_are_paid_once_and_delivered() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let mut paid = 0;
    for who in [Who::Customer, Who::Merchant, Who::Server, Who::All] {
        for arrives in [false, true] {
            let messages = kill_at_every_message(&mut town, who, arrives, &mut paid).await;
            assert!(messages >= 8, "{messages}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_where_the_server_holds_the_item() {
    let mut town = Town::found(&content(), ItemDelivery::Held).await;
    let mut paid = 0;
    for who in [Who::Server, Who::All] {
        let messages = kill_at_every_message(&mut town, who, true, &mut paid).await;
        assert!(messages >= 8, "{messages}");
    }
}
