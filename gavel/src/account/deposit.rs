//! `gavel account deposit`: money comes in, on the operator's word.

use std::path::PathBuf;

use auction::money::Currency;
use clap::Args;
use serde::Serialize;
use settlement::layout::Signer;
use settlement::ledger::{self, AccountId, Action, Sum};

use super::OwnerKey;
use super::intent::{GivenId, Reference};
use super::once::{Done, Naming, once};
use crate::charter::{CharterArgument, with_server};
use crate::exit::Failure;
use crate::money_text::MoneyText;
use crate::private_file::{check_private, load_key};
use crate::{output, time};

const EXAMPLES: &str = "Examples:
  gavel account deposit --operator-key operator.key --to 3b6a.. --amount '100.00 EUR' \\
      --reference 'bank 2027-03-01/17'
  gavel account deposit --operator-key operator.key --to 3b6a.. --amount '5000 JPY' --json

May be repeated: the same key, amount and reference are one deposit, and a repeat says when it was
done. So give each payment that you received a reference of its own, such as the number that your
bank gave it; without one, a second deposit of the same sum to the same key is taken for a repeat.
With --id the id alone decides. A deposit that was refused for ever (its id is then used up) is
tried under the next id.";

/// Arguments of `gavel account deposit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// File with the operator's secret key.
    #[arg(long, value_name = "FILE")]
    operator_key: PathBuf,
    #[command(flatten)]
    charter: CharterArgument,
    /// The owner's key of the account that gets the money; its first deposit opens it.
    #[arg(long, value_name = "KEY")]
    to: OwnerKey,
    /// How much, such as '100.00 EUR'.
    #[arg(long, value_name = "AMOUNT")]
    amount: MoneyText,
    /// What it is for, at most 32 bytes: part of what makes it this deposit and no other.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference: Reference,
    /// The deposit's id, in place of the one that follows from the above.
    #[arg(long, value_name = "HEX")]
    id: Option<GivenId>,
    /// Digits after the point in this currency [default: those of ISO 4217].
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What a movement of money did, as JSON.
#[derive(Serialize)]
pub(super) struct View {
    to: String,
    account: String,
    amount: String,
    currency: String,
    id: String,
    entry: u64,
    time: Option<String>,
    /// Whether an earlier command had done it.
    repeated: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let key = load_key(&arguments.operator_key)?;
    check_private(&arguments.operator_key)?;
    if key.public() != charter.charter.operator() {
        let path = arguments.operator_key.display();
        return Err(Failure::usage(
            format!("{path} is not the key of the charter's operator"),
            "name the operator.key that 'gavel settlement init' made, or the right --charter",
        ));
    }
    let (currency, amount) = arguments.amount.resolve(arguments.decimals)?;
    let sum = Sum::new(amount.0).ok_or_else(nothing)?;
    let OwnerKey(owner) = arguments.to;
    let kept = ledger::Currency::from(&currency);
    let (from, to) = (AccountId::of_owner(&key.public(), kept), AccountId::of_owner(&owner, kept));
    let reference = arguments.reference.digest();
    let naming = match arguments.id {
        Some(GivenId(id)) => Naming::Given(id),
        None => Naming::Derived { what: "deposit", to, amount: amount.0, reference },
    };
    let action = Action::Deposit { owner, currency: kept, amount: sum, reference };
    let done = with_server(&key, &charter, async |client| {
        once(client, from, action, &naming, &Signer::new(&key)).await
    });
    let view = View::of(&done.await?, owner.to_string(), to, &currency, amount);
    output::either(arguments.json, &view, || {
        view.in_words("Deposited", "add a --reference of its own to deposit once more")
    })
}

/// Nothing is to be moved.
pub(super) fn nothing() -> Failure {
    Failure::usage("--amount is nothing", "give an amount above zero")
}

impl View {
    pub(super) fn of(
        done: &Done,
        to: String,
        account: AccountId,
        currency: &Currency,
        amount: auction::money::Amount,
    ) -> Self {
        Self {
            to,
            account: account.to_string(),
            amount: currency.format(amount),
            currency: currency.code(),
            id: format!("{:032x}", done.id.get()),
            entry: done.entry,
            time: done.time.map(time::utc),
            repeated: done.repeated,
        }
    }

    pub(super) fn in_words(&self, did: &str, more: &str) -> String {
        let (amount, currency, entry) = (&self.amount, &self.currency, self.entry);
        let to = &self.to;
        if self.repeated {
            let when = self.time.as_deref().unwrap_or("before");
            format!(
                "Done already, {when} (entry {entry}): {amount} {currency} to {to}.\n\
                 Nothing was moved now; {more}."
            )
        } else {
            format!("{did} {amount} {currency} to {to} (entry {entry}).")
        }
    }
}
