//! `gavel bids`: the bids of a wallet and their receipts.

use bidder::{BidRecord, Wallet};
use clap::Args;
use serde::Serialize;

use crate::arguments::WalletArgument;
use crate::exit::Failure;
use crate::output::{self, columns};
use crate::time;

const EXAMPLES: &str = "Examples:
  gavel bids
  gavel bids --wallet ~/auctions --json

The prices are shown: they are yours. An outcome names the winner by the key shown here.";

/// Arguments of `gavel bids`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletArgument,
    /// Print one JSON object with all bids.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    bids: Vec<BidView>,
}

#[derive(Serialize)]
struct BidView {
    auction: String,
    title: String,
    bid: String,
    /// The bidder's key in the auction.
    key: String,
    price: Option<String>,
    currency: String,
    level: u32,
    made_at: String,
    closing: String,
    accumulators: usize,
    /// The receipts that the wallet holds: what convicts an accumulator that leaves the bid out.
    receipts: Vec<ReceiptView>,
    /// Accumulators that have confirmed that they hold all receipts.
    left_with: Vec<usize>,
    counted: bool,
}

#[derive(Serialize)]
struct ReceiptView {
    accumulator: u8,
    signature: String,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let wallet = Wallet::open(&arguments.wallet.dir()?)?;
    let bids: Vec<BidView> = wallet.bids()?.iter().map(BidView::of).collect();
    let view = View { bids };
    output::either(arguments.json, &view, || match view.bids.as_slice() {
        [] => "no bids in this wallet".to_owned(),
        bids => bids.iter().map(BidView::in_words).collect::<Vec<_>>().join("\n"),
    })
}

impl BidView {
    fn of(record: &BidRecord) -> Self {
        let (spec, collected) = (record.spec(), record.collected());
        let receipts = collected.receipts.iter().flatten().map(|receipt| ReceiptView {
            accumulator: receipt.accumulator,
            signature: hex::encode(receipt.signature.0),
        });
        let left = collected.left.iter().enumerate().filter(|(_, left)| **left);
        Self {
            auction: record.auction_id().to_string(),
            title: spec.title.clone(),
            bid: record.digest().to_string(),
            key: record.bidder().to_string(),
            price: record.price().map(|price| spec.currency.format(price)),
            currency: spec.currency.code(),
            level: record.level().0,
            made_at: time::utc(record.made_at()),
            closing: time::utc(spec.closing),
            accumulators: record.members().len(),
            receipts: receipts.collect(),
            left_with: left.map(|(k, _)| k).collect(),
            counted: record.is_counted(),
        }
    }

    fn in_words(&self) -> String {
        let of = self.accumulators;
        let counts = match (self.counted, self.receipts.len() == of) {
            (true, _) => "counts".to_owned(),
            (false, true) => {
                format!("not left with anybody yet: run gavel bid {} --retry", self.auction)
            }
            (false, false) => format!("may not count: run gavel bid {} --retry", self.auction),
        };
        let price = self.price.as_deref().unwrap_or("?");
        columns(&[
            ("Auction", self.auction.clone()),
            ("Title", self.title.clone()),
            ("Price", format!("{price} {}", self.currency)),
            ("Bid", self.bid.clone()),
            ("Key", self.key.clone()),
            ("Made", self.made_at.clone()),
            ("Closing", self.closing.clone()),
            (
                "Receipts",
                format!(
                    "{} of {of}, all held by {} of {of}; {counts}",
                    self.receipts.len(),
                    self.left_with.len()
                ),
            ),
        ])
    }
}
