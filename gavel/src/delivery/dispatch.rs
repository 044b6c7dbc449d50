//! `gavel delivery dispatch`: the dispatcher's word. SETTLEMENT, section "Physical goods", step 2.

use std::path::PathBuf;

use clap::Args;
use settlement::auctions::physical::{Place, Saying};

use super::speaking::{Speech, key_of, say};
use crate::arguments::AuctionId;
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  gavel delivery dispatch --auction 5d41... --key-file carrier.key --tracking 'JD0123456789'
  gavel delivery dispatch --auction 5d41... --key-file carrier.key --tracking 'depot 7, box 12' \\
      --receipt dispatch.receipt --json

Counts before T2, with the key that the terms name as the dispatcher's. From then on the price goes
to the seller at T3 unless the winner disputes. Said once: the same again changes nothing, another
text is refused.";

/// Arguments of `gavel delivery dispatch`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    /// File with the dispatcher's secret key.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// By what the goods can be followed or found; the sides and the arbiter see it.
    #[arg(long, value_name = "TEXT")]
    tracking: String,
    #[command(flatten)]
    charter: CharterArgument,
    /// Keep the journal's receipt of the word in this file, for 'gavel judge'.
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
    let key = key_of(&arguments.key_file)?;
    let speech = Speech {
        saying: Saying::Dispatched { tracking: arguments.tracking },
        place: Place::Dispatch,
        receipt: arguments.receipt,
    };
    let view = say(&key, &charter, &id, speech).await?;
    output::either(arguments.json, &view, || view.in_words())
}
