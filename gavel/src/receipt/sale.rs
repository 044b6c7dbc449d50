//! What a receipt of a sale says, verified under the charter.

use auction::layout::Digest;
use auction::money::{Amount, Currency};
use serde::Serialize;
use settlement::auctions::{Attached, SaleFacts, SaleRecord};
use settlement::client::{Client, ClientError};
use settlement::journal::Receipt;
use settlement::ledger::{Code, HoldKey};

use crate::charter::asking;
use crate::exit::Failure;

/// A sale that the server's journal holds.
pub(super) struct Sale {
    facts: SaleFacts,
    /// With the goods key; nothing where the goods are physical.
    digital: Option<SaleRecord>,
}

impl Sale {
    /// What was sold to whom, where the goods are digital.
    pub(super) fn digital(&self) -> Option<&SaleRecord> {
        self.digital.as_ref()
    }

    /// The winner's bond.
    pub(super) fn hold(&self) -> HoldKey {
        self.facts.hold
    }
}

/// Fetches the receipt of the sale in an auction.
pub(super) async fn fetch(client: &Client, id: &Digest) -> Result<(Sale, Receipt), Failure> {
    let Some(proven) = asking(client.decision(*id)).await? else {
        return Err(Failure::Payment(
            "the payment is not decided yet".to_owned(),
            "'gavel settle' tells the server to go and look",
        ));
    };
    let wrong = || Failure::from(ClientError::WrongAnswer("expected the receipt of this sale"));
    let entry = proven.proven();
    let attached = entry.attachment.as_deref().and_then(|bytes| Attached::read_bytes(bytes).ok());
    let sale = match attached.flatten() {
        Some(Attached::Sale(record)) => Sale { facts: record.facts(), digital: Some(record) },
        Some(Attached::PhysicalSale(facts)) => Sale { facts, digital: None },
        Some(Attached::NoSale(_) | Attached::Void(_)) => {
            return Err(Failure::Payment(
                "nothing was sold, or the auction was void".to_owned(),
                "there is no receipt of a sale; all bonds are released",
            ));
        }
        _ => return Err(wrong()),
    };
    if sale.facts.auction != *id || entry.codes.iter().any(|code| *code != Code::Done) {
        return Err(wrong());
    }
    Ok((sale, proven.receipt().clone()))
}

/// The sale as JSON.
#[derive(Serialize)]
pub(super) struct View {
    auction: String,
    winner: String,
    /// In the currency; in minor units where the terms of the auction are not at hand.
    price: String,
    fee: String,
    /// What the seller gets, of physical goods if he gets all.
    proceeds: String,
    currency: Option<String>,
    transcript: String,
    /// Of digital goods.
    key_hash: Option<String>,
    checksum: Option<String>,
}

/// The sale as programs read it.
pub(super) fn view_of(sale: &Sale, currency: Option<&Currency>) -> View {
    let facts = &sale.facts;
    let plain = |amount: Amount| {
        currency.map_or_else(|| amount.0.to_string(), |currency| currency.format(amount))
    };
    View {
        auction: facts.auction.to_string(),
        winner: facts.winner.to_string(),
        price: plain(facts.price),
        fee: plain(facts.fee),
        proceeds: plain(Amount(facts.price.0.saturating_sub(facts.fee.0))),
        currency: currency.map(Currency::code),
        transcript: facts.transcript.to_string(),
        key_hash: sale.digital().map(|record| record.key_hash.to_string()),
        checksum: sale.digital().map(|record| record.checksum.to_string()),
    }
}

impl View {
    /// The sale in words, as names and values.
    pub(super) fn rows(&self, paid: &'static str) -> Vec<(&'static str, String)> {
        let unit = self.currency.as_deref().unwrap_or("minor units");
        let share = format!("{} {unit} to the seller, {} to the house", self.proceeds, self.fee);
        vec![
            ("Auction", self.auction.clone()),
            ("Winner", self.winner.clone()),
            (paid, format!("{} {unit}: {share}", self.price)),
        ]
    }
}
