//! `gavel goods open`: goods become the file that was sold. SETTLEMENT, section "An auction's
//! payment", step 5.

use std::fs::File;
use std::path::PathBuf;

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use clap::Args;
use serde::Serialize;
use settlement::goods::{Existing, measure, open_file};

use super::watched::watched;
use super::{checksum, failure, key_file, length_of};
use crate::exit::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  gavel goods open vase.pdf.goods --key vase.pdf.key --out vase.pdf
  gavel goods open vase.pdf.goods --key vase.pdf.key --out vase.pdf --checksum 9c1f...

The file appears under its name when all of it has been checked, and only you may read it. Give
--checksum with what the auction names to be sure that these are the goods that were promised;
without it the key alone vouches for them, that is whoever sealed them.";

/// Arguments of `gavel goods open`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The encrypted goods.
    goods: PathBuf,
    /// File with their key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write what they are.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The checksum that they must have.
    #[arg(long, value_name = "CHECKSUM", value_parser = checksum)]
    checksum: Option<Digest>,
    /// Replace the file if it exists.
    #[arg(long)]
    replace: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    file: String,
    bytes: u64,
    checksum: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { goods: path, key, out, checksum, replace, json } = arguments;
    let length = length_of(&path)?;
    let key = key_file::load(&key)?;
    let existing = if replace { Existing::Replace } else { Existing::Keep };
    // Before minutes of work are done for nothing; asked again when it counts.
    if existing == Existing::Keep && out.symlink_metadata().is_ok() {
        return Err(Failure::usage(
            format!("{} exists already and is not overwritten", out.display()),
            "name another file with --out, or give --replace",
        ));
    }

    let goods = match checksum {
        Some(checksum) => Goods { key_hash: key.hash(), checksum, bytes: length },
        None => {
            let file = File::open(&path);
            let file = file.map_err(|source| Failure::input("read", &path, source))?;
            watched("checking", &path, length, |progress| measure(file, progress)).await?
        }
    };
    key.check(&goods.key_hash).map_err(|error| failure(&path, error))?;
    let (from, to) = (path.clone(), out.clone());
    watched("opening", &path, length, move |progress| {
        open_file(&from, &to, &key, &goods, existing, progress)
    })
    .await?;
    let bytes =
        std::fs::metadata(&out).map_err(|source| Failure::file("read", &out, source))?.len();
    let view =
        View { file: out.display().to_string(), bytes, checksum: goods.checksum.to_string() };
    output::either(json, &view, || format!("{} ({})", view.file, output::bytes(bytes)))
}
