//! `gavel account history`: an account's movements.

use auction::money::{Amount, Currency};
use clap::Args;
use serde::Serialize;
use settlement::client::{Client, ClientError};
use settlement::ledger::AccountId;
use settlement::service::{Declined, Movement, MovementKind, Side};

use super::directory::AccountArgument;
use super::intent::Reference;
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::{output, time};

/// Most movements that are listed.
const MAX_LISTED: u64 = 100_000;

const EXAMPLES: &str = "Examples:
  gavel account history --account ann
  gavel account history --account ann --from 1000 --json

Oldest first. A hold is set aside until it is taken, given up or over; 'hold taken' says how much
of it was taken, the rest went back.";

/// Arguments of `gavel account history`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountArgument,
    /// Leave out so many of the oldest.
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Print one JSON object with all movements.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    account: String,
    currency: String,
    total: u64,
    movements: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    time: String,
    kind: &'static str,
    /// `in` or `out`.
    direction: &'static str,
    amount: String,
    other: String,
    reference: String,
    entry: u64,
    id: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let pages = with_server(&account.key, &account.charter, async |client| {
        all(client, account.id(), arguments.from).await
    });
    let (total, movements) = pages.await?;
    let view = View {
        account: account.id().to_string(),
        currency: account.currency.code(),
        total,
        movements: movements.iter().map(|one| Line::of(one, &account.currency)).collect(),
    };
    output::either(arguments.json, &view, || match view.movements.as_slice() {
        [] => "no movements".to_owned(),
        lines => lines.iter().map(|line| line.in_words(&view.currency)).collect(),
    })
}

/// An account's movements from one on, oldest first, and how many there are in all.
pub(super) async fn all(
    client: &Client,
    account: AccountId,
    from: u64,
) -> Result<(u64, Vec<Movement>), Failure> {
    let mut movements = Vec::new();
    loop {
        let page = match asking(client.history(account, from + movements.len() as u64)).await {
            Err(ClientError::Declined(Declined::NotYours)) => return Ok((0, movements)),
            page => page?,
        };
        let came = page.movements.len();
        movements.extend(page.movements);
        let reached = from + movements.len() as u64;
        if came == 0 || reached >= page.total || movements.len() as u64 >= MAX_LISTED {
            return Ok((page.total, movements));
        }
    }
}

impl Line {
    fn of(movement: &Movement, currency: &Currency) -> Self {
        Self {
            time: time::utc(movement.time),
            kind: match movement.kind {
                MovementKind::Post => "payment",
                MovementKind::Hold { .. } => "hold",
                MovementKind::PostHold(_) => "hold taken",
                MovementKind::VoidHold(_) => "hold given up",
                MovementKind::Deposit => "deposit",
                MovementKind::Withdraw => "withdrawal",
                MovementKind::Correct => "correction",
                MovementKind::Purchase => "purchase",
            },
            direction: match movement.side {
                Side::Debit => "out",
                Side::Credit => "in",
            },
            amount: currency.format(Amount(movement.amount)),
            other: movement.other.to_string(),
            reference: Reference::shown(&movement.reference),
            entry: movement.entry,
            id: format!("{:032x}", movement.id.get()),
        }
    }

    fn in_words(&self, currency: &str) -> String {
        let word = if self.direction == "in" { "from" } else { "to" };
        let mut line = format!(
            "{}  {:<13}  {:>3}  {:>14} {currency}  {word} {}",
            self.time, self.kind, self.direction, self.amount, self.other
        );
        if !self.reference.is_empty() {
            line.push_str(&format!("  {}", self.reference));
        }
        line.push('\n');
        line
    }
}
