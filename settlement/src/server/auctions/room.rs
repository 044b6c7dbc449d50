//! Room for auctions and their goods: how much is taken, how much of it by one seller, and which
//! deposits give way to others. SETTLEMENT, section "An auction's payment", step 1.

use std::collections::HashMap;
use std::sync::Arc;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::deposits::Deposit;
use super::{Auctions, RETENTION_MS, lock};
use crate::auctions::AuctionState;
use crate::config::Config;
use crate::server::giving_way::Places;
use crate::service::auctions::AuctionDeclined;

/// What a server takes of auctions and goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Longest encrypted goods of an auction, in bytes.
    pub(crate) max_bytes: u64,
    /// Bytes of all goods that are kept, and of one seller's.
    pub(crate) max_bytes_in_all: u64,
    pub(crate) max_bytes_of_seller: u64,
    /// Auctions that are not decided, and those of one seller.
    pub(crate) max_open: u64,
    pub(crate) max_open_of_seller: u64,
    /// Deposits that are under way at a time, and those of one seller: nobody takes all places.
    pub(crate) max_deposits: usize,
    pub(crate) max_deposits_of_seller: usize,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        let bytes = |mib: u32| u64::from(mib) << 20;
        Self {
            max_bytes: bytes(config.max_goods_mib),
            max_bytes_in_all: bytes(config.max_goods_in_all_mib),
            max_bytes_of_seller: bytes(config.max_goods_of_seller_mib),
            max_open: u64::from(config.max_open_auctions),
            max_open_of_seller: u64::from(config.max_open_auctions_of_seller),
            max_deposits: 16,
            max_deposits_of_seller: 2,
        }
    }
}

/// What is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Taken {
    open: u64,
    bytes: u64,
}

impl Taken {
    fn add(&mut self, open: bool, bytes: u64) {
        self.open += u64::from(open);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Auctions {
    /// Whether there is room for one more auction of a seller with so many bytes of goods, beside
    /// those that are kept and those that are on their way.
    pub(super) fn has_room(
        &self,
        seller: &PublicKey,
        bytes: u64,
        deposits: &HashMap<Digest, Arc<Deposit>>,
    ) -> Result<(), AuctionDeclined> {
        let (mut all, mut own) = (Taken::default(), Taken::default());
        let mut count = |of: &PublicKey, open, bytes| {
            all.add(open, bytes);
            if of == seller {
                own.add(open, bytes);
            }
        };
        let now = self.clock.now();
        let index = self.index();
        for state in index.auctions() {
            let goods = state.registered().goods().filter(|_| keeps_goods(state, now));
            let kept = goods.map_or(0, |goods| goods.bytes);
            let of = state.registered().spec().spec().seller;
            count(&of, state.decided().is_none(), kept);
        }
        for (auction, seller) in lock(&self.registering).iter() {
            if index.auction(auction).is_none() {
                count(seller, true, 0);
            }
        }
        drop(index);
        for deposit in deposits.values() {
            count(&deposit.seller, true, deposit.goods.bytes);
        }
        self.limits.check(all, own, bytes)
    }
}

/// Whether the goods of an auction are still served.
pub(super) fn keeps_goods(state: &AuctionState, now: Time) -> bool {
    now.0 < state.registered().held_until().0.saturating_add(RETENTION_MS)
}

impl Limits {
    fn check(&self, all: Taken, own: Taken, bytes: u64) -> Result<(), AuctionDeclined> {
        let (of_all, of_seller) =
            (all.bytes.saturating_add(bytes), own.bytes.saturating_add(bytes));
        if own.open >= self.max_open_of_seller {
            return Err(AuctionDeclined::AuctionsOfSeller(self.max_open_of_seller));
        }
        if all.open >= self.max_open {
            return Err(AuctionDeclined::AuctionsOfAll(self.max_open));
        }
        if of_seller > self.max_bytes_of_seller {
            let (got, most) = (of_seller, self.max_bytes_of_seller);
            return Err(AuctionDeclined::GoodsOfSeller { got, most });
        }
        if of_all > self.max_bytes_in_all {
            let (got, most) = (of_all, self.max_bytes_in_all);
            return Err(AuctionDeclined::GoodsOfAll { got, most });
        }
        Ok(())
    }

    /// The places of deposits.
    pub(super) fn places(&self) -> Places {
        Places { of_all: self.max_deposits, of_one: self.max_deposits_of_seller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_bytes: 100,
        max_bytes_in_all: 1_000,
        max_bytes_of_seller: 300,
        max_open: 9,
        max_open_of_seller: 3,
        max_deposits: 4,
        max_deposits_of_seller: 2,
    };

    #[test]
    fn each_budget_has_its_refusal() {
        let taken = |open, bytes| Taken { open, bytes };
        let check = |all, own, bytes| LIMITS.check(all, own, bytes);
        assert_eq!(check(taken(8, 900), taken(2, 200), 100), Ok(()));
        assert_eq!(check(taken(8, 0), taken(3, 0), 1), Err(AuctionDeclined::AuctionsOfSeller(3)));
        assert_eq!(check(taken(9, 0), taken(2, 0), 1), Err(AuctionDeclined::AuctionsOfAll(9)));
        assert_eq!(
            check(taken(1, 900), taken(1, 201), 100),
            Err(AuctionDeclined::GoodsOfSeller { got: 301, most: 300 })
        );
        assert_eq!(
            check(taken(1, 901), taken(1, 100), 100),
            Err(AuctionDeclined::GoodsOfAll { got: 1_001, most: 1_000 })
        );
        let (got, most) = (u64::MAX, 300);
        assert_eq!(
            check(taken(0, 0), taken(0, u64::MAX), u64::MAX),
            Err(AuctionDeclined::GoodsOfSeller { got, most })
        );
    }
}
