//! The auctions' part of the server: goods and keys in escrow, bonds, settling, physical goods.
//! SETTLEMENT, sections "An auction's payment" and "Physical goods".
//!
//! What is decided is in the journal, and the index that follows from it; nothing here has to be
//! saved but four folders: `vault` with the escrow keys of undecided auctions, `goods` with the
//! encrypted goods, `transcripts` with what decided, `closed-early` with sellers' words until then.

mod bonds;
mod decide;
mod deposits;
mod early_closes;
mod fetching;
mod goods_store;
mod handing_in;
mod one_at_a_time;
mod physical;
mod proving;
mod release;
mod room;
mod settle;
mod transcripts;
mod turns;
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
use crate::auctions::{Index, Postings, Proven};
use crate::ledger::{Chain, Charter, Code, Entry};
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, AuctionQuestion};
use crate::service::{Answer, Declined};
use crate::writer::NoOutcome;
use deposits::Deposit;
use early_closes::EarlyCloses;
use goods_store::GoodsStore;
use handing_in::HandingIn;
use one_at_a_time::OneAtATime;
use transcripts::Transcripts;
use turns::Turns;
use vault::Vault;

pub(crate) use room::Limits;
pub use transcripts::kept_transcript;

/// After how many milliseconds who found something under way should ask again.
const BUSY_MS: u32 = 200;
/// Transcripts that are fetched at a time, and those of one seller's auctions. Each takes a socket
/// and a file, and of memory one piece.
const FETCHES: (usize, usize) = (32, 2);
/// Transcripts of one seller's auctions that are verified at a time, each wholly in memory; of all
/// as many as the machine runs threads at a time.
const VERIFIED_OF_A_SELLER: usize = 1;
/// How long goods are served after T, in milliseconds (30 days).
const RETENTION_MS: u64 = 30 * 24 * 3600 * 1000;

/// The auctions of a server.
pub(crate) struct Auctions {
    charter: Charter,
    server: SecretKey,
    postings: Postings,
    limits: Limits,
    clock: Arc<dyn Clock>,
    index: Mutex<Index>,
    vault: Vault,
    goods: GoodsStore,
    transcripts: Transcripts,
    deposits: Mutex<HashMap<Digest, Arc<Deposit>>>,
    /// Auctions without a deposit that are on their way to the journal, and their sellers.
    registering: Mutex<HashMap<Digest, PublicKey>>,
    /// Auction keys whose bonds are on their way to the journal.
    bonding: OneAtATime<(Digest, PublicKey)>,
    /// Auctions about which a word is on its way there: the next one is decided after it.
    hearing: OneAtATime<Digest>,
    checks: Semaphore,
    fetching: Turns,
    verifying: Turns,
    /// What is proven about auctions that are not decided.
    proofs: Mutex<HashMap<Digest, Proven>>,
    /// Held while a transcript that was verified is put where it stays.
    keeping: tokio::sync::Mutex<()>,
    handing_in: HandingIn,
    /// Why an auction is not settled yet, and who waits to be told to try again.
    troubles: Mutex<HashMap<Digest, String>>,
    hurries: Mutex<HashMap<Digest, Arc<Notify>>>,
    early_closes: EarlyCloses,
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
        limits: Limits,
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
            registering: Mutex::default(),
            bonding: OneAtATime::default(),
            hearing: OneAtATime::default(),
            checks: Semaphore::new(at_a_time),
            fetching: Turns::new(FETCHES.0, FETCHES.1),
            verifying: Turns::new(at_a_time, VERIFIED_OF_A_SELLER),
            proofs: Mutex::default(),
            keeping: tokio::sync::Mutex::default(),
            handing_in: HandingIn::default(),
            troubles: Mutex::default(),
            hurries: Mutex::default(),
            early_closes: EarlyCloses::open(dir)?,
        })
    }

    /// Learns an entry of the journal. They come in order, each once, after their flush.
    pub(crate) fn learn(&self, number: u64, time: Time, entry: &Entry) {
        self.index().learn(number, time, entry);
    }

    /// Cleans up after a kill, once all that the journal holds is learnt and before anybody is
    /// served: escrow keys of auctions that are decided, or were never registered, go, and so do
    /// words that closed them.
    ///
    /// # Errors
    /// [`ServerError::File`].
    pub(crate) fn ready(&self) -> Result<(), ServerError> {
        let undecided: HashSet<Digest> = {
            let index = self.index();
            let open = index.auctions().filter(|state| state.decided().is_none());
            let escrowed = open.filter(|state| state.registered().key_in_escrow().is_some());
            escrowed.map(|state| state.registered().id()).collect()
        };
        let kept: HashSet<Digest> = self.vault.auctions()?.into_iter().collect();
        for auction in kept.difference(&undecided) {
            self.vault.destroy(auction)?;
        }
        for auction in undecided.difference(&kept) {
            tracing::error!(%auction, "the escrow key is missing: put its file back into the vault");
        }
        let index = self.index();
        self.early_closes.load(|word| {
            let state = index.auction(&word.auction).filter(|state| state.decided().is_none());
            state.is_some_and(|state| word.verify(state.registered().spec()).is_ok())
        })
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
                    && let Err(wrong) = self.hear_early_close(word).await
                {
                    return declined(wrong);
                }
                self.hurry(&auction);
                self.standing(&auction)
            }
            AuctionQuestion::Receipt(auction) => self.receipt(desk, asker, &auction).await,
            AuctionQuestion::Register(spec) => self.register(desk, asker, *spec).await,
            AuctionQuestion::Word(word) => self.hear(desk, *word).await,
            AuctionQuestion::Delivery(auction) => self.delivery(asker, &auction),
            AuctionQuestion::DeliveryReceipt(auction, place) => {
                self.delivery_receipt(desk, asker, &auction, place).await
            }
            AuctionQuestion::HandIn(piece) => self.hand_in(asker, piece).await,
        }
    }

    /// Takes the seller's word for an auction that is registered here; it is on the disk when this
    /// returns.
    async fn hear_early_close(self: &Arc<Self>, word: EarlyClose) -> Result<(), AuctionDeclined> {
        {
            let index = self.index();
            let state = index.auction(&word.auction).ok_or(AuctionDeclined::Unknown)?;
            word.verify(state.registered().spec())
                .map_err(|error| AuctionDeclined::EarlyClose(error.to_string()))?;
            if state.decided().is_some() || self.early_close(&word.auction).is_some() {
                return Ok(());
            }
        }
        let this = Arc::clone(self);
        match aside(move || this.early_closes.keep(word)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(auction = %word.auction, %error, "a seller's word cannot be kept");
                Err(AuctionDeclined::Disk)
            }
            None => Err(AuctionDeclined::Disk),
        }
    }

    /// The seller's word that closed an auction before its closing time.
    fn early_close(&self, auction: &Digest) -> Option<EarlyClose> {
        self.early_closes.get(auction)
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
