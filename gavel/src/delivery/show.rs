//! `gavel delivery show`: how physical goods stand, for those whom it concerns.

use std::path::PathBuf;

use clap::Args;

use super::speaking::{key_of, look, winners_key};
use crate::arguments::{AuctionId, WalletArgument};
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  gavel delivery show --auction 5d41...                          the winner, from the wallet
  gavel delivery show --auction 5d41... --key-file seller.key    the seller or the house
  gavel delivery show --auction 5d41... --key-file carrier.key   the dispatcher or the arbiter
  gavel delivery show --auction 5d41... --key-file arbiter.key --json

Shown to the winner, the seller, the house, the dispatcher, the arbiter and the operator of the
settlement server, and to nobody else.";

/// Arguments of `gavel delivery show`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    /// File with the secret key of another than the winner.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    wallet: WalletArgument,
    #[command(flatten)]
    charter: CharterArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let charter = arguments.charter.load()?;
    let key = match &arguments.key_file {
        Some(path) => key_of(path)?,
        None => winners_key(&arguments.wallet, &charter, &id).await?,
    };
    let view = look(&key, &charter, &id).await?;
    output::either(arguments.json, &view, || view.in_words())
}
