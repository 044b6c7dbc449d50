//! Blocks of the order, proved against bidders' entries under a mask.

use std::ops::Range;

use auction::elgamal::Ciphertext;
use auction::group::{Generators, Point, PointBytes, ScalarBytes, basepoint};
use auction::prices::Level;
use auction::proofs::commitment::commit;
use auction::proofs::entries::EntriesMask;
use auction::proofs::joined::JoinedMask;
use auction::proofs::masked::{SegmentsMask, ShownVector, VectorMask};
use auction::proofs::placed::{PlacedProof, PlacedStatement, PlacedWitness};
use auction::proofs::segments::{SegmentsProof, SegmentsProofMask, SegmentsStatement};
use auction::proofs::{Place, ProofError};
use auction::secret::{SecretScalar, SecretVector};
use auction::segments::Segments;
use auction::shares::SummedShare;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use crate::alterations::{Element, alterations, points, scalars};
use crate::{PLACE, batch, other_places, random_point};

const LEVELS: usize = 24;
const BIDDERS: usize = 6;
const LEVEL: Level = Level(9);

/// Shares of six bidders in three blocks of two, and everything that proves their entries.
struct Shown {
    key: Point,
    vectors: Vec<Vec<Scalar>>,
    blindings: Vec<Scalar>,
    commitments: Vec<Point>,
    level: Level,
    segments: Segments,
    entries: ShownVector,
    mask: VectorMask,
    ciphertexts: Vec<Ciphertext>,
    randomness: SecretVector,
}

impl Shown {
    fn new(key: Point, rng: &mut ChaCha20Rng) -> Self {
        Self::lying(key, &[], rng)
    }

    /// With entries that differ from the shares' by what is added, ciphertexts and all.
    fn lying(key: Point, added: &[(usize, Scalar)], rng: &mut ChaCha20Rng) -> Self {
        let generators = Generators::for_levels(LEVELS);
        let segments = Segments::of_order(BIDDERS, 3, LEVELS, 3);
        assert_eq!(segments.len(), 3);
        let vectors: Vec<Vec<Scalar>> =
            (0..BIDDERS).map(|_| (0..LEVELS).map(|_| Scalar::random(rng)).collect()).collect();
        let blindings: Vec<Scalar> = (0..BIDDERS).map(|_| Scalar::random(rng)).collect();
        let commit = |(vector, blinding): (&Vec<Scalar>, &Scalar)| {
            commit(&generators, vector, blinding).into()
        };
        let commitments = vectors.iter().zip(&blindings).map(commit).collect();
        let mut entries: Vec<Scalar> = vectors.iter().map(|vector| vector[LEVEL.index()]).collect();
        for (i, error) in added {
            entries[*i] += error;
        }
        let randomness = SecretVector::random(2, rng);
        let encrypt = |(block, t): (Range<usize>, &Scalar)| {
            Ciphertext::encrypt(&key, &entries[block].iter().sum(), t)
        };
        let ciphertexts = segments.entries(0..2).zip(randomness.expose()).map(encrypt).collect();
        let mask = SegmentsMask::generate(
            &generators,
            &segments,
            SecretVector::random(segments.len(), rng),
            rng,
        );
        let (_, entries, mask) = mask.show(&PLACE, &SecretVector::new(entries));
        Self {
            key,
            vectors,
            blindings,
            commitments,
            level: LEVEL,
            segments,
            entries,
            mask,
            ciphertexts,
            randomness,
        }
    }

    /// The last block has no ciphertext, as when nothing is in doubt.
    fn statement(&self) -> PlacedStatement<'_> {
        let blocks = SegmentsStatement {
            key: self.key,
            vector: &self.entries,
            segments: &self.segments,
            opened: 0..3,
            shown: self.segments.entries(0..2).collect(),
            ciphertexts: &self.ciphertexts,
        };
        PlacedStatement { blocks, commitments: &self.commitments, level: self.level }
    }

    fn prove(&self, place: &Place<'_>, rng: &mut ChaCha20Rng) -> PlacedProof {
        self.prove_under(place, &self.statement().weights(place), rng)
    }

    fn prove_under(
        &self,
        place: &Place<'_>,
        weights: &[Scalar],
        rng: &mut ChaCha20Rng,
    ) -> PlacedProof {
        let generators = Generators::for_levels(LEVELS);
        let entry = |j: usize| self.vectors.iter().zip(weights).map(|(v, e)| v[j] * e).sum();
        let blinding = self.blindings.iter().zip(weights).map(|(b, e)| b * e).sum();
        let weighted = SummedShare {
            vector: SecretVector::new((0..LEVELS).map(entry).collect()),
            blinding: SecretScalar::new(blinding),
        };
        let blindings = SecretVector::random(self.segments.len(), rng);
        let segments = SegmentsMask::generate(&generators, &self.segments, blindings, rng);
        let fresh = SegmentsProofMask { segments, joined: JoinedMask::generate(&self.key, rng) };
        let whole = Box::new(EntriesMask::generate(&generators, &self.key, LEVELS, rng));
        let (mask, randomness) = (&self.mask, &self.randomness);
        let witness = PlacedWitness { mask, randomness, weighted: &weighted };
        self.statement().prove(place, weights, &witness, fresh, whole)
    }
}

fn check(
    statement: &PlacedStatement<'_>,
    place: &Place<'_>,
    proof: &PlacedProof,
) -> Result<(), ProofError> {
    let mut batch = batch(LEVELS);
    statement.append(place, LEVELS, proof, &mut batch)?;
    batch.check()
}

#[test]
fn a_proof_of_entries_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(50);
    let shown = Shown::new(random_point(&mut rng), &mut rng);
    let proof = shown.prove(&PLACE, &mut rng);
    assert_eq!(check(&shown.statement(), &PLACE, &proof), Ok(()));
    let elements: Vec<Element> = points(&proof.blocks.first)
        .chain(points(&proof.blocks.joined))
        .chain(points(&[proof.opening]))
        .chain(scalars(&proof.blocks.vector))
        .chain(scalars(&proof.blocks.blindings))
        .chain(scalars(&[proof.blocks.randomness, proof.tie, proof.blinding]))
        .chain(scalars(&proof.vector))
        .collect();
    for (told, altered) in alterations(&elements, 5) {
        let points: Vec<PointBytes> = altered[..6].iter().map(|e| e.point()).collect();
        let scalars: Vec<ScalarBytes> = altered[6..].iter().map(|e| e.scalar()).collect();
        let blocks = SegmentsProof {
            first: points[..3].to_vec(),
            joined: [points[3], points[4]],
            vector: scalars[..6].to_vec(),
            blindings: scalars[6..9].to_vec(),
            randomness: scalars[9],
        };
        let (opening, tie, blinding) = (points[5], scalars[10], scalars[11]);
        let vector = scalars[12..].to_vec();
        let proof = PlacedProof { blocks, opening, tie, vector, blinding };
        assert!(check(&shown.statement(), &PLACE, &proof).is_err(), "{told}");
    }
    for count in [0, LEVELS - 1, LEVELS + 1] {
        let mut proof = proof.clone();
        proof.vector.resize(count, proof.blinding);
        let refused = check(&shown.statement(), &PLACE, &proof);
        assert!(matches!(refused, Err(ProofError::Shape { .. })));
    }
    for place in other_places() {
        assert!(check(&shown.statement(), &place, &proof).is_err(), "{place:?}");
    }
}

#[test]
fn entries_that_are_not_the_bids_are_refused_however_well_they_are_proved() {
    let one = Scalar::ONE;
    // One more, one moved within a block, one moved between blocks, all of them.
    let lies: [&[(usize, Scalar)]; 5] = [
        &[(0, one)],
        &[(0, one), (1, -one)],
        &[(1, one), (2, -one)],
        &[(5, -one)],
        &[(0, one), (1, one), (2, one), (3, one), (4, one), (5, one)],
    ];
    let mut rng = ChaCha20Rng::seed_from_u64(51);
    for added in lies {
        let shown = Shown::lying(random_point(&mut rng), added, &mut rng);
        let proof = shown.prove(&PLACE, &mut rng);
        assert!(check(&shown.statement(), &PLACE, &proof).is_err(), "{added:?}");
    }
    // Errors that cancel under weights that were known before, in the block without a ciphertext:
    // nothing but the entries shown is another.
    let (key, same) = (random_point(&mut rng), || ChaCha20Rng::seed_from_u64(57));
    let weights = Shown::new(key, &mut same()).statement().weights(&PLACE);
    let second = -(weights[4] * weights[5].invert());
    let shown = Shown::lying(key, &[(4, one), (5, second)], &mut same());
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err());
    // Under those weights they would pass: that the weights hash the entries is what refuses them.
    let told = shown.prove_under(&PLACE, &weights, &mut rng);
    assert!(check(&shown.statement(), &PLACE, &told).is_err());
}

#[test]
fn a_proof_of_entries_of_another_statement_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(52);
    let mut shown = Shown::new(random_point(&mut rng), &mut rng);
    let proof = shown.prove(&PLACE, &mut rng);
    shown.level = Level(10);
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err());
    shown.level = LEVEL;
    for i in 0..BIDDERS {
        let kept = shown.commitments[i];
        shown.commitments[i] = Point::sum(&[kept, basepoint()]);
        assert!(check(&shown.statement(), &PLACE, &proof).is_err());
        assert!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err());
        shown.commitments[i] = kept;
    }
    // Two bids of one block in each other's place: the block's sum is what it was.
    shown.commitments.swap(0, 1);
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err());
    shown.commitments.swap(0, 1);
    for i in 0..2 {
        let kept = shown.ciphertexts[i];
        shown.ciphertexts[i] = Ciphertext::sum_minus_one(&[kept]);
        assert!(check(&shown.statement(), &PLACE, &proof).is_err());
        assert!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)).is_err());
        shown.ciphertexts[i] = kept;
    }
    assert_eq!(check(&shown.statement(), &PLACE, &shown.prove(&PLACE, &mut rng)), Ok(()));
}

/// A part of a statement, altered.
type Alter = fn(&mut Shown);

const ALTERATIONS: [Alter; 6] = [
    |shown| shown.key = Point::sum(&[shown.key, basepoint()]),
    |shown| shown.level = Level(8),
    |shown| shown.commitments.swap(4, 5),
    |shown| shown.ciphertexts[1].a = basepoint(),
    |shown| shown.ciphertexts[1].b = basepoint(),
    |shown| {
        let mut other = ChaCha20Rng::seed_from_u64(53);
        shown.entries = Shown::new(shown.key, &mut other).entries;
    },
];

#[test]
fn weights_hash_the_whole_statement_and_the_place() {
    let made = || {
        let mut same = ChaCha20Rng::seed_from_u64(54);
        Shown::new(random_point(&mut same), &mut same)
    };
    let weights = made().statement().weights(&PLACE);
    for (i, alter) in ALTERATIONS.into_iter().enumerate() {
        let mut altered = made();
        alter(&mut altered);
        assert_ne!(altered.statement().weights(&PLACE)[0], weights[0], "{i}");
    }
    for place in other_places() {
        assert_ne!(made().statement().weights(&place), weights);
    }
}

#[test]
fn errors_that_would_cancel_between_equations_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(56);
    let shown = Shown::new(random_point(&mut rng), &mut rng);
    // The whole vector's blinding against a block's: H cancels but for the weights.
    let mut proof = shown.prove(&PLACE, &mut rng);
    let raise = |scalar: &mut ScalarBytes, by: Scalar| {
        *scalar = (&(scalar.decode().unwrap() + by)).into();
    };
    raise(&mut proof.blinding, Scalar::ONE);
    raise(&mut proof.blocks.blindings[0], -Scalar::ONE);
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    // The response at the level against the tie: the sum of numbers holds again.
    let mut proof = shown.prove(&PLACE, &mut rng);
    raise(&mut proof.vector[LEVEL.index()], Scalar::ONE);
    raise(&mut proof.tie, Scalar::ONE);
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    // The opening shifted with its response: the challenge moves.
    let mut proof = shown.prove(&PLACE, &mut rng);
    let add = |point: &mut PointBytes, more: &Point| {
        *point = Point::sum(&[point.decode().unwrap(), *more]).bytes();
    };
    let h = *Generators::for_levels(LEVELS).blinding();
    raise(&mut proof.blocks.blindings[1], Scalar::ONE);
    add(&mut proof.blocks.first[1], &h);
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    let mut proof = shown.prove(&PLACE, &mut rng);
    raise(&mut proof.blocks.randomness, Scalar::ONE);
    add(&mut proof.blocks.joined[0], &basepoint());
    add(&mut proof.blocks.joined[1], &shown.key);
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    let mut proof = shown.prove(&PLACE, &mut rng);
    raise(&mut proof.blinding, Scalar::ONE);
    let first: RistrettoPoint = *proof.opening.decode().unwrap().value();
    let generators = Generators::for_levels(LEVELS);
    proof.opening = Point::from(first + generators.blinding().value()).bytes();
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
}
