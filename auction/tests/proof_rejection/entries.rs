//! Ciphertexts of a ladder's levels or of blocks, proved against committed sums.

use auction::elgamal::Ciphertext;
use auction::group::{Generators, Point, ScalarBytes, basepoint};
use auction::prices::Level;
use auction::proofs::commitment::commit;
use auction::proofs::entries::{
    EntriesMask, EntriesProof, EntriesStatement, EntriesWitness, Summed,
};
use auction::proofs::{Place, ProofError};
use auction::secret::{SecretScalar, SecretVector};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use crate::alterations::{Element, alterations, points, scalars};
use crate::{PLACE, batch, other_places, random_point};

const LEVELS: usize = 8;

/// A sum, its ciphertexts and everything that proves them.
struct Shown {
    key: Point,
    sums: Vec<Point>,
    levels: Vec<Level>,
    ciphertexts: Vec<Ciphertext>,
    vectors: Vec<SecretVector>,
    blindings: Vec<SecretScalar>,
    randomness: SecretVector,
}

impl Shown {
    fn new(key: Point, blocks: bool, rng: &mut ChaCha20Rng) -> Self {
        let generators = Generators::for_levels(LEVELS);
        let levels: Vec<Level> = if blocks { vec![Level(4)] } else { [2, 5, 8].map(Level).into() };
        let count = 3;
        let sums = if blocks { count } else { 1 };
        let vectors: Vec<_> = (0..sums).map(|_| SecretVector::random(LEVELS, rng)).collect();
        let blindings: Vec<_> = (0..sums).map(|_| SecretScalar::random(rng)).collect();
        let randomness = SecretVector::random(count, rng);
        let entry = |i: usize| {
            let (vector, level) = if blocks { (i, levels[0]) } else { (0, levels[i]) };
            vectors[vector].expose()[level.index()]
        };
        let encrypt = |i: usize| Ciphertext::encrypt(&key, &entry(i), &randomness.expose()[i]);
        let ciphertexts = (0..count).map(encrypt).collect();
        let commit = |(vector, blinding): (&SecretVector, &SecretScalar)| {
            commit(&generators, vector.expose(), blinding.expose()).into()
        };
        let sums = vectors.iter().zip(&blindings).map(commit).collect();
        Self { key, sums, levels, ciphertexts, vectors, blindings, randomness }
    }

    fn statement(&self) -> EntriesStatement<'_> {
        let summed = match self.sums.as_slice() {
            [sum] => Summed::Ladder { sum: *sum, levels: &self.levels },
            sums => Summed::Blocks { sums: sums.to_vec(), level: self.levels[0] },
        };
        EntriesStatement { key: self.key, summed, ciphertexts: &self.ciphertexts }
    }

    fn prove(&self, place: &Place<'_>, rng: &mut ChaCha20Rng) -> EntriesProof {
        let statement = self.statement();
        let weights = statement.weights(place);
        let ones = [Scalar::ONE];
        let by = if self.sums.len() == 1 { &ones[..] } else { &weights };
        let entry = |j: usize| self.vectors.iter().zip(by).map(|(v, w)| v.expose()[j] * w).sum();
        let vector = SecretVector::new((0..LEVELS).map(entry).collect());
        let blinding = self.blindings.iter().zip(by).map(|(b, w)| b.expose() * w).sum();
        let witness = EntriesWitness {
            vector: &vector,
            blinding: &SecretScalar::new(blinding),
            randomness: &self.randomness,
        };
        let mask = Box::new(EntriesMask::generate(
            &Generators::for_levels(LEVELS),
            &self.key,
            LEVELS,
            rng,
        ));
        statement.prove(place, &weights, &witness, mask)
    }
}

fn entries_check(
    statement: &EntriesStatement<'_>,
    place: &Place<'_>,
    proof: &EntriesProof,
) -> Result<(), ProofError> {
    let mut batch = batch(LEVELS);
    statement.append(place, LEVELS, proof, &mut batch)?;
    batch.check()
}

#[test]
fn an_entries_proof_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    for blocks in [false, true] {
        let shown = Shown::new(random_point(&mut rng), blocks, &mut rng);
        let proof = shown.prove(&PLACE, &mut rng);
        assert_eq!(entries_check(&shown.statement(), &PLACE, &proof), Ok(()));
        let elements: Vec<Element> = points(&proof.first)
            .chain(scalars(&proof.vector))
            .chain(scalars(&[proof.blinding, proof.randomness]))
            .collect();
        for (told, altered) in alterations(&elements, 5) {
            let scalars: Vec<ScalarBytes> = altered[3..].iter().map(|e| e.scalar()).collect();
            let proof = EntriesProof {
                first: [0, 1, 2].map(|i| altered[i].point()),
                vector: scalars[..LEVELS].to_vec(),
                blinding: scalars[LEVELS],
                randomness: scalars[LEVELS + 1],
            };
            let refused = entries_check(&shown.statement(), &PLACE, &proof);
            assert!(refused.is_err(), "{told}");
        }
        for count in [0, LEVELS - 1, LEVELS + 1] {
            let mut proof = proof.clone();
            proof.vector.resize(count, proof.blinding);
            let refused = entries_check(&shown.statement(), &PLACE, &proof);
            assert!(matches!(refused, Err(ProofError::Shape { .. })));
        }
        for place in other_places() {
            assert!(entries_check(&shown.statement(), &place, &proof).is_err(), "{place:?}");
        }
    }
}

#[test]
fn an_entries_proof_of_another_statement_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    for blocks in [false, true] {
        let mut shown = Shown::new(random_point(&mut rng), blocks, &mut rng);
        let proof = shown.prove(&PLACE, &mut rng);
        let statement = shown.statement();
        let other = EntriesStatement { key: random_point(&mut rng), ..statement.clone() };
        assert!(entries_check(&other, &PLACE, &proof).is_err());
        let mut other = statement.clone();
        let levels = [2, 5, 7].map(Level);
        match &mut other.summed {
            Summed::Ladder { levels: shown, .. } => *shown = &levels,
            Summed::Blocks { level, .. } => *level = Level(5),
        }
        assert!(entries_check(&other, &PLACE, &proof).is_err());
        for i in 0..shown.sums.len() {
            let kept = shown.sums[i];
            shown.sums[i] = Point::sum(&[kept, basepoint()]);
            assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
            shown.sums[i] = kept;
        }
        shown.ciphertexts.swap(0, 1);
        assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
        shown.ciphertexts.swap(0, 1);
        for i in 0..3 {
            let kept = shown.ciphertexts[i];
            // One more in the plaintext; and one less elsewhere, so that the plain sum is right.
            shown.ciphertexts[i] = Ciphertext::sum_minus_one(&[kept]);
            assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
            assert!(
                entries_check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err()
            );
            let (j, one) = ((i + 1) % 3, basepoint());
            let other = shown.ciphertexts[j];
            shown.ciphertexts[j].b = Point::sum(&[other.b, one]);
            assert!(
                entries_check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err()
            );
            shown.ciphertexts[i] = kept;
            shown.ciphertexts[j] = other;
        }
        assert!(entries_check(&shown.statement(), &PLACE, &proof).is_ok());
    }
}

#[test]
fn errors_of_an_entries_proof_that_would_cancel_under_one_weight_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    // Under the key -G the response for the randomness errs by d G in one row, -d G in the next.
    let shown = Shown::new(Point::from(-basepoint().value()), false, &mut rng);
    let mut proof = shown.prove(&PLACE, &mut rng);
    assert_eq!(entries_check(&shown.statement(), &PLACE, &proof), Ok(()));
    proof.randomness = (&(proof.randomness.decode().unwrap() + Scalar::ONE)).into();
    assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
}

/// A part of a statement, altered.
type Alter = fn(&mut Shown);

const ALTERATIONS: [Alter; 9] = [
    |shown| shown.key = Point::sum(&[shown.key, basepoint()]),
    |shown| shown.sums[0] = Point::sum(&[shown.sums[0], basepoint()]),
    |shown| shown.levels[0] = Level(3),
    |shown| shown.ciphertexts[0].a = basepoint(),
    |shown| shown.ciphertexts[0].b = basepoint(),
    |shown| shown.ciphertexts[2].a = basepoint(),
    |shown| shown.ciphertexts[2].b = basepoint(),
    |shown| shown.ciphertexts.swap(1, 2),
    |shown| _ = shown.ciphertexts.pop(),
];

#[test]
fn weights_and_challenge_hash_the_whole_statement_and_the_place() {
    // The same masks and witness: the response for the blinding moves with the challenge alone.
    let made = |blocks| {
        let mut same = ChaCha20Rng::seed_from_u64(9);
        Shown::new(random_point(&mut same), blocks, &mut same)
    };
    for blocks in [false, true] {
        let prove = |shown: &Shown, place: &Place<'_>, weights: &[Scalar]| {
            let mut same = ChaCha20Rng::seed_from_u64(10);
            let generators = Generators::for_levels(LEVELS);
            let mask = Box::new(EntriesMask::generate(&generators, &shown.key, LEVELS, &mut same));
            let witness = EntriesWitness {
                vector: &shown.vectors[0],
                blinding: &shown.blindings[0],
                randomness: &shown.randomness,
            };
            shown.statement().prove(place, weights, &witness, mask).blinding
        };
        let honest = made(blocks);
        let weights = honest.statement().weights(&PLACE);
        let response = prove(&honest, &PLACE, &weights);
        for (i, alter) in ALTERATIONS.into_iter().enumerate() {
            let mut altered = made(blocks);
            alter(&mut altered);
            assert_ne!(altered.statement().weights(&PLACE)[0], weights[0], "{blocks} {i}");
            assert_ne!(prove(&altered, &PLACE, &weights), response, "{blocks} {i}");
        }
        for place in other_places() {
            assert_ne!(honest.statement().weights(&place), weights);
            assert_ne!(prove(&honest, &place, &weights), response);
        }
    }
}

#[test]
fn errors_that_cancel_under_weights_known_before_are_refused() {
    // The liar computes the weights of the true statement, and then errs so that, under them,
    // nothing would be seen.
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    for blocks in [false, true] {
        let mut shown = Shown::new(random_point(&mut rng), blocks, &mut rng);
        let weights = shown.statement().weights(&PLACE);
        let second = -(weights[0] * weights[1].invert());
        for (i, error) in [(0, Scalar::ONE), (1, second)] {
            let wrong = RistrettoPoint::mul_base(&error).into();
            shown.ciphertexts[i].b = Point::sum(&[shown.ciphertexts[i].b, wrong]);
        }
        let proof = shown.prove(&PLACE, &mut rng);
        assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
    }
}

#[test]
fn a_response_and_the_first_messages_shifted_alike_are_refused() {
    // Every equation would still hold, were the challenge not moved by the first messages.
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    let shown = Shown::new(random_point(&mut rng), false, &mut rng);
    let honest = shown.prove(&PLACE, &mut rng);
    let shift = |point: &mut auction::group::PointBytes, by: Point| {
        *point = Point::sum(&[point.decode().unwrap(), by]).bytes();
    };
    let bump = |scalar: &mut ScalarBytes| {
        *scalar = (&(scalar.decode().unwrap() + Scalar::ONE)).into();
    };
    let mut proof = honest.clone();
    bump(&mut proof.randomness);
    shift(&mut proof.first[1], basepoint());
    shift(&mut proof.first[2], shown.key);
    assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
    let mut proof = honest;
    bump(&mut proof.blinding);
    shift(&mut proof.first[0], *Generators::for_levels(LEVELS).blinding());
    assert!(entries_check(&shown.statement(), &PLACE, &proof).is_err());
}
