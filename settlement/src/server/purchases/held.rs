//! Which purchases are of items that the server holds: what follows from the journal.

use std::collections::HashMap;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::items::slot_of;
use crate::ledger::{Code, Entry};
use crate::purchases::order::key_of;
use crate::purchases::{Delivery, OrderKey, PurchaseRecord};

/// All of them, about 150 bytes each.
#[derive(Debug, Default)]
pub(super) struct HeldPurchases {
    bought: HashMap<OrderKey, HeldPurchase>,
    /// When the item in each slot was bought last.
    last: HashMap<Digest, Time>,
}

/// A purchase of an item that the server holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldPurchase {
    pub(super) customer: PublicKey,
    pub(super) merchant: PublicKey,
    /// Where the item lies.
    pub(super) slot: Digest,
}

impl HeldPurchases {
    /// Whether an entry is such a purchase, by its first look: most are none.
    pub(super) fn is_one(entry: &Entry) -> bool {
        let attached = entry.chain.attachment().map(|one| one.as_bytes());
        attached.is_some_and(PurchaseRecord::is_of_item)
    }

    pub(super) fn learn(&mut self, time: Time, entry: &Entry) {
        let [order] = entry.chain.requests() else { return };
        if entry.codes.iter().any(|code| *code != Code::Done) {
            return;
        }
        let record = entry.chain.attachment().and_then(|one| PurchaseRecord::read(one).ok()?);
        let (Some(name), Some(record)) = (key_of(order.request()), record) else { return };
        let terms = record.offer.terms();
        let Delivery::Held(item) = terms.delivery else { return };
        let (customer, merchant) = (terms.customer, terms.merchant);
        let slot = slot_of(&item.checksum, &merchant);
        self.bought.insert(name, HeldPurchase { customer, merchant, slot });
        let last = self.last.entry(slot).or_insert(time);
        *last = time.max(*last);
    }

    pub(super) fn purchase(&self, name: &OrderKey) -> Option<HeldPurchase> {
        self.bought.get(name).copied()
    }

    pub(super) fn last_bought(&self, slot: &Digest) -> Option<Time> {
        self.last.get(slot).copied()
    }
}
