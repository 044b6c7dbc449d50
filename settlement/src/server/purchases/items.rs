//! Case 3: items on their way to the server, which holds them in place of a key.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use auction::keys::PublicKey;
use auction::layout::Digest;
use tokio::sync::oneshot;

use super::deposits::{Wanted, Writing};
use super::{Purchases, answered, aside, busy, declined, disk, lock};
use crate::goods::{GoodsError, checksum_of_item, unwatched};
use crate::layout::{Label, Statement};
use crate::ledger::{Class, Code, Fate, MAX_ORDER_AHEAD_MS};
use crate::purchases::decide::ItemWanted;
use crate::purchases::{
    Delivered, Delivery, HeldItem, Offer, Order, OrderKey, StoredItem, Submission, item_wanted_with,
};
use crate::server::checkers::Checkers;
use crate::server::checking::Job;
use crate::server::desk::Desk;
use crate::server::error::ServerError;
use crate::server::pieces::Pieces;
use crate::server::sight::Asker;
use crate::service::Answer;
use crate::service::purchases::{ITEM_PIECE_BYTES, PurchaseAnswer, PurchaseDeclined};
use crate::signatures::Keyring;

/// The folder's name in a server's directory.
const FOLDER: &str = "items";
const WHOLE: &str = "item";
/// The folder of items in the clear, each in the slot of its merchant and checksum.
#[derive(Debug, Clone)]
pub(super) struct ItemStore(Pieces);

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

    /// Removes what came of an item, found good or not.
    fn remove(&self, slot: &Digest) -> io::Result<()> {
        self.0.throw_away(slot)?;
        self.0.remove(slot)
    }

    pub(super) fn sweep(&self, is_kept: impl Fn(&Digest) -> bool) -> io::Result<()> {
        self.0.sweep(is_kept)
    }
}

impl Purchases {
    /// Says how much of an order's item is there, and takes the rest; of an order that is decided,
    /// what became of it.
    pub(super) async fn deposit(
        self: &Arc<Self>,
        desk: &Desk,
        checkers: &Checkers<Job>,
        asker: Asker,
        submission: Submission,
    ) -> Answer {
        let (told, checked) = oneshot::channel();
        let this = Arc::clone(self);
        let job = move |keyring: &mut Keyring| {
            // Who waited may be gone.
            drop(told.send(item_wanted_with(submission, &this.charter, keyring)));
        };
        if checkers.begin(Job::Alone(Box::new(job))).is_err() {
            return busy();
        }
        let wanted = match checked.await {
            Ok(Ok(wanted)) => wanted,
            Ok(Err(refused)) => return declined(PurchaseDeclined::Refused(refused.to_string())),
            Err(_) => return Answer::Unknown,
        };
        let merchant = wanted.offer.terms().merchant;
        if !asker.is(&merchant) {
            return declined(PurchaseDeclined::NotYours);
        }
        let (got, most) = (wanted.item.bytes, self.max_item_bytes);
        if got > most {
            return declined(PurchaseDeclined::TooLong { got, most });
        }
        let slot = slot_of(&wanted.item.checksum, &merchant);
        if let Some(answer) = self.is_decided(desk, &wanted).await {
            self.end(&slot, &wanted.order, &answer);
            return answer;
        }
        let ItemWanted { item, order, until, .. } = wanted;
        let began = {
            let mut deposits = lock(&self.deposits);
            let wanted = Wanted { item, merchant, order, until };
            let gone = deposits.begin(wanted, self.clock.now(), Instant::now());
            gone.map(|gone| self.discard(&gone)).is_some()
        };
        if began { self.have(slot).await } else { busy() }
    }

    /// Notes what became of an order: with the last one that waits for an item its deposit goes.
    fn end(&self, slot: &Digest, order: &OrderKey, answer: &Answer) {
        let mut deposits = lock(&self.deposits);
        if is_final(answer) && deposits.end(slot, order) {
            self.discard(&[*slot]);
        }
    }

    /// Removes what nobody has bought of items whose deposits are gone. Called with the deposits
    /// locked, so that nobody begins them anew meanwhile.
    pub(super) fn discard(&self, slots: &[Digest]) {
        for slot in slots.iter().filter(|slot| !self.is_bought(slot)) {
            if let Err(error) = self.items.remove(slot) {
                tracing::warn!(%slot, %error, "an item that nobody bought cannot be removed");
            }
        }
    }

    /// The answer where an order needs no deposit: it is decided already, or the ledger cannot
    /// take it. Keys cost nothing; accounts have had money.
    async fn is_decided(&self, desk: &Desk, wanted: &ItemWanted) -> Option<Answer> {
        let ItemWanted { order, offer, .. } = wanted;
        let (name, credit) = (*order, offer.credit());
        let refused = |code| Some(answered(PurchaseAnswer::Refused(code)));
        let there = desk.look(move |ledger| {
            (ledger.account(&name.account).is_some(), ledger.account(&credit).is_some())
        });
        let Some((customer, merchant)) = there.await else { return Some(busy()) };
        // Without an account no id was ever decided: strangers do not make the server read.
        let record = if customer {
            match desk.try_ask(move |keeper| keeper.record(&name.account, name.id)).await {
                Some(record) => record,
                None => return Some(busy()),
            }
        } else {
            None
        };
        let now = self.clock.now();
        match record {
            Some(record) if record.fate == Fate::Cancelled => refused(Code::Cancelled),
            Some(record) if record.content != wanted.content => refused(Code::IdConflict),
            Some(record) if record.code != Code::Done => refused(record.code),
            Some(_) => Some(Self::receipt_of(desk, name).await),
            None if !customer => refused(Code::UnknownAccount),
            None if !merchant => refused(Code::UnknownCredit),
            None if now >= wanted.until => refused(Code::Expired),
            None if wanted.until.0 > now.0.saturating_add(MAX_ORDER_AHEAD_MS) => {
                let ahead = "the order is good for longer than an order may be".to_owned();
                Some(declined(PurchaseDeclined::Refused(ahead)))
            }
            None => None,
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
        let Some((expected, writing)) = lock(&self.deposits).item(&slot, Instant::now()) else {
            return declined(PurchaseDeclined::NoDeposit);
        };
        let end = offset.checked_add(bytes.len() as u64);
        if bytes.len() > ITEM_PIECE_BYTES || end.is_none_or(|end| end > expected.bytes) {
            return declined(PurchaseDeclined::Piece);
        }
        let writing = writing.lock_owned().await;
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

    /// g With the item on the disk and checked, the money moves. Until then the deposit stands and
    /// nobody sweeps the item away; afterwards its purchase keeps it. It goes on when the asker is
    /// gone.
    pub(super) async fn buy_held(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        checkers: &Arc<Checkers<Job>>,
        asker: Asker,
        submission: Submission,
    ) -> Answer {
        let refused = |reason: String| declined(PurchaseDeclined::Refused(reason));
        let item = match Offer::decode(submission.offer.clone()) {
            Ok(offer) => match offer.terms().delivery {
                Delivery::Held(item) => item,
                Delivery::Encrypted(_) => {
                    return refused("the offer is of encrypted goods".to_owned());
                }
            },
            Err(error) => return refused(error.to_string()),
        };
        let order = match Order::decode(&submission.order) {
            Ok(order) => order.key(),
            Err(error) => return refused(error.to_string()),
        };
        let Some(order) = order else { return refused("it is no order".to_owned()) };
        let slot = slot_of(&item.checksum, &asker.key());
        let Some(writing) = lock(&self.deposits).of_order(&slot, &item, &order) else {
            return declined(PurchaseDeclined::NoDeposit);
        };
        let (this, desk, checkers) = (Arc::clone(self), Arc::clone(desk), Arc::clone(checkers));
        let task = tokio::spawn(async move {
            let answer = this.keep_and_buy(&desk, &checkers, (slot, item), &writing, submission);
            let answer = answer.await;
            // Held until the journal has decided: meanwhile the item stays.
            drop(writing);
            this.end(&slot, &order, &answer);
            answer
        });
        task.await.unwrap_or(Answer::Unknown)
    }

    async fn keep_and_buy(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        checkers: &Checkers<Job>,
        (slot, item): (Digest, HeldItem),
        writing: &Writing,
        submission: Submission,
    ) -> Answer {
        let locked = Arc::clone(writing).lock_owned().await;
        let items = self.items.clone();
        let kept = aside(move || {
            let _locked = locked;
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

/// Whether an order is decided for good.
fn is_final(answer: &Answer) -> bool {
    let Answer::Purchase(answer) = answer else { return false };
    match **answer {
        PurchaseAnswer::Paid(_) => true,
        PurchaseAnswer::Refused(code) => matches!(code.class(), Class::Final | Class::Lasting),
        _ => false,
    }
}
