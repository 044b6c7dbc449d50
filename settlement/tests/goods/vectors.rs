//! Files of format version 1: they must be read, or refused, for ever.

use std::path::PathBuf;

use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::wire;
use settlement::goods::{GoodsError, GoodsKey, check, measure, open, unwatched};
use settlement::sealed_key::{OpeningKey, Purpose, SealedKey};

use crate::seller::{Fixed, PREFIX, file, sealed_with};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("test_vectors/v1").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

/// The value of a line `name value`.
fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(path(file)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().to_owned()
}

fn terms(name: &str) -> Goods {
    let file = format!("goods/{name}.terms");
    Goods {
        key_hash: Digest::from_hex(&field(&file, "key_hash")).unwrap(),
        checksum: Digest::from_hex(&field(&file, "checksum")).unwrap(),
        bytes: field(&file, "bytes").parse().unwrap(),
    }
}

fn key() -> GoodsKey {
    GoodsKey::from_hex(&std::fs::read_to_string(path("goods/goods.key")).unwrap()).unwrap()
}

#[test]
fn goods_of_version_1_open_and_are_made_the_same() {
    for (name, length) in [("empty", 0), ("short", 300), ("two-chunks", 65_541)] {
        let bytes = bytes_of(&format!("goods/{name}.goods"));
        let terms = terms(name);
        let mut opened = Vec::new();
        open(&bytes[..], &mut opened, &key(), &terms, &mut unwatched).unwrap();
        assert!(opened == file(length), "{name}");
        let again = sealed_with(&file(length), &key(), &mut Fixed(&bytes[PREFIX]));
        assert!(again == (bytes, terms), "{name}");
    }
}

#[test]
fn damaged_goods_of_version_1_are_refused() {
    let damaged = bytes_of("goods/short-damaged.goods");
    let refused = check(&damaged[..], &terms("short"), &mut unwatched);
    assert!(matches!(refused, Err(GoodsError::Checksum { .. })));
    let forged = measure(&damaged[..], &mut unwatched).unwrap();
    let refused = open(&damaged[..], std::io::sink(), &key(), &forged, &mut unwatched);
    assert!(matches!(refused, Err(GoodsError::Damaged { chunk: 0 })));
}

#[test]
fn sealed_keys_of_version_1_open() {
    for (name, purpose) in [("escrow", Purpose::Escrow), ("delivery", Purpose::Delivery)] {
        let file = format!("sealed_key/{name}.txt");
        let digest = |field_name| Digest::from_hex(&field(&file, field_name)).unwrap();
        let opening = OpeningKey::derive(&digest("seed").0, purpose);
        assert_eq!(opening.sealing_key().to_string(), field(&file, "sealing_key"));
        let sealed = hex::decode(field(&file, "sealed")).unwrap();
        let sealed: SealedKey = wire::decode(&sealed, 80).unwrap();
        let opened = sealed.open(&opening, purpose, &digest("auction")).unwrap();
        assert!(opened == key());
    }
}
