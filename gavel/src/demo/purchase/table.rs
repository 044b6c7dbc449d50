//! What each side holds, after each cut and after the links are there again.

use auction::money::{Amount, Currency};
use serde::Serialize;

use super::links::Step;
use super::town::MerchantHas;
use crate::output::columns;

/// What the customer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct CustomerHas {
    pub(super) offer: bool,
    /// The encrypted goods, whole.
    pub(super) goods: bool,
    pub(super) order: bool,
    /// Receipt and goods key.
    pub(super) receipt: bool,
    /// The picture itself, and it is the merchant's.
    pub(super) opened: bool,
}

/// One cut.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// The letter of the last message that arrived.
    pub(super) after: Step,
    pub(super) message: &'static str,
    pub(super) customer: CustomerHas,
    /// `nothing`, `order` or `receipt`.
    pub(super) merchant: &'static str,
    /// Whether the server has moved the money and keeps the key.
    pub(super) paid: bool,
    /// Whether the customer got the goods while the merchant stayed away.
    pub(super) without_merchant: bool,
    /// Whether the same command got them once all links were there again.
    pub(super) recovered: bool,
    /// What the customer was charged in all.
    pub(super) charged: String,
    /// Whether that is the price once, and the picture is the merchant's.
    pub(super) right: bool,
}

/// The demonstration's result, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) price: String,
    pub(super) currency: String,
    /// The messages of one purchase, in order.
    pub(super) messages: Vec<Step>,
    pub(super) cuts: Vec<Row>,
    pub(super) purchases: usize,
    pub(super) customer_before: String,
    pub(super) customer_after: String,
    /// Whether every purchase ended with the goods for the price, once.
    pub(super) right: bool,
    /// Whether the audit from the journal's first byte holds, every goods key opened.
    pub(super) audit: bool,
    /// Whether the judge finds offered, ordered, paid and delivered in the customer's files.
    pub(super) judge: bool,
}

/// A merchant's state as a word.
pub(super) fn word_of(has: MerchantHas) -> &'static str {
    match has {
        MerchantHas::Nothing => "nothing",
        MerchantHas::Order => "order",
        MerchantHas::Receipt => "receipt",
    }
}

/// An amount as people write it.
pub(super) fn written(currency: &Currency, amount: u64) -> String {
    currency.format(Amount(amount))
}

impl CustomerHas {
    fn in_words(self) -> &'static str {
        match self {
            Self { opened: true, .. } => "the picture",
            Self { receipt: true, .. } => "receipt, key",
            Self { order: true, .. } => "goods, order",
            Self { goods: true, .. } => "goods, encrypted",
            Self { offer: true, .. } => "offer",
            _ => "nothing",
        }
    }
}

impl Report {
    /// The table for people.
    pub(super) fn in_words(&self) -> String {
        let mut text =
            String::from("A purchase has eight messages (Tygar 1998, section 4, steps a to h):\n");
        for step in Step::ALL {
            text.push_str(&format!("  {}  {}\n", step.letter(), step.words()));
        }
        text.push_str(
            "\nAll links cut after that message        then, without      then, all links\n\
             \u{20}     customer has      merchant  server  the merchant       there again\n",
        );
        for row in &self.cuts {
            let yes =
                |holds, one: &'static str, other: &'static str| if holds { one } else { other };
            text.push_str(&format!(
                "  {}   {:<16}  {:<8}  {:<6}  {:<17}  {}\n",
                row.after.letter(),
                row.customer.in_words(),
                row.merchant,
                yes(row.paid, "paid", "-"),
                yes(row.without_merchant, "the picture", "nothing is paid"),
                yes(row.right, "the picture, paid once", "SOMETHING IS WRONG"),
            ));
        }
        text.push('\n');
        let holds = |holds: bool, what: &str| {
            if holds { what.to_owned() } else { "DOES NOT HOLD".to_owned() }
        };
        text.push_str(&columns(&[
            ("Purchases", format!("{} at {} {}", self.purchases, self.price, self.currency)),
            (
                "Customer has",
                format!("{} -> {} {}", self.customer_before, self.customer_after, self.currency),
            ),
            ("Audit", holds(self.audit, "from the journal's first byte, every goods key opened")),
            ("Judge", holds(self.judge, "from files alone: offered, ordered, paid, delivered")),
        ]));
        text
    }
}
