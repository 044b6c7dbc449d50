//! One auction with very many bids, and very many auctions with few.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::spec::{Rule, Time};
use benches::{Committee, NEAR, fan_out, rng};
use link::service::Phase;

use super::asking::{Asker, place, share_out, until};
use super::computation::quickest;
use super::figure::{Amount, Figure};
use super::hall::{CLOSING, Hall, Terms, ahead};
use super::plan::{BIDS_OF_EACH, Plan};
use super::processes::{self, fill};
use super::{Site, bounds, tell};

/// Bidders at a time.
const CLIENTS: usize = 256;
/// Milliseconds before closing at which clocks are set: a node looks at its clock at least five
/// times a second.
const BEFORE: u64 = 2_000;
/// How often one closing is computed; the fastest counts.
const REPEATS: usize = 5;
/// Between two looks at the auctions.
const PAUSE: Duration = Duration::from_millis(20);

/// One auction with very many bids, or why not.
pub(crate) fn one(site: &mut Site, plan: &Plan) {
    match plan.crowd {
        Some(n) => crowd(site, n, plan.crowd_levels),
        None => left_out(site),
    }
}

/// Very many auctions, or why not.
pub(crate) fn many(site: &mut Site, plan: &Plan) {
    match plan.many {
        Some(auctions) => side_by_side(site, auctions, plan.crowd_levels),
        None => {
            let missing = Amount::Missing("auctions/s", "left out of a quick run");
            let name = many_name(1000, 256);
            site.add(vec![Figure::new(name, missing).at_least(40.0)]);
        }
    }
}

const CROWD_PEER: &str = "Addax 127 bidders at most";

fn crowd_name(n: usize, levels: u32) -> String {
    format!("from close to outcome by the clock, n = {n}, K = {levels}, {}", fan_out(NEAR))
}

fn many_name(auctions: usize, levels: u32) -> String {
    format!(
        "{auctions} auctions of {BIDS_OF_EACH} bids closing together, 3 processes, K = {levels}, {}",
        fan_out(NEAR)
    )
}

fn left_out(site: &mut Site) {
    let missing = |unit| Amount::Missing(unit, "left out of a quick run");
    site.add(vec![
        Figure::new("bids counted, n = 100000, K = 256", missing("bids")).at_least(100_000.0),
        Figure::new("most memory of an accumulator, n = 100000", missing("MiB")).at_most(1024.0),
        Figure::new(crowd_name(100_000, 256), missing("s")).at_most(5.0).peer(CROWD_PEER),
    ]);
}

fn crowd(site: &mut Site, n: usize, levels: u32) {
    tell(&format!("{n} bids, K = {levels}: three processes"));
    // Specs count bids in 32 bits, and plans ask for far fewer.
    let terms = Terms { name: "crowd", levels, most_bids: n as u32, auctions: 1, search: NEAR };
    let hall = Hall::open(site, terms);
    let bids = hall.bids(0, n);
    let runtime = Arc::clone(&site.runtime);
    site.measure(|| {
        let (filled, closed, memory, used) = runtime.block_on(async {
            let nodes = hall.start(hall.fronts.len(), false, None);
            let asker = Asker::new();
            let peers = hall.peers(&asker, &hall.fronts);
            let begun = Instant::now();
            fill(&hall, &peers, &bids, n).await;
            let filled = begun.elapsed();
            let used = nodes.processor_seconds();
            let closed = processes::close(&hall, &nodes, &peers, n).await;
            let memory = nodes.peak_memory();
            nodes.stop();
            (filled, closed, memory, used)
        });
        let mebibytes = memory as f64 / f64::from(1 << 20);
        let each = used / (3 * n) as f64 * 1e6;
        vec![
            Figure::new(
                format!("bids counted, n = {n}, K = {levels}"),
                Amount::Count(n as f64, "bids"),
            )
            .at_least(n as f64)
            .peer(CROWD_PEER)
            .note(format!(
                "three nodes, each a process, took all bids over QUIC and kept all receipts in \
                 {:.0} s on this machine's cores, bidders included: {each:.0} us of processor \
                 time a bid and accumulator",
                filled.as_secs_f64()
            )),
            Figure::new(
                format!("most memory of an accumulator, n = {n}"),
                Amount::Count(mebibytes, "MiB"),
            )
            .at_most(1024.0)
            .note("the process's peak, from start to outcome and transcript")
            .bound(bounds::MEMORY),
            Figure::new(crowd_name(n, levels), Amount::Seconds(closed.own.as_secs_f64()))
                .at_most(5.0)
                .peer(CROWD_PEER)
                .note(format!(
                    "by the slowest accumulator's own watch; {:.1} s until a client sees the \
                 transcript stored everywhere",
                    closed.seen.as_secs_f64()
                ))
                .bound(bounds::crowd(closed.used)),
        ]
    });
}

fn side_by_side(site: &mut Site, auctions: usize, levels: u32) {
    tell(&format!("{auctions} auctions side by side, K = {levels}"));
    let most_bids = BIDS_OF_EACH as u32;
    let terms = Terms { name: "many", levels, most_bids, auctions, search: NEAR };
    let hall = Hall::open(site, terms);
    let mut work = Vec::new();
    for (place, auction) in hall.auctions.iter().enumerate() {
        let bids = hall.bids(place, BIDS_OF_EACH).load(0..BIDS_OF_EACH);
        work.extend(bids.into_iter().map(|bid| (auction.id(), bid)));
    }
    let alone = alone(levels).as_secs_f64();
    let (runtime, crowding) = (Arc::clone(&site.runtime), site.unit.crowding());
    site.measure(|| {
        let (filled, seconds, used) = runtime.block_on(async {
            let mut nodes = hall.start(hall.fronts.len(), false, None);
            let asker = Asker::new();
            let peers = hall.peers(&asker, &hall.fronts);
            let begun = Instant::now();
            let with = peers.clone();
            let placed = share_out(work, CLIENTS, move |_, (auction, bid)| {
                let peers = with.clone();
                async move { place(&peers, auction, bid).await }
            });
            let _: Vec<()> = placed.await;
            let filled = begun.elapsed();
            nodes.settle();
            nodes.set_clocks(ahead(Time(CLOSING.0 - BEFORE)));
            let closing = Instant::now() + Duration::from_millis(BEFORE);
            tokio::time::sleep_until(closing.into()).await;
            let before = nodes.processor_seconds();
            for auction in &hall.auctions {
                for peer in &peers {
                    until(peer, auction.id(), PAUSE, |state| state.phase == Phase::Done).await;
                }
            }
            let seconds = closing.elapsed().as_secs_f64();
            let used = nodes.processor_seconds() - before;
            nodes.stop();
            (filled, seconds, used)
        });
        vec![
            Figure::new(
                many_name(auctions, levels),
                Amount::Count(auctions as f64 / seconds, "auctions/s"),
            )
            .at_least(40.0)
            .note(format!(
                "all open at once and closing at one moment; {seconds:.1} s until the last outcome \
                 was signed by all and stored; the bids had taken {:.0} s",
                filled.as_secs_f64()
            ))
            .bound(bounds::many(used / auctions as f64, alone, crowding)),
        ]
    });
}

/// What one accumulator computes after closing one of many such auctions.
fn alone(levels: u32) -> Duration {
    let committee = Committee::searching(Rule::SecondPrice, levels, 3, NEAR);
    let bids = committee.seal_many(BIDS_OF_EACH, &mut rng());
    quickest(&committee, &bids, REPEATS).0.total()
}
