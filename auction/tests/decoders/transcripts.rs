//! Transcript files, whole and in parts, and the memory that hostile lengths take.

use auction::keys::Signature;
use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage};
use auction::spec::SpecError;
use auction::transcript::{Transcript, TranscriptError};
use auction::wire::{decode, encode};
use proptest::prelude::*;

use crate::in_memory::rng;
use crate::{Change, change, changed, finished, runner};

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
    let altered = |changes: Vec<Change>| {
        check(&changed(&valid, &changes));
        Ok(())
    };
    runner(700).run(&strategy, altered).unwrap();
    // The spec comes first: every byte of it.
    for at in 0..500 {
        let mut bytes = valid.clone();
        bytes[at] ^= 1 << (at % 8);
        check(&bytes);
    }
    let magic = valid[..8].to_vec();
    let random = prop::collection::vec(any::<u8>(), 0..600);
    let with_magic = |bytes: Vec<u8>| {
        check(&[&magic[..], &bytes].concat());
        Ok(())
    };
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
        judged(altered, &honest);
        Ok(())
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
