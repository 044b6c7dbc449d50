//! A bidder who commits to whatever he likes and signs it all in good order.

use auction::bid::{BondTicket, SealedBid, ShareDelivery, Submission, ticket_digest};
use auction::group::Point;
use auction::join::Auction;
use auction::keys::{SecretKey, Signature};
use auction::layout::{Digest, Label, Layout};
use auction::prices::Level;
use auction::proofs::Place;
use auction::proofs::commitment::commit;
use auction::proofs::membership::MembershipStatement;
use auction::secret::SecretScalar;
use auction::shares::{ExplicitEntries, Share, ShareSum};
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

/// The entries of an explicit share, from their values: each of a size that honest ones have.
pub(crate) fn explicit_entries(values: &[Scalar]) -> ExplicitEntries {
    let entry = |value: &Scalar| {
        let bytes = (Scalar::ONE - value).to_bytes();
        assert!(bytes[17..].iter().all(|byte| *byte == 0), "an entry that cannot be written");
        std::array::from_fn(|i| bytes[i])
    };
    ExplicitEntries::new(values.iter().map(entry).collect())
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
    let (mut rest, own_blinding) = (vector.to_vec(), SecretScalar::random(rng));
    let mut blinding = *own_blinding.expose();
    let mut shares: Vec<Share> =
        (0..auction.accumulators()).map(|_| Share::random_seed(rng)).collect();
    for (k, share) in shares.iter().enumerate().filter(|(k, _)| *k != explicit) {
        let (seeded, rho) = entries(share, levels);
        rest.iter_mut().zip(seeded).for_each(|(rest, entry)| *rest -= entry);
        blinding += rho;
        assert_ne!(k, explicit);
    }
    shares[explicit] = Share::explicit(explicit_entries(&rest), &own_blinding);
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
