//! An accumulator's own words against it.

use serde::{Deserialize, Serialize};

use super::{BadDispute, MAX_BYTES, Setting, identity, ruling};
use crate::equivocation::Equivocation;
use crate::evidence::{Evidence, Kind, Role, Ruling};
use crate::join::{Auction, Join};
use crate::messages::RoundMessage;
use crate::receipts::Receipt;

/// Two words of an accumulator that cannot both be honest, with the auction. The encoding is that
/// of the first version of evidence files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccumulatorEvidence {
    /// The auction.
    pub setting: Setting,
    /// The words.
    pub words: Equivocation,
}

impl Evidence for AccumulatorEvidence {
    const KIND: Kind = Kind::Accumulator;
    const MAX_BYTES: usize = MAX_BYTES;
}

impl AccumulatorEvidence {
    /// Judges the words.
    ///
    /// # Errors
    /// [`BadDispute`] when they convict nobody.
    pub fn judge(self) -> Result<Ruling, BadDispute> {
        let auction = self.setting.verify()?;
        let culprit = self.words.convict(&auction)?;
        let key = identity(&auction, culprit);
        let ruling = ruling(&auction);
        Ok(ruling.convict(Role::Accumulator(culprit), key, deed(&self.words)))
    }
}

/// What the words show their signer to have done.
#[must_use]
pub(super) fn deed(words: &Equivocation) -> String {
    match words {
        Equivocation::Messages(messages) => {
            format!("signed two messages for round {}", messages[0].body.round)
        }
        Equivocation::Joins(_) => "signed two joins".to_owned(),
        Equivocation::Omission(words) => {
            format!("given a receipt for bid {} and left it out of its list", words.0.bid)
        }
    }
}

impl AccumulatorEvidence {
    /// Evidence about an auction.
    #[must_use]
    pub fn of(auction: &Auction, words: Equivocation) -> Self {
        Self { setting: Setting::of(auction), words }
    }

    /// What convicts the accumulators that gave these receipts for a bid and whose lists, the
    /// first round of a transcript, leave it out; with the number of each.
    #[must_use]
    pub fn omissions(
        receipts: &[Option<Receipt>],
        auction: &Auction,
        lists: &[RoundMessage],
    ) -> Vec<(usize, Self)> {
        let receipt = |k: u8| receipts.get(usize::from(k)).copied().flatten();
        let omitted = lists.iter().filter_map(|list| {
            let words = (receipt(list.body.accumulator)?, list.clone());
            let words = Equivocation::Omission(Box::new(words));
            let culprit = words.convict(auction).ok()?;
            Some((culprit, Self::of(auction, words)))
        });
        omitted.collect()
    }

    /// What convicts those who signed two joins, of which each transcript or record holds one.
    #[must_use]
    pub fn two_joins(auction: &Auction, others: &[Join]) -> Vec<(usize, Self)> {
        let pairs = auction.joins().iter().zip(others);
        let convicted = pairs.filter_map(|(one, other)| {
            let words = Equivocation::Joins(Box::new([one.clone(), other.clone()]));
            let culprit = words.convict(auction).ok()?;
            Some((culprit, Self::of(auction, words)))
        });
        convicted.collect()
    }
}
