//! An auction through the pieces that a real deployment uses, each command a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use command::{gavel, json_of, said, text_of};
use serde_json::Value;

/// Three accumulators and the file that names them. They end with the test, however that ends:
/// their input does.
struct Deployment {
    dir: tempfile::TempDir,
    running: Vec<Child>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // All at once: one that ends waits a while for what it owes the others.
        for child in &mut self.running {
            drop(child.stdin.take());
        }
        for child in &mut self.running {
            child.wait().unwrap();
        }
    }
}

impl Deployment {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut committee = String::new();
        let running = (1..=3)
            .map(|number| {
                let node = dir.path().join(format!("node-{number}"));
                let running = run_accumulator(&node);
                let node = node.to_str().unwrap();
                let shown = gavel(&["accumulator", "show", "--dir", node]);
                committee.push_str(&text_of(&shown));
                running
            })
            .collect();
        std::fs::write(dir.path().join("committee.toml"), committee).unwrap();
        Self { dir, running }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command that asks the committee.
    fn ask(&self, words: &[&str]) -> std::process::Output {
        let committee = self.path("committee.toml");
        gavel(&[words, &["--committee", committee.to_str().unwrap()]].concat())
    }

    fn ask_json(&self, words: &[&str]) -> Value {
        let output = self.ask(&[words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
        json_of(&output)
    }

    fn announce(&self, closing: &str) -> String {
        let key = self.path("seller.key");
        let made = self.ask_json(&[
            "auction",
            "new",
            "--title",
            "Oil on canvas",
            "--min",
            "100",
            "--tick",
            "2.50",
            "--levels",
            "41",
            "--closing",
            closing,
            "--seller-key",
            key.to_str().unwrap(),
        ]);
        assert_eq!((&made["lowest"], &made["highest"]), (&"100.00".into(), &"200.00".into()));
        made["auction"].as_str().unwrap().to_owned()
    }

    fn bid(&self, id: &str, wallet: &str, price: &str) -> Value {
        let (wallet, committee) = (self.path(wallet), self.path("committee.toml"));
        let words = ["bid", id, "--price", "-", "--yes", "--json"];
        let words = [&words[..], &["--wallet", wallet.to_str().unwrap()]].concat();
        let words = [&words[..], &["--committee", committee.to_str().unwrap()]].concat();
        let output = command::gavel_with_input(&words, price);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        json_of(&output)
    }
}

fn run_accumulator(dir: &Path) -> Child {
    let made =
        gavel(&["accumulator", "init", "--dir", dir.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let mut child = Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["accumulator", "run", "--json", "--while-stdin", "--dir"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["key"].as_str().unwrap().len(), 64);
    child
}

#[test]
fn seller_bidders_and_auditor_need_nothing_but_their_commands() {
    let deployment = Deployment::new();
    let id = deployment.announce("1h");
    let shown = deployment.ask_json(&["auction", "show", &id]);
    assert_eq!(
        (&shown["title"], &shown["rule"]),
        (&"Oil on canvas".into(), &"second-price".into())
    );
    assert!(shown["states"].as_array().unwrap().iter().all(|state| state["phase"] == "open"));

    let bids = [("ann", "150"), ("bob", "172.50"), ("cy", "165.00")];
    let keys: Vec<Value> = bids
        .iter()
        .map(|(wallet, price)| {
            let made = deployment.bid(&id, wallet, price);
            assert_eq!((&made["counted"], &made["secured"]), (&true.into(), &true.into()));
            made["bidder"].clone()
        })
        .collect();
    what_is_wrong_is_refused(&deployment, &id);
    the_wallet_keeps_bid_and_receipts(&deployment, &id);
    before_the_end_there_is_nothing_to_export(&deployment, &id);
    a_key_that_others_may_read_closes_nothing(&deployment, &id);

    let key = deployment.path("seller.key");
    deployment.ask_json(&["auction", "close", &id, "--seller-key", key.to_str().unwrap()]);
    let watched = deployment.ask(&["auction", "watch", &id]);
    assert_eq!(watched.status.code(), Some(0), "{}", said(&watched));
    let proved = text_of(&watched);
    let proved = proved.lines().last().unwrap();
    assert!(proved.starts_with("verified by the transcript: "), "{proved}");
    assert!(proved.contains("wins at 165.00 EUR, 3 bids"), "{proved}");
    each_bidder_learns_what_became_of_his_bid(&deployment);

    let late = deployment.path("late");
    let late = ["bid", &id, "--price", "200", "--yes", "--wallet", late.to_str().unwrap()];
    let output = deployment.ask(&late);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("closed"), "{}", said(&output));

    let file = deployment.path("sale.transcript");
    let file = file.to_str().unwrap();
    let exported = deployment.ask(&["auction", "export", &id, "--to", file]);
    assert_eq!(exported.status.code(), Some(0), "{}", said(&exported));
    let verdict = json_of(&gavel(&["auction", "verify", file, "--id", &id, "--json"]));
    assert_eq!((&verdict["winner"], &verdict["price"]), (&keys[1], &"165.00".into()));
    assert_eq!((&verdict["bids"], &verdict["tie"]), (&3.into(), &false.into()));
}

fn each_bidder_learns_what_became_of_his_bid(deployment: &Deployment) {
    for (wallet, fate, words) in
        [("bob", "won", "won at 165.00 EUR"), ("ann", "lost", "not the winner; sold at 165.00 EUR")]
    {
        let wallet = deployment.path(wallet);
        let bids = ["bids", "--check", "--wallet", wallet.to_str().unwrap()];
        let checked = gavel(&[&bids[..], &["--json"]].concat());
        assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
        let found = json_of(&checked)["bids"][0]["fate"].clone();
        assert_eq!((&found["fate"], &found["words"]), (&fate.into(), &words.into()));
        assert!(text_of(&gavel(&bids)).contains(words));
    }
}

fn what_is_wrong_is_refused(deployment: &Deployment, id: &str) {
    let wallet = deployment.path("dee");
    let wallet = wallet.to_str().unwrap();
    let bid = |price: &str, consent: &[&str]| {
        deployment.ask(&[&["bid", id, "--price", price, "--wallet", wallet], consent].concat())
    };
    for (price, remedy) in [
        ("99", "bid 100.00 EUR or more"),
        ("200.01", "bid at most 200.00 EUR"),
        ("101", "the nearest prices are 100.00 EUR and 102.50 EUR"),
        ("100.001", "at most 2 digits"),
    ] {
        let output = bid(price, &["--yes"]);
        assert_eq!(output.status.code(), Some(2), "{price}");
        assert!(said(&output).contains(remedy), "{price}: {}", said(&output));
    }
    let unconfirmed = bid("150", &[]);
    assert_eq!(unconfirmed.status.code(), Some(2));
    assert!(said(&unconfirmed).contains("--yes"));
    assert!(!deployment.path("dee").exists(), "a refused bid leaves a wallet");

    let stranger = deployment.path("stranger.key");
    std::fs::write(&stranger, "07".repeat(32)).unwrap();
    let close = ["auction", "close", id, "--seller-key", stranger.to_str().unwrap()];
    let output = deployment.ask(&close);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("not the key of this auction's seller"), "{}", said(&output));
}

fn before_the_end_there_is_nothing_to_export(deployment: &Deployment, id: &str) {
    let to = deployment.path("early");
    let early = deployment.ask(&["auction", "export", id, "--to", to.to_str().unwrap()]);
    assert_eq!(early.status.code(), Some(1));
    assert!(said(&early).contains("gavel auction watch ID"), "{}", said(&early));
    assert!(!to.exists());
    let wallet = deployment.path("ann");
    let checked = gavel(&["bids", "--check", "--json", "--wallet", wallet.to_str().unwrap()]);
    assert_eq!(json_of(&checked)["bids"][0]["fate"]["words"], "no outcome yet");
}

#[cfg(unix)]
fn a_key_that_others_may_read_closes_nothing(deployment: &Deployment, id: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let key = deployment.path("seller.key");
    let set = |mode| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o644);
    let refused = deployment.ask(&["auction", "close", id, "--seller-key", key.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("chmod 600"), "{}", said(&refused));
    set(0o600);
}

fn the_wallet_keeps_bid_and_receipts(deployment: &Deployment, id: &str) {
    let wallet = deployment.path("ann");
    let wallet = wallet.to_str().unwrap();
    let second = deployment.ask(&["bid", id, "--price", "160", "--yes", "--wallet", wallet]);
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("already holds bid"), "{}", said(&second));
    let again = deployment.ask_json(&["bid", id, "--retry", "--wallet", wallet]);
    assert_eq!(again["secured"], true);
    let bids = json_of(&gavel(&["bids", "--wallet", wallet, "--json"]));
    assert_eq!(bids["bids"].as_array().unwrap().len(), 1);
    let bid = &bids["bids"][0];
    assert_eq!((&bid["auction"], &bid["price"]), (&id.into(), &"150.00".into()));
    assert_eq!(
        (&bid["receipts"][2]["accumulator"], &bid["left_with"]),
        (&2.into(), &vec![0, 1, 2].into())
    );
    assert_eq!(bid["receipts"][0]["signature"].as_str().unwrap().len(), 128);
    let words = text_of(&gavel(&["bids", "--wallet", wallet]));
    assert!(words.contains("3 of 3, all held by 3 of 3; counts"), "{words}");
}

#[test]
fn an_auction_closes_by_the_clock() {
    let deployment = Deployment::new();
    let id = deployment.announce("6s");
    deployment.bid(&id, "ann", "100");
    let watched = deployment.ask(&["auction", "watch", &id, "--json"]);
    assert_eq!(watched.status.code(), Some(0), "{}", said(&watched));
    let lines: Vec<Value> =
        text_of(&watched).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!(last["verified"], true);
    assert!(last["outcome"].as_str().unwrap().contains("wins at 100.00 EUR, 1 bid"), "{last}");
    assert!(last["states"].as_array().unwrap().iter().any(|state| state["phase"] == "done"));
    let transcript = deployment.path("t");
    let transcript = transcript.to_str().unwrap();
    deployment.ask(&["auction", "export", &id, "--to", transcript]);
    let verdict = json_of(&gavel(&["auction", "verify", transcript, "--json"]));
    assert_eq!((&verdict["bids"], &verdict["price"]), (&1.into(), &"100.00".into()));
}
