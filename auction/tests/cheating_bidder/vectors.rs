//! Vectors that are no bid, and commitments taken from others.

use auction::group::PointBytes;
use auction::keys::SecretKey;
use auction::prices::Level;
use auction::receipts::Reason;
use auction::secret::SecretScalar;
use curve25519_dalek::Scalar;

use crate::forge::{entries, numbers, prove, seal_vector, sign_again};
use crate::in_memory::rng;
use crate::{committee, public_part, refused};

#[test]
fn a_unary_vector_passes_so_that_the_refusals_mean_something() {
    let mut rng = rng(1);
    let committee = committee(&mut rng);
    let bidder = SecretKey::generate(&mut rng);
    let unary = numbers(&[1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let forged = seal_vector(&committee.auction, &unary, Level(4), &bidder, None, &mut rng);
    for (k, submission) in forged.into_iter().enumerate() {
        assert_eq!(refused(&committee, k, submission, &mut rng), None);
    }
}

#[test]
fn a_vector_that_is_not_unary_is_refused_by_everyone() {
    let mut rng = rng(2);
    let committee = committee(&mut rng);
    let vectors: [(&[i64], u32); 9] = [
        // Level 0: a bid of nothing.
        (&[0; 12], 1),
        // A gap; only the highest level; the ones at the wrong end.
        (&[1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0], 5),
        (&[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], 5),
        (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], 12),
        // Two bids in one, and the same bid twice.
        (&[2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0], 4),
        (&[2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0], 4),
        // Counted against others.
        (&[-1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0], 4),
        (&[1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1], 4),
        // Enough to hide a level's count.
        (&[1, 1, 1, 1_000_000, 0, 0, 0, 0, 0, 0, 0, 0], 4),
    ];
    for (vector, claimed) in vectors {
        let bidder = SecretKey::generate(&mut rng);
        let (vector, claimed) = (numbers(vector), Level(claimed));
        let forged = seal_vector(&committee.auction, &vector, claimed, &bidder, None, &mut rng);
        let seen = public_part(&committee, &forged[0], &mut rng);
        assert!(matches!(seen, Some(Reason::NotALevel(_))), "{seen:?}");
        for (k, submission) in forged.into_iter().enumerate() {
            let reason = refused(&committee, k, submission, &mut rng);
            assert!(matches!(reason, Some(Reason::NotALevel(_))), "{reason:?}");
        }
    }
}

#[test]
fn a_bid_copied_under_another_key_is_refused() {
    let mut rng = rng(3);
    let committee = committee(&mut rng);
    let victim = committee.seal(Level(9), &mut rng);
    let thief = SecretKey::generate(&mut rng);
    for k in 0..3 {
        // Everything copied, the share too, as a thief among the accumulators can.
        let mut copied = victim.submissions[k].clone();
        sign_again(&mut copied, &thief);
        let reason = refused(&committee, k, copied.clone(), &mut rng);
        let shape = matches!(&reason, Some(Reason::ShareShape { .. }));
        // The proof is not the thief's; and his explicit share may be due elsewhere.
        assert!(shape || matches!(&reason, Some(Reason::NotALevel(_))), "{reason:?}");
        let seen = public_part(&committee, &copied, &mut rng);
        assert!(matches!(seen, Some(Reason::NotALevel(_))), "{seen:?}");
        // The commitments copied, and a proof of his own without the blinding.
        for claimed in 1..=12 {
            let guess = SecretScalar::random(&mut rng);
            let cover = Level(12);
            prove(&committee.auction, &mut copied.bid, Level(claimed), cover, &guess, &mut rng);
            sign_again(&mut copied, &thief);
            let seen = public_part(&committee, &copied, &mut rng);
            assert!(matches!(seen, Some(Reason::NotALevel(_))), "{seen:?}");
        }
    }
}

#[test]
fn commitments_moved_altered_or_miscounted_are_refused() {
    let mut rng = rng(4);
    let committee = committee(&mut rng);
    let sealed = committee.seal(Level(9), &mut rng);
    let honest = &sealed.submissions[0];
    for (count, reason) in [
        (0, Reason::Commitments { got: 0, expected: 3 }),
        (2, Reason::Commitments { got: 2, expected: 3 }),
        (4, Reason::Commitments { got: 4, expected: 3 }),
    ] {
        let mut bad = honest.clone();
        let last = bad.bid.commitments[0];
        bad.bid.commitments.resize(count, last);
        sign_again(&mut bad, &sealed.bidder);
        assert_eq!(refused(&committee, 0, bad, &mut rng), Some(reason));
    }
    // Swapped: the sum is the same, but the proof was made for them in their order.
    let mut bad = honest.clone();
    bad.bid.commitments.swap(0, 1);
    sign_again(&mut bad, &sealed.bidder);
    let seen = public_part(&committee, &bad, &mut rng);
    assert!(matches!(seen, Some(Reason::NotALevel(_))), "{seen:?}");
    // And with a proof for their new order: it holds; the shares do not open them.
    let shares = sealed.submissions.iter().map(|submission| &submission.delivery.share);
    let blinding = SecretScalar::new(shares.map(|share| entries(share, 12).1).sum());
    prove(&committee.auction, &mut bad.bid, Level(9), Level(12), &blinding, &mut rng);
    sign_again(&mut bad, &sealed.bidder);
    assert_eq!(public_part(&committee, &bad, &mut rng), None);
    let named = bad.delivery.digest(committee.auction.context());
    assert_eq!(refused(&committee, 0, bad, &mut rng), Some(Reason::ShareDoesNotOpen(named)));
    // Not the encoding of anything.
    let mut bad = honest.clone();
    bad.bid.commitments[1] = PointBytes([0xff; 32]);
    sign_again(&mut bad, &sealed.bidder);
    let reason = refused(&committee, 0, bad, &mut rng);
    assert!(matches!(reason, Some(Reason::NotALevel(_))), "{reason:?}");
}

#[test]
fn two_bad_bids_whose_errors_cancel_are_both_refused() {
    // One more than a level and one less: together they are two levels.
    let mut rng = rng(5);
    let committee = committee(&mut rng);
    let mut batch = Vec::new();
    for change in [Scalar::ONE, -Scalar::ONE] {
        let bidder = SecretKey::generate(&mut rng);
        let mut vector = numbers(&[1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        vector[7] += change;
        let forged = seal_vector(&committee.auction, &vector, Level(4), &bidder, None, &mut rng);
        batch.push(forged[1].clone());
        batch.push(committee.seal(Level(2), &mut rng).submissions[1].clone());
    }
    let results = crate::said(&committee, 1, batch, &mut rng);
    assert!(matches!(results[0], Err(Reason::NotALevel(_))));
    assert!(matches!(results[2], Err(Reason::NotALevel(_))));
    assert!(results[1].is_ok() && results[3].is_ok());
}
