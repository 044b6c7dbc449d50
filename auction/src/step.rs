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
        /// Against what they are proved: the entries under a mask, or nothing but the commitments
        /// to whole vectors.
        placed: Option<Placed>,
    },
}

/// What a ladder's ciphertexts are proved against. PROTOCOL section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The commitment to the whole sum: the search has one stage.
    Sum,
    /// The sum as it is shown under a mask in the same message: the first of several stages.
    MaskedSum,
    /// The segment with this number of the sum that was shown.
    Segment(usize),
}

/// Bidders whose entries at the winner level are shown under a mask. PROTOCOL section 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Their positions in the order.
    pub range: Interval,
    /// The blocks of the first stage.
    pub segments: Segments,
    /// Which of them is opened; in the first stage all are, and the entries shown.
    pub opened: Option<usize>,
}

impl Placed {
    /// Blocks as runs of the entries.
    #[must_use]
    pub fn runs(&self, blocks: &[Interval]) -> Vec<Range<usize>> {
        // Blocks lie in the range.
        let run =
            |block: &Interval| block.low - self.range.low..block.low + block.size - self.range.low;
        blocks.iter().map(run).collect()
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
