//! `gavel delivery key`: the public key that the seller's terms name.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::exit::Failure;
use crate::{output, private_file};

pub(super) const EXAMPLES: &str = "Example:
  gavel delivery key --key-file carrier.key

Sellers name it with 'gavel auction new --dispatcher' or '--arbiter'. Who holds the file speaks for
the dispatcher, or for the arbiter.";

/// Arguments of `gavel delivery key`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File with the secret key; made if it does not exist.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    key: String,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let key = private_file::load_or_create_key(&arguments.key_file)?.public().to_string();
    let view = View { key };
    output::either(arguments.json, &view, || view.key.clone())
}
