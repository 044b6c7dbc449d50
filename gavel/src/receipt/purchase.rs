//! `gavel receipt --purchase`: what became of a purchase, from the settlement server, for either
//! side at any time. SETTLEMENT, section "Purchase of digital goods", step h.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use auction::layout::Digest;
use auction::money::Amount;
use serde::Serialize;
use settlement::client::Bought;
use settlement::ledger::AccountId;
use settlement::purchases::{Delivery, OrderKey, PaidPurchase, PurchaseReceipt};
use settlement::server::files;

use crate::account::directory::Account;
use crate::account::intent::GivenId;
use crate::account::refusal::refused;
use crate::charter::{asking, with_server};
use crate::exit::Failure;
use crate::{output, time};

/// An account on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AccountText(AccountId);

impl FromStr for AccountText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            "expected an account: the 64 hexadecimal digits that 'account history' shows";
        Digest::from_hex(text).map(|id| Self(AccountId(id))).ok_or(expected)
    }
}

/// Which purchase, and where to keep its receipt.
pub(super) struct Wanted<'a> {
    pub(super) id: GivenId,
    /// The account that pays, where it is another's.
    pub(super) payer: Option<AccountText>,
    pub(super) account: Option<&'a Path>,
    pub(super) receipt: Option<PathBuf>,
    /// Keep the form that may be shown to everybody.
    pub(super) public: bool,
    pub(super) json: bool,
}

#[derive(Serialize)]
struct View {
    /// `paid`, `refused` or `undecided`.
    state: &'static str,
    id: String,
    account: String,
    description: Option<String>,
    price: Option<String>,
    currency: Option<String>,
    customer: Option<String>,
    merchant: Option<String>,
    entry: Option<u64>,
    time: Option<String>,
    /// Whether the goods key came with the receipt.
    key: bool,
    key_hash: Option<String>,
    checksum: Option<String>,
    /// The file of the receipt.
    receipt: Option<String>,
}

/// Runs the command.
pub(super) async fn run(wanted: Wanted<'_>) -> Result<(), Failure> {
    let Some(dir) = wanted.account else {
        return Err(Failure::usage(
            "the receipt of a purchase is shown to its customer and its merchant",
            "name the directory of your account with --account or GAVEL_ACCOUNT",
        ));
    };
    let account = Account::open(dir)?;
    let GivenId(id) = wanted.id;
    let payer = wanted.payer.map_or_else(|| account.id(), |AccountText(payer)| payer);
    let key = OrderKey { account: payer, id };
    let told = with_server(&account.key, &account.charter, async |client| {
        Ok(asking(client.purchase(key)).await?)
    });
    let told = told.await?;
    match told {
        Some(Bought::Paid(receipt, paid)) => kept(&wanted, &account, &receipt, &paid),
        Some(Bought::Refused(code)) => {
            let view = View::of(&key, "refused");
            said(&wanted, &view, refused("the order", code))
        }
        None => {
            let view = View::of(&key, "undecided");
            let next = match wanted.payer {
                Some(_) => "it may still be paid until its time-out",
                None => {
                    "it may still be paid until its time-out; 'gavel buy --cancel' takes it back. \
                     As the merchant, name the account that pays with --payer: 'gavel account \
                     history' shows it"
                }
            };
            let failure = Failure::Payment("nothing is decided about this order".to_owned(), next);
            said(&wanted, &view, failure)
        }
    }
}

fn said(wanted: &Wanted<'_>, view: &View, failure: Failure) -> Result<(), Failure> {
    if wanted.json { Err(failure.after(&output::json(view))) } else { Err(failure) }
}

fn kept(
    wanted: &Wanted<'_>,
    account: &Account,
    receipt: &PurchaseReceipt,
    paid: &PaidPurchase,
) -> Result<(), Failure> {
    let path = wanted.receipt.clone();
    let path = path.unwrap_or_else(|| format!("{:032x}.receipt", paid.key.id.get()).into());
    let public = receipt.without_key();
    let written = if wanted.public { &public } else { receipt };
    let bytes = written.to_bytes().map_err(|error| {
        Failure::Payment(format!("the receipt cannot be kept: {error}"), "report this")
    })?;
    files::write_whole(&path, &bytes).map_err(|source| Failure::file("write", &path, source))?;
    let terms = paid.offer.terms();
    let (key_hash, checksum) = match terms.delivery {
        Delivery::Encrypted(goods) => (Some(goods.key_hash.to_string()), goods.checksum),
        Delivery::Held(item) => (None, item.checksum),
    };
    let view = View {
        description: Some(terms.description.clone()),
        price: Some(account.currency.format(Amount(terms.price.get()))),
        currency: Some(account.currency.code()),
        customer: Some(terms.customer.to_string()),
        merchant: Some(terms.merchant.to_string()),
        entry: Some(paid.entry),
        time: Some(time::utc(paid.time)),
        key: written.key().is_some(),
        key_hash,
        checksum: Some(checksum.to_string()),
        receipt: Some(path.display().to_string()),
        ..View::of(&paid.key, "paid")
    };
    output::either(wanted.json, &view, || view.in_words())
}

impl View {
    fn of(key: &OrderKey, state: &'static str) -> Self {
        Self {
            state,
            id: format!("{:032x}", key.id.get()),
            account: key.account.to_string(),
            description: None,
            price: None,
            currency: None,
            customer: None,
            merchant: None,
            entry: None,
            time: None,
            key: false,
            key_hash: None,
            checksum: None,
            receipt: None,
        }
    }

    fn in_words(&self) -> String {
        let mut rows = Vec::new();
        rows.extend(self.description.iter().map(|text| ("Item", text.clone())));
        if let (Some(price), Some(currency)) = (&self.price, &self.currency) {
            rows.push(("Paid", format!("{price} {currency}")));
        }
        rows.extend(self.time.iter().map(|text| ("When", text.clone())));
        rows.extend(self.customer.iter().map(|text| ("Customer", text.clone())));
        rows.extend(self.merchant.iter().map(|text| ("Merchant", text.clone())));
        let with = if self.key { "with the goods key" } else { "without the goods key" };
        rows.extend(self.receipt.iter().map(|text| ("Receipt", format!("{text}, {with}"))));
        output::columns(&rows)
    }
}
