//! The file of a receipt: what the settlement server signed about one auction, for anybody to
//! check. It holds the goods key sealed to the winner, and nothing else that is secret.

use std::io::Read as _;
use std::path::Path;

use auction::wire::{decode, encode};
use serde::{Deserialize, Serialize};
use settlement::journal::Receipt;
use settlement::ledger::MAX_ATTACHMENT_BYTES;

use crate::auctions::export;
use crate::exit::Failure;

/// First bytes of the file, its format version last.
pub(crate) const MAGIC: &[u8; 8] = b"gavelRC\x01";
/// Longest file, in bytes: two entries with the longest attachments, and their paths.
const MAX_BYTES: usize = 4 * MAX_ATTACHMENT_BYTES;

/// What a side of a sale keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipts {
    /// The decision: the sale with its movements, or none.
    pub(crate) decision: Receipt,
    /// The winner's order; he alone is shown it.
    pub(crate) order: Option<Receipt>,
}

/// Writes a file that is either whole or not there under its name.
pub(crate) fn write(path: &Path, receipts: &Receipts) -> Result<(), Failure> {
    let mut bytes = MAGIC.to_vec();
    let encoded = encode(receipts).map_err(|error| {
        Failure::Payment(format!("the receipt cannot be kept: {error}"), "report this")
    })?;
    bytes.extend_from_slice(&encoded);
    export::write(path, &bytes)
}

/// Reads a file; nothing in it is verified.
pub(crate) fn read(path: &Path) -> Result<Receipts, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let body = bytes.strip_prefix(MAGIC).and_then(|body| decode(body, MAX_BYTES).ok());
    body.ok_or_else(|| {
        let what = format!("{} is no receipt", path.display());
        Failure::usage(what, "name a file that 'gavel receipt' wrote")
    })
}
