//! Random auctions, each accumulator a process of its own, against the auction in the clear.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tests::command::gavel;
use tests::demo::{Asked, compare};
use tests::seeds::seeded;

const AUCTIONS: usize = 20;
/// Auctions side by side.
const HANDS: usize = 2;
/// The reserve price and the tick, in units of the comparison's four decimals.
const MIN: u128 = 120_000;
const TICK: u128 = 2_500;

/// An auction of random size, with ties and with bids below the reserve price.
struct Random {
    asked: Asked,
    csv: String,
    accumulators: usize,
    levels: u32,
}

impl Random {
    /// The auction of this number: the first ones cover what chance may leave out.
    fn new(number: usize, rng: &mut StdRng) -> Self {
        let count = if number < 4 { number / 2 } else { rng.random_range(2..=12) };
        let levels = rng.random_range(1..=40u32);
        // A narrow range makes ties.
        let top = rng.random_range(1..=levels);
        // Level 0 is below the reserve price.
        let bottom = top.saturating_sub(rng.random_range(0..6));
        let bids: Vec<(String, u128)> = (0..count)
            .map(|i| (format!("bidder {i}"), rng.random_range(bottom..=top)))
            .map(|(name, level)| (name, MIN + TICK * u128::from(level) - TICK))
            .collect();
        let line = |(name, price): &(String, u128)| format!("{name},{}\n", decimal(*price));
        let csv = format!("bidder,price\n{}", bids.iter().map(line).collect::<String>());
        let asked = Asked { bids, second_price: number.is_multiple_of(2), reserve: MIN };
        let accumulators = if number + 1 == AUCTIONS { 7 } else { 2 + number % 3 };
        Self { asked, csv, accumulators, levels }
    }

    fn run(&self) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bids.csv"), &self.csv).unwrap();
        let rule = if self.asked.second_price { "second-price" } else { "first-price" };
        let (accumulators, levels) = (self.accumulators.to_string(), self.levels.to_string());
        let (min, tick) = (decimal(MIN), decimal(TICK));
        let ran = gavel(
            dir.path(),
            &[
                &["demo", "--json", "--bids", "bids.csv", "--transcript", "t", "--rule", rule][..],
                &["--accumulators", &accumulators, "--levels", &levels],
                &["--min", &min, "--tick", &tick],
            ]
            .concat(),
        );
        if ran.code != Some(0) {
            return Err(format!("{ran:?}"));
        }
        compare(&self.asked, &ran.json())
    }
}

fn decimal(price: u128) -> String {
    format!("{}.{:04}", price / 10_000, price % 10_000)
}

#[test]
fn random_auctions_say_what_the_plain_auction_says() {
    let seed: u64 = seeded("random_auctions_say_what_the_plain_auction_says").random();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= AUCTIONS {
                return;
            }
            let auction = Random::new(number, &mut StdRng::seed_from_u64(seed ^ number as u64));
            if let Err(difference) = auction.run() {
                let Random { accumulators, levels, csv, .. } = auction;
                panic!(
                    "auction {number}, {accumulators} accumulators, {levels} levels:\n{csv}{difference}"
                );
            }
        }
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(work)).collect();
        for hand in hands {
            hand.join().unwrap();
        }
    });
}
