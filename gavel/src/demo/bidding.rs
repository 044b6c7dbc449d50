//! The demonstration's bidders: each bid is sealed and submitted as `gavel bid` does it, under a
//! key of its own, many at a time.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auction::bid::BondTicket;
use auction::join::Auction;
use auction::keys::{PublicKey, SecretKey};
use auction::prices::Level;
use auction::sealing::SealError;
use bidder::{Client, Prepared, seal_only, submit_many};

use super::bids_file::Row;
use super::bonding::Bonded;
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

/// What a bid is sealed with.
struct Unsealed {
    level: Level,
    bond: Option<(SecretKey, BondTicket)>,
}

/// What sealing and submitting took, and who bid under which key.
#[derive(Debug, Default)]
pub(crate) struct Bidding {
    pub(crate) names: HashMap<PublicKey, String>,
    pub(crate) sealing: Duration,
    pub(crate) submitting: Duration,
}

/// Seals and submits all bids; every one must get all its receipts. `bonds` has one for each bid,
/// or none at all.
pub(crate) async fn bid_all(
    client: &Client,
    auction: &Arc<Auction>,
    bids: &[Wanted<'_>],
    bonds: &[Bonded],
) -> Result<Bidding, Failure> {
    let mut bonds = bonds.iter();
    let mut done = Bidding::default();
    let [sealing, submitting] = Counting::several(["sealing", "submitting"], bids.len() as u64);
    for part in bids.chunks(together(auction)) {
        let begun = Instant::now();
        let unsealed = part.iter().map(|wanted| Unsealed {
            level: wanted.level,
            bond: bonds.next().map(Bonded::for_bid),
        });
        let sealed = seal_all(auction, unsealed.collect(), &sealing).await?;
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

impl Unsealed {
    fn seal(&self, auction: &Auction) -> Result<Prepared, SealError> {
        match &self.bond {
            None => seal_only(auction, self.level),
            Some((bidder, ticket)) => {
                let bidder = SecretKey::from_seed(bidder.seed());
                Prepared::seal(auction, self.level, bidder, Some(ticket.clone()))
            }
        }
    }
}

/// How many bids are sealed before they are submitted: memory does not grow with the file.
fn together(auction: &Auction) -> usize {
    let shares = 32 * auction.levels();
    (KEPT / (shares + PUBLIC_PART * auction.accumulators())).max(1)
}

/// Seals bids on all processors, away from the tasks that wait for the network.
async fn seal_all(
    auction: &Arc<Auction>,
    bids: Vec<Unsealed>,
    bar: &Counting,
) -> Result<Vec<Prepared>, Failure> {
    let (auction, bar) = (Arc::clone(auction), bar.clone());
    let sealing = tokio::task::spawn_blocking(move || seal_side_by_side(&auction, &bids, &bar));
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
    bids: &[Unsealed],
    bar: &Counting,
) -> Result<Vec<Prepared>, SealError> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(bids.len());
    let next = AtomicUsize::new(0);
    let seal_some = || {
        let mut sealed: Vec<(usize, Prepared)> = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(bid) = bids.get(place) else { return Ok(sealed) };
            sealed.push((place, bid.seal(auction)?));
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
