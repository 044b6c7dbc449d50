//! What comes next: what every accumulator's next message must say.

use std::ops::Range;

use crate::elgamal::Ciphertext;
use crate::outcome::Outcome;
use crate::prices::Level;
use crate::search::Interval;
use crate::segments::Segments;
use crate::set::Unsettled;

/// The next round's content. All of it follows from public messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The list of receipted bids. PROTOCOL section 4.
    List,
    /// The receipts of bids that one list flags and another lacks. Section 4.
    Receipts {
        /// What each accumulator has to show.
        to_show: Vec<Vec<Unsettled>>,
    },
    /// The contribution to the order, ciphertexts, or both. Sections 4, 5 and 8.
    Show {
        /// Whether the contribution to the order is due.
        order: bool,
        /// Which ciphertexts are due.
        shown: Option<Shown>,
    },
    /// Products for the tests whether a level's sum is above one. Section 6.
    Multiply(Vec<Multiplied>),
    /// Random multiples of the tested ciphertexts. Section 6.
    Blind(Vec<Ciphertext>),
    /// Decryption factors of the blinded ciphertexts. Section 6.
    Open(Vec<Ciphertext>),
    /// The outcome. Section 9.
    Outcome(Outcome),
    /// Nothing: every accumulator has signed the outcome.
    Complete,
}

/// The ciphertexts of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// Of each accumulator's summed entries.
    Ladder {
        /// At these levels.
        levels: Vec<Level>,
        /// Against what they are proved.
        against: Against,
    },
    /// Of each accumulator's entries at one level, summed over blocks of the order.
    Blocks {
        /// The winner level.
        level: Level,
        /// Runs of positions in the order.
        blocks: Vec<Interval>,
        /// Against what they are proved.
        against: Against,
    },
}

/// What a stage's ciphertexts are proved against. PROTOCOL sections 5 and 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// Commitments to whole vectors, of all levels.
    Whole,
    /// A vector that was shown under a mask, or is in the same message.
    Masked(Masked),
}

/// A vector shown under a mask: of an accumulator's sum an entry for each level, or its entries at
/// the winner level, one for each bidder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The levels, or positions in the order, that it has entries for.
    pub range: Interval,
    /// How it is cut.
    pub segments: Segments,
    /// Which segment is opened; in the first stage all are, and the vector shown.
    pub opened: Option<usize>,
}

impl Masked {
    /// Levels or positions as a run of its entries.
    fn run(&self, shown: Interval) -> Range<usize> {
        // What is shown lies in the range.
        let first = shown.low - self.range.low;
        first..first + shown.size
    }
}

impl Shown {
    /// How many ciphertexts each accumulator sends.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Ladder { levels, .. } => levels.len(),
            Self::Blocks { blocks, .. } => blocks.len(),
        }
    }

    /// Against what they are proved.
    #[must_use]
    pub fn against(&self) -> &Against {
        match self {
            Self::Ladder { against, .. } | Self::Blocks { against, .. } => against,
        }
    }

    /// The entries of a vector shown under a mask whose sum each ciphertext is of.
    #[must_use]
    pub fn runs(&self, masked: &Masked) -> Vec<Range<usize>> {
        match self {
            Self::Ladder { levels, .. } => {
                let alone = |level: &Level| Interval { low: level.0 as usize, size: 1 };
                levels.iter().map(|level| masked.run(alone(level))).collect()
            }
            Self::Blocks { blocks, .. } => blocks.iter().map(|block| masked.run(*block)).collect(),
        }
    }
}

/// A level whose sum is multiplied by itself less one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiplied {
    /// Which of the stage's ciphertexts.
    pub shown: usize,
    /// `E_j` less one, summed over accumulators.
    pub less_one: Ciphertext,
    /// `E_j^(k)`, by accumulator.
    pub own: Vec<Ciphertext>,
}

impl Step {
    /// The phase of the auction that this step belongs to, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Receipts { .. } => "receipts",
            Self::Show { .. } => "show",
            Self::Multiply(_) => "multiply",
            Self::Blind(_) => "blind",
            Self::Open(_) => "open",
            Self::Outcome(_) => "outcome",
            Self::Complete => "complete",
        }
    }
}
