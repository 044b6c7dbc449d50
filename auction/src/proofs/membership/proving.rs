//! The prover's side of the one-of-many proof: constant time in level, blinding and masks.
//! PROTOCOL, "The membership proof", steps 1 to 3.

use curve25519_dalek::traits::MultiscalarMul as _;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Digits, MembershipProof, MembershipStatement};
use crate::field::Fe;
use crate::group::{Generators, Point, PointBytes};
use crate::prices::Level;
use crate::proofs::Binding;
use crate::secret::{SecretScalar, SecretVector};

/// A vector of field elements that is erased when dropped.
struct Erased(Vec<Fe>);

impl Drop for Erased {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl MembershipStatement<'_> {
    /// Proves that the sum is to `level` with `blinding`; constant time in both.
    #[must_use]
    pub fn prove<R: CryptoRng + ?Sized>(
        &self,
        binding: Binding<'_>,
        generators: &Generators,
        level: Level,
        blinding: &SecretScalar,
        rng: &mut R,
    ) -> MembershipProof {
        let shape = Digits::for_list(self.cover.0 as usize);
        let sigma = digits_of(shape, level);
        let masks = digit_masks(shape, rng);
        let (blind_a, blind_b) = (SecretScalar::random(rng), SecretScalar::random(rng));
        let bits = bit_commitments(generators, &sigma, &masks, &blind_a, &blind_b);

        let digit_blindings = SecretVector::random(shape.digits, rng);
        let points = generators.levels(self.cover.0 as usize);
        let coefficients = digit_coefficients(shape, points, &sigma, &masks);
        // The last coefficient, that of x^n, is the level's own point: C stands for it.
        let digits: Vec<PointBytes> = coefficients
            .iter()
            .zip(digit_blindings.expose())
            .map(|(point, rho)| Point::from(generators.blinding().value() * rho - point).bytes())
            .collect();

        let x = self.challenge(binding, &bits, &digits);
        let x_field = Fe::from_scalar(&x);
        let entries = (0..shape.entries())
            // The first entry of a digit is what the others leave of x.
            .filter(|entry| entry % shape.base != 0)
            .map(|entry| (&(sigma.0[entry] * x_field + masks.0[entry]).to_scalar()).into())
            .collect();
        let bits_blinding = blind_a.expose() + x * blind_b.expose();
        let mut power = Scalar::ONE;
        let mut spent = Scalar::ZERO;
        for rho in digit_blindings.expose() {
            spent += rho * power;
            power *= x;
        }
        let response = blinding.expose() * power - spent;
        MembershipProof {
            bits,
            digits,
            entries,
            bits_blinding: (&bits_blinding).into(),
            blinding: (&response).into(),
        }
    }
}

/// One where the level's position has that digit, zero else; constant time in the level.
fn digits_of(shape: Digits, level: Level) -> Erased {
    let mut rest = u64::from(level.0) - 1;
    let base = shape.base as u64;
    let mut sigma = Vec::with_capacity(shape.entries());
    for _ in 0..shape.digits {
        // Division of 64-bit numbers is not constant time on every processor: count instead.
        let (mut quotient, mut digit) = (0u64, rest);
        for bit in (0..16).rev() {
            let step = base << bit;
            let fits = !subtle_less(digit, step);
            digit = u64::conditional_select(&digit, &digit.wrapping_sub(step), fits);
            quotient |= u64::from(fits.unwrap_u8()) << bit;
        }
        for value in 0..base {
            sigma.push(Fe::from_u64(u64::from(value.ct_eq(&digit).unwrap_u8())));
        }
        rest = quotient;
    }
    Erased(sigma)
}

fn subtle_less(a: u64, b: u64) -> subtle::Choice {
    // Both are far below 2^63, so the borrow shows in the top bit.
    subtle::Choice::from((a.wrapping_sub(b) >> 63) as u8)
}

/// Uniform masks whose sum is zero for each digit.
fn digit_masks<R: CryptoRng + ?Sized>(shape: Digits, rng: &mut R) -> Erased {
    let mut masks = Vec::with_capacity(shape.entries());
    for _ in 0..shape.digits {
        let start = masks.len();
        masks.push(Fe::ZERO);
        for _ in 1..shape.base {
            let mask = Fe::from_scalar(&Scalar::random(rng));
            masks.push(mask);
            masks[start] -= mask;
        }
    }
    Erased(masks)
}

/// `A` commits to the masks and their negated squares, `B` to the bits and `a (1 - 2 sigma)`.
fn bit_commitments(
    generators: &Generators,
    sigma: &Erased,
    masks: &Erased,
    blind_a: &SecretScalar,
    blind_b: &SecretScalar,
) -> [PointBytes; 2] {
    let scalars = |values: Vec<Fe>| {
        let values = Erased(values);
        SecretVector::new(values.0.iter().map(|value| value.to_scalar()).collect())
    };
    let commit = |on_bits: Vec<Fe>, on_squares: Vec<Fe>, blinding: &SecretScalar| {
        let count = on_bits.len();
        let (on_bits, on_squares) = (scalars(on_bits), scalars(on_squares));
        let weights = on_bits.expose().iter().chain(on_squares.expose()).chain([blinding.expose()]);
        let points = generators
            .bits()
            .iter()
            .take(count)
            .chain(generators.squares().iter().take(count))
            .chain([generators.blinding().value()]);
        Point::from(RistrettoPoint::multiscalar_mul(weights, points)).bytes()
    };
    let (a, s) = (&masks.0, &sigma.0);
    let squares = a.iter().map(|a| Fe::ZERO - *a * *a).collect();
    let crossed = a.iter().zip(s).map(|(a, s)| *a - (*a * *s + *a * *s)).collect();
    [commit(a.clone(), squares, blind_a), commit(s.clone(), crossed, blind_b)]
}

/// For each power `k` up to the number of digits, the coefficient of `x^k` in
/// `sum_i prod_j (sigma_{j, i_j} x + a_{j, i_j}) P_i`, where positions beyond the points stand for
/// the last one. Constant time in `sigma` and masks.
///
/// Digit after digit: once the sum over the first digits is made, what is left is a sum over fewer
/// positions, `sum_v (sigma_v x + a_v) Q_v` for each group of points `Q`. What `sigma` contributes
/// is one of the points, chosen by looking at all, so all multiplications are by the masks: of `K`
/// points for the first digit, and then of twice a `base`-th, thrice a `base^2`-th and so on, in
/// place of `K` for each digit.
fn digit_coefficients(
    shape: Digits,
    points: &[RistrettoPoint],
    sigma: &Erased,
    masks: &Erased,
) -> Zeroizing<Vec<RistrettoPoint>> {
    let last = points.last().copied().unwrap_or_default();
    // By power, then by position. Positions that are left out are worth nothing, but `last` at
    // the highest power: masks of a digit add up to zero, and one of its sigma is one.
    let mut rows = Zeroizing::new(vec![points.to_vec()]);
    for digit in 0..shape.digits {
        let entries = digit * shape.base..(digit + 1) * shape.base;
        let ones: Vec<Choice> =
            sigma.0[entries.clone()].iter().map(|s| s.ct_eq(&Fe::ONE)).collect();
        let masks = &masks.0[entries];
        let scalars = SecretVector::new(masks.iter().map(|mask| mask.to_scalar()).collect());
        let mut next = Zeroizing::new(Vec::with_capacity(rows.len() + 1));
        for power in 0..=rows.len() {
            let at = |power: usize| rows.get(power).map(|row| row.chunks(shape.base));
            let multiplied = at(power).map(|groups| {
                let left_out = (power + 1 == rows.len()).then_some(&last);
                Zeroizing::new(
                    groups.map(|group| weigh(group, &scalars, left_out)).collect::<Vec<_>>(),
                )
            });
            let chosen = power.checked_sub(1).and_then(at).map(|groups| {
                let left_out = if power == rows.len() { last } else { RistrettoPoint::default() };
                Zeroizing::new(
                    groups.map(|group| choose(group, &ones, left_out)).collect::<Vec<_>>(),
                )
            });
            next.push(match (multiplied, chosen) {
                (Some(row), Some(other)) => {
                    row.iter().zip(other.iter()).map(|(a, b)| a + b).collect()
                }
                (row, other) => row.or(other).map(|row| row.to_vec()).unwrap_or_default(),
            });
        }
        rows = next;
    }
    // One position is left of each.
    Zeroizing::new(rows.iter().map(|row| row.first().copied().unwrap_or_default()).collect())
}

/// `sum_v a_v Q_v` over the points of a group; positions without a point stand for `last`, if
/// there is one.
fn weigh(
    group: &[RistrettoPoint],
    scalars: &SecretVector,
    left_out: Option<&RistrettoPoint>,
) -> RistrettoPoint {
    let (here, beyond) = scalars.expose().split_at(group.len());
    let rest = SecretScalar::new(beyond.iter().sum());
    let more = left_out.filter(|_| !beyond.is_empty());
    RistrettoPoint::multiscalar_mul(
        here.iter().chain(more.map(|_| rest.expose())),
        group.iter().chain(more),
    )
}

/// The point whose choice is one; `left_out` where that has no point.
fn choose(group: &[RistrettoPoint], ones: &[Choice], left_out: RistrettoPoint) -> RistrettoPoint {
    let mut chosen = left_out;
    for (point, one) in group.iter().zip(ones) {
        chosen.conditional_assign(point, *one);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    #[test]
    fn coefficients_made_digit_after_digit_are_those_of_the_whole_sum() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        for length in [1usize, 2, 3, 5, 16, 17, 40, 300] {
            let shape = Digits::for_list(length);
            let generators = Generators::for_levels(length);
            let points = generators.levels(length);
            for level in [1, length.div_ceil(2), length] {
                let sigma = digits_of(shape, Level(level as u32));
                let masks = digit_masks(shape, &mut rng);
                let made = digit_coefficients(shape, points, &sigma, &masks);
                // The polynomial of each position, written out.
                let mut expected = vec![RistrettoPoint::default(); shape.digits + 1];
                for position in 0..shape.base.pow(shape.digits as u32) {
                    let mut polynomial = vec![Scalar::ONE];
                    let mut rest = position;
                    for digit in 0..shape.digits {
                        let entry = digit * shape.base + rest % shape.base;
                        rest /= shape.base;
                        let (s, a) = (sigma.0[entry].to_scalar(), masks.0[entry].to_scalar());
                        let mut next = vec![Scalar::ZERO; polynomial.len() + 1];
                        for (k, coefficient) in polynomial.iter().enumerate() {
                            next[k] += coefficient * a;
                            next[k + 1] += coefficient * s;
                        }
                        polynomial = next;
                    }
                    let point = points[position.min(length - 1)];
                    for (sum, coefficient) in expected.iter_mut().zip(&polynomial) {
                        *sum += point * coefficient;
                    }
                }
                assert_eq!(*made, expected, "{level} of {length}");
                assert_eq!(made[shape.digits], points[level - 1]);
            }
        }
    }
}
