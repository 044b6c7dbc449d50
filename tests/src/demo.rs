//! The demonstration's answer, held against the plain one.

use serde_json::Value;

use crate::plain::{answer, units};

/// Digits after the point that prices are compared with.
pub const DECIMALS: usize = 4;

/// The auction that the demonstration was asked to make.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Bidders and what they bid, in units of `10^-DECIMALS`.
    pub bids: Vec<(String, u128)>,
    /// Whether the winner pays the second price.
    pub second_price: bool,
    /// The reserve price in the same units.
    pub reserve: u128,
}

/// Says what of the demonstration's JSON is right.
///
/// # Errors
/// The first field that differs, in words.
pub fn compare(asked: &Asked, json: &Value) -> Result<String, String> {
    let expected = answer(&asked.bids, asked.second_price, asked.reserve);
    let price = json["price"].as_str().map(|price| units(price, DECIMALS)).transpose()?;
    let wins = match json["winner"].as_str() {
        Some(winner) => expected.winners.iter().any(|name| name == winner),
        None => expected.winners.is_empty(),
    };
    let counted = asked.bids.iter().filter(|(_, price)| *price >= asked.reserve).count();
    let skipped = asked.bids.len() - counted;
    let number = |field: &str, expected: usize| json[field].as_u64() == Some(expected as u64);
    let held = [
        ("winner", wins),
        ("price", price == expected.price),
        ("tie", json["tie"].as_bool() == Some(expected.tie)),
        ("bids", number("bids", counted)),
        ("skipped", number("skipped", skipped)),
        ("verified", json["verified"].as_bool() == Some(true)),
    ];
    if let Some((field, _)) = held.iter().find(|(_, held)| !held) {
        return Err(format!(
            "{field} differs: the demo says {json}, the plain auction {expected:?}"
        ));
    }
    compare_payment(expected.price, json)?;
    Ok(format!("the demo says what the plain auction says, and the money agrees: {expected:?}"))
}

/// The winner is poorer by the price and the seller richer, nobody else; the goods came; and
/// both the audit and the judge agree.
fn compare_payment(price: Option<u128>, json: &Value) -> Result<(), String> {
    let money = |field: &str| json[field].as_str().map(|text| units(text, DECIMALS)).transpose();
    let moved = |from: &str, to: &str| -> Result<Option<u128>, String> {
        let (from, to) = (money(from)?, money(to)?);
        Ok(from.zip(to).and_then(|(from, to)| from.checked_sub(to)))
    };
    let paid = moved("winner_balance_before", "winner_balance_after")?;
    let earned = moved("seller_balance_after", "seller_balance_before")?;
    let said = |field: &str| json[field].as_bool() == Some(true);
    let held = [
        ("settled", said("settled")),
        ("paid", money("paid")? == price),
        ("winner_balance_after", paid == price),
        ("seller_balance_after", earned == Some(price.unwrap_or(0))),
        ("goods_match", said("goods_match") || (price.is_none() && json["goods_match"].is_null())),
        ("ledger_sum", json["ledger_sum"].as_i64() == Some(0)),
        ("audit", said("audit")),
        ("judge", said("judge")),
    ];
    match held.iter().find(|(_, held)| !held) {
        None => Ok(()),
        Some((field, _)) => Err(format!("{field} is wrong: the demo says {json}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_wrong_field_is_a_difference() {
        let bids = [("ann", 50_000), ("bob", 70_000), ("cid", 60_000), ("dan", 10_000)];
        let bids = bids.map(|(name, price)| (name.to_owned(), price)).to_vec();
        let asked = Asked { bids, second_price: true, reserve: 20_000 };
        let right = json!({"winner": "bob", "price": "6.00", "tie": false, "bids": 3,
            "skipped": 1, "verified": true, "settled": true, "paid": "6.00",
            "winner_balance_before": "10.00", "winner_balance_after": "4.00",
            "seller_balance_before": "1.00", "seller_balance_after": "7.00",
            "goods_match": true, "ledger_sum": 0, "audit": true, "judge": true});
        compare(&asked, &right).unwrap();
        let wrong = [
            ("winner", json!("ann")),
            ("winner", json!(null)),
            ("price", json!("7.00")),
            ("tie", json!(true)),
            ("bids", json!(4)),
            ("skipped", json!(0)),
            ("verified", json!(false)),
            ("settled", json!(false)),
            ("paid", json!("7.00")),
            ("paid", json!(null)),
            ("winner_balance_after", json!("3.00")),
            ("winner_balance_after", json!("14.00")),
            ("seller_balance_after", json!("1.00")),
            ("goods_match", json!(null)),
            ("ledger_sum", json!(1)),
            ("audit", json!(false)),
            ("judge", json!(null)),
        ];
        for (field, value) in wrong {
            let mut json = right.clone();
            json[field] = value;
            let difference = compare(&asked, &json).unwrap_err();
            assert!(difference.starts_with(field), "{difference}");
        }
    }
}
