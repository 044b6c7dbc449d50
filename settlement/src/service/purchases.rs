//! What can be asked about purchases. SETTLEMENT, section "Purchase of digital goods".

use auction::layout::Digest;
use serde::{Deserialize, Serialize};

use super::auctions::KeyInTransit;
use crate::journal::Receipt;
use crate::ledger::{AccountId, Code, RequestId};

/// Longest piece of an item in one question or answer, in bytes.
pub const ITEM_PIECE_BYTES: usize = 256 << 10;

/// A question about a purchase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PurchaseQuestion {
    /// f Anyone, in fact the merchant: here are an order with both signatures, its offer and the
    /// goods key: move the money and keep the key. May be repeated.
    Buy {
        /// As [`crate::ledger::SignedRequest::as_bytes`] gives it.
        order: Vec<u8>,
        /// As [`crate::purchases::Offer::as_bytes`] gives it.
        offer: Vec<u8>,
        /// The goods key.
        key: KeyInTransit,
    },
    /// The customer, the merchant and the operator: what became of the order that the owner of
    /// this account gave this id?
    Standing(AccountId, RequestId),
    /// The merchant, where the server is to hold the item: would you hold that of this order?
    Deposit {
        /// As in [`PurchaseQuestion::Buy`].
        order: Vec<u8>,
        /// As in [`PurchaseQuestion::Buy`].
        offer: Vec<u8>,
    },
    /// The merchant, after [`PurchaseQuestion::Deposit`]: here is a piece of the item.
    Piece {
        /// The item's checksum.
        item: Digest,
        /// How many bytes come before it.
        offset: u64,
        /// The bytes, at most [`ITEM_PIECE_BYTES`].
        bytes: Vec<u8>,
    },
    /// The merchant, after the last piece: move the money, and give the customer the item.
    BuyHeld {
        /// As in [`PurchaseQuestion::Buy`].
        order: Vec<u8>,
        /// As in [`PurchaseQuestion::Buy`].
        offer: Vec<u8>,
    },
    /// The customer and the merchant: the item of this purchase, from this byte on.
    Item(AccountId, RequestId, u64),
}

/// An answer to a [`PurchaseQuestion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PurchaseAnswer {
    /// To [`PurchaseQuestion::Buy`], [`PurchaseQuestion::BuyHeld`] and
    /// [`PurchaseQuestion::Standing`]: paid, now or earlier, and on the disk.
    Paid(Box<Paid>),
    /// To the same: nothing was paid, and this is why.
    Refused(Code),
    /// To [`PurchaseQuestion::Standing`]: nothing is decided.
    Undecided,
    /// To [`PurchaseQuestion::Deposit`] and [`PurchaseQuestion::Piece`]: so many bytes of the
    /// item are there.
    Have(u64),
    /// To [`PurchaseQuestion::Item`]: its length, and the piece.
    Item {
        /// Bytes in all.
        total: u64,
        /// At most [`ITEM_PIECE_BYTES`] of them.
        bytes: Vec<u8>,
    },
    /// The question cannot be answered.
    Declined(PurchaseDeclined),
}

/// What proves a purchase, and what was bought with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paid {
    /// The journal entry, with its offer.
    pub receipt: Receipt,
    /// The goods key: to [`PurchaseQuestion::Standing`], for customer and merchant. None where
    /// the server holds the item, or has lost the file that opens its keys; the merchant has the
    /// key then.
    pub key: Option<KeyInTransit>,
}

/// Why a question about a purchase was declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum PurchaseDeclined {
    /// Order, offer and key do not belong together, or are not signed.
    #[error("nothing was bought: {0}")]
    Refused(String),
    /// It is not shown to the asker, or does not exist.
    #[error("there is no such purchase of yours: it is shown to its customer and its merchant")]
    NotYours,
    /// The id stands for something else.
    #[error("this id stands for something else than a purchase")]
    NotAPurchase,
    /// More than the server holds.
    #[error("the item has {got} bytes and this server holds {most} at most")]
    TooLong {
        /// The offer's.
        got: u64,
        /// The server's limit.
        most: u64,
    },
    /// No [`PurchaseQuestion::Deposit`] before, or before the server was started again.
    #[error("no deposit of this item is under way: show its order first")]
    NoDeposit,
    /// More or other bytes than were to come.
    #[error("this piece of the item does not go on where the last one ended, or goes too far")]
    Piece,
    /// The item is not the offered one.
    #[error("the item is not the one that the offer names: {0}; deposit it again")]
    Item(String),
    /// The item is not kept any more.
    #[error("the server does not keep this item any more")]
    Gone,
    /// The server's disk.
    #[error("the server cannot read or write what it needs for this: tell its operator")]
    Disk,
}
