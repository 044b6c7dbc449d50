//! One-of-many membership: one of `C - P_1, .., C - P_L` is a multiple of `H`, where `C` is the
//! sum of the commitments to the shares.
//!
//! Groth and Kohlweiss (EUROCRYPT 2015) in the base-N form of Bootle et al. (ESORICS 2015), with
//! the bit commitments joined in pairs as in Lelantus Spark (2021): `A + x B` opens to the
//! responses `f` on one family of generators and to `f (x - f)` on another, which the square of
//! no entry but a bit's satisfies. PROTOCOL section 2, step 3.
//!
//! The list is padded to a power of the base with copies of `P_L`, never with the neutral
//! element, which would admit a bid of 0.

mod proving;

use curve25519_dalek::Scalar;
use serde::{Deserialize, Serialize};

use crate::field::{Fe, ProductSum};
use crate::group::{EncodingError, Point, PointBytes, ScalarBytes};
use crate::layout::Layout;
use crate::prices::Level;
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Binding, ProofError, expect_length};

/// How positions in the list are written: `digits` digits in base `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digits {
    base: usize,
    digits: usize,
}

impl Digits {
    /// The smallest proofs that do not cost many digits: about eleven entries a digit.
    fn for_list(length: usize) -> Self {
        let bits = length.max(2).next_power_of_two().trailing_zeros() as usize;
        let digits = bits.div_ceil(4).max(1);
        let mut base = 2;
        while usize::pow(base, digits as u32) < length {
            base += 1;
        }
        Self { base, digits }
    }

    fn entries(self) -> usize {
        self.base * self.digits
    }
}

/// What is claimed: the sum of `commitments` is to a level in `1..=cover`.
#[derive(Debug, Clone, Copy)]
pub struct MembershipStatement<'a> {
    /// `C^(1..m)`, whose sum is `C = P_b + rho H`. The challenge hashes them one by one: their
    /// encodings are at hand, that of the sum would have to be made.
    pub commitments: &'a [Point],
    /// `L`, the highest level that the bid may have; at least 1.
    pub cover: Level,
}

/// A proof, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipProof {
    /// `A` and `B`, the joined bit commitments.
    pub bits: [PointBytes; 2],
    /// `G_0, ..`, one a digit.
    pub digits: Vec<PointBytes>,
    /// `f`, for each digit all entries but the first.
    pub entries: Vec<ScalarBytes>,
    /// `z_A`, the response for the bit commitments' blinding.
    pub bits_blinding: ScalarBytes,
    /// `z`, the response for the commitment's blinding.
    pub blinding: ScalarBytes,
}

/// Length of an encoded proof for a list of `levels` levels, in bytes.
#[must_use]
pub fn encoded_bytes(levels: usize) -> usize {
    let shape = Digits::for_list(levels);
    // Two bit commitments, one point a digit, for each digit all entries but one, two responses;
    // two lengths.
    32 * (2 + shape.entries() + 2) + 2 * 8
}

impl MembershipStatement<'_> {
    /// Adds the proof's two equations to a batch, a weight each.
    ///
    /// # Errors
    /// [`ProofError`] when the proof is not of this statement's shape.
    pub fn append(
        &self,
        binding: Binding<'_>,
        proof: &MembershipProof,
        batch: &mut EquationBatch,
    ) -> Result<(), ProofError> {
        let cover = self.cover.0 as usize;
        let shape = Digits::for_list(cover);
        expect_length("digits", proof.digits.len(), shape.digits)?;
        expect_length("entries", proof.entries.len(), shape.entries() - shape.digits)?;
        let x = self.challenge(binding, &proof.bits, &proof.digits);
        let x_field = Fe::from_scalar(&x);
        let f = complete_entries(shape, &proof.entries, x_field)?;
        let (z_a, z) = (proof.bits_blinding.decode()?, proof.blinding.decode()?);

        // A + x B - sum f g - sum f (x - f) h - z_A H = 0
        let weight = batch.weight();
        batch.term(weight, &proof.bits[0].decode()?);
        batch.term(weight * x, &proof.bits[1].decode()?);
        batch.blinding(-weight * z_a);
        let negative = Fe::from_scalar(&-weight);
        let (bits, squares) = batch.bits_and_squares_mut();
        for ((entry, bit), square) in f.iter().zip(bits).zip(squares) {
            let weighted = negative * *entry;
            *bit += weighted;
            *square += weighted * (x_field - *entry);
        }

        // sum_k x^k G_k + sum_i (prod_j f_{j, i_j}) P_i + z H - x^n C = 0
        let weight = batch.weight();
        let mut power = weight;
        for digit in &proof.digits {
            batch.term(power, &digit.decode()?);
            power *= x;
        }
        batch.sum_term(-power, self.commitments);
        batch.blinding(weight * z);
        let weight = Fe::from_scalar(&weight);
        let before_last = weight * sum_of_products(shape, cover - 1, &f, x_field);
        let (last, others) = match batch.levels_mut().get_mut(..cover).map(<[_]>::split_last_mut) {
            Some(Some(parts)) => parts,
            _ => return Err(ProofError::DoesNotHold),
        };
        add_entry_products(shape, &f, weight, others);
        // All positions from L on stand for P_L; all products together are x^n.
        last.add(&(Fe::from_scalar(&power) - before_last), &Fe::ONE);
        Ok(())
    }

    fn challenge(
        &self,
        binding: Binding<'_>,
        bits: &[PointBytes; 2],
        digits: &[PointBytes],
    ) -> Scalar {
        let mut layout: Layout = binding.layout();
        layout.u32(self.cover.0).count(self.commitments.len());
        for commitment in self.commitments {
            layout.point(commitment);
        }
        layout.fixed(&bits[0].0).fixed(&bits[1].0).count(digits.len());
        for digit in digits {
            layout.fixed(&digit.0);
        }
        layout.scalar()
    }
}

/// The responses with each digit's first entry, which the others and `x` determine.
fn complete_entries(shape: Digits, entries: &[ScalarBytes], x: Fe) -> Result<Vec<Fe>, ProofError> {
    let mut f = Vec::with_capacity(shape.entries());
    for digit in entries.chunks(shape.base - 1) {
        let start = f.len();
        f.push(x);
        for entry in digit {
            let entry = Fe::from_canonical(&entry.0).ok_or(EncodingError::Scalar)?;
            f.push(entry);
            f[start] -= entry;
        }
    }
    Ok(f)
}

/// Adds `factor * prod_j f_{j, i_j}` to the sum at each position. What the last digit multiplies
/// is not reduced: it is the most, and the sums are reduced once a batch.
fn add_entry_products(shape: Digits, f: &[Fe], factor: Fe, sums: &mut [ProductSum]) {
    let (others, last) = f.split_at((shape.digits - 1) * shape.base);
    let products = entry_products(shape, sums.len().max(1), others, factor);
    for (value, sums) in last.iter().zip(sums.chunks_mut(products.len())) {
        for (sum, product) in sums.iter_mut().zip(&products) {
            sum.add(product, value);
        }
    }
}

/// `factor * prod_j f_{j, i_j}` over the digits in `f`, for the first `count` positions.
fn entry_products(shape: Digits, count: usize, f: &[Fe], factor: Fe) -> Vec<Fe> {
    let mut products = vec![factor];
    for digit in f.chunks(shape.base) {
        let length = products.len();
        let wanted = count.min(length * shape.base);
        let mut next = Vec::with_capacity(wanted);
        'digit: for value in digit {
            for product in &products {
                if next.len() == wanted {
                    break 'digit;
                }
                next.push(*product * *value);
            }
        }
        products = next;
    }
    products
}

/// The sum of `prod_j f_{j, i_j}` over the first `count` positions: where a digit is below that
/// of `count`, the digits under it run freely, and the entries of each add up to `x`.
fn sum_of_products(shape: Digits, count: usize, f: &[Fe], x: Fe) -> Fe {
    let mut free = vec![Fe::ONE];
    let mut places = vec![1];
    for digit in 1..shape.digits {
        free.push(free[digit - 1] * x);
        places.push(places[digit - 1] * shape.base);
    }
    let (mut sum, mut fixed, mut rest) = (Fe::ZERO, Fe::ONE, count);
    for digit in (0..shape.digits).rev() {
        let value = (rest / places[digit]).min(shape.base - 1);
        rest -= value * places[digit];
        let entries = &f[digit * shape.base..][..shape.base];
        let below: Fe = entries[..value].iter().copied().sum();
        sum += fixed * below * free[digit];
        fixed *= entries[value];
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;
    use crate::group::Generators;
    use crate::keys::PublicKey;
    use crate::layout::{Digest, Label};
    use crate::proofs::Place;
    use crate::secret::SecretScalar;

    fn place(prover: &PublicKey) -> Place<'_> {
        const ZERO: &Digest = &Digest([0; 32]);
        Place { context: ZERO, prover, round: 0, previous: ZERO }
    }

    fn check(
        generators: &Arc<Generators>,
        levels: usize,
        statement: &MembershipStatement<'_>,
        proof: &MembershipProof,
    ) -> Result<(), ProofError> {
        let mut batch = EquationBatch::new(generators, levels, [9; 32]);
        statement.append(place(&PublicKey([1; 32])).bind(Label::Membership), proof, &mut batch)?;
        batch.check()
    }

    #[test]
    fn every_level_of_every_small_ladder_proves_and_no_other_value_does() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for levels in [1usize, 2, 3, 5, 16, 17, 40] {
            let generators = Generators::for_levels(levels);
            for value in 0..=levels + 1 {
                let rho = SecretScalar::random(&mut rng);
                let hidden = generators.blinding().value() * rho.expose();
                // Above the ladder: the sum of the top two, which is no level.
                let shown = match value {
                    0 => hidden,
                    v if v <= levels => hidden + generators.levels(levels)[v - 1],
                    _ => hidden + generators.levels(levels)[levels - 1] * Scalar::from(2u64),
                };
                let commitment = Point::from(shown);
                let statement =
                    MembershipStatement { commitments: &[commitment], cover: Level(levels as u32) };
                let claimed = Level(value.clamp(1, levels) as u32);
                let key = PublicKey([1; 32]);
                let binding = place(&key).bind(Label::Membership);
                let proof = statement.prove(binding, &generators, claimed, &rho, &mut rng);
                let holds = check(&generators, levels, &statement, &proof).is_ok();
                assert_eq!(holds, (1..=levels).contains(&value), "{value} of {levels}");
            }
        }
    }

    #[test]
    fn a_cover_below_the_bid_is_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let generators = Generators::for_levels(20);
        let key = PublicKey([1; 32]);
        let rho = SecretScalar::random(&mut rng);
        let point = generators.levels(20)[11] + generators.blinding().value() * rho.expose();
        let commitment = Point::from(point);
        for (cover, expected) in [(12, true), (20, true), (11, false)] {
            let statement = MembershipStatement { commitments: &[commitment], cover: Level(cover) };
            let level = Level(12.min(cover));
            let binding = place(&key).bind(Label::Membership);
            let proof = statement.prove(binding, &generators, level, &rho, &mut rng);
            assert_eq!(check(&generators, 20, &statement, &proof).is_ok(), expected, "{cover}");
        }
    }

    #[test]
    fn the_sum_of_the_first_products_is_their_sum() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for length in [2usize, 7, 30, 300] {
            let shape = Digits::for_list(length);
            let random = |_| ScalarBytes::from(&Scalar::random(&mut rng));
            let entries: Vec<_> = (0..shape.entries() - shape.digits).map(random).collect();
            let x = Fe::from_u64(12_345);
            let f = complete_entries(shape, &entries, x).unwrap();
            for count in 0..length {
                let all = entry_products(shape, count, &f, Fe::ONE);
                let mut sums: Vec<_> = (0..count).map(|_| ProductSum::new()).collect();
                add_entry_products(shape, &f, Fe::ONE, &mut sums);
                add_entry_products(shape, &f, Fe::from_u64(2), &mut sums);
                let thrice: Vec<_> = all.iter().take(count).map(|p| p.double() + *p).collect();
                assert_eq!(sums.iter().map(ProductSum::reduce).collect::<Vec<_>>(), thrice);
                assert_eq!(sum_of_products(shape, count, &f, x), all.into_iter().take(count).sum());
            }
        }
    }

    #[test]
    fn the_length_of_a_proof_is_known() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let generators = Generators::for_levels(300);
        let key = PublicKey([1; 32]);
        for levels in [1usize, 2, 17, 300] {
            let commitment = Point::from(generators.levels(300)[0]);
            let cover = Level(levels as u32);
            let rho = SecretScalar::random(&mut rng);
            let proof = MembershipStatement { commitments: &[commitment], cover }.prove(
                place(&key).bind(Label::Membership),
                &generators,
                Level(1),
                &rho,
                &mut rng,
            );
            let bytes = crate::wire::encode(&proof).unwrap();
            assert_eq!(bytes.len(), encoded_bytes(levels), "{levels}");
        }
    }

    #[test]
    fn digits_cover_every_length() {
        for length in 1..=16_384 {
            let shape = Digits::for_list(length);
            assert!(shape.base.pow(shape.digits as u32) >= length);
            assert!(shape.entries() <= 64, "{length}: {shape:?}");
        }
        assert_eq!(Digits::for_list(1024), Digits { base: 11, digits: 3 });
    }
}
