//! Arithmetic on scalars in bulk: integers modulo the group order
//! `l = 2^252 + 27742317777372353535851937790883648493` (PROTOCOL "Notation").
//!
//! `curve25519_dalek::Scalar` reduces after every operation. Summing and weighting whole share
//! vectors touches millions of entries, so here a product costs one Montgomery multiplication
//! ([`Fe`]) and a sum of many terms is kept unreduced and reduced once at its end ([`ProductSum`],
//! [`CanonicalSum`];
//! for entries of shares, which are short integers, [`EntrySum`] and [`WeightedSum`], and for whole
//! vectors [`VectorSum`] and [`WeightedVectorSum`]).
//!
//! Everything runs in time that depends on lengths alone. Types that can hold secrets print
//! redacted; the sums are erased on drop. [`Fe`] is `Copy` because formulas need it: keep a
//! vector of secret elements in [`zeroize::Zeroizing`].

mod accumulate;
mod canonical;
mod limbs;
mod montgomery;
mod operators;
mod product;
mod vector;

pub use accumulate::{EXPLICIT_ENTRY_BYTES, EntrySum, SEED_ENTRY_BYTES, WeightedSum};
pub use canonical::{Canonical, CanonicalSum, half};
pub use montgomery::{Fe, is_canonical};
pub use product::ProductSum;
pub use vector::{LengthError, VectorSum, WeightedVectorSum};

#[cfg(test)]
mod oracle;
