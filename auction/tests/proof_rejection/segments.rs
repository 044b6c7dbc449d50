//! Ciphertexts of a ladder's levels, proved against segments of a masked sum.

use std::ops::Range;

use auction::elgamal::Ciphertext;
use auction::group::{Generators, Point, PointBytes, ScalarBytes, basepoint};
use auction::prices::Level;
use auction::proofs::commitment::commit;
use auction::proofs::joined::JoinedMask;
use auction::proofs::masked::{MaskedSum, MaskedVector, SegmentsMask, ShownVector, VectorMask};
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

const LEVELS: usize = 12;
const BLOCK: usize = 4;

/// A masked sum with ciphertexts of some of its levels, and everything that proves them.
struct Shown {
    key: Point,
    committed: Point,
    truth: SummedShare,
    blindings: Vec<Scalar>,
    said: MaskedSum,
    sum: ShownVector,
    mask: VectorMask,
    segments: Segments,
    opened: Range<usize>,
    levels: Vec<Level>,
    ciphertexts: Vec<Ciphertext>,
    randomness: SecretVector,
}

impl Shown {
    /// All segments, or the second of four: levels 4 to 6.
    fn new(key: Point, all: bool, rng: &mut ChaCha20Rng) -> Self {
        let (generators, segments) = (Generators::for_levels(LEVELS), Segments::of(LEVELS, BLOCK));
        assert_eq!(segments.len(), 4);
        let sum = SummedShare {
            vector: SecretVector::random(LEVELS, rng),
            blinding: SecretScalar::random(rng),
        };
        let committed = commit(&generators, sum.vector.expose(), sum.blinding.expose()).into();
        let blindings = SecretVector::random(segments.len(), rng);
        let kept = blindings.expose().to_vec();
        let mask = SegmentsMask::generate(&generators, &segments, blindings, rng);
        let (said, shown, mask) = mask.show_sum(&PLACE, &committed, &sum);
        let levels = if all { [4, 7, 10] } else { [4, 5, 6] }.map(Level).to_vec();
        let opened = if all { 0..4 } else { 1..2 };
        let randomness = SecretVector::random(levels.len(), rng);
        let encrypt = |(level, t): (&Level, &Scalar)| {
            Ciphertext::encrypt(&key, &sum.vector.expose()[level.index()], t)
        };
        let ciphertexts = levels.iter().zip(randomness.expose()).map(encrypt).collect();
        Self {
            key,
            committed,
            truth: sum,
            blindings: kept,
            said,
            sum: shown,
            mask,
            segments,
            opened,
            levels,
            ciphertexts,
            randomness,
        }
    }

    fn statement(&self) -> SegmentsStatement<'_> {
        SegmentsStatement {
            key: self.key,
            vector: &self.sum,
            segments: &self.segments,
            opened: self.opened.clone(),
            shown: runs(&self.levels),
            ciphertexts: &self.ciphertexts,
        }
    }

    fn prove(&self, rng: &mut ChaCha20Rng) -> SegmentsProof {
        let statement = self.statement();
        let weights = statement.weights(&PLACE);
        statement.prove(&PLACE, &weights, &self.mask, &self.randomness, self.fresh(rng))
    }

    fn fresh(&self, rng: &mut ChaCha20Rng) -> SegmentsProofMask {
        let blindings = SecretVector::random(self.segments.len(), rng);
        let generators = Generators::for_levels(LEVELS);
        let segments = SegmentsMask::generate(&generators, &self.segments, blindings, rng);
        SegmentsProofMask { segments, joined: JoinedMask::generate(&self.key, rng) }
    }
}

fn check(
    statement: &SegmentsStatement<'_>,
    place: &Place<'_>,
    proof: &SegmentsProof,
) -> Result<(), ProofError> {
    let mut batch = batch(LEVELS);
    statement.append(place, proof, &mut batch)?;
    batch.check()
}

/// What a verifier makes of a masked sum.
fn take(
    said: &MaskedSum,
    committed: &Point,
    segments: &Segments,
) -> Result<ShownVector, ProofError> {
    let mut batch = batch(LEVELS);
    let shown = said.append(&PLACE, segments, committed, &mut batch)?;
    batch.check().map(|()| shown)
}

#[test]
fn a_proof_against_segments_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(30);
    for all in [true, false] {
        let shown = Shown::new(random_point(&mut rng), all, &mut rng);
        let proof = shown.prove(&mut rng);
        assert_eq!(check(&shown.statement(), &PLACE, &proof), Ok(()));
        let (segments, entries) = (proof.first.len(), proof.vector.len());
        assert_eq!((segments, entries), if all { (4, LEVELS) } else { (1, 3) });
        let elements: Vec<Element> = points(&proof.first)
            .chain(points(&proof.joined))
            .chain(scalars(&proof.vector))
            .chain(scalars(&proof.blindings))
            .chain(scalars(&[proof.randomness]))
            .collect();
        for (told, altered) in alterations(&elements, 5) {
            let points: Vec<PointBytes> =
                altered[..segments + 2].iter().map(|e| e.point()).collect();
            let scalars: Vec<ScalarBytes> =
                altered[segments + 2..].iter().map(|e| e.scalar()).collect();
            let proof = SegmentsProof {
                first: points[..segments].to_vec(),
                joined: [points[segments], points[segments + 1]],
                vector: scalars[..entries].to_vec(),
                blindings: scalars[entries..entries + segments].to_vec(),
                randomness: scalars[entries + segments],
            };
            assert!(check(&shown.statement(), &PLACE, &proof).is_err(), "{told}");
        }
        for place in other_places() {
            assert!(check(&shown.statement(), &place, &proof).is_err(), "{place:?}");
        }
    }
}

#[test]
fn a_proof_against_segments_of_another_statement_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(31);
    for all in [true, false] {
        let mut shown = Shown::new(random_point(&mut rng), all, &mut rng);
        let proof = shown.prove(&mut rng);
        let statement = shown.statement();
        let other = SegmentsStatement { key: random_point(&mut rng), ..statement.clone() };
        assert!(check(&other, &PLACE, &proof).is_err());
        let levels = if all { [4, 7, 11] } else { [4, 6, 5] }.map(Level);
        let other = SegmentsStatement { shown: runs(&levels), ..statement.clone() };
        assert!(check(&other, &PLACE, &proof).is_err());
        let stranger = Shown::new(shown.key, all, &mut rng);
        let other = SegmentsStatement { vector: &stranger.sum, ..statement };
        assert!(check(&other, &PLACE, &proof).is_err());
        // Made anew over a false statement, too.
        for i in 0..3 {
            let kept = shown.ciphertexts[i];
            shown.ciphertexts[i] = Ciphertext::sum_minus_one(&[kept]);
            assert!(check(&shown.statement(), &PLACE, &proof).is_err());
            assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
            shown.ciphertexts[i] = kept;
        }
        shown.ciphertexts.swap(0, 1);
        assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
        shown.ciphertexts.swap(0, 1);
        assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_ok());
    }
}

#[test]
fn a_segment_of_another_number_is_not_the_one_opened() {
    let mut rng = ChaCha20Rng::seed_from_u64(32);
    let mut shown = Shown::new(random_point(&mut rng), false, &mut rng);
    let proof = shown.prove(&mut rng);
    // As many levels, at the same places of the next segment.
    shown.opened = 2..3;
    shown.levels = [7, 8, 9].map(Level).to_vec();
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
}

#[test]
fn a_masked_sum_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(33);
    let shown = Shown::new(random_point(&mut rng), true, &mut rng);
    let (said, count) = (&shown.said, shown.segments.len());
    let taken = take(said, &shown.committed, &shown.segments).unwrap();
    assert_eq!(taken.digest(), shown.sum.digest());
    let elements: Vec<Element> = points(&said.vector.masks)
        .chain(scalars(&said.vector.entries))
        .chain(scalars(&[said.blinding]))
        .collect();
    for (told, altered) in alterations(&elements, 5) {
        let scalars: Vec<ScalarBytes> = altered[count..].iter().map(|e| e.scalar()).collect();
        let vector = MaskedVector {
            masks: altered[..count].iter().map(|e| e.point()).collect(),
            entries: scalars[..LEVELS].to_vec(),
        };
        let said = MaskedSum { vector, blinding: scalars[LEVELS] };
        // Two masks that changed places leave their sum: their digest tells, and every proof
        // hashes it.
        if let Ok(taken) = take(&said, &shown.committed, &shown.segments) {
            assert_ne!(taken.digest(), shown.sum.digest(), "{told}");
            let proof = shown.prove(&mut rng);
            let other = SegmentsStatement { vector: &taken, ..shown.statement() };
            assert!(check(&other, &PLACE, &proof).is_err(), "{told}");
        }
    }
    let other = Point::sum(&[shown.committed, basepoint()]);
    assert!(take(said, &other, &shown.segments).is_err());
}

/// The mask that the entries shown would have over another vector.
fn absorbed(shown: &Shown, vector: &SecretVector) -> VectorMask {
    let (generators, segments) = (Generators::for_levels(LEVELS), &shown.segments);
    let blindings = || SecretVector::new(shown.blindings.clone());
    let difference = |(shown, entry): (&ScalarBytes, &Scalar)| shown.decode().unwrap() - entry;
    let mask: Vec<Scalar> =
        shown.said.vector.entries.iter().zip(vector.expose()).map(difference).collect();
    let honest = commitments(&generators, segments, &mask, &shown.blindings);
    let said = MaskedVector { masks: honest, entries: shown.said.vector.entries.clone() };
    VectorMask::recall(&generators, segments, &said, vector, blindings()).unwrap()
}

/// Commitments to the segments of a vector.
fn commitments(
    generators: &Generators,
    segments: &Segments,
    vector: &[Scalar],
    blindings: &[Scalar],
) -> Vec<PointBytes> {
    let runs = segments.entries(0..segments.len()).zip(blindings);
    let one = |(run, blinding): (Range<usize>, &Scalar)| {
        let mut alone = vec![Scalar::ZERO; LEVELS];
        alone[run.clone()].copy_from_slice(&vector[run]);
        Point::from(commit(generators, &alone, blinding)).bytes()
    };
    runs.map(one).collect()
}

/// Levels as runs of entries.
fn runs(levels: &[Level]) -> Vec<Range<usize>> {
    levels.iter().map(|level| level.index()..level.index() + 1).collect()
}

/// The masks of a sum shifted between two segments by 77 at a level: their sum, and so the
/// equation of the masked sum, is what it was.
fn shifted(shown: &Shown, [from, to]: [usize; 2], level: Level) -> MaskedSum {
    let generators = Generators::for_levels(LEVELS);
    let mut unit = vec![Scalar::ZERO; LEVELS];
    unit[level.index()] = Scalar::from(77u8);
    let shift = commit(&generators, &unit, &Scalar::ZERO);
    let mut said = shown.said.clone();
    for (segment, shift) in [(from, -shift), (to, shift)] {
        let mask = *said.vector.masks[segment].decode().unwrap().value();
        said.vector.masks[segment] = Point::from(mask + shift).bytes();
    }
    said
}

#[test]
fn a_mask_that_holds_something_of_another_segment_is_refused() {
    // Level 5 lies in the second segment.
    let (segments, level, by) = ([0, 1], Level(5), Scalar::from(77u8));
    let mut rng = ChaCha20Rng::seed_from_u64(34);
    let mut shown = Shown::new(random_point(&mut rng), true, &mut rng);
    let said = shifted(&shown, segments, level);
    let taken = take(&said, &shown.committed, &shown.segments);
    shown.sum = taken.expect("the equation of the masked sum alone sees nothing");
    // With the masks as they were: all equations of the segments added up hold.
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
    // With the second segment's mask as it is said to be: its own equation holds.
    let mut entries = shown.truth.vector.expose().to_vec();
    entries[level.index()] -= by;
    let false_sum = SecretVector::new(entries.clone());
    let blindings = SecretVector::new(shown.blindings.clone());
    let generators = Generators::for_levels(LEVELS);
    let segment = Segments::of(LEVELS, BLOCK);
    let recalled = VectorMask::recall(&generators, &segment, &said.vector, &false_sum, blindings);
    assert!(recalled.is_none(), "the first segment's mask is no commitment to its own levels");
    shown.mask = absorbed(&shown, &false_sum);
    assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
    // Were it taken, the next stage would take a false entry, and a level that nobody above it
    // reached could look as if somebody had.
    shown.opened = 1..2;
    shown.levels = [4, 5, 6].map(Level).to_vec();
    let encrypt =
        |(level, t): (&Level, &Scalar)| Ciphertext::encrypt(&shown.key, &entries[level.index()], t);
    shown.ciphertexts = shown.levels.iter().zip(shown.randomness.expose()).map(encrypt).collect();
    assert_eq!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)), Ok(()));
}

#[test]
fn errors_that_would_cancel_between_equations_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(35);
    // Blindings of two segments, one too great, one too small: H cancels but for the weights.
    let shown = Shown::new(random_point(&mut rng), true, &mut rng);
    let mut proof = shown.prove(&mut rng);
    for (segment, by) in [(0, Scalar::ONE), (1, -Scalar::ONE)] {
        let blinding = proof.blindings[segment].decode().unwrap();
        proof.blindings[segment] = (&(blinding + by)).into();
    }
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    // The joined rows under the key -G, as for a whole vector.
    let shown = Shown::new(Point::from(-basepoint().value()), false, &mut rng);
    let mut proof = shown.prove(&mut rng);
    assert_eq!(check(&shown.statement(), &PLACE, &proof), Ok(()));
    proof.randomness = (&(proof.randomness.decode().unwrap() + Scalar::ONE)).into();
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
    // First messages and responses shifted alike: the challenge moves.
    let shown = Shown::new(random_point(&mut rng), false, &mut rng);
    let mut proof = shown.prove(&mut rng);
    let blinding = proof.blindings[0].decode().unwrap();
    proof.blindings[0] = (&(blinding + Scalar::ONE)).into();
    let first: RistrettoPoint = *proof.first[0].decode().unwrap().value();
    let generators = Generators::for_levels(LEVELS);
    proof.first[0] = Point::from(first + generators.blinding().value()).bytes();
    assert!(check(&shown.statement(), &PLACE, &proof).is_err());
}

#[test]
fn errors_that_cancel_under_weights_known_before_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(36);
    for all in [true, false] {
        let mut shown = Shown::new(random_point(&mut rng), all, &mut rng);
        let weights = shown.statement().weights(&PLACE);
        let second = -(weights[0] * weights[1].invert());
        for (i, error) in [(0, Scalar::ONE), (1, second)] {
            let wrong = RistrettoPoint::mul_base(&error).into();
            shown.ciphertexts[i].b = Point::sum(&[shown.ciphertexts[i].b, wrong]);
        }
        assert!(check(&shown.statement(), &PLACE, &shown.prove(&mut rng)).is_err());
    }
}

/// The generator of the level at index `i`: `U_i`.
fn generator(i: usize) -> RistrettoPoint {
    let mut unit = vec![Scalar::ZERO; LEVELS];
    unit[i] = Scalar::ONE;
    commit(&Generators::for_levels(LEVELS), &unit, &Scalar::ZERO)
}

#[test]
fn another_masked_sum_for_which_the_equation_holds_has_another_digest() {
    let mut rng = ChaCha20Rng::seed_from_u64(39);
    let shown = Shown::new(random_point(&mut rng), true, &mut rng);
    let h = *Generators::for_levels(LEVELS).blinding();
    let add = |point: &mut PointBytes, more: &RistrettoPoint| {
        *point = Point::from(point.decode().unwrap().value() + more).bytes();
    };
    let raise = |scalar: &mut ScalarBytes| {
        *scalar = (&(scalar.decode().unwrap() + Scalar::ONE)).into();
    };
    let mut entry = (shown.said.clone(), shown.committed);
    raise(&mut entry.0.vector.entries[4]);
    add(&mut entry.0.vector.masks[1], &generator(4));
    let mut blinding = (shown.said.clone(), shown.committed);
    raise(&mut blinding.0.blinding);
    add(&mut blinding.0.vector.masks[2], h.value());
    let mut committed = (shown.said.clone(), Point::sum(&[shown.committed, h]));
    raise(&mut committed.0.blinding);
    for (i, (said, committed)) in [entry, blinding, committed].into_iter().enumerate() {
        let taken = take(&said, &committed, &shown.segments).unwrap();
        assert_ne!(taken.digest(), shown.sum.digest(), "{i}");
    }
}

/// A part of a statement, altered.
type Alter = fn(&mut Shown);

const ALTERATIONS: [Alter; 9] = [
    |shown| shown.opened = if shown.opened.len() == 1 { 1..3 } else { 0..3 },
    |shown| shown.key = Point::sum(&[shown.key, basepoint()]),
    |shown| {
        let mut said = shown.said.clone();
        said.vector.masks.swap(2, 3);
        shown.sum = take(&said, &shown.committed, &shown.segments).unwrap();
    },
    |shown| shown.levels[0] = Level(shown.levels[1].0),
    |shown| shown.ciphertexts[0].a = basepoint(),
    |shown| shown.ciphertexts[0].b = basepoint(),
    |shown| shown.ciphertexts[2].b = basepoint(),
    |shown| shown.ciphertexts.swap(1, 2),
    |shown| _ = shown.ciphertexts.pop(),
];

#[test]
fn weights_and_challenge_hash_the_whole_statement_and_the_place() {
    let made = |all| {
        let mut same = ChaCha20Rng::seed_from_u64(37);
        Shown::new(random_point(&mut same), all, &mut same)
    };
    for all in [true, false] {
        // The same masks and witness: the response for a blinding moves with the challenge alone.
        let prove = |shown: &Shown, place: &Place<'_>, weights: &[Scalar]| {
            let mut same = ChaCha20Rng::seed_from_u64(38);
            let fresh = shown.fresh(&mut same);
            let (mask, randomness) = (&shown.mask, &shown.randomness);
            shown.statement().prove(place, weights, mask, randomness, fresh).blindings[0]
        };
        let honest = made(all);
        let weights = honest.statement().weights(&PLACE);
        let response = prove(&honest, &PLACE, &weights);
        for (i, alter) in ALTERATIONS.into_iter().enumerate() {
            let mut altered = made(all);
            alter(&mut altered);
            assert_ne!(altered.statement().weights(&PLACE)[0], weights[0], "{all} {i}");
            assert_ne!(prove(&altered, &PLACE, &weights), response, "{all} {i}");
        }
        for place in other_places() {
            assert_ne!(honest.statement().weights(&place), weights);
            assert_ne!(prove(&honest, &place, &weights), response);
        }
    }
}
