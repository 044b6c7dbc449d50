//! One search over hidden counts: which ciphertexts are due, what is tested on them, and what
//! the answers say. PROTOCOL sections 6 to 8.

use crate::elgamal::Ciphertext;
use crate::prices::Level;
use crate::search::{Contradiction, Interval, Stage};
use crate::segments::Segments;
use crate::step::{Against, Masked, Multiplied, Shown, Step};

/// What is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// The highest level whose sum is not zero.
    FirstPrice,
    /// The highest level whose sum is two or more.
    SecondPrice,
    /// The first position in the order whose entry at the level is not zero.
    Winner {
        /// The winner level.
        level: Level,
        /// Whether it is open that anyone reached the level.
        in_doubt: bool,
    },
}

/// What the answers of a round lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// More to send.
    Next(Step),
    /// The index sought: a level, or a position.
    Found(usize),
    /// Nobody reached the level in doubt.
    Nobody,
}

/// A search under way.
#[derive(Debug, Clone)]
pub(super) struct Counting {
    question: Question,
    block: usize,
    fan_out: usize,
    stage: Stage,
    /// Of the ladder or of the order, where that is cut into some: later stages open one.
    segments: Segments,
    /// Where the first stage began.
    range: Interval,
    /// Whether the stage is the first.
    first: bool,
    /// Ciphertexts of the stage: by what is shown, then by accumulator.
    own: Vec<Vec<Ciphertext>>,
}

impl Counting {
    pub(super) fn new(
        question: Question,
        range: Interval,
        block: usize,
        fan_out: usize,
        segments: Segments,
    ) -> Self {
        let stage = Stage::new(range, block, fan_out);
        Self { question, block, fan_out, stage, segments, range, first: true, own: Vec::new() }
    }

    /// The ciphertexts that the stage begins with.
    pub(super) fn shown(&self) -> Shown {
        let against = self.against();
        match self.question {
            // 7 The lowest start is never tested.
            Question::FirstPrice | Question::SecondPrice => {
                let tested = self.stage.starts().iter().skip(1);
                // Levels are far below 2^32.
                let levels = tested.map(|level| Level(*level as u32)).collect();
                Shown::Ladder { levels, against }
            }
            // 8 Prefixes need every block but the last, which the full sum needs.
            Question::Winner { level, in_doubt } => {
                let mut blocks = self.stage.parts();
                if !in_doubt {
                    blocks.pop();
                }
                Shown::Blocks { level, blocks, against }
            }
        }
    }

    /// 5, 8 Against what the stage is proved. Segments are parts of the first cut, so that whatever
    /// a later stage shows lies in one.
    fn against(&self) -> Against {
        // A stage lies in the range that the first began with.
        let first = self.stage.starts().first().map_or(0, |first| first - self.range.low);
        match self.segments.holding(first) {
            None => Against::Whole,
            Some(segment) => Against::Masked(Masked {
                range: self.range,
                segments: self.segments.clone(),
                opened: (!self.first).then_some(segment),
            }),
        }
    }

    /// Takes the ciphertexts of all accumulators, by accumulator.
    pub(super) fn receive(&mut self, by_accumulator: &[Vec<Ciphertext>]) -> Step {
        let shown = by_accumulator.first().map_or(0, Vec::len);
        // The judge saw the same number of ciphertexts from each.
        self.own = (0..shown)
            .map(|i| by_accumulator.iter().map(|ciphertexts| ciphertexts[i]).collect())
            .collect();
        self.tests()
    }

    /// The next round of tests.
    fn tests(&self) -> Step {
        let tested = self.stage.tested();
        match self.question {
            // Level i of the stage is shown at i - 1.
            Question::FirstPrice => {
                Step::Blind(tested.iter().map(|i| Ciphertext::sum(&self.own[i - 1])).collect())
            }
            Question::SecondPrice => Step::Multiply(
                tested
                    .iter()
                    .map(|i| Multiplied {
                        shown: i - 1,
                        less_one: Ciphertext::sum_minus_one(&self.own[i - 1]),
                        own: self.own[i - 1].clone(),
                    })
                    .collect(),
            ),
            Question::Winner { in_doubt, .. } => {
                let prefix = |count: usize| Ciphertext::sum(self.own[..count].iter().flatten());
                let mut tests: Vec<_> = tested.iter().map(|i| prefix(*i)).collect();
                if in_doubt {
                    tests.push(prefix(self.own.len()));
                }
                Step::Blind(tests)
            }
        }
    }

    /// Takes the products of all accumulators, by accumulator.
    pub(super) fn multiplied(&self, by_accumulator: &[Vec<Ciphertext>]) -> Step {
        let tests = by_accumulator.first().map_or(0, Vec::len);
        // The judge saw the same number of products from each.
        let sum = |i| Ciphertext::sum(by_accumulator.iter().map(|products| &products[i]));
        Step::Blind((0..tests).map(sum).collect())
    }

    /// Takes the answers of a round: whether each tested plaintext is zero.
    pub(super) fn answer(&mut self, zero: &[bool]) -> Result<Progress, Contradiction> {
        let mut yes = zero.to_vec();
        match &mut self.question {
            Question::FirstPrice | Question::SecondPrice => {
                yes.iter_mut().for_each(|yes| *yes = !*yes);
            }
            Question::Winner { in_doubt, .. } => {
                if *in_doubt && yes.pop().unwrap_or(false) {
                    return Ok(Progress::Nobody);
                }
                *in_doubt = false;
            }
        }
        self.stage.answer(&yes)?;
        let Some(found) = self.stage.found() else {
            return Ok(Progress::Next(self.tests()));
        };
        if found.size == 1 {
            return Ok(Progress::Found(found.low));
        }
        self.stage = Stage::new(found, self.block, self.fan_out);
        self.first = false;
        Ok(Progress::Next(Step::Show { order: false, shown: Some(self.shown()) }))
    }
}
