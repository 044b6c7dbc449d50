//! Which first halves of keys a run may hold: so that an id that was never decided, as nearly all
//! are that come, costs no look at the disk.
//!
//! The filter of B. H. Bloom, "Space/time trade-offs in hash coding with allowable errors" (1970),
//! with all bits of a key in one line of the processor's cache. The first halves are hashes under
//! a secret key, and so need no further hashing that anybody could aim at.

/// Bits for each key: one look in some two hundred is in vain.
const BITS: u64 = 12;
const LINE_BITS: u64 = 512;
const LINE_WORDS: usize = 8;
/// Bits that a key sets, nine bits of its hash for each.
const SET: u32 = 6;
/// Most bytes of a filter: those of 44 million keys. A larger run has fewer bits for each.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// A filter of a run's keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    lines: Vec<[u64; LINE_WORDS]>,
}

impl Filter {
    /// For at most so many keys.
    pub(super) fn new(keys: u64) -> Self {
        let lines = keys.saturating_mul(BITS).div_ceil(LINE_BITS);
        let lines = lines.clamp(1, MAX_BYTES * 8 / LINE_BITS);
        // The clamp leaves what fits.
        Self { lines: vec![[0; LINE_WORDS]; lines as usize] }
    }

    /// The line of a key, in the keys' order.
    fn line(&self, first_half: u64) -> usize {
        ((u128::from(first_half) * self.lines.len() as u128) >> 64) as usize
    }

    pub(super) fn insert(&mut self, first_half: u64) {
        let place = self.line(first_half);
        let Some(line) = self.lines.get_mut(place) else { return };
        for (word, bit) in bits(first_half) {
            if let Some(word) = line.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// False only of what was not inserted.
    pub(super) fn may_hold(&self, first_half: u64) -> bool {
        self.lines.get(self.line(first_half)).is_some_and(|line| {
            bits(first_half).all(|(word, bit)| line.get(word).is_some_and(|word| word & bit != 0))
        })
    }

    /// Bytes in memory and in a file.
    pub(super) fn bytes(&self) -> usize {
        self.lines.len() * LINE_WORDS * 8
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for word in self.lines.iter().flatten() {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    /// Reads it back; nothing where that is no whole number of lines, or none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (lines, []) = bytes.as_chunks::<{ LINE_WORDS * 8 }>() else { return None };
        let read = |line: &[u8; LINE_WORDS * 8]| {
            let mut words = [0; LINE_WORDS];
            for (word, bytes) in words.iter_mut().zip(line.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            words
        };
        (!lines.is_empty()).then(|| Self { lines: lines.iter().map(read).collect() })
    }
}

/// The bits of a key: in which word of its line, and which there. The line was chosen by the upper
/// bits of the hash, so here all of it is mixed.
fn bits(first_half: u64) -> impl Iterator<Item = (usize, u64)> {
    let mixed = first_half.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 10;
    (0..SET).map(move |place| {
        let nine = mixed >> (9 * place) & 511;
        ((nine >> 6) as usize, 1 << (nine & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    #[test]
    fn it_holds_what_was_inserted_and_little_else() {
        let mut rng = StdRng::seed_from_u64(11);
        for count in [1, 40, 5000, 60_000u64] {
            let keys: Vec<u64> = (0..count).map(|_| rng.random()).collect();
            let mut filter = Filter::new(count);
            for key in &keys {
                filter.insert(*key);
            }
            let mut bytes = Vec::new();
            filter.encode(&mut bytes);
            assert_eq!(bytes.len(), filter.bytes());
            let read = Filter::decode(&bytes).unwrap();
            assert_eq!(read, filter);
            assert!(keys.iter().all(|key| read.may_hold(*key)));
            let in_vain = (0..20_000).filter(|_| read.may_hold(rng.random())).count();
            assert!(in_vain < 200, "{in_vain} of 20,000 with {count} keys");
            assert!(Filter::decode(&bytes[1..]).is_none());
        }
        assert!(Filter::decode(&[]).is_none());
        assert!(!Filter::new(0).may_hold(7));
        assert_eq!(Filter::new(u64::MAX).bytes() as u64, MAX_BYTES);
    }
}
