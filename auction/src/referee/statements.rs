//! The statements that round messages prove, built the same way by prover and verifier.

use crate::elgamal::Ciphertext;
use crate::group::{Point, basepoint};
use crate::proofs::entries::{EntriesStatement, Summed};
use crate::proofs::linear::{LinearStatement, Row};
use crate::proofs::masked::ShownVector;
use crate::proofs::segments::SegmentsStatement;
use crate::referee::tally::Tally;
use crate::step::{Masked, Multiplied, Shown};

/// 8 `sigma_k = x_k Q` with the exponent of `Y_k`.
#[must_use]
pub fn order(key: &Point, order_point: &Point, sigma: &Point) -> LinearStatement {
    LinearStatement::equal_exponents(&[(basepoint(), *key), (*order_point, *sigma)])
}

/// 5, 8 The ciphertexts of accumulator `k` against the commitments to whole vectors.
#[must_use]
pub fn entries<'a>(
    tally: &Tally,
    k: usize,
    key: &Point,
    shown: &'a Shown,
    ciphertexts: &'a [Ciphertext],
) -> EntriesStatement<'a> {
    let summed = match shown {
        // One sum an accumulator, and `k` is one.
        Shown::Ladder { levels, .. } => Summed::Ladder { sum: tally.sums()[k], levels },
        Shown::Blocks { level, blocks, .. } => {
            Summed::Blocks { sums: tally.block_sums(k, blocks), level: *level }
        }
    };
    EntriesStatement { key: *key, summed, ciphertexts }
}

/// 5, 8 The ciphertexts of an accumulator against all segments of the vector that it showed under
/// a mask, or one.
#[must_use]
pub fn segments<'a>(
    key: &Point,
    vector: &'a ShownVector,
    masked: &'a Masked,
    shown: &Shown,
    ciphertexts: &'a [Ciphertext],
) -> SegmentsStatement<'a> {
    let segments = &masked.segments;
    let opened = masked.opened.map_or(0..segments.len(), |segment| segment..segment + 1);
    let shown = shown.runs(masked);
    SegmentsStatement { key: *key, vector, segments, opened, shown, ciphertexts }
}

/// 6 The product of `less_one` with the plaintext `s` of the prover's own ciphertext. Secrets:
/// `t`, `s`, `t'`.
#[must_use]
pub fn multiply(key: &Point, k: usize, of: &Multiplied, product: &Ciphertext) -> LinearStatement {
    // One own ciphertext an accumulator, and `k` is one.
    let own = &of.own[k];
    LinearStatement::new(
        3,
        vec![
            Row { image: own.a, terms: vec![(0, basepoint())] },
            Row { image: own.b, terms: vec![(0, *key), (1, basepoint())] },
            Row { image: product.a, terms: vec![(1, of.less_one.a), (2, basepoint())] },
            Row { image: product.b, terms: vec![(1, of.less_one.b), (2, *key)] },
        ],
    )
}

/// 6 `r_k E` for a tested ciphertext `E`.
#[must_use]
pub fn blind(test: &Ciphertext, blinded: &Ciphertext) -> LinearStatement {
    LinearStatement::equal_exponents(&[(test.a, blinded.a), (test.b, blinded.b)])
}
