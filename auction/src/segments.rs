//! The ladder in segments: runs of levels whose sums are committed to one by one, so that later
//! stages of the price search work on one of them. PROTOCOL section 5.

use std::ops::Range;

use crate::prices::Level;
use crate::search::Interval;

/// Most segments. Each costs everybody two elements in the first stage, and each of its levels
/// everybody a generator in the later ones.
const SEGMENTS: usize = 16;

/// The segments of an auction's ladder, in their order; none where the price search has one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments(Vec<Range<usize>>);

impl Segments {
    /// Of `levels` levels, searched with the block size `block`: as many parts of the first cut
    /// each, the last perhaps fewer, that there are at most 16.
    #[must_use]
    pub fn of(levels: usize, block: usize) -> Self {
        let range = Interval { low: 0, size: levels };
        let starts = range.starts(block);
        if starts.len() >= levels {
            return Self(Vec::new());
        }
        // Never zero: a ladder has a level, and a range a part.
        let parts = starts.len().div_ceil(SEGMENTS).max(1);
        let firsts: Vec<usize> = starts.into_iter().step_by(parts).collect();
        let ends = firsts.iter().skip(1).copied().chain([levels]);
        Self(firsts.iter().copied().zip(ends).map(|(first, end)| first..end).collect())
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The segments with these numbers, as the entries of a vector that they are.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn entries(&self, which: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        self.0[which].iter().cloned()
    }

    /// The number of the segment that a level lies in.
    #[must_use]
    pub fn holding(&self, level: Level) -> Option<usize> {
        self.0.iter().position(|entries| entries.contains(&level.index()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_parts_of_the_first_cut_and_cover_the_ladder() {
        for (levels, block) in [(12, 4), (1024, 32), (10_000, 128), (16_384, 256), (33, 32), (5, 2)]
        {
            let segments = Segments::of(levels, block);
            let starts = Interval { low: 0, size: levels }.starts(block);
            assert!((2..=SEGMENTS).contains(&segments.len()));
            let mut next = 0;
            for entries in segments.entries(0..segments.len()) {
                assert_eq!(entries.start, next);
                assert!(starts.contains(&next), "{levels} {block}");
                next = entries.end;
            }
            assert_eq!(next, levels);
            // A part lies in one segment.
            let ends = starts.iter().skip(1).copied().chain([levels]);
            for (start, end) in starts.iter().zip(ends) {
                let level = |index: usize| Level(index as u32 + 1);
                assert_eq!(segments.holding(level(*start)), segments.holding(level(end - 1)));
            }
        }
        assert_eq!(Segments::of(1024, 32).entries(1..2).next(), Some(64..128));
    }

    #[test]
    fn a_search_of_one_stage_needs_none() {
        for levels in 1..=32 {
            assert!(Segments::of(levels, 32).is_empty(), "{levels}");
        }
        assert_eq!(Segments::of(1024, 32).holding(Level(1025)), None);
    }
}
