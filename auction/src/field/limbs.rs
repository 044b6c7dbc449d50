//! Additions and products of integers in 64-bit limbs, least significant first.
//!
//! Every index below is bounded by the constant array lengths it ranges over, so that the
//! compiler removes the checks; no index and no branch depends on a value.

/// Splits 32 little-endian bytes into limbs.
pub(super) fn limbs_from_bytes(bytes: &[u8; 32]) -> [u64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// Joins limbs to little-endian bytes; `BYTES` must be eight times `N`.
pub(super) fn bytes_from_limbs<const N: usize, const BYTES: usize>(
    limbs: &[u64; N],
) -> [u8; BYTES] {
    const { assert!(BYTES == 8 * N) };
    let mut bytes = [0u8; BYTES];
    let (words, _) = bytes.as_chunks_mut::<8>();
    for (word, limb) in words.iter_mut().zip(limbs) {
        *word = limb.to_le_bytes();
    }
    bytes
}

/// The two limbs of a 128-bit weight.
pub(super) fn weight_limbs(weight: u128) -> [u64; 2] {
    // Truncation to the low limb is meant.
    [weight as u64, (weight >> 64) as u64]
}

/// Adds `term` to `sum`; a carry out of the top limb is lost, the caller shows there is none.
#[inline(always)]
pub(super) fn add<const N: usize, const M: usize>(sum: &mut [u64; N], term: &[u64; M]) {
    const { assert!(M <= N) };
    let mut carry = false;
    for i in 0..M {
        (sum[i], carry) = sum[i].carrying_add(term[i], carry);
    }
    for limb in &mut sum[M..] {
        (*limb, carry) = limb.carrying_add(0, carry);
    }
}

/// Takes `term` from `sum`; a borrow out of the top limb is lost, the caller shows that it may be.
#[inline(always)]
pub(super) fn subtract<const N: usize, const M: usize>(sum: &mut [u64; N], term: &[u64; M]) {
    const { assert!(M <= N) };
    let mut borrow = false;
    for i in 0..M {
        (sum[i], borrow) = sum[i].borrowing_sub(term[i], borrow);
    }
    for limb in &mut sum[M..] {
        (*limb, borrow) = limb.borrowing_sub(0, borrow);
    }
}

/// Adds the product `a * b` to `sum`; a carry out of the top limb is lost, the caller shows
/// there is none.
#[inline(always)]
pub(super) fn add_product<const N: usize, const A: usize, const B: usize>(
    sum: &mut [u64; N],
    a: &[u64; A],
    b: &[u64; B],
) {
    const { assert!(A + B <= N) };
    let mut row_carry = false;
    for i in 0..A {
        let mut high = 0;
        for j in 0..B {
            (sum[i + j], high) = a[i].carrying_mul_add(b[j], sum[i + j], high);
        }
        (sum[i + B], row_carry) = sum[i + B].carrying_add(high, row_carry);
    }
    for limb in &mut sum[A + B..] {
        (*limb, row_carry) = limb.carrying_add(0, row_carry);
    }
}

/// Takes the product `a * b`, from `sum`; a borrow out of the top
/// limb is lost, the caller shows that it may be.
#[inline(always)]
pub(super) fn subtract_product<const N: usize, const A: usize, const B: usize>(
    sum: &mut [u64; N],
    a: &[u64; A],
    b: &[u64; B],
) {
    let mut product = [0; N];
    add_product(&mut product, a, b);
    subtract(sum, &product);
}

#[cfg(test)]
mod tests {
    use super::super::oracle::{big, edge_limbs, random_limbs, seeded};
    use super::*;

    #[test]
    fn sums_and_products_equal_big_integers() {
        let mut rng = seeded("limbs");
        let mut wide: Vec<[u64; 7]> = edge_limbs();
        wide.extend((0..50).map(|_| random_limbs(&mut rng)));
        for start in &wide {
            for other in &wide {
                let a: [u64; 2] = [other[0], other[1]];
                let b: [u64; 6] = core::array::from_fn(|i| other[i]);
                let mut start9 = [0u64; 9];
                start9[..7].copy_from_slice(start);

                let mut sum = start9;
                add(&mut sum, &b);
                assert_eq!(big(&sum), big(start) + big(&b));
                subtract(&mut sum, &b);
                assert_eq!(sum, start9);

                let mut sum = start9;
                add_product(&mut sum, &a, &b);
                assert_eq!(big(&sum), big(start) + big(&a) * big(&b));
                subtract_product(&mut sum, &a, &b);
                assert_eq!(sum, start9);
            }
        }
    }

    #[test]
    fn a_carry_travels_through_every_limb() {
        let mut sum = [u64::MAX; 9];
        sum[8] = 0;
        add(&mut sum, &[1]);
        assert_eq!(sum, [0, 0, 0, 0, 0, 0, 0, 0, 1]);

        let mut sum = [u64::MAX; 9];
        sum[8] = 6;
        let start = sum;
        let expected = big(&sum) + big(&[u64::MAX; 2]) * big(&[u64::MAX; 4]);
        add_product(&mut sum, &[u64::MAX; 2], &[u64::MAX; 4]);
        assert_eq!(big(&sum), expected);
        subtract_product(&mut sum, &[u64::MAX; 2], &[u64::MAX; 4]);
        assert_eq!(sum, start);

        let mut sum = [0; 9];
        subtract(&mut sum, &[1]);
        assert_eq!(sum, [u64::MAX; 9]);
    }

    #[test]
    fn bytes_and_limbs_are_little_endian() {
        let bytes: [u8; 32] = core::array::from_fn(|i| i as u8);
        let limbs = limbs_from_bytes(&bytes);
        assert_eq!(limbs[0], 0x0706_0504_0302_0100);
        assert_eq!(bytes_from_limbs::<4, 32>(&limbs), bytes);
        assert_eq!(weight_limbs((7 << 64) + 5), [5, 7]);
    }
}
