//! A purchase, in words and as JSON.

use std::path::Path;

use auction::money::{Amount, Currency};
use purchase::customer::{Bought, Ordered};
use serde::Serialize;
use settlement::purchases::{Delivery, OfferTerms, OrderKey};

use super::place::Place;
use crate::{output, time};

/// An offer as people read it, before they accept it.
pub(super) fn offer_in_words(terms: &OfferTerms, currency: &Currency) -> String {
    let price = currency.display(Amount(terms.price.get()));
    let (size, how) = match terms.delivery {
        Delivery::Encrypted(goods) => {
            (goods.bytes, "encrypted now, its key with the receipt when it is paid")
        }
        Delivery::Held(item) => (item.bytes, "from the settlement server when it is paid"),
    };
    output::columns(&[
        ("Offer", terms.description.clone()),
        ("Price", price),
        ("Size", output::bytes(size)),
        ("Delivery", how.to_owned()),
        ("Merchant", terms.merchant.to_string()),
        ("Good until", time::utc(terms.expires)),
    ])
}

/// A purchase as JSON.
#[derive(Serialize)]
pub(super) struct View {
    /// Its name, for `--purchase`.
    purchase: String,
    /// `bought`, `open` or `cancelled`.
    state: &'static str,
    item: u64,
    description: String,
    price: String,
    currency: String,
    merchant: String,
    /// The order's id, for `gavel receipt`.
    id: Option<String>,
    /// The account that pays.
    account: Option<String>,
    /// The journal entry of the payment.
    entry: Option<u64>,
    time: Option<String>,
    /// The folder with offer, encrypted goods and receipt.
    folder: String,
    out: Option<String>,
    /// Whether what was written is what the merchant signed; null where nothing was written.
    goods_match: Option<bool>,
}

impl View {
    fn new(place: &Place, currency: &Currency, state: &'static str, terms: &OfferTerms) -> Self {
        Self {
            purchase: place.name.clone(),
            state,
            item: terms.item,
            description: terms.description.clone(),
            price: currency.format(Amount(terms.price.get())),
            currency: currency.code(),
            merchant: terms.merchant.to_string(),
            id: None,
            account: None,
            entry: None,
            time: None,
            folder: place.path.display().to_string(),
            out: None,
            goods_match: None,
        }
    }

    fn with_order(self, key: &OrderKey) -> Self {
        let (id, account) = (format!("{:032x}", key.id.get()), key.account.to_string());
        Self { id: Some(id), account: Some(account), ..self }
    }

    pub(super) fn bought(
        place: &Place,
        currency: &Currency,
        bought: &Bought,
        out: Option<&Path>,
    ) -> Self {
        let paid = bought.paid();
        Self {
            entry: Some(paid.entry),
            time: Some(time::utc(paid.time)),
            out: out.map(|out| out.display().to_string()),
            goods_match: out.map(|_| true),
            ..Self::new(place, currency, "bought", paid.offer.terms()).with_order(&paid.key)
        }
    }

    pub(super) fn open(place: &Place, currency: &Currency, ordered: &Ordered) -> Self {
        let terms = ordered.offer().terms();
        Self::new(place, currency, "open", terms).with_order(&ordered.key())
    }

    pub(super) fn cancelled(place: &Place, currency: &Currency, terms: &OfferTerms) -> Self {
        Self::new(place, currency, "cancelled", terms)
    }

    pub(super) fn in_words(&self) -> String {
        let paid = match self.state {
            "bought" => "Paid",
            _ => "Not paid",
        };
        let mut rows = vec![
            ("Purchase", self.purchase.clone()),
            ("Item", self.description.clone()),
            (paid, format!("{} {}", self.price, self.currency)),
        ];
        rows.extend(self.time.iter().map(|time| ("When", time.clone())));
        rows.extend(self.id.iter().map(|id| ("Order", id.clone())));
        rows.push(("Folder", format!("{} (offer, goods, receipt)", self.folder)));
        rows.extend(
            self.out.iter().map(|out| ("Goods", format!("{out}, as the merchant offered them"))),
        );
        output::columns(&rows)
    }
}
