//! A private directory of bids: keys, the exact bytes that were sealed, receipts.
//!
//! A bid has two files, both named after its digest: `.bid`, written once before anything is
//! sent and never again, and `.got` with what accumulators answered; a bond likewise has `.bond`
//! and `.held`, named after the key that bids. Several processes may use one wallet; a lock file
//! keeps their writing apart.

mod bond_record;
mod bonds;
mod files;
mod frame;
mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use auction::join::Auction;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;
use auction::wire::{decode, encode};

pub use bond_record::{BondAnswer, BondRecord, MAX_ORDER_BYTES};
pub use record::{BidRecord, Collected};
use record::{MAX_BID_BYTES, MAX_COLLECTED_BYTES};

use crate::prepared::Prepared;

/// Most bids in a wallet.
pub const MAX_WALLET_BIDS: usize = 10_000;

const BID: &str = "bid";
const COLLECTED: &str = "got";
const LOCK: &str = "lock";

/// A wallet that cannot be used. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The operating system refuses.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// There is no wallet here.
    #[error("there is no wallet at {0}: create one, or name the directory where it is")]
    Missing(PathBuf),
    /// There is something here already.
    #[error("there is already something at {0}: open it, or name a directory that does not exist")]
    Exists(PathBuf),
    /// Neither file nor directory, or the wrong one of them.
    #[error("{path} is not {expected}")]
    Kind {
        /// What.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// Others may read it.
    #[error(
        "others may read {path} (mode {mode:03o}), which holds secrets: run 'chmod {wanted:03o} {path}'"
    )]
    Open {
        /// What.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The permissions it must have.
        wanted: u32,
    },
    /// Not what was written.
    #[error("{path} is damaged: {reason}; restore it from a copy")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A second bid in one auction.
    #[error(
        "this wallet already holds bid {bid} in auction {auction}: resume it to send the same bid \
         again, or ask for another bid expressly, which then counts beside it"
    )]
    AlreadyBid {
        /// The auction.
        auction: Digest,
        /// The bid there is.
        bid: Digest,
    },
    /// A bond in the auction is there, and no bid has used it.
    #[error(
        "this wallet already holds a bond in auction {auction}, for key {bidder}, that no bid has \
         used: bid with that one"
    )]
    AlreadyBonded {
        /// The auction.
        auction: Digest,
        /// The key that the bond is for.
        bidder: PublicKey,
    },
    /// An order that is none.
    #[error(
        "got an order of {got} bytes, expected 1 to {MAX_ORDER_BYTES} in an auction with bonds"
    )]
    Order {
        /// Its length.
        got: usize,
    },
    /// A ticket of another bond, or that the server did not sign.
    #[error(
        "the settlement server's ticket is not for the bond of key {0}: the order is kept, run \
         again; if it stays so, tell the seller"
    )]
    OtherTicket(PublicKey),
    /// A bid under this key is there already.
    #[error("this wallet already holds bid {bid} under key {bidder}: a bond is for one bid")]
    KeyUsed {
        /// The bid there is.
        bid: Digest,
        /// Its key.
        bidder: PublicKey,
    },
    /// Sealed for another auction.
    #[error("the bid was sealed for context {got}, expected {expected}: seal it anew")]
    OtherContext {
        /// The bid's.
        got: Digest,
        /// The auction's.
        expected: Digest,
    },
    /// No such bid.
    #[error("this wallet holds no bid or auction {0}")]
    NoSuchBid(Digest),
    /// Several bids in the auction.
    #[error("this wallet holds several bids in auction {auction}: name one of {}", listed(.bids))]
    Several {
        /// The auction.
        auction: Digest,
        /// The bids.
        bids: Vec<Digest>,
    },
    /// Full.
    #[error("this wallet holds {MAX_WALLET_BIDS} bids, which is the most: use another directory")]
    Full,
}

fn listed(bids: &[Digest]) -> String {
    bids.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
}

/// A directory of bids. Clones are the same wallet.
#[derive(Debug, Clone)]
pub struct Wallet {
    dir: Arc<Path>,
}

impl Wallet {
    /// Makes a wallet in a directory that does not exist yet, with permissions 0700.
    ///
    /// # Errors
    /// [`WalletError::Exists`], [`WalletError::Io`].
    pub fn create(dir: &Path) -> Result<Self, WalletError> {
        if dir.symlink_metadata().is_ok() {
            return Err(WalletError::Exists(dir.to_owned()));
        }
        files::create_dir(dir)?;
        Self::open(dir)
    }

    /// Opens a wallet, and removes what a run that was cut short left half-written.
    ///
    /// # Errors
    /// [`WalletError::Missing`]; [`WalletError::Open`] when others may read it;
    /// [`WalletError::Kind`], [`WalletError::Io`].
    pub fn open(dir: &Path) -> Result<Self, WalletError> {
        if dir.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Err(WalletError::Missing(dir.to_owned()));
        }
        files::check_private(dir, true)?;
        let wallet = Self { dir: dir.into() };
        let _lock = wallet.lock()?;
        files::remove_unfinished(dir)?;
        Ok(wallet)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All bids, the oldest first.
    ///
    /// # Errors
    /// [`WalletError`] when any of them cannot be read.
    pub fn bids(&self) -> Result<Vec<BidRecord>, WalletError> {
        let paths = files::list(&self.dir, BID)?;
        let mut bids = paths.iter().map(|path| self.read(path)).collect::<Result<Vec<_>, _>>()?;
        bids.sort_by_key(|bid| (bid.made_at(), bid.digest()));
        Ok(bids)
    }

    /// The bid with this digest, or the one bid in the auction with this id.
    ///
    /// # Errors
    /// [`WalletError::NoSuchBid`], [`WalletError::Several`], or what keeps it from being read.
    pub fn bid(&self, bid_or_auction: &Digest) -> Result<BidRecord, WalletError> {
        let path = self.path(bid_or_auction, BID);
        if path.exists() {
            return self.read(&path);
        }
        let mut bids = self.bids()?;
        bids.retain(|bid| bid.auction_id() == *bid_or_auction);
        if bids.len() > 1 {
            let bids = bids.iter().map(BidRecord::digest).collect();
            return Err(WalletError::Several { auction: *bid_or_auction, bids });
        }
        bids.pop().ok_or(WalletError::NoSuchBid(*bid_or_auction))
    }

    /// The first bid in an auction, if there is any.
    ///
    /// # Errors
    /// [`WalletError`] when a bid cannot be read.
    pub fn bid_in(&self, auction: &Digest) -> Result<Option<BidRecord>, WalletError> {
        Ok(self.bids()?.into_iter().find(|bid| bid.auction_id() == *auction))
    }

    /// Records a sealed bid; when this returns, it is on the disk. Only then may it be sent.
    /// One bid an auction, unless `another` is asked for.
    ///
    /// # Errors
    /// [`WalletError::AlreadyBid`], [`WalletError::OtherContext`], [`WalletError::Full`],
    /// [`WalletError::Io`].
    pub fn record(
        &self,
        auction: &Auction,
        prepared: Prepared,
        another: bool,
    ) -> Result<BidRecord, WalletError> {
        if prepared.context != *auction.context() {
            let (got, expected) = (prepared.context, *auction.context());
            return Err(WalletError::OtherContext { got, expected });
        }
        let _lock = self.lock()?;
        if files::list(&self.dir, BID)?.len() >= MAX_WALLET_BIDS {
            return Err(WalletError::Full);
        }
        if let Some(known) = self.bid_in(&auction.id())?.filter(|_| !another) {
            return Err(WalletError::AlreadyBid { auction: auction.id(), bid: known.digest() });
        }
        // A key that was bonded is good for one bid: accumulators count none of two.
        if let Some(known) = self.bids()?.iter().find(|bid| bid.bidder() == prepared.bidder()) {
            let (bid, bidder) = (known.digest(), known.bidder());
            return Err(WalletError::KeyUsed { bid, bidder });
        }
        let record = BidRecord::new(auction, prepared, now());
        let path = self.path(&record.digest(), BID);
        let bytes = record.to_bytes();
        let bytes = bytes.map_err(|reason| WalletError::Damaged { path: path.clone(), reason })?;
        files::write(&path, &bytes)?;
        Ok(record)
    }

    /// Changes what accumulators answered to a bid; when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`WalletError`].
    pub(crate) fn keep(
        &self,
        bid: &Digest,
        accumulators: usize,
        change: impl FnOnce(&mut Collected),
    ) -> Result<(), WalletError> {
        let _lock = self.lock()?;
        let known = self.collected(bid, accumulators)?;
        let mut collected = known.unwrap_or_else(|| Collected::none(accumulators, now()));
        change(&mut collected);
        collected.changed_at = now();
        let path = self.path(bid, COLLECTED);
        let bytes = encode(&collected).map_err(|error| WalletError::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        files::write(&path, &bytes)
    }

    fn read(&self, path: &Path) -> Result<BidRecord, WalletError> {
        let damaged = |reason| WalletError::Damaged { path: path.to_owned(), reason };
        let bytes = files::read(path, MAX_BID_BYTES)?.ok_or_else(|| damaged("gone".to_owned()))?;
        let mut record = BidRecord::from_bytes(&bytes).map_err(damaged)?;
        if path != self.path(&record.digest(), BID) {
            return Err(damaged(format!("it holds bid {}", record.digest())));
        }
        if let Some(collected) = self.collected(&record.digest(), record.members().len())? {
            record.collected = collected;
        }
        Ok(record)
    }

    fn collected(
        &self,
        bid: &Digest,
        accumulators: usize,
    ) -> Result<Option<Collected>, WalletError> {
        let path = self.path(bid, COLLECTED);
        let Some(bytes) = files::read(&path, MAX_COLLECTED_BYTES)? else { return Ok(None) };
        let damaged = |reason| WalletError::Damaged { path: path.clone(), reason };
        let collected: Collected =
            decode(&bytes, MAX_COLLECTED_BYTES).map_err(|error| damaged(error.to_string()))?;
        let lengths = [collected.receipts.len(), collected.refusals.len(), collected.left.len()];
        if lengths.iter().any(|length| *length != accumulators) {
            return Err(damaged(format!("got {lengths:?} answers, expected {accumulators} each")));
        }
        Ok(Some(collected))
    }

    fn path(&self, bid: &Digest, ending: &str) -> PathBuf {
        self.dir.join(format!("{bid}.{ending}"))
    }

    fn lock(&self) -> Result<std::fs::File, WalletError> {
        files::lock(&self.dir.join(LOCK))
    }
}

/// The clock of this machine.
fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
