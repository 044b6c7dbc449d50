//! What an auction's bids take on the disk.

use auction::proofs::membership::encoded_bytes;
use auction::spec::Spec;

/// Bytes that a receipt takes, with room for its row.
const RECEIPT: u64 = 160;
/// Bytes of keys, nonces, lengths and a ticket around a bid and its share.
const AROUND: u64 = 512;

/// Bytes that an auction of these terms may need at one accumulator when as many bids come as it
/// takes.
///
/// Each bidder's key decides who of `m` accumulators gets his explicit share of `32 K` bytes; the
/// others get seeds. So the estimate is an `m`th of the explicit shares, all bids and their
/// receipts, and a quarter on top for the database's pages and for chance. Bidders who choose
/// their keys to load one accumulator can exceed it: what is really held is bounded while bids
/// are taken.
pub(crate) fn estimate(spec: &Spec) -> u64 {
    let m = spec.accumulators.len() as u64;
    // Levels are at most 2^14, accumulators 2^4 and bids 2^20: nothing overflows.
    let levels = u64::from(spec.ladder.levels());
    let bid = 32 * m + encoded_bytes(spec.ladder.levels() as usize) as u64;
    let share = 32 * levels / m.max(1);
    u64::from(spec.most_bids) * (bid + share + RECEIPT * m + AROUND) / 4 * 5
}
