//! A server loses its disk, is restored from a backup, and its customers bring their receipts. Each
//! command is a process of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::ops::Deref;

use command::folder::Folder;
use command::processes::{Process, init};
use command::{json_of, said, text_of};
use serde_json::Value;

/// A settlement server and its customers' files.
struct Bank {
    server: Option<Process>,
    files: Folder,
}

impl Deref for Bank {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        &self.files
    }
}

impl Bank {
    fn new() -> Self {
        let files = Folder::new();
        init("settlement", &files.path("pay"));
        let mut bank = Self { server: None, files };
        bank.serve("pay", &[]);
        bank
    }

    /// Runs the server of this directory, and tells everybody where it is.
    fn serve(&mut self, name: &str, accounts: &[&str]) {
        self.server = Some(Process::run("settlement", &self.path(name)));
        self.show_charter(name, accounts);
    }

    fn pay(&self, from: &str, to: &str, amount: &str) {
        self.json(&format!("account pay --account @{from} --to {to} --amount {amount}~EUR"));
    }

    fn all_available(&self, names: &[&str]) -> Vec<String> {
        names.iter().map(|name| self.available(name)).collect()
    }
}

fn counts(view: &Value) -> [u64; 4] {
    ["readmitted", "there", "kept", "refused"].map(|name| view[name].as_u64().unwrap())
}

#[test]
fn customers_bring_back_what_a_restore_has_lost() {
    let mut bank = Bank::new();
    let (ann, bob) = (bank.account("ann", "", "100.00"), bank.account("bob", "", "1.00"));
    bank.pay("ann", &bob, "10.00");
    bank.json("settlement backup --dir @pay --to @copy");
    bank.pay("ann", &bob, "30.00");
    // An account that the backup does not know, paid into and paying.
    let cid = bank.account("cid", "", "20.00");
    bank.pay("cid", &bob, "15.00");
    bank.pay("bob", &cid, "2.00");
    let everybody = ["ann", "bob", "cid"];
    assert_eq!(bank.all_available(&everybody), ["60.00", "54.00", "7.00"]);
    for (name, movements) in [("ann", 3), ("bob", 5), ("cid", 3)] {
        let kept = bank.json(&format!("account receipts --account @{name} --to @{name}-receipts"));
        assert_eq!((&kept["fetched"], &kept["not_shown"]), (&movements.into(), &0.into()));
    }
    let again = bank.json("account receipts --account @ann --to @ann-receipts");
    assert_eq!((&again["fetched"], &again["kept"]), (&0.into(), &3.into()));
    // Nothing is lost yet.
    let early = bank.json("settlement readmit @ann-receipts --charter @charter.toml");
    assert_eq!(counts(&early), [0, 0, 3, 0]);

    bank.server = None;
    bank.json("settlement restore --from @copy --dir @pay2");
    bank.serve("pay2", &everybody);
    assert_eq!(bank.all_available(&["ann", "bob"]), ["90.00", "11.00"]);
    // Ann cancelled nothing and brings nothing; bob, who was paid, does: what he got from cid needs
    // cid's deposit, which cid alone has the receipt of.
    let brought = bank.run("settlement readmit @bob-receipts --charter @charter.toml --json");
    assert_eq!(brought.status.code(), Some(1), "{}", said(&brought));
    let brought = json_of(&brought);
    assert_eq!(counts(&brought), [1, 0, 2, 2], "{brought}");
    let refused = brought["receipts"].as_array().unwrap();
    let refused = refused.iter().find(|line| line["state"] == "refused").unwrap();
    assert!(refused["why"].as_str().unwrap().contains("does not exist"), "{refused}");
    let all =
        "settlement readmit @cid-receipts @bob-receipts @ann-receipts --charter @charter.toml";
    let brought = bank.json(&format!("{all} --out @new"));
    assert_eq!(counts(&brought), [3, 1, 3, 0], "{brought}");
    assert_eq!(bank.all_available(&everybody), ["60.00", "54.00", "7.00"]);
    // Once.
    assert_eq!(counts(&bank.json(all)), [0, 4, 3, 0]);
    let said_so = text_of(&bank.run(all));
    assert!(said_so.contains("0 taken back, 4 there already, 3 never lost"), "{said_so}");
    assert_eq!(bank.all_available(&everybody), ["60.00", "54.00", "7.00"]);

    // Whoever lost it or brought it, an audit holds the journal to all receipts, old and new.
    let audit = bank.json(
        "settlement audit --dir @pay2 --receipts @ann-receipts @bob-receipts @cid-receipts @new",
    );
    assert_eq!((&audit["holds"], &audit["readmitted"]), (&true.into(), &4.into()), "{audit}");
    assert_eq!(audit["lost_entries"].as_array().unwrap().len(), 4);
    // What was damaged, or is of another server, is said to be so.
    let one = std::fs::read_dir(bank.path("ann-receipts")).unwrap().next().unwrap().unwrap();
    let mut bytes = std::fs::read(one.path()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(bank.path("damaged"), &bytes).unwrap();
    let damaged = bank.run("settlement readmit @damaged --charter @charter.toml");
    assert_eq!(damaged.status.code(), Some(1));
    assert!(text_of(&damaged).contains("1 not taken back"), "{}", text_of(&damaged));
    std::fs::write(bank.path("damaged"), "no receipt").unwrap();
    let none = bank.run("settlement readmit @damaged --charter @charter.toml");
    assert_eq!(none.status.code(), Some(2));
    assert!(said(&none).contains("is no receipt"), "{}", said(&none));
    assert!(ann != bob && bob != cid);
}
