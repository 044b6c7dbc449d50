//! What `gavel account` does without a server: directories, files of withdrawals, refusals that
//! say what to do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use std::path::Path;

use auction::keys::SecretKey;
use command::{gavel, json_of, said, text_of};
use settlement::charter_file::CharterFile;
use settlement::ledger::Charter;

/// A charter whose server is nowhere, and its operator's key file.
fn charter(dir: &Path) -> (String, String) {
    let [server, operator, postings] =
        [1, 2, 3].map(|seed| SecretKey::from_seed(&[seed; 32]).public());
    let charter = Charter::new(server, operator, postings, 7).unwrap();
    let file = CharterFile { address: "127.0.0.1:1".to_owned(), charter };
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("charter.toml"), file.to_toml()).unwrap();
    std::fs::write(path("operator.key"), "02".repeat(32)).unwrap();
    private(&dir.join("operator.key"), 0o600);
    (path("charter.toml"), path("operator.key"))
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_account_is_a_private_directory_made_once() {
    let temporary = tempfile::tempdir().unwrap();
    let (charter, _) = charter(temporary.path());
    let dir = temporary.path().join("ann");
    let open = ["account", "open", "--account", dir.to_str().unwrap(), "--charter", &charter];
    let made = json_of(&gavel(&[&open[..], &["--json"]].concat()));
    assert_eq!((&made["currency"], &made["decimals"]), (&"EUR".into(), &2.into()));
    assert_eq!(made["owner"].as_str().unwrap().len(), 64);
    assert_eq!((mode(&dir), mode(&dir.join("owner.key"))), (0o700, 0o600));
    let secret = std::fs::read_to_string(dir.join("owner.key")).unwrap();
    assert_ne!(secret.trim(), made["owner"], "the secret is not told");
    let again = gavel(&open);
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("holds an account already"), "{}", said(&again));

    let yen = temporary.path().join("yen");
    let words = ["account", "open", "--account", yen.to_str().unwrap(), "--charter", &charter];
    let seller = dir.join("owner.key");
    let more = ["--currency", "JPY", "--key", seller.to_str().unwrap()];
    let told = text_of(&gavel(&[&words[..], &more].concat()));
    assert!(told.contains("gavel account deposit") && told.contains("JPY"), "{told}");
    assert!(told.contains(made["owner"].as_str().unwrap()), "another key owns it:\n{told}");
}

#[test]
fn a_withdrawal_is_signed_into_a_file_of_its_own() {
    let temporary = tempfile::tempdir().unwrap();
    let (charter, operator) = charter(temporary.path());
    let dir = temporary.path().join("ann");
    let dir = dir.to_str().unwrap();
    assert!(gavel(&["account", "open", "--account", dir, "--charter", &charter]).status.success());
    let out = temporary.path().join("ann.withdrawal");
    let out = out.to_str().unwrap();
    let sign = |amount: &str| {
        gavel(&[
            "account",
            "withdraw",
            "--account",
            dir,
            "--amount",
            amount,
            "--out",
            out,
            "--json",
        ])
    };
    for (amount, why) in [
        ("0 EUR", "--amount is nothing"),
        ("5 USD", "--amount is in USD"),
        ("0.001 EUR", "at most 2 digits"),
        ("5", "three capital letters"),
    ] {
        let refused = sign(amount);
        assert_eq!(refused.status.code(), Some(2), "{amount}");
        assert!(said(&refused).contains(why), "{amount}: {}", said(&refused));
    }
    let signed = json_of(&sign("40 EUR"));
    assert_eq!((&signed["amount"], &signed["entry"]), (&"40.00".into(), &serde_json::Value::Null));
    let again = sign("40 EUR");
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("is there already"), "{}", said(&again));

    // The operator is told what is wrong before the server is asked.
    let stranger = temporary.path().join("stranger.key");
    std::fs::write(&stranger, "07".repeat(32)).unwrap();
    private(&stranger, 0o600);
    let approve = |file: &str, key: &str| {
        let words = ["account", "withdraw", "--approve", file, "--operator-key", key];
        gavel(&[&words[..], &["--charter", &charter]].concat())
    };
    let refused = approve(out, stranger.to_str().unwrap());
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("not the key of the charter's operator"));
    let text = std::fs::read_to_string(out).unwrap();
    let digit = text.len() - 10;
    let other = if text.as_bytes()[digit] == b'0' { "1" } else { "0" };
    std::fs::write(out, format!("{}{other}{}", &text[..digit], &text[digit + 1..])).unwrap();
    let refused = approve(out, &operator);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("signature"), "{}", said(&refused));
    let refused = approve(&charter, &operator);
    assert!(said(&refused).contains("is no withdrawal"), "{}", said(&refused));
}

#[test]
fn only_the_operators_key_deposits() {
    let temporary = tempfile::tempdir().unwrap();
    let (charter, operator) = charter(temporary.path());
    let owner = SecretKey::from_seed(&[9; 32]).public().to_string();
    let deposit = |key: &str, to: &str| {
        let words = ["account", "deposit", "--operator-key", key, "--to", to];
        gavel(&[&words[..], &["--charter", &charter, "--amount", "5 EUR"]].concat())
    };
    let stranger = temporary.path().join("stranger.key");
    std::fs::write(&stranger, "07".repeat(32)).unwrap();
    private(&stranger, 0o600);
    let refused = deposit(stranger.to_str().unwrap(), &owner);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("not the key of the charter's operator"));
    private(Path::new(&operator), 0o644);
    let refused = deposit(&operator, &owner);
    assert!(said(&refused).contains("chmod 600"), "{}", said(&refused));
    let refused = deposit(&operator, &"00".repeat(32));
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("expected an owner's key"), "{}", said(&refused));
}

#[test]
fn a_directory_without_an_account_says_what_makes_one() {
    let refused = gavel(&["account", "balance", "--account", "/nonexistent/ann"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("'gavel account open' makes one"), "{}", said(&refused));
    let (_dir, path) = command::file("charter.toml", "nonsense");
    let words = ["account", "open", "--account", "/nonexistent/ann", "--charter", &path];
    let refused = gavel(&words);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("gavel settlement show"), "{}", said(&refused));
}
