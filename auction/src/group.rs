//! Group elements as they travel and as they are worked with, and the fixed generators.
//!
//! The group is Ristretto255: prime order, canonical encodings, no cofactor to forget.

use std::sync::{Arc, Mutex, PoisonError};

use curve25519_dalek::constants::{RISTRETTO_BASEPOINT_COMPRESSED, RISTRETTO_BASEPOINT_POINT};
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{RistrettoPoint, Scalar};
use serde::{Deserialize, Serialize};

use crate::layout::{Digest, Label, Layout};
use crate::secret::SecretScalar;

/// A received encoding of a group element; nothing is known of it until it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PointBytes(pub [u8; 32]);

/// A received encoding of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScalarBytes(pub [u8; 32]);

/// Bytes that encode no group element or no scalar in the one canonical way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Not a group element.
    #[error("bytes are not the canonical encoding of a group element")]
    Point,
    /// Not a scalar.
    #[error("bytes are not the canonical encoding of a scalar")]
    Scalar,
}

impl PointBytes {
    /// Decodes the element.
    ///
    /// # Errors
    /// [`EncodingError::Point`] when the bytes are not canonical.
    pub fn decode(&self) -> Result<Point, EncodingError> {
        let value = CompressedRistretto(self.0).decompress().ok_or(EncodingError::Point)?;
        Ok(Point { value, bytes: *self })
    }
}

impl ScalarBytes {
    /// Decodes the scalar.
    ///
    /// # Errors
    /// [`EncodingError::Scalar`] when the bytes are not canonical.
    pub fn decode(&self) -> Result<Scalar, EncodingError> {
        Option::from(Scalar::from_canonical_bytes(self.0)).ok_or(EncodingError::Scalar)
    }
}

impl From<&Scalar> for ScalarBytes {
    fn from(scalar: &Scalar) -> Self {
        Self(scalar.to_bytes())
    }
}

/// A group element beside its encoding, so that neither is computed twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point {
    value: RistrettoPoint,
    bytes: PointBytes,
}

impl Point {
    /// The element to compute with.
    #[must_use]
    pub fn value(&self) -> &RistrettoPoint {
        &self.value
    }

    /// The element to hash and to send.
    #[must_use]
    pub fn bytes(&self) -> PointBytes {
        self.bytes
    }

    /// This element times a secret scalar, in constant time.
    #[must_use]
    pub fn times(&self, secret: &SecretScalar) -> RistrettoPoint {
        if self.bytes == BASEPOINT {
            RistrettoPoint::mul_base(secret.expose())
        } else {
            self.value * secret.expose()
        }
    }

    /// Whether this is the neutral element.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.bytes.0 == [0; 32]
    }

    /// The doubles of these elements. Encoding many doubles together costs a sixth of encoding
    /// elements one by one: whoever makes elements to be sent makes their halves.
    #[must_use]
    pub fn from_halves(halves: &[RistrettoPoint]) -> Vec<Self> {
        let encoded = RistrettoPoint::double_and_compress_batch(halves);
        let double = |(half, bytes): (&RistrettoPoint, CompressedRistretto)| Self {
            value: half + half,
            bytes: PointBytes(bytes.to_bytes()),
        };
        halves.iter().zip(encoded).map(double).collect()
    }

    /// The sum of elements.
    #[must_use]
    pub fn sum<'a>(points: impl IntoIterator<Item = &'a Point>) -> Self {
        let mut points = points.into_iter();
        let Some(first) = points.next() else { return RistrettoPoint::identity().into() };
        // One alone is encoded already.
        let Some(second) = points.next() else { return *first };
        points.fold(first.value + second.value, |sum, point| sum + point.value).into()
    }
}

impl From<RistrettoPoint> for Point {
    fn from(value: RistrettoPoint) -> Self {
        Self { value, bytes: PointBytes(value.compress().to_bytes()) }
    }
}

impl std::fmt::Debug for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Point({})", hex::encode(self.bytes.0))
    }
}

/// The basepoint `G`.
#[must_use]
pub fn basepoint() -> Point {
    Point { value: RISTRETTO_BASEPOINT_POINT, bytes: BASEPOINT }
}

/// The encoding of the basepoint `G`.
pub(crate) const BASEPOINT: PointBytes = PointBytes(RISTRETTO_BASEPOINT_COMPRESSED.to_bytes());

/// Most digits times base of a one-of-many proof: two bit generators for each.
const BIT_GENERATORS: usize = 64;

/// The independent generators of PROTOCOL Notation, hashed to the group from their names. They
/// are the same in every auction.
pub struct Generators {
    blinding: Point,
    levels: Vec<RistrettoPoint>,
    bits: Vec<RistrettoPoint>,
    squares: Vec<RistrettoPoint>,
}

impl Generators {
    /// Generators for ladders of at least `levels` levels. Made once a process and then shared.
    #[must_use]
    pub fn for_levels(levels: usize) -> Arc<Self> {
        static SHARED: Mutex<Option<Arc<Generators>>> = Mutex::new(None);
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.as_ref() {
            Some(generators) if generators.levels.len() >= levels => Arc::clone(generators),
            _ => {
                let made = Arc::new(Self::new(levels.next_power_of_two()));
                *shared = Some(Arc::clone(&made));
                made
            }
        }
    }

    fn new(levels: usize) -> Self {
        let family = |kind: u8, count: usize| (1..=count).map(|i| named(kind, i)).collect();
        Self {
            blinding: named(0, 0).into(),
            levels: family(1, levels),
            bits: family(2, BIT_GENERATORS),
            squares: family(3, BIT_GENERATORS),
        }
    }

    /// The blinding generator `H`.
    #[must_use]
    pub fn blinding(&self) -> &Point {
        &self.blinding
    }

    /// `P_1..P_K` for the first `count` levels (`P_1` at index 0).
    ///
    /// # Panics
    /// When more levels are asked for than the table was made for.
    #[must_use]
    pub fn levels(&self, count: usize) -> &[RistrettoPoint] {
        // Callers pass the level count of the auction that this table was made for.
        &self.levels[..count]
    }

    /// The generators for bits in a one-of-many proof.
    #[must_use]
    pub fn bits(&self) -> &[RistrettoPoint] {
        &self.bits
    }

    /// The generators for squares in a one-of-many proof.
    #[must_use]
    pub fn squares(&self) -> &[RistrettoPoint] {
        &self.squares
    }
}

fn named(kind: u8, index: usize) -> RistrettoPoint {
    let mut layout = Layout::new(Label::Generator, &Digest::default());
    layout.u8(kind).count(index);
    RistrettoPoint::from_uniform_bytes(&layout.hash_wide())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::ChaCha20Rng;

    use super::*;

    #[test]
    fn generators_differ_and_do_not_depend_on_the_table_size() {
        let small = Generators::new(4);
        let large = Generators::new(8);
        assert_eq!(small.levels(4), large.levels(4));
        let mut all: Vec<_> = large
            .levels
            .iter()
            .chain(&large.bits)
            .chain(&large.squares)
            .chain([&large.blinding.value, &RISTRETTO_BASEPOINT_POINT])
            .map(|point| point.compress().to_bytes())
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn doubles_are_encoded_as_what_they_are() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut halves = vec![RistrettoPoint::identity(), RISTRETTO_BASEPOINT_POINT];
        halves.extend((0..20).map(|_| RistrettoPoint::random(&mut rng)));
        // Two encodings of the neutral element, and one among others.
        halves.insert(9, RistrettoPoint::identity());
        let doubles = Point::from_halves(&halves);
        assert_eq!(doubles, halves.iter().map(|half| Point::from(half + half)).collect::<Vec<_>>());
        assert!(Point::from_halves(&[]).is_empty());
        assert_eq!(basepoint(), Point::from(RISTRETTO_BASEPOINT_POINT));
    }

    #[test]
    fn only_canonical_encodings_decode() {
        assert!(PointBytes([0xff; 32]).decode().is_err());
        assert!(PointBytes([0; 32]).decode().unwrap().is_identity());
        assert!(ScalarBytes([0xff; 32]).decode().is_err());
        assert!(ScalarBytes([0; 32]).decode().is_ok());
    }
}
