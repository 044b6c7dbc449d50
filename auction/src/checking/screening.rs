//! The public part of a bid: what can be checked of it alone, and its proof's place in a batch.
//! PROTOCOL section 3.

use std::sync::Arc;

use crate::bid::{SealedBid, ticket_digest};
use crate::group::{Point, PointBytes};
use crate::join::Auction;
use crate::keys::{Claim, DecodedKey};
use crate::layout::{Digest, Label};
use crate::prices::Level;
use crate::proofs::ProofError;
use crate::proofs::batch::EquationBatch;
use crate::proofs::membership::MembershipStatement;
use crate::receipts::Reason;
use crate::sealing::{cover_of, membership_place};

/// A sealed bid whose signature, ticket and proof hold.
#[derive(Clone)]
pub struct VerifiedBid {
    pub(super) sealed: Arc<SealedBid>,
    pub(super) digest: Digest,
    pub(super) commitments: Arc<[Point]>,
}

impl VerifiedBid {
    /// The bid as it travels.
    #[must_use]
    pub fn sealed(&self) -> &Arc<SealedBid> {
        &self.sealed
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The commitment to each accumulator's share.
    #[must_use]
    pub fn commitments(&self) -> &[Point] {
        &self.commitments
    }
}

/// A bid whose cheap checks passed; its proof is not checked yet.
pub(super) struct Screened {
    /// What it is once its proof is checked too.
    pub(super) verified: VerifiedBid,
    /// Its key, for the signature on the share.
    pub(super) bidder: DecodedKey,
    cover: Level,
}

/// The cheap checks of the public part of bids: context, shape, signature, ticket.
pub(super) fn screen(auction: &Auction, bids: Vec<SealedBid>) -> Vec<Result<Screened, Reason>> {
    let begun: Vec<_> = bids.into_iter().map(|bid| begin(auction, bid)).collect();
    let claims: Vec<Claim> = begun.iter().flatten().map(|begun| begun.claim).collect();
    let mut held = Claim::hold(&claims).into_iter();
    let finish = |begun: Result<Begun, Reason>| {
        let begun = begun?;
        if held.next() == Some(true) { begun.finish(auction) } else { Err(Reason::BidSignature) }
    };
    begun.into_iter().map(finish).collect()
}

/// A bid of the right shape, and what its signature is to be held against.
struct Begun {
    bid: SealedBid,
    digest: Digest,
    bidder: DecodedKey,
    claim: Claim,
}

fn begin(auction: &Auction, bid: SealedBid) -> Result<Begun, Reason> {
    if bid.context != *auction.context() {
        return Err(Reason::OtherContext);
    }
    let (got, expected) = (bid.commitments.len(), auction.accumulators());
    if got != expected {
        return Err(Reason::Commitments { got, expected });
    }
    let digest = bid.digest();
    let (bidder, claim) = bid.claim(&digest).map_err(|_| Reason::BidSignature)?;
    Ok(Begun { bid, digest, bidder, claim })
}

impl Begun {
    /// What remains to be looked at once the signature holds.
    fn finish(self, auction: &Auction) -> Result<Screened, Reason> {
        let Self { bid, digest, bidder, .. } = self;
        let cover = cover_of(auction, &bid.bidder, bid.ticket.as_ref()).map_err(Reason::Ticket)?;
        let commitments = bid
            .commitments
            .iter()
            .map(PointBytes::decode)
            .collect::<Result<Arc<[Point]>, _>>()
            .map_err(|error| Reason::not_a_level(error.into()))?;
        let verified = VerifiedBid { sealed: Arc::new(bid), digest, commitments };
        Ok(Screened { verified, bidder, cover })
    }
}

/// Adds a bid's membership proof to a batch.
pub(super) fn append_membership(
    auction: &Auction,
    bid: &Screened,
    batch: &mut EquationBatch,
) -> Result<(), ProofError> {
    let VerifiedBid { sealed, commitments, .. } = &bid.verified;
    let ticket = ticket_digest(sealed.ticket.as_ref());
    let place = membership_place(auction.context(), &sealed.bidder, &ticket);
    MembershipStatement { commitments, cover: bid.cover }.append(
        place.bind(Label::Membership),
        &sealed.membership,
        batch,
    )
}
