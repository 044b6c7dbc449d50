//! Encryption-based atomicity: NetBill (Tygar 1998, section 4, steps a to h) and case 2 of Su and
//! Tygar 1996, which are one state machine with small differences.

mod server;
mod steps;

use crate::bank::Bank;
use crate::goods::{Content, Key, Sealed};
use crate::protocol::Party;

/// The id of the one order, and the time at which it is no longer good.
const ORDER: u8 = 1;
const UNTIL: u8 = 1;

/// A protocol in which the goods come encrypted and the server keeps the key.
#[derive(Debug, Clone, Default)]
pub struct ByKey {
    /// Price and acceptance travel before the goods, as in NetBill's steps b and c.
    pub offer_apart: bool,
    /// The merchant sends offer and goods unasked.
    pub unasked: bool,
    /// What was weakened to see whether the checker notices.
    pub weakness: Option<Weakness>,
}

/// What can be left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// The merchant hands the key over with the order in hand, before the server has it.
    KeyBeforePayment,
    /// The server pays whenever an order arrives, whatever its id.
    ForgetsIds,
    /// The server pays first and flushes the key afterwards.
    KeepsKeyLater,
    /// Nobody can ask the server afterwards.
    NoQuestions,
    /// The merchant does not compare the signed checksum with his file.
    UncheckedOrder,
    /// The server keeps no checksum, so the judge must believe any file.
    KeepsNoChecksum,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// a: the customer asks for the price.
    Inquiry,
    /// b: the merchant offers.
    Offer,
    /// c: the customer accepts.
    Accept,
    /// d: the encrypted goods; in case 2 with the price.
    Goods(Sealed),
    /// e: the order, with the checksum of the goods, signed by the customer.
    Order(Sealed),
    /// f: order and key, countersigned by the merchant.
    Submit(Sealed, Key),
    /// g: the server's receipt with the key on record, or that there is none.
    Receipt(Party, Option<Key>),
    /// h: the merchant passes the key on.
    Forward(Key),
    /// A party asks the server what became of the order.
    Asks(Party),
    /// The customer cancels her order.
    Cancel,
    /// A lying merchant asks for twice the price, over his own signature.
    Overcharge,
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins, or the merchant where he sends unasked.
    Begin,
    /// The order's time-out passes.
    TimeOut,
    /// The lying customer spends her money at another shop.
    SpendElsewhere,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    /// What the merchant will send.
    content: Content,
    /// Whether the customer will sign the checksum of another file.
    signs_altered: bool,
    begun: bool,
    /// The customer's: the file, the checksum that she ordered by, the key, that it came to nothing.
    file: Option<Sealed>,
    ordered: Option<Sealed>,
    key: Option<Key>,
    told_no: bool,
    /// The merchant's: the order, the receipt, that it was refused.
    order: Option<Sealed>,
    receipt: Option<Key>,
    refused: bool,
    /// The server's, all flushed.
    bank: Bank,
    /// The server's, not flushed: only where it keeps the key later.
    unflushed: Option<Key>,
}
