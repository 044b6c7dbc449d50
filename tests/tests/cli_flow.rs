//! An auction by the command line alone, as the README tells it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;

use tests::command::gavel;
use tests::desk::Desk;

#[test]
fn the_readmes_flow() {
    let desk = Desk::new(3);
    let id = desk.announce();
    let shown = desk.gavel(&["auction", "show", &id]).done();
    for term in ["Blue vase", "50.00 to 249.50 EUR every 0.50, 400 levels", "second-price"] {
        assert!(shown.text.contains(term), "{}", shown.text);
    }
    let terms = desk.json(&["auction", "show", &id]);
    assert_eq!((&terms["auction"], &terms["levels"]), (&id.as_str().into(), &400.into()));

    let bid = desk.gavel(&["bid", &id, "--price", "120.50", "--yes"]).done();
    assert!(bid.text.contains("counts: all 3 accumulators gave a receipt"), "{bid:?}");
    assert!(desk.path(".gavel").is_dir());
    one_bid_a_wallet(&desk, &id);
    let bob = desk.bid(&id, "131.00", "bob");
    let cid = desk.bid(&id, "99.50", "cid");
    assert_ne!(bob["bidder"], cid["bidder"]);

    wrong_sellers_do_not_close(&desk, &id);
    let early = desk.gavel(&["auction", "export", &id, "--to", "early.gavel"]);
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(!desk.path("early.gavel").exists());
    let close = ["auction", "close", &id, "--seller-key", "seller.key"];
    desk.gavel(&close).done();
    assert_eq!(desk.json(&close)["closed"], true);
    let watched = desk.gavel(&["auction", "watch", &id]).done();
    assert!(watched.text.contains("wins at 120.50 EUR, 3 bids"), "{watched:?}");

    desk.gavel(&["auction", "export", &id, "--to", "auction.gavel"]).done();
    let verified = desk.gavel(&["auction", "verify", "auction.gavel", "--id", &id]).done();
    for part in ["Verified", bob["bidder"].as_str().unwrap(), "120.50 EUR", "3 of 3"] {
        assert!(verified.text.contains(part), "{verified:?}");
    }
    let verdict = desk.json(&["auction", "verify", "auction.gavel", "--id", &id]);
    assert_eq!((&verdict["verified"], &verdict["winner"]), (&true.into(), &bob["bidder"]));
    let transcript = desk.gavel(&["auction", "export", "auction.gavel", "--json"]).done().json();
    assert_eq!(transcript["bids"].as_array().unwrap().len(), 3);
    assert_eq!(transcript["auction"], id);
    late_bids_are_refused(&desk, &id);
}

fn one_bid_a_wallet(desk: &Desk, id: &str) {
    let first = desk.json(&["bids"])["bids"][0].clone();
    let second = desk.gavel(&["bid", id, "--price", "130", "--yes"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.said.contains("already holds bid"), "{second:?}");
    let again = desk.json(&["bid", id, "--retry"]);
    assert_eq!((&again["bid"], &again["secured"]), (&first["bid"], &true.into()));
    let bids = desk.json(&["bids"]);
    assert_eq!(bids["bids"].as_array().unwrap().len(), 1);
    assert_eq!(bids["bids"][0]["price"], "120.50");
    let states = desk.json(&["auction", "show", id])["states"].clone();
    for state in states.as_array().unwrap() {
        assert_eq!((&state["phase"], &state["bids"]), (&"open".into(), &1.into()));
    }
    let unwilling = desk.gavel(&["bid", id, "--price", "130", "--wallet", "new"]);
    assert_eq!(unwilling.code, Some(2), "a bid without consent: {unwilling:?}");
}

fn wrong_sellers_do_not_close(desk: &Desk, id: &str) {
    std::fs::write(desk.path("stranger.key"), "17".repeat(32)).unwrap();
    let close = |key: &str| desk.gavel(&["auction", "close", id, "--seller-key", key]);
    let refused = close("stranger.key");
    assert_eq!(refused.code, Some(2));
    assert!(refused.said.contains("not the key of this auction's seller"), "{refused:?}");
    assert_eq!(close("committee.toml").code, Some(2));
    let nowhere = close("nowhere.key");
    assert!(matches!(nowhere.code, Some(1 | 2)), "{nowhere:?}");
    assert!(nowhere.said.contains("nowhere.key"), "{nowhere:?}");
    assert!(!desk.path("nowhere.key").exists(), "closing made a key");
    let states = desk.json(&["auction", "show", id])["states"].clone();
    assert!(states.as_array().unwrap().iter().all(|state| state["phase"] == "open"));
}

fn late_bids_are_refused(desk: &Desk, id: &str) {
    let late = desk.gavel(&["bid", id, "--price", "200", "--yes", "--wallet", "late"]);
    assert_eq!(late.code, Some(1), "{late:?}");
    assert!(late.said.contains("closed"), "{late:?}");
    let retry = desk.gavel(&["bid", id, "--retry"]);
    assert_eq!(retry.code, Some(0), "a bid that counts is no failure: {retry:?}");
}

#[test]
fn a_bid_waits_for_an_accumulator_that_is_down_and_a_transcript_comes_from_any() {
    let mut desk = Desk::new(2);
    let id = desk.announce();
    let first = desk.bid(&id, "60", "ann");
    desk.stop(1);
    let words = ["bid", &id, "--price", "77.50", "--yes", "--wallet", "bob", "--patience", "1s"];
    let half = desk.gavel(&[&words[..], &["--json"]].concat());
    assert_eq!(half.code, Some(1), "{half:?}");
    assert!(half.said.contains("--retry"), "{half:?}");
    let half = half.json();
    assert_eq!((&half["counted"], &half["secured"]), (&false.into(), &false.into()));
    assert_eq!(half["accumulators"][0]["receipt"], true);
    assert_eq!(half["accumulators"][1]["receipt"], false);
    let held = desk.gavel(&["bids", "--wallet", "bob"]).done();
    assert!(held.text.contains("--retry"), "{held:?}");

    desk.start(1);
    let whole = desk.json(&["bid", &id, "--retry", "--wallet", "bob"]);
    assert_eq!((&whole["bid"], &whole["secured"]), (&half["bid"], &true.into()));
    desk.gavel(&["auction", "close", &id, "--seller-key", "seller.key"]).done();
    desk.gavel(&["auction", "watch", &id]).done();
    // The other one has what the first one would give.
    desk.stop(0);
    desk.gavel(&["auction", "export", &id, "--to", "t"]).done();
    let verdict = desk.json(&["auction", "verify", "t"]);
    assert_eq!((&verdict["winner"], &verdict["price"]), (&whole["bidder"], &"60.00".into()));
    assert_ne!(verdict["winner"], first["bidder"]);
}

#[test]
fn every_command_of_the_readme_exists() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap().replace("\\\n", " ");
    let mut block = false;
    let mut commands = Vec::new();
    for line in readme.lines() {
        if line.starts_with("```") {
            block = !block;
        }
        // Outside of blocks, commands stand between backticks.
        let parts: Vec<&str> =
            if block { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        let parts = parts.iter().map(|part| part.replace("cargo run --release -- ", "gavel "));
        let own = parts.filter(|part| part.starts_with("gavel "));
        // Comments and where a shell writes the answer are not the command's.
        let bare = own.map(|part| part.split(" #").next().unwrap().to_owned());
        commands.extend(bare.map(|part| part.split(" > ").next().unwrap().to_owned()));
    }
    assert!(commands.len() >= 12, "{commands:?}");
    let dir = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for text in &commands {
        let id = "ab".repeat(32);
        // Of a secret key of zeros: a key that may own an account.
        let key = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
        let filled = |word: &String| match word.as_str() {
            word if word.ends_with("KEY") => key.to_owned(),
            word => word.replace("ID", &id),
        };
        let words: Vec<String> = words(text).iter().map(filled).collect();
        let mut words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        // Everything before it has to be right for help to be given.
        if words[0] != "help" && !words.contains(&"SHELL") {
            words.push("--help");
            let ran = gavel(dir.path(), &words);
            if ran.code != Some(0) {
                wrong.push(format!("{text}\n{}", ran.said));
            }
        }
    }
    let mut out = std::io::stderr();
    out.write_all(wrong.join("\n").as_bytes()).unwrap();
    assert!(wrong.is_empty(), "{} commands of the README are wrong", wrong.len());
}

/// A command line in words, as a shell cuts it.
fn words(text: &str) -> Vec<String> {
    let quoted = text.split('"').enumerate();
    quoted
        .flat_map(|(i, part)| match i % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        })
        .collect()
}
