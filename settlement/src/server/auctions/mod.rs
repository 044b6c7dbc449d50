//! The auctions' part of the server: goods and keys in escrow, bonds, settling. SETTLEMENT,
//! section "An auction's payment".
//!
//! What is decided is in the journal, and the index that follows from it; nothing here has to be
//! saved but three folders: `vault` with the escrow keys of undecided auctions, `goods` with the
//! encrypted goods, `transcripts` with what decided.

mod bonds;
mod decide;
mod deposits;
mod goods_store;
mod release;
mod settle;
mod transcripts;
mod vault;
mod views;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::spec::{EarlyClose, Time};
use tokio::sync::{Notify, Semaphore};

use super::desk::Desk;
use super::error::ServerError;
use super::keys::POSTINGS_KEY_FILE;
use super::time::Clock;
use crate::auctions::{Index, Postings};
use crate::ledger::{Chain, Charter, Code, Entry};
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, AuctionQuestion};
use crate::service::{Answer, Declined};
use crate::writer::NoOutcome;
use deposits::Deposit;
use goods_store::GoodsStore;
use transcripts::Transcripts;
use vault::Vault;

pub use transcripts::kept_transcript;

/// After how many milliseconds who found something under way should ask again.
const BUSY_MS: u32 = 200;
/// Auctions that are registered and not decided, at most.
const MAX_OPEN_AUCTIONS: usize = 4096;
/// Transcripts that are fetched and verified at a time.
const FETCHES: usize = 8;
/// How long goods are served after T, in milliseconds (30 days).
const RETENTION_MS: u64 = 30 * 24 * 3600 * 1000;

/// What a server takes of goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoodsLimits {
    /// Longest encrypted goods of an auction, in bytes.
    pub(crate) max_bytes: u64,
    /// Deposits that are under way at a time; their goods are on the disk in part.
    pub(crate) max_deposits: usize,
}

impl Default for GoodsLimits {
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_deposits: 16 }
    }
}

/// The auctions of a server.
pub(crate) struct Auctions {
    charter: Charter,
    server: SecretKey,
    postings: Postings,
    limits: GoodsLimits,
    clock: Arc<dyn Clock>,
    index: Mutex<Index>,
    vault: Vault,
    goods: GoodsStore,
    transcripts: Transcripts,
    deposits: Mutex<HashMap<Digest, Arc<Deposit>>>,
    /// Auction keys whose bonds are on their way to the journal.
    bonding: Mutex<HashSet<(Digest, PublicKey)>>,
    checks: Semaphore,
    fetches: Semaphore,
    /// Why an auction is not settled yet, and who waits to be told to try again.
    troubles: Mutex<HashMap<Digest, String>>,
    hurries: Mutex<HashMap<Digest, Arc<Notify>>>,
    /// Sellers' words that closed auctions of this server before their closing time. Not kept:
    /// the decision is, and until then the seller can say it again.
    early_closes: Mutex<HashMap<Digest, EarlyClose>>,
}

/// The keys of a server that the auctions' part signs with.
pub(crate) struct AuctionKeys {
    /// Signs tickets and escrow receipts.
    pub(crate) server: SecretKey,
    /// Owns the escrow accounts.
    pub(crate) postings: SecretKey,
}

impl Auctions {
    /// Opens the auctions of the server in `dir`. What the journal holds of them is learnt with
    /// [`Auctions::learn`], and then [`Auctions::ready`] is called.
    ///
    /// # Errors
    /// [`ServerError::OtherKey`] when a key is not the charter's, [`ServerError::File`].
    pub(crate) fn open(
        dir: &Path,
        charter: Charter,
        keys: AuctionKeys,
        limits: GoodsLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServerError> {
        let AuctionKeys { server, postings } = keys;
        let postings = Postings::new(&postings, charter)
            .ok_or_else(|| ServerError::OtherKey(dir.join(POSTINGS_KEY_FILE)))?;
        let at_a_time = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            charter,
            server,
            postings,
            limits,
            clock,
            index: Mutex::new(Index::new(charter)),
            vault: Vault::open(dir)?,
            goods: GoodsStore::open(dir)?,
            transcripts: Transcripts::open(dir)?,
            deposits: Mutex::default(),
            bonding: Mutex::default(),
            checks: Semaphore::new(at_a_time),
            fetches: Semaphore::new(FETCHES),
            troubles: Mutex::default(),
            hurries: Mutex::default(),
            early_closes: Mutex::default(),
        })
    }

    /// Learns an entry of the journal. They come in order, each once, after their flush.
    pub(crate) fn learn(&self, number: u64, _: Time, entry: &Entry) {
        self.index().learn(number, entry);
    }

    /// Cleans up after a kill, once all that the journal holds is learnt and before anybody is
    /// served: escrow keys of auctions that are decided, or were never registered, go.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub(crate) fn ready(&self) -> Result<(), ServerError> {
        let undecided: HashSet<Digest> = {
            let index = self.index();
            let open = index.auctions().filter(|state| state.decided().is_none());
            open.map(|state| state.registered().id()).collect()
        };
        let kept: HashSet<Digest> = self.vault.auctions()?.into_iter().collect();
        for auction in kept.difference(&undecided) {
            self.vault.destroy(auction)?;
        }
        for auction in undecided.difference(&kept) {
            tracing::error!(%auction, "the escrow key is missing: put its file back into the vault");
        }
        Ok(())
    }

    /// Whether a chain that anybody may bring pays into an escrow account past an order. It would
    /// give its payer nothing, so it is declined.
    pub(crate) fn is_stray(&self, chain: &Chain) -> bool {
        let index = self.index();
        chain.requests().iter().any(|one| index.is_stray(&one.request().action))
    }

    /// Answers a question.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        asker: PublicKey,
        question: AuctionQuestion,
    ) -> Answer {
        match question {
            AuctionQuestion::Deposit(spec) => self.deposit(desk, asker, *spec).await,
            AuctionQuestion::Piece { auction, offset, bytes } => {
                self.piece(asker, auction, offset, bytes).await
            }
            AuctionQuestion::Escrow(auction, key) => {
                self.escrow(desk, asker, auction, key.key()).await
            }
            AuctionQuestion::Bond(order) => self.bond(desk, *order).await,
            AuctionQuestion::Standing(auction) => self.standing(&auction),
            AuctionQuestion::Goods(auction, offset) => self.goods(auction, offset).await,
            AuctionQuestion::Settle(auction, word) => {
                if let Some(word) = word
                    && let Err(wrong) = self.hear_early_close(word)
                {
                    return declined(wrong);
                }
                self.hurry(&auction);
                self.standing(&auction)
            }
            AuctionQuestion::Receipt(auction) => self.receipt(desk, asker, &auction).await,
        }
    }

    /// Takes the seller's word for an auction that is registered here.
    fn hear_early_close(&self, word: EarlyClose) -> Result<(), AuctionDeclined> {
        let index = self.index();
        let state = index.auction(&word.auction).ok_or(AuctionDeclined::Unknown)?;
        word.verify(state.registered().spec())
            .map_err(|error| AuctionDeclined::EarlyClose(error.to_string()))?;
        if state.decided().is_none() {
            lock(&self.early_closes).insert(word.auction, word);
        }
        Ok(())
    }

    /// The seller's word that closed an auction before its closing time.
    fn early_close(&self, auction: &Digest) -> Option<EarlyClose> {
        lock(&self.early_closes).get(auction).copied()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept under these locks is changed in single steps: a panic leaves none half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answered(answer: AuctionAnswer) -> Answer {
    Answer::Auction(Box::new(answer))
}

fn declined(reason: AuctionDeclined) -> Answer {
    answered(AuctionAnswer::Declined(reason))
}

fn busy() -> Answer {
    Answer::Busy { retry_after: BUSY_MS }
}

/// The answer where the journal has decided nothing.
fn undecided(reason: NoOutcome) -> Answer {
    match reason {
        NoOutcome::Busy | NoOutcome::Ended => busy(),
        NoOutcome::Refused(error) => Answer::Declined(Declined::NotWritten(error.to_string())),
        NoOutcome::Unknown => Answer::Unknown,
    }
}

/// What was wrong with a chain: its first code that says so, or `Done`.
fn code_of(outcome: &crate::ledger::Outcome) -> Code {
    let mut codes = outcome.replies.iter().map(|reply| reply.code);
    let failed = |code: &Code| !matches!(code, Code::Done | Code::ChainFailed);
    codes.find(failed).unwrap_or(Code::Done)
}

/// Runs what takes time or waits for the disk on a thread for that. `None` where it died.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
