//! All but one of the accumulators hold nothing but uniform numbers; all of them hold the bid.

use auction::bid::Submission;
use auction::keys::SecretKey;
use auction::prices::Level;
use auction::sealing::seal;
use auction::shares::{Share, ShareSum};
use curve25519_dalek::Scalar;

use crate::in_memory::{Committee, Terms, rng};

const LEVELS: usize = 12;

/// The low 128 bits of an entry's size: of its integer, which is small, above zero or below.
fn low_bits(entry: &Scalar) -> u128 {
    // A small negative number is near the group's order, which is above 2^252.
    let size = if entry.as_bytes()[31] == 0 { *entry } else { -entry };
    let bytes = size.to_bytes();
    assert_eq!(bytes[17..], [0; 15], "an entry of no honest share");
    let (low, _) = bytes.split_first_chunk().unwrap();
    u128::from_le_bytes(*low)
}

/// The sum of the shares of these accumulators, entry by entry.
fn sum_of(submissions: &[Submission], accumulators: &[usize]) -> Vec<Scalar> {
    let mut sum = ShareSum::new(LEVELS);
    for k in accumulators {
        sum.add(&submissions[*k].delivery.share.expand(LEVELS).unwrap()).unwrap();
    }
    sum.finish().vector.expose().to_vec()
}

/// The lowest, two middle and the highest of the low 128 bits' half bytes.
fn half_bytes(entry: &Scalar) -> [u8; 4] {
    let low = low_bits(entry);
    [0, 60, 64, 124].map(|shift| (low >> shift) as u8 & 15)
}

fn unary(level: u32) -> Vec<Scalar> {
    (1..=LEVELS as u32).map(|j| if j <= level { Scalar::ONE } else { Scalar::ZERO }).collect()
}

/// Chi-square of 16 equally likely values; fair ones exceed the bound with a chance below
/// `e^-14` (Laurent and Massart 2000, lemma 1), and the seeds are fixed.
fn looks_uniform(values: &[u8]) -> bool {
    let mut counts = [0u32; 16];
    values.iter().for_each(|value| counts[usize::from(*value)] += 1);
    let expected = values.len() as f64 / 16.0;
    let statistic: f64 =
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    statistic < 15.0 + 2.0 * (15.0f64 * 14.0).sqrt() + 28.0
}

#[test]
fn all_shares_together_are_the_bid_and_fewer_are_noise() {
    let mut rng = rng(1);
    for accumulators in 2..=4 {
        let committee = Committee::new(Terms { accumulators, ..Terms::small() }, &mut rng);
        let everyone: Vec<usize> = (0..accumulators).collect();
        for level in [1, 6, 12] {
            // For every accumulator left out: half bytes of each entry from below to above.
            let mut seen = vec![Vec::new(); accumulators];
            for _ in 0..60 {
                let sealed = committee.seal(Level(level), &mut rng);
                assert_eq!(sum_of(&sealed.submissions, &everyone), unary(level));
                for (missing, seen) in seen.iter_mut().enumerate() {
                    let others: Vec<_> =
                        everyone.iter().copied().filter(|k| *k != missing).collect();
                    for entry in sum_of(&sealed.submissions, &others) {
                        assert!(entry != Scalar::ZERO && entry != Scalar::ONE);
                        seen.extend(half_bytes(&entry));
                    }
                }
            }
            for (missing, seen) in seen.iter().enumerate() {
                assert!(looks_uniform(seen), "without {missing} of {accumulators}, level {level}");
            }
        }
    }
}

#[test]
fn the_statistic_sees_a_vector_of_ones_and_zeros() {
    let unhidden: Vec<u8> =
        (0..60).flat_map(|_| unary(6)).flat_map(|entry| half_bytes(&entry)).collect();
    assert!(!looks_uniform(&unhidden));
}

#[test]
fn seed_shares_do_not_depend_on_the_bid_at_all() {
    // With the same randomness and another level, the accumulators that get seeds get the same
    // bytes; the explicit share moves by the difference, under the seeds that hide it.
    let mut rng = rng(2);
    let committee = Committee::new(Terms::small(), &mut rng);
    for seed in 0..10 {
        let bidder = SecretKey::generate(&mut rng);
        let explicit = committee.auction.explicit_share_of(&bidder.public());
        let [low, high] = [2, 11].map(|level| {
            let mut same = crate::in_memory::rng(seed);
            seal(&committee.auction, Level(level), &bidder, None, &mut same).unwrap()
        });
        for k in 0..3 {
            let (low, high) = (&low[k].delivery.share, &high[k].delivery.share);
            assert_eq!(matches!(low, Share::Seed(_)), k != explicit);
            assert_eq!(low == high, k != explicit);
        }
        let [at_low, at_high] = [&low, &high].map(|sealed| sum_of(sealed, &[explicit]));
        let moved: Vec<Scalar> = at_high.iter().zip(&at_low).map(|(h, l)| h - l).collect();
        let expected: Vec<Scalar> =
            unary(11).iter().zip(unary(2)).map(|(high, low)| high - low).collect();
        assert_eq!(moved, expected);
        // Fresh randomness, which every seal has, leaves nothing of that.
        let again = seal(&committee.auction, Level(2), &bidder, None, &mut rng).unwrap();
        let again = sum_of(&again, &[explicit]);
        assert!(again.iter().zip(&at_low).all(|(a, b)| {
            let difference = a - b;
            difference != Scalar::ZERO && difference != Scalar::ONE && difference != -Scalar::ONE
        }));
    }
}

#[test]
fn what_travels_is_as_long_for_every_level() {
    let mut rng = rng(3);
    let committee = Committee::new(Terms::small(), &mut rng);
    let bidder = SecretKey::generate(&mut rng);
    let mut lengths = |level| {
        let sealed = seal(&committee.auction, Level(level), &bidder, None, &mut rng);
        let encode = |submission| auction::wire::encode(submission).unwrap().len();
        sealed.unwrap().iter().map(encode).collect::<Vec<_>>()
    };
    let first = lengths(1);
    assert!((2..=12).all(|level| lengths(level) == first));
}
