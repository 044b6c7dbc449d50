//! What a party sums of its shares: over the set, and over blocks of the order. PROTOCOL sections 4
//! and 8.

use std::collections::HashSet;

use curve25519_dalek::Scalar;

use super::{Party, PartyError};
use crate::book::BookError;
use crate::checking::CountedBid;
use crate::field::EntrySum;
use crate::layout::Digest;
use crate::prices::Level;
use crate::referee::Tally;
use crate::search::Interval;
use crate::secret::SecretVector;
use crate::shares::{ExpandedShare, SummedShare, WeightedShareSum};

impl Party {
    /// 4 Shares outside the set are subtracted from the running sum.
    pub(super) fn settle_sum(&mut self, tally: &Tally) -> Result<(), PartyError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let inside: HashSet<Digest> = tally.bids().iter().map(CountedBid::digest).collect();
        if let Some(missing) = inside.iter().find(|bid| !self.shares.contains_key(bid)) {
            return Err(PartyError::NoShare(*missing));
        }
        let levels = self.auction.levels();
        let mut sum = running;
        for (_, share) in self.shares.iter().filter(|(bid, _)| !inside.contains(bid)) {
            let expanded = share.expand(levels).map_err(BookError::from)?;
            sum.subtract(&expanded).map_err(BookError::from)?;
        }
        self.shares.retain(|bid, _| inside.contains(bid));
        self.sum = Some(sum.finish());
        Ok(())
    }

    /// This accumulator's shares of the bids of a block.
    fn block_shares(
        &self,
        tally: &Tally,
        block: Interval,
    ) -> impl Iterator<Item = Result<ExpandedShare<'_>, PartyError>> {
        tally.at(block).map(|bid| {
            let digest = bid.digest();
            let share = self.shares.get(&digest).ok_or(PartyError::NoShare(digest))?;
            Ok(share.expand(self.auction.levels()).map_err(BookError::from)?)
        })
    }

    /// The entry at a level of the summed shares of a block.
    fn block_entry(
        &self,
        tally: &Tally,
        block: Interval,
        level: Level,
    ) -> Result<Scalar, PartyError> {
        let mut sum = EntrySum::new();
        for share in self.block_shares(tally, block) {
            sum.add_sum(&share?.entry(level).ok_or(PartyError::NothingDue)?);
        }
        Ok(sum.reduce())
    }

    /// The same of each of some blocks.
    pub(super) fn block_entries(
        &self,
        tally: &Tally,
        blocks: &[Interval],
        level: Level,
    ) -> Result<SecretVector, PartyError> {
        // Room for all beforehand: a list that grows leaves what it held behind.
        let mut entries = Vec::with_capacity(blocks.len());
        for block in blocks {
            entries.push(self.block_entry(tally, *block, level)?);
        }
        Ok(SecretVector::new(entries))
    }

    /// 8 The sums of the blocks under their weights, share by share: a block's own sum would have
    /// to be made, weighted and erased, which costs more than weights for blocks of some twenty.
    pub(super) fn weigh_blocks(
        &self,
        tally: &Tally,
        blocks: &[Interval],
        weights: &[Scalar],
    ) -> Result<SummedShare, PartyError> {
        let levels = self.auction.levels();
        let mut weighted = WeightedShareSum::new(levels);
        for (block, weight) in blocks.iter().zip(weights) {
            // Weights of blocks are 128-bit integers.
            let mut half = [0; 16];
            half.copy_from_slice(&weight.as_bytes()[..16]);
            let weight = u128::from_le_bytes(half);
            for share in self.block_shares(tally, *block) {
                weighted.add(weight, &share?).map_err(BookError::from)?;
            }
        }
        Ok(weighted.finish())
    }
}
