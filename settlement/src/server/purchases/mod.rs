//! The purchases' part of the server: order, offer and key in, money and receipt out. SETTLEMENT,
//! section "Purchase of digital goods".
//!
//! What was bought is in the journal, the goods keys sealed. Beside it stand the keys of the safe
//! in the folder `vault`, and the items that the server holds in the clear in the folder `items`.

mod buying;
mod deposits;
mod held;
mod items;
mod keys;
mod standing;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auction::layout::Digest;
use auction::spec::Time;

use super::checkers::Checkers;
use super::checking::Job;
use super::desk::Desk;
use super::error::ServerError;
use super::sight::Asker;
use super::time::Clock;
use crate::ledger::{Charter, Entry};
use crate::purchases::{Delivered, OrderKey, Safe, Submission};
use crate::service::purchases::{PurchaseAnswer, PurchaseDeclined, PurchaseQuestion};
use crate::service::{Answer, Declined};
use crate::writer::NoOutcome;
use deposits::Deposits;
use held::HeldPurchases;
use items::ItemStore;

pub use keys::open_safe;

/// After how many milliseconds who found something under way should ask again.
const BUSY_MS: u32 = 100;
/// The same where the server is about to end.
const ENDING_MS: u32 = 1000;
/// How long an item is kept after it was bought, in milliseconds (30 days).
const ITEM_KEPT_MS: u64 = 30 * 24 * 3600 * 1000;
/// How often it is looked for items that need not be kept any more.
const SWEEP: Duration = Duration::from_secs(3600);

/// The purchases of a server.
pub(crate) struct Purchases {
    charter: Charter,
    safe: Safe,
    clock: Arc<dyn Clock>,
    items: ItemStore,
    /// Longest item that is held, in bytes.
    max_item_bytes: u64,
    /// Purchases of items that the server holds, as the journal has them.
    held: Mutex<HeldPurchases>,
    deposits: Mutex<Deposits>,
}

impl Purchases {
    /// Opens the purchases of the server in `dir`. What the journal holds of them is learnt with
    /// [`Purchases::learn`].
    ///
    /// # Errors
    /// [`ServerError::File`], [`ServerError::BadKey`].
    pub(crate) fn open(
        dir: &Path,
        charter: Charter,
        max_item_bytes: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServerError> {
        Ok(Self {
            charter,
            safe: keys::open_or_make_safe(dir)?,
            clock,
            items: ItemStore::open(dir)?,
            max_item_bytes,
            held: Mutex::default(),
            deposits: Mutex::default(),
        })
    }

    /// Learns an entry of the journal. They come in order, each once, after their flush.
    pub(crate) fn learn(&self, _: u64, time: Time, entry: &Entry) {
        if HeldPurchases::is_one(entry) {
            lock(&self.held).learn(time, entry);
        }
    }

    /// Answers a question.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        checkers: &Arc<Checkers<Job>>,
        asker: Asker,
        question: PurchaseQuestion,
    ) -> Answer {
        match question {
            PurchaseQuestion::Buy { order, offer, key } => {
                let submission = Submission { order, offer };
                self.buy(desk, checkers, submission, Delivered::Key(key.key())).await
            }
            PurchaseQuestion::Standing(account, id) => {
                self.standing(desk, asker, account, id).await
            }
            PurchaseQuestion::Deposit { order, offer } => {
                self.deposit(desk, checkers, asker, Submission { order, offer }).await
            }
            PurchaseQuestion::Piece { item, offset, bytes } => {
                self.piece(asker, item, offset, bytes).await
            }
            PurchaseQuestion::BuyHeld { order, offer } => {
                let submission = Submission { order, offer };
                self.buy_held(desk, checkers, asker, submission).await
            }
            PurchaseQuestion::Item(account, id, offset) => {
                self.item(asker, OrderKey { account, id }, offset).await
            }
        }
    }

    /// Removes, from time to time, items that need not be kept any more, until it is dropped.
    pub(crate) async fn run(self: &Arc<Self>) {
        loop {
            let this = Arc::clone(self);
            let swept = aside(move || {
                let mut deposits = lock(&this.deposits);
                this.discard(&deposits.expire(this.clock.now()));
                drop(deposits);
                this.items.sweep(|slot| this.keeps(slot))
            });
            let swept = swept.await;
            if let Some(Err(error)) = swept {
                tracing::warn!(%error, "items that need not be kept cannot be removed");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Whether the item in a slot is still kept: for who bought it, or while it is deposited.
    fn keeps(&self, slot: &Digest) -> bool {
        let depositing = lock(&self.deposits).is_under_way(slot);
        depositing || self.is_bought(slot)
    }

    /// Whether the item in a slot was bought, not too long ago.
    fn is_bought(&self, slot: &Digest) -> bool {
        let bought = lock(&self.held).last_bought(slot);
        let now = self.clock.now();
        bought.is_some_and(|time| now.0 < time.0.saturating_add(ITEM_KEPT_MS))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What is kept under these locks is changed in single steps: a panic leaves none half done.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn answered(answer: PurchaseAnswer) -> Answer {
    Answer::Purchase(Box::new(answer))
}

fn declined(reason: PurchaseDeclined) -> Answer {
    answered(PurchaseAnswer::Declined(reason))
}

fn busy() -> Answer {
    Answer::Busy { retry_after: BUSY_MS }
}

fn disk(error: &dyn std::error::Error) -> Answer {
    tracing::error!(%error, "an item cannot be written or read");
    declined(PurchaseDeclined::Disk)
}

/// The answer where the journal has decided nothing.
fn undecided(reason: NoOutcome) -> Answer {
    match reason {
        NoOutcome::Busy => busy(),
        NoOutcome::Ended => Answer::Busy { retry_after: ENDING_MS },
        NoOutcome::Refused(error) => Answer::Declined(Declined::NotWritten(error.to_string())),
        NoOutcome::Unknown => Answer::Unknown,
    }
}

/// Runs what takes time or waits for the disk on a thread for that. `None` where it died.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
