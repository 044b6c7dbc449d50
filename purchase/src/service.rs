//! What a merchant can be asked, and what he answers: the one vocabulary of both ends.
//!
//! The transport tells the merchant whose key asks; a customer asks in the name of the key that
//! owns his account. What binds anybody is signed by itself.

use serde::{Deserialize, Serialize};
use settlement::journal::Receipt;
use settlement::ledger::{AccountId, Code, Currency, RequestId};
use settlement::purchases::{MAX_DESCRIPTION_BYTES, MAX_OFFER_BYTES};
use settlement::service::auctions::KeyInTransit;

/// Longest question, in bytes: an offer with its order.
pub const MAX_QUESTION: usize = 4 << 10;
/// Longest answer, in bytes: a piece of goods.
pub const MAX_ANSWER: usize = PIECE_BYTES + (64 << 10);
/// Longest piece of encrypted goods in one answer, in bytes.
pub const PIECE_BYTES: usize = 256 << 10;
/// Most items in one page of a catalogue.
pub const MAX_PAGE: usize = 32;

const _: () = assert!(MAX_OFFER_BYTES + 64 + settlement::ledger::MAX_REQUEST_BYTES < MAX_QUESTION);
const _: () = assert!(MAX_PAGE * (MAX_DESCRIPTION_BYTES + 64) < MAX_ANSWER);

/// A question to a merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// Anyone: what do you sell, from this number on? At most [`MAX_PAGE`] items are named.
    Catalogue(u64),
    /// a A customer: for how much do you sell me this? The inquiry's own number, the same when it
    /// is asked again, gets the same offer again while the merchant remembers.
    Inquiry {
        /// The item's number.
        item: u64,
        /// Made by the customer.
        inquiry: [u8; 16],
    },
    /// c and d He to whom the offer was made: I take it; the encrypted goods from this byte on.
    Goods {
        /// The offer with its signature: the merchant need not remember it.
        offer: Vec<u8>,
        /// How many bytes come before.
        offset: u64,
    },
    /// e The same: here is my order.
    Order {
        /// The offer with its signature.
        offer: Vec<u8>,
        /// The order, as [`settlement::purchases::Order::as_bytes`] gives it.
        order: Vec<u8>,
    },
    /// h The same: what became of my order?
    Sale(AccountId, RequestId),
}

/// A merchant's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Catalogue`], in order of number; fewer than a page at the end.
    Catalogue(Vec<ItemView>),
    /// b To [`Question::Inquiry`]: the offer with its signature.
    Offer(Vec<u8>),
    /// d To [`Question::Goods`]: at most [`PIECE_BYTES`] of them.
    Goods(Vec<u8>),
    /// h To [`Question::Order`] and [`Question::Sale`]: paid.
    Paid(Box<Paid>),
    /// To the same: the settlement server refused it for good. Who doubts it asks there.
    Refused(Code),
    /// To the same: it is on its way to the settlement server.
    Pending,
    /// The question cannot be answered now: ask again later.
    Busy {
        /// After how long, in milliseconds.
        retry_after: u32,
    },
    /// The question cannot be answered.
    Declined(Declined),
}

/// What a customer gets for his money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paid {
    /// The settlement server's proof.
    pub receipt: Receipt,
    /// The goods key; none where the server holds the item.
    pub key: Option<KeyInTransit>,
}

/// One thing in a merchant's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemView {
    /// Its number.
    pub item: u64,
    /// What it is.
    pub description: String,
    /// The price, in minor units.
    pub price: u64,
    /// The currency.
    pub currency: Currency,
    /// Its length in the clear, in bytes.
    pub bytes: u64,
    /// Whether the settlement server hands it over, in place of a key.
    pub held: bool,
}

/// Why a merchant declines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Declined {
    /// He does not sell it, or no more.
    #[error("the merchant does not sell an item of this number")]
    NoSuchItem,
    /// The offer is not his, not for the asker, or no offer.
    #[error("the merchant does not stand by this offer: {0}")]
    Offer(String),
    /// The offer has expired.
    #[error("the offer has expired: ask for another")]
    Expired,
    /// The order does not fit its offer.
    #[error("the merchant does not take this order: {0}")]
    Order(String),
    /// The order's id stands for another order.
    #[error("this order's id stands for another order: use a new one")]
    IdTaken,
    /// What was offered is not there any more.
    #[error("the merchant does not have what he offered any more")]
    Gone,
    /// There is no such sale of the asker's.
    #[error("the merchant knows no such order of yours")]
    NotYours,
    /// The merchant's disk.
    #[error("the merchant cannot read or write what he needs for this: tell him")]
    Disk,
}
