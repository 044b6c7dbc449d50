//! A transcript file that was altered is not verified, and the command says what is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use tests::desk::Desk;

#[test]
fn an_altered_transcript_is_not_verified_and_says_why() {
    let desk = Desk::new(2);
    let id = desk.announce();
    for (wallet, price) in [("ann", "120.50"), ("bob", "131.00"), ("cid", "99.50")] {
        desk.bid(&id, price, wallet);
    }
    desk.gavel(&["auction", "close", &id, "--seller-key", "seller.key"]).done();
    desk.gavel(&["auction", "watch", &id]).done();
    desk.gavel(&["auction", "export", &id, "--to", "t"]).done();
    let original = std::fs::read(desk.path("t")).unwrap();
    let verify = |bytes: &[u8]| {
        std::fs::write(desk.path("altered"), bytes).unwrap();
        let said = desk.gavel(&["auction", "verify", "altered"]);
        let json = desk.gavel(&["auction", "verify", "altered", "--json"]);
        assert_eq!((said.code, json.code), (Some(1), Some(1)), "{said:?} {json:?}");
        let json = json.json();
        assert_eq!(json["verified"], false);
        let reason = json["reason"].as_str().unwrap().to_owned();
        assert!(said.said.contains(&reason), "{said:?}, {reason}");
        assert!(said.text.is_empty(), "{said:?}");
        reason
    };
    // Eight bytes of magic, then the spec: nonce, seller, title.
    let places = [
        ("no transcript", 0, "not a transcript"),
        ("the version", 7, "not a transcript"),
        ("the nonce", 8, "the seller's spec is invalid"),
        ("the title", place(&original, b"Blue vase"), "the seller's spec is invalid"),
        ("a bid", place(&original, &bytes_of(&desk, "bob", "key")), ""),
    ];
    for (what, at, expected) in places {
        let mut altered = original.clone();
        altered[at] ^= 4;
        let reason = verify(&altered);
        eprintln!("{what}: {reason}");
        assert!(reason.contains(expected), "{what}: {reason}");
    }
    for (what, altered) in [
        ("cut", original[..original.len() - 1].to_vec()),
        ("half", original[..original.len() / 2].to_vec()),
        ("longer", [&original[..], &[0]].concat()),
        ("empty", Vec::new()),
    ] {
        eprintln!("{what}: {}", verify(&altered));
    }
    for part in 1..=6 {
        let mut altered = original.clone();
        let at = original.len() * part / 7;
        altered[at] ^= 1;
        eprintln!("byte {at} of {}: {}", original.len(), verify(&altered));
    }
    let other = desk.gavel(&["auction", "verify", "t", "--id", &"ab".repeat(32)]);
    assert_eq!(other.code, Some(1));
    assert!(other.said.contains(&format!("is of auction {id}")), "{other:?}");
    desk.gavel(&["auction", "verify", "t", "--id", &id]).done();
}

fn place(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

fn bytes_of(desk: &Desk, wallet: &str, field: &str) -> Vec<u8> {
    let bids = desk.json(&["bids", "--wallet", wallet]);
    hex::decode(bids["bids"][0][field].as_str().unwrap()).unwrap()
}
