//! What a receipt of a sale says, verified under the charter.

use auction::layout::Digest;
use auction::money::{Amount, Currency};
use serde::Serialize;
use settlement::auctions::{Attached, SaleRecord};
use settlement::client::{Client, ClientError};
use settlement::journal::Receipt;
use settlement::ledger::{Code, HoldKey};

use crate::charter::asking;
use crate::exit::Failure;

/// A sale that the server's journal holds.
pub(super) struct Sale(SaleRecord);

impl Sale {
    /// What was sold to whom.
    pub(super) fn record(&self) -> &SaleRecord {
        &self.0
    }

    /// The winner's bond.
    pub(super) fn hold(&self) -> HoldKey {
        self.0.hold
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
    match attached.flatten() {
        Some(Attached::Sale(record)) if record.auction == *id => {
            if entry.codes.iter().any(|code| *code != Code::Done) {
                return Err(wrong());
            }
            Ok((Sale(record), proven.receipt().clone()))
        }
        Some(Attached::NoSale(_) | Attached::Void(_)) => Err(Failure::Payment(
            "nothing was sold, or the auction was void".to_owned(),
            "there is no receipt of a sale; all bonds are released",
        )),
        _ => Err(wrong()),
    }
}

/// The sale as JSON.
#[derive(Serialize)]
pub(super) struct View {
    auction: String,
    winner: String,
    /// In the currency; in minor units where the terms of the auction are not at hand.
    price: String,
    fee: String,
    /// What the seller got.
    proceeds: String,
    currency: Option<String>,
    transcript: String,
    key_hash: String,
    checksum: String,
}

/// The sale as programs read it.
pub(super) fn view_of(sale: &Sale, currency: Option<&Currency>) -> View {
    let record = sale.record();
    let plain = |amount: Amount| {
        currency.map_or_else(|| amount.0.to_string(), |currency| currency.format(amount))
    };
    View {
        auction: record.auction.to_string(),
        winner: record.winner.to_string(),
        price: plain(record.price),
        fee: plain(record.fee),
        proceeds: plain(Amount(record.price.0.saturating_sub(record.fee.0))),
        currency: currency.map(Currency::code),
        transcript: record.transcript.to_string(),
        key_hash: record.key_hash.to_string(),
        checksum: record.checksum.to_string(),
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
