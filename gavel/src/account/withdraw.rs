//! `gavel account withdraw`: money goes out, on the owner's and the operator's word.

use std::path::{Path, PathBuf};

use auction::money::{Amount, Currency};
use auction::spec::Time;
use clap::Args;
use serde::Serialize;
use settlement::client::ClientError;
use settlement::layout::Signer;
use settlement::ledger::{AccountId, Action, Code, Request, SignedRequest, Sum};
use settlement::service::AccountView;

use super::deposit::nothing;
use super::directory::Account;
use super::intent::{Reference, fresh_id};
use super::refusal::refused;
use super::withdrawal_file;
use crate::charter::{CharterArgument, asking, with_server};
use crate::exit::Failure;
use crate::money_text::{MoneyText, written};
use crate::private_file::{check_private, load_key};
use crate::{output, time};

/// How long the operator has to approve, in milliseconds (30 days).
const GOOD_FOR_MS: u64 = 30 * 24 * 3_600_000;

const EXAMPLES: &str = "Examples:
  gavel account withdraw --account ann --amount '40.00 EUR' --reference 'IBAN ..17' --out ann.withdrawal
  gavel account withdraw --approve ann.withdrawal --operator-key operator.key

The owner signs and sends the file to the operator, who countersigns and submits it, and pays the
money out. Nothing moves before that; the file is good for 30 days and for one withdrawal, however
often it is approved.";

/// Arguments of `gavel account withdraw`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Directory of your account, from which money is to go.
    #[arg(
        long,
        value_name = "DIR",
        env = "GAVEL_ACCOUNT",
        hide_env_values = true,
        required_unless_present = "approve"
    )]
    account: Option<PathBuf>,
    /// How much, such as '40.00 EUR'.
    #[arg(long, value_name = "AMOUNT", required_unless_present = "approve")]
    amount: Option<MoneyText>,
    /// Where to, or what for, at most 32 bytes; the operator sees it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reference: Reference,
    /// The file to write, for the operator.
    #[arg(long, value_name = "FILE", required_unless_present = "approve")]
    out: Option<PathBuf>,
    /// The file of an owner, to be approved by the operator.
    #[arg(
        long, value_name = "FILE", requires = "operator_key",
        conflicts_with_all = ["amount", "out"]
    )]
    approve: Option<PathBuf>,
    /// File with the operator's secret key.
    #[arg(long, value_name = "FILE", requires = "approve")]
    operator_key: Option<PathBuf>,
    #[command(flatten)]
    charter: CharterArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    account: String,
    amount: String,
    currency: String,
    reference: String,
    id: String,
    until: String,
    /// The journal entry, once the money is out.
    entry: Option<u64>,
    /// Whether it was approved before.
    repeated: bool,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match (&arguments.approve, &arguments.operator_key) {
        (Some(file), Some(key)) => approve(&arguments, file, key).await,
        // Clap sees to it that they come together.
        _ => sign(&arguments),
    }
}

fn sign(arguments: &Arguments) -> Result<(), Failure> {
    let (Some(dir), Some(amount), Some(out)) =
        (&arguments.account, &arguments.amount, &arguments.out)
    else {
        return Err(Failure::usage(
            "a withdrawal needs --account, --amount and --out",
            "or --approve FILE with --operator-key FILE, as the operator",
        ));
    };
    let account = Account::open(dir)?;
    let amount = amount.in_currency(&account.currency)?;
    let sum = Sum::new(amount.0).ok_or_else(nothing)?;
    let reference = arguments.reference.digest();
    let request = Request {
        id: fresh_id(),
        until: Time(time::now().0.saturating_add(GOOD_FOR_MS)),
        action: Action::Withdraw { account: account.id(), amount: sum, reference },
    };
    let signed = SignedRequest::sign(&request, &account.signer(), &account.charter.charter);
    withdrawal_file::write(out, &signed)?;
    let view = View::of(&request, account.id(), amount, &account.currency);
    output::either(arguments.json, &view, || {
        format!(
            "Signed: {} {}, good until {}. Nothing has moved yet.\n\
             Send {} to the operator, who runs\n  \
             gavel account withdraw --approve FILE --operator-key operator.key\n",
            view.amount,
            view.currency,
            view.until,
            out.display()
        )
    })
}

async fn approve(arguments: &Arguments, file: &Path, key_file: &Path) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    let signed = withdrawal_file::read(file)?;
    let Action::Withdraw { account, amount, .. } = signed.request().action else {
        let what = format!("{} asks for something else than a withdrawal", file.display());
        return Err(Failure::usage(what, "do not sign it"));
    };
    let key = load_key(key_file)?;
    check_private(key_file)?;
    if key.public() != charter.charter.operator() {
        let what = format!("{} is not the key of the charter's operator", key_file.display());
        return Err(Failure::usage(
            what,
            "name the operator.key that 'gavel settlement init' made",
        ));
    }
    let request = *signed.request();
    let signed = signed.countersign(&Signer::new(&key), &charter.charter);
    // The owner's signature, for this ledger: before the server is troubled.
    if let Err(error) = signed.clone().verify(&charter.charter) {
        let what = format!("{}: {error}", file.display());
        return Err(Failure::usage(what, "ask the owner to sign again, for this server's charter"));
    }
    let (view, decided) = with_server(&key, &charter, async |client| {
        let view: AccountView = asking(client.account(account)).await?;
        let decided = asking(client.submit(std::slice::from_ref(&signed))).await?;
        Ok((view, decided))
    })
    .await?;
    let result = decided.results.first().copied();
    let result = result.ok_or(ClientError::WrongAnswer("expected a result"))?;
    if result.code != Code::Done {
        return Err(refused("the withdrawal", result.code));
    }
    let currency = written(view.currency)
        .map_err(|source| Failure::Money { what: "the account".to_owned(), source })?;
    let mut view = View::of(&request, account, Amount(amount.get()), &currency);
    (view.entry, view.repeated) = (result.entry, result.repeated);
    output::either(arguments.json, &view, || {
        let (amount, currency) = (&view.amount, &view.currency);
        let entry = view.entry.unwrap_or_default();
        if view.repeated {
            format!("Done already (entry {entry}): {amount} {currency}. Do not pay it out again.")
        } else {
            format!(
                "Withdrawn: {amount} {currency} (entry {entry}). Pay it out now: {}",
                if view.reference.is_empty() { "no reference" } else { &view.reference }
            )
        }
    })
}

impl View {
    fn of(request: &Request, account: AccountId, amount: Amount, currency: &Currency) -> Self {
        let reference = match request.action {
            Action::Withdraw { reference, .. } => Reference::shown(&reference),
            _ => String::new(),
        };
        Self {
            account: account.to_string(),
            amount: currency.format(amount),
            currency: currency.code(),
            reference,
            id: format!("{:032x}", request.id.get()),
            until: time::utc(request.until),
            entry: None,
            repeated: false,
        }
    }
}
