//! Powers, inverses and differences of whole vectors.

use curve25519_dalek::Scalar;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::montgomery::Fe;

/// `1, y, y^2, .., y^(count - 1)`.
pub fn powers(y: Fe, count: usize) -> Vec<Fe> {
    core::iter::successors(Some(Fe::ONE), |power| Some(*power * y)).take(count).collect()
}

/// Replaces every element by its inverse, zero by zero, with one inversion in all.
pub fn batch_invert(elements: &mut [Fe]) {
    // Zeros count as ones here and are put back at the end, without a branch.
    let mut product = Fe::ONE;
    let mut before = Zeroizing::new(Vec::with_capacity(elements.len()));
    for element in elements.iter() {
        before.push(product);
        product *= one_for_zero(element);
    }
    let mut inverse = product.invert();
    for (element, before) in elements.iter_mut().zip(before.iter()).rev() {
        let factor = one_for_zero(element);
        let is_zero = element.ct_eq(&Fe::ZERO);
        *element = Fe::conditional_select(&(inverse * before), &Fe::ZERO, is_zero);
        inverse *= factor;
    }
}

/// `z_j - z_(j+1)` for each `j`, and the last `z_K` itself: the coefficients of the `P_j` in
/// `<z, U>` (PROTOCOL "Notation").
pub fn differences(z: &[Scalar]) -> Vec<Scalar> {
    let following = z.iter().skip(1).chain(core::iter::once(&Scalar::ZERO));
    z.iter().zip(following).map(|(this, next)| this - next).collect()
}

fn one_for_zero(element: &Fe) -> Fe {
    Fe::conditional_select(element, &Fe::ONE, element.ct_eq(&Fe::ZERO))
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{edge_and_random_integers, scalar_of};
    use super::*;

    fn scalars() -> Vec<Scalar> {
        edge_and_random_integers("series").iter().map(scalar_of).collect()
    }

    #[test]
    fn powers_are_repeated_products() {
        assert!(powers(Fe::ONE, 0).is_empty());
        assert_eq!(powers(Fe::ZERO, 3), [Fe::ONE, Fe::ZERO, Fe::ZERO]);
        for y in scalars() {
            let mut expected = Scalar::ONE;
            let series = powers(Fe::from_scalar(&y), 9);
            assert_eq!(series.len(), 9);
            for power in series {
                assert_eq!(power.to_scalar(), expected);
                expected *= y;
            }
        }
    }

    #[test]
    fn batch_inverses_are_single_inverses() {
        let originals: Vec<Fe> = scalars().iter().map(Fe::from_scalar).collect();
        assert!(originals.contains(&Fe::ZERO));
        let mut inverses = originals.clone();
        batch_invert(&mut inverses);
        for (original, inverse) in originals.iter().zip(&inverses) {
            assert_eq!(*inverse, original.invert());
        }
        batch_invert(&mut []);
    }

    #[test]
    fn differences_undo_suffix_sums() {
        assert!(differences(&[]).is_empty());
        let z = scalars();
        let differences = differences(&z);
        assert_eq!(differences.len(), z.len());
        assert_eq!(differences.last(), z.last());
        let mut suffix = Scalar::ZERO;
        for (difference, expected) in differences.iter().zip(&z).rev() {
            suffix += difference;
            assert_eq!(suffix, *expected);
        }
    }
}
