//! A summed vector shown once under a mask, and the mask committed to segment by segment.
//!
//! `u = z + y` hides the sum `z` as a one-time pad, and `A_b = <y_b, U_b> + rho_b H` binds to
//! each segment of the mask by itself. Since `C = <z, U> + R H` is known, anybody sees that `u`
//! is of that sum: `C + sum A_b = <u, U> + (R + sum rho_b) H`. From then on `<u_b, U_b> - A_b` is
//! a commitment to segment `b` of the sum alone. It is one only if `A_b` holds nothing of other
//! segments, which [`super::segments`] proves. PROTOCOL section 5.

use curve25519_dalek::traits::MultiscalarMul as _;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::field::{Canonical, differences};
use crate::group::{EncodingError, Generators, Point, PointBytes, ScalarBytes};
use crate::layout::{Digest, Label};
use crate::proofs::batch::EquationBatch;
use crate::proofs::{Place, ProofError, expect_length};
use crate::secret::SecretVector;
use crate::segments::Segments;
use crate::shares::SummedShare;

/// A masked sum, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedSum {
    /// `A_b`, one a segment.
    pub masks: Vec<PointBytes>,
    /// `u`, one entry a level.
    pub entries: Vec<ScalarBytes>,
    /// `R + sum rho_b`.
    pub blinding: ScalarBytes,
}

/// A masked sum, decoded; what the ladder's ciphertexts are proved against.
#[derive(Debug, Clone)]
pub struct ShownSum {
    digest: Digest,
    masks: Vec<Point>,
    entries: Vec<Canonical>,
}

/// A vector committed to segment by segment.
pub struct SegmentsMask {
    pub(super) vector: SecretVector,
    pub(super) blindings: SecretVector,
    pub(super) commitments: Vec<Point>,
}

/// The mask of a sum that was shown: what opens its segments' commitments.
pub struct SumMask {
    pub(super) vector: SecretVector,
    pub(super) blindings: SecretVector,
}

impl SegmentsMask {
    /// A fresh vector, committed to under `blindings`, one a segment; in constant time.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(
        generators: &Generators,
        segments: &Segments,
        levels: usize,
        blindings: SecretVector,
        rng: &mut R,
    ) -> Self {
        let vector = SecretVector::random(levels, rng);
        let pairs = segments.entries(0..segments.len()).zip(blindings.expose());
        let commit = |(entries, blinding): (std::ops::Range<usize>, &Scalar)| {
            // Segments are runs of an auction's levels, and the vector has an entry for each.
            let part = &vector.expose()[entries.clone()];
            commit_segment(generators, entries.start, part, blinding).into()
        };
        let commitments = pairs.map(commit).collect();
        Self { vector, blindings, commitments }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(self.vector.expose())
            + size_of_val(self.blindings.expose())
            + size_of_val(&*self.commitments)
    }

    /// 5 Shows a sum under this mask, which thereby serves its one sum; constant time in both.
    #[must_use]
    pub fn show(
        self,
        place: &Place<'_>,
        committed: &Point,
        sum: &SummedShare,
    ) -> (MaskedSum, ShownSum, SumMask) {
        let add = |(entry, mask): (&Scalar, &Scalar)| {
            Canonical::from_scalar(entry) + Canonical::from_scalar(mask)
        };
        let entries: Vec<Canonical> =
            sum.vector.expose().iter().zip(self.vector.expose()).map(add).collect();
        let masks: Scalar = self.blindings.expose().iter().sum();
        let said = MaskedSum {
            masks: self.commitments.iter().map(Point::bytes).collect(),
            entries: entries.iter().map(|entry| ScalarBytes(entry.to_bytes())).collect(),
            blinding: (&(sum.blinding.expose() + masks)).into(),
        };
        let digest = said.digest(place, committed);
        let shown = ShownSum { digest, masks: self.commitments, entries };
        (said, shown, SumMask { vector: self.vector, blindings: self.blindings })
    }
}

impl SumMask {
    /// The mask under which a sum was shown, from what was said then and the blindings that its
    /// commitments were made with; nothing where they do not belong together.
    #[must_use]
    pub fn recall(said: &MaskedSum, sum: &SummedShare, blindings: SecretVector) -> Option<Self> {
        let entries = sum.vector.expose();
        if said.entries.len() != entries.len() || said.masks.len() != blindings.expose().len() {
            return None;
        }
        let mut vector = Vec::with_capacity(entries.len());
        for (shown, entry) in said.entries.iter().zip(entries) {
            let shown = Canonical::from_bytes(&shown.0)?;
            vector.push((shown - Canonical::from_scalar(entry)).to_scalar());
        }
        let vector = SecretVector::new(vector);
        let masks: Scalar = blindings.expose().iter().sum();
        let blinding = said.blinding.decode().ok()?;
        (blinding == sum.blinding.expose() + masks).then_some(Self { vector, blindings })
    }
}

impl MaskedSum {
    /// The hash of what is shown of the sum that `committed` binds to.
    fn digest(&self, place: &Place<'_>, committed: &Point) -> Digest {
        let mut layout = place.bind(Label::MaskedSum).layout();
        layout.point(committed).count(self.masks.len());
        for mask in &self.masks {
            layout.fixed(&mask.0);
        }
        layout.count(self.entries.len()).reserve(32 * (self.entries.len() + 1));
        for entry in &self.entries {
            layout.fixed(&entry.0);
        }
        layout.fixed(&self.blinding.0).hash()
    }

    /// Adds the equation that this is a masked sum of what `committed` binds to.
    ///
    /// # Errors
    /// [`ProofError`] when it is not of the shape of the auction's sums.
    pub fn append(
        &self,
        place: &Place<'_>,
        segments: &Segments,
        levels: usize,
        committed: &Point,
        batch: &mut EquationBatch,
    ) -> Result<ShownSum, ProofError> {
        expect_length("commitments to masks", self.masks.len(), segments.len())?;
        expect_length("masked entries", self.entries.len(), levels)?;
        let masks = self.masks.iter().map(PointBytes::decode).collect::<Result<Vec<_>, _>>()?;
        let entries = canonical(&self.entries)?;
        let blinding = self.blinding.decode()?;
        // C + sum A_b - <u, U> - (R + sum rho_b) H = 0
        let weight = batch.weight();
        batch.term(weight, committed);
        batch.sum_term(weight, &masks);
        batch.vector(-weight, 0, entries.iter().copied());
        batch.blinding(-weight * blinding);
        Ok(ShownSum { digest: self.digest(place, committed), masks, entries })
    }
}

impl ShownSum {
    /// What names it in proofs.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// `A_b`, one a segment.
    #[must_use]
    pub fn masks(&self) -> &[Point] {
        &self.masks
    }

    /// `u`, one entry a level.
    #[must_use]
    pub fn entries(&self) -> &[Canonical] {
        &self.entries
    }
}

/// Scalars in their one encoding each.
pub(super) fn canonical(scalars: &[ScalarBytes]) -> Result<Vec<Canonical>, ProofError> {
    let decoded = scalars.iter().map(|bytes| Canonical::from_bytes(&bytes.0));
    Ok(decoded.collect::<Option<_>>().ok_or(EncodingError::Scalar)?)
}

/// `<entries, U_b> + blinding H` for the entries of a segment that begins at the entry `first`
/// of a vector; in constant time.
#[must_use]
pub fn commit_segment(
    generators: &Generators,
    first: usize,
    entries: &[Scalar],
    blinding: &Scalar,
) -> RistrettoPoint {
    let mut weights = differences(entries);
    let points = generators.levels(first + entries.len());
    // U_first = P_first - P_before; before the first level there is nothing.
    let points = match first.checked_sub(1) {
        Some(before) => {
            let leading = entries.first().map_or(Scalar::ZERO, |entry| -entry);
            weights.insert(0, leading);
            &points[before..]
        }
        None => points,
    };
    let weights = SecretVector::new(weights);
    RistrettoPoint::multiscalar_mul(
        weights.expose().iter().chain([blinding]),
        points.iter().chain([generators.blinding().value()]),
    )
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;
    use crate::proofs::entries::commit;
    use crate::secret::SecretScalar;

    #[test]
    fn segments_add_up_to_the_commitment_to_the_whole() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let generators = Generators::for_levels(64);
        for block in [2, 8, 48] {
            let segments = Segments::of(64, block);
            let blindings = SecretVector::random(segments.len(), &mut rng);
            let sum: Scalar = blindings.expose().iter().sum();
            let mask = SegmentsMask::generate(&generators, &segments, 64, blindings, &mut rng);
            let whole = commit(&generators, mask.vector.expose(), &sum);
            assert_eq!(Point::sum(&mask.commitments), Point::from(whole));
        }
    }

    fn shown() -> (MaskedSum, SummedShare, Vec<Scalar>, Vec<Scalar>) {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (generators, segments) = (Generators::for_levels(32), Segments::of(32, 8));
        let sum = SummedShare {
            vector: SecretVector::random(32, &mut rng),
            blinding: SecretScalar::random(&mut rng),
        };
        let committed = commit(&generators, sum.vector.expose(), sum.blinding.expose()).into();
        let blindings = SecretVector::random(segments.len(), &mut rng);
        let mask = SegmentsMask::generate(&generators, &segments, 32, blindings, &mut rng);
        let key = crate::keys::SecretKey::generate(&mut rng).public();
        let none = Digest::default();
        let place = Place { context: &none, prover: &key, round: 1, previous: &none };
        let (said, _, mask) = mask.show(&place, &committed, &sum);
        let (vector, blindings) = (mask.vector.expose().to_vec(), mask.blindings.expose().to_vec());
        (said, sum, vector, blindings)
    }

    #[test]
    fn a_mask_is_found_again_from_what_was_shown_and_nothing_else_is() {
        let (said, sum, vector, blindings) = shown();
        let again = SumMask::recall(&said, &sum, SecretVector::new(blindings.clone())).unwrap();
        assert_eq!(again.vector.expose(), vector);
        let mut others = blindings.clone();
        others[0] += Scalar::ONE;
        assert!(SumMask::recall(&said, &sum, SecretVector::new(others)).is_none());
        let mut short = said.clone();
        short.entries.pop();
        assert!(SumMask::recall(&short, &sum, SecretVector::new(blindings.clone())).is_none());
        let mut short = said;
        short.masks.pop();
        assert!(SumMask::recall(&short, &sum, SecretVector::new(blindings)).is_none());
    }
}
