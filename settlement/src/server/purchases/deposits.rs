//! Case 3: which deposits of items are under way, whose orders they are for, and which of them give
//! way to others. SETTLEMENT, section "Purchase of digital goods", case 3.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::items::slot_of;
use crate::purchases::{HeldItem, OrderKey};
use crate::server::giving_way::{Places, UnderWay};

/// Deposits that are under way at a time, in all and for one merchant.
const PLACES: Places = Places { of_all: 16, of_one: 4 };
/// Most orders for one item that wait for it at a time.
const MAX_ORDERS: usize = 256;
/// How long after its order's time-out a deposit is kept, in milliseconds (an hour): whatever was
/// sent in time is decided by then.
const DECIDING_MS: u64 = 3_600_000;

/// What a merchant asks to deposit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) item: HeldItem,
    pub(super) merchant: PublicKey,
    /// The order that it is for.
    pub(super) order: OrderKey,
    /// Until when that is good.
    pub(super) until: Time,
}

/// The deposits that are under way, each in the slot of its item.
#[derive(Debug, Default)]
pub(super) struct Deposits(HashMap<Digest, Deposit>);

#[derive(Debug)]
struct Deposit {
    item: HeldItem,
    merchant: PublicKey,
    /// The orders that are not decided, and until when each is good.
    orders: HashMap<OrderKey, Time>,
    begun: Instant,
    /// When the last piece or order came.
    touched: Instant,
    writing: Writing,
}

/// Locked while the disk is written and while the item is checked. Whoever holds a copy keeps the
/// deposit from giving way.
pub(super) type Writing = Arc<tokio::sync::Mutex<()>>;

impl Deposits {
    /// Takes an order's deposit, where there is a place, and says which slots gave way to it: what
    /// has come of their items can be thrown away.
    pub(super) fn begin(&mut self, wanted: Wanted, now: Time, at: Instant) -> Option<Vec<Digest>> {
        let Wanted { item, merchant, order, until } = wanted;
        let mut gone = self.expire(now);
        let slot = slot_of(&item.checksum, &merchant);
        if !self.0.contains_key(&slot) {
            let under_way: Vec<UnderWay> =
                self.0.iter().map(|(slot, one)| one.under_way(*slot)).collect();
            let give_way = PLACES.who_gives_way(&under_way, &merchant, at)?;
            self.0.retain(|slot, _| !give_way.contains(slot));
            gone.extend(give_way);
        }
        let new = || Deposit::begin(item, merchant, at);
        let deposit = self.0.entry(slot).or_insert_with(new);
        if deposit.item != item {
            // Under another length; the true one may be on its way to be bought.
            if deposit.is_busy() {
                return None;
            }
            deposit.item = item;
            deposit.orders.clear();
        }
        if deposit.orders.len() >= MAX_ORDERS && !deposit.orders.contains_key(&order) {
            return None;
        }
        deposit.orders.insert(order, until);
        deposit.touched = at;
        gone.retain(|gone| *gone != slot);
        Some(gone)
    }

    /// Drops deposits none of whose orders can be taken any more, and says in which slots.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Digest> {
        let mut gone = Vec::new();
        self.0.retain(|slot, deposit| {
            deposit.orders.retain(|_, until| now.0 < until.0.saturating_add(DECIDING_MS));
            let stays = !deposit.orders.is_empty() || deposit.is_busy();
            if !stays {
                gone.push(*slot);
            }
            stays
        });
        gone
    }

    /// The item in a slot, for its next piece.
    pub(super) fn item(&mut self, slot: &Digest, at: Instant) -> Option<(HeldItem, Writing)> {
        let deposit = self.0.get_mut(slot)?;
        deposit.touched = at;
        Some((deposit.item, Arc::clone(&deposit.writing)))
    }

    /// The deposit of an item for an order that was shown before.
    pub(super) fn of_order(
        &self,
        slot: &Digest,
        item: &HeldItem,
        order: &OrderKey,
    ) -> Option<Writing> {
        let deposit = self.0.get(slot).filter(|one| one.item == *item);
        let deposit = deposit.filter(|one| one.orders.contains_key(order))?;
        Some(Arc::clone(&deposit.writing))
    }

    /// Whether the item in a slot is on its way.
    pub(super) fn is_under_way(&self, slot: &Digest) -> bool {
        self.0.contains_key(slot)
    }

    /// Notes that an order is decided for good, and says whether nobody needs the deposit any
    /// more.
    pub(super) fn end(&mut self, slot: &Digest, order: &OrderKey) -> bool {
        let Some(deposit) = self.0.get_mut(slot) else { return false };
        deposit.orders.remove(order);
        // Who is busy with it may have been asked for an item of another length here.
        let ended = deposit.orders.is_empty() && !deposit.is_busy();
        ended && self.0.remove(slot).is_some()
    }
}

impl Deposit {
    fn begin(item: HeldItem, merchant: PublicKey, at: Instant) -> Self {
        let (orders, writing) = (HashMap::new(), Arc::default());
        Self { item, merchant, orders, begun: at, touched: at, writing }
    }

    fn is_busy(&self) -> bool {
        Arc::strong_count(&self.writing) > 1
    }

    fn under_way(&self, slot: Digest) -> UnderWay {
        let (begun, touched) = (self.begun, self.touched);
        UnderWay { id: slot, of: self.merchant, begun, touched, busy: self.is_busy() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::{AccountId, RequestId};
    use crate::server::giving_way::SILENCE;

    const NOW: Time = Time(1_000);
    const UNTIL: Time = Time(2_000);

    fn wanted(item: u8, merchant: u8, order: u128) -> Wanted {
        let account = AccountId(Digest([9; 32]));
        Wanted {
            item: HeldItem { checksum: Digest([item; 32]), bytes: 100 },
            merchant: PublicKey([merchant; 32]),
            order: OrderKey { account, id: RequestId::new(order).unwrap() },
            until: UNTIL,
        }
    }

    fn slot(wanted: &Wanted) -> Digest {
        slot_of(&wanted.item.checksum, &wanted.merchant)
    }

    #[test]
    fn a_deposit_lasts_while_an_order_for_it_is_undecided() {
        let (mut deposits, at) = (Deposits::default(), Instant::now());
        let [first, second] = [1, 2].map(|order| wanted(1, 1, order));
        for order in [first, second] {
            assert_eq!(deposits.begin(order, NOW, at), Some(vec![]));
            assert!(deposits.of_order(&slot(&order), &order.item, &order.order).is_some());
        }
        let slot = slot(&first);
        assert!(!deposits.end(&slot, &first.order));
        assert!(deposits.of_order(&slot, &first.item, &first.order).is_none());
        assert!(deposits.is_under_way(&slot));
        assert!(deposits.end(&slot, &second.order));
        assert!(!deposits.is_under_way(&slot));
        assert!(!deposits.end(&slot, &second.order));
        // While it is bought it stays, and no other length takes its place.
        assert!(deposits.begin(first, NOW, at).is_some());
        let buying = deposits.of_order(&slot, &first.item, &first.order);
        let mut longer = second;
        longer.item.bytes += 1;
        assert_eq!(deposits.begin(longer, NOW, at), None);
        assert!(!deposits.end(&slot, &first.order) && deposits.is_under_way(&slot));
        drop(buying);
        assert_eq!(deposits.begin(longer, NOW, at), Some(vec![]));
        assert!(deposits.of_order(&slot, &first.item, &first.order).is_none());
        assert!(deposits.of_order(&slot, &longer.item, &longer.order).is_some());
    }

    #[test]
    fn orders_out_of_time_keep_no_place() {
        let (mut deposits, at) = (Deposits::default(), Instant::now());
        for item in 0..4 {
            assert!(deposits.begin(wanted(item, 1, 1), NOW, at).is_some());
        }
        assert_eq!(deposits.begin(wanted(4, 1, 1), NOW, at), None);
        assert_eq!(deposits.expire(Time(UNTIL.0 + DECIDING_MS - 1)), vec![]);
        let later = Time(UNTIL.0 + DECIDING_MS);
        // An item that is being written or bought stays until that is over.
        let held = deposits.item(&slot(&wanted(0, 1, 1)), at);
        assert_eq!(deposits.expire(later).len(), 3);
        drop(held);
        assert_eq!(deposits.expire(later), vec![slot(&wanted(0, 1, 1))]);
    }

    #[test]
    fn who_stalls_gives_way_and_who_gets_on_does_not() {
        let (mut deposits, start) = (Deposits::default(), Instant::now());
        for n in 0..16 {
            let at = start + Duration::from_millis(n.into());
            assert!(deposits.begin(wanted(n, n / 4, 1), NOW, at).is_some());
        }
        assert_eq!(deposits.begin(wanted(90, 9, 1), NOW, start), None);
        let late = start + SILENCE + Duration::from_secs(1);
        let first = slot(&wanted(0, 0, 1));
        let held = deposits.item(&first, start);
        // Being written, or bought: the next one gives way.
        let next = slot(&wanted(1, 0, 1));
        assert_eq!(deposits.begin(wanted(90, 9, 1), NOW, late), Some(vec![next]));
        drop(held);
        assert_eq!(deposits.begin(wanted(91, 9, 1), NOW, late), Some(vec![first]));
        assert!(!deposits.is_under_way(&first) && !deposits.is_under_way(&next));
        // A merchant with all his places loses one of his own.
        let own = slot(&wanted(4, 1, 1));
        assert_eq!(deposits.begin(wanted(92, 1, 1), NOW, late), Some(vec![own]));
    }

    #[test]
    fn the_orders_of_one_item_are_bounded() {
        let (mut deposits, at) = (Deposits::default(), Instant::now());
        for order in 1..=MAX_ORDERS as u128 {
            assert!(deposits.begin(wanted(1, 1, order), NOW, at).is_some());
        }
        assert_eq!(deposits.begin(wanted(1, 1, 9_999), NOW, at), None);
        assert!(deposits.begin(wanted(1, 1, 1), NOW, at).is_some());
    }
}
