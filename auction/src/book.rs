//! The bids that one accumulator holds while an auction is open. PROTOCOL section 3.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::checking::{CheckedBatch, CountedBid, VerifiedBid};
use crate::field::LengthError;
use crate::join::Auction;
use crate::keys::{PublicKey, Signature};
use crate::layout::Digest;
use crate::messages::Listed;
use crate::proofs::ProofError;
use crate::receipts::{Reason, Receipt, ReceiptsError, verify_all};
use crate::shares::{Share, ShareSum};

/// What the book says of a submission before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not seen: check it.
    New,
    /// Already accepted: the same receipt again.
    Accepted,
    /// Refused without a look at its proof.
    Refused(Reason),
}

/// Shares that cannot be added; those checked for the same auction always can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Malformed share.
    #[error(transparent)]
    Shape(#[from] ProofError),
    /// Share of another number of levels.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// The book of accepted bids, with the running sum of their shares.
pub struct BidBook {
    auction: Arc<Auction>,
    by_key: HashMap<PublicKey, Digest>,
    bids: BTreeMap<Digest, (CountedBid, Share)>,
    receipts: BTreeMap<Digest, Vec<Signature>>,
    sum: ShareSum,
    /// Whether the bids as they travel are kept elsewhere.
    beside_store: bool,
}

/// The book after closing: nothing is added any more.
pub struct ClosedBook {
    pub(crate) bids: Vec<CountedBid>,
    pub(crate) shares: HashMap<Digest, Share>,
    pub(crate) list: Vec<Listed>,
    pub(crate) receipts: BTreeMap<Digest, Vec<Signature>>,
    pub(crate) sum: ShareSum,
}

impl BidBook {
    /// An empty book.
    #[must_use]
    pub fn new(auction: Arc<Auction>) -> Self {
        let sum = ShareSum::new(auction.levels());
        Self {
            auction,
            by_key: HashMap::new(),
            bids: BTreeMap::new(),
            receipts: BTreeMap::new(),
            sum,
            beside_store: false,
        }
    }

    /// An empty book beside a store that has the bids as they travel: the book keeps of each what
    /// the rounds need, less than half of it.
    #[must_use]
    pub fn beside_store(auction: Arc<Auction>) -> Self {
        Self { beside_store: true, ..Self::new(auction) }
    }

    /// Number of bids accepted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bids.len()
    }

    /// Whether no bid was accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty()
    }

    /// Whether the bid is accepted.
    #[must_use]
    pub fn holds(&self, bid: &Digest) -> bool {
        self.bids.contains_key(bid)
    }

    /// Where a bid with this digest and key stands. One bid a key, room for the spec's most bids.
    #[must_use]
    pub fn standing(&self, bid: &Digest, bidder: &PublicKey) -> Standing {
        self.standing_beside(&HashMap::new(), bid, bidder)
    }

    /// As [`Self::standing`], when the bids in `coming`, by their keys, are about to be accepted:
    /// none of these keys is in the book.
    #[must_use]
    pub fn standing_beside(
        &self,
        coming: &HashMap<PublicKey, Digest>,
        bid: &Digest,
        bidder: &PublicKey,
    ) -> Standing {
        let most = self.auction.spec().most_bids as usize;
        match self.by_key.get(bidder).or_else(|| coming.get(bidder)) {
            Some(known) if known == bid => Standing::Accepted,
            Some(known) => Standing::Refused(Reason::SecondBid(*known)),
            None if self.bids.len() + coming.len() >= most => Standing::Refused(Reason::Full),
            None => Standing::New,
        }
    }

    /// 3 Takes checked bids into book and sum, but for those whose standing is not new any more.
    /// Where each stood, in order: the new ones were taken.
    ///
    /// # Errors
    /// [`BookError`], which checked bids never give; nothing was taken.
    pub fn accept(&mut self, mut batch: CheckedBatch) -> Result<Vec<Standing>, BookError> {
        let (mut standings, mut coming) = (Vec::with_capacity(batch.bids().len()), HashMap::new());
        batch.retain(|checked| {
            let verified = checked.verified();
            let (digest, bidder) = (verified.digest(), verified.sealed().bidder);
            let standing = if verified.sealed().context == *self.auction.context() {
                self.standing_beside(&coming, &digest, &bidder)
            } else {
                Standing::Refused(Reason::OtherContext)
            };
            let new = standing == Standing::New;
            if new {
                coming.insert(bidder, digest);
            }
            standings.push(standing);
            new
        });
        if coming.is_empty() {
            return Ok(standings);
        }
        let (taken, sum) = batch.into_sum()?;
        self.sum.add_sum(&sum)?;
        self.by_key.extend(coming);
        for checked in taken {
            let (verified, share) = checked.into_parts();
            self.enter(verified, share.into_share());
        }
        Ok(standings)
    }

    /// Takes back a bid with its share from this accumulator's own sealed store, into which
    /// checked ones alone are put: the share is believed to open the bid's commitment.
    ///
    /// # Errors
    /// [`BookError`] when the share is malformed; nothing was taken.
    pub fn restore(&mut self, verified: VerifiedBid, share: Share) -> Result<Standing, BookError> {
        let (digest, bidder) = (verified.digest(), verified.sealed().bidder);
        let standing = self.standing(&digest, &bidder);
        if standing == Standing::New {
            self.sum.add(&share.expand(self.auction.levels())?)?;
            self.by_key.insert(bidder, digest);
            self.enter(verified, share);
        }
        Ok(standing)
    }

    fn enter(&mut self, verified: VerifiedBid, share: Share) {
        let counted = CountedBid::from(verified);
        let counted = if self.beside_store { counted.without_sealed() } else { counted };
        self.bids.insert(counted.digest(), (counted, share));
    }

    /// Keeps the receipts of all accumulators for an accepted bid: it then counts whatever
    /// others list.
    ///
    /// # Errors
    /// [`ReceiptsError`] when a receipt is missing or wrong.
    pub fn complete(&mut self, bid: &Digest, receipts: &[Receipt]) -> Result<(), ReceiptsError> {
        if !self.receipts.contains_key(bid) {
            verify_all(&self.auction, bid, receipts)?;
            let signatures = receipts.iter().map(|receipt| receipt.signature).collect();
            self.receipts.insert(*bid, signatures);
        }
        Ok(())
    }

    /// Whether the receipts of all accumulators are kept for a bid.
    #[must_use]
    pub fn is_complete(&self, bid: &Digest) -> bool {
        self.receipts.contains_key(bid)
    }

    /// Closes the book: the list to sign, and what the rounds need.
    #[must_use]
    pub fn close(self) -> ClosedBook {
        let list = self
            .bids
            .keys()
            .map(|bid| Listed { bid: *bid, complete: self.receipts.contains_key(bid) })
            .collect();
        let mut bids = Vec::with_capacity(self.bids.len());
        let mut shares = HashMap::with_capacity(self.bids.len());
        for (digest, (counted, share)) in self.bids {
            bids.push(counted);
            shares.insert(digest, share);
        }
        ClosedBook { bids, shares, list, receipts: self.receipts, sum: self.sum }
    }
}

impl ClosedBook {
    /// The accepted bids, sorted by digest.
    #[must_use]
    pub fn bids(&self) -> &[CountedBid] {
        &self.bids
    }
}
