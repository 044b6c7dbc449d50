//! Big integers, edge values and seeded randomness to test the kernels against.

use curve25519_dalek::Scalar;
use num_bigint::{BigInt, BigUint};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The group order, from the specification's decimal digits.
pub(super) fn order() -> BigUint {
    let tail = "27742317777372353535851937790883648493";
    (BigUint::from(1u8) << 252) + tail.parse::<BigUint>().unwrap()
}

/// The integer of the limbs.
pub(super) fn big(limbs: &[u64]) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |sum, limb| (sum << 64) + *limb)
}

/// `value mod l` as a scalar, not computed by the code under test.
pub(super) fn scalar_of(value: &BigUint) -> Scalar {
    let mut bytes = [0u8; 32];
    let digits = (value % order()).to_bytes_le();
    bytes[..digits.len()].copy_from_slice(&digits);
    Scalar::from_canonical_bytes(bytes).unwrap()
}

/// `value mod l` of a number that may be negative.
pub(super) fn signed_scalar_of(value: &BigInt) -> Scalar {
    let size = scalar_of(value.magnitude());
    if *value < BigInt::ZERO { -size } else { size }
}

/// Values at which carries and reductions turn: around 0, `l`, its multiples, powers of two
/// at and beside limb borders, and all ones in some limbs.
pub(super) fn edge_limbs<const N: usize>() -> Vec<[u64; N]> {
    let one = BigUint::from(1u8);
    let end = &one << (64 * N);
    let mut centres = vec![order(), order() * 2u8, order() * 15u8, &end / order() * order()];
    centres.extend((0..=N).map(|i| &one << (64 * i)));
    centres.extend([125, 252, 253, 255, 383, 447, 511].map(|bits| &one << bits));
    centres.retain(|centre| *centre != BigUint::ZERO);
    let mut values = vec![BigUint::ZERO];
    for centre in centres {
        values.extend([&centre - 1u8, centre.clone(), &centre + 1u8]);
    }
    values.extend((0..N).map(|i| BigUint::from(u64::MAX) << (64 * i)));
    values.retain(|value| *value < end);
    values.iter().map(limbs_of).collect()
}

/// The edge values below 2^256 and some random ones.
pub(super) fn edge_and_random_integers(test: &str) -> Vec<BigUint> {
    let mut rng = seeded(test);
    let mut values: Vec<BigUint> = edge_limbs::<4>().iter().map(|limbs| big(limbs)).collect();
    values.extend((0..60).map(|_| big(&random_limbs::<4>(&mut rng))));
    values
}

/// Uniform limbs.
pub(super) fn random_limbs<const N: usize>(rng: &mut StdRng) -> [u64; N] {
    core::array::from_fn(|_| rng.random())
}

/// A generator with a fresh seed, printed when the test fails; `FIELD_SEED` repeats one.
pub(super) fn seeded(test: &str) -> StdRng {
    let seed = match std::env::var("FIELD_SEED") {
        Ok(text) => text.parse().expect("FIELD_SEED is a number"),
        Err(_) => rand::rng().random(),
    };
    println!("{test}: FIELD_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

fn limbs_of<const N: usize>(value: &BigUint) -> [u64; N] {
    let digits = value.to_u64_digits();
    core::array::from_fn(|i| digits.get(i).copied().unwrap_or(0))
}
