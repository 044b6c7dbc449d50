//! Help, exit codes and errors that say what to do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::process::{Command, Stdio};

use command::{file, gavel, said, text_of};

const COMMANDS: [&[&str]; 49] = [
    &[],
    &["demo"],
    &["accumulator"],
    &["accumulator", "init"],
    &["accumulator", "run"],
    &["accumulator", "show"],
    &["auction"],
    &["auction", "new"],
    &["auction", "key"],
    &["auction", "show"],
    &["auction", "close"],
    &["auction", "watch"],
    &["auction", "verify"],
    &["auction", "export"],
    &["bid"],
    &["bids"],
    &["bond"],
    &["settle"],
    &["receipt"],
    &["judge"],
    &["delivery"],
    &["delivery", "show"],
    &["delivery", "dispatch"],
    &["delivery", "confirm"],
    &["delivery", "dispute"],
    &["delivery", "award"],
    &["delivery", "key"],
    &["goods"],
    &["goods", "seal"],
    &["goods", "open"],
    &["goods", "check"],
    &["settlement"],
    &["settlement", "init"],
    &["settlement", "run"],
    &["settlement", "show"],
    &["settlement", "audit"],
    &["settlement", "backup"],
    &["settlement", "restore"],
    &["settlement", "readmit"],
    &["settlement", "head"],
    &["account"],
    &["account", "open"],
    &["account", "deposit"],
    &["account", "withdraw"],
    &["account", "balance"],
    &["account", "history"],
    &["account", "pay"],
    &["account", "receipts"],
    &["completions"],
];

#[test]
fn every_command_has_help_and_every_leaf_an_example() {
    for words in COMMANDS {
        let output = gavel(&[words, &["--help"]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        let help = text_of(&output);
        assert!(help.contains("Usage: gavel"), "{words:?}:\n{help}");
        let group = matches!(
            words,
            ["accumulator"] | ["auction"] | ["account"] | ["settlement"] | ["goods"] | ["delivery"]
        );
        assert!(group || help.contains("Example"), "{words:?} has no example:\n{help}");
    }
}

#[test]
fn a_command_line_that_is_wrong_has_code_2() {
    let id = "ab".repeat(32);
    let wrong: [&[&str]; 28] = [
        &[],
        &["sell"],
        &["demo", "--accumulators", "1"],
        &["demo", "--accumulators", "17"],
        &["demo", "--rule", "third-price"],
        &["demo", "--min", "-5"],
        &["demo", "--currency", "euro"],
        &["bid", &id],
        &["bid", "not-an-id", "--price", "5"],
        &["auction", "show", &id, "--committee", "/nonexistent/committee.toml"],
        &["auction", "new", "--title", "a", "--closing", "soon", "--prices", "p"],
        &["auction", "export", &id],
        &["auction", "new", "--title", "a", "--closing", "1h", "--prices", "p", "--goods", "g"],
        &["auction", "new", "--title", "a", "--closing", "1h", "--prices", "p", "--fee", "1"],
        &["auction", "new", "--title", "a", "--closing", "1h", "--prices", "p", "--arbiter", &id],
        &["delivery", "show", "--auction", "not-an-id"],
        &["delivery", "dispatch", "--auction", &id, "--key-file", "k"],
        &["delivery", "dispute", "--auction", &id],
        &["delivery", "award", "--auction", &id, "--key-file", "k", "--because", "so"],
        &[
            "delivery",
            "award",
            "--auction",
            &id,
            "--key-file",
            "k",
            "--because",
            "so",
            "--all-to",
            "me",
        ],
        &["demo", "--physical", "--no-settlement"],
        &["account", "pay", "--account", "a", "--to", &id, "--amount", "5"],
        &["account", "withdraw", "--account", "a", "--amount", "5 EUR"],
        &["account", "withdraw", "--approve", "f"],
        &["bond", "--auction", &id, "--account", "/nonexistent/account"],
        &["receipt", "--auction", &id, "--charter", "/nonexistent/charter"],
        &["settlement", "run", "--dir", "/nonexistent/pay"],
        &["settlement", "audit", "--journal", "/nonexistent/journal"],
    ];
    for words in wrong {
        let output = gavel(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        assert!(text_of(&output).is_empty(), "{words:?}");
        assert!(!said(&output).is_empty(), "{words:?}");
    }
}

#[test]
fn errors_in_a_file_name_line_and_column_and_a_remedy() {
    let (_dir, path) = file("bids.csv", "bidder,price\nAnn,5\n\nBob,5.x\n");
    let output = gavel(&["demo", "--bids", &path]);
    assert_eq!(output.status.code(), Some(2));
    let error = said(&output);
    assert!(error.contains("line 4, column price: got '5.x'"), "{error}");
    assert!(error.contains("help:"), "{error}");
    let (_dir, path) = file("bids.csv", "bidder,price\nAnn,5\nBob,5.30\n");
    let output = gavel(&["demo", "--bids", &path, "--tick", "0.25"]);
    assert_eq!(output.status.code(), Some(2));
    let error = said(&output);
    assert!(error.contains("the nearest are 5.25 and 5.50"), "{error}");
}

#[test]
fn a_file_that_is_not_there_or_no_transcript_is_not_verified() {
    let output = gavel(&["auction", "verify", "/nonexistent/transcript"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("/nonexistent/transcript"));
    let (_dir, path) = file("t", "gavel");
    let output = gavel(&["auction", "verify", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("not a transcript"), "{}", said(&output));
    let output = gavel(&["auction", "export", &path, "--json"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains(&path), "{}", said(&output));
}

#[test]
fn what_is_not_verified_is_so_also_when_nobody_reads_it() {
    let (_dir, path) = file("t", "gavel");
    for more in [&[][..], &["--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Command::new(env!("CARGO_BIN_EXE_gavel"))
            .args([&["auction", "verify", &path], more].concat())
            .stdout(writer)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(1), "{more:?}");
    }
}

#[test]
fn a_mistyped_log_level_is_said_with_the_form() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("node");
    let dir = dir.to_str().unwrap();
    assert!(gavel(&["accumulator", "init", "--dir", dir]).status.success());
    let output = Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["accumulator", "run", "--dir", dir])
        .env("GAVEL_LOG", "inof")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("GAVEL_LOG: got 'inof', expected a level"), "{}", said(&output));
}

#[test]
fn a_sellers_key_is_made_once_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("seller.key");
    let key = ["auction", "key", "--seller-key", file.to_str().unwrap()];
    let told = text_of(&gavel(&key));
    assert_eq!(told.trim().len(), 64);
    assert_eq!(text_of(&gavel(&key)), told);
    assert_ne!(std::fs::read_to_string(&file).unwrap(), told, "the secret is not told");
}

#[test]
fn no_wallet_says_what_makes_one() {
    let output = gavel(&["bids", "--wallet", "/nonexistent/wallet"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("'gavel bid' makes it"), "{}", said(&output));
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = text_of(&gavel(&["completions", shell]));
        for word in ["accumulator", "completions", "watch"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn a_settlement_server_is_made_once_and_shown_for_its_clients() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("pay");
    let dir = dir.to_str().unwrap();
    let init = ["settlement", "init", "--dir", dir, "--listen", "127.0.0.1:0", "--json"];
    let made = command::json_of(&gavel(&init));
    assert_eq!(made["server"].as_str().unwrap().len(), 64);
    let again = gavel(&init);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("holds a settlement server already"), "{}", said(&again));
    for name in ["server.key", "postings.key", "operator.key"] {
        let path = parent.path().join("pay").join(name);
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    // Nobody knows yet which port it gets.
    let nowhere = gavel(&["settlement", "show", "--dir", dir]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", said(&nowhere));
    let show = ["settlement", "show", "--dir", dir, "--advertise", "pay.example:7100"];
    let (_kept, charter) = file("charter.toml", &text_of(&gavel(&show)));
    let account = parent.path().join("ann");
    let open = ["account", "open", "--account", account.to_str().unwrap(), "--charter", &charter];
    assert_eq!(gavel(&open).status.code(), Some(0));
    let other = parent.path().join("other");
    let other = other.to_str().unwrap();
    let told = ["settlement", "init", "--dir", other, "--advertise", "pay.example:7100"];
    assert!(text_of(&gavel(&told)).contains("operator.key"));
    let shown = text_of(&gavel(&["settlement", "show", "--dir", other]));
    assert!(shown.contains("pay.example:7100"), "{shown}");
}

#[test]
fn an_accumulator_is_made_once_and_shown_for_the_committee_file() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("node");
    let dir = dir.to_str().unwrap();
    let init = ["accumulator", "init", "--dir", dir, "--listen", "127.0.0.1:4433", "--json"];
    let made = command::json_of(&gavel(&init));
    let key = made["key"].as_str().unwrap();
    assert_eq!(key.len(), 64);
    let again = gavel(&init);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("holds an accumulator already"), "{}", said(&again));
    let stanza = text_of(&gavel(&["accumulator", "show", "--dir", dir]));
    let expected = format!("[[accumulator]]\nkey = \"{key}\"\naddress = \"127.0.0.1:4433\"\n");
    assert_eq!(stanza, expected);
    let elsewhere = ["accumulator", "show", "--dir", dir, "--address", "a.example:1", "--json"];
    assert_eq!(command::json_of(&gavel(&elsewhere))["address"], "a.example:1");
}

#[test]
fn the_address_that_init_is_told_is_shown() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("node");
    let dir = dir.to_str().unwrap();
    let init = ["accumulator", "init", "--dir", dir, "--listen", "0.0.0.0:7000", "--address"];
    let wrong = gavel(&[&init[..], &["auctions.example.org"]].concat());
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("no port"), "{}", said(&wrong));
    let made = gavel(&[&init[..], &["auctions.example.org:7000"]].concat());
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    for part in ["sellers = [", "NTP", "backups"] {
        assert!(text_of(&made).contains(part), "{part} is not in\n{}", text_of(&made));
    }
    let shown = text_of(&gavel(&["accumulator", "show", "--dir", dir]));
    assert!(shown.contains("address = \"auctions.example.org:7000\""), "{shown}");
}
