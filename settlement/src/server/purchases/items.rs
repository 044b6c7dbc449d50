//! Case 3: items on their way to the server, which holds them in place of a key.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;
use tokio::sync::oneshot;

use super::{
    MAX_DEPOSITS, MAX_DEPOSITS_OF_A_MERCHANT, Purchases, answered, aside, busy, declined, disk,
    lock,
};
use crate::goods::{GoodsError, checksum_of_item, unwatched};
use crate::layout::{Label, Statement};
use crate::ledger::SignedRequest;
use crate::purchases::decide::item_wanted;
use crate::purchases::{Delivered, Delivery, HeldItem, Offer, OrderKey, StoredItem, Submission};
use crate::server::checkers::Checkers;
use crate::server::desk::Desk;
use crate::server::error::ServerError;
use crate::server::pieces::Pieces;
use crate::server::sight::Asker;
use crate::service::Answer;
use crate::service::purchases::{ITEM_PIECE_BYTES, PurchaseAnswer, PurchaseDeclined};

/// The folder's name in a server's directory.
const FOLDER: &str = "items";
const WHOLE: &str = "item";
/// How long after its order's time-out a deposit is kept, in milliseconds (an hour): whatever was
/// sent in time is decided by then.
const DECIDING_MS: u64 = 3_600_000;

/// The folder of items in the clear, each in the slot of its merchant and checksum.
#[derive(Debug, Clone)]
pub(super) struct ItemStore(Pieces);

/// A deposit that is under way.
#[derive(Debug)]
pub(super) struct ItemDeposit {
    item: HeldItem,
    merchant: PublicKey,
    /// Until when its order is good.
    until: Time,
    /// Held while the disk is written, and while the item is checked.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl ItemDeposit {
    /// Whether its order may still be taken, with some time for a decision that is under way.
    pub(super) fn is_good(&self, now: Time) -> bool {
        now.0 < self.until.0.saturating_add(DECIDING_MS)
    }
}

/// Where the item of one merchant lies: nobody can write into another's.
pub(super) fn slot_of(checksum: &Digest, merchant: &PublicKey) -> Digest {
    Statement::new(Label::ItemChecksum, checksum).fixed(&merchant.0).hash()
}

impl ItemStore {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        Pieces::open(dir, FOLDER, WHOLE).map(Self)
    }

    /// Checks an item and keeps it; when this returns it is on the disk. Takes time.
    ///
    /// # Errors
    /// [`GoodsError`]; what was received is thrown away where it is another item.
    fn keep(&self, slot: &Digest, item: &HeldItem) -> Result<StoredItem, GoodsError> {
        let failed = |doing| move |(path, source)| GoodsError::File { doing, path, source };
        if self.0.is_whole(slot) {
            // What was found good before was flushed, in the slot of its checksum. The length
            // that an offer names beside the checksum is the offer's own word.
            let got = self.0.received(slot).map_err(GoodsError::Read)?;
            if got != item.bytes {
                return Err(GoodsError::Length { got, expected: item.bytes });
            }
        } else {
            let file = self.0.read_back(slot).map_err(failed("read"))?;
            let (got, length) = checksum_of_item(file, &mut unwatched)?;
            let expected = item.checksum;
            if length < item.bytes {
                return Err(GoodsError::CutOff { expected: item.bytes });
            }
            if (got, length) != (expected, item.bytes) {
                let _ = self.0.throw_away(slot);
                return Err(GoodsError::Checksum { got, expected });
            }
            self.0.keep(slot).map_err(failed("keep"))?;
        }
        Ok(StoredItem::new(*item))
    }

    pub(super) fn sweep(&self, is_kept: impl Fn(&Digest) -> bool) -> io::Result<()> {
        self.0.sweep(is_kept)
    }
}

impl Purchases {
    /// Says how much of an order's item is there, and takes the rest.
    pub(super) async fn deposit(
        self: &Arc<Self>,
        checkers: &Checkers,
        asker: Asker,
        order: Vec<u8>,
        offer: Vec<u8>,
    ) -> Answer {
        let until = SignedRequest::decode(&order).map(|order| order.request().until);
        let (told, checked) = oneshot::channel();
        let this = Arc::clone(self);
        let job = move || {
            // Who waited may be gone.
            drop(told.send(item_wanted(Submission { order, offer }, &this.charter)));
        };
        if checkers.begin(job).is_err() {
            return busy();
        }
        let (item, offer) = match checked.await {
            Ok(Ok(wanted)) => wanted,
            Ok(Err(refused)) => {
                return declined(PurchaseDeclined::Refused(refused.to_string()));
            }
            Err(_) => return Answer::Unknown,
        };
        let merchant = offer.terms().merchant;
        if !asker.is(&merchant) {
            return declined(PurchaseDeclined::NotYours);
        }
        let (got, most) = (item.bytes, self.max_item_bytes);
        if got > most {
            return declined(PurchaseDeclined::TooLong { got, most });
        }
        // It was decoded there.
        let Ok(until) = until else { return Answer::Unknown };
        if !self.begin(ItemDeposit { item, merchant, until, writing: Arc::default() }) {
            return busy();
        }
        self.have(slot_of(&item.checksum, &merchant)).await
    }

    /// Makes room for a deposit: those whose orders are out of time go.
    fn begin(&self, deposit: ItemDeposit) -> bool {
        let now = self.clock.now();
        let mut deposits = lock(&self.deposits);
        deposits.retain(|_, deposit| deposit.is_good(now));
        let room = |deposits: &HashMap<Digest, Arc<ItemDeposit>>| {
            let own = deposits.values().filter(|other| other.merchant == deposit.merchant);
            deposits.len() < MAX_DEPOSITS && own.count() < MAX_DEPOSITS_OF_A_MERCHANT
        };
        let slot = slot_of(&deposit.item.checksum, &deposit.merchant);
        match deposits.get(&slot) {
            _ if now >= deposit.until => false,
            Some(known) if known.until >= deposit.until => true,
            // Another order for the same item, good for longer.
            Some(known) => {
                let writing = Arc::clone(&known.writing);
                deposits.insert(slot, Arc::new(ItemDeposit { writing, ..deposit }));
                true
            }
            None if room(&deposits) => {
                deposits.insert(slot, Arc::new(deposit));
                true
            }
            None => false,
        }
    }

    async fn have(&self, slot: Digest) -> Answer {
        let items = self.items.clone();
        match aside(move || items.0.received(&slot)).await {
            Some(Ok(bytes)) => answered(PurchaseAnswer::Have(bytes)),
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }

    /// Takes a piece of an item.
    pub(super) async fn piece(
        &self,
        asker: Asker,
        item: Digest,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Answer {
        let slot = slot_of(&item, &asker.key());
        let Some(deposit) = lock(&self.deposits).get(&slot).cloned() else {
            return declined(PurchaseDeclined::NoDeposit);
        };
        let end = offset.checked_add(bytes.len() as u64);
        if bytes.len() > ITEM_PIECE_BYTES || end.is_none_or(|end| end > deposit.item.bytes) {
            return declined(PurchaseDeclined::Piece);
        }
        let writing = Arc::clone(&deposit.writing).lock_owned().await;
        let items = self.items.clone();
        let appended = aside(move || {
            // Until the piece is written: whoever asked may be gone.
            let _writing = writing;
            items.0.append(&slot, offset, &bytes)
        });
        match appended.await {
            Some(Ok(bytes)) => answered(PurchaseAnswer::Have(bytes)),
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }

    /// g With the item on the disk and checked, the money moves. While the deposit stands, nobody
    /// sweeps the item away; afterwards its purchase keeps it.
    pub(super) async fn buy_held(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        checkers: &Checkers,
        asker: Asker,
        submission: Submission,
    ) -> Answer {
        let item = match Offer::decode(submission.offer.clone()) {
            Ok(offer) => match offer.terms().delivery {
                Delivery::Held(item) => item,
                Delivery::Encrypted(_) => {
                    let other = "the offer is of encrypted goods".to_owned();
                    return declined(PurchaseDeclined::Refused(other));
                }
            },
            Err(error) => return declined(PurchaseDeclined::Refused(error.to_string())),
        };
        let slot = slot_of(&item.checksum, &asker.key());
        let found = lock(&self.deposits).get(&slot).cloned();
        let Some(deposit) = found.filter(|deposit| deposit.item == item) else {
            return declined(PurchaseDeclined::NoDeposit);
        };
        let writing = Arc::clone(&deposit.writing).lock_owned().await;
        let items = self.items.clone();
        let kept = aside(move || {
            let _writing = writing;
            items.keep(&slot, &item)
        });
        match kept.await {
            Some(Ok(stored)) => self.buy(desk, checkers, submission, Delivered::Item(stored)).await,
            Some(Err(error)) if error.is_fault_of_goods() => {
                declined(PurchaseDeclined::Item(error.to_string()))
            }
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }

    /// A piece of an item, for a side of a purchase of it.
    pub(super) async fn item(&self, asker: Asker, name: OrderKey, offset: u64) -> Answer {
        let Some(bought) = lock(&self.held).purchase(&name) else {
            return declined(PurchaseDeclined::NotYours);
        };
        if !asker.is(&bought.customer) && !asker.is(&bought.merchant) {
            return declined(PurchaseDeclined::NotYours);
        }
        let items = self.items.clone();
        let read = aside(move || items.0.read(&bought.slot, offset, ITEM_PIECE_BYTES));
        match read.await {
            Some(Ok(Some((total, bytes)))) => answered(PurchaseAnswer::Item { total, bytes }),
            Some(Ok(None)) => declined(PurchaseDeclined::Gone),
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }
}
