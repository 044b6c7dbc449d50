//! The set of bids once it is fixed, and the public values that are functions of it.

use std::collections::HashMap;

use crate::checking::CountedBid;
use crate::group::Point;
use crate::keys::PublicKey;
use crate::layout::Digest;
use crate::order::{draw, order_point};
use crate::search::Interval;
use crate::set::set_digest;

/// The fixed set.
pub struct Tally {
    digest: Digest,
    bids: Vec<CountedBid>,
    sums: Vec<Point>,
    order_point: Point,
    order: Vec<usize>,
}

impl Tally {
    /// The set of the given bids, sorted by digest, for `accumulators` accumulators.
    pub(super) fn new(context: &Digest, bids: Vec<CountedBid>, accumulators: usize) -> Self {
        let digests: Vec<_> = bids.iter().map(CountedBid::digest).collect();
        let digest = set_digest(context, &digests);
        // 4 Cbar^(k) = sum_i C_i^(k); every verified bid has one commitment an accumulator.
        let sum = |k: usize| Point::sum(bids.iter().map(|bid| &bid.commitments()[k]));
        let sums = (0..accumulators).map(sum).collect();
        let order_point = order_point(context, &digest);
        Self { digest, bids, sums, order_point, order: Vec::new() }
    }

    /// Two bids of one key, if there are any.
    pub(super) fn one_key_twice(&self) -> Option<(Digest, Digest)> {
        let mut seen: HashMap<PublicKey, Digest> = HashMap::with_capacity(self.bids.len());
        self.bids.iter().find_map(|bid| {
            let first = seen.insert(bid.bidder(), bid.digest());
            first.map(|first| (first, bid.digest()))
        })
    }

    /// 8 Draws the order, when every accumulator's contribution is known.
    pub(super) fn draw_order(&mut self, context: &Digest, sigmas: &[Point]) {
        let bidders: Vec<_> = self.bids.iter().map(|bid| bid.bidder()).collect();
        self.order = draw(context, &self.digest, sigmas, &bidders);
    }

    /// The digest of the set.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bids, sorted by digest.
    #[must_use]
    pub fn bids(&self) -> &[CountedBid] {
        &self.bids
    }

    /// `Cbar^(k)`, the commitment to each accumulator's summed share.
    #[must_use]
    pub fn sums(&self) -> &[Point] {
        &self.sums
    }

    /// `Q`, whose multiples draw the order.
    #[must_use]
    pub fn order_point(&self) -> &Point {
        &self.order_point
    }

    /// The bids at a run of positions in the order; empty before the order is drawn.
    pub fn at(&self, positions: Interval) -> impl Iterator<Item = &CountedBid> {
        let run = self.order.iter().skip(positions.low).take(positions.size);
        // The order is a permutation of the bids' positions.
        run.map(|i| &self.bids[*i])
    }

    /// Commitments to accumulator `k`'s share of each bid at a run of positions.
    #[must_use]
    pub fn commitments(&self, k: usize, positions: Interval) -> Vec<Point> {
        // Every verified bid has one commitment an accumulator.
        self.at(positions).map(|bid| bid.commitments()[k]).collect()
    }

    /// Commitments to accumulator `k`'s share summed over each block.
    #[must_use]
    pub fn block_sums(&self, k: usize, blocks: &[Interval]) -> Vec<Point> {
        // Every verified bid has one commitment an accumulator.
        let sum = |block: &Interval| Point::sum(self.at(*block).map(|bid| &bid.commitments()[k]));
        blocks.iter().map(sum).collect()
    }
}
