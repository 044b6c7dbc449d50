//! Checks the demo's JSON against the plain answer.
//!
//! `gavel demo --json --bids FILE --rule RULE | plain_answer FILE RULE`: exit code 0 when the
//! demo verified and says what the auction in the clear says, 1 with the difference else.

use std::io::Read as _;
use std::process::ExitCode;

use tests::plain::{answer, read, units};

fn main() -> ExitCode {
    match check() {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("{difference}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<String, String> {
    let mut arguments = std::env::args().skip(1);
    let (file, rule) = arguments.next().zip(arguments.next()).ok_or("usage: FILE RULE")?;
    let csv = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("not one JSON object: {error}"))?;

    let decimals = 4;
    let bids = read(&csv, decimals)?;
    let reserve = bids.iter().map(|(_, price)| *price).min().unwrap_or(0);
    let expected = answer(&bids, rule == "second-price", reserve);
    let price = match json["price"].as_str() {
        Some(price) => Some(units(price, decimals)?),
        None => None,
    };
    let winner = json["winner"].as_str();
    let wins = match winner {
        Some(winner) => expected.winners.iter().any(|name| name == winner),
        None => expected.winners.is_empty(),
    };
    let held = [
        ("winner", wins),
        ("price", price == expected.price),
        ("tie", json["tie"].as_bool() == Some(expected.tie)),
        ("bids", json["bids"].as_u64() == Some(bids.len() as u64)),
        ("verified", json["verified"].as_bool() == Some(true)),
    ];
    match held.iter().find(|(_, held)| !held) {
        None => Ok(format!("the demo says what the plain auction says: {expected:?}")),
        Some((field, _)) => {
            Err(format!("{field} differs: the demo says {json}, the plain auction {expected:?}"))
        }
    }
}
