//! Bytes from outside: whatever they are, a decoder refuses them or gives a value whose encoding
//! they are, and what is done with the value never panics.
//!
//! The cases are the same in every run; `GAVEL_CASES` multiplies their number.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

#[path = "../cheats/mod.rs"]
mod cheats;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod numbers;
mod transcripts;
mod values;

use auction::step::Step;
use auction::wire::{decode, encode};
use cheats::Table;
use in_memory::Terms;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;

const LIMIT: usize = 1 << 20;

pub(crate) fn runner(cases: u32) -> TestRunner {
    let times = std::env::var("GAVEL_CASES").ok().map_or(1, |text| text.parse().unwrap());
    let config = Config { cases: cases * times, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// A change of valid bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip {
        at: usize,
        bit: u8,
    },
    Byte {
        at: usize,
        value: u8,
    },
    /// A length, or anything, overwritten by a number that no sender has so many things of.
    Number {
        at: usize,
        value: u64,
    },
    Cut {
        length: usize,
    },
    Remove {
        at: usize,
        length: usize,
    },
    Insert {
        at: usize,
        bytes: Vec<u8>,
    },
    Copy {
        from: usize,
        to: usize,
        length: usize,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let numbers =
        prop_oneof![Just(u64::MAX), Just(1 << 40), Just(1 << 31), Just(1 << 20), 0..300u64];
    prop_oneof![
        4 => (any::<usize>(), 0..8u8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(at, value)| Change::Byte { at, value }),
        3 => (any::<usize>(), numbers).prop_map(|(at, value)| Change::Number { at, value }),
        1 => any::<usize>().prop_map(|length| Change::Cut { length }),
        1 => (any::<usize>(), 1..70usize).prop_map(|(at, length)| Change::Remove { at, length }),
        1 => (any::<usize>(), prop::collection::vec(any::<u8>(), 1..70))
            .prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        2 => (any::<usize>(), any::<usize>(), prop_oneof![Just(32), Just(64), 1..200usize])
            .prop_map(|(from, to, length)| Change::Copy { from, to, length }),
    ]
}

fn changed(valid: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for change in changes.iter().cloned() {
        let length = bytes.len().max(1);
        let within = |at: usize, count: usize| (at % length)..(at % length + count).min(length);
        match change {
            _ if bytes.is_empty() => {}
            Change::Flip { at, bit } => bytes[at % length] ^= 1 << bit,
            Change::Byte { at, value } => bytes[at % length] = value,
            Change::Number { at, value } => {
                let place = within(at, 8);
                let count = place.len();
                bytes[place].copy_from_slice(&value.to_le_bytes()[..count]);
            }
            Change::Cut { length: kept } => bytes.truncate(kept % length),
            Change::Remove { at, length: count } => drop(bytes.drain(within(at, count))),
            Change::Insert { at, bytes: more } => {
                bytes.splice(at % length..at % length, more);
            }
            Change::Copy { from, to, length: count } => {
                let copied = bytes[within(from, count)].to_vec();
                let place = within(to, copied.len());
                let count = place.len();
                bytes[place].copy_from_slice(&copied[..count]);
            }
        }
    }
    bytes
}

/// Decodes changed encodings of the values, and bytes that encode nothing, and hands what
/// decodes to `then`.
fn every_decoding<T: Serialize + DeserializeOwned>(values: &[T], cases: u32, then: impl Fn(T)) {
    let valid: Vec<Vec<u8>> = values.iter().map(|value| encode(value).unwrap()).collect();
    let check = |bytes: &[u8]| {
        if let Ok(value) = decode::<T>(bytes, LIMIT) {
            assert_eq!(encode(&value).unwrap(), bytes);
            then(value);
        }
    };
    valid.iter().for_each(|bytes| check(bytes));
    let strategy = (0..valid.len(), prop::collection::vec(change(), 1..4));
    runner(cases)
        .run(&strategy, |(i, changes)| {
            check(&changed(&valid[i], &changes));
            Ok(())
        })
        .unwrap();
    runner(cases)
        .run(&prop::collection::vec(any::<u8>(), 0..600), |bytes| {
            check(&bytes);
            Ok(())
        })
        .unwrap();
}

/// A finished auction of every kind of message.
fn finished(seed: u64) -> Table {
    let terms = Terms { levels: 4, accumulators: 2, block: 2, ..Terms::small() };
    let mut table = Table::seated(terms, &[2, 4, 2], seed);
    while *table.judge.step() != Step::Complete {
        table.play();
    }
    table
}
