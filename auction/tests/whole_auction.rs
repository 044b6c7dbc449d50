//! Whole auctions in memory against an auction in the clear.

mod in_memory;

use auction::prices::Level;
use auction::spec::Rule;
use auction::transcript::Transcript;
use in_memory::{Committee, Terms, in_the_clear, keys, price_of, rng, run};
use rand::RngExt as _;

/// Runs one auction and compares it, and its transcript's verification, with the plain answer.
fn check(terms: Terms, levels: &[u32], seed: u64) -> usize {
    let mut rng = rng(seed);
    let committee = Committee::new(terms, &mut rng);
    let bids: Vec<_> = levels.iter().map(|level| committee.seal(Level(*level), &mut rng)).collect();
    let books = committee.take(&bids, &mut rng);
    let mut nodes = committee.close(books, &mut rng);
    let rounds = run(&mut nodes, &mut rng);

    let told = format!("seed {seed}, {terms:?}, levels {levels:?}");
    let outcome = *nodes[0].1.outcome().unwrap();
    for (_, referee) in &nodes {
        assert_eq!(referee.outcome(), Some(&outcome), "{told}");
    }
    assert_eq!(outcome.bids as usize, levels.len(), "{told}");
    match in_the_clear(terms.rule, levels) {
        None => assert_eq!(outcome.sale, None, "{told}"),
        Some((price, winners, tie)) => {
            let sale = outcome.sale.unwrap();
            assert_eq!(sale.level, Level(price), "{told}");
            assert_eq!(sale.price, price_of(Level(price)), "{told}");
            let winner = keys(&bids).iter().position(|key| *key == sale.winner).unwrap();
            assert!(winners.contains(&winner), "{told}: {winner} won");
            assert_eq!(outcome.tie, tie, "{told}");
        }
    }
    let bytes = Transcript::of(&nodes[0].1).unwrap().to_bytes().unwrap();
    let verdict = Transcript::from_bytes(&bytes).unwrap().verify(None, &mut rng).unwrap();
    assert_eq!(verdict.outcome, outcome, "{told}");
    assert_eq!(verdict.signed_by.len(), terms.accumulators, "{told}");
    rounds
}

fn terms(rule: Rule, levels: u32, accumulators: usize) -> Terms {
    Terms { rule, levels, accumulators, block: 32, fan_out: 32 }
}

#[test]
fn the_cases_that_matter() {
    for rule in [Rule::FirstPrice, Rule::SecondPrice] {
        for (i, levels) in [
            &[][..],
            &[1],
            &[7],
            &[20],
            &[1, 1],
            &[20, 20],
            &[3, 9],
            &[5, 5, 5, 5],
            &[20, 20, 19, 1],
            &[20, 19, 19, 1],
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
        for accumulators in 2..=7 {
            check(terms(rule, 6, accumulators), &[3, 6, 2], 110);
        }
    }
}

#[test]
fn auctions_at_random() {
    let seed = std::env::var("GAVEL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let auctions = std::env::var("GAVEL_AUCTIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(50);
    let mut chooser = rng(seed);
    for i in 0..auctions {
        let rule = if chooser.random() { Rule::FirstPrice } else { Rule::SecondPrice };
        let levels = chooser.random_range(1..=64);
        let block = chooser.random_range(2..=33);
        let terms = Terms {
            rule,
            levels,
            accumulators: chooser.random_range(2..=5),
            block,
            fan_out: chooser.random_range(2..=block),
        };
        // Half of the auctions draw from few levels, so that ties are many.
        let width = if chooser.random() { levels } else { levels.min(3) };
        let bids: Vec<u32> = (0..chooser.random_range(0..=40))
            .map(|_| levels - chooser.random_range(0..width))
            .collect();
        check(terms, &bids, seed.wrapping_mul(1_000_003) + i);
    }
}

#[test]
fn a_thousand_levels_and_full_fan_out_take_sixteen_rounds() {
    let bids: Vec<u32> = (0..40).map(|i| 400 + 7 * i).collect();
    // Lists 1, price 2 x 4, winner 2 x 3 (40 bids in blocks of 32), outcome 1.
    assert_eq!(check(terms(Rule::SecondPrice, 1024, 3), &bids, 5), 16);
}
