//! `gavel account balance`: what is there, what is set aside, what can be spent.

use clap::Args;
use serde::Serialize;
use settlement::client::ClientError;
use settlement::ledger::Balances;
use settlement::service::Declined;

use super::directory::AccountArgument;
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::money_text::balance;
use crate::{output, time};

const EXAMPLES: &str = "Examples:
  gavel account balance --account ann
  gavel account balance --account ann --json | jq -r .available

Available is what is in the account less what bonds and other holds set aside.";

/// Arguments of `gavel account balance`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountArgument,
    /// Print one JSON object: amounts in the currency, as text.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    account: String,
    owner: String,
    currency: String,
    /// Whether the account exists: it does from its first deposit.
    exists: bool,
    posted: String,
    pending: String,
    available: String,
    time: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let asked = with_server(&account.key, &account.charter, async |client| {
        match asking(client.account(account.id())).await {
            Err(ClientError::Declined(Declined::NotYours)) => Ok(None),
            view => Ok(Some(view?)),
        }
    });
    let found = asked.await?;
    let balances = found.as_ref().map_or_else(Balances::default, |view| view.balances);
    let pending = i128::try_from(balances.pending()).unwrap_or(i128::MAX);
    let plain = |minor| {
        let text = balance(&account.currency, minor);
        text.split_once(' ').map_or(text.clone(), |(number, _)| number.to_owned())
    };
    let view = View {
        account: account.id().to_string(),
        owner: account.key.public().to_string(),
        currency: account.currency.code(),
        exists: found.is_some(),
        posted: plain(balances.posted()),
        pending: plain(pending),
        available: plain(balances.available()),
        time: found.map(|view| time::utc(view.time)),
    };
    output::either(arguments.json, &view, || {
        let money = |number: &str| format!("{number} {}", view.currency);
        let mut rows = vec![
            ("Account", view.account.clone()),
            ("Posted", money(&view.posted)),
            ("Set aside", money(&view.pending)),
            ("Available", money(&view.available)),
        ];
        if !view.exists {
            let word = "not there yet: it exists from its first deposit".to_owned();
            rows.insert(1, ("State", word));
        }
        output::columns(&rows)
    })
}
