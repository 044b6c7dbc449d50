//! Submitting many bids side by side: for simulations and load, without a wallet.

use std::sync::Arc;
use std::time::Duration;

use auction::join::Auction;
use auction::spec::Time;
use tokio::task::JoinSet;

use crate::client::{Client, finished};
use crate::exchange::{Exchange, Keeper};
use crate::prepared::Prepared;
use crate::report::BidReport;
use crate::wallet::Collected;

/// Submits bids to all accumulators, at most `concurrency` of them at a time, and leaves their
/// receipts; each bid is given up after `patience`. `progress` is told after every bid how many
/// are done. The reports come in the order of the bids.
///
/// The bids are in no wallet: when this is dropped half-way, their keys are gone.
pub async fn submit_many(
    client: &Client,
    auction: &Arc<Auction>,
    bids: Vec<Prepared>,
    concurrency: usize,
    patience: Duration,
    mut progress: impl FnMut(usize) + Send,
) -> Vec<BidReport> {
    let mut waiting = bids.into_iter().enumerate();
    let mut reports: Vec<(usize, BidReport)> = Vec::with_capacity(waiting.len());
    let mut running = JoinSet::new();
    loop {
        while running.len() < concurrency.max(1)
            && let Some((place, bid)) = waiting.next()
        {
            let exchange = Exchange {
                client: client.clone(),
                auction: Arc::clone(auction),
                digest: bid.digest,
                bidder: bid.bidder(),
                keeper: Keeper::Nobody,
                patience,
            };
            running.spawn(async move {
                let nothing = Collected::none(bid.submissions.len(), Time(0));
                let (report, _) = exchange.run(&bid.submissions, nothing, &mut |_| ()).await;
                (place, report)
            });
        }
        let Some(report) = finished(&mut running).await else { break };
        reports.push(report);
        progress(reports.len());
    }
    reports.sort_by_key(|(place, _)| *place);
    reports.into_iter().map(|(_, report)| report).collect()
}
