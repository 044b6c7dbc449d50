//! What became of a bid, for a person who wants to know whether it counts.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::receipts::{Receipt, Refusal};

use crate::error::MemberError;
use crate::text::printable;

/// What one accumulator said to a bid.
#[derive(Debug)]
pub enum Standing {
    /// It holds the bid and has signed that it will count it.
    Receipted(Receipt),
    /// It has signed that it does not take the bid.
    Refused(Refusal),
    /// It gave neither.
    Failed(MemberError),
}

/// Whether one accumulator holds the receipts of all.
#[derive(Debug)]
pub enum Leaving {
    /// Not all receipts are there.
    NotYet,
    /// It has confirmed that it holds them.
    Done,
    /// It has not.
    Failed(MemberError),
}

/// What became of a bid at one accumulator.
#[derive(Debug)]
pub struct AccumulatorReport {
    /// Its number in the auction, from 0.
    pub accumulator: usize,
    /// Its address in the auction's spec.
    pub address: String,
    /// What it said to the bid.
    pub standing: Standing,
    /// Whether it holds the receipts of all.
    pub leaving: Leaving,
}

/// What became of a bid. PROTOCOL section 3.
#[derive(Debug)]
pub struct BidReport {
    /// The auction id.
    pub auction: Digest,
    /// The digest that names the bid.
    pub digest: Digest,
    /// The bidder's key in this auction.
    pub bidder: PublicKey,
    /// One for each accumulator, in their order.
    pub per_accumulator: Vec<AccumulatorReport>,
}

impl BidReport {
    /// Whether every accumulator gave a receipt.
    #[must_use]
    pub fn is_receipted(&self) -> bool {
        self.per_accumulator.iter().all(|one| matches!(one.standing, Standing::Receipted(_)))
    }

    /// How many accumulators have confirmed that they hold the receipts of all.
    #[must_use]
    pub fn left_with(&self) -> usize {
        self.per_accumulator.iter().filter(|one| matches!(one.leaving, Leaving::Done)).count()
    }

    /// Whether the bid counts if those that hold all its receipts are honest: every accumulator
    /// gave a receipt, and one or more hold them all.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.is_receipted() && self.left_with() > 0
    }

    /// Whether the bid counts if any accumulator is honest: all hold all receipts.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.is_receipted() && self.left_with() == self.per_accumulator.len()
    }

    /// Whether an accumulator answered what no honest one does.
    #[must_use]
    pub fn misbehaved(&self) -> Vec<usize> {
        let misbehaved = |one: &&AccumulatorReport| {
            matches!(one.standing, Standing::Failed(MemberError::Misbehaved(_)))
                || matches!(one.leaving, Leaving::Failed(MemberError::Misbehaved(_)))
        };
        self.per_accumulator.iter().filter(misbehaved).map(|one| one.accumulator).collect()
    }

    /// Whether the bid counts, why not, and what to do, in plain words of one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let accumulators = self.per_accumulator.len();
        let trouble: Vec<String> =
            self.per_accumulator.iter().filter_map(AccumulatorReport::trouble).collect();
        let trouble = trouble.join("; ");
        if self.is_secured() {
            format!("counts: all {accumulators} accumulators gave a receipt")
        } else if self.is_counted() {
            format!(
                "counts: all {accumulators} accumulators gave a receipt and {} hold all of them; \
                 {trouble}; run again before closing, so that one honest accumulator is enough",
                self.left_with()
            )
        } else {
            format!("may not count: {trouble}; run again before closing, it sends the same bid")
        }
    }
}

impl AccumulatorReport {
    fn trouble(&self) -> Option<String> {
        let what = match (&self.standing, &self.leaving) {
            (Standing::Refused(refusal), _) => {
                format!("refused the bid: {}", printable(&refusal.reason.to_string()))
            }
            (Standing::Failed(error), _) => trouble(error),
            (Standing::Receipted(_), Leaving::Failed(error)) => {
                format!("does not hold all receipts: {}", trouble(error))
            }
            (Standing::Receipted(_), Leaving::Done | Leaving::NotYet) => return None,
        };
        Some(format!("accumulator {} ({}) {what}", self.accumulator, printable(&self.address)))
    }
}

fn trouble(error: &MemberError) -> String {
    match error {
        MemberError::Link(error) => format!("did not answer ({error})"),
        MemberError::Declined(declined) => {
            format!("declined ({})", printable(&declined.to_string()))
        }
        MemberError::Busy => "was busy until the time was over".to_owned(),
        MemberError::Misbehaved(how) => {
            format!("misbehaves ({how}): tell the seller, it may leave your bid out")
        }
    }
}
