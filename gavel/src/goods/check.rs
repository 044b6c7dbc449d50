//! `gavel goods check`: whether goods are whole, and the ones that were promised.

use std::fs::File;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use clap::Args;
use serde::Serialize;
use settlement::goods::{GoodsError, check_with_key, measure};

use super::watched::watched;
use super::{checksum, failure, key_file, length_of};
use crate::exit::Failure;
use crate::output::{self, columns};

const EXAMPLES: &str = "Examples:
  gavel goods check vase.pdf.goods
  gavel goods check vase.pdf.goods --checksum 9c1f...
  gavel goods check vase.pdf.goods --key vase.pdf.key

Without more it says whether the file is whole, and its checksum: compare it with the one that
'gavel auction show' prints, or give that one. With the key every chunk is opened as well, and what
is in it thrown away: that is what the settlement server does before an auction opens.";

/// Arguments of `gavel goods check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The encrypted goods.
    goods: PathBuf,
    /// File with their key, to see that it opens them.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The checksum that they must have.
    #[arg(long, value_name = "CHECKSUM", value_parser = checksum)]
    checksum: Option<Digest>,
    /// Print one JSON object, also when the goods are not good.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Good {
    good: bool,
    bytes: u64,
    checksum: String,
    key_hash: String,
    /// Whether a key was given, which opens all of them.
    opens: bool,
}

#[derive(Serialize)]
struct NotGood {
    good: bool,
    reason: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (path, json) = (&arguments.goods, arguments.json);
    let goods = match examine(&arguments).await {
        Ok(goods) => goods,
        Err(Failure::Goods { path, source }) if json && source.is_fault_of_goods() => {
            let said = output::json(&NotGood { good: false, reason: source.to_string() });
            return Err(Failure::Goods { path, source }.after(&said));
        }
        Err(failure) => return Err(failure),
    };
    let view = Good {
        good: true,
        bytes: goods.bytes,
        checksum: goods.checksum.to_string(),
        key_hash: goods.key_hash.to_string(),
        opens: arguments.key.is_some(),
    };
    output::either(json, &view, || in_words(path, &view))
}

async fn examine(arguments: &Arguments) -> Result<Goods, Failure> {
    let path = &arguments.goods;
    let length = length_of(path)?;
    let key = arguments.key.as_deref().map(key_file::load).transpose()?;
    let open = || File::open(path).map_err(|source| Failure::input("read", path, source));
    let file = open()?;
    let goods = watched("checking", path, length, |progress| measure(file, progress)).await?;
    if let Some(expected) = arguments.checksum.filter(|expected| *expected != goods.checksum) {
        return Err(failure(path, GoodsError::Checksum { got: goods.checksum, expected }));
    }
    if let Some(key) = key {
        key.check(&goods.key_hash).map_err(|error| failure(path, error))?;
        let file = open()?;
        watched("opening", path, length, move |progress| {
            check_with_key(file, &key, &goods, progress)
        })
        .await?;
    }
    Ok(goods)
}

fn in_words(path: &Path, view: &Good) -> String {
    let opened = if view.opens { ", and the key opens them" } else { "" };
    columns(&[
        ("Goods", format!("{} ({}), whole{opened}", path.display(), output::bytes(view.bytes))),
        ("Checksum", view.checksum.clone()),
        ("Key hash", view.key_hash.clone()),
    ])
}
