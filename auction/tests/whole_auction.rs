//! Whole auctions in memory against an auction in the clear.
//!
//! `GAVEL_AUCTIONS` random auctions (2,000 unless told), from seed `GAVEL_SEED` (1 unless told).
//! Every outcome is compared; one auction in ten is also checked in full: every share by its
//! accumulator, every round by every referee, the transcript by an outsider.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod in_memory;

use auction::money::Amount;
use auction::outcome::Outcome;
use auction::prices::{Level, PriceLadder};
use auction::spec::Rule;
use auction::transcript::{Transcript, TranscriptView};
use in_memory::{Committee, Sealed, Terms, in_the_clear, keys, rng, run, run_before_one};
use rand::RngExt as _;
use rand::rngs::ChaCha20Rng;

/// How much of an auction is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// The outcome, judged by one referee.
    Outcome,
    /// Shares, every referee, and the transcript too.
    All,
}

/// Runs one auction and compares it with the plain answer. Returns the rounds it took.
fn check(terms: Terms, levels: &[u32], seed: u64) -> usize {
    let mut rng = rng(seed);
    let committee = Committee::new(terms, &mut rng);
    check_in(committee, Depth::All, levels, &format!("seed {seed}, {terms:?}"), &mut rng)
}

fn check_in(
    committee: Committee,
    depth: Depth,
    levels: &[u32],
    told: &str,
    rng: &mut ChaCha20Rng,
) -> usize {
    let told = format!("{told}, levels {levels:?}");
    let spec = committee.auction.spec().clone();
    let bids: Vec<_> = levels.iter().map(|level| committee.seal(Level(*level), rng)).collect();
    if depth == Depth::Outcome {
        let books = committee.take_unchecked(&bids, rng);
        let auction = std::sync::Arc::clone(&committee.auction);
        let (mut parties, mut referees): (Vec<_>, Vec<_>) =
            committee.close(books, rng).into_iter().unzip();
        // Masks made beforehand serve as well as those made when they are due: some for a bid less
        // than came, some for all, some for neither.
        for party in &mut parties {
            for count in [levels.len().saturating_sub(1), levels.len()] {
                if rng.random_ratio(1, 4) {
                    party.masks_mut().drop_useless(&auction, count);
                    party.masks_mut().fill(&auction, count, rng);
                }
            }
        }
        let rounds = run_before_one(&mut parties, &mut referees[0], rng);
        compare(referees[0].outcome().unwrap(), &spec.ladder, spec.rule, levels, &bids, &told);
        return rounds;
    }
    let books = committee.take(&bids, rng);
    let mut nodes = committee.close(books, rng);
    let rounds = run(&mut nodes, rng);
    let outcome = *nodes[0].1.outcome().unwrap();
    compare(&outcome, &spec.ladder, spec.rule, levels, &bids, &told);
    for (_, referee) in &nodes {
        assert_eq!(referee.outcome(), Some(&outcome), "{told}");
    }
    let bytes = Transcript::of(&nodes[0].1).unwrap().to_bytes().unwrap();
    let mut written = Vec::new();
    let view = TranscriptView::of(&nodes[0].1).unwrap();
    view.write(&mut written, |wanted| panic!("{} bids are elsewhere", wanted.len())).unwrap();
    assert!(written == bytes, "{told}");
    let verdict = Transcript::from_bytes(&bytes).unwrap().verify(Some(&spec.id()), rng).unwrap();
    assert_eq!(verdict.outcome, outcome, "{told}");
    assert_eq!(verdict.signed_by.len(), nodes.len(), "{told}");
    assert_eq!(verdict.omissions, [], "{told}");
    rounds
}

fn compare(
    outcome: &Outcome,
    ladder: &PriceLadder,
    rule: Rule,
    levels: &[u32],
    bids: &[Sealed],
    told: &str,
) {
    assert_eq!(outcome.bids as usize, levels.len(), "{told}");
    let Some((price, winners, tie)) = in_the_clear(rule, levels) else {
        assert_eq!(outcome.sale, None, "{told}");
        assert!(!outcome.tie, "{told}");
        return;
    };
    let sale = outcome.sale.unwrap();
    assert_eq!(sale.level, Level(price), "{told}");
    assert_eq!(Some(sale.price), ladder.price(Level(price)), "{told}");
    let winner = keys(bids).iter().position(|key| *key == sale.winner).unwrap();
    assert!(winners.contains(&winner), "{told}: {winner} won");
    assert_eq!(outcome.tie, tie, "{told}");
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// One of `parts` equal parts of the random auctions, so that they run side by side.
fn random_auctions(part: u64, parts: u64) {
    let seed = from_environment("GAVEL_SEED", 1);
    let auctions = from_environment("GAVEL_AUCTIONS", 2_000);
    for i in (0..auctions).filter(|i| i % parts == part) {
        // A generator of its own for each auction: `i` alone repeats it.
        let mut rng = rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i);
        let block = rng.random_range(2..=33);
        let levels = rng.random_range(1..=64);
        let terms = Terms {
            rule: if rng.random() { Rule::FirstPrice } else { Rule::SecondPrice },
            levels,
            // Mostly few accumulators: every one makes all rounds longer.
            accumulators: 2 + [0, 0, 0, 0, 0, 1, 1, 1, 2, 3][rng.random_range(0..10)],
            block,
            fan_out: rng.random_range(2..=block),
        };
        // Half of the auctions draw from few levels, so that ties are many.
        let width = if rng.random() { levels } else { levels.min(3) };
        let top = rng.random_range(width..=levels);
        let bidders = match rng.random_range(0..10) {
            0 => rng.random_range(0..=40),
            1..4 => rng.random_range(0..=16),
            _ => rng.random_range(0..=8),
        };
        let bids: Vec<u32> = (0..bidders).map(|_| top - rng.random_range(0..width)).collect();
        let depth = if i % 10 == 0 { Depth::All } else { Depth::Outcome };
        let told = format!("GAVEL_SEED={seed}, auction {i}, {terms:?}");
        check_in(Committee::new(terms, &mut rng), depth, &bids, &told, &mut rng);
    }
}

#[test]
fn random_auctions_agree_with_the_clear_1() {
    random_auctions(0, 4);
}

#[test]
fn random_auctions_agree_with_the_clear_2() {
    random_auctions(1, 4);
}

#[test]
fn random_auctions_agree_with_the_clear_3() {
    random_auctions(2, 4);
}

#[test]
fn random_auctions_agree_with_the_clear_4() {
    random_auctions(3, 4);
}

fn terms(rule: Rule, levels: u32, accumulators: usize) -> Terms {
    Terms { rule, levels, accumulators, block: 32, fan_out: 32 }
}

const RULES: [Rule; 2] = [Rule::FirstPrice, Rule::SecondPrice];

#[test]
fn the_cases_that_matter() {
    for rule in RULES {
        for (i, levels) in [
            // Nobody; one, at the reserve price, between, at the top.
            &[][..],
            &[1],
            &[7],
            &[20],
            // All equal, at the reserve price and at the top.
            &[1, 1],
            &[20, 20],
            &[5, 5, 5, 5],
            // Neighbours and strangers.
            &[19, 20],
            &[1, 20],
            &[3, 9],
            // A tie at the second price, the top alone.
            &[20, 19, 19, 1],
            &[12, 4, 4, 4],
            // A tie at the top.
            &[20, 20, 19, 1],
            &[2, 9, 9, 4, 9],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        ]
        .into_iter()
        .enumerate()
        {
            check(terms(rule, 20, 3), levels, i as u64);
        }
        check(terms(rule, 1, 2), &[1, 1, 1], 100);
        check(terms(rule, 1, 2), &[], 101);
        check(terms(rule, 1, 2), &[1], 102);
    }
}

#[test]
fn any_number_of_accumulators() {
    for rule in RULES {
        for accumulators in 2..=7 {
            check(terms(rule, 6, accumulators), &[3, 6, 2], 110);
        }
        check(terms(rule, 4, 16), &[3, 3], 111);
    }
}

#[test]
fn every_block_size_and_fan_out_finds_every_price() {
    let mut seed = 200;
    for (block, fan_out) in [(2, 2), (3, 2), (5, 2), (5, 3), (7, 4), (9, 9), (256, 2), (256, 256)] {
        for top in [1, 2, 8, 9] {
            let terms =
                Terms { rule: Rule::SecondPrice, levels: 9, accumulators: 2, block, fan_out };
            check(terms, &[top, top.max(2) - 1, 1], seed);
            check(Terms { rule: Rule::FirstPrice, ..terms }, &[top, 1], seed + 1);
            seed += 2;
        }
    }
}

#[test]
fn listed_prices_are_paid_as_listed() {
    let prices = [1, 2, 5, 10, 20, 50, 100, 200, 500, u64::MAX].map(Amount);
    for (i, levels) in [&[10, 9, 3][..], &[10, 10], &[1], &[4, 4, 4, 7]].into_iter().enumerate() {
        for rule in RULES {
            let mut rng = rng(300 + i as u64);
            let listed = |spec: &mut auction::spec::Spec| {
                spec.ladder = PriceLadder::Listed(prices.to_vec());
            };
            let committee = Committee::with(terms(rule, 10, 2), listed, &mut rng);
            check_in(committee, Depth::All, levels, "listed prices", &mut rng);
        }
    }
}

#[test]
fn a_thousand_levels_and_full_fan_out_take_sixteen_rounds() {
    let bids: Vec<u32> = (0..64).map(|i| 400 + 7 * i).collect();
    // Lists 1, price 2 x 4, winner 2 x 3 (32 blocks of two bids each), outcome 1.
    assert_eq!(check(terms(Rule::SecondPrice, 1024, 3), &bids, 5), 16);
}

#[test]
fn the_longest_ladder() {
    // The most levels, one more than a power of the block, and the top of each.
    for (levels, bids) in [
        (16_384, &[16_384, 16_383, 1][..]),
        (16_384, &[9_000, 9_000]),
        (4_097, &[4_097, 4_097, 17]),
    ] {
        check(terms(Rule::SecondPrice, levels, 2), bids, 6);
    }
    check(terms(Rule::FirstPrice, 16_384, 2), &[12_345, 1], 7);
}
