//! Arithmetic on scalars in bulk: integers modulo the group order
//! `l = 2^252 + 27742317777372353535851937790883648493` (PROTOCOL "Notation").
//!
//! `curve25519_dalek::Scalar` reduces after every operation. Summing and weighting whole share
//! vectors touches millions of entries, so here a product costs one Montgomery multiplication
//! ([`Fe`]) and a sum of many terms is kept unreduced and reduced once at its end ([`EntrySum`],
//! [`WeightedSum`], [`ProductSum`], and for whole vectors [`VectorSum`], [`WeightedVectorSum`]).
//!
//! Everything runs in time that depends on lengths alone. Types that can hold secrets print
//! redacted; the sums are erased on drop. [`Fe`] is `Copy` because formulas need it: keep a
//! vector of secret elements in [`zeroize::Zeroizing`].

mod accumulate;
mod limbs;
mod montgomery;
mod operators;
mod series;
mod vector;

pub use accumulate::{
    ENTRY_BYTES, EntrySum, ProductSum, WeightedSum, entry_limbs, entry_to_scalar, inner_product,
};
pub use montgomery::{Fe, is_canonical};
pub use series::{batch_invert, differences, powers};
pub use vector::{LengthError, VectorSum, WeightedVectorSum};

#[cfg(test)]
mod oracle;
