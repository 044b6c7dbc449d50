//! The demonstration as a program sees it, against the answer that the bids give in the clear.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use command::{file, gavel, json_of, said, text_of};
use serde_json::Value;

/// The shipped bids: the highest is Jonas Keller's 142.00, the second highest 131.50.
const SECOND: &str = "131.50";

#[test]
fn the_shipped_bids_sell_at_the_second_price() {
    let keep = tempfile::tempdir().unwrap();
    let keep = keep.path().join("kept");
    let output = gavel(&["demo", "--json", "--keep", keep.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json_of(&output);
    assert_eq!(report["winner"], "Jonas Keller");
    assert_eq!(report["price"], SECOND);
    assert_eq!(report["bids"], 12);
    assert_eq!(report["tie"], false);
    assert_eq!(report["level"], 114);
    assert_eq!(report["rule"], "second-price");
    assert_eq!(report["accumulators"], 3);
    assert_eq!(report["verified"], true);
    for phase in ["seal", "submit", "set", "price", "winner", "outcome", "verify", "total"] {
        assert!(report["phase_seconds"][phase].is_number(), "{phase}");
    }
    for phase in ["submit", "set", "price", "winner", "outcome"] {
        assert!(report["phase_bytes"][phase].as_u64().is_some_and(|bytes| bytes > 0), "{phase}");
    }
    let transcript = report["transcript"].as_str().unwrap();
    let id = report["auction"].as_str().unwrap();
    outsiders_agree(transcript, id);
    a_damaged_transcript_is_not_verified(transcript);
    the_transcript_exports_as_json(transcript, id);
    for number in 1..=3 {
        assert!(keep.join(format!("accumulator-{number}/log")).is_file());
    }
}

fn outsiders_agree(transcript: &str, id: &str) {
    let output = gavel(&["auction", "verify", transcript, "--id", id, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let verdict = json_of(&output);
    assert_eq!(verdict["verified"], true);
    assert_eq!(verdict["price"], SECOND);
    assert_eq!(verdict["signed_by"].as_array().unwrap().len(), 3);
    // Names are for the demonstration alone.
    assert_eq!(verdict["winner"].as_str().unwrap().len(), 64);
    let other = "ab".repeat(32);
    let output = gavel(&["auction", "verify", transcript, "--id", &other]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("not verified"), "{}", said(&output));
}

fn a_damaged_transcript_is_not_verified(transcript: &str) {
    let bytes = std::fs::read(transcript).unwrap();
    let damaged = format!("{transcript}.damaged");
    for place in [0, 40, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        std::fs::write(&damaged, &altered).unwrap();
        let output = gavel(&["auction", "verify", &damaged, "--json"]);
        assert_eq!(output.status.code(), Some(1), "byte {place}: {}", said(&output));
        assert_eq!(json_of(&output)["verified"], false);
    }
    std::fs::write(&damaged, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(gavel(&["auction", "verify", &damaged]).status.code(), Some(1));
}

fn the_transcript_exports_as_json(transcript: &str, id: &str) {
    let output = gavel(&["auction", "export", transcript, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let exported = json_of(&output);
    assert_eq!(exported["auction"], id);
    assert_eq!(exported["bids"].as_array().unwrap().len(), 12);
    assert_eq!(exported["bids"][0]["bidder"].as_str().unwrap().len(), 64);
    assert_eq!(exported["bids"][0]["signature"].as_str().unwrap().len(), 128);
    assert_eq!(exported["spec"]["spec"]["currency"]["code"], "EUR");
    assert_eq!(exported["spec"]["spec"]["ladder"]["Even"]["min"], "7500");
}

#[test]
fn first_price_five_levels_two_accumulators_and_a_reserve() {
    let (_dir, path) =
        file("bids.csv", "bidder,price\nAnn,12.5\nBob,10\n\"Cy, Jr\",15.00\nDee,9\n");
    let output = gavel(&[
        "demo",
        "--json",
        "--bids",
        &path,
        "--rule",
        "first-price",
        "--accumulators",
        "2",
        "--min",
        "10",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json_of(&output);
    assert_eq!(
        (&report["winner"], &report["price"]),
        (&Value::from("Cy, Jr"), &Value::from("15.00"))
    );
    assert_eq!((&report["bids"], &report["skipped"]), (&Value::from(3), &Value::from(1)));
    assert_eq!(report["accumulators"], 2);
    remove(&report);
}

#[test]
fn a_tie_at_the_top_is_said_and_one_of_the_tied_wins() {
    let (_dir, path) = file("bids.csv", "bidder,price\nAnn,5\nBob,7\nCy,7\nDee,1\n");
    let report = json_of(&gavel(&["demo", "--json", "--bids", &path]));
    assert_eq!((&report["tie"], &report["price"]), (&Value::from(true), &Value::from("7.00")));
    assert!(["Bob", "Cy"].contains(&report["winner"].as_str().unwrap()));
    remove(&report);
}

#[test]
fn no_bid_is_no_sale_and_no_error() {
    let (_dir, path) = file("bids.csv", "bidder,price\n");
    let output = gavel(&["demo", "--json", "--bids", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json_of(&output);
    assert_eq!((&report["bids"], &report["winner"]), (&Value::from(0), &Value::Null));
    assert_eq!((&report["price"], &report["verified"]), (&Value::Null, &Value::from(true)));
    remove(&report);
}

#[test]
fn people_get_words_and_progress_goes_to_standard_error() {
    let (_dir, path) = file("bids.csv", "bidder,price\nAnn,5\nBob,7.25\nCy,3\n");
    let transcript = format!("{path}.transcript");
    let output = gavel(&["demo", "--bids", &path, "--transcript", &transcript]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let words = text_of(&output);
    for part in ["Winner", "Bob", "5.00 EUR", "Transcript", "Verified", "as an outsider"] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    let progress = said(&output);
    for phase in ["seal", "submit", "set", "price", "winner", "outcome", "verify"] {
        let told = progress.lines().any(|line| line.starts_with(phase));
        assert!(told, "{phase} is not in\n{progress}");
    }
    assert!(std::path::Path::new(&transcript).is_file());
}

#[test]
fn the_vase_itself_is_paid_for_once_it_has_come() {
    let (_dir, path) = file("bids.csv", "bidder,price\nAnn,5\nBob,7.25\n");
    let output = gavel(&["demo", "--physical", "--json", "--accumulators", "2", "--bids", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json_of(&output);
    assert_eq!((&report["delivery"], &report["goods_match"]), (&"paid-out".into(), &Value::Null));
    assert_eq!((&report["audit"], &report["judge"]), (&true.into(), &true.into()));
    assert_eq!((&report["paid"], &report["ledger_sum"]), (&"5.00".into(), &0.into()));
    let had = ["seller_balance_before", "seller_balance_after", "winner_balance_before"];
    assert_eq!(had.map(|field| report[field].clone()), ["0.01", "5.01", "14.50"]);
    assert_eq!(report["winner_balance_after"], "9.50");
    let told = said(&output);
    assert!(told.contains("dispatched, and confirmed by the winner"), "{told}");
    remove(&report);
}

fn remove(report: &Value) {
    std::fs::remove_file(report["transcript"].as_str().unwrap()).unwrap();
}
