//! A bidder who commits to whatever he likes and signs it all in good order.

use auction::bid::{BondTicket, SealedBid, ShareDelivery, Submission, ticket_digest};
use auction::group::Point;
use auction::join::Auction;
use auction::keys::{SecretKey, Signature};
use auction::layout::{Digest, Label, Layout};
use auction::prices::Level;
use auction::proofs::Place;
use auction::proofs::entries::commit;
use auction::proofs::membership::MembershipStatement;
use auction::secret::{SecretScalar, SecretVector};
use auction::shares::{Share, ShareSum};
use curve25519_dalek::Scalar;
use rand::rngs::ChaCha20Rng;

/// Signs a bid as its key's owner does.
pub(crate) fn sign_bid(bid: &mut SealedBid, bidder: &SecretKey) {
    bid.bidder = bidder.public();
    bid.signature = Signature([0; 64]);
    let mut layout = Layout::new(Label::BidSignature, &bid.context);
    bid.signature = bidder.sign(layout.digest(&bid.digest()));
}

/// Signs bid and share again after one of them was altered.
pub(crate) fn sign_again(submission: &mut Submission, bidder: &SecretKey) {
    sign_bid(&mut submission.bid, bidder);
    let delivery = &submission.delivery;
    submission.delivery = ShareDelivery::sign(
        &submission.bid.context,
        submission.bid.digest(),
        delivery.accumulator,
        delivery.share.clone(),
        bidder,
    );
}

/// The entries of a share.
pub(crate) fn entries(share: &Share, levels: usize) -> (Vec<Scalar>, Scalar) {
    let mut sum = ShareSum::new(levels);
    sum.add(&share.expand(levels).unwrap()).unwrap();
    let sum = sum.finish();
    (sum.vector.expose().to_vec(), *sum.blinding.expose())
}

/// A proof that the sum of the commitments is to `claimed`, made whether that is so or not.
pub(crate) fn prove(
    auction: &Auction,
    bid: &mut SealedBid,
    claimed: Level,
    cover: Level,
    blinding: &SecretScalar,
    rng: &mut ChaCha20Rng,
) {
    let ticket = ticket_digest(bid.ticket.as_ref());
    let place = Place { context: &bid.context, prover: &bid.bidder, round: 0, previous: &ticket };
    let points: Vec<Point> = bid.commitments.iter().map(|c| c.decode().unwrap()).collect();
    bid.membership = MembershipStatement { commitments: &points, cover }.prove(
        place.bind(Label::Membership),
        auction.generators(),
        claimed,
        blinding,
        rng,
    );
}

/// Seals any vector as if it were the bid `claimed`: honest shares that open their commitments,
/// a proof made as honest bidders make it, and good signatures.
pub(crate) fn seal_vector(
    auction: &Auction,
    vector: &[Scalar],
    claimed: Level,
    bidder: &SecretKey,
    ticket: Option<BondTicket>,
    rng: &mut ChaCha20Rng,
) -> Vec<Submission> {
    let levels = auction.levels();
    let explicit = auction.explicit_share_of(&bidder.public());
    let mut rest = (vector.to_vec(), Scalar::random(rng));
    let mut blinding = rest.1;
    let mut shares: Vec<Share> =
        (0..auction.accumulators()).map(|_| Share::random_seed(rng)).collect();
    for (k, share) in shares.iter().enumerate().filter(|(k, _)| *k != explicit) {
        let (seeded, rho) = entries(share, levels);
        rest.0.iter_mut().zip(seeded).for_each(|(rest, entry)| *rest -= entry);
        blinding += rho;
        assert_ne!(k, explicit);
    }
    shares[explicit] = Share::explicit(&SecretVector::new(rest.0), &SecretScalar::new(rest.1));
    let commitments = shares.iter().map(|share| {
        let (entries, rho) = entries(share, levels);
        Point::from(commit(auction.generators(), &entries, &rho)).bytes()
    });
    let cover = ticket.as_ref().map_or(Level(levels as u32), |ticket| ticket.cover);
    // The proof of another bid keeps the place until this one's is made.
    let mut bid =
        auction::sealing::seal(auction, Level(1), bidder, ticket, rng).unwrap().remove(0).bid;
    bid.commitments = commitments.collect();
    prove(auction, &mut bid, claimed, cover, &SecretScalar::new(blinding), rng);
    sign_bid(&mut bid, bidder);
    let digest: Digest = bid.digest();
    let deliver = |(share, k): (Share, u8)| Submission {
        bid: bid.clone(),
        delivery: ShareDelivery::sign(auction.context(), digest, k, share, bidder),
    };
    shares.into_iter().zip(0u8..).map(deliver).collect()
}

/// A vector from small whole numbers.
pub(crate) fn numbers(entries: &[i64]) -> Vec<Scalar> {
    let scalar = |entry: &i64| {
        let size = Scalar::from(entry.unsigned_abs());
        if *entry < 0 { -size } else { size }
    };
    entries.iter().map(scalar).collect()
}
