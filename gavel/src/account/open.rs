//! `gavel account open`: a directory with the owner's key.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::directory::Account;
use crate::charter::CharterArgument;
use crate::exit::Failure;
use crate::{money_text, output};

const EXAMPLES: &str = "Examples:
  gavel account open --account ann --charter charter.toml
  gavel account open --account shop --charter charter.toml --key seller.key

Nothing is asked of the server: give the owner's key that is printed to the operator, and the
account exists from its first deposit. The directory holds the owner's secret key, which alone
moves the money: keep a copy of it, and let nobody else read it. A seller is paid into the account
of the key that signs his auctions: --key takes it, or use the new owner.key as --seller-key.";

/// Arguments of `gavel account open`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The directory to make.
    #[arg(long, value_name = "DIR", env = "GAVEL_ACCOUNT", hide_env_values = true)]
    account: PathBuf,
    #[command(flatten)]
    charter: CharterArgument,
    /// The account's currency, three capital letters.
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: String,
    /// Digits after the point in this currency [default: those of ISO 4217].
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,
    /// File with a secret key that is to own the account, in place of a new one.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    owner: String,
    account: String,
    currency: String,
    decimals: u8,
    directory: String,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let currency = money_text::currency(&arguments.currency, arguments.decimals)
        .map_err(|source| Failure::Money { what: "--currency".to_owned(), source })?;
    let (dir, key) = (&arguments.account, arguments.key.as_deref());
    let account = Account::create(dir, &arguments.charter.charter, currency, key)?;
    let view = View {
        owner: account.key.public().to_string(),
        account: account.id().to_string(),
        currency: account.currency.code(),
        decimals: account.currency.decimals(),
        directory: dir.display().to_string(),
    };
    output::either(arguments.json, &view, || {
        let rows = [
            ("Owner's key", view.owner.clone()),
            ("Account", format!("{} in {}", view.account, view.currency)),
            ("Directory", view.directory.clone()),
        ];
        format!(
            "{}\nThe account exists from its first deposit. The operator makes it with\n  \
             gavel account deposit --operator-key operator.key --to {} --amount '100.00 {}'\n\
             Keep a copy of {}: whoever has it has the money.\n",
            output::columns(&rows),
            view.owner,
            view.currency,
            dir.join(super::directory::KEY_FILE).display(),
        )
    })
}
