//! What the settlement server can be asked, and what it answers: the one vocabulary of both ends.
//!
//! The transport tells the server whose key asks, so no question is signed: an account is shown
//! to the holder of its owner's key and to the operator. What moves money is signed by itself,
//! and anybody may bring it. What is asked about the server's history stands in
//! [`witness::service`]; both vocabularies travel side by side ([`witness::service::Asked`]).

pub mod auctions;
mod forms;
pub mod physical;
pub mod purchases;
mod whole;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;
use serde::{Deserialize, Serialize};

use crate::journal::{Receipt, SignedHead};
use crate::ledger::{
    AccountId, Balances, Charter, CharterError, Code, Currency, Fate, HoldKey, Kind,
    MAX_ATTACHMENT_BYTES, MAX_CHAIN_REQUESTS, MAX_REQUEST_BYTES, RequestId,
};
use auctions::{AuctionAnswer, AuctionQuestion};
use purchases::{PurchaseAnswer, PurchaseQuestion};

pub use witness::service::{Answered, Asked};

/// Longest question, in bytes: a piece of encrypted goods, or a spec with listed prices.
pub const MAX_QUESTION: usize = (1 << 20) + (64 << 10);
/// Longest answer, in bytes: a receipt with the longest attachment, or a piece of goods.
pub const MAX_ANSWER: usize = (1 << 20) + 2 * MAX_ATTACHMENT_BYTES;
/// Most movements in one page of an account's history.
pub const MAX_PAGE: u32 = 256;

// What anybody may submit fits into a question.
const _: () = assert!(MAX_CHAIN_REQUESTS * (MAX_REQUEST_BYTES + 8) < MAX_QUESTION);
const _: () = assert!(2 * MAX_ATTACHMENT_BYTES < MAX_QUESTION);

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Question {
    /// Anyone: who are you?
    Hello,
    /// Anyone: here are signed requests that commit together or not at all, each as
    /// [`crate::ledger::SignedRequest::as_bytes`] gives it.
    Submit(#[serde(with = "whole::list")] Vec<Vec<u8>>),
    /// The owner or the operator: how does this account stand?
    Account(AccountId),
    /// The owner or the operator: the movements of this account, from this one on (0 is the
    /// oldest), at most so many ([`MAX_PAGE`]).
    History(AccountId, u64, u32),
    /// Who takes part in it, or the operator: what became of the request that the owner of this
    /// account gave this id?
    Request(AccountId, RequestId),
    /// The operator: up to which batch may a backup copy?
    Flushed,
    /// About an auction's payment.
    Auction(Box<AuctionQuestion>),
    /// About a purchase.
    Purchase(Box<PurchaseQuestion>),
    /// Anyone: here is the receipt of something that a restore has lost; take it back. May be
    /// repeated.
    Readmit(Box<Receipt>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Hello`].
    Hello(Box<Hello>),
    /// To [`Question::Submit`] and [`Question::Readmit`]: decided, now or earlier, and on the disk.
    Submitted(Box<Submitted>),
    /// To [`Question::Account`].
    Account(AccountView),
    /// To [`Question::History`].
    History(Page),
    /// To [`Question::Request`]; nothing where the id is not decided.
    Request(Option<Box<Standing>>),
    /// To [`Question::Flushed`]: a batch's number.
    Flushed(u64),
    /// To [`Question::Auction`].
    Auction(Box<AuctionAnswer>),
    /// The question cannot be answered now, and nothing was done: ask again later.
    Busy {
        /// After how long, in milliseconds.
        retry_after: u32,
    },
    /// To the same: the server stops, and whether anything was done is unknown. Ask
    /// again by id, or send the same bytes again, when it is back.
    Unknown,
    /// The question cannot be answered.
    Declined(Declined),
    /// To [`Question::Purchase`].
    Purchase(Box<PurchaseAnswer>),
}

/// Who the server says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the software.
    pub version: String,
    /// The server's clock.
    pub now: Time,
    /// Who has which authority.
    pub charter: CharterParts,
    /// The head over everything so far.
    pub head: SignedHead,
}

/// What a [`Charter`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharterParts {
    /// The key that signs heads and receipts.
    pub server: PublicKey,
    /// The key that signs deposits and withdrawals.
    pub operator: PublicKey,
    /// The key that owns every escrow account.
    pub postings: PublicKey,
    /// Most due holds that are swept at the start of one batch.
    pub expiries_per_batch: u32,
}

impl CharterParts {
    /// The charter of these parts.
    ///
    /// # Errors
    /// [`CharterError`] when they found no ledger.
    pub fn charter(&self) -> Result<Charter, CharterError> {
        Charter::new(self.server, self.operator, self.postings, self.expiries_per_batch)
    }
}

impl From<&Charter> for CharterParts {
    fn from(charter: &Charter) -> Self {
        Self {
            server: charter.server(),
            operator: charter.operator(),
            postings: charter.postings(),
            // A charter is made from 32 bits.
            expiries_per_batch: u32::try_from(charter.expiries_per_batch()).unwrap_or(u32::MAX),
        }
    }
}

/// What became of submitted requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// One result for each request, in order.
    pub results: Vec<RequestResult>,
    /// The receipt of the entry that decided them and nothing else, if there is one. An earlier
    /// one that holds more is asked for by id.
    pub receipt: Option<Box<Receipt>>,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestResult {
    /// What became of it.
    pub code: Code,
    /// The journal entry that decided it.
    pub entry: Option<u64>,
    /// Whether it was decided earlier.
    pub repeated: bool,
    /// The signing account's balances after it: for its owner and the operator alone.
    pub balances: Option<Balances>,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountId,
    /// Its owner.
    pub owner: PublicKey,
    /// What it is for.
    pub kind: Kind,
    /// Its currency.
    pub currency: Currency,
    /// Its balances.
    pub balances: Balances,
    /// The journal's time at that moment.
    pub time: Time,
}

/// Some of an account's movements, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// How many there are in all.
    pub total: u64,
    /// Those asked for; at most [`MAX_PAGE`].
    pub movements: Vec<Movement>,
}

/// One line of an account's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The journal entry.
    pub entry: u64,
    /// The entry's time.
    pub time: Time,
    /// What happened.
    pub kind: MovementKind,
    /// Whether money leaves this account or comes.
    pub side: Side,
    /// Minor units. Of a posted hold what was taken, of a voided one what was released.
    pub amount: u64,
    /// The account on the other side.
    pub other: AccountId,
    /// The account whose request this was.
    pub signed_by: AccountId,
    /// The request's id among those of that account.
    pub id: RequestId,
    /// What it was for.
    pub reference: Digest,
}

/// Which side of a movement an account is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Money leaves it.
    Debit,
    /// Money comes.
    Credit,
}

/// What moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MovementKind {
    /// Money moved from an owner's account to another.
    Post,
    /// Money was set aside until this moment.
    Hold {
        /// When it is released by itself.
        timeout: Time,
    },
    /// A hold was taken; what it held beyond the amount was released.
    PostHold(HoldKey),
    /// A hold was given up.
    VoidHold(HoldKey),
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdraw,
    /// The operator moved money back along a movement that was not rightful; the reference names
    /// it.
    Correct,
    /// Money moved from a buyer's account to a merchant's, and what was bought with it.
    Purchase,
}

/// What is known of a decided request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it was answered with, and is answered with for ever.
    pub code: Code,
    /// What its id stands for now.
    pub fate: Fate,
    /// Proof of the entry that decided it.
    pub receipt: Receipt,
}

/// Why a question was declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Declined {
    /// It is not shown to the asker, or does not exist: which of the two is not said.
    #[error(
        "there is no such account or request of yours: an account exists from its first deposit, \
         and is shown to the key that owns it"
    )]
    NotYours,
    /// Only the operator may ask this.
    #[error("the operator alone may ask this: ask with the operator's key")]
    OperatorOnly,
    /// No requests, or too many.
    #[error("got {0} requests, expected 1 to {MAX_CHAIN_REQUESTS}")]
    ChainLength(u64),
    /// Bytes that are no request that could ever be good.
    #[error("request {place}: {reason}")]
    Malformed {
        /// Its place in the chain, from 0.
        place: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// A signature does not hold for this ledger, or is missing.
    #[error("request {place}: {reason}; is it signed for this ledger?")]
    Unsigned {
        /// Its place in the chain, from 0.
        place: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// Money for an escrow account that no order explains.
    #[error("this pays into an auction's escrow account and would buy nothing: order a bond")]
    Stray,
    /// Nothing was done: the server takes nothing new, for want of disk.
    #[error("the server cannot write this: {0}")]
    NotWritten(String),
    /// What a receipt proves was not lost, by the server's word.
    #[error("{0}")]
    NotLost(String),
    /// What a receipt proves is not taken back.
    #[error("this is not taken back: {0}")]
    NotReadmitted(String),
}
