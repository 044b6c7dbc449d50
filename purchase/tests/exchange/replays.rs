//! Messages of another exchange in place of those of this one: of an earlier one of the same
//! three, and of one at another server with another merchant.

use std::sync::Arc;
use std::time::Duration;

use purchase::merchant::ItemDelivery;
use purchase::service as shop;
use settlement::service as bank;
use settlement::service::purchases::PurchaseAnswer;

use crate::recording::{Kind, Recording};
use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longest that a customer waits where the merchant may never hear a true word.
const SHORT: Duration = Duration::from_secs(2);

/// An exchange as it should be, written down.
async fn recorded(town: &mut Town) -> Arc<Recording> {
    let network = Arc::new(Recording::default());
    let links = town.relayed(&network).await;
    let customer = links.customer(PATIENCE);
    drop(town.go_on(&customer, "recorded", "out").await.unwrap());
    network
}

/// Buys once for each message of the earlier exchange, that message in the place of its
/// counterpart. It may come to nothing; it must not come to anything else.
async fn put_in_place(town: &mut Town, earlier: &Arc<Recording>, mut paid: u64) {
    let mut replaced = 0;
    for kind in Kind::ALL {
        for number in 0..earlier.count(kind) {
            let network = Recording::replaying(kind, number, earlier);
            let links = town.relayed(&network).await;
            let customer = links.customer(SHORT);
            let folder = format!("{kind:?} {number}");
            let first = town.go_on(&customer, &folder, "out").await;
            replaced += usize::from(network.has_replaced());
            if first.is_ok() {
                assert_eq!(read(&town.at("out")), content(), "{folder}");
            }
            drop((first, links));
            town.start_merchant(None).await;
            let customer = town.customer(PATIENCE);
            drop(town.go_on(&customer, &folder, "out").await.unwrap());
            assert_eq!(read(&town.at("out")), content(), "{folder}");
            paid += 1;
            town.paid_for(paid).await;
        }
    }
    // All but the pieces of an item that the server has already.
    assert!(replaced >= 8, "{replaced}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_earlier_purchase_do_not_pass_for_this_ones() {
    for delivery in [ItemDelivery::Encrypted, ItemDelivery::Held] {
        let mut town = Town::found(&content(), delivery).await;
        let earlier = recorded(&mut town).await;
        put_in_place(&mut town, &earlier, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_another_server_and_merchant_do_nothing_here() {
    for delivery in [ItemDelivery::Encrypted, ItemDelivery::Held] {
        let mut elsewhere = Town::found(&content(), delivery).await;
        let there = recorded(&mut elsewhere).await;
        drop(elsewhere);
        let mut town = Town::found(&content(), delivery).await;
        let (to_shop, to_bank) = {
            let seen = there.seen.lock().unwrap();
            (seen.shop.clone(), seen.bank.clone())
        };
        // Brought by whoever it may be: customer and merchant have the same keys and accounts here.
        for asker in [CUSTOMER, MERCHANT, 9] {
            for question in &to_shop {
                let answer = town.ask_shop(asker, question).await;
                let refused = match question {
                    // What it costs here, to him who asks; the merchant sells nothing to himself.
                    shop::Question::Inquiry { .. } if asker != MERCHANT => {
                        matches!(answer, Some(shop::Answer::Offer(_)))
                    }
                    _ => matches!(answer, Some(shop::Answer::Declined(_))),
                };
                assert!(refused, "{asker}: {question:?}: {answer:?}");
            }
            for question in &to_bank {
                let answer = town.ask_bank(asker, question).await;
                let Some(bank::Answer::Purchase(answer)) = answer else { panic!("{answer:?}") };
                let refused = matches!(*answer, PurchaseAnswer::Declined(_));
                assert!(refused, "{asker}: {question:?}: {answer:?}");
            }
        }
        town.paid_for(0).await;
        put_in_place(&mut town, &there, 0).await;
    }
}
