//! The storage alone, against an oracle in memory: whatever is done to it, it holds what a
//! directory would, and after a crash what was flushed.

use std::collections::BTreeMap;

use journal_postgres::{Database, Taking};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use settlement::journal::Storage;

use crate::server::Postgres;

type Oracle = BTreeMap<String, Vec<u8>>;

const NAMES: [&str; 5] = ["a", "b", "c", "segment-1", "spare.new"];

fn seed() -> u64 {
    let given = std::env::var("GAVEL_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| rand::rng().random())
}

/// One thing done to both; whether it was refused by both or by none.
fn step(storage: &mut Database, oracle: &mut Oracle, rng: &mut StdRng) {
    let name = NAMES[rng.random_range(0..NAMES.len())];
    match rng.random_range(0..10) {
        0..2 => {
            let made = storage.create(name).is_ok();
            assert_eq!(made, !oracle.contains_key(name));
            oracle.entry(name.to_owned()).or_default();
        }
        2..8 => {
            let length = [3, 100, 5000, 3 << 20][rng.random_range(0..4)];
            let fill = [0, 0, 7, 8][rng.random_range(0..4)];
            let held = oracle.get(name).map_or(0, Vec::len);
            let start = if rng.random() { held } else { rng.random_range(0..=held + 10) };
            let bytes = vec![fill; rng.random_range(1..=length)];
            let written = storage.write_at(name, start as u64, &bytes);
            let Some(file) = oracle.get_mut(name) else {
                assert!(written.is_err());
                return;
            };
            assert_eq!(written.unwrap(), bytes.len());
            let end = start + bytes.len();
            file.resize(file.len().max(end), 0);
            file[start..end].copy_from_slice(&bytes);
        }
        8 => {
            let other = NAMES[rng.random_range(0..NAMES.len())];
            let moved = storage.rename(name, other).is_ok();
            assert_eq!(moved, oracle.contains_key(name));
            if let Some(file) = oracle.remove(name) {
                oracle.insert(other.to_owned(), file);
            }
        }
        _ => assert_eq!(storage.remove(name).is_ok(), oracle.remove(name).is_some()),
    }
}

fn compare(storage: &mut Database, oracle: &Oracle, what: &str) {
    let mut names = storage.list().unwrap();
    names.sort();
    assert!(names.iter().eq(oracle.keys()), "{what}: {names:?}");
    for (name, expected) in oracle {
        assert_eq!(storage.length(name).unwrap(), expected.len() as u64, "{what}: {name}");
        let mut found = vec![9; expected.len() + 1];
        let mut filled = 0;
        loop {
            let read = storage.read_at(name, filled as u64, &mut found[filled..]).unwrap();
            if read == 0 {
                break;
            }
            filled += read;
        }
        assert_eq!(filled, expected.len(), "{what}: {name}");
        assert!(found[..filled] == expected[..], "{what}: {name} holds other bytes");
    }
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn it_holds_what_a_directory_would_and_after_a_crash_what_was_flushed() {
    let server = Postgres::start();
    let seed = seed();
    println!("GAVEL_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let (_, target) = server.journal();
    let (mut oracle, mut flushed) = (Oracle::new(), Oracle::new());
    for round in 0..20 {
        let mut storage = Database::open(&target, Taking::IfFree).unwrap();
        compare(&mut storage, &oracle, &format!("seed {seed}, start {round}"));
        let mut other = storage.another().unwrap();
        for _ in 0..3 {
            for _ in 0..8 {
                step(&mut storage, &mut oracle, &mut rng);
            }
            if rng.random() {
                compare(&mut storage, &oracle, &format!("seed {seed}, round {round}"));
            }
            other.flush_directory().unwrap();
            flushed.clone_from(&oracle);
            let mut reader = Database::open_to_read(&target).unwrap();
            compare(&mut reader, &flushed, &format!("seed {seed}, reader in {round}"));
            assert!(reader.write_at("a", 0, b"x").is_err() && reader.create("x").is_err());
        }
        // Lost with the process: little enough that nothing was written of itself.
        let _ = storage.create("lost");
        let _ = storage.write_at("a", 1, b"lost");
        oracle.clone_from(&flushed);
    }
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_long_write_is_a_short_one_and_goes_on() {
    let server = Postgres::start();
    let (_, target) = server.journal();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    storage.create("long").unwrap();
    let bytes: Vec<u8> = (0..9 << 20).map(|place| (place % 251) as u8).collect();
    let (mut written, mut writes) = (0, 0);
    while written < bytes.len() {
        written += storage.write_at("long", written as u64, &bytes[written..]).unwrap();
        writes += 1;
    }
    assert_eq!(writes, 3);
    storage.flush("long").unwrap();
    let mut reader = Database::open_to_read(&target).unwrap();
    compare(&mut reader, &Oracle::from([("long".to_owned(), bytes)]), "a long file");
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_spare_full_of_zeros_takes_no_room() {
    let server = Postgres::start();
    let (database, target) = server.journal();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    storage.create("spare").unwrap();
    for place in 0..64 {
        storage.write_at("spare", place << 20, &vec![0; 1 << 20]).unwrap();
    }
    storage.flush("spare").unwrap();
    let count = || server.sql(&database, "SELECT count(*) FROM gavel.piece");
    assert_eq!(count(), ["0"]);
    storage.write_at("spare", 128, b"batch").unwrap();
    storage.flush("spare").unwrap();
    assert_eq!((count(), storage.length("spare").unwrap()), (vec!["1".to_owned()], 64 << 20));
    // Nothing new: no row.
    storage.flush("spare").unwrap();
    assert_eq!(server.sql(&database, "SELECT max(seq) FROM gavel.journal"), ["2"]);
}
