//! The way to the journal: chains in, decisions out, and everything that follows from a
//! decision learnt before anybody hears of it.

use std::sync::Arc;

use auction::spec::Time;
use tokio::sync::oneshot;

use super::auctions::Auctions;
use super::pages;
use super::purchases::Purchases;
use crate::bookkeeper::{Bookkeeper, Proof, Unflushed};
use crate::journal::{AnyStorage, JournalError, Receipt};
use crate::ledger::AccountId;
use crate::ledger::{Chain, Charter, Entry, Ledger, Outcome};
use crate::service::{MAX_PAGE, Page};
use crate::writer::{Committed, NoOutcome, Writer};

/// The one that answers what is asked of ledger and journal.
type Keeper = Bookkeeper<AnyStorage>;

/// A chain that the journal has decided on.
pub(crate) struct Decision {
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// The chain, with its codes.
    pub(crate) entry: Entry,
    /// Where [`Outcome::entry`] stands, if there is one.
    pub(crate) proof: Option<Proof>,
}

impl Decision {
    /// The receipt of the entry that this chain got, if it got one now.
    pub(crate) fn receipt(self) -> Option<Receipt> {
        let (number, proof) = (self.outcome.entry?, self.proof?);
        let mut entry = Vec::with_capacity(self.entry.chain.entry_bytes());
        self.entry.chain.encode_entry(self.entry.codes.iter().copied(), &mut entry);
        let Proof { batch, time, head, path } = proof;
        Some(Receipt { number, batch, time, entry, head, path })
    }
}

/// What all parts of the server reach the journal through.
pub(crate) struct Desk {
    charter: Charter,
    writer: Writer<AnyStorage>,
    learnt: Arc<Learnt>,
}

/// What follows from the journal beside the ledger.
pub(super) struct Learnt {
    auctions: Arc<Auctions>,
    purchases: Arc<Purchases>,
}

impl Learnt {
    pub(super) fn new(auctions: Arc<Auctions>, purchases: Arc<Purchases>) -> Self {
        Self { auctions, purchases }
    }

    /// Learns one entry. They come in order, at a start from the journal and later after each
    /// flush.
    pub(super) fn learn(&self, number: u64, time: Time, entry: &Entry) {
        self.auctions.learn(number, time, entry);
        self.purchases.learn(number, time, entry);
    }
}

impl Desk {
    pub(super) fn new(charter: Charter, writer: Writer<AnyStorage>, learnt: Arc<Learnt>) -> Self {
        Self { charter, writer, learnt }
    }

    pub(crate) fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Queues a chain. `told` is called once: on the writer's thread after the flush, and at
    /// once where the queue is full. Whoever waits may be gone: what was decided is learnt.
    pub(super) fn put(
        &self,
        chain: Chain,
        told: impl FnOnce(Result<Decision, NoOutcome>) + Send + 'static,
    ) {
        let (copy, learnt) = (chain.clone(), Arc::clone(&self.learnt));
        self.writer.commit(chain, move |committed| {
            let decided = committed.map(|Committed { outcome, proof }| {
                let codes = outcome.replies.iter().map(|reply| reply.code).collect();
                let entry = Entry { chain: copy, codes };
                if let (Some(number), Some(proof)) = (outcome.entry, &proof) {
                    learnt.learn(number, proof.time, &entry);
                }
                Decision { outcome, entry, proof }
            });
            told(decided);
        });
    }

    /// Has a chain decided.
    ///
    /// # Errors
    /// [`NoOutcome`].
    pub(crate) async fn decide(&self, chain: Chain) -> Result<Decision, NoOutcome> {
        let (told, decision) = oneshot::channel();
        self.put(chain, move |decided| {
            // Who waited may be gone.
            let _ = told.send(decided);
        });
        // `put` answers always.
        decision.await.unwrap_or(Err(NoOutcome::Ended))
    }

    /// Asks ledger and journal something; what the answer shows is flushed before it is given.
    /// `None` when the queue is full or the writer has ended. The question runs on the writer's
    /// thread: keep it short.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Keeper) -> Unflushed<T> + Send + 'static,
    ) -> Option<T> {
        let (told, answer) = oneshot::channel();
        self.writer.ask(question, move |answer| {
            // Who waited may be gone.
            let _ = told.send(answer);
        });
        answer.await.ok()
    }

    /// Asks the ledger something.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> T + Send + 'static,
    ) -> Option<T> {
        self.ask(|bookkeeper| bookkeeper.look(question)).await
    }

    /// The same of what may have to be read from the disk: `None` also where that fails, which is
    /// logged.
    pub(crate) async fn try_ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Keeper) -> Result<Unflushed<T>, JournalError> + Send + 'static,
    ) -> Option<T> {
        let told = self.ask(|keeper| match question(keeper) {
            Ok(answer) => answer.map(Some),
            Err(error) => {
                tracing::error!(%error, "an answer cannot be read back");
                keeper.look(|_| None)
            }
        });
        told.await.flatten()
    }

    /// A page of an account's history.
    pub(super) async fn page(&self, account: AccountId, from: u64, limit: u32) -> Option<Page> {
        let most = limit.min(MAX_PAGE);
        let moved = self.try_ask(move |keeper| keeper.movements(&account, from, most)).await;
        moved.map(|(total, moved)| pages::page(&account, total, &moved))
    }
}
