//! A vector shown once under a mask, and the mask committed to segment by segment.
//!
//! `u = z + y` hides the vector `z` as a one-time pad, and `M_b = <y_b, U_b> + rho_b H` binds to
//! each segment of the mask by itself: `<u_b, U_b> - M_b` is a commitment to segment `b` of `z`
//! alone. It is one only if `M_b` holds nothing of other segments, which [`super::segments`]
//! proves. Where `z` is a sum with a commitment `C = <z, U> + R H`, anybody sees that `u` is of
//! that sum: `C + sum M_b = <u, U> + (R + sum rho_b) H`. PROTOCOL sections 5 and 8.

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::field::Canonical;
use crate::group::{EncodingError, Generators, Point, PointBytes, ScalarBytes};
use crate::layout::{Digest, Label};
use crate::proofs::batch::EquationBatch;
use crate::proofs::commitment::commit_run;
use crate::proofs::{Place, ProofError, expect_length};
use crate::secret::SecretVector;
use crate::segments::Segments;
use crate::shares::SummedShare;

/// A vector under a mask, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedVector {
    /// `M_b`, one a segment.
    pub masks: Vec<PointBytes>,
    /// `u`.
    pub entries: Vec<ScalarBytes>,
}

/// A masked sum, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedSum {
    /// One entry a level.
    pub vector: MaskedVector,
    /// `R + sum rho_b`.
    pub blinding: ScalarBytes,
}

/// A masked vector, decoded; what ciphertexts are proved against.
#[derive(Debug, Clone)]
pub struct ShownVector {
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

/// The mask of a vector that was shown: what opens its segments' commitments.
pub struct VectorMask {
    pub(super) vector: SecretVector,
    pub(super) blindings: SecretVector,
}

impl SegmentsMask {
    /// A fresh vector, committed to under `blindings`, one a segment; in constant time.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(
        generators: &Generators,
        segments: &Segments,
        blindings: SecretVector,
        rng: &mut R,
    ) -> Self {
        let vector = SecretVector::random(segments.covered(), rng);
        let commitments = commit_segments(generators, segments, &vector, &blindings);
        Self { vector, blindings, commitments }
    }

    /// How many entries it has.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.vector.expose().len()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(self.vector.expose())
            + size_of_val(self.blindings.expose())
            + size_of_val(&*self.commitments)
    }

    /// 8 Shows a vector under this mask, which thereby serves this one; constant time in both.
    #[must_use]
    pub fn show(
        self,
        place: &Place<'_>,
        vector: &SecretVector,
    ) -> (MaskedVector, ShownVector, VectorMask) {
        let add = |(entry, mask): (&Scalar, &Scalar)| {
            Canonical::from_scalar(entry) + Canonical::from_scalar(mask)
        };
        let entries: Vec<Canonical> =
            vector.expose().iter().zip(self.vector.expose()).map(add).collect();
        let said = MaskedVector {
            masks: self.commitments.iter().map(Point::bytes).collect(),
            entries: entries.iter().map(|entry| ScalarBytes(entry.to_bytes())).collect(),
        };
        let shown = ShownVector { digest: said.digest(place), masks: self.commitments, entries };
        (said, shown, VectorMask { vector: self.vector, blindings: self.blindings })
    }

    /// 5 The same for a sum that `committed` binds to.
    #[must_use]
    pub fn show_sum(
        self,
        place: &Place<'_>,
        committed: &Point,
        sum: &SummedShare,
    ) -> (MaskedSum, ShownVector, VectorMask) {
        let masks: Scalar = self.blindings.expose().iter().sum();
        let (vector, mut shown, mask) = self.show(place, &sum.vector);
        let blinding = (&(sum.blinding.expose() + masks)).into();
        let said = MaskedSum { vector, blinding };
        shown.digest = said.digest(place, &shown.digest, committed);
        (said, shown, mask)
    }
}

impl VectorMask {
    /// The mask under which a vector was shown, from what was said then and the blindings that its
    /// commitments were made with; nothing where they do not belong together.
    #[must_use]
    pub fn recall(
        generators: &Generators,
        segments: &Segments,
        said: &MaskedVector,
        shown: &SecretVector,
        blindings: SecretVector,
    ) -> Option<Self> {
        let entries = shown.expose();
        if said.entries.len() != entries.len() || segments.covered() != entries.len() {
            return None;
        }
        let shown = canonical(&said.entries).ok()?;
        let mask = |(shown, entry): (&Canonical, &Scalar)| {
            (*shown - Canonical::from_scalar(entry)).to_scalar()
        };
        let vector = SecretVector::new(shown.iter().zip(entries).map(mask).collect());
        let made = commit_segments(generators, segments, &vector, &blindings);
        let same = made.iter().map(Point::bytes).eq(said.masks.iter().copied());
        same.then_some(Self { vector, blindings })
    }
}

impl MaskedVector {
    /// The hash of what is shown.
    fn digest(&self, place: &Place<'_>) -> Digest {
        let mut layout = place.bind(Label::MaskedVector).layout();
        layout.count(self.masks.len());
        for mask in &self.masks {
            layout.fixed(&mask.0);
        }
        layout.count(self.entries.len()).reserve(32 * self.entries.len());
        for entry in &self.entries {
            layout.fixed(&entry.0);
        }
        layout.hash()
    }

    /// Decodes it.
    ///
    /// # Errors
    /// [`ProofError`] when it is not of this shape.
    pub fn decode(
        &self,
        place: &Place<'_>,
        segments: &Segments,
    ) -> Result<ShownVector, ProofError> {
        expect_length("commitments to masks", self.masks.len(), segments.len())?;
        expect_length("masked entries", self.entries.len(), segments.covered())?;
        let masks = self.masks.iter().map(PointBytes::decode).collect::<Result<Vec<_>, _>>()?;
        let entries = canonical(&self.entries)?;
        Ok(ShownVector { digest: self.digest(place), masks, entries })
    }
}

impl MaskedSum {
    /// The hash of what is shown of the sum that `committed` binds to.
    fn digest(&self, place: &Place<'_>, vector: &Digest, committed: &Point) -> Digest {
        let mut layout = place.bind(Label::MaskedSum).layout();
        layout.point(committed).digest(vector).fixed(&self.blinding.0).hash()
    }

    /// Adds the equation that this is a masked sum of what `committed` binds to.
    ///
    /// # Errors
    /// [`ProofError`] when it is not of the shape of the auction's sums.
    pub fn append(
        &self,
        place: &Place<'_>,
        segments: &Segments,
        committed: &Point,
        batch: &mut EquationBatch,
    ) -> Result<ShownVector, ProofError> {
        let mut shown = self.vector.decode(place, segments)?;
        let blinding = self.blinding.decode()?;
        // C + sum M_b - <u, U> - (R + sum rho_b) H = 0
        let weight = batch.weight();
        batch.term(weight, committed);
        batch.sum_term(weight, &shown.masks);
        batch.vector(-weight, 0, shown.entries.iter().copied());
        batch.blinding(-weight * blinding);
        shown.digest = self.digest(place, &shown.digest, committed);
        Ok(shown)
    }
}

impl ShownVector {
    /// What names it in proofs.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// `M_b`, one a segment.
    #[must_use]
    pub fn masks(&self) -> &[Point] {
        &self.masks
    }

    /// `u`.
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

/// Commitments to the segments of a vector that they cover, in constant time.
fn commit_segments(
    generators: &Generators,
    segments: &Segments,
    vector: &SecretVector,
    blindings: &SecretVector,
) -> Vec<Point> {
    let commit = |(entries, blinding): (std::ops::Range<usize>, &Scalar)| {
        // The segments are runs of the vector's entries.
        let part = &vector.expose()[entries.clone()];
        commit_run(generators, entries.start, part, blinding).into()
    };
    segments.entries(0..segments.len()).zip(blindings.expose()).map(commit).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;
    use crate::proofs::commitment::commit;

    #[test]
    fn segments_add_up_to_the_commitment_to_the_whole() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let generators = Generators::for_levels(64);
        for block in [2, 8, 48] {
            let segments = Segments::of(64, block);
            let blindings = SecretVector::random(segments.len(), &mut rng);
            let sum: Scalar = blindings.expose().iter().sum();
            let mask = SegmentsMask::generate(&generators, &segments, blindings, &mut rng);
            let whole = commit(&generators, mask.vector.expose(), &sum);
            assert_eq!(Point::sum(&mask.commitments), Point::from(whole));
        }
    }

    #[test]
    fn a_mask_is_found_again_from_what_was_shown_and_nothing_else_is() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (generators, segments) = (Generators::for_levels(32), Segments::of(32, 8));
        let vector = SecretVector::random(32, &mut rng);
        let blindings = SecretVector::random(segments.len(), &mut rng);
        let kept = blindings.expose().to_vec();
        let mask = SegmentsMask::generate(&generators, &segments, blindings, &mut rng);
        let key = crate::keys::SecretKey::generate(&mut rng).public();
        let none = Digest::default();
        let place = Place { context: &none, prover: &key, round: 1, previous: &none };
        let (said, _, mask) = mask.show(&place, &vector);
        let recall = |said: &MaskedVector, vector: &SecretVector, blindings: &[Scalar]| {
            let blindings = SecretVector::new(blindings.to_vec());
            VectorMask::recall(&generators, &segments, said, vector, blindings)
        };
        let again = recall(&said, &vector, &kept).unwrap();
        assert_eq!(again.vector.expose(), mask.vector.expose());
        let mut others = kept.clone();
        others[0] += Scalar::ONE;
        assert!(recall(&said, &vector, &others).is_none());
        let mut another = vector.expose().to_vec();
        another[31] += Scalar::ONE;
        assert!(recall(&said, &SecretVector::new(another), &kept).is_none());
        let mut short = said.clone();
        short.entries.pop();
        assert!(recall(&short, &vector, &kept).is_none());
        let mut short = said;
        short.masks.pop();
        assert!(recall(&short, &vector, &kept).is_none());
    }
}
