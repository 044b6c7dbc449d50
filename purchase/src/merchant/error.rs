//! Why a merchant does not start or run, or a catalogue is not changed.

use std::io;
use std::path::PathBuf;

use settlement::client::ClientError;
use settlement::goods::GoodsError;
use settlement::purchases::OfferError;

/// Why a merchant does not start or run, or a catalogue is not changed. Always the merchant's to
/// mend; customers never cause one.
#[derive(Debug, thiserror::Error)]
pub enum MerchantError {
    /// `init` over a merchant that exists.
    #[error(
        "{0} holds a merchant already; his secret opens what he sold, so nothing is overwritten"
    )]
    Exists(PathBuf),
    /// No merchant there.
    #[error("{0} holds no merchant: make one with init")]
    NoMerchant(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others can read a secret.
    #[error(
        "{path} can be read by others (mode {mode:03o}), and it is secret; run: chmod go= {path}"
    )]
    Readable {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file holds no key.
    #[error("{0} is not a key: expected 64 hexadecimal digits")]
    BadKey(PathBuf),
    /// The configuration is wrong.
    #[error("{path} is wrong: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An item of the catalogue is damaged.
    #[error("{path} is no item of a catalogue: {reason}")]
    Item {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No such item.
    #[error("the catalogue has no item {0}")]
    NoItem(u64),
    /// The settlement server handed the item over.
    #[error(
        "the offer is of an item that the settlement server hands over: there is nothing encrypted"
    )]
    NotEncrypted,
    /// The offer is another merchant's, or for another ledger.
    #[error("the offer is not this merchant's: {0}")]
    NotOurs(settlement::purchases::OfferRefused),
    /// What is to be sold cannot be offered.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The price is nothing.
    #[error("the price is zero, expected at least the smallest unit of the currency")]
    NoPrice,
    /// The file that is to be sold.
    #[error("the item: {0}")]
    Goods(#[from] GoodsError),
    /// Another process sells from this directory.
    #[error("{0} is in use: another merchant runs on it")]
    InUse(PathBuf),
    /// The sales cannot be read or written.
    #[error("the sales in {path}: {source}; check the disk and its free space")]
    Sales {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<redb::Error>,
    },
    /// A row of the sales is damaged.
    #[error("a row of the sales is damaged: {0}")]
    Row(auction::wire::WireError),
    /// The settlement server.
    #[error(transparent)]
    Settlement(#[from] ClientError),
    /// The network.
    #[error(transparent)]
    Link(#[from] link::LinkError),
}

impl MerchantError {
    /// The `map_err` for a file that could not be read or written.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
