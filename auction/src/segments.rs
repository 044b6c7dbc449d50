//! Vectors in segments: runs of entries that are committed to one by one, so that later stages of a
//! search work on one of them. PROTOCOL sections 5 and 8.

use std::ops::Range;

use crate::search::Interval;

/// Most segments. Each costs everybody two elements in the first stage, and each of its levels
/// everybody a generator in the later ones.
const SEGMENTS: usize = 16;

/// The segments of a vector, in their order; none where it is not cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segments(Vec<Range<usize>>);

impl Segments {
    /// 5 Of a ladder of `levels` levels, searched with the block size `block`: each of as many parts
    /// of the first cut, the last perhaps of fewer, that there are at most 16. None where the search
    /// takes one stage.
    #[must_use]
    pub fn of(levels: usize, block: usize) -> Self {
        Self::cut(levels, block, SEGMENTS)
    }

    /// 8 Of `positions` bidders in the order, searched with the block size `block` in an auction of
    /// `levels` levels among `accumulators`: the blocks of the first cut. None where that takes one
    /// stage, or the bidders are many.
    #[must_use]
    pub fn of_order(positions: usize, block: usize, levels: usize, accumulators: usize) -> Self {
        if positions > Self::most_positions(levels, accumulators) {
            return Self(Vec::new());
        }
        Self::cut(positions, block, positions)
    }

    /// The parts of the first cut of `size` entries, together as many as make at most `most`
    /// segments; none where that cut is the last.
    fn cut(size: usize, block: usize, most: usize) -> Self {
        let starts = Interval { low: 0, size }.starts(block);
        if starts.len() >= size {
            return Self(Vec::new());
        }
        // A range that is cut again has entries, and its cut parts.
        let firsts: Vec<usize> =
            starts.iter().copied().step_by(starts.len().div_ceil(most.max(1))).collect();
        let ends = firsts.iter().skip(1).copied().chain([size]);
        Self(firsts.iter().copied().zip(ends).map(|(first, end)| first..end).collect())
    }

    /// Most bidders whose order has segments: each costs everybody two numbers and a term for each
    /// fellow, and all of them save a multiplication of as many points as there are levels.
    #[must_use]
    pub fn most_positions(levels: usize, accumulators: usize) -> usize {
        levels / (2 * accumulators.saturating_sub(1).max(1))
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

    /// The number of the segment that an entry lies in.
    #[must_use]
    pub fn holding(&self, entry: usize) -> Option<usize> {
        self.0.iter().position(|entries| entries.contains(&entry))
    }

    /// How many entries the vector has.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.0.last().map_or(0, |last| last.end)
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
                assert_eq!(segments.holding(*start), segments.holding(end - 1));
            }
        }
        assert_eq!(Segments::of(1024, 32).entries(1..2).next(), Some(64..128));
    }

    /// Whether all that stages in a range show lies in one segment.
    fn walk(segments: &Segments, block: usize, range: Interval) {
        let starts = range.starts(block);
        let ends = starts.iter().skip(1).copied().chain([range.low + range.size]);
        for (low, end) in starts.iter().copied().zip(ends).filter(|(low, end)| end - low > 1) {
            let part = Interval { low, size: end - low };
            let shown: Vec<_> =
                part.starts(block).into_iter().map(|i| segments.holding(i)).collect();
            assert!(shown[0].is_some() && shown.iter().all(|s| *s == shown[0]), "{part:?}");
            assert_eq!(segments.holding(end - 1), shown[0], "{part:?}");
            walk(segments, block, part);
        }
    }

    #[test]
    fn whatever_a_later_stage_shows_lies_in_one_segment() {
        for block in 2..40 {
            for size in 2..130 {
                let whole = Interval { low: 0, size };
                let segments = Segments::of(size, block);
                if !segments.is_empty() {
                    walk(&segments, block, whole);
                }
                let segments = Segments::of_order(size, block, 4 * size, 3);
                if !segments.is_empty() {
                    walk(&segments, block, whole);
                }
            }
        }
        for (levels, block) in [(1024, 32), (10_000, 128), (16_384, 2), (16_384, 33)] {
            walk(&Segments::of(levels, block), block, Interval { low: 0, size: levels });
        }
    }

    #[test]
    fn bidders_are_cut_into_the_blocks_of_the_first_stage() {
        let segments = Segments::of_order(100, 32, 1024, 3);
        assert_eq!((segments.len(), segments.covered()), (10, 100));
        assert_eq!(segments.holding(57), Some(5));
        // One stage; too many for the levels.
        assert!(Segments::of_order(32, 32, 1024, 3).is_empty());
        assert!(Segments::of_order(257, 32, 1024, 3).is_empty());
        assert!(Segments::of_order(0, 32, 1024, 3).is_empty());
        assert!(!Segments::of_order(256, 32, 1024, 3).is_empty());
        // Each fellow's bids are terms of their own.
        assert!(Segments::of_order(100, 32, 1024, 8).is_empty());
        assert!(!Segments::of_order(512, 32, 1024, 2).is_empty());
    }

    #[test]
    fn a_search_of_one_stage_needs_none() {
        for levels in 1..=32 {
            assert!(Segments::of(levels, 32).is_empty(), "{levels}");
        }
        assert_eq!(Segments::of(1024, 32).holding(1024), None);
    }
}
