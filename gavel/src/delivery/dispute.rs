//! `gavel delivery dispute`: the winner objects. SETTLEMENT, section "Physical goods", step 2.

use std::path::PathBuf;

use clap::Args;
use settlement::auctions::physical::{Place, Saying};

use super::speaking::{Speech, say, winners_key};
use crate::arguments::{AuctionId, WalletArgument};
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  gavel delivery dispute --auction 5d41... --because 'nothing has come'
  gavel delivery dispute --auction 5d41... --because 'the frame is broken' \\
      --receipt dispute.receipt --json

Counts after the dispatch and before T3. The price then stays in escrow until the arbiter named in
the terms divides it, or until T4. 'gavel delivery confirm' ends the dispute. Said once: the same
again changes nothing, another text is refused.";

/// Arguments of `gavel delivery dispute`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    /// What is wrong; the seller, the dispatcher and the arbiter see it.
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    wallet: WalletArgument,
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
    let key = winners_key(&arguments.wallet, &charter, &id).await?;
    let speech = Speech {
        saying: Saying::Disputed { reason: arguments.because },
        place: Place::Dispute,
        receipt: arguments.receipt,
    };
    let view = say(&key, &charter, &id, speech).await?;
    output::either(arguments.json, &view, || view.in_words())
}
