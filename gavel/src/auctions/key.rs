//! `gavel auction key`: the seller's public key, which operators name before they serve him.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::exit::Failure;
use crate::{output, private_file};

const EXAMPLES: &str = "Example:
  gavel auction key --seller-key seller.key

Operators name it in accumulator.toml, sellers = [..], and then join your auctions.";

/// Arguments of `gavel auction key`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// File with the seller's secret key; made if it does not exist.
    #[arg(long, value_name = "FILE", default_value = "seller.key")]
    seller_key: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    key: String,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = private_file::load_or_create_key(&arguments.seller_key)?.public().to_string();
    let view = View { key };
    output::either(arguments.json, &view, || view.key.clone())
}
