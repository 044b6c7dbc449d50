//! From close to outcome among three processes, over loopback and over links with delay.

use std::time::{Duration, Instant};

use auction::spec::EarlyClose;
use benches::{FAR, NEAR_LONG, fan_out};
use link::Peer;
use link::service::{Answer, Phase, Question, State};

use super::asking::{Asker, insist, place, share_out, until};
use super::bids::{Bids, second_price};
use super::computation::{closing_name, far_name};
use super::figure::{Amount, Figure};
use super::hall::{Hall, Terms, seller};
use super::nodes::Nodes;
use super::plan::Plan;
use super::plots::{Curve, Plot, Scale};
use super::relay::Relays;
use super::{Site, bounds, tell};

/// Bidders at a time where their number is not measured.
const CLIENTS: usize = 256;
/// Bids in memory at a time.
const TOGETHER: usize = 4096;
/// Between two looks at an auction whose rounds run.
const PAUSE: Duration = Duration::from_millis(20);

/// What a closing took.
pub(crate) struct Closed {
    /// By the accumulators' own watches, the slowest of them: from closing the book to the
    /// outcome signed by all.
    pub(crate) own: Duration,
    /// From the seller's word to the state that says so, as a client sees it.
    pub(crate) seen: Duration,
    /// Processor seconds that the nodes used meanwhile.
    pub(crate) used: f64,
}

/// Three accumulators near each other, over loopback.
pub(crate) fn figures(site: &mut Site, plan: &Plan, hall: &Hall) {
    let n = plan.bids[0];
    wall(site, hall, n, plan.closings, 80.0);
    match plan.long {
        Some(levels) => {
            let terms =
                Terms { name: "long", levels, most_bids: 1000, auctions: 1, search: NEAR_LONG };
            let long = Hall::open(site, terms);
            wall(site, &long, n, plan.closings.min(3), 200.0);
        }
        None => {
            let missing = Amount::Missing("ms", "left out of a quick run");
            let figure = Figure::new(wall_name(n, 10_000, NEAR_LONG), missing).at_most(200.0);
            site.add(vec![figure.peer(WALL_PEER)]);
        }
    }
}

const WALL_PEER: &str = "Addax 46-66 ms at K = 1,000 and 366-410 ms at K = 10,000 with 2 servers \
    and no proofs; MP-SPDZ mascot 24 s";

fn wall_name(n: usize, levels: usize, search: (u16, u16)) -> String {
    let at = fan_out(search);
    format!("from close to outcome by the clock, 3 processes here, n = {n}, K = {levels}, {at}")
}

/// Rounds of the closing that the figure of this name measured.
fn rounds(site: &Site, name: &str) -> Option<u32> {
    site.figures.iter().find(|figure| figure.name == name)?.rounds
}

fn wall(site: &mut Site, hall: &Hall, n: usize, runs: usize, target: f64) {
    let spec = hall.auctions[0].spec();
    let (levels, search) = (hall.auctions[0].levels(), (spec.block, spec.fan_out));
    tell(&format!("from close to outcome, three processes, n = {n}, K = {levels}"));
    let bids = hall.bids(0, n);
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let rounds = rounds(site, &closing_name(n, levels, search));
    let runtime = std::sync::Arc::clone(&site.runtime);
    site.measure(|| {
        let runs = (0..runs).map(|_| run(&runtime, hall, &bids, n, Duration::ZERO));
        let best = runs.min_by_key(|closed| closed.own).expect("a run");
        vec![
            Figure::new(wall_name(n, levels, search), Amount::Millis(millis(best.own)))
                .at_most(target)
                .peer(WALL_PEER)
                .note(format!(
                    "by the slowest accumulator's own watch; {:.0} ms from the seller's word to \
                     the moment at which a client sees it",
                    millis(best.seen)
                ))
                .bound(bounds::wall(best.used, best.own, rounds, Duration::ZERO)),
        ]
    });
}

/// The same over links with delay, in the fewest rounds.
pub(crate) fn delays(site: &mut Site, plan: &Plan, hall: &Hall) {
    let n = plan.bids[1];
    let bids = hall.bids(0, n);
    let rounds = rounds(site, &far_name(n, hall.auctions[0].levels()));
    let mut points = Vec::new();
    let runtime = std::sync::Arc::clone(&site.runtime);
    for trip in &plan.round_trips {
        tell(&format!("round trips of {trip} ms, n = {n}"));
        let delay = Duration::from_millis(*trip);
        let runs = plan.closings.min(3);
        site.measure(|| {
            let runs = (0..runs).map(|_| run(&runtime, hall, &bids, n, delay));
            let best = runs.min_by_key(|closed| closed.own).expect("a run");
            points.push((*trip as f64, best.own.as_secs_f64()));
            if *trip != plan.round_trip {
                return Vec::new();
            }
            vec![
                Figure::new(
                    format!(
                        "from close to outcome with {trip} ms round trips, n = {n}, {}",
                        fan_out(FAR)
                    ),
                    Amount::Seconds(best.own.as_secs_f64()),
                )
                .at_most(1.2)
                .note(
                    "three processes over UDP relays that hold every datagram for half a round \
                     trip, in real time; the processes share this machine's cores",
                )
                .bound(bounds::wall(best.used, best.own, rounds, delay)),
            ]
        });
    }
    site.plots.push(Plot {
        file: "closing-against-round-trip",
        title: format!("From close to outcome over links with delay, n = {n}, K = {}", plan.levels),
        across: "round trip in ms",
        up: "s",
        scale: Scale::Linear,
        curves: vec![
            Curve::new("measured", points.clone()),
            Curve::new(
                "16 half round trips, no computation",
                points.iter().map(|(trip, _)| (*trip, 16.0 * trip / 2e3)).collect(),
            ),
        ],
        in_t: false,
    });
}

fn run(
    runtime: &tokio::runtime::Runtime,
    hall: &Hall,
    bids: &Bids,
    n: usize,
    delay: Duration,
) -> Closed {
    let behind = !delay.is_zero();
    runtime.block_on(async {
        let relays = match behind {
            true => Some(Relays::start(&hall.fronts, &hall.backs, delay).await),
            false => None,
        };
        let nodes = hall.start(hall.fronts.len(), behind, None);
        let asker = Asker::new();
        let peers = hall.peers(&asker, if behind { &hall.backs } else { &hall.fronts });
        fill(hall, &peers, bids, n).await;
        let closed = close(hall, &nodes, &peers, n).await;
        drop(relays);
        nodes.stop();
        closed
    })
}

/// Places the first `n` bids with all accumulators.
pub(crate) async fn fill(hall: &Hall, peers: &[Peer], bids: &Bids, n: usize) {
    let id = hall.auctions[0].id();
    for start in (0..n).step_by(TOGETHER) {
        let part = bids.load(start..n.min(start + TOGETHER));
        let peers = peers.to_vec();
        let placed = share_out(part, CLIENTS, move |_, bid| {
            let peers = peers.clone();
            async move { place(&peers, id, bid).await }
        });
        let _: Vec<()> = placed.await;
        if n > TOGETHER {
            tell(&format!("{} of {n} bids placed", n.min(start + TOGETHER)));
        }
    }
}

/// Closes the auction once the accumulators have nothing else to do, and checks the outcome.
pub(crate) async fn close(hall: &Hall, nodes: &Nodes, peers: &[Peer], n: usize) -> Closed {
    let auction = &hall.auctions[0];
    nodes.settle();
    let before = nodes.processor_seconds();
    let begun = Instant::now();
    let word = Question::Close(EarlyClose::sign(auction.id(), &seller()));
    let id = auction.id();
    let told: Vec<Answer> = {
        let peers = peers.to_vec();
        share_out(peers, 3, move |_, peer| {
            let word = word.clone();
            async move { insist(&peer, &word).await }
        })
        .await
    };
    assert!(told.iter().all(|answer| *answer == Answer::Done), "not closed: {told:?}");
    let mut own = Duration::ZERO;
    for peer in peers {
        let state = until(peer, id, PAUSE, |state| state.phase == Phase::Done).await;
        own = own.max(after_closing(&state));
        let outcome = state.outcome.expect("an outcome");
        assert_eq!(outcome.bids as usize, n, "bids are missing");
        let price = second_price(n, auction.levels());
        assert_eq!(outcome.sale.map(|sale| sale.level.0), Some(price), "another price");
    }
    let seen = begun.elapsed();
    Closed { own, seen, used: nodes.processor_seconds() - before }
}

/// All that an accumulator reports after the bids.
fn after_closing(state: &State) -> Duration {
    let phases = state.phases.iter().filter(|report| report.phase != "bids");
    Duration::from_micros(phases.map(|report| report.micros).sum())
}
