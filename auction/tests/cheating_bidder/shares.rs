//! Shares that do not open, are of the wrong kind, or are for somebody else.

use auction::keys::{SecretKey, Signature};
use auction::prices::Level;
use auction::receipts::Reason;
use auction::secret::SecretScalar;
use auction::shares::{ExplicitEntries, ExplicitEntry, Share};
use curve25519_dalek::Scalar;

use crate::forge::{entries, explicit_entries, sign_again};
use crate::in_memory::{Committee, Sealed, rng};
use crate::{committee, refused, said};
use rand::rngs::ChaCha20Rng;

/// A sealed bid with the numbers of an accumulator that gets a seed and of the one that gets
/// every entry.
fn sealed(committee: &Committee, rng: &mut ChaCha20Rng) -> (Sealed, usize, usize) {
    let sealed = committee.seal(Level(9), rng);
    let explicit = committee.auction.explicit_share_of(&sealed.bidder.public());
    (sealed, (explicit + 1) % 3, explicit)
}

/// An explicit share with one entry, or the blinding, raised.
fn raised(share: &Share, entry: Option<usize>, by: Scalar) -> Share {
    let (mut entries, mut blinding) = entries(share, 12);
    match entry {
        Some(entry) => entries[entry] += by,
        None => blinding += by,
    }
    Share::explicit(explicit_entries(&entries), &SecretScalar::new(blinding))
}

#[test]
fn a_share_that_does_not_open_is_refused_where_it_goes_and_nowhere_else() {
    let mut rng = rng(10);
    let committee = committee(&mut rng);
    let (sealed, seeded, explicit) = sealed(&committee, &mut rng);
    let honest = &sealed.submissions;
    let mut bad: Vec<(usize, Share)> = vec![(seeded, Share::random_seed(&mut rng))];
    for entry in [Some(0), Some(8), Some(9), Some(11), None] {
        bad.push((explicit, raised(&honest[explicit].delivery.share, entry, Scalar::ONE)));
    }
    for (k, share) in bad {
        let mut submission = honest[k].clone();
        submission.delivery.share = share;
        sign_again(&mut submission, &sealed.bidder);
        let named = submission.delivery.digest(committee.auction.context());
        let reason = refused(&committee, k, submission, &mut rng);
        assert_eq!(reason, Some(Reason::ShareDoesNotOpen(named)));
    }
    for (k, submission) in honest.iter().enumerate() {
        assert_eq!(refused(&committee, k, submission.clone(), &mut rng), None);
    }
}

#[test]
fn a_proof_and_a_share_whose_errors_cancel_are_refused() {
    // Both equations end in H: a response too high by one, a blinding too low by one.
    let mut rng = rng(11);
    let committee = committee(&mut rng);
    let (sealed, _, explicit) = sealed(&committee, &mut rng);
    for sign in [Scalar::ONE, -Scalar::ONE] {
        let mut bad = sealed.submissions[explicit].clone();
        let response = bad.bid.membership.blinding.decode().unwrap();
        bad.bid.membership.blinding = (&(response + sign)).into();
        bad.delivery.share = raised(&bad.delivery.share, None, sign);
        sign_again(&mut bad, &sealed.bidder);
        let reason = refused(&committee, explicit, bad, &mut rng);
        assert!(matches!(reason, Some(Reason::NotALevel(_))), "{reason:?}");
    }
}

#[test]
fn two_shares_whose_errors_cancel_are_both_refused() {
    let mut rng = rng(12);
    let committee = committee(&mut rng);
    let mut batch = Vec::new();
    let mut signs = [Scalar::ONE, -Scalar::ONE].into_iter();
    while batch.len() < 2 {
        let (sealed, _, explicit) = sealed(&committee, &mut rng);
        if explicit != 1 {
            continue;
        }
        let mut bad = sealed.submissions[1].clone();
        bad.delivery.share = raised(&bad.delivery.share, Some(5), signs.next().unwrap());
        sign_again(&mut bad, &sealed.bidder);
        batch.push(bad);
    }
    batch.push(committee.seal(Level(3), &mut rng).submissions[1].clone());
    let context = *committee.auction.context();
    let named = [0, 1].map(|i: usize| batch[i].delivery.digest(&context));
    let results = said(&committee, 1, batch, &mut rng);
    assert_eq!(results[..2], named.map(|share| Err(Reason::ShareDoesNotOpen(share))));
    assert!(results[2].is_ok());
}

#[test]
fn many_bad_bids_in_a_large_batch_are_found_each() {
    let mut rng = rng(13);
    let committee = committee(&mut rng);
    let mut batch = Vec::new();
    let bad = [0, 1, 7, 20, 38, 39];
    for i in 0..40 {
        let sealed = committee.seal(Level(1 + i % 12), &mut rng);
        let mut submission = sealed.submissions[2].clone();
        if bad.contains(&i) {
            let blinding = submission.bid.membership.bits_blinding.decode().unwrap();
            submission.bid.membership.bits_blinding = (&(blinding + Scalar::ONE)).into();
            sign_again(&mut submission, &sealed.bidder);
        }
        batch.push(submission);
    }
    for (i, result) in (0..).zip(said(&committee, 2, batch, &mut rng)) {
        assert_eq!(matches!(result, Err(Reason::NotALevel(_))), bad.contains(&i), "{i}");
        assert_eq!(result.is_ok(), !bad.contains(&i), "{i}");
    }
}

#[test]
fn an_explicit_share_where_a_seed_is_due_and_the_reverse_are_refused() {
    let mut rng = rng(14);
    let committee = committee(&mut rng);
    let (sealed, seeded, explicit) = sealed(&committee, &mut rng);
    // Entries where a seed is due. (A seed's own expansion cannot even be written so: what an
    // explicit share can say of an entry is at most one.)
    let mut bad = sealed.submissions[seeded].clone();
    bad.delivery.share = sealed.submissions[explicit].delivery.share.clone();
    sign_again(&mut bad, &sealed.bidder);
    let reason = refused(&committee, seeded, bad, &mut rng);
    assert!(matches!(reason, Some(Reason::ShareShape { .. })), "{reason:?}");
    let mut bad = sealed.submissions[explicit].clone();
    bad.delivery.share = Share::random_seed(&mut rng);
    sign_again(&mut bad, &sealed.bidder);
    let reason = refused(&committee, explicit, bad, &mut rng);
    assert!(matches!(reason, Some(Reason::ShareShape { .. })), "{reason:?}");
}

#[test]
fn a_malformed_share_is_refused() {
    let mut rng = rng(15);
    let committee = committee(&mut rng);
    let (sealed, _, explicit) = sealed(&committee, &mut rng);
    let honest = &sealed.submissions[explicit];
    type Change = fn(&mut Vec<ExplicitEntry>, &mut [u8; 32]);
    let changes: [Change; 9] = [
        |entries, _| entries.clear(),
        |entries, _| _ = entries.pop(),
        |entries, _| entries.push([0; 17]),
        // Of three accumulators' shares the entries are at most 2 (2^128 - 1) + 1.
        |entries, _| entries[3] = [0xff; 17],
        |entries, _| entries[0][16] = 2,
        |entries, _| entries[11][16] |= 0x10,
        |entries, _| entries[11][16] |= 0x80,
        // The group's order, and one above what it leaves: encodings of nothing.
        |_, blinding| {
            *blinding = (-Scalar::ONE).to_bytes();
            blinding[0] += 1;
        },
        |_, blinding| *blinding = [0xff; 32],
    ];
    for change in changes {
        let mut bad = honest.clone();
        let Share::Explicit { entries, blinding } = &mut bad.delivery.share else { panic!() };
        let mut changed = entries.as_slice().to_vec();
        change(&mut changed, blinding);
        *entries = ExplicitEntries::new(changed);
        sign_again(&mut bad, &sealed.bidder);
        let reason = refused(&committee, explicit, bad, &mut rng);
        assert!(matches!(reason, Some(Reason::ShareShape { .. })), "{reason:?}");
    }
}

#[test]
fn a_share_for_another_accumulator_or_bid_is_refused() {
    let mut rng = rng(16);
    let committee = committee(&mut rng);
    let (sealed, _, _) = sealed(&committee, &mut rng);
    let other = committee.seal(Level(9), &mut rng);
    for k in 0..3 {
        let mut bad = sealed.submissions[k].clone();
        bad.delivery = sealed.submissions[(k + 1) % 3].delivery.clone();
        assert_eq!(refused(&committee, k, bad, &mut rng), Some(Reason::OtherShare));
        let mut bad = sealed.submissions[k].clone();
        bad.delivery = other.submissions[k].delivery.clone();
        assert_eq!(refused(&committee, k, bad, &mut rng), Some(Reason::OtherShare));
        let mut bad = sealed.submissions[k].clone();
        bad.delivery.accumulator = 200;
        assert_eq!(refused(&committee, k, bad, &mut rng), Some(Reason::OtherShare));
    }
}

#[test]
fn nobody_submits_in_anothers_name() {
    let mut rng = rng(17);
    let committee = committee(&mut rng);
    let (sealed, seeded, _) = sealed(&committee, &mut rng);
    let honest = &sealed.submissions[seeded];
    for bit in (0..512).step_by(7) {
        let mut bad = honest.clone();
        bad.bid.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused_alone(&committee, seeded, bad, &mut rng), Some(Reason::BidSignature));
        let mut bad = honest.clone();
        bad.delivery.signature.0[bit / 8] ^= 1 << (bit % 8);
        let reason = refused_alone(&committee, seeded, bad, &mut rng);
        assert_eq!(reason, Some(Reason::ShareSignature));
    }
    // The victim's bid with a share, or a whole signature, of somebody else.
    let thief = SecretKey::generate(&mut rng);
    let mut bad = honest.clone();
    sign_again(&mut bad, &thief);
    bad.bid = honest.bid.clone();
    bad.delivery.bid = honest.bid.digest();
    assert_eq!(refused(&committee, seeded, bad, &mut rng), Some(Reason::ShareSignature));
    let mut bad = honest.clone();
    bad.bid.signature = Signature([0; 64]);
    assert_eq!(refused(&committee, seeded, bad, &mut rng), Some(Reason::BidSignature));
}

fn refused_alone(
    committee: &Committee,
    k: usize,
    bad: auction::bid::Submission,
    rng: &mut ChaCha20Rng,
) -> Option<Reason> {
    said(committee, k, vec![bad], rng).remove(0).err()
}
