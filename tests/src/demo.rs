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
    match held.iter().find(|(_, held)| !held) {
        None => Ok(format!("the demo says what the plain auction says: {expected:?}")),
        Some((field, _)) => {
            Err(format!("{field} differs: the demo says {json}, the plain auction {expected:?}"))
        }
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
            "skipped": 1, "verified": true});
        assert!(compare(&asked, &right).is_ok());
        let wrong = [
            ("winner", json!("ann")),
            ("winner", json!(null)),
            ("price", json!("7.00")),
            ("tie", json!(true)),
            ("bids", json!(4)),
            ("skipped", json!(0)),
            ("verified", json!(false)),
        ];
        for (field, value) in wrong {
            let mut json = right.clone();
            json[field] = value;
            let difference = compare(&asked, &json).unwrap_err();
            assert!(difference.starts_with(field), "{difference}");
        }
    }
}
