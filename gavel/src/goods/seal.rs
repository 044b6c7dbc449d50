//! `gavel goods seal`: a file becomes goods. SETTLEMENT, section "An auction's payment", step 1.

use std::path::{Path, PathBuf};

use auction::settlement_terms::Goods;
use clap::Args;
use serde::Serialize;
use settlement::goods::{Existing, GoodsError, encrypted_length, seal_file};

use super::watched::watched;
use super::{beside, failure, key_file, length_of};
use crate::exit::Failure;
use crate::output::{self, columns};

const EXAMPLES: &str = "Examples:
  gavel goods seal vase.pdf                     makes vase.pdf.goods and vase.pdf.key
  gavel goods seal vase.pdf --out v.goods --key v.key --json

Everybody may have the goods; whoever has the key can open them. 'gavel auction new' takes both to
the settlement server, which gives the key to the winner when he has paid. Keep the key secret
until then. Several files are sold as one archive (zip, tar).";

/// Arguments of `gavel goods seal`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The file that is sold.
    file: PathBuf,
    /// Where to write the encrypted goods [default: FILE.goods].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where to write their key, for you alone [default: FILE.key].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    goods: String,
    key_file: String,
    bytes: u64,
    checksum: String,
    key_hash: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { file, out, key, json } = arguments;
    let out = out.unwrap_or_else(|| beside(&file, ".goods"));
    let key_path = key.unwrap_or_else(|| beside(&file, ".key"));
    let length = length_of(&file)?;
    let total =
        encrypted_length(length).ok_or_else(|| failure(&file, GoodsError::TooLong { length }))?;

    let key = key_file::create(&key_path)?;
    let unneeded = Unneeded(Some(&key_path));
    let (from, to) = (file.clone(), out.clone());
    let goods = watched("sealing", &file, total, move |progress| {
        seal_file(&from, &to, &key, Existing::Keep, &mut rand::rng(), progress)
    })
    .await?;
    unneeded.keep();
    say(&out, &key_path, &goods, json)
}

fn say(out: &Path, key: &Path, goods: &Goods, json: bool) -> Result<(), Failure> {
    let view = View {
        goods: out.display().to_string(),
        key_file: key.display().to_string(),
        bytes: goods.bytes,
        checksum: goods.checksum.to_string(),
        key_hash: goods.key_hash.to_string(),
    };
    output::either(json, &view, || {
        columns(&[
            ("Goods", format!("{} ({})", view.goods, output::bytes(view.bytes))),
            ("Checksum", view.checksum.clone()),
            ("Key", format!("{}, to be kept secret until they are sold", view.key_file)),
            ("Key hash", view.key_hash.clone()),
        ])
    })
}

/// A key file that goes again, unless goods were sealed under its key.
struct Unneeded<'a>(Option<&'a Path>);

impl Unneeded<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unneeded<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.0 {
            // A key that opens nothing; that it stays is not what failed.
            let _ = std::fs::remove_file(path);
        }
    }
}
