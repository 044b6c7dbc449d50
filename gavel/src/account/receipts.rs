//! `gavel account receipts`: what proves an account's movements, kept where a restore of the server
//! does not reach. SETTLEMENT, section "Readmission".

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use settlement::client::{Client, ClientError};
use settlement::service::{Declined, Movement};

use super::directory::AccountArgument;
use super::history::all;
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::output::{self, count};
use crate::receipt::file;

const EXAMPLES: &str = "Examples:
  gavel account receipts --account ann --to receipts
  gavel account receipts --account ann --to receipts --json

One file for each movement, money in and money out, named by the account that signed it and its id;
what is there already is not fetched again, so run it now and then. When the server has lost its disk
and was restored from a backup, 'gavel settlement readmit receipts' brings back what it lacks.";

/// Arguments of `gavel account receipts`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountArgument,
    /// Directory to keep them in; made where there is none.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    directory: String,
    /// How many were fetched now.
    fetched: u64,
    /// How many movements had theirs there already.
    kept: u64,
    /// Movements whose receipts concern others more than this account, and are not shown to it.
    not_shown: u64,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let dir = &arguments.to;
    std::fs::create_dir_all(dir).map_err(|source| Failure::file("create", dir, source))?;
    let mut view = View { directory: dir.display().to_string(), fetched: 0, kept: 0, not_shown: 0 };
    let fetched = with_server(&account.key, &account.charter, async |client| {
        let (_, movements) = all(client, account.id(), 0).await?;
        for movement in &movements {
            keep(client, movement, dir, &mut view).await?;
        }
        Ok(())
    });
    fetched.await?;
    output::either(arguments.json, &view, || {
        let (fetched, dir) = (count(view.fetched, "receipt"), &view.directory);
        let mut line = format!("{fetched} fetched to {dir}; {} there already.\n", view.kept);
        if view.not_shown > 0 {
            line.push_str(&format!("{} not shown to this account.\n", view.not_shown));
        }
        line
    })
}

async fn keep(
    client: &Client,
    movement: &Movement,
    dir: &std::path::Path,
    view: &mut View,
) -> Result<(), Failure> {
    let signer: String = movement.signed_by.to_string().chars().take(16).collect();
    let path = dir.join(format!("{signer}-{:032x}.receipt", movement.id.get()));
    if path.exists() {
        view.kept += 1;
        return Ok(());
    }
    match asking(client.status(movement.signed_by, movement.id)).await {
        Ok(Some(status)) => {
            file::write_entry(&path, status.receipt.receipt())?;
            view.fetched += 1;
        }
        Ok(None) | Err(ClientError::Declined(Declined::NotYours)) => view.not_shown += 1,
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
