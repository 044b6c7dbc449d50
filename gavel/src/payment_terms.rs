//! The payment's terms of an auction, in words for people and as JSON for programs.

use auction::prices::Level;
use auction::settlement_terms::{Delivery, Fee, Settlement};
use auction::spec::{Spec, Time};
use serde::Serialize;

use crate::output;
use crate::terms::{moment, printable};
use crate::time;

/// The terms as JSON.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaymentView {
    /// The settlement server's key.
    server: String,
    ledger: String,
    address: String,
    /// What a bond may be of: the highest price that it pays.
    covers: Vec<String>,
    /// Whether every bond covers every price, so that no bond says anything of a bid.
    whole_ladder: bool,
    decided_by: String,
    held_until: String,
    fee: Option<FeeView>,
    goods: GoodsView,
}

#[derive(Debug, Clone, Serialize)]
struct FeeView {
    house: String,
    flat: String,
    percent: String,
}

#[derive(Debug, Clone, Serialize)]
struct GoodsView {
    key_hash: String,
    checksum: String,
    bytes: u64,
}

impl PaymentView {
    /// The payment's terms of a spec, where it has any.
    pub(crate) fn of(spec: &Spec) -> Option<Self> {
        let terms = spec.settlement.as_ref()?;
        let Delivery::Digital(goods) = &terms.delivery;
        Some(Self {
            server: terms.server.to_string(),
            ledger: terms.ledger.to_string(),
            address: terms.address.clone(),
            covers: terms.covers.iter().map(|cover| price(spec, *cover)).collect(),
            whole_ladder: covers_all(spec, terms),
            decided_by: time::utc(terms.decided_by(spec.last)),
            held_until: time::utc(terms.held_until),
            fee: terms.fee.map(|fee| FeeView {
                house: fee.house.to_string(),
                flat: spec.currency.format(fee.flat),
                percent: percent(&fee),
            }),
            goods: GoodsView {
                key_hash: goods.key_hash.to_string(),
                checksum: goods.checksum.to_string(),
                bytes: goods.bytes,
            },
        })
    }
}

/// The terms in words, as names and values.
pub(crate) fn rows(spec: &Spec, now: Time) -> Vec<(&'static str, String)> {
    let Some(terms) = &spec.settlement else { return Vec::new() };
    let Delivery::Digital(goods) = &terms.delivery;
    let code = spec.currency.code();
    let covers: Vec<String> = terms.covers.iter().map(|cover| price(spec, *cover)).collect();
    let bonds = if covers_all(spec, terms) {
        format!("{} {code}, which covers every price", covers.join(", "))
    } else {
        let word = "a bond's cover is public: it says that the bid is not above it";
        format!("{} {code}; {word}", covers.join(" or "))
    };
    let mut rows = vec![
        ("Payment", format!("server {} at {}", terms.server, printable(&terms.address))),
        ("Bonds", bonds),
        ("Decided by", format!("{}; void after that", moment(terms.decided_by(spec.last), now))),
        ("Held until", moment(terms.held_until, now)),
        ("Goods", format!("{} encrypted, {}", output::bytes(goods.bytes), goods.checksum)),
    ];
    if let Some(fee) = &terms.fee {
        let parts =
            format!("{} and {} of the price", spec.currency.display(fee.flat), percent(fee));
        rows.push(("Sale fee", format!("{parts} to {}", fee.house)));
    }
    rows
}

/// The price of a cover.
fn price(spec: &Spec, cover: Level) -> String {
    spec.ladder.price(cover).map_or_else(String::new, |price| spec.currency.format(price))
}

/// Whether every bond pays every price: then the cover says nothing.
pub(crate) fn covers_all(spec: &Spec, terms: &Settlement) -> bool {
    terms.covers.iter().all(|cover| cover.0 == spec.ladder.levels())
}

fn percent(fee: &Fee) -> String {
    let (whole, part) = (fee.per_ten_thousand / 100, fee.per_ten_thousand % 100);
    if part == 0 { format!("{whole}%") } else { format!("{whole}.{part:02}%") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::PublicKey;
    use auction::money::Amount;

    #[test]
    fn fees_are_said_in_percent() {
        let fee = |per_ten_thousand| {
            percent(&Fee { house: PublicKey([1; 32]), flat: Amount(0), per_ten_thousand })
        };
        assert_eq!(
            (fee(0), fee(500), fee(1_025), fee(7)),
            ("0%".to_owned(), "5%".to_owned(), "10.25%".to_owned(), "0.07%".to_owned())
        );
    }
}
