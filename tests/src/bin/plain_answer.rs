//! Checks the demo's JSON against the plain answer.
//!
//! `gavel demo --json --bids FILE --rule RULE | plain_answer FILE RULE`: exit code 0 when the
//! demo verified and says what the auction in the clear says, 1 with the difference else.
#![expect(clippy::print_stdout, reason = "a command answers on its standard output")]

use std::io::Read as _;
use std::process::ExitCode;

use tests::demo::{Asked, DECIMALS, compare};
use tests::plain::read;

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
    let bids = read(&csv, DECIMALS)?;
    // Without --min the lowest price is the reserve.
    let reserve = bids.iter().map(|(_, price)| *price).min().unwrap_or(0);
    compare(&Asked { bids, second_price: rule == "second-price", reserve }, &json)
}
