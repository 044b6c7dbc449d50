//! The file of a receipt: what the settlement server signed about one auction, for anybody to
//! check. It may hold the goods key sealed to the winner, and nothing else that is secret.

use std::io::Read as _;
use std::path::Path;

use auction::wire::{WireError, decode, encode};
use serde::{Deserialize, Serialize};
use settlement::auctions::physical::Place;
use settlement::journal::Receipt;
use settlement::judge::auction::DeliveryReceipts;
use settlement::ledger::MAX_ATTACHMENT_BYTES;

use crate::auctions::export;
use crate::exit::Failure;

/// First bytes of the file of a digital sale, its format version last: the decision, then perhaps
/// the order.
const MAGIC: &[u8; 8] = b"gavelRC\x01";
/// The same of what concerns physical goods: all receipts, each perhaps.
const PHYSICAL_MAGIC: &[u8; 8] = b"gavelRC\x02";
/// Longest file, in bytes: two entries with the longest attachments, and their paths.
const MAX_BYTES: usize = 4 * MAX_ATTACHMENT_BYTES;

/// What a side of a sale keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipts {
    /// The decision: the sale with its movements, or none.
    pub(crate) decision: Option<Receipt>,
    /// The winner's order; he alone is shown it.
    pub(crate) order: Option<Receipt>,
    /// Of physical goods: the dispatch, the dispute, the payout.
    dispatch: Option<Receipt>,
    dispute: Option<Receipt>,
    payout: Option<Receipt>,
}

impl Receipts {
    /// The receipts of a decision and an order.
    pub(crate) fn new(decision: Receipt, order: Option<Receipt>) -> Self {
        Self { decision: Some(decision), order, ..Self::default() }
    }

    /// Adds what was said or paid about physical goods.
    pub(crate) fn keep(&mut self, place: Place, receipt: Receipt) {
        let kept = match place {
            Place::Dispatch => &mut self.dispatch,
            Place::Dispute => &mut self.dispute,
            Place::Payout => &mut self.payout,
        };
        *kept = Some(receipt);
    }

    /// What the judge is shown of physical goods.
    pub(crate) fn delivery(&self) -> DeliveryReceipts<'_> {
        DeliveryReceipts {
            dispatch: self.dispatch.as_ref(),
            dispute: self.dispute.as_ref(),
            payout: self.payout.as_ref(),
        }
    }

    /// All receipts in it.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Receipt> {
        [self.decision, self.order, self.dispatch, self.dispute, self.payout].into_iter().flatten()
    }

    /// Whether a file begins as one of receipts does.
    pub(crate) fn is_file(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC) || bytes.starts_with(PHYSICAL_MAGIC)
    }

    fn to_bytes(&self) -> Result<Vec<u8>, WireError> {
        let physical = [&self.dispatch, &self.dispute, &self.payout];
        let (magic, encoded) = match &self.decision {
            Some(decision) if physical.iter().all(|receipt| receipt.is_none()) => {
                (MAGIC, encode(&(decision, &self.order))?)
            }
            _ => (PHYSICAL_MAGIC, encode(self)?),
        };
        Ok([magic.as_slice(), &encoded].concat())
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        if let Some(body) = bytes.strip_prefix(MAGIC) {
            let (decision, order) = decode(body, MAX_BYTES).ok()?;
            return Some(Self::new(decision, order));
        }
        decode(bytes.strip_prefix(PHYSICAL_MAGIC)?, MAX_BYTES).ok()
    }
}

/// Writes a file that is either whole or not there under its name.
pub(crate) fn write(path: &Path, receipts: &Receipts) -> Result<(), Failure> {
    let bytes = receipts.to_bytes().map_err(|error| {
        Failure::Payment(format!("the receipt cannot be kept: {error}"), "report this")
    })?;
    export::write(path, &bytes)
}

/// Reads a file; nothing in it is verified.
pub(crate) fn read(path: &Path) -> Result<Receipts, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Receipts::of_bytes(&bytes).ok_or_else(|| {
        let what = format!("{} is no receipt", path.display());
        Failure::usage(what, "name a file that 'gavel receipt' wrote")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::Signature;
    use auction::layout::Digest;
    use auction::spec::Time;
    use settlement::journal::{Head, SignedHead};

    fn receipt(number: u64) -> Receipt {
        let head = Head { epoch: 0, since: 0, size: 9, root: Digest([1; 32]), time: Time(2) };
        let head = SignedHead { head, signature: Signature([3; 64]) };
        Receipt { number, batch: 4, time: Time(5), entry: vec![6], head, path: vec![] }
    }

    #[test]
    fn digital_sales_keep_their_first_format_and_both_read_back() {
        let digital = Receipts::new(receipt(1), Some(receipt(2)));
        let bytes = digital.to_bytes().unwrap();
        // As it was written before there were physical goods.
        let first = [&MAGIC[..], &encode(&(receipt(1), Some(receipt(2)))).unwrap()].concat();
        assert_eq!(bytes, first);
        assert_eq!(Receipts::of_bytes(&bytes).unwrap(), digital);
        let mut physical = digital;
        for (number, place) in [(3, Place::Dispatch), (4, Place::Dispute), (5, Place::Payout)] {
            physical.keep(place, receipt(number));
            let bytes = physical.to_bytes().unwrap();
            assert!(bytes.starts_with(PHYSICAL_MAGIC));
            assert_eq!(Receipts::of_bytes(&bytes).unwrap(), physical);
            assert_eq!(Receipts::of_bytes(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(physical.delivery().payout.unwrap().number, 5);
        let mut alone = Receipts::default();
        alone.keep(Place::Dispatch, receipt(3));
        assert_eq!(Receipts::of_bytes(&alone.to_bytes().unwrap()).unwrap(), alone);
    }
}
