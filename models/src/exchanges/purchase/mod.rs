//! Gavel's purchase (SETTLEMENT, section "Purchase of digital goods", steps a to h): NetBill with
//! an offer that names `hash(K)`, an order that waits for the goods, and a server that takes an
//! order with its key or not at all. Offers, orders, goods, decisions, receipts and judgements are
//! those of the `settlement` crate, with real signatures and real encryption (`wares`, `shop`).

mod server;
mod shop;
mod steps;
mod wares;

use crate::bank::Bank;
use crate::goods::{Key, Sealed};
use crate::protocol::Party;

/// The id of the one order, and the time at which it and its offer are no longer good.
const ORDER: u8 = 1;
const UNTIL: u8 = 1;

/// The protocol.
#[derive(Debug, Clone, Default)]
pub struct Purchase {
    /// What was weakened to see whether the checker notices.
    pub weakness: Option<Weakness>,
}

/// What can be left out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Whoever brings an order alone may attach to it what he likes, so that order and key can be
    /// parted.
    AnythingAttached,
    /// The customer orders by the offer, before she holds the goods.
    OrdersUnseen,
    /// The merchant countersigns an order without comparing it with what he offered.
    UncheckedOrder,
}

/// What travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// a: the customer asks for the price.
    Inquiry,
    /// b: the merchant's signed offer, of this file.
    Offer(Sealed),
    /// c: the customer asks for the goods.
    GoodsWanted,
    /// d: the encrypted goods, or another file.
    Goods(Sealed),
    /// e: the order under the offer of this file, signed by the customer.
    Order(Sealed),
    /// f: order, offer and key, countersigned by the merchant.
    Submit(Sealed, Key),
    /// g: what the server has decided: the key, or that there will be none.
    Receipt(Party, Option<Key>),
    /// h: receipt and key from the merchant.
    Forward(Key),
    /// A party asks the server what became of the order.
    Asks(Party),
    /// The customer cancels her order.
    Cancel,
    /// The order alone, countersigned by the merchant or by the customer herself.
    Alone(Party, Sealed),
    /// An order for twice the price that the lying merchant signed in both places, with an offer
    /// to fit.
    Overcharge,
}

/// What is done unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The customer begins.
    Begin,
    /// The order's time-out passes.
    TimeOut,
    /// The lying customer spends her money at another shop.
    SpendElsewhere,
}

/// What all remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Memory {
    /// What the merchant has encrypted and offers.
    content: Sealed,
    begun: bool,
    /// The customer's: the offer, the file that she found to be the offer's, the order, the key,
    /// that it came to nothing.
    offer: Option<Sealed>,
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
}
