//! Sealing a bid. PROTOCOL section 2.
//!
//! Everything that depends on the bid level or on a share runs in constant time: selections over
//! the whole ladder and the constant-time multi-scalar multiplication of the curve library.

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _, ConstantTimeGreater as _};

use crate::bid::{BondTicket, SealedBid, ShareDelivery, Submission, TicketError, ticket_digest};
use crate::field::LengthError;
use crate::group::{Generators, Point};
use crate::join::Auction;
use crate::keys::{SecretKey, Signature};
use crate::layout::{Digest, Label};
use crate::prices::Level;
use crate::proofs::commitment::commit;
use crate::proofs::membership::{MembershipProof, MembershipStatement};
use crate::proofs::{Place, ProofError};
use crate::secret::SecretScalar;
use crate::shares::{Share, ShareSum};

/// Why a bid cannot be sealed. The bidder's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The level is not on the ladder.
    #[error("got level {got}, expected 1 to {levels}")]
    NoSuchLevel {
        /// The level asked for.
        got: u32,
        /// Levels of the auction.
        levels: usize,
    },
    /// The bond does not pay the bid.
    #[error("the bond covers level {cover} at most and the bid is higher")]
    NotCovered {
        /// The highest level that the bond pays.
        cover: u32,
    },
    /// The ticket does not fit the auction or the key.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// A share of the wrong size; sealing makes none.
    #[error(transparent)]
    Share(#[from] ProofError),
    /// A share of the wrong length; sealing makes none.
    #[error(transparent)]
    Length(#[from] LengthError),
}

/// Seals a bid at `level` under the key made for this auction: one submission for each
/// accumulator, in their order.
///
/// # Errors
/// [`SealError`] when level or ticket do not fit the auction.
pub fn seal<R: CryptoRng + ?Sized>(
    auction: &Auction,
    level: Level,
    bidder: &SecretKey,
    ticket: Option<BondTicket>,
    rng: &mut R,
) -> Result<Vec<Submission>, SealError> {
    let levels = auction.levels();
    let key = bidder.public();
    let cover = cover_of(auction, &key, ticket.as_ref())?;
    if level.0 == 0 || level.0 as usize > levels {
        return Err(SealError::NoSuchLevel { got: level.0, levels });
    }
    if level > cover {
        return Err(SealError::NotCovered { cover: cover.0 });
    }

    // 2.1 Shares: seeds for all accumulators but one, and what is left for that one.
    let explicit = auction.explicit_share_of(&key);
    let (shares, commitments, blinding) = split(auction, level, explicit, rng)?;

    // 2.3 Validity and cover.
    let context = auction.context();
    let membership = prove_membership(
        auction,
        &commitments,
        level,
        cover,
        &key,
        ticket.as_ref(),
        &blinding,
        rng,
    );

    // 2.4 The sealed bid and its deliveries.
    let mut bid = SealedBid {
        context: *context,
        bidder: key,
        commitments: commitments.iter().map(Point::bytes).collect(),
        membership,
        ticket,
        signature: Signature([0; 64]),
    };
    let digest = bid.digest();
    bid.signature = bidder.sign(&SealedBid::signed_layout(context, &digest));
    let deliveries = shares.into_iter().zip(0u8..).map(|(share, k)| Submission {
        bid: bid.clone(),
        delivery: ShareDelivery::sign(context, digest, k, share, bidder),
    });
    Ok(deliveries.collect())
}

/// The highest level that a bid under this ticket may have.
///
/// # Errors
/// [`TicketError`] when ticket and terms do not fit.
pub fn cover_of(
    auction: &Auction,
    bidder: &crate::keys::PublicKey,
    ticket: Option<&BondTicket>,
) -> Result<Level, TicketError> {
    match (&auction.spec().settlement, ticket) {
        (None, None) => Ok(Level(auction.spec().ladder.levels())),
        (None, Some(_)) => Err(TicketError::Unexpected),
        (Some(_), None) => Err(TicketError::Missing),
        (Some(terms), Some(ticket)) => {
            ticket.verify(&auction.id(), terms, bidder)?;
            Ok(ticket.cover)
        }
    }
}

/// The layout label and place of a bid's membership proof: auction, bidder and ticket.
pub(crate) fn membership_place<'a>(
    context: &'a Digest,
    bidder: &'a crate::keys::PublicKey,
    ticket: &'a Digest,
) -> Place<'a> {
    Place { context, prover: bidder, round: 0, previous: ticket }
}

#[expect(clippy::too_many_arguments, reason = "the statement's parts, each of its own type")]
fn prove_membership<R: CryptoRng + ?Sized>(
    auction: &Auction,
    commitments: &[Point],
    level: Level,
    cover: Level,
    key: &crate::keys::PublicKey,
    ticket: Option<&BondTicket>,
    blinding: &SecretScalar,
    rng: &mut R,
) -> MembershipProof {
    let ticket = ticket_digest(ticket);
    let place = membership_place(auction.context(), key, &ticket);
    MembershipStatement { commitments, cover }.prove(
        place.bind(Label::Membership),
        auction.generators(),
        level,
        blinding,
        rng,
    )
}

type Split = (Vec<Share>, Vec<Point>, SecretScalar);

/// Shares and their commitments, in the order of the accumulators, and the sum of the blindings.
fn split<R: CryptoRng + ?Sized>(
    auction: &Auction,
    level: Level,
    explicit: usize,
    rng: &mut R,
) -> Result<Split, SealError> {
    let (levels, generators) = (auction.levels(), auction.generators());
    let mut sum = ShareSum::new(levels);
    let mut shares = Vec::with_capacity(auction.accumulators());
    let mut commitments: Vec<Option<RistrettoPoint>> = Vec::with_capacity(auction.accumulators());
    for k in 0..auction.accumulators() {
        if k == explicit {
            // Placeholder of the right order; replaced below, when the others are known.
            shares.push(None);
            commitments.push(None);
            continue;
        }
        let share = Share::random_seed(rng);
        let mut alone = ShareSum::new(levels);
        alone.add(&share.expand(levels)?)?;
        sum.add_sum(&alone)?;
        let alone = alone.finish();
        // 2.2 Commitment to a seed share.
        commitments.push(Some(commit(generators, alone.vector.expose(), alone.blinding.expose())));
        shares.push(Some(share));
    }
    let entries = sum.remaining(|j| !j.ct_gt(&level.0));
    let sum = sum.finish();
    let own_blinding = SecretScalar::random(rng);
    let blinding = SecretScalar::new(sum.blinding.expose() + own_blinding.expose());

    // 2.2 The sum of all commitments is P_b + rho H, so the last one is a subtraction.
    let total =
        price_point(generators, levels, level) + generators.blinding().value() * blinding.expose();
    let last = total - commitments.iter().flatten().sum::<RistrettoPoint>();
    let shares = shares
        .into_iter()
        .map(|share| share.unwrap_or_else(|| Share::explicit(entries.clone(), &own_blinding)))
        .collect();
    let commitments = commitments.into_iter().map(|c| c.unwrap_or(last).into()).collect();
    Ok((shares, commitments, blinding))
}

/// `P_b`, found by looking at every level.
fn price_point(generators: &Generators, levels: usize, level: Level) -> RistrettoPoint {
    let mut found = RistrettoPoint::default();
    for (j, point) in (1u32..).zip(generators.levels(levels)) {
        found.conditional_assign(point, j.ct_eq(&level.0));
    }
    found
}
