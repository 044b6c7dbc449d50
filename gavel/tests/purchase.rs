//! Purchases through commands alone: a merchant, a customer and a settlement server, each command
//! a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::ops::Deref;

use command::folder::Folder;
use command::processes::{Process, init};
use command::{gavel, json_of, said, text_of};
use serde_json::Value;

/// A settlement server, a merchant, a customer, and their files.
struct Town {
    server: Option<Process>,
    merchant: Option<Process>,
    files: Folder,
}

impl Deref for Town {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.files
    }
}

impl Town {
    /// Everybody has money, and the merchant sells a photograph.
    fn new() -> Self {
        let files = Folder::new();
        init("settlement", &files.path("pay"));
        // The customers' and the merchant's charter name the port, so it stays.
        let mut town = Self { server: None, merchant: None, files };
        town.start_server();
        for name in ["ann", "shop"] {
            town.account(name, "", "100.00");
        }
        town.json("merchant init --account @shop --listen 127.0.0.1:0");
        std::fs::write(town.path("photo.tif"), photo()).unwrap();
        town.json(
            "offer add @photo.tif --account @shop --price 12.50~EUR --description A~photograph",
        );
        town.start_merchant();
        town
    }

    /// Starts the server, at its old port where it had one.
    fn start_server(&mut self) {
        self.server = Some(Process::run("settlement", &self.path("pay")));
        self.show_charter("pay", &["ann", "shop"]);
    }

    /// Starts the merchant, who reads the charter at his start.
    fn start_merchant(&mut self) {
        self.merchant = None;
        self.merchant = Some(Process::run_at("merchant", "--account", &self.path("shop")));
        let shown = gavel(&["merchant", "show", "--account", &self.at("shop")]);
        assert_eq!(shown.status.code(), Some(0), "{}", said(&shown));
        std::fs::write(self.path("shop.toml"), text_of(&shown)).unwrap();
    }

    /// Runs a command that fails, and gives what it says.
    fn fails(&self, line: &str, code: i32) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(code), "{line}: {}", text_of(&output));
        said(&output)
    }

    fn found(&self, line: &str, code: i32) -> Vec<(String, String)> {
        let judged = self.json_with(line, code);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let findings = judged["findings"].as_array().unwrap().iter();
        findings.map(|one| (text(&one["subject"]), text(&one["found"]))).collect()
    }
}

fn photo() -> Vec<u8> {
    (0..60_000u32).flat_map(u32::to_le_bytes).collect()
}

const BUY: &str = "buy --account @ann --merchant @shop.toml --item 1 --yes";

#[test]
fn a_purchase_needs_nothing_but_its_commands() {
    let town = Town::new();
    let listed = town.json("offer list --merchant @shop.toml");
    let item = &listed["items"][0];
    assert_eq!((&item["item"], &item["price"]), (&1.into(), &"12.50".into()));
    assert_eq!(item["description"], "A photograph");
    // Nobody is there to confirm.
    let unconfirmed = "buy --account @ann --merchant @shop.toml --item 1 --out @bought.tif";
    assert!(town.fails(unconfirmed, 2).contains("--yes"));
    assert_eq!(town.available("ann"), "100.00");
    let bought = town.json(&format!("{BUY} --out @bought.tif"));
    assert_eq!((&bought["state"], &bought["price"]), (&"bought".into(), &"12.50".into()));
    assert_eq!(bought["goods_match"], true);
    assert_eq!(std::fs::read(town.path("bought.tif")).unwrap(), photo());
    assert_eq!(town.available("ann"), "87.50");
    assert_eq!(town.available("shop"), "112.50");
    // Again it is the same purchase, and no file is overwritten.
    let again = town.json(BUY);
    assert_eq!((&again["id"], &again["entry"]), (&bought["id"], &bought["entry"]));
    assert!(town.fails(&format!("{BUY} --out @bought.tif"), 1).contains("exists already"));
    assert_eq!(town.available("ann"), "87.50");
    let second = town.json(&format!("{BUY} --again --out @second.tif"));
    assert_ne!(second["id"], bought["id"]);
    assert_eq!(town.available("ann"), "75.00");

    // Either side gets receipt and key by the order's id.
    let (id, payer) = (bought["id"].as_str().unwrap(), bought["account"].as_str().unwrap());
    let customers =
        town.json(&format!("receipt --purchase {id} --account @ann --receipt @ann.receipt"));
    assert_eq!((&customers["state"], &customers["key"]), (&"paid".into(), &true.into()));
    let merchants = town.json(&format!(
        "receipt --purchase {id} --account @shop --payer {payer} --receipt @shop.receipt"
    ));
    assert_eq!(merchants["entry"], customers["entry"]);
    town.json(&format!(
        "receipt --purchase {id} --account @ann --public --receipt @public.receipt"
    ));
    assert!(town.fails(&format!("receipt --purchase {id} --account @shop"), 1).contains("--payer"));
    let unknown = format!("receipt --purchase {:032x} --account @ann", 77);
    let undecided = town.json_with(&unknown, 1);
    assert_eq!(undecided["state"], "undecided");
    let history = town.json("account history --account @shop");
    let line = &history["movements"][1];
    assert_eq!((&line["kind"], &line["id"]), (&"purchase".into(), &id.into()));

    // The judge, from the customer's files and from the merchant's.
    let folder = format!("@ann/purchases/{}", bought["purchase"].as_str().unwrap());
    let customers = format!(
        "judge --charter @charter.toml --offer {folder}/offer --receipt {folder}/receipt --goods \
         {folder}/goods --out @seen.tif"
    );
    let all = ["offered", "ordered", "paid", "goods", "key", "content"].map(str::to_owned);
    let holds = ["holds", "holds", "holds", "holds", "holds", "to-be-seen"].map(str::to_owned);
    let expected: Vec<_> = all.clone().into_iter().zip(holds).collect();
    assert_eq!(town.found(&customers, 0), expected);
    assert_eq!(std::fs::read(town.path("seen.tif")).unwrap(), photo());
    let prove = format!("offer prove --account @shop --offer {folder}/offer --out @proof.goods");
    assert_eq!(town.run(&prove).status.code(), Some(0));
    let merchants = format!(
        "judge --charter @charter.toml --offer {folder}/offer --receipt @shop.receipt --goods \
         @proof.goods"
    );
    assert_eq!(town.found(&merchants, 0), expected);
    let public = "judge --charter @charter.toml --receipt @public.receipt";
    let shown = town.json(public);
    assert_eq!((&shown["holds"], &shown["complete"]), (&true.into(), &false.into()));
    // Another file than was delivered proves nothing, and the exit code says so.
    let lie = "judge --charter @charter.toml --receipt @ann.receipt --goods @photo.tif";
    assert_eq!(town.found(lie, 1)[3], ("goods".to_owned(), "fails".to_owned()));

    // The audit, from outside and with the vault.
    let audit = town.json("settlement audit --dir @pay");
    assert_eq!(audit["purchases"]["purchases"], 2);
    assert_eq!(audit["purchases"]["keys_opened"], 0);
    let audit = town.json("settlement audit --dir @pay --with-vault");
    assert_eq!(audit["purchases"]["keys_opened"], 2);
}

#[test]
fn a_backup_has_the_keys_only_when_asked() {
    let mut town = Town::new();
    let bought = town.json(&format!("{BUY} --out @bought.tif"));
    let id = bought["id"].as_str().unwrap().to_owned();
    town.json("settlement backup --dir @pay --to @without");
    town.json("settlement backup --dir @pay --to @with --with-vault");
    town.server = None;
    town.merchant = None;
    for (backup, key) in [("without", false), ("with", true)] {
        town.json(&format!("settlement restore --from @{backup} --dir @{backup}-restored"));
        let server = Process::run("settlement", &town.path(&format!("{backup}-restored")));
        let dir = town.at(&format!("{backup}-restored"));
        let shown = gavel(&["settlement", "show", "--dir", &dir]);
        std::fs::write(town.path("ann").join("charter.toml"), text_of(&shown)).unwrap();
        let receipt = format!("receipt --purchase {id} --account @ann --receipt @{backup}.receipt");
        assert_eq!(town.json(&receipt)["key"], key, "{backup}");
        drop(server);
    }
}

#[test]
fn what_is_not_decided_goes_on_or_is_taken_back() {
    let mut town = Town::new();
    // The settlement server is away: the order is signed, and nothing can be said of it.
    town.server.take().unwrap().kill();
    let open = town.json_with(&format!("{BUY} --patience 3s --out @bought.tif"), 1);
    assert_eq!(open["state"], "open");
    let words = town.fails(&format!("{BUY} --patience 1s"), 1);
    assert!(words.contains("may still be paid") && words.contains("--cancel"), "{words}");
    let name = open["purchase"].as_str().unwrap().to_owned();
    // Back again, elsewhere: merchant and customer go on.
    town.start_server();
    town.start_merchant();
    let bought = town.json(&format!("{BUY} --out @bought.tif"));
    assert_eq!((&bought["state"], &bought["id"]), (&"bought".into(), &open["id"]));
    assert_eq!(town.available("ann"), "87.50");
    let late = town.fails(&format!("buy --account @ann --purchase {name} --cancel"), 1);
    assert!(late.contains("too late"), "{late}");

    // Another one is taken back while the merchant is away, for good.
    town.server.take().unwrap().kill();
    let open = town.json_with(&format!("{BUY} --again --patience 3s"), 1);
    town.merchant.take().unwrap().kill();
    town.start_server();
    let name = open["purchase"].as_str().unwrap();
    let cancelled = town.json(&format!("buy --account @ann --purchase {name} --cancel"));
    assert_eq!(cancelled["state"], "cancelled");
    town.start_merchant();
    let receipt = format!("receipt --purchase {} --account @ann", open["id"].as_str().unwrap());
    assert_eq!(town.json_with(&receipt, 1)["state"], "refused");
    assert_eq!(town.available("ann"), "87.50");
    // The offer stands: the same command orders again, under another id, without a download.
    let shop = "--merchant @shop.toml --item 1";
    let bought =
        town.json(&format!("buy --account @ann --purchase {name} {shop} --yes --out @again.tif"));
    assert_ne!(bought["id"], open["id"]);
    assert_eq!(town.available("ann"), "75.00");
}

#[test]
fn wrong_commands_say_what_is_wrong_and_do_nothing() {
    let town = Town::new();
    let cases = [
        ("merchant init --account @shop --listen 127.0.0.1:0", 1, "already"),
        ("merchant show --account @ann", 2, "no merchant"),
        ("offer list --account @ann", 2, "no merchant"),
        ("offer add @photo.tif --account @shop --price 0~EUR --description x", 2, "zero"),
        ("offer add @photo.tif --account @shop --price 1~USD --description x", 2, "USD"),
        ("offer add @none --account @shop --price 1~EUR --description x", 1, "cannot read"),
        ("offer withdraw 7 --account @shop", 2, "no item 7"),
        ("buy --account @ann --item 1 --yes", 2, "--merchant"),
        ("buy --account @ann --merchant @shop.toml --item 7 --yes", 1, "item of this number"),
        ("buy --account @ann --merchant @photo.tif --item 1 --yes", 2, "photo.tif"),
        ("buy --account @ann --purchase ../x --yes", 2, "no name"),
        (
            "buy --account @ann --merchant @shop.toml --purchase new --cancel",
            1,
            "nothing is ordered",
        ),
        ("receipt --purchase zz --account @ann", 2, "hexadecimal"),
        ("receipt --purchase 7", 2, "--account"),
        ("receipt", 2, "--auction"),
        ("judge --charter @charter.toml", 2, "FILE"),
        ("judge --charter @charter.toml --receipt @photo.tif", 2, "receipt"),
        ("judge --charter @charter.toml --offer @photo.tif", 2, "offer"),
    ];
    for (line, code, words) in cases {
        let said = town.fails(line, code);
        assert!(said.contains(words), "{line}: {said}");
    }
    // A customer of her own shop.
    let own = "buy --account @shop --merchant @shop.toml --item 1 --yes";
    assert!(town.fails(own, 1).contains("another key than the merchant's"));
    assert_eq!(town.available("ann"), "100.00");
    // Withdrawn, it is not offered any more.
    town.json("offer withdraw 1 --account @shop");
    assert!(town.json("offer list --merchant @shop.toml")["items"].as_array().unwrap().is_empty());
    assert_eq!(town.json("offer list --account @shop")["items"].as_array().unwrap().len(), 1);
    assert!(town.fails(BUY, 1).contains("item of this number"));
    // Repriced and held by the server.
    let held = town.json(
        "offer add @photo.tif --account @shop --price 1.00~EUR --description A~photograph --held",
    );
    assert_eq!((&held["item"], &held["held"]), (&2.into(), &true.into()));
    town.json("offer price 2 --account @shop --price 2.00~EUR");
    let buy = "buy --account @ann --merchant @shop.toml --item 2 --yes --out @held.tif";
    assert_eq!(town.json(buy)["price"], "2.00");
    assert_eq!(std::fs::read(town.path("held.tif")).unwrap(), photo());
    assert_eq!(town.available("ann"), "98.00");
}

#[test]
fn the_demonstration_cuts_after_each_message_and_nothing_is_lost() {
    let output = gavel(&["demo", "purchase", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = json_of(&output);
    for what in ["right", "audit", "judge"] {
        assert_eq!(report[what], true, "{what}: {report}");
    }
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h"];
    // A question that waits too long on a busy machine is asked again.
    let mut messages: Vec<&str> =
        report["messages"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    messages.dedup();
    assert_eq!(messages, letters);
    let cuts = report["cuts"].as_array().unwrap();
    for (cut, letter) in cuts.iter().zip(letters) {
        assert_eq!(cut["after"], letter);
        // The money has moved exactly if the order has reached the server with its key.
        assert_eq!(cut["paid"], letter >= "f", "{cut}");
        assert_eq!(cut["without_merchant"], cut["paid"], "{cut}");
        assert_eq!(cut["customer"]["offer"], letter >= "b", "{cut}");
        // No order before the goods are there.
        assert!(letter >= "d" || cut["customer"]["order"] == false, "{cut}");
        assert_eq!(cut["charged"], report["price"], "{cut}");
    }
    assert_eq!((cuts.len(), &report["customer_after"]), (8, &"87.50".into()));
}
