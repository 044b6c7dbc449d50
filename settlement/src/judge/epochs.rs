//! Whether two receipts are of one history. SETTLEMENT, sections "Witnesses", 6, and "Evidence".

use crate::journal::Receipt;

/// Whether the entries of two receipts, both verified, stood in one journal: in one epoch, or the
/// one of the earlier epoch below the number that the next epoch says it began with. What is
/// neither a restore may have lost before the other was made; and what it lost convicts nobody. A
/// head states only how its own epoch began, so of epochs that do not follow each other nothing is
/// known.
///
/// Where it holds, the lower number came first.
pub(super) fn in_one_history(one: &Receipt, other: &Receipt) -> bool {
    let epoch = |receipt: &Receipt| receipt.head.head.epoch;
    let (earlier, later) = if epoch(one) <= epoch(other) { (one, other) } else { (other, one) };
    match epoch(later) - epoch(earlier) {
        0 => true,
        1 => earlier.number < later.head.head.since,
        _ => false,
    }
}
