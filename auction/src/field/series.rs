//! Differences of whole vectors.

use curve25519_dalek::Scalar;

/// `z_j - z_(j+1)` for each `j`, and the last `z_K` itself: the coefficients of the `P_j` in
/// `<z, U>` (PROTOCOL "Notation").
pub fn differences(z: &[Scalar]) -> Vec<Scalar> {
    let following = z.iter().skip(1).chain(core::iter::once(&Scalar::ZERO));
    z.iter().zip(following).map(|(this, next)| this - next).collect()
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{edge_and_random_integers, scalar_of};
    use super::*;

    fn scalars() -> Vec<Scalar> {
        edge_and_random_integers("series").iter().map(scalar_of).collect()
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
