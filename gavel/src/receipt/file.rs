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
use settlement::purchases::PurchaseReceipt;

use crate::auctions::export;
use crate::exit::Failure;

/// First bytes of the file of a digital sale, its format version last: the decision, then perhaps
/// the order.
const MAGIC: &[u8; 8] = b"gavelRC\x01";
/// The same of what concerns physical goods: all receipts, each perhaps.
const PHYSICAL_MAGIC: &[u8; 8] = b"gavelRC\x02";
/// The same of one entry of the journal, whatever it is.
const ENTRY_MAGIC: &[u8; 8] = b"gavelRC\x03";
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
    Receipts::of_bytes(&bytes_of(path)?).ok_or_else(|| none(path, "'gavel receipt'"))
}

/// Writes the file of one entry, whatever it is.
pub(crate) fn write_entry(path: &Path, receipt: &Receipt) -> Result<(), Failure> {
    let encoded = encode(receipt).map_err(|error| {
        Failure::Payment(format!("the receipt cannot be kept: {error}"), "report this")
    })?;
    export::write(path, &[ENTRY_MAGIC.as_slice(), &encoded].concat())
}

/// All receipts of a file of any kind, a purchase's included; nothing is verified.
pub(crate) fn read_all(path: &Path) -> Result<Vec<Receipt>, Failure> {
    let bytes = zeroize::Zeroizing::new(bytes_of(path)?);
    let found = all_of_bytes(&bytes);
    found.ok_or_else(|| none(path, "'gavel receipt' or 'gavel account receipts'"))
}

/// Whether a file begins as one of receipts of any kind does.
pub(crate) fn is_any(bytes: &[u8]) -> bool {
    Receipts::is_file(bytes)
        || bytes.starts_with(ENTRY_MAGIC)
        || PurchaseReceipt::from_bytes(bytes).is_ok()
}

fn all_of_bytes(bytes: &[u8]) -> Option<Vec<Receipt>> {
    if let Some(body) = bytes.strip_prefix(ENTRY_MAGIC) {
        return decode(body, MAX_BYTES).ok().map(|receipt| vec![receipt]);
    }
    if let Ok(purchase) = PurchaseReceipt::from_bytes(bytes) {
        return Some(vec![purchase.receipt().clone()]);
    }
    Receipts::of_bytes(bytes).map(|receipts| receipts.into_all().collect())
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn none(path: &Path, maker: &str) -> Failure {
    let what = format!("{} is no receipt", path.display());
    Failure::usage(what, format!("name a file that {maker} wrote"))
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

    #[test]
    fn the_receipts_of_a_file_of_any_kind_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        write_entry(&path, &receipt(7)).unwrap();
        assert_eq!(read_all(&path).unwrap(), [receipt(7)]);
        assert!(read(&path).is_err(), "it is of no auction");
        write(&path, &Receipts::new(receipt(1), Some(receipt(2)))).unwrap();
        assert_eq!(read_all(&path).unwrap(), [receipt(1), receipt(2)]);
        let purchase = PurchaseReceipt::new(receipt(3), None).to_bytes().unwrap();
        assert!(is_any(&purchase));
        std::fs::write(&path, &*purchase).unwrap();
        assert_eq!(read_all(&path).unwrap(), [receipt(3)]);
        std::fs::write(&path, b"gavelRC\x04").unwrap();
        assert!(read_all(&path).is_err() && !is_any(b"gavelRC\x04"));
    }
}
