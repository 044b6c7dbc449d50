//! Purchases on a friendly network.

use std::time::Duration;

use purchase::customer::{Cancelled, Purchase, Settled, Stage};
use purchase::merchant::{Catalogue, ItemDelivery, NewItem};
use settlement::client::{Bought, Client};
use settlement::goods::{Existing, unwatched};
use settlement::ledger::{Code, Sum};

use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_and_goods_change_hands_and_both_sides_can_prove_it() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let customer = town.customer(PATIENCE);
    let bought = town.go_on(&customer, "one", "out").await.unwrap();
    assert_eq!(read(&town.at("out")), content());
    let paid = bought.paid().clone();
    assert_eq!(paid.offer.terms().price.get(), PRICE);
    town.paid_for(1).await;
    drop(bought);
    // The same purchase again is the same purchase.
    std::fs::remove_file(town.at("out")).unwrap();
    let again = town.go_on(&customer, "one", "out").await.unwrap();
    assert_eq!(again.paid(), &paid);
    assert_eq!(read(&town.at("out")), content());
    town.paid_for(1).await;
    // Another folder is another purchase, under another key.
    let second = town.go_on(&customer, "two", "out").await.unwrap();
    let hashes = [&paid, second.paid()].map(|paid| paid.offer.terms().delivery);
    assert_ne!(hashes[0], hashes[1]);
    town.paid_for(2).await;
    // The merchant gets the same receipt from the server, by its name.
    let merchant = Client::connect(&person(MERCHANT), town.charter()).unwrap();
    let told = merchant.purchase(paid.key).await.unwrap().unwrap();
    let Bought::Paid(receipt, proven) = told else { panic!("paid") };
    assert!(receipt.key().is_some());
    assert_eq!(proven, paid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_the_server_holds_is_bought_too() {
    let town = Town::found(&content(), ItemDelivery::Held).await;
    let customer = town.customer(PATIENCE);
    let bought = town.go_on(&customer, "one", "out").await.unwrap();
    assert!(bought.receipt().key().is_none());
    assert_eq!(read(&town.at("out")), content());
    town.paid_for(1).await;
    drop(bought);
    std::fs::write(town.at("out"), b"mine").unwrap();
    let folder = town.folder("one").await;
    let stage = Purchase::open(folder, &town.charter().charter).resume(town.now()).unwrap();
    let Stage::Bought(bought) = stage else { panic!("bought") };
    let kept = bought.deliver(&customer, &town.at("out"), Existing::Keep, unwatched).await;
    assert!(kept.is_err());
    assert_eq!(read(&town.at("out")), b"mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sold_is_what_was_quoted_whatever_the_catalogue_says_later() {
    let town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let catalogue = Catalogue::open(&town.shop_dir()).unwrap();
    let customer = town.customer(PATIENCE);
    let fresh = |name: &'static str| async {
        let folder = town.folder(name).await;
        match Purchase::open(folder, &town.charter().charter).resume(town.now()).unwrap() {
            Stage::Fresh(fresh) => fresh,
            other => panic!("{other:?}"),
        }
    };
    let offered = fresh("one").await.inquire(&customer, 1, town.now()).await.unwrap();
    catalogue.reprice(1, Sum::new(9_999).unwrap()).unwrap();
    catalogue.withdraw(1, town.now()).unwrap();
    assert!(fresh("two").await.inquire(&customer, 1, town.now()).await.is_err());
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    assert!(matches!(ordered.settle(&customer, town.now()).await.unwrap(), Settled::Bought(_)));
    town.paid_for(1).await;
    let listed = customer.shop().catalogue().await.unwrap();
    assert!(listed.is_empty());
    // A long catalogue comes in pages.
    let item = town.at("item");
    for number in 0..40 {
        let new = NewItem {
            description: format!("thing {number}"),
            price: Sum::new(5).unwrap(),
            delivery: ItemDelivery::Held,
        };
        catalogue.add(&item, &new).unwrap();
    }
    let listed = customer.shop().catalogue().await.unwrap();
    assert_eq!(listed.len(), 40);
    assert_eq!((listed[0].item, listed[39].item), (2, 41));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_cancelled_or_paid_and_the_customer_knows_which() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let customer = town.customer(Duration::from_millis(700));
    let folder = town.folder("one").await;
    let stage = Purchase::open(folder, &town.charter().charter).resume(town.now()).unwrap();
    let Stage::Fresh(fresh) = stage else { panic!("fresh") };
    let offered = fresh.inquire(&customer, 1, town.now()).await.unwrap();
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    // The merchant is away: nothing has happened, and the customer takes his word back.
    town.kill_merchant();
    let Settled::Open(ordered, _) = ordered.settle(&customer, town.now()).await.unwrap() else {
        panic!("open")
    };
    let Cancelled::Done(offered) = ordered.cancel(&customer, town.now()).await.unwrap() else {
        panic!("cancelled")
    };
    assert_eq!(offered.last_refusal(), Some(Code::Cancelled));
    town.paid_for(0).await;
    // The offer stands, the goods are here: another order needs no other download.
    town.start_merchant(None).await;
    let customer = town.customer(PATIENCE);
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    let Settled::Bought(bought) = ordered.settle(&customer, town.now()).await.unwrap() else {
        panic!("bought")
    };
    drop(bought);
    town.paid_for(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_out_of_time_is_over_and_an_offer_too() {
    let mut town = Town::found(&content(), ItemDelivery::Encrypted).await;
    let customer = town.customer(Duration::from_millis(700));
    let folder = town.folder("one").await;
    let stage = Purchase::open(folder, &town.charter().charter).resume(town.now()).unwrap();
    let Stage::Fresh(fresh) = stage else { panic!("fresh") };
    let offered = fresh.inquire(&customer, 1, town.now()).await.unwrap();
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    let ordered = fetched.order(&customer, town.now(), HOUR_MS).unwrap();
    town.kill_merchant();
    town.hands.pass(HOUR_MS);
    let settled = ordered.settle(&customer, town.now()).await.unwrap();
    let Settled::Refused(offered, Code::Expired) = settled else { panic!("{settled:?}") };
    town.start_merchant(None).await;
    town.paid_for(0).await;
    // A day later the offer is over as well.
    town.hands.pass(24 * HOUR_MS);
    let customer = town.customer(PATIENCE);
    let fetched = offered.fetch(&customer, |_| {}).await.unwrap();
    assert!(fetched.order(&customer, town.now(), HOUR_MS).is_err());
    let bought = town.go_on(&customer, "one", "out").await.unwrap();
    assert_eq!(read(&town.at("out")), content());
    drop(bought);
    town.paid_for(1).await;
}
