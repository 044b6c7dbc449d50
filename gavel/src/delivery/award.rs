//! `gavel delivery award`: the arbiter's word. SETTLEMENT, section "Physical goods", step 2.

use std::path::PathBuf;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::Amount;
use clap::{Args, ValueEnum};
use settlement::auctions::physical::{Place, Saying};
use settlement::charter_file::CharterFile;

use super::speaking::{Speech, key_of, price_of, say};
use crate::arguments::AuctionId;
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::money_text::MoneyText;
use crate::output;

pub(super) const EXAMPLES: &str = "Examples:
  gavel delivery award --auction 5d41... --key-file arbiter.key --all-to winner \\
      --because 'the carrier has lost it'
  gavel delivery award --auction 5d41... --key-file arbiter.key --to-seller '80.00 EUR' \\
      --because 'a scratch that was not described' --json

Counts after a dispute and before T4. What does not go to the seller goes back to the winner; the
sale fee is taken from the seller's part, in proportion. 'gavel delivery show' shows the arbiter
what was said. Paid at once and for good: the same again changes nothing, another award is refused.";

/// Arguments of `gavel delivery award`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(long, value_name = "ID")]
    auction: AuctionId,
    /// File with the arbiter's secret key.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Who gets the whole price.
    #[arg(
        long,
        value_name = "SIDE",
        value_enum,
        required_unless_present = "to_seller",
        conflicts_with = "to_seller"
    )]
    all_to: Option<SideArgument>,
    /// What of the price the seller gets, the sale fee not yet taken off; the rest is the winner's.
    #[arg(long, value_name = "AMOUNT")]
    to_seller: Option<MoneyText>,
    /// Why; the sides see it.
    #[arg(long, value_name = "TEXT")]
    because: String,
    #[command(flatten)]
    charter: CharterArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A side of a sale on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArgument {
    /// Who sold.
    Seller,
    /// Who bought.
    Winner,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let AuctionId(id) = arguments.auction;
    let charter = arguments.charter.load()?;
    let key = key_of(&arguments.key_file)?;
    let (to_seller, to_winner) = parts(&arguments, &key, &charter, &id).await?;
    let reason = arguments.because;
    let saying = Saying::Awarded { to_seller, to_winner, reason };
    // The payout names accounts: its receipt is for the sides.
    let speech = Speech { saying, place: Place::Payout, receipt: None };
    let view = say(&key, &charter, &id, speech).await?;
    output::either(arguments.json, &view, || view.in_words())
}

/// The price in the two parts that were asked for.
async fn parts(
    arguments: &Arguments,
    key: &SecretKey,
    charter: &CharterFile,
    id: &Digest,
) -> Result<(Amount, Amount), Failure> {
    let (price, currency) = price_of(key, charter, id).await?;
    let to_seller = match (&arguments.to_seller, arguments.all_to) {
        (Some(amount), _) => amount.in_currency(&currency)?,
        (None, Some(SideArgument::Seller)) => price,
        (None, _) => Amount(0),
    };
    match price.0.checked_sub(to_seller.0) {
        Some(rest) => Ok((to_seller, Amount(rest))),
        None => Err(Failure::usage(
            format!("--to-seller is above the price, {}", currency.display(price)),
            "give at most the price",
        )),
    }
}
