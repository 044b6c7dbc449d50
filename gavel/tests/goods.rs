//! `gavel goods`: a file is sealed, checked and opened; damage and wrong keys are refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod command;

use std::path::Path;

use command::{gavel, json_of, said, text_of};

/// A directory with a file to sell, of three chunks.
struct Shop(tempfile::TempDir);

impl Shop {
    fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        std::fs::write(shop.at("vase"), Self::vase()).unwrap();
        shop
    }

    fn vase() -> Vec<u8> {
        (0..150_000u32).map(|i| (i % 251) as u8).collect()
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn seal(&self) -> serde_json::Value {
        let sealed = gavel(&["goods", "seal", &self.at("vase"), "--json"]);
        assert_eq!(sealed.status.code(), Some(0), "{}", said(&sealed));
        json_of(&sealed)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn damage(&self) {
        let mut goods = std::fs::read(self.at("vase.goods")).unwrap();
        goods[100_000] ^= 1;
        std::fs::write(self.at("vase.goods"), goods).unwrap();
    }
}

#[test]
fn a_file_is_sealed_checked_and_opened() {
    let shop = Shop::new();
    let sealed = shop.seal();
    let (goods, key) = (shop.at("vase.goods"), shop.at("vase.key"));
    assert_eq!(sealed["goods"], goods);
    assert_eq!(sealed["bytes"], std::fs::metadata(&goods).unwrap().len());
    assert!(!std::fs::read(&goods).unwrap().windows(16).any(|part| part == &Shop::vase()[..16]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let checked = json_of(&gavel(&["goods", "check", &goods, "--json"]));
    assert_eq!(checked["good"], true);
    assert_eq!(checked["opens"], false);
    let checksum = sealed["checksum"].as_str().unwrap();
    for part in ["checksum", "key_hash", "bytes"] {
        assert_eq!(checked[part], sealed[part], "{part}");
    }
    let checked = gavel(&["goods", "check", &goods, "--key", &key, "--checksum", checksum]);
    assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    assert!(text_of(&checked).contains("the key opens them"), "{}", text_of(&checked));
    for (name, more) in [("plain", &[][..]), ("promised", &["--checksum", checksum])] {
        let to = shop.at(name);
        let open = ["goods", "open", &goods, "--key", &key, "--out", &to];
        let opened = gavel(&[&open[..], more].concat());
        assert_eq!(opened.status.code(), Some(0), "{}", said(&opened));
        assert!(std::fs::read(to).unwrap() == Shop::vase());
    }
    assert_eq!(shop.names(), ["plain", "promised", "vase", "vase.goods", "vase.key"]);
}

#[test]
fn damaged_goods_are_refused_and_nothing_comes_out() {
    let shop = Shop::new();
    let sealed = shop.seal();
    shop.damage();
    let (goods, key, out) = (shop.at("vase.goods"), shop.at("vase.key"), shop.at("out"));
    let checksum = sealed["checksum"].as_str().unwrap();
    let commands: [&[&str]; 4] = [
        &["goods", "check", &goods, "--checksum", checksum],
        &["goods", "check", &goods, "--key", &key],
        &["goods", "open", &goods, "--key", &key, "--out", &out],
        &["goods", "open", &goods, "--key", &key, "--out", &out, "--checksum", checksum],
    ];
    for words in commands {
        let refused = gavel(words);
        assert_eq!(refused.status.code(), Some(1), "{words:?}: {}", said(&refused));
        assert!(text_of(&refused).is_empty());
        assert!(said(&refused).contains("help:"), "{}", said(&refused));
    }
    let told = gavel(&["goods", "check", &goods, "--checksum", checksum, "--json"]);
    assert_eq!(told.status.code(), Some(1));
    assert_eq!(json_of(&told)["good"], false);
    assert!(json_of(&told)["reason"].as_str().unwrap().contains("checksum"));
    std::fs::write(&goods, &std::fs::read(&goods).unwrap()[..90_000]).unwrap();
    let cut = gavel(&["goods", "check", &goods]);
    assert_eq!(cut.status.code(), Some(1));
    assert!(said(&cut).contains("cut off"), "{}", said(&cut));
    assert_eq!(shop.names(), ["vase", "vase.goods", "vase.key"]);
}

#[test]
fn another_key_is_refused_by_name() {
    let (shop, other) = (Shop::new(), Shop::new());
    shop.seal();
    other.seal();
    let (goods, out) = (shop.at("vase.goods"), shop.at("out"));
    let refused = gavel(&["goods", "open", &goods, "--key", &other.at("vase.key"), "--out", &out]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("this key is not the one of these goods"),
        "{}",
        said(&refused)
    );
    assert!(!Path::new(&out).exists());
}

#[test]
fn no_file_is_overwritten_and_no_key_lost() {
    let shop = Shop::new();
    shop.seal();
    let (goods, key) = (shop.at("vase.goods"), shop.at("vase.key"));
    let kept = (std::fs::read(&goods).unwrap(), std::fs::read(&key).unwrap());
    let again = gavel(&["goods", "seal", &shop.at("vase")]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("every sealing has its own key"), "{}", said(&again));
    let again = gavel(&["goods", "seal", &shop.at("vase"), "--key", &shop.at("other.key")]);
    assert_eq!(again.status.code(), Some(2));
    assert!(said(&again).contains("is not overwritten"), "{}", said(&again));
    // A key without goods is not left behind.
    assert_eq!(shop.names(), ["vase", "vase.goods", "vase.key"]);
    let onto = ["goods", "open", &goods, "--key", &key, "--out", &shop.at("vase")];
    let refused = gavel(&onto);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("--replace"), "{}", said(&refused));
    let replaced = gavel(&[&onto[..], &["--replace"]].concat());
    assert_eq!(replaced.status.code(), Some(0), "{}", said(&replaced));
    assert!(kept == (std::fs::read(&goods).unwrap(), std::fs::read(&key).unwrap()));
}

#[test]
fn what_is_named_wrongly_is_said_with_code_2() {
    let shop = Shop::new();
    shop.seal();
    let (goods, vase, out) = (shop.at("vase.goods"), shop.at("vase"), shop.at("out"));
    let wrong: [(&[&str], &str); 6] = [
        (&["goods", "seal", "/nonexistent/vase"], "/nonexistent/vase"),
        (&["goods", "seal", &shop.at("")], "not a file"),
        (&["goods", "check", "/nonexistent/goods"], "/nonexistent/goods"),
        (&["goods", "check", &goods, "--checksum", "9c1f"], "64 hexadecimal digits"),
        (&["goods", "check", &goods, "--key", &vase], "no goods key file"),
        (
            &["goods", "open", &goods, "--key", "/nonexistent/key", "--out", &out],
            "/nonexistent/key",
        ),
    ];
    for (words, part) in wrong {
        let output = gavel(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(part), "{words:?}: {}", said(&output));
    }
    let output = gavel(&["goods", "check", &vase]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("not encrypted goods"), "{}", said(&output));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(shop.at("vase.key"), open).unwrap();
        let output = gavel(&["goods", "check", &goods, "--key", &shop.at("vase.key")]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("chmod 600"), "{}", said(&output));
    }
}
