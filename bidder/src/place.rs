//! Placing a bid, and going on with one. PROTOCOL sections 2 and 3.

use std::sync::Arc;
use std::time::Duration;

use auction::bid::BondTicket;
use auction::join::{Auction, JoinError};
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::sealing::SealError;

use crate::client::{Client, aside};
use crate::exchange::{Exchange, Keeper};
use crate::prepared::Prepared;
use crate::report::{BidReport, Standing};
use crate::wallet::{BidRecord, Wallet, WalletError};

/// A bond ticket with the key that it was issued for.
pub struct Bond {
    /// The key that bids.
    pub bidder: SecretKey,
    /// The settlement server's word that this key's bond is held.
    pub ticket: BondTicket,
}

/// How to place a bid.
pub struct Options {
    /// Makes one more bid, under a fresh key, in an auction in which the wallet already has one.
    pub another: bool,
    /// The bond, where the auction asks for one.
    pub bond: Option<Bond>,
    /// How long accumulators that do not answer, or are busy, are asked again.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { another: false, bond: None, patience: Duration::from_secs(30) }
    }
}

/// How far a bid has come.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Sealed and durably in the wallet; nothing was sent yet.
    Recorded(Digest),
    /// An accumulator has answered, or was given up.
    Answered {
        /// Which.
        accumulator: usize,
        /// What it said.
        standing: &'a Standing,
    },
    /// An accumulator has confirmed that it holds the receipts of all.
    Left {
        /// Which.
        accumulator: usize,
    },
}

/// Why a bid could not be placed. What accumulators did is in the [`BidReport`].
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The bid does not fit the auction.
    #[error("the bid cannot be sealed: {0}")]
    Seal(#[from] SealError),
    /// The wallet cannot be used, or holds a bid already. Nothing was sent.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The recorded bid's auction does not verify. Nothing was sent.
    #[error("the recorded auction does not verify: {0}; restore the wallet from a copy")]
    Record(#[from] JoinError),
    /// The bid was sent and the wallet could not keep all answers.
    #[error("{}, but the wallet could not keep every receipt: {source}; run again", report.summary())]
    NotKept {
        /// What became of the bid.
        report: Box<BidReport>,
        /// What is wrong with the wallet.
        source: WalletError,
    },
}

/// Seals a bid, records it in the wallet, and only then submits it to every accumulator; keeps
/// the receipts and, when there are all, leaves all with every accumulator.
///
/// # Errors
/// [`PlaceError`]. Whatever accumulators do is no error: the report tells.
pub async fn place(
    client: &Client,
    wallet: &Wallet,
    auction: &Arc<Auction>,
    level: Level,
    options: Options,
    mut progress: impl FnMut(Progress<'_>) + Send,
) -> Result<BidReport, PlaceError> {
    let Options { another, bond, patience } = options;
    let record = {
        let (wallet, auction) = (wallet.clone(), Arc::clone(auction));
        aside(move || {
            // Before the work of sealing; recording asks again, under the wallet's lock.
            if let Some(known) = wallet.bid_in(&auction.id())?.filter(|_| !another) {
                let bid = known.digest();
                return Err(WalletError::AlreadyBid { auction: auction.id(), bid }.into());
            }
            let (bidder, ticket) = match bond {
                Some(Bond { bidder, ticket }) => (bidder, Some(ticket)),
                None => (SecretKey::generate(&mut rand::rng()), None),
            };
            let prepared = Prepared::seal(&auction, level, bidder, ticket)?;
            Ok::<_, PlaceError>(wallet.record(&auction, prepared, another)?)
        })
        .await?
    };
    progress(Progress::Recorded(record.digest()));
    send(client, wallet, Arc::clone(auction), &record, patience, progress).await
}

/// Goes on with a recorded bid: sends the same bytes to every accumulator whose receipt lacks,
/// and leaves the receipts with every one that has not confirmed them. May be repeated.
///
/// # Errors
/// [`PlaceError`]. Whatever accumulators do is no error: the report tells.
pub async fn resume(
    client: &Client,
    wallet: &Wallet,
    record: BidRecord,
    patience: Duration,
    progress: impl FnMut(Progress<'_>) + Send,
) -> Result<BidReport, PlaceError> {
    let (auction, record) = aside(move || (record.auction(), record)).await;
    send(client, wallet, Arc::new(auction?), &record, patience, progress).await
}

async fn send(
    client: &Client,
    wallet: &Wallet,
    auction: Arc<Auction>,
    record: &BidRecord,
    patience: Duration,
    mut progress: impl FnMut(Progress<'_>) + Send,
) -> Result<BidReport, PlaceError> {
    let collected = record.collected().clone().verified(&auction, &record.digest());
    let exchange = Exchange {
        client: client.clone(),
        auction,
        digest: record.digest(),
        bidder: record.bidder(),
        keeper: Keeper::Wallet(wallet.clone()),
        patience,
    };
    let (report, kept) = exchange.run(record.submissions(), collected, &mut progress).await;
    match kept {
        Ok(()) => Ok(report),
        Err(source) => Err(PlaceError::NotKept { report: Box::new(report), source }),
    }
}
