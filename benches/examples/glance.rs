//! One look at every figure, as the table of `docs/PERFORMANCE.md`: medians of a few runs, for
//! checks the fastest of many, in seconds instead of criterion's minutes.
//!
//! `cargo run --release -p benches --example glance`

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program that prints a table")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::book::BidBook;
use auction::checking::BidChecker;
use auction::spec::Rule;
use benches::{Committee, measure_t, rng, rounds::close, take};

/// Prints a row: the figure in milliseconds and in units of T measured beside it.
fn row(name: &str, runs: &mut [Duration]) {
    let t = measure_t();
    runs.sort_unstable();
    let time = runs[runs.len() / 2];
    let in_t = time.as_secs_f64() / t.as_secs_f64();
    println!("| {name} | {:.3} ms | {in_t:.1} T |", time.as_secs_f64() * 1e3);
}

fn repeat(runs: usize, mut run: impl FnMut() -> Duration) -> Vec<Duration> {
    (0..runs).map(|_| run()).collect()
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn main() {
    let mut rng = rng();
    println!(
        "T = {:.1} us\n\n| figure | time | in T |\n|---|---|---|",
        measure_t().as_secs_f64() * 1e6
    );
    for levels in [256, 1024, 4096] {
        let committee = Committee::new(Rule::SecondPrice, levels, 3);
        let mut seals = repeat(9, || timed(|| drop(committee.seal(levels / 2, &mut rng))));
        row(&format!("seal a bid, K = {levels}"), &mut seals);
        let bid = committee.seal(levels / 2, &mut rng);
        let public = auction::wire::encode(&bid[0].bid).map_or(0, |bytes| bytes.len());
        println!("| public bytes of a sealed bid, K = {levels} | {public} bytes | |");
    }
    let committee = Committee::new(Rule::SecondPrice, 1024, 3);
    let bids = committee.seal_many(256, &mut rng);
    let checker = BidChecker::new(Arc::clone(&committee.auction), 0, &mut rng);
    for batch in [1, 16, 64, 256] {
        let part: Vec<_> = bids.iter().take(batch).map(|bid| bid[0].clone()).collect();
        let checks = repeat(31, || {
            let (part, mut book) = (part.clone(), BidBook::new(Arc::clone(&committee.auction)));
            timed(|| take(&checker, &mut book, part, &mut rng))
        });
        // Short enough to fall between other load on the machine: the fastest says most.
        let fastest = checks.into_iter().min().unwrap_or_default() / batch as u32;
        row(&format!("check a bid in a batch of {batch}, K = 1024"), &mut [fastest]);
    }
    for n in [100, 1000] {
        let bids = committee.seal_many(n, &mut rng);
        let mut transcript = None;
        let mut totals = Vec::new();
        let mut last = None;
        for _ in 0..5 {
            let (closing, made) = close(&committee, &bids, &mut rng);
            totals.push(closing.total());
            last = Some(closing);
            transcript = Some(made);
        }
        row(&format!("one accumulator from close to outcome, n = {n}, K = 1024"), &mut totals);
        if let Some(closing) = last {
            let parts = [
                ("set", closing.set),
                ("ladder", closing.ladder),
                ("price", closing.price),
                ("winner", closing.winner),
            ];
            for (part, time) in parts {
                row(&format!("... of that {part}"), &mut [time]);
            }
            println!(
                "| rounds; bytes between accumulators, n = {n} | {}; {} bytes | |",
                closing.rounds, closing.bytes
            );
        }
        let Some(transcript) = transcript else { continue };
        let mut verifications = repeat(5, || {
            let transcript = transcript.clone();
            timed(|| drop(transcript.verify(None, &mut rng).expect("a valid transcript")))
        });
        row(&format!("verify a transcript, n = {n}, K = 1024"), &mut verifications);
    }
}
