//! `gavel offer`: what a merchant sells.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use auction::money::{Amount, Currency};
use clap::{Args, Subcommand};
use purchase::merchant::{Catalogue, CatalogueItem, ItemDelivery, NewItem, write_goods};
use purchase::service::ItemView;
use serde::Serialize;
use settlement::ledger::Sum;
use settlement::purchases::SignedOffer;

use crate::account::directory::AccountArgument;
use crate::aside::aside;
use crate::buy::customer::{MerchantArgument, as_anyone};
use crate::exit::Failure;
use crate::merchant::{dir_of, paid_account};
use crate::money_text::{MoneyText, written};
use crate::progress::Waiting;
use crate::{output, time};

const ADD_EXAMPLES: &str = "Examples:
  gavel offer add photo.tif --account shop --price '12.50 EUR' --description 'Photograph, 40 MB TIFF'
  gavel offer add map.pdf --account shop --price '0.20 EUR' --description 'City map' --held

The file is copied into the merchant's catalogue: what happens to the original changes nothing. Each
customer gets it encrypted under a key of his own, and the settlement server gives that key when it
has moved the money. With --held the server hands over the item itself, and can read it: for small
things, or customers who cannot store what they have not paid for. The description is what you
promise: it is signed with every offer, and a judge will read it.";
const LIST_EXAMPLES: &str = "Examples:
  gavel offer list --account shop               the merchant: everything, withdrawn items too
  gavel offer list --merchant shop.toml         anybody: what the merchant offers";
const WITHDRAW_EXAMPLES: &str = "Example:
  gavel offer withdraw 3 --account shop

No new offers are made; those that are out are good until they expire. The copy stays in the
catalogue, for with it and your secret you prove what was delivered ('gavel offer prove').";
const PRICE_EXAMPLES: &str = "Example:
  gavel offer price 3 --account shop --price '9.00 EUR'

Offers that are out keep their price until they expire.";
const PROVE_EXAMPLES: &str = "Example:
  gavel offer prove --account shop --offer sold.offer --out sold.goods

Makes the encrypted goods of an offer again, byte for byte as its customer got them: 'gavel judge'
takes them with the receipt and the key.";

/// What to do with a catalogue.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Offer a file.
    #[command(after_help = ADD_EXAMPLES)]
    Add(Add),
    /// List what is offered.
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// Offer something no more.
    #[command(after_help = WITHDRAW_EXAMPLES)]
    Withdraw(Withdraw),
    /// Change a price.
    #[command(after_help = PRICE_EXAMPLES)]
    Price(Price),
    /// Make the encrypted goods of an offer again, to prove what was delivered.
    #[command(after_help = PROVE_EXAMPLES)]
    Prove(Prove),
}

/// Arguments of `gavel offer add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The file that is sold.
    file: PathBuf,
    #[command(flatten)]
    account: AccountArgument,
    /// How much, such as '12.50 EUR', in the account's currency.
    #[arg(long, value_name = "AMOUNT")]
    price: MoneyText,
    /// What it is, in one line of at most 1024 bytes.
    #[arg(long, value_name = "TEXT")]
    description: String,
    /// Let the settlement server hand the item over, in place of a key.
    #[arg(long)]
    held: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel offer list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// As the merchant: directory of the account that is paid.
    #[arg(long, value_name = "DIR", required_unless_present = "merchant")]
    account: Option<PathBuf>,
    /// As anybody: the file that 'gavel merchant show' printed.
    #[arg(long, value_name = "FILE", conflicts_with = "account")]
    merchant: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel offer withdraw`.
#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    /// The item's number.
    item: u64,
    #[command(flatten)]
    account: AccountArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel offer price`.
#[derive(Debug, Args)]
pub(crate) struct Price {
    /// The item's number.
    item: u64,
    #[command(flatten)]
    account: AccountArgument,
    /// How much from now on.
    #[arg(long, value_name = "AMOUNT")]
    price: MoneyText,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gavel offer prove`.
#[derive(Debug, Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    account: AccountArgument,
    /// The signed offer, as the customer has it and 'gavel receipt' writes it.
    #[arg(long, value_name = "FILE")]
    offer: PathBuf,
    /// Where to write the encrypted goods.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Serialize)]
struct View {
    item: u64,
    description: String,
    price: String,
    currency: String,
    bytes: u64,
    /// Whether the settlement server hands it over.
    held: bool,
    /// Since when it is not offered any more.
    withdrawn: Option<String>,
}

#[derive(Serialize)]
struct ListView {
    items: Vec<View>,
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Add(arguments) => add(arguments).await,
        Command::List(arguments) => list(arguments).await,
        Command::Withdraw(arguments) => {
            let account = arguments.account.open()?;
            let catalogue = catalogue(&arguments.account)?;
            let item = catalogue.withdraw(arguments.item, time::now())?;
            let view = View::of(&item, &account.currency);
            output::either(arguments.json, &view, || view.in_words())
        }
        Command::Price(arguments) => {
            let account = arguments.account.open()?;
            let price = price_of(&arguments.price, &account.currency)?;
            let item = catalogue(&arguments.account)?.reprice(arguments.item, price)?;
            let view = View::of(&item, &account.currency);
            output::either(arguments.json, &view, || view.in_words())
        }
        Command::Prove(arguments) => prove(arguments).await,
    }
}

async fn add(arguments: Add) -> Result<(), Failure> {
    let account = arguments.account.open()?;
    let price = price_of(&arguments.price, &account.currency)?;
    let delivery = if arguments.held { ItemDelivery::Held } else { ItemDelivery::Encrypted };
    let new = NewItem { description: arguments.description.clone(), price, delivery };
    let catalogue = catalogue(&arguments.account)?;
    let waiting = Waiting::new("copying");
    let file = arguments.file.clone();
    let item = aside(move || catalogue.add(&file, &new)).await;
    drop(waiting);
    let view = View::of(&item?, &account.currency);
    output::either(arguments.json, &view, || view.in_words())
}

async fn list(arguments: List) -> Result<(), Failure> {
    let items = match (&arguments.account, &arguments.merchant) {
        (Some(account), _) => {
            let argument = AccountArgument { account: account.clone() };
            let (account, items) = (argument.open()?, catalogue(&argument)?.items()?);
            items.iter().map(|item| View::of(item, &account.currency)).collect()
        }
        (None, merchant) => {
            let merchant = MerchantArgument { merchant: merchant.clone() }.load()?;
            let items = as_anyone(&merchant, async |shop| Ok(shop.catalogue().await?)).await?;
            items.iter().map(View::of_another).collect::<Result<Vec<View>, Failure>>()?
        }
    };
    let view = ListView { items };
    output::either(arguments.json, &view, || match view.items.as_slice() {
        [] => "nothing is offered".to_owned(),
        items => items.iter().map(View::in_words).collect(),
    })
}

async fn prove(arguments: Prove) -> Result<(), Failure> {
    let account = paid_account(arguments.account.open()?);
    let dir = dir_of(&arguments.account);
    let offer = load_offer(&arguments.offer)?;
    let out = arguments.out.clone();
    let written = aside(move || {
        let failed = |source| Failure::file("create", &out, source);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&out);
        let mut file = std::io::BufWriter::new(file.map_err(failed)?);
        let written = write_goods(&dir, &account, offer, &mut file).map_err(Failure::from);
        let flushed = file.into_inner().map_err(|error| failed(error.into_error()));
        written.and(flushed.and_then(|file| file.sync_all().map_err(failed))).inspect_err(|_| {
            // Half of the goods prove nothing.
            let _ = std::fs::remove_file(&out);
        })
    });
    written.await?;
    let out = arguments.out.display();
    output::text(&format!("{out}: the encrypted goods, as the customer got them"))
}

/// Reads a signed offer; nothing in it is verified.
pub(crate) fn load_offer(path: &Path) -> Result<SignedOffer, Failure> {
    let bytes = std::fs::read(path).map_err(|source| Failure::input("read", path, source))?;
    SignedOffer::decode(&bytes).map_err(|error| {
        let what = format!("{}: {error}", path.display());
        Failure::usage(what, "name the offer that 'gavel buy' or 'gavel receipt' kept")
    })
}

fn catalogue(account: &AccountArgument) -> Result<Catalogue, Failure> {
    let dir = dir_of(account);
    // Says what to do where there is no merchant.
    purchase::merchant::Config::load(&dir)?;
    Ok(Catalogue::open(&dir)?)
}

fn price_of(text: &MoneyText, currency: &Currency) -> Result<Sum, Failure> {
    let amount = text.in_currency(currency)?;
    Sum::new(amount.0).ok_or_else(|| {
        Failure::usage("the price is zero", "give what is for nothing away, without a purchase")
    })
}

impl View {
    fn of(item: &CatalogueItem, currency: &Currency) -> Self {
        Self {
            item: item.number,
            description: item.description.clone(),
            price: currency.format(Amount(item.price.get())),
            currency: currency.code(),
            bytes: item.bytes,
            held: item.delivery == ItemDelivery::Held,
            withdrawn: item.withdrawn.map(time::utc),
        }
    }

    fn of_another(item: &ItemView) -> Result<Self, Failure> {
        let wrong = |source| Failure::Money { what: "the catalogue".to_owned(), source };
        let currency = written(item.currency).map_err(wrong)?;
        let plain = |c: char| if bidder::is_harmless(c) { c } else { '\u{fffd}' };
        Ok(Self {
            item: item.item,
            description: item.description.chars().map(plain).collect(),
            price: currency.format(Amount(item.price)),
            currency: currency.code(),
            bytes: item.bytes,
            held: item.held,
            withdrawn: None,
        })
    }

    fn in_words(&self) -> String {
        let mut line = format!(
            "{:>4}  {:>12} {}  {:>9}  {}",
            self.item,
            self.price,
            self.currency,
            output::bytes(self.bytes),
            self.description
        );
        if self.held {
            line.push_str("  (handed over by the settlement server)");
        }
        if let Some(since) = &self.withdrawn {
            line.push_str(&format!("  (withdrawn {since})"));
        }
        line.push('\n');
        line
    }
}
