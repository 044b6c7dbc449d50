//! `gavel account pay`: money from one owner's account to another's.

use clap::Args;
use settlement::ledger::{AccountId, Action, Movement, Sum};

use super::OwnerKey;
use super::deposit::{View, nothing};
use super::directory::AccountArgument;
use super::intent::{GivenId, Reference};
use super::once::{Naming, once};
use crate::charter::with_server;
use crate::exit::Failure;
use crate::money_text::MoneyText;
use crate::output;

const EXAMPLES: &str = "Example:
  gavel account pay --account ann --to 8a88.. --amount '12.50 EUR' --reference 'invoice 7'

May be repeated: the same key, amount and reference are one payment, and a repeat says when it was
done. Whoever means to pay the same sum once more gives another reference.";

/// Arguments of `gavel account pay`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: AccountArgument,
    /// The owner's key of the account that is paid.
    #[arg(long, value_name = "KEY")]
    to: OwnerKey,
    /// How much, such as '12.50 EUR', in the account's currency.
    #[arg(long, value_name = "AMOUNT")]
    amount: MoneyText,
    /// What it is for, at most 32 bytes: part of what makes it this payment and no other.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference: Reference,
    /// The payment's id, in place of the one that follows from the above.
    #[arg(long, value_name = "HEX")]
    id: Option<GivenId>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let amount = arguments.amount.in_currency(&account.currency)?;
    let sum = Sum::new(amount.0).ok_or_else(nothing)?;
    let OwnerKey(owner) = arguments.to;
    let (debit, credit) = (account.id(), AccountId::of_owner(&owner, account.ledger_currency()));
    if debit == credit {
        return Err(Failure::usage("--to is this account itself", "name another key"));
    }
    let reference = arguments.reference.digest();
    let naming = match arguments.id {
        Some(GivenId(id)) => Naming::Given(id),
        None => Naming::Derived { what: "payment", to: credit, amount: amount.0, reference },
    };
    let action = Action::Post(Movement { debit, credit, amount: sum, reference });
    let done = with_server(&account.key, &account.charter, async |client| {
        once(client, debit, action, &naming, &account.signer()).await
    });
    let done = done.await?;
    let view = View::of(&done, owner.to_string(), credit, &account.currency, amount);
    output::either(arguments.json, &view, || {
        view.in_words("Paid", "add another --reference to pay once more")
    })
}
