//! The payment's terms of an auction, in words for people and as JSON for programs.

use auction::physical_terms::PhysicalTerms;
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
    /// What is sold, encrypted; null where it is sent.
    goods: Option<GoodsView>,
    /// How it is sent; null where it is a file.
    physical: Option<PhysicalView>,
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

#[derive(Debug, Clone, Serialize)]
struct PhysicalView {
    dispatcher: String,
    arbiter: String,
    /// T2, T3, T4.
    dispatched_by: String,
    disputed_by: String,
    awarded_by: String,
    /// Who gets the price at T4 without the arbiter's word: `seller` or `winner`.
    otherwise: String,
}

impl PaymentView {
    /// The payment's terms of a spec, where it has any.
    pub(crate) fn of(spec: &Spec) -> Option<Self> {
        let terms = spec.settlement.as_ref()?;
        let (goods, physical) = match &terms.delivery {
            Delivery::Digital(goods) => (Some(goods), None),
            Delivery::Physical(physical) => (None, Some(physical)),
        };
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
            goods: goods.map(|goods| GoodsView {
                key_hash: goods.key_hash.to_string(),
                checksum: goods.checksum.to_string(),
                bytes: goods.bytes,
            }),
            physical: physical.map(|physical| PhysicalView {
                dispatcher: physical.dispatcher.to_string(),
                arbiter: physical.arbiter.to_string(),
                dispatched_by: time::utc(physical.dispatched_by),
                disputed_by: time::utc(physical.disputed_by),
                awarded_by: time::utc(physical.awarded_by),
                otherwise: physical.otherwise.to_string(),
            }),
        })
    }
}

/// The terms in words, as names and values.
pub(crate) fn rows(spec: &Spec, now: Time) -> Vec<(&'static str, String)> {
    let Some(terms) = &spec.settlement else { return Vec::new() };
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
    ];
    match &terms.delivery {
        Delivery::Digital(goods) => {
            let length = output::bytes(goods.bytes);
            rows.push(("Goods", format!("{length} encrypted, {}", goods.checksum)));
        }
        Delivery::Physical(physical) => rows.extend(physical_rows(physical, now)),
    }
    if let Some(fee) = &terms.fee {
        let parts =
            format!("{} and {} of the price", spec.currency.display(fee.flat), percent(fee));
        rows.push(("Sale fee", format!("{parts} to {}", fee.house)));
    }
    rows
}

/// The terms of physical goods in words.
fn physical_rows(physical: &PhysicalTerms, now: Time) -> [(&'static str, String); 3] {
    let PhysicalTerms { dispatcher, arbiter, otherwise, .. } = physical;
    let dispatched = moment(physical.dispatched_by, now);
    let disputed = moment(physical.disputed_by, now);
    let awarded = moment(physical.awarded_by, now);
    [
        (
            "Goods",
            format!(
                "sent; {dispatcher} signs the dispatch before {dispatched}, or the price goes back"
            ),
        ),
        ("Disputes", format!("before {disputed}, or the price goes to the seller")),
        ("Arbiter", format!("{arbiter} decides before {awarded}, or it goes to the {otherwise}")),
    ]
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
