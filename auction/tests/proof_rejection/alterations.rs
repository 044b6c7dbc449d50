//! Every way in which a proof's points and scalars are altered by the rejection tests.

use auction::group::{PointBytes, ScalarBytes};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::{RistrettoPoint, Scalar};
use num_bigint::BigUint;

/// A point or a scalar of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Point(PointBytes),
    Scalar(ScalarBytes),
}

impl Element {
    pub(crate) fn point(self) -> PointBytes {
        let Self::Point(point) = self else { panic!("a scalar") };
        point
    }

    pub(crate) fn scalar(self) -> ScalarBytes {
        let Self::Scalar(scalar) = self else { panic!("a point") };
        scalar
    }

    fn flipped(self, bit: usize) -> Self {
        let flip = |mut bytes: [u8; 32]| {
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        match self {
            Self::Point(point) => Self::Point(PointBytes(flip(point.0))),
            Self::Scalar(scalar) => Self::Scalar(ScalarBytes(flip(scalar.0))),
        }
    }

    /// Other values of the same kind, valid and not.
    fn others(self) -> Vec<Self> {
        match self {
            Self::Point(point) => {
                let value = *point.decode().unwrap().value();
                let valid = [
                    value + RISTRETTO_BASEPOINT_POINT,
                    -value,
                    value + value,
                    RistrettoPoint::default(),
                    RISTRETTO_BASEPOINT_POINT,
                ];
                let valid = valid.map(|point| point.compress().to_bytes());
                // Not canonical: the field's prime added, all bits, a negative number.
                let prime = (BigUint::from(1u8) << 255) - 19u8;
                let raised = bytes_of(&(BigUint::from_bytes_le(&point.0) + prime));
                let mut one = [0; 32];
                one[0] = 1;
                let invalid = raised.into_iter().chain([[0xff; 32], one]);
                valid.into_iter().chain(invalid).map(|b| Self::Point(PointBytes(b))).collect()
            }
            Self::Scalar(scalar) => {
                let value = scalar.decode().unwrap();
                let valid = [value + Scalar::ONE, -value, Scalar::ZERO, Scalar::ONE, value + value];
                // Not canonical: the group's order added.
                let order = BigUint::from_bytes_le((-Scalar::ONE).as_bytes()) + 1u8;
                let raised = bytes_of(&(BigUint::from_bytes_le(&scalar.0) + order));
                let invalid = raised.into_iter().chain([[0xff; 32]]);
                let valid = valid.map(|scalar| scalar.to_bytes());
                valid.into_iter().chain(invalid).map(|b| Self::Scalar(ScalarBytes(b))).collect()
            }
        }
    }

    fn swappable(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Point(_), Self::Point(_)) | (Self::Scalar(_), Self::Scalar(_))
        )
    }
}

fn bytes_of(value: &BigUint) -> Option<[u8; 32]> {
    let mut bytes = value.to_bytes_le();
    (bytes.len() <= 32).then(|| bytes.resize(32, 0))?;
    bytes.try_into().ok()
}

pub(crate) fn points(points: &[PointBytes]) -> impl Iterator<Item = Element> + '_ {
    points.iter().copied().map(Element::Point)
}

pub(crate) fn scalars(scalars: &[ScalarBytes]) -> impl Iterator<Item = Element> + '_ {
    scalars.iter().copied().map(Element::Scalar)
}

/// The elements with one altered, or two swapped: every such change, with what was done. Of the
/// bits of each element every `stride`th is flipped.
pub(crate) fn alterations(elements: &[Element], stride: usize) -> Vec<(String, Vec<Element>)> {
    let mut all = Vec::new();
    let mut add = |told: String, altered: Vec<Element>| {
        if altered != elements {
            all.push((told, altered));
        }
    };
    let put = |i: usize, element: Element| {
        let mut altered = elements.to_vec();
        altered[i] = element;
        altered
    };
    for (i, element) in elements.iter().enumerate() {
        for bit in (i % stride..256).step_by(stride).chain([255]) {
            add(format!("element {i}, bit {bit}"), put(i, element.flipped(bit)));
        }
        for other in element.others() {
            add(format!("element {i} is {other:?}"), put(i, other));
        }
        for (j, other) in elements.iter().enumerate().skip(i + 1) {
            if element.swappable(*other) {
                let mut swapped = elements.to_vec();
                swapped.swap(i, j);
                add(format!("elements {i} and {j} swapped"), swapped);
                add(format!("element {i} is element {j}"), put(i, *other));
            }
        }
    }
    all
}
