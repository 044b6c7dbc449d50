//! One accumulator takes sealed bids over QUIC: each receipt is signed after the bid is on the
//! disk. The node has one core to itself, those who bid have another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::bid::Submission;
use auction::receipts::Receipt;
use link::Peer;
use link::service::{Answer, Question};
use tokio::runtime::Runtime;

use super::asking::{Asker, insist, share_out, submit};
use super::figure::{Amount, Figure};
use super::hall::Hall;
use super::machine::{self, cores};
use super::plan::Plan;
use super::plots::{Curve, Plot, Scale};
use super::{Site, bounds, tell};

/// Most connections that bidders share.
const CONNECTIONS: usize = 64;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bids for each bidder that waits, so that a run is long enough and not too long.
const BIDS_EACH: usize = 128;

/// What a run took.
struct Rate {
    by_clock: f64,
    by_processor: f64,
    /// From question to receipt, the middle one.
    waited: Duration,
}

/// Bids a second, by the number of bidders that wait.
pub(crate) fn figures(site: &mut Site, plan: &Plan, hall: &Hall) {
    tell("taking bids over QUIC");
    let bids = hall.bids(0, plan.taken).load(0..plan.taken);
    let bids: Vec<Submission> = bids.into_iter().map(|mut bid| bid.swap_remove(0)).collect();
    let pinned = (cores() > 1).then(|| machine::pin(1)).flatten();
    let core = pinned.as_ref().map(|_| 0);
    let mut rates = Vec::new();
    let others = machine::Watch::start();
    for clients in &plan.clients {
        let n = bids.len().min(clients * BIDS_EACH);
        let once = |_| take(site, hall, &bids[..n], *clients, core);
        let runs = (0..plan.repeats.min(3)).map(once);
        let best = runs.max_by(|a, b| a.by_clock.total_cmp(&b.by_clock)).expect("a run");
        tell(&format!("{clients} waiting: {:.0} bids/s", best.by_clock));
        rates.push((*clients, best));
    }
    let others = others.others();
    let curve = |name, of: fn(&Rate) -> f64| {
        Curve::new(name, rates.iter().map(|(clients, rate)| (*clients as f64, of(rate))).collect())
    };
    site.plots.push(Plot {
        file: "taking-against-clients",
        title: format!("One accumulator takes bids over QUIC, K = {}", plan.levels),
        across: "bidders waiting",
        up: "bids/s",
        scale: Scale::BothLogarithmic,
        curves: vec![
            curve("by the clock, one core", |rate| rate.by_clock),
            curve("by processor time", |rate| rate.by_processor),
        ],
        in_t: false,
    });
    let best = rates.iter().max_by(|(_, a), (_, b)| a.by_clock.total_cmp(&b.by_clock));
    let (clients, best) = best.expect("at least one number of clients");
    let on = if core.is_some() { "the node on one core" } else { "the node on no core of its own" };
    // The largest batch comes last.
    let mut checks = site.figures.iter().rev();
    let check = checks.find(|figure| figure.name.starts_with("check a bid"));
    let checking = check.and_then(|figure| match figure.amount {
        Amount::Computation(seconds) => Some(seconds),
        _ => None,
    });
    let figure = Figure::new(
        format!("one accumulator taking bids over QUIC, one core, K = {}", plan.levels),
        Amount::Count(best.by_clock, "bids/s"),
    );
    let mut figure = figure
        .at_least(3000.0)
        .peer("Janus reports 1,000 to 2,000/s (sums only)")
        .note(format!(
            "{on}, {clients} bidders waiting on kept connections, {:.0} ms from question to \
             receipt in the middle; {:.0} bids/s by the node's processor time",
            best.waited.as_secs_f64() * 1e3,
            best.by_processor
        ))
        .bound(bounds::taking(1.0 / best.by_processor, checking));
    figure.others = others;
    site.add(vec![figure]);
    let runtime = Arc::clone(&site.runtime);
    site.measure(|| vec![connections(&runtime, hall, plan.connections, core)]);
    drop(pinned);
}

/// What a bidder costs who comes for the first time, beside his bid.
fn connections(runtime: &Runtime, hall: &Hall, n: usize, core: Option<usize>) -> Figure {
    let nodes = hall.start(1, false, core);
    nodes.settle();
    let before = nodes.processor_seconds();
    runtime.block_on(async {
        let asker = Asker::new();
        for _ in 0..n {
            let peer = hall.peers(&asker, &hall.fronts[..1]).swap_remove(0);
            let hello = insist(&peer, &Question::Hello).await;
            assert!(matches!(hello, Answer::Hello { .. }), "expected a hello, got {hello:?}");
            peer.connect(PATIENCE).await.expect("a connection").close();
        }
    });
    let each = (nodes.processor_seconds() - before) / n as f64;
    nodes.stop();
    let name = "a new connection and its first question, the accumulator's processor time";
    Figure::new(name, Amount::Computation(each))
        .note("mutual keys, X25519 with ML-KEM-768; paid once a connection, not once a bid")
}

fn take(
    site: &Site,
    hall: &Hall,
    bids: &[Submission],
    clients: usize,
    core: Option<usize>,
) -> Rate {
    let nodes = hall.start(1, false, core);
    nodes.settle();
    let id = hall.auctions[0].id();
    let work: Vec<Submission> = bids.to_vec();
    let (receipts, seconds, used) = site.runtime.block_on(async {
        let asker = Asker::new();
        let peers: Vec<Peer> = (0..clients.min(CONNECTIONS))
            .map(|_| hall.peers(&asker, &hall.fronts[..1]).swap_remove(0))
            .collect();
        for peer in &peers {
            peer.connect(PATIENCE).await.expect("a connection");
        }
        let before = nodes.processor_seconds();
        let begun = Instant::now();
        let receipts: Vec<(Receipt, Duration)> = share_out(work, clients, move |client, bid| {
            let peer = peers[client % peers.len()].clone();
            async move {
                let asked = Instant::now();
                (submit(&peer, id, bid).await, asked.elapsed())
            }
        })
        .await;
        (receipts, begun.elapsed().as_secs_f64(), nodes.processor_seconds() - before)
    });
    assert_eq!(receipts.len(), bids.len());
    let mut waited = Vec::with_capacity(receipts.len());
    for (receipt, time) in receipts {
        receipt.verify(&hall.auctions[0]).expect("a receipt that holds");
        waited.push(time);
    }
    waited.sort_unstable();
    nodes.stop();
    let n = bids.len() as f64;
    // The kernel counts in hundredths of a second.
    let by_processor = n / used.max(0.01);
    Rate { by_clock: n / seconds, by_processor, waited: waited[waited.len() / 2] }
}
