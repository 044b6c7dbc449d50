//! What a correction refers to, and the id that follows from it. SETTLEMENT, section "Unwinding".

use auction::layout::Digest;

use super::ids::RequestId;
use crate::layout::{Label, Statement};

/// Names a movement that a correction reverses: the leaf of the journal entry that made it, and
/// the place of its request in the entry's chain, from 0. It is the correction's reference.
#[must_use]
pub fn correction_reference(leaf: &[u8; 32], request: u8) -> Digest {
    let mut statement = Statement::new(Label::Correction, &Digest(*leaf));
    statement.fixed(&[request]);
    statement.hash()
}

/// The id of a correction, which follows from what it corrects: each part of it is made once.
#[must_use]
pub fn correction_id(reference: &Digest, part: u32) -> RequestId {
    let mut statement = Statement::new(Label::CorrectionId, reference);
    statement.u64(u64::from(part));
    let mut bytes = [0; 16];
    // A digest has more than sixteen bytes.
    bytes.copy_from_slice(&statement.hash().0[..16]);
    // Neither zero nor all ones, whatever the hash.
    let number = (u128::from_le_bytes(bytes) >> 1) | 1;
    #[expect(clippy::expect_used, reason = "its lowest bit is one and its highest is zero")]
    RequestId::new(number).expect("not reserved")
}
