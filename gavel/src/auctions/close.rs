//! `gavel auction close`: the seller's signed word ends the bidding early.

use std::path::PathBuf;

use auction::spec::EarlyClose;
use bidder::Patience;
use clap::Args;
use serde::Serialize;

use crate::arguments::{AuctionId, CommitteeArgument};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::output;
use crate::private_file::{check_private, load_key};
use crate::progress::asking;

const EXAMPLES: &str = "Example:
  gavel auction close 5d41... --seller-key seller.key

Bids that arrive later are refused. The command may be repeated.";

/// Arguments of `gavel auction close`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// File with the secret key of the auction's seller.
    #[arg(long, value_name = "FILE", default_value = "seller.key")]
    seller_key: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Closed {
    auction: String,
    closed: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let members = arguments.committee.members()?;
    let seller = load_key(&arguments.seller_key)?;
    let AuctionId(id) = arguments.auction;
    with_client(Patience::default(), async |client| {
        let auction = asking(client.auction(&members, &id)).await?;
        if auction.spec().seller != seller.public() {
            let key = arguments.seller_key.display();
            return Err(Failure::usage(
                format!("{key} is not the key of this auction's seller"),
                "name the key file that the auction was announced with: --seller-key FILE",
            ));
        }
        check_private(&arguments.seller_key)?;
        Ok(asking(client.close(&auction, EarlyClose::sign(id, &seller))).await?)
    })
    .await?;
    output::either(arguments.json, &Closed { auction: id.to_string(), closed: true }, || {
        format!(
            "All accumulators have closed the auction. The outcome follows:\n\
             gavel auction watch {id} --committee {}",
            arguments.committee.shown()
        )
    })
}
