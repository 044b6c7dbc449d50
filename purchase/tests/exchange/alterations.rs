//! Every message altered on its way: refused or without effect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auction::wire::{decode, encode};
use purchase::merchant::ItemDelivery;
use purchase::relay::{Fate, Network};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use settlement::service::MAX_ANSWER;

use crate::town::*;

const PATIENCE: Duration = Duration::from_secs(20);
/// Alterations of each message.
const TIMES: usize = 6;

/// Alters one bit of the message with a number; what cannot be read then is lost.
struct Altering {
    passed: AtomicUsize,
    at: usize,
    rng: Mutex<StdRng>,
}

impl Altering {
    fn alter<T: Serialize + DeserializeOwned>(&self, message: &mut T) -> Fate {
        if self.passed.fetch_add(1, Ordering::SeqCst) != self.at {
            return Fate::Passes;
        }
        let mut bytes = encode(message).unwrap();
        let bit = self.rng.lock().unwrap().random_range(0..8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
        match decode(&bytes, MAX_ANSWER) {
            Ok(altered) => {
                *message = altered;
                Fate::Passes
            }
            Err(_) => Fate::Lost,
        }
    }
}

impl<Q, A> Network<Q, A> for Altering
where
    Q: Serialize + DeserializeOwned,
    A: Serialize + DeserializeOwned,
{
    fn question(&self, question: &mut Q) -> Fate {
        self.alter(question)
    }

    fn answer(&self, answer: &mut A) -> Fate {
        self.alter(answer)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_altered_on_the_way_the_goods_are_paid_once_and_right() {
    let seed = std::env::var("GAVEL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| rand::rng().random::<u64>());
    println!("GAVEL_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for delivery in [ItemDelivery::Encrypted, ItemDelivery::Held] {
        let mut town = Town::found(&content(), delivery).await;
        let mut paid = 0;
        for at in 0..100 {
            let mut reached = false;
            for time in 0..TIMES {
                let rng = Mutex::new(StdRng::seed_from_u64(rng.random()));
                let network = Arc::new(Altering { passed: AtomicUsize::new(0), at, rng });
                let links = town.relayed(&network).await;
                let customer = links.customer(PATIENCE);
                let folder = format!("altered {at} {time}");
                // It may come to nothing; it must not come to anything else.
                let first = town.go_on(&customer, &folder, "out").await;
                if first.is_ok() {
                    assert_eq!(read(&town.at("out")), content(), "{folder}");
                }
                reached |= network.passed.load(Ordering::SeqCst) > at;
                drop((first, links));
                town.start_merchant(None).await;
                let customer = town.customer(PATIENCE);
                drop(town.go_on(&customer, &folder, "out").await.unwrap());
                assert_eq!(read(&town.at("out")), content(), "{folder}");
                paid += 1;
                town.paid_for(paid).await;
            }
            if !reached {
                break;
            }
        }
        assert!(paid > 8 * TIMES as u64);
    }
}
