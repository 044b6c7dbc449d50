//! What the auctions of a node need of a fellow, and so what he may have under way at a time.
//!
//! Whoever announces an auction names its accumulators, and so can make fellows of keys of his own.
//! What a fellow may hold of this node's memory therefore follows from the terms of the auctions
//! that he is in, which are bounded by what the operator allows, and not from his being one.

use auction::spec::Spec;
use link::Grant;
use link::service::{MAX_PEER_QUESTION, MAX_PUBLIC_QUESTION, TRANSCRIPT_CHUNK};

use crate::limits::{FELLOW_BYTES, FELLOW_STREAMS, STREAMS};

/// Messages of an auction that a fellow may have under way: those of two rounds, one that comes
/// again, and one that he asks for.
const MESSAGES: usize = 4;

/// What some auctions need.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    auctions: usize,
    bytes: usize,
    /// Of the auction that needs most, also when that has ended: what he said of it may come again.
    most: usize,
}

/// What one needs.
fn bytes(spec: &Spec) -> usize {
    MESSAGES * spec.most_message_bytes() + TRANSCRIPT_CHUNK
}

impl Need {
    /// Adds an auction on these terms.
    pub(crate) fn add(&mut self, spec: &Spec) {
        self.auctions += 1;
        self.bytes += bytes(spec);
        self.most = self.most.max(bytes(spec));
    }

    /// Takes one away that was added; whether any is left.
    pub(crate) fn remove(&mut self, spec: &Spec) -> bool {
        self.auctions = self.auctions.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes(spec));
        self.auctions > 0
    }

    /// Longest question of a fellow, in bytes.
    pub(crate) fn question(&self) -> usize {
        self.most.clamp(MAX_PUBLIC_QUESTION, MAX_PEER_QUESTION)
    }

    /// What a fellow is allowed for it.
    pub(crate) fn grant(&self) -> Grant {
        // A message waits for its acknowledgement until its round is complete, so each auction
        // must have places of its own: otherwise auctions that wait for each other's places
        // stand still together.
        let streams = self.auctions.saturating_mul(MESSAGES).min(FELLOW_STREAMS as usize);
        // At most FELLOW_STREAMS.
        let streams = STREAMS.max(streams as u32);
        Grant { streams, bytes: self.bytes.min(FELLOW_BYTES) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_terms::{keys, terms};

    #[test]
    fn a_fellow_is_allowed_what_his_auctions_need_and_no_more_than_a_bound() {
        let keys = keys();
        let (small, large) = (terms(&keys, 20), terms(&keys, 1 << 18));
        let mut need = Need::default();
        need.add(&small);
        let one = need.grant();
        assert_eq!(one.streams, STREAMS);
        assert!(one.bytes < 8 << 20 && need.question() < 8 << 20, "{one:?}");
        need.add(&large);
        assert!(need.grant().bytes > 4 * (1 << 18) * 33);
        for _ in 0..1_000 {
            need.add(&small);
        }
        assert!(need.grant().streams >= 2 * 1_002);
        for _ in 0..100_000 {
            need.add(&large);
        }
        assert_eq!(need.grant(), Grant { streams: FELLOW_STREAMS, bytes: FELLOW_BYTES });
        for _ in 0..100_000 {
            assert!(need.remove(&large));
        }
        for _ in 0..1_000 {
            assert!(need.remove(&small));
        }
        assert!(need.remove(&large));
        assert_eq!(need.grant(), one);
        // A message of the large auction may come again.
        assert_eq!(need.question(), MAX_PEER_QUESTION);
        assert!(!need.remove(&small));
    }
}
