//! A batch laid out while it is being applied: as if all of it were committed, which nearly all
//! is. What came of it otherwise is set right afterwards.
//!
//! Nothing of it reaches the disk before that: what a refused chain would have had with it stays
//! in memory and is written over.

use std::ops::Range;

use auction::spec::Time;

use super::record::HEADER_BYTES;
use super::tree::{Leaf, leaf_hash};
use crate::ledger::{Applied, Chain, Code, Outcome};

/// The bytes of a batch, and its entries.
pub(crate) struct Draft {
    number: u64,
    time: Time,
    /// Room for the header, then the entries, each with its length before it.
    pub(super) bytes: Vec<u8>,
    /// Where the entries lie, their lengths not counted.
    pub(super) places: Vec<Range<usize>>,
    pub(super) leaves: Vec<Leaf>,
}

impl Default for Draft {
    fn default() -> Self {
        let (bytes, places, leaves) = (Vec::new(), Vec::new(), Vec::new());
        Self { number: 0, time: Time(0), bytes, places, leaves }
    }
}

impl Draft {
    /// Begins the draft of another batch in the same memory.
    pub(super) fn begin(&mut self, number: u64) {
        self.number = number;
        self.bytes.clear();
        self.bytes.resize(HEADER_BYTES, 0);
        self.places.clear();
        self.leaves.clear();
    }

    /// Lays all chains out as committed at this time.
    pub(crate) fn lay_out(&mut self, batch: &[Chain], time: Time) {
        self.time = time;
        for chain in batch {
            let codes = chain.requests().iter().map(|_| Code::Done);
            self.bytes.extend_from_slice(&[0; 4]);
            let start = self.bytes.len();
            chain.encode_entry(codes, &mut self.bytes);
            self.put_length(&(start..self.bytes.len()));
            self.places.push(start..self.bytes.len());
            let entry = self.bytes.get(start..).unwrap_or_default();
            self.leaves.push(leaf_hash(self.number, time, entry));
        }
    }

    /// Sets it right by what came of the batch: chains without an entry go, refused ones get their
    /// codes and lose their attachment, and what comes after them moves up.
    pub(super) fn settle(&mut self, batch: &[Chain], applied: &Applied) {
        if self.time != applied.now {
            self.begin(self.number);
            self.lay_out(batch, applied.now);
        }
        let as_laid_out = |outcome: &Outcome| {
            outcome.entry.is_some() && outcome.replies.iter().all(|reply| reply.code == Code::Done)
        };
        let outcomes = &applied.outcomes;
        let Some(first) = outcomes.iter().position(|outcome| !as_laid_out(outcome)) else { return };
        let later: Vec<_> = self.places.drain(first..).zip(self.leaves.drain(first..)).collect();
        let mut end = self.places.last().map_or(HEADER_BYTES, |place| place.end);
        let mut refused = Vec::new();
        for ((place, leaf), (chain, outcome)) in
            later.into_iter().zip(batch.iter().zip(outcomes).skip(first))
        {
            if outcome.entry.is_none() {
                continue;
            }
            let start = end + 4;
            if as_laid_out(outcome) {
                end = start + place.len();
                self.bytes.copy_within(place, start);
                self.leaves.push(leaf);
            } else {
                refused.clear();
                chain.encode_entry(outcome.replies.iter().map(|reply| reply.code), &mut refused);
                end = start + refused.len();
                // It is no longer than it was laid out, and what was before it neither.
                if let Some(place) = self.bytes.get_mut(start..end) {
                    place.copy_from_slice(&refused);
                }
                self.leaves.push(leaf_hash(self.number, applied.now, &refused));
            }
            self.put_length(&(start..end));
            self.places.push(start..end);
        }
        self.bytes.truncate(end);
    }

    /// Writes the length of an entry before it.
    fn put_length(&mut self, place: &Range<usize>) {
        // An entry is much shorter than 32 bits can count.
        let length = (place.len() as u32).to_le_bytes();
        if let Some(before) = place.start.checked_sub(4)
            && let Some(bytes) = self.bytes.get_mut(before..place.start)
        {
            bytes.copy_from_slice(&length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Signer;
    use crate::ledger::{
        AccountId, Action, Charter, Currency, Few, Reply, Request, RequestId, VerifiedRequest,
    };
    use auction::keys::SecretKey;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    fn chain(rng: &mut StdRng, charter: &Charter, owner: &Signer) -> Chain {
        let currency = Currency::from_bytes(*b"EUR\x02").unwrap();
        let account = AccountId::of_owner(&owner.public(), currency);
        let requests = (0..rng.random_range(1..4)).map(|_| {
            let id = RequestId::new(rng.random_range(1..1 << 100)).unwrap();
            let mut bytes = Vec::new();
            Request { id, until: Time(9), action: Action::Cancel { account } }.encode(&mut bytes);
            bytes.extend_from_slice(&owner.public().0);
            bytes.extend_from_slice(&[0; 65]);
            VerifiedRequest::from_journal(&bytes, charter).unwrap()
        });
        let requests = requests.collect();
        let attached = rng.random_bool(0.3).then(|| vec![7; rng.random_range(0..300)]);
        Chain::new(requests, attached).unwrap()
    }

    fn outcome(rng: &mut StdRng, chain: &Chain, trouble: f64) -> Outcome {
        let refused = rng.random_bool(trouble);
        let code = if refused { Code::InsufficientFunds } else { Code::Done };
        let reply = Reply { code, entry: None, repeated: false, balances: None };
        let mut replies: Vec<Reply> = chain.requests().iter().map(|_| reply).collect();
        for reply in replies.iter_mut().skip(1).filter(|_| refused) {
            reply.code = Code::ChainFailed;
        }
        let entry = (!rng.random_bool(trouble)).then_some(5);
        Outcome { replies: Few::from(replies), entry }
    }

    /// The entries as they must be written, one after the other.
    fn written(batch: &[Chain], outcomes: &[Outcome]) -> Vec<Vec<u8>> {
        let with_entry = batch.iter().zip(outcomes).filter(|(_, outcome)| outcome.entry.is_some());
        let entries = with_entry.map(|(chain, outcome)| {
            let mut entry = Vec::new();
            chain.encode_entry(outcome.replies.iter().map(|reply| reply.code), &mut entry);
            entry
        });
        entries.collect()
    }

    #[test]
    fn whatever_comes_of_a_batch_it_is_what_was_to_be_written() {
        let [server, operator, postings, owner] =
            [1, 2, 3, 4].map(|seed| Signer::new(&SecretKey::from_seed(&[seed; 32])));
        let keys = (server.public(), operator.public(), postings.public());
        let charter = Charter::new(keys.0, keys.1, keys.2, 8).unwrap();
        let mut rng = StdRng::seed_from_u64(41);
        let mut draft = Draft::default();
        for round in 0..200u64 {
            let batch: Vec<Chain> =
                (0..rng.random_range(0..20)).map(|_| chain(&mut rng, &charter, &owner)).collect();
            let trouble = [0.0, 0.1, 0.5, 1.0][round as usize % 4];
            let outcomes: Vec<Outcome> =
                batch.iter().map(|chain| outcome(&mut rng, chain, trouble)).collect();
            draft.begin(round);
            draft.lay_out(&batch, Time(round));
            // Another time than was thought, now and then.
            let now = Time(round + u64::from(round % 5 == 0));
            let (expired, ended, left) = (Vec::new(), Vec::new(), Vec::new());
            let applied = Applied { now, expired, outcomes, effective: true, ended, left };
            draft.settle(&batch, &applied);
            let entries = written(&batch, &applied.outcomes);
            let mut body = Vec::new();
            for entry in &entries {
                body.extend_from_slice(&(entry.len() as u32).to_le_bytes());
                body.extend_from_slice(entry);
            }
            assert_eq!(draft.bytes[HEADER_BYTES..], body, "round {round}");
            let placed: Vec<&[u8]> =
                draft.places.iter().map(|place| &draft.bytes[place.clone()]).collect();
            assert_eq!(placed, entries, "round {round}");
            let leaves: Vec<Leaf> =
                entries.iter().map(|entry| leaf_hash(round, now, entry)).collect();
            assert_eq!(draft.leaves, leaves, "round {round}");
        }
    }
}
