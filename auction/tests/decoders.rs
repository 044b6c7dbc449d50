//! Bytes from outside: whatever they are, a decoder refuses them or gives a value whose encoding
//! they are, and what is done with the value never panics.
//!
//! The cases are the same in every run; `GAVEL_CASES` multiplies their number.

mod cheats;
mod in_memory;

use std::sync::Arc;

use auction::bid::{SealedBid, Submission};
use auction::checking::{BidChecker, verify_bids};
use auction::equivocation::{Equivocation, compare};
use auction::join::{Auction, Join};
use auction::keys::Signature;
use auction::layout::Digest;
use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage};
use auction::money::{Amount, Currency, Decimal};
use auction::outcome::Void;
use auction::prices::{Level, PriceLadder};
use auction::receipts::{Reason, Receipt, Refusal};
use auction::referee::Referee;
use auction::spec::{EarlyClose, SignedSpec, SpecError};
use auction::step::Step;
use auction::transcript::{Transcript, TranscriptError};
use auction::wire::{decode, encode};
use cheats::Table;
use in_memory::{Committee, Terms, rng};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;

const LIMIT: usize = 1 << 20;

fn runner(cases: u32) -> TestRunner {
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

fn committee() -> Committee {
    Committee::new(Terms { levels: 4, accumulators: 2, ..Terms::small() }, &mut rng(1))
}

#[test]
fn specs_joins_and_the_seller_s_words() {
    let committee = committee();
    let spec = committee.auction.verified_spec();
    let mut listed = spec.spec().clone();
    listed.ladder = PriceLadder::Listed(vec![Amount(1), Amount(5), Amount(6)]);
    let listed = listed.sign(&committee.seller);
    every_decoding::<SignedSpec>(&[spec.signed().clone(), listed], 1_500, |signed| {
        let id = signed.claimed_id();
        if let Ok(verified) = signed.verify() {
            assert_eq!(verified.id(), id);
        }
    });
    let joins = committee.auction.joins();
    every_decoding::<Join>(joins, 800, |join| {
        let _ = join.verify(spec);
        let _ = Auction::new(spec.clone(), vec![join.clone(), join.clone()]);
        let _ = auction::equivocation::convict_joins(&[join, joins[0].clone()], spec);
    });
    let word = EarlyClose::sign(spec.id(), &committee.seller);
    every_decoding(&[word], 300, |word: EarlyClose| {
        assert_eq!(word.verify(spec).is_ok(), encode(&word) == encode(&word_of(&committee)));
    });
}

fn word_of(committee: &Committee) -> EarlyClose {
    EarlyClose::sign(committee.auction.id(), &committee.seller)
}

#[test]
fn bids_shares_receipts_and_refusals() {
    let committee = committee();
    let auction = &committee.auction;
    let sealed = committee.seal(Level(3), &mut rng(2));
    every_decoding::<Submission>(&sealed.submissions, 800, |submission| {
        for k in 0..2 {
            let checker = BidChecker::new(Arc::clone(auction), k, &mut rng(3));
            let passed = checker.check(vec![submission.clone()], &mut rng(4)).remove(0).is_ok();
            assert_eq!(passed, submission == sealed.submissions[k]);
        }
    });
    every_decoding::<SealedBid>(&[sealed.submissions[0].bid.clone()], 800, |bid| {
        let honest = bid == sealed.submissions[0].bid;
        let passed = verify_bids(auction, vec![bid], &mut rng(3)).remove(0).is_ok();
        assert_eq!(passed, honest);
    });
    let digest = sealed.submissions[0].bid.digest();
    let receipts = committee.receipts(digest);
    every_decoding::<Receipt>(&receipts, 500, |receipt| {
        assert_eq!(receipt.verify(auction).is_ok(), receipts.contains(&receipt));
    });
    let reasons = [Reason::Full, Reason::SecondBid(digest), Reason::NotALevel("no".into())];
    let refusals = reasons.map(|reason| {
        Refusal::sign(auction.context(), digest, 1, reason, &committee.identities[1])
    });
    every_decoding::<Refusal>(&refusals, 500, |refusal| {
        assert_eq!(refusal.verify(auction).is_ok(), refusals.contains(&refusal));
    });
    let void = Void::sign(auction.context(), 1, &committee.identities[1]);
    every_decoding::<Void>(&[void], 300, |said| {
        assert_eq!(said.verify(auction).is_ok(), said == void);
    });
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

#[test]
fn messages_and_evidence() {
    let table = finished(5);
    let messages: Vec<RoundMessage> = table.judge.rounds().iter().flatten().cloned().collect();
    let signed: Vec<_> = messages.iter().map(|message| message.body.clone()).collect();
    every_decoding::<RoundMessage>(&messages, 3_000, |message| {
        let authentic = message.authentic_sender(&table.auction).is_some();
        assert_eq!(authentic, messages.contains(&message));
        assert_eq!(authentic, authentic && signed.contains(&message.body));
        let mut referee = Referee::new(Arc::clone(&table.auction), [1; 32]);
        assert!(authentic || referee.offer(message.clone()).is_err());
        let shown = [message.clone(), message];
        let own = &table.judge.rounds()[0];
        let _ = compare(&table.auction, &Digest::default(), own, &shown);
    });
    let evidence = Equivocation::Messages(Box::new([messages[0].clone(), messages[1].clone()]));
    let joins = table.auction.joins();
    let other = Equivocation::Joins(Box::new([joins[0].clone(), joins[0].clone()]));
    every_decoding::<Equivocation>(&[evidence, other], 1_500, |evidence| {
        assert!(evidence.convict(&table.auction).is_err(), "honest words convicted somebody");
    });
}

/// What a transcript altered by an outsider may be found to be: damaged, incomplete, or the
/// same. Never the fault of an accumulator or of the seller.
fn judged(altered: Transcript, honest: &auction::outcome::Outcome) {
    match altered.verify(None, &mut rng(7)) {
        Ok(verdict) => assert_eq!(verdict.outcome, *honest),
        Err(TranscriptError::Fault(fault)) => assert_eq!(fault.culprits, []),
        Err(TranscriptError::Spec(error)) => {
            assert!(matches!(error, SpecError::Signature(_)), "blames the seller: {error}");
        }
        Err(_) => {}
    }
}

#[test]
fn transcripts() {
    let table = finished(6);
    let honest = *table.judge.outcome().unwrap();
    let valid = Transcript::of(&table.judge).unwrap().to_bytes().unwrap();
    let check = |bytes: &[u8]| {
        if let Ok(transcript) = Transcript::from_bytes(bytes) {
            assert_eq!(transcript.to_bytes().unwrap(), bytes);
            judged(transcript, &honest);
        }
    };
    check(&valid);
    let strategy = prop::collection::vec(change(), 1..3);
    runner(700).run(&strategy, |changes| Ok(check(&changed(&valid, &changes)))).unwrap();
    // The spec comes first: every byte of it.
    for at in 0..500 {
        let mut bytes = valid.clone();
        bytes[at] ^= 1 << (at % 8);
        check(&bytes);
    }
    let magic = valid[..8].to_vec();
    let random = prop::collection::vec(any::<u8>(), 0..600);
    let with_magic = |bytes: Vec<u8>| Ok(check(&[&magic[..], &bytes].concat()));
    runner(500).run(&random, with_magic).unwrap();
    assert!(Transcript::from_bytes(b"").is_err() && Transcript::from_bytes(&magic).is_err());
}

#[test]
fn transcripts_put_together_from_parts() {
    // Parts of two honest auctions moved about as values, which survives decoding more often.
    let (here, there) = (finished(6), finished(8));
    let honest = *here.judge.outcome().unwrap();
    let [valid, other] = [&here, &there].map(|table| Transcript::of(&table.judge).unwrap());
    let rounds = valid.rounds.len();
    let strategy = (0..9u8, 0..rounds, 0..rounds, 0..2usize, 0..3usize);
    let check = |(kind, i, j, k, bid): (u8, usize, usize, usize, usize)| {
        let mut altered = valid.clone();
        match kind {
            0 => altered.rounds.swap(i, j),
            1 => altered.rounds[i].swap(0, 1),
            2 => altered.rounds[i][k] = valid.rounds[j][k].clone(),
            3 => altered.rounds[i][k] = other.rounds[i.min(other.rounds.len() - 1)][k].clone(),
            4 => altered.rounds[i][k].signature = valid.rounds[j][k].signature,
            5 => altered.bids[bid] = other.bids[bid].clone(),
            6 => altered.bids[bid].signature = Signature([j as u8; 64]),
            7 => altered.joins[k] = other.joins[k].clone(),
            _ => altered.rounds[i][k].body.content = valid.rounds[j][1 - k].body.content.clone(),
        }
        Ok(judged(altered, &honest))
    };
    runner(400).run(&strategy, check).unwrap();
}

#[test]
fn a_hostile_length_takes_no_memory() {
    let table = finished(9);
    let transcript = Transcript::of(&table.judge).unwrap().to_bytes().unwrap();
    let message = encode(&table.judge.rounds()[1][0]).unwrap();
    let before = peak();
    for length in [u64::MAX, 1 << 62, 1 << 40, 1 << 33, 1 << 28, 1 << 24] {
        for at in 0..message.len() - 8 {
            let mut bytes = message.clone();
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            let _ = decode::<RoundMessage>(&bytes, MAX_MESSAGE_BYTES);
        }
        for at in (8..transcript.len() - 8).step_by(3) {
            let mut bytes = transcript.clone();
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            let _ = Transcript::from_bytes(&bytes);
        }
    }
    let grown = peak() - before;
    assert!(grown < 256 << 20, "{grown} bytes more than before");
}

/// The most memory that this process has claimed, in bytes; nothing where the system tells not.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.map_or(0, |text| text.trim().parse::<u64>().unwrap() * 1024)
}

#[test]
fn amounts() {
    let text = prop_oneof![
        "\\PC{0,70}",
        "[0-9]{0,25}\\.?[0-9]{0,12}",
        "[ +\\-0-9.,eE_]{0,12}",
        "[0-9]{60,70}",
    ];
    runner(4_000)
        .run(&(text, 0..=9u8), |(text, decimals)| {
            let currency = Currency::new("EUR", decimals).unwrap();
            let decimal = Decimal::parse(&text);
            if let Ok(amount) = currency.parse(&text) {
                let written = currency.format(amount);
                prop_assert_eq!(currency.parse(&written), Ok(amount));
                prop_assert!(decimal.unwrap().significant_decimals() <= u32::from(decimals));
            }
            Ok(())
        })
        .unwrap();
    runner(1_000)
        .run(&(any::<u64>(), 0..=9u8), |(minor, decimals)| {
            let currency = Currency::new("EUR", decimals).unwrap();
            prop_assert_eq!(currency.parse(&currency.format(Amount(minor))), Ok(Amount(minor)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn ladders() {
    let number = || prop_oneof![0..40u64, any::<u64>(), Just(u64::MAX)];
    let even = (number(), number(), prop_oneof![0..40u32, any::<u32>(), Just(16_384)]).prop_map(
        |(min, tick, levels)| PriceLadder::Even { min: Amount(min), tick: Amount(tick), levels },
    );
    let listed = prop::collection::vec(number().prop_map(Amount), 0..20);
    let sorted = listed.clone().prop_map(|mut prices| {
        prices.sort();
        prices
    });
    let ladder = prop_oneof![
        even,
        listed.prop_map(PriceLadder::Listed),
        sorted.prop_map(PriceLadder::Listed)
    ];
    runner(4_000)
        .run(&(ladder, number(), any::<u32>()), |(ladder, price, level)| {
            // Received and not yet checked: no panic.
            let (found, at) = (ladder.level_of(Amount(price)), ladder.price(Level(level)));
            if ladder.check().is_err() {
                return Ok(());
            }
            let levels = ladder.levels();
            prop_assert_eq!(at.is_some(), (1..=levels).contains(&level));
            if let Ok(level) = found {
                prop_assert_eq!(ladder.price(level), Some(Amount(price)));
            }
            let level = Level(1 + level % levels);
            let price = ladder.price(level).unwrap();
            prop_assert_eq!(ladder.level_of(price), Ok(level));
            if level.0 > 1 {
                prop_assert!(ladder.price(Level(level.0 - 1)).unwrap() < price);
            }
            Ok(())
        })
        .unwrap();
}
