//! `gavel delivery confirm`: the winner has the goods. SETTLEMENT, section "Physical goods", step 2.

use std::path::PathBuf;

use clap::Args;
use settlement::auctions::physical::{Place, Saying};

use super::speaking::{Speech, say, winners_key};
use crate::arguments::{AuctionId, WalletArgument};
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  gavel delivery confirm --auction 5d41...
  gavel delivery confirm --auction 5d41... --receipt paid.receipt --json

The price goes to the seller at once, less the sale fee, and nothing brings it back: look at the
goods first. It also ends a dispute. Said once; the same again changes nothing.";

/// Arguments of `gavel delivery confirm`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    wallet: WalletArgument,
    #[command(flatten)]
    charter: CharterArgument,
    /// Keep the journal's receipt of the payout in this file, for 'gavel judge'.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let charter = arguments.charter.load()?;
    let key = winners_key(&arguments.wallet, &charter, &id).await?;
    let receipt = arguments.receipt;
    let speech = Speech { saying: Saying::Received, place: Place::Payout, receipt };
    let view = say(&key, &charter, &id, speech).await?;
    output::either(arguments.json, &view, || view.in_words())
}
