//! The demonstration's bidders: each bid is sealed and submitted as `gavel bid` does it, under a
//! key of its own, many at a time.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auction::join::Auction;
use auction::keys::PublicKey;
use auction::prices::Level;
use auction::sealing::SealError;
use bidder::{Client, Prepared, seal_only, submit_many};

use super::bids_file::Row;
use crate::exit::Failure;
use crate::progress::Counting;

/// Bytes of sealed bids that are kept before they are submitted.
const KEPT: usize = 64 << 20;
/// About what a bid takes beside its shares, for each accumulator, in bytes.
const PUBLIC_PART: usize = 4 << 10;
/// Bids under way at a time.
const CONCURRENCY: usize = 128;
/// After which a bid is given up.
const PATIENCE: Duration = Duration::from_secs(300);

/// One bid to make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) row: &'a Row,
    pub(crate) level: Level,
}

/// What sealing and submitting took, and who bid under which key.
#[derive(Debug, Default)]
pub(crate) struct Bidding {
    pub(crate) names: HashMap<PublicKey, String>,
    pub(crate) sealing: Duration,
    pub(crate) submitting: Duration,
}

/// Seals and submits all bids; every one must get all its receipts.
pub(crate) async fn bid_all(
    client: &Client,
    auction: &Arc<Auction>,
    bids: &[Wanted<'_>],
) -> Result<Bidding, Failure> {
    let mut done = Bidding::default();
    let [sealing, submitting] = Counting::several(["sealing", "submitting"], bids.len() as u64);
    for part in bids.chunks(together(auction)) {
        let begun = Instant::now();
        let levels: Vec<Level> = part.iter().map(|wanted| wanted.level).collect();
        let sealed = seal_all(auction, levels, &sealing).await?;
        done.sealing += begun.elapsed();
        for (wanted, prepared) in part.iter().zip(&sealed) {
            done.names.insert(prepared.bidder(), wanted.row.bidder.clone());
        }

        let begun = Instant::now();
        submitting.begin();
        let told = |_| submitting.add(1);
        let reports = submit_many(client, auction, sealed, CONCURRENCY, PATIENCE, told).await;
        done.submitting += begun.elapsed();
        if let Some(report) = reports.iter().find(|report| !report.is_secured()) {
            let name = done.names.get(&report.bidder).map_or("a bidder", String::as_str);
            let what = format!("the bid of {name} {}", report.summary());
            return Err(Failure::Bid(what, "--keep DIR leaves the accumulators' logs"));
        }
    }
    sealing.finish();
    submitting.finish();
    Ok(done)
}

/// How many bids are sealed before they are submitted: memory does not grow with the file.
fn together(auction: &Auction) -> usize {
    let shares = 32 * auction.levels();
    (KEPT / (shares + PUBLIC_PART * auction.accumulators())).max(1)
}

/// Seals bids on all processors, away from the tasks that wait for the network.
async fn seal_all(
    auction: &Arc<Auction>,
    levels: Vec<Level>,
    bar: &Counting,
) -> Result<Vec<Prepared>, Failure> {
    let (auction, bar) = (Arc::clone(auction), bar.clone());
    let sealing = tokio::task::spawn_blocking(move || seal_side_by_side(&auction, &levels, &bar));
    match sealing.await {
        Ok(sealed) => sealed.map_err(|error| {
            // Levels were chosen from the auction's own ladder.
            Failure::Bid(error.to_string(), "this is a mistake in the program: report it")
        }),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is ending cancels it.
            Err(_) => std::future::pending().await,
        },
    }
}

fn seal_side_by_side(
    auction: &Auction,
    levels: &[Level],
    bar: &Counting,
) -> Result<Vec<Prepared>, SealError> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(levels.len());
    let next = AtomicUsize::new(0);
    let seal_some = || {
        let mut sealed: Vec<(usize, Prepared)> = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(level) = levels.get(place) else { return Ok(sealed) };
            sealed.push((place, seal_only(auction, *level)?));
            bar.add(1);
        }
    };
    let parts: Vec<Result<Vec<(usize, Prepared)>, SealError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(seal_some)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut sealed: Vec<_> =
        parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    sealed.sort_by_key(|(place, _)| *place);
    Ok(sealed.into_iter().map(|(_, bid)| bid).collect())
}
