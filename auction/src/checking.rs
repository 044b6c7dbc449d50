//! Checking bids, many at a time. PROTOCOL section 3.
//!
//! The membership proofs and the share openings of a batch are one multi-scalar multiplication
//! in which every generator appears once. When a batch fails it is halved until the bad bids
//! stand alone, so that one bad bid costs the others little and blame is exact.

use std::sync::Arc;

use rand::CryptoRng;

use crate::bid::{SealedBid, Submission, ticket_digest};
use crate::group::Point;
use crate::join::Auction;
use crate::keys::DecodedKey;
use crate::layout::{Digest, Label};
use crate::prices::Level;
use crate::proofs::ProofError;
use crate::proofs::batch::EquationBatch;
use crate::proofs::entries::commit;
use crate::proofs::membership::MembershipStatement;
use crate::receipts::Reason;
use crate::sealing::{cover_of, membership_place};
use crate::secret::{SecretScalar, SecretVector};
use crate::shares::{Share, SummedShare, WeightedShareSum};

/// A sealed bid whose signature, ticket and proof hold.
#[derive(Clone)]
pub struct VerifiedBid {
    sealed: Arc<SealedBid>,
    digest: Digest,
    commitments: Arc<[Point]>,
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

/// A verified bid with this accumulator's share, which opens its commitment.
pub struct CheckedBid {
    /// The bid.
    pub verified: VerifiedBid,
    /// The share.
    pub share: Share,
}

/// A bid whose cheap checks passed; its proof is not checked yet.
struct Screened {
    verified: VerifiedBid,
    bidder: DecodedKey,
    sum: Point,
    cover: Level,
}

/// Checks the public part of bids, as auditors and accumulators do alike.
pub fn verify_bids<R: CryptoRng + ?Sized>(
    auction: &Auction,
    bids: Vec<SealedBid>,
    rng: &mut R,
) -> Vec<Result<VerifiedBid, Reason>> {
    let mut results: Vec<_> = bids.into_iter().map(|bid| screen(auction, bid)).collect();
    let waiting: Vec<usize> = passed(&results);
    let mut failed = Vec::new();
    halve(
        &waiting,
        &mut |part| {
            let mut batch = new_batch(auction, rng);
            for &i in part {
                // Only positions of screened bids wait.
                if let Ok(bid) = &results[i] {
                    append_membership(auction, bid, &mut batch)?;
                }
            }
            batch.check()
        },
        &mut failed,
    );
    for (i, error) in failed {
        results[i] = Err(Reason::not_a_level(error));
    }
    results.into_iter().map(|result| result.map(|screened| screened.verified)).collect()
}

/// Checks bids with their shares, for one accumulator.
pub struct BidChecker {
    auction: Arc<Auction>,
    accumulator: usize,
    blind: Blind,
}

/// A secret random vector with its commitment. A fresh multiple of it in every batch blinds the
/// scalars of the batch's multiplication, whose time depends on them: they say nothing of shares.
struct Blind {
    sum: SummedShare,
    commitment: Point,
}

impl BidChecker {
    /// A checker for accumulator number `accumulator`.
    #[must_use]
    pub fn new<R: CryptoRng + ?Sized>(
        auction: Arc<Auction>,
        accumulator: usize,
        rng: &mut R,
    ) -> Self {
        let vector = SecretVector::random(auction.levels(), rng);
        let blinding = SecretScalar::random(rng);
        let commitment = commit(auction.generators(), vector.expose(), blinding.expose()).into();
        let blind = Blind { sum: SummedShare { vector, blinding }, commitment };
        Self { auction, accumulator, blind }
    }

    /// Checks a batch: for each submission the checked bid, or why it is refused.
    pub fn check<R: CryptoRng + ?Sized>(
        &self,
        submissions: Vec<Submission>,
        rng: &mut R,
    ) -> Vec<Result<CheckedBid, Reason>> {
        let mut results: Vec<Result<(Screened, Share), Reason>> =
            submissions.into_iter().map(|submission| self.screen(submission)).collect();
        let waiting: Vec<usize> = passed(&results);
        let mut failed = Vec::new();
        halve(&waiting, &mut |part| self.check_part(part, &results, rng), &mut failed);
        for (i, error) in failed {
            if let Ok((screened, _)) = &results[i] {
                let mut alone = new_batch(&self.auction, rng);
                let proved = append_membership(&self.auction, screened, &mut alone)
                    .and_then(|()| alone.check());
                results[i] = Err(match proved {
                    Ok(()) => Reason::ShareDoesNotOpen,
                    Err(_) => Reason::not_a_level(error),
                });
            }
        }
        let checked = |(screened, share): (Screened, Share)| CheckedBid {
            verified: screened.verified,
            share,
        };
        results.into_iter().map(|result| result.map(checked)).collect()
    }

    fn screen(&self, submission: Submission) -> Result<(Screened, Share), Reason> {
        let Submission { bid, delivery } = submission;
        let screened = screen(&self.auction, bid)?;
        let mine = usize::from(delivery.accumulator) == self.accumulator;
        if !mine || delivery.bid != screened.verified.digest {
            return Err(Reason::OtherShare);
        }
        let bidder = &screened.verified.sealed.bidder;
        delivery
            .verify(self.auction.context(), &screened.bidder)
            .map_err(|_| Reason::ShareSignature)?;
        let seed = matches!(delivery.share, Share::Seed(_));
        if seed == (self.auction.explicit_share_of(bidder) == self.accumulator) {
            let expected = if seed { "an explicit share" } else { "a seed" };
            return Err(Reason::ShareShape(format!("expected {expected} for this accumulator")));
        }
        delivery
            .share
            .expand(self.auction.levels())
            .map_err(|error| Reason::ShareShape(error.to_string()))?;
        Ok((screened, delivery.share))
    }

    /// Membership and openings of the given bids as one multiplication.
    fn check_part<R: CryptoRng + ?Sized>(
        &self,
        part: &[usize],
        results: &[Result<(Screened, Share), Reason>],
        rng: &mut R,
    ) -> Result<(), ProofError> {
        let mut batch = new_batch(&self.auction, rng);
        let mut sum = WeightedShareSum::new(self.auction.levels());
        let wrong_length = |_| ProofError::DoesNotHold;
        for &i in part {
            // Only positions of screened submissions wait.
            let Ok((screened, share)) = &results[i] else { continue };
            append_membership(&self.auction, screened, &mut batch)?;
            // weight * (C^(k) - <x, U> - rho H) = 0
            let weight = random_weight(rng);
            // Screening saw one commitment for each accumulator.
            batch.term(weight.into(), &screened.verified.commitments[self.accumulator]);
            let expanded = share.expand(self.auction.levels())?;
            sum.add(weight, &expanded).map_err(wrong_length)?;
        }
        let weight = random_weight(rng);
        batch.term(weight.into(), &self.blind.commitment);
        sum.add_sum(weight, &self.blind.sum).map_err(wrong_length)?;
        let sum = sum.finish();
        batch.levels_by_difference(-curve25519_dalek::Scalar::ONE, sum.vector.expose());
        batch.blinding(-sum.blinding.expose());
        batch.check()
    }
}

fn random_weight<R: CryptoRng + ?Sized>(rng: &mut R) -> u128 {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    u128::from_le_bytes(bytes)
}

fn new_batch<R: CryptoRng + ?Sized>(auction: &Auction, rng: &mut R) -> EquationBatch {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    EquationBatch::new(auction.generators(), auction.levels(), seed)
}

/// The cheap checks of a bid's public part: context, shape, signature, ticket.
fn screen(auction: &Auction, bid: SealedBid) -> Result<Screened, Reason> {
    if bid.context != *auction.context() {
        return Err(Reason::OtherContext);
    }
    let (got, expected) = (bid.commitments.len(), auction.accumulators());
    if got != expected {
        return Err(Reason::Commitments { got, expected });
    }
    let digest = bid.digest();
    let bidder = bid.verify_signature(&digest).map_err(|_| Reason::BidSignature)?;
    let cover = cover_of(auction, &bid.bidder, bid.ticket.as_ref()).map_err(Reason::Ticket)?;
    let commitments = bid
        .commitments
        .iter()
        .map(crate::group::PointBytes::decode)
        .collect::<Result<Arc<[Point]>, _>>()
        .map_err(|error| Reason::not_a_level(error.into()))?;
    let sum = Point::sum(commitments.iter());
    Ok(Screened {
        bidder,
        verified: VerifiedBid { sealed: Arc::new(bid), digest, commitments },
        sum,
        cover,
    })
}

fn append_membership(
    auction: &Auction,
    bid: &Screened,
    batch: &mut EquationBatch,
) -> Result<(), ProofError> {
    let sealed = &bid.verified.sealed;
    let ticket = ticket_digest(sealed.ticket.as_ref());
    let place = membership_place(auction.context(), &sealed.bidder, &ticket);
    MembershipStatement { commitment: &bid.sum, cover: bid.cover }.append(
        place.bind(Label::Membership),
        &sealed.membership,
        batch,
    )
}

fn passed<T>(results: &[Result<T, Reason>]) -> Vec<usize> {
    (0..results.len()).filter(|i| results[*i].is_ok()).collect()
}

/// Checks a part; halves it when it fails, until those that fail stand alone.
fn halve(
    part: &[usize],
    check: &mut impl FnMut(&[usize]) -> Result<(), ProofError>,
    failed: &mut Vec<(usize, ProofError)>,
) {
    match (part, if part.is_empty() { Ok(()) } else { check(part) }) {
        (_, Ok(())) => {}
        ([alone], Err(error)) => failed.push((*alone, error)),
        (_, Err(_)) => {
            let (left, right) = part.split_at(part.len() / 2);
            halve(left, check, failed);
            halve(right, check, failed);
        }
    }
}
