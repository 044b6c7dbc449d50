//! A transcript as JSON for other programs: byte strings as hexadecimal digits, amounts as text
//! in minor units (JSON numbers lose digits above 2^53).

use auction::transcript::Transcript;
use serde_json::{Map, Value, json};

use crate::exit::Failure;

/// Bytes of every digest, key, group element and scalar.
const FIXED: usize = 32;

/// The transcript with the auction id beside it.
pub(crate) fn json_of(transcript: &Transcript) -> Result<Value, Failure> {
    let Value::Object(mut fields) = serde_json::to_value(transcript).map_err(Failure::Json)? else {
        // A transcript is a struct.
        return Ok(Value::Null);
    };
    fields.values_mut().for_each(|value| rewrite(None, value));
    let mut whole = Map::new();
    whole.insert("format".to_owned(), json!("gavel transcript 1"));
    whole.insert("auction".to_owned(), json!(transcript.spec.claimed_id().to_string()));
    whole.append(&mut fields);
    Ok(Value::Object(whole))
}

/// Turns arrays of bytes into text, below a field of this name.
fn rewrite(name: Option<&str>, value: &mut Value) {
    match (name, &mut *value) {
        // Numbers, but not bytes.
        (Some("ladder"), _) => amounts(value),
        (Some("covers"), _) => {}
        (Some("code"), Value::Array(letters)) => {
            let letters = letters.iter().filter_map(|letter| u8::try_from(letter.as_u64()?).ok());
            *value = Value::String(letters.map(char::from).collect());
        }
        (_, Value::Array(items)) => match hexadecimal(items) {
            Some(text) => *value = Value::String(text),
            None => {
                items.iter_mut().for_each(|item| rewrite(None, item));
                if name == Some("signature") {
                    join(value);
                }
            }
        },
        (_, Value::Object(fields)) => {
            fields.iter_mut().for_each(|(name, value)| rewrite(Some(name), value));
            // Signatures without a name of their own.
            if let Some(Value::Array(shown)) = fields.get_mut("Receipts") {
                let lists = shown.iter_mut().filter_map(Value::as_array_mut);
                lists.flatten().for_each(join);
            }
        }
        _ => {}
    }
}

/// The hexadecimal digits of an array of exactly [`FIXED`] bytes.
fn hexadecimal(items: &[Value]) -> Option<String> {
    let byte = |item: &Value| u8::try_from(item.as_u64()?).ok();
    let bytes: Option<Vec<u8>> = items.iter().map(byte).collect();
    bytes.filter(|bytes| bytes.len() == FIXED).map(hex::encode)
}

/// The halves of a signature in one.
fn join(value: &mut Value) {
    if let Value::Array(halves) = value
        && let [Value::String(r), Value::String(s)] = &halves[..]
    {
        *value = Value::String(format!("{r}{s}"));
    }
}

/// Amounts as text.
fn amounts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                // The one number in a ladder that counts levels and not money.
                if name != "levels" {
                    amounts(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(amounts),
        Value::Number(number) => *value = Value::String(number.to_string()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(mut value: Value) -> Value {
        rewrite(None, &mut value);
        value
    }

    #[test]
    fn bytes_become_digits_and_numbers_stay() {
        let bytes = vec![171u8; 32];
        let digits = "ab".repeat(32);
        let value = json!({"key": bytes, "round": 7, "levels": [1, 2], "list": [[bytes], []]});
        let expected = json!({"key": digits, "round": 7, "levels": [1, 2], "list": [[digits], []]});
        assert_eq!(rewritten(value), expected);
    }

    #[test]
    fn signatures_become_one_text() {
        let (r, s) = (vec![1u8; 32], vec![2u8; 32]);
        let joined = "01".repeat(32) + &"02".repeat(32);
        assert_eq!(rewritten(json!({"signature": [r, s]})), json!({"signature": joined}));
        assert_eq!(rewritten(json!({"Receipts": [[[r, s]]]})), json!({"Receipts": [[joined]]}));
        let two_points = json!({"first": ["01".repeat(32), "02".repeat(32)]});
        assert_eq!(rewritten(json!({"first": [r, s]})), two_points);
    }

    #[test]
    fn a_ladder_of_32_small_prices_is_not_taken_for_bytes() {
        let prices: Vec<u64> = (1..=32).collect();
        let texts: Vec<String> = prices.iter().map(u64::to_string).collect();
        assert_eq!(
            rewritten(json!({"ladder": {"Listed": prices}})),
            json!({"ladder": {"Listed": texts}})
        );
        assert_eq!(
            rewritten(json!({"ladder": {"Even": {"min": u64::MAX, "tick": 5, "levels": 3}}})),
            json!({"ladder": {"Even": {"min": u64::MAX.to_string(), "tick": "5", "levels": 3}}})
        );
    }

    #[test]
    fn a_currency_keeps_its_name() {
        assert_eq!(rewritten(json!({"code": [69, 85, 82]})), json!({"code": "EUR"}));
    }
}
