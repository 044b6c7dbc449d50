//! What can be seen of the server.

use auction::settlement_terms::Delivery;
use settlement::auctions::{AuctionState, Decided, Index};
use settlement::ledger::Ledger;
use settlement::sealed_key::Purpose;

use super::{SEED, state};
use crate::auction_payment::setting::{Bidder, SETTING, goods_key};

/// What can be seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// By bidder: what his account holds.
    pub posted: [i64; 2],
    /// By bidder: what is set aside of it.
    pub held: [i64; 2],
    /// What seller, house, shop and escrow have got.
    pub seller: i64,
    /// The house.
    pub house: i64,
    /// The shop.
    pub shop: i64,
    /// The escrow account.
    pub escrow: i64,
    /// The goods key is in escrow.
    pub registered: bool,
    /// By bidder: whether he has a bond on record, so that he can have a ticket.
    pub bonded: [bool; 2],
    /// What was decided.
    pub decided: Option<Verdict>,
}

/// A decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Sold.
    Sale {
        /// To whom.
        winner: Bidder,
        /// At what price.
        price: i64,
        /// The record carries the spec's goods key, and the winner can open it.
        key: bool,
        /// The record names the checksum and key hash that the seller signed in the spec.
        certified: bool,
    },
    /// Nothing sold.
    NoSale,
    /// Void.
    Void,
}

pub(super) fn view(ledger: &Ledger, index: &Index) -> View {
    let balances = |account| ledger.account(&account).map(|one| one.balances).unwrap_or_default();
    // A few units each.
    let small = |amount: i128| i64::try_from(amount).unwrap_or(i64::MAX);
    let posted = |account| small(balances(account).posted());
    let held = |account| i64::try_from(balances(account).pending()).unwrap_or(i64::MAX);
    let [seller, house, shop] = SETTING.others.map(|account| posted(account) - SEED);
    let state = state(index);
    let bonded = |bidder: Bidder| {
        let bond = state.and_then(|state| state.bond(&bidder.auction_key().public()));
        bond.is_some()
    };
    View {
        posted: SETTING.bidders.map(posted),
        held: SETTING.bidders.map(held),
        seller,
        house,
        shop,
        escrow: posted(SETTING.escrow),
        registered: state.is_some(),
        bonded: Bidder::ALL.map(bonded),
        decided: state.and_then(AuctionState::decided).map(verdict),
    }
}

fn verdict(decided: &Decided) -> Verdict {
    let Decided::Sale(record) = decided else {
        let none = matches!(decided, Decided::NoSale(_));
        return if none { Verdict::NoSale } else { Verdict::Void };
    };
    let is_b = record.winner == Bidder::B.auction_key().public();
    let winner = if is_b { Bidder::B } else { Bidder::A };
    let opened = record.key.open(&winner.opening_key(), Purpose::Delivery, &SETTING.spec.id());
    let terms = SETTING.spec.spec().settlement.as_ref();
    let goods = terms.and_then(|terms| match &terms.delivery {
        Delivery::Digital(goods) => Some((goods.checksum, goods.key_hash)),
        Delivery::Physical(_) => None,
    });
    Verdict::Sale {
        winner,
        price: i64::try_from(record.price.0).unwrap_or(i64::MAX),
        key: opened.is_ok_and(|key| key.check(&goods_key().hash()).is_ok()),
        certified: goods == Some((record.checksum, record.key_hash)),
    }
}
