//! What bidders, accumulators and auditors compute: one thread, no network, no disk.

use std::sync::Arc;
use std::time::Duration;

use auction::bid::Submission;
use auction::book::BidBook;
use auction::checking::BidChecker;
use auction::spec::Rule;
use auction::transcript::Transcript;
use auction::wire::encode;
use benches::rounds::{Closing, close};
use benches::{Committee, LEAST, NEAR_LONG, fan_out, rng, take};

use super::bids::Bids;
use super::figure::{Amount, Figure};
use super::plan::Plan;
use super::stopwatch::{fastest, timed};
use super::{Site, bounds, tell};

/// Checking, sealing, closing, verifying: the figures with a target.
pub(crate) fn figures(site: &mut Site, plan: &Plan) {
    tell("checking and sealing");
    let committee = Committee::new(Rule::SecondPrice, plan.levels, 3);
    let most = plan.bids[1].max(plan.batches[1]);
    let bids = Bids::of(&committee.auction, most, &site.kept).load(0..most);
    for batch in plan.batches {
        site.measure(|| {
            let amount = checking(&committee, &bids[..batch], plan.repeats * 5);
            let name = format!("check a bid in a batch of {batch}, K = {}", plan.levels);
            vec![
                Figure::new(name, computation(amount))
                    .at_most(9.0)
                    .peer("28 T without signatures in the prototype; Addax checks nothing")
                    .bound(bounds::CHECKING),
            ]
        });
    }
    site.measure(|| vec![sealing(&committee, plan.repeats).at_most(1500.0).peer(SEALING_1000)]);
    let near = |levels, search| Committee::searching(Rule::SecondPrice, levels, 3, search);
    let large = plan.long.map(|levels| near(levels, NEAR_LONG));
    if let Some(large) = &large {
        let sealing = || sealing(large, 2).at_most(18_000.0).peer(SEALING_10000);
        site.measure(|| vec![sealing()]);
    } else {
        let left_out = Amount::Missing("T", "left out of a quick run");
        let figure = Figure::new("seal a bid, K = 10000", left_out).at_most(18_000.0);
        site.add(vec![figure.peer(SEALING_10000)]);
    }
    site.measure(|| {
        let bytes = encode(&bids[0][0].bid).map_or(0, |bytes| bytes.len()) as f64;
        let name = format!("public bytes of a sealed bid, K = {}", plan.levels);
        let figure = Figure::new(name, Amount::Count(bytes, "bytes")).at_most(1600.0);
        vec![figure.peer("Addax 163,000 bytes")]
    });

    tell("from close to outcome, in memory");
    let targets = [(1300.0, 2222.0, "60 ms"), (2500.0, 9259.0, "250 ms")];
    let small = near(plan.levels, LEAST);
    let sealed = Bids::of(&small.auction, plan.bids[1], &site.kept).load(0..plan.bids[1]);
    for (n, target) in plan.bids.into_iter().zip(targets) {
        site.measure(|| closing(&small, &sealed[..n], plan.repeats, target, n == plan.bids[0]));
        site.measure(|| full_fan_out(&committee, &bids[..n], plan.repeats, n == plan.bids[0]));
    }
    let n = plan.bids[0];
    match &large {
        Some(large) => {
            let bids = Bids::of(&large.auction, n, &site.kept).load(0..n);
            site.measure(|| {
                let (closed, _) = quickest(large, &bids, plan.repeats);
                vec![closing_figure(n, large, &closed).at_most(4500.0)]
            });
        }
        None => {
            let left_out = Amount::Missing("T", "left out of a quick run");
            site.add(vec![
                Figure::new(closing_name(n, 10_000, NEAR_LONG), left_out).at_most(4500.0),
            ]);
        }
    }
}

const SEALING_1000: &str = "Addax 0.51 CPU s at K = 1,000, measured on a machine of this kind";
const SEALING_10000: &str = "Addax 5.4 CPU s, measured on a machine of this kind";

fn computation(time: Duration) -> Amount {
    Amount::Computation(time.as_secs_f64())
}

/// One bid's part of a whole check, from the decoded submission to book and sum.
pub(crate) fn checking(committee: &Committee, bids: &[Vec<Submission>], runs: usize) -> Duration {
    let mut rng = rng();
    let checker = BidChecker::new(Arc::clone(&committee.auction), 0, &mut rng);
    let part: Vec<Submission> = bids.iter().map(|bid| bid[0].clone()).collect();
    let time = fastest(runs, |_| {
        let (part, mut book) = (part.clone(), BidBook::new(Arc::clone(&committee.auction)));
        timed(|| take(&checker, &mut book, part, &mut rng)).0
    });
    // Batches are far smaller than 2^32.
    time / bids.len() as u32
}

/// Sealing in the middle of the ladder; it takes as long at every level.
pub(crate) fn sealing_time(committee: &Committee, runs: usize) -> Duration {
    let mut rng = rng();
    // Levels are at most 16,384.
    let level = committee.auction.levels().div_ceil(2) as u32;
    fastest(runs, |_| timed(|| committee.seal(level, &mut rng)).0)
}

fn sealing(committee: &Committee, runs: usize) -> Figure {
    let name = format!("seal a bid, K = {}", committee.auction.levels());
    Figure::new(name, computation(sealing_time(committee, runs))).bound(bounds::SEALING)
}

/// The run in which an accumulator computed least, with its transcript.
pub(crate) fn quickest(
    committee: &Committee,
    bids: &[Vec<Submission>],
    runs: usize,
) -> (Closing, Transcript) {
    let mut rng = rng();
    let runs = (0..runs.max(1)).map(|_| close(committee, bids, &mut rng));
    runs.min_by_key(|(closing, _)| closing.total()).expect("at least one run")
}

/// What the figure of a closing near or far is called.
pub(crate) fn far_name(n: usize, levels: usize) -> String {
    format!("the same at full fan-out, n = {n}, K = {levels}")
}

pub(crate) fn closing_name(n: usize, levels: usize, search: (u16, u16)) -> String {
    format!("one accumulator from close to outcome, n = {n}, K = {levels}, {}", fan_out(search))
}

fn closing_figure(n: usize, committee: &Committee, closed: &Closing) -> Figure {
    let levels = committee.auction.levels();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let figure =
        Figure::new(closing_name(n, levels, committee.search()), computation(closed.total()));
    Figure { rounds: Some(closed.rounds), ..figure }
        .note(format!(
            "{} rounds; set {:.1} ms, ladder {:.1} ms, price {:.1} ms, winner {:.1} ms",
            closed.rounds,
            millis(closed.set),
            millis(closed.ladder),
            millis(closed.price),
            millis(closed.winner)
        ))
        .peer("5,000 T (n = 100) and 10,000 T (n = 1,000) in the prototype")
        .bound(bounds::closing(closed, levels))
}

/// The figures of one closing among accumulators near each other: computation, verification, bytes.
fn closing(
    committee: &Committee,
    bids: &[Vec<Submission>],
    runs: usize,
    (compute, verify, millis): (f64, f64, &str),
    small: bool,
) -> Vec<Figure> {
    let (n, levels) = (bids.len(), committee.auction.levels());
    let (closed, transcript) = quickest(committee, bids, runs);
    let mut rng = rng();
    let verified = fastest(runs, |_| {
        let transcript = transcript.clone();
        let (time, verdict) = timed(|| transcript.verify(None, &mut rng));
        verdict.expect("an honest transcript");
        time
    });
    let mut figures = vec![
        closing_figure(n, committee, &closed).at_most(compute),
        Figure::new(
            format!("verify a transcript, n = {n}, K = {levels}, {}", fan_out(committee.search())),
            computation(verified),
        )
        .at_most(verify)
        .note(format!("the target is {millis} at T = 27 us"))
        .peer("Addax's auditor 1.7 s at n = 100")
        .bound(bounds::VERIFYING),
    ];
    if small {
        let at = fan_out(committee.search());
        let name = format!("bytes between accumulators after closing, n = {n}, K = {levels}, {at}");
        let figure = Figure::new(name, Amount::Count(closed.bytes as f64, "bytes"));
        figures.push(
            figure
                .at_most(500_000.0)
                .peer("MP-SPDZ mascot 1.05 GB; Addax 211,000 with 2 servers")
                .bound(bounds::bytes(&closed, levels)),
        );
    }
    figures
}

/// The figures of one closing in the fewest rounds: what they cost, and how many they are.
fn full_fan_out(
    committee: &Committee,
    bids: &[Vec<Submission>],
    runs: usize,
    small: bool,
) -> Vec<Figure> {
    let (n, levels) = (bids.len(), committee.auction.levels());
    let (closed, _) = quickest(committee, bids, runs);
    let figure = Figure::new(far_name(n, levels), computation(closed.total()));
    let mut figures = vec![Figure { rounds: Some(closed.rounds), ..figure }];
    if !small {
        let name = format!("rounds after closing at full fan-out, n = {n}");
        let figure = Figure::new(name, Amount::Count(f64::from(closed.rounds), "rounds"));
        figures.push(figure.at_most(16.0).peer("MP-SPDZ 111 to 10,646 at n = 1,000"));
    }
    figures
}
