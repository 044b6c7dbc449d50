//! A settlement server watched by a witness and unwound by its operator, through commands alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::path::{Path, PathBuf};
use std::process::Output;

use auction::layout::Digest;
use auction::spec::Time;
use command::processes::{Process, init};
use command::{gavel, json_of, said, text_of};
use settlement::bookkeeper::Bookkeeper;
use settlement::charter_file::CharterFile;
use settlement::config::Config;
use settlement::journal::{Directory, Options};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Currency, Movement, Request, SignedRequest, Sum, correction_id,
};
use settlement::server::{OPERATOR_KEY_FILE, SERVER_KEY_FILE, load_key};

/// A settlement server's directory, and a place beside it.
struct Place {
    _dir: tempfile::TempDir,
    root: PathBuf,
    server: PathBuf,
}

impl Place {
    fn made() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let server = root.join("pay");
        init("settlement", &server);
        Self { _dir: dir, root, server }
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }

    /// Runs the server, and writes where it is.
    fn run(&self) -> Process {
        let running = Process::run("settlement", &self.server);
        let shown = gavel(&["settlement", "show", "--dir", self.server.to_str().unwrap()]);
        std::fs::write(self.path("charter.toml"), text_of(&shown)).unwrap();
        running
    }

    fn pay_in(&self, owner: &str, amount: &str, reference: &str) {
        let key = self.server.join(OPERATOR_KEY_FILE);
        let charter = self.path("charter.toml");
        let amount = format!("{amount}.00 EUR");
        let made = gavel(&[
            "account",
            "deposit",
            "--charter",
            &charter,
            "--operator-key",
            key.to_str().unwrap(),
            "--to",
            owner,
            "--amount",
            &amount,
            "--reference",
            reference,
        ]);
        assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    }

    fn witness(&self) -> Output {
        let (charter, dir) = (self.path("charter.toml"), self.path("watch"));
        let words = ["settlement", "witness", "--once", "--json", "--charter", &charter];
        gavel(&[&words[..], &["--dir", &dir]].concat())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

const OWNER: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

#[test]
fn a_witness_follows_a_server_and_convicts_it_when_it_serves_another_history() {
    let place = Place::made();
    let running = place.run();
    let first = place.witness();
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    place.pay_in(OWNER, "10", "one");
    drop(running);
    copy(&place.server.join("journal"), Path::new(&place.path("old")));
    let running = place.run();
    place.pay_in(OWNER, "20", "two");
    let seen = json_of(&place.witness());
    assert_eq!((&seen["standing"], &seen["entries"]), (&"followed".into(), &2.into()), "{seen}");
    // Nothing new, and nobody there.
    assert_eq!(json_of(&place.witness())["standing"], "unchanged");
    drop(running);
    let silent = place.witness();
    assert_eq!(silent.status.code(), Some(1));
    assert_eq!(json_of(&silent)["standing"], "silent");
    // The operator takes the second deposit out of the world.
    std::fs::remove_dir_all(place.server.join("journal")).unwrap();
    copy(Path::new(&place.path("old")), &place.server.join("journal"));
    let running = place.run();
    place.pay_in(OWNER, "30", "three");
    let convicted = place.witness();
    assert_eq!(convicted.status.code(), Some(1));
    let convicted = json_of(&convicted);
    assert_eq!(convicted["standing"], "convicted", "{convicted}");
    let evidence = convicted["evidence"].as_str().unwrap();
    // A stranger needs the file alone.
    let judged = gavel(&["judge", evidence, "--json"]);
    assert_eq!(judged.status.code(), Some(1));
    let judged = json_of(&judged);
    assert_eq!(judged["clear"], false);
    let who = &judged["rulings"][0]["convicted"][0]["who"];
    assert_eq!(who, "settlement server", "{judged}");
    assert!(text_of(&gavel(&["judge", evidence])).contains("Convicted: settlement server."));
    // And the journal is held to what the witness kept.
    drop(running);
    let (server, heads) = (place.server.to_str().unwrap(), place.path("watch/heads"));
    let audit = gavel(&["settlement", "audit", "--dir", server, "--heads", &heads, "--json"]);
    assert_eq!(audit.status.code(), Some(1));
    assert_eq!(json_of(&audit)["misdeeds"].as_array().unwrap().len(), 1);
    // Something else, or a damaged file, proves nothing.
    std::fs::write(place.path("other"), "no evidence").unwrap();
    let bad = gavel(&["judge", &place.path("other"), "--json"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(json_of(&bad)["rulings"][0]["bad"].as_str().unwrap().contains("not evidence"));
}

/// The operator moves ten cents out of an account and calls it a correction.
fn wrong_correction(place: &Place, part: u32) {
    let dir = &place.server;
    let charter = CharterFile::load(&dir.join("charter.toml")).unwrap().charter;
    let server = Signer::new(&load_key(dir, SERVER_KEY_FILE).unwrap());
    let operator = Signer::new(&load_key(dir, OPERATOR_KEY_FILE).unwrap());
    let segment_bytes = u64::from(Config::load(dir).unwrap().segment_mib) << 20;
    let journal = Directory::open(&dir.join("journal")).unwrap();
    let opened = Bookkeeper::open(journal, charter, server, Options { segment_bytes }).unwrap();
    let now = Time(opened.ledger().time().0 + 1);
    let currency = Currency::from_bytes(*b"EUR\x02").unwrap();
    let owner = auction::keys::PublicKey::from_hex(OWNER).unwrap();
    let movement = Movement {
        debit: AccountId::of_owner(&owner, currency),
        credit: AccountId::of_owner(&charter.operator(), currency),
        amount: Sum::new(10).unwrap(),
        reference: Digest([7; 32]),
    };
    let id = correction_id(&movement.reference, part);
    let action = Action::Correct { currency, movement, part };
    let request = Request { id, until: Time(now.0 + 60_000), action };
    let signed = SignedRequest::sign(&request, &operator, &charter).verify(&charter).unwrap();
    let mut keeper = opened.serve_confirmed();
    let _ = keeper.submit(vec![Chain::from(signed)], now).unwrap();
    keeper.flush().unwrap();
    keeper.idle().unwrap();
}

#[test]
fn what_was_moved_without_right_is_listed_first_and_moved_back_when_asked() {
    let place = Place::made();
    let running = place.run();
    place.pay_in(OWNER, "10", "one");
    drop(running);
    let server = place.server.to_str().unwrap().to_owned();
    let key = place.server.join(OPERATOR_KEY_FILE).to_str().unwrap().to_owned();
    let charter = place.path("charter.toml");
    let unwind = ["settlement", "unwind", "--dir", &server, "--charter", &charter, "--json"];
    let audit = ["settlement", "audit", "--dir", &server, "--json"];
    let nothing = json_of(&gavel(&unwind));
    assert_eq!(nothing["corrections"].as_array().unwrap().len(), 0);
    for part in 0..2 {
        wrong_correction(&place, part);
        let found = gavel(&audit);
        assert_eq!(found.status.code(), Some(1));
        let found = json_of(&found);
        assert_eq!(found["misdeeds"][part as usize]["state"], "not-corrected", "{found}");
        assert_eq!(found["astray"].as_array().unwrap().len(), 2, "{found}");
        let listed = json_of(&gavel(&unwind));
        assert_eq!(
            (&listed["done"], &listed["corrections"][0]["amount"]),
            (&false.into(), &"0.10 EUR".into()),
            "{listed}"
        );
        // A stopped server's journal is written; a running server is asked.
        let running = (part == 1).then(|| place.run());
        let done = gavel(&[&unwind[..], &["--operator-key", &key, "--yes"]].concat());
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert_eq!(json_of(&done)["corrections"][0]["answer"], "Done");
        drop(running);
        let found = gavel(&audit);
        assert_eq!(found.status.code(), Some(0), "{}", text_of(&found));
        let found = json_of(&found);
        assert_eq!(found["misdeeds"][part as usize]["state"], "corrected", "{found}");
        assert_eq!(found["astray"].as_array().unwrap().len(), 0);
    }
    // Not with another's key, and not without one.
    assert_eq!(gavel(&[&unwind[..], &["--yes"]].concat()).status.code(), Some(2));
    let other = place.server.join(SERVER_KEY_FILE).to_str().unwrap().to_owned();
    let refused = gavel(&[&unwind[..], &["--operator-key", &other, "--yes"]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}
