//! Checked bids with the sum of their shares. PROTOCOL section 3.

use std::sync::Arc;

use crate::bid::{SealedBid, ShareDelivery};
use crate::checking::VerifiedBid;
use crate::field::LengthError;
use crate::receipts::Reason;
use crate::shares::{FormedShare, Share, ShareSum};

/// A verified bid with this accumulator's share, which opens its commitment. Checking alone
/// makes one.
pub struct CheckedBid {
    pub(super) verified: VerifiedBid,
    pub(super) share: FormedShare,
}

impl CheckedBid {
    /// The bid.
    #[must_use]
    pub fn verified(&self) -> &VerifiedBid {
        &self.verified
    }

    /// The share.
    #[must_use]
    pub fn share(&self) -> &Share {
        self.share.share()
    }

    pub(crate) fn into_parts(self) -> (VerifiedBid, FormedShare) {
        (self.verified, self.share)
    }
}

/// What checking a batch of submissions gave.
pub struct Checked {
    /// For each submission, in order, why it is refused if it is.
    pub verdicts: Vec<Result<(), Reason>>,
    /// The others, in the same order.
    pub batch: CheckedBatch,
    /// Shares that were refused for themselves, in no order: their bidders signed them.
    pub wrong_shares: Vec<WrongShare>,
}

/// A share that does not open its commitment or is malformed, as its bidder signed it, with the
/// bid that it is of: what an accumulator keeps to show that it was right to refuse.
pub struct WrongShare {
    /// The bid.
    pub bid: Arc<SealedBid>,
    /// The share.
    pub delivery: ShareDelivery,
}

/// Checked bids beside the sum of their shares, which was made while they were checked. Bids and
/// sum go into the book together or not at all: nothing gives either alone, and a bid that is
/// left out is taken out of the sum as well.
pub struct CheckedBatch {
    bids: Vec<CheckedBid>,
    /// Shares in the sum whose bids were left out.
    out: Vec<FormedShare>,
    sums: Vec<ShareSum>,
    levels: usize,
}

impl CheckedBatch {
    /// The batch of these bids; `sums` together hold the share of each once.
    pub(super) fn new(bids: Vec<CheckedBid>, sums: Vec<ShareSum>, levels: usize) -> Self {
        Self { bids, out: Vec::new(), sums, levels }
    }

    /// The bids, in the order of their submissions.
    #[must_use]
    pub fn bids(&self) -> &[CheckedBid] {
        &self.bids
    }

    /// Leaves out the bids for which `keep`, asked once for each in order, says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&CheckedBid) -> bool) {
        let all = std::mem::take(&mut self.bids);
        for bid in all {
            if keep(&bid) {
                self.bids.push(bid);
            } else {
                self.out.push(bid.share);
            }
        }
    }

    /// The bids with the sum of exactly their shares. Shares whose bids were left out are expanded
    /// again and subtracted; where they are the more, the others are added afresh.
    ///
    /// # Errors
    /// [`LengthError`], which shares of one number of levels never give.
    pub(crate) fn into_sum(self) -> Result<(Vec<CheckedBid>, ShareSum), LengthError> {
        let Self { bids, out, sums, levels } = self;
        let mut sums = sums.into_iter();
        let empty = || ShareSum::new(levels);
        if out.len() > bids.len() {
            let mut sum = empty();
            for bid in &bids {
                sum.add(&bid.share.expand())?;
            }
            return Ok((bids, sum));
        }
        let mut sum = sums.next().unwrap_or_else(empty);
        for part in sums {
            sum.add_sum(&part)?;
        }
        for share in &out {
            sum.subtract(&share.expand())?;
        }
        Ok((bids, sum))
    }
}
