//! The search for the highest index at which a falling yes-or-no question is still answered
//! yes. PROTOCOL sections 7 and 8: levels for the price, positions in the order for the winner.
//!
//! A stage cuts what remains into at most `c` parts and shows what the tests on them need; within
//! a stage, rounds of tests cut with fan-out at most `f`. Cutting is the same everywhere: never
//! into more parts than save a stage or a round.

/// A run of indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first index.
    pub low: usize,
    /// How many.
    pub size: usize,
}

/// How many times `size` must be cut into at most `most` parts, at least 2, until each has size 1,
/// and the fewest parts with which so many times suffice.
fn cuts(size: usize, most: usize) -> (usize, usize) {
    let reach = |parts: usize, times: u32| parts.saturating_pow(times);
    let mut times = 0;
    while reach(most, times) < size {
        times += 1;
    }
    let mut parts = 1;
    while reach(parts, times) < size {
        parts += 1;
    }
    (times as usize, parts)
}

impl Interval {
    /// The first indices of `q` parts, `low + floor(i size / q)`: as few as are cut down to size 1
    /// in as many cuts as `most` parts each time.
    #[must_use]
    pub fn starts(&self, most: usize) -> Vec<usize> {
        let (_, q) = cuts(self.size, most);
        (0..q).map(|i| self.low + i * self.size / q).collect()
    }

    /// Each index by itself.
    #[must_use]
    pub fn singles(&self) -> Vec<Self> {
        (self.low..self.low + self.size).map(|low| Self { low, size: 1 }).collect()
    }

    /// The part between a start and the next one.
    #[must_use]
    fn part(&self, starts: &[usize], i: usize) -> Self {
        // `i` counts parts, of which each has a start.
        let low = starts[i];
        let end = starts.get(i + 1).copied().unwrap_or(self.low + self.size);
        Self { low, size: end - low }
    }
}

/// What a search takes whose parts are the larger ones each time: no search in the range takes
/// more stages or rounds. (One that meets a smaller part can take a stage less, of more parts.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Stages.
    pub stages: usize,
    /// Parts of all stages, less one each.
    pub shown: usize,
    /// Parts of the stage that has most.
    pub most_parts: usize,
    /// Rounds of tests.
    pub rounds: usize,
    /// Tests.
    pub tests: usize,
}

impl Effort {
    /// Of the search in `range` with block size `block` and fan-out `fan_out`.
    #[must_use]
    pub fn of(range: Interval, block: usize, fan_out: usize) -> Self {
        let (mut effort, mut size) = (Self::default(), range.size);
        while size > 1 {
            let (_, parts) = cuts(size, block);
            effort.stages += 1;
            effort.shown += parts - 1;
            effort.most_parts = effort.most_parts.max(parts);
            let mut open = parts;
            while open > 1 {
                let (_, tested) = cuts(open, fan_out);
                effort.rounds += 1;
                effort.tests += tested - 1;
                open = open.div_ceil(tested);
            }
            size = size.div_ceil(parts);
        }
        effort
    }
}

/// Answers that no true counts can give: a yes above a no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answers contradict each other")]
pub struct Contradiction;

/// One stage: the parts of a range, and which of them may still hold the index sought.
#[derive(Debug, Clone)]
pub struct Stage {
    range: Interval,
    starts: Vec<usize>,
    open: Interval,
    fan_out: usize,
}

impl Stage {
    /// Cuts `range` into at most `block` parts, to be tested `fan_out` at a time.
    #[must_use]
    pub fn new(range: Interval, block: usize, fan_out: usize) -> Self {
        let starts = range.starts(block);
        let open = Interval { low: 0, size: starts.len() };
        Self { range, starts, open, fan_out }
    }

    /// The first index of each part.
    #[must_use]
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The parts, as runs of indices.
    #[must_use]
    pub fn parts(&self) -> Vec<Interval> {
        (0..self.starts.len()).map(|i| self.range.part(&self.starts, i)).collect()
    }

    /// The parts at whose start the question is put next; empty when one part is left. The
    /// lowest start is never tested: the answer there is known.
    #[must_use]
    pub fn tested(&self) -> Vec<usize> {
        self.open.starts(self.fan_out).into_iter().skip(1).collect()
    }

    /// Narrows the stage by the answers at [`Stage::tested`].
    ///
    /// # Errors
    /// [`Contradiction`] when a yes stands above a no.
    pub fn answer(&mut self, yes: &[bool]) -> Result<(), Contradiction> {
        if !yes.is_sorted_by(|a, b| a >= b) {
            return Err(Contradiction);
        }
        let starts = self.open.starts(self.fan_out);
        let held = yes.iter().filter(|yes| **yes).count();
        self.open = self.open.part(&starts, held);
        Ok(())
    }

    /// The part that holds the index sought, when only one is left.
    #[must_use]
    pub fn found(&self) -> Option<Interval> {
        (self.open.size == 1).then(|| self.range.part(&self.starts, self.open.low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the whole search and counts its stages and rounds of tests.
    fn search(
        low: usize,
        size: usize,
        block: usize,
        fan_out: usize,
        sought: usize,
    ) -> (usize, usize, usize) {
        let (mut range, mut stages, mut rounds) = (Interval { low, size }, 0, 0);
        while range.size > 1 {
            let mut stage = Stage::new(range, block, fan_out);
            stages += 1;
            range = loop {
                if let Some(found) = stage.found() {
                    break found;
                }
                let yes: Vec<bool> =
                    stage.tested().iter().map(|part| stage.starts()[*part] <= sought).collect();
                assert!(!yes.is_empty());
                stage.answer(&yes).unwrap();
                rounds += 1;
            };
        }
        (range.low, stages, rounds)
    }

    #[test]
    fn finds_every_index_at_every_block_size_and_fan_out() {
        for size in 1..70 {
            for block in [2, 3, 5, 32] {
                for fan_out in 2..=block.min(6) {
                    for sought in 1..=size {
                        assert_eq!(search(1, size, block, fan_out, sought).0, sought);
                    }
                }
            }
        }
    }

    #[test]
    fn a_thousand_levels_take_two_stages_of_one_round_at_full_fan_out() {
        assert_eq!(search(1, 1024, 32, 32, 700), (700, 2, 2));
        assert_eq!(search(0, 1000, 32, 32, 0), (0, 2, 2));
        assert_eq!(search(1, 1024, 32, 2, 700), (700, 2, 10));
    }

    #[test]
    fn a_range_is_cut_into_no_more_parts_than_save_a_stage() {
        assert_eq!(cuts(100, 32), (2, 10));
        assert_eq!(cuts(101, 32), (2, 11));
        assert_eq!(cuts(1024, 32), (2, 32));
        assert_eq!(cuts(1025, 32), (3, 11));
        assert_eq!(cuts(20, 32), (1, 20));
        assert_eq!(cuts(2, 2), (1, 2));
        assert_eq!(cuts(1, 5), (0, 1));
        // As many parts as there are levels, at most; and a cut of everything that a spec allows.
        assert_eq!(cuts(1 << 20, 256), (3, 102));
    }

    #[test]
    fn no_search_takes_more_stages_or_rounds_than_its_effort() {
        for size in 1..90 {
            for (block, fan_out) in [(2, 2), (5, 3), (16, 4), (32, 2), (32, 32)] {
                let effort = Effort::of(Interval { low: 0, size }, block, fan_out);
                let searches = (0..size).map(|sought| search(0, size, block, fan_out, sought));
                let most = |of: fn(&(usize, usize, usize)) -> usize| {
                    searches.clone().map(|found| of(&found)).max().unwrap()
                };
                assert_eq!(most(|found| found.1), effort.stages);
                assert!(most(|found| found.2) <= effort.rounds);
            }
        }
        let effort = Effort::of(Interval { low: 1, size: 1024 }, 32, 2);
        assert_eq!(effort, Effort { stages: 2, shown: 62, most_parts: 32, rounds: 10, tests: 10 });
        let effort = Effort::of(Interval { low: 0, size: 1000 }, 32, 32);
        assert_eq!(effort, Effort { stages: 2, shown: 62, most_parts: 32, rounds: 2, tests: 62 });
    }

    #[test]
    fn answers_that_rise_are_a_contradiction() {
        let mut stage = Stage::new(Interval { low: 1, size: 8 }, 8, 8);
        assert_eq!(
            stage.answer(&[false, true, false, false, false, false, false]),
            Err(Contradiction)
        );
    }
}
