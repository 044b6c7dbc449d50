//! What can be asked about an auction's payment. SETTLEMENT, section "An auction's payment".

use auction::bid::BondTicket;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::settlement_terms::EscrowReceipt;
use auction::spec::{EarlyClose, SignedSpec, Time};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::physical::DeliveryView;
use super::whole;
use crate::auctions::BondOrder;
use crate::auctions::physical::{Place, Word};
use crate::goods::GoodsKey;
use crate::journal::Receipt;
use crate::ledger::Code;

/// Longest piece of encrypted goods or of a transcript in one question or answer, in bytes.
pub const PIECE_BYTES: usize = 256 << 10;

/// A question about an auction's payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AuctionQuestion {
    /// The seller: would you take the payment of this auction? May be asked any number of times.
    Deposit(Box<SignedSpec>),
    /// The seller, after [`AuctionQuestion::Deposit`]: here is a piece of the encrypted goods.
    Piece {
        /// The auction.
        auction: Digest,
        /// How many bytes come before it.
        offset: u64,
        /// The bytes, at most [`PIECE_BYTES`].
        #[serde(with = "whole::bytes")]
        bytes: Vec<u8>,
    },
    /// The seller, after the last piece: here is the goods key. Give me your receipt.
    Escrow(Digest, KeyInTransit),
    /// Anyone: how does the payment of this auction stand?
    Standing(Digest),
    /// Anyone: the encrypted goods, from this byte on.
    Goods(Digest, u64),
    /// A bidder: hold my bond.
    Bond(Box<BondOrder>),
    /// Anyone: the accumulators have a transcript; go and see. Before the closing time with the
    /// seller's word that closed the auction.
    Settle(Digest, Option<EarlyClose>),
    /// The winner, the seller, the house or the operator: the receipt of the sale. Anyone: the
    /// receipt of another decision.
    Receipt(Digest),
    /// The seller of physical goods: take the payment of this auction. May be asked any number of
    /// times.
    Register(Box<SignedSpec>),
    /// Anyone: here is a word about physical goods. Who signed it counts, not who brings it.
    Word(Box<Word>),
    /// A side of the sale, the dispatcher, the arbiter or the operator: how do the physical goods
    /// stand?
    Delivery(Digest),
    /// The same: the receipt of what was said or paid. That of a payout names accounts: the
    /// dispatcher and the arbiter are not shown it.
    DeliveryReceipt(Digest, Place),
    /// Anyone, once an auction is closed: here is a piece of its transcript, so that the server
    /// need not wait for the accumulators.
    HandIn(TranscriptPiece),
}

/// A piece of a transcript file that is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptPiece {
    /// The auction.
    pub auction: Digest,
    /// The length of the whole file.
    pub total: u64,
    /// How many bytes come before the piece.
    pub offset: u64,
    /// The bytes, one to [`PIECE_BYTES`].
    pub bytes: Vec<u8>,
}

/// An answer to an [`AuctionQuestion`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AuctionAnswer {
    /// To [`AuctionQuestion::Deposit`], [`AuctionQuestion::Piece`] and [`AuctionQuestion::HandIn`]:
    /// so many bytes are there.
    Have(u64),
    /// To [`AuctionQuestion::Escrow`] and, once that is done, to [`AuctionQuestion::Deposit`]; to
    /// [`AuctionQuestion::Register`].
    Escrowed(EscrowReceipt),
    /// To [`AuctionQuestion::Standing`] and [`AuctionQuestion::Settle`]; to
    /// [`AuctionQuestion::HandIn`] once a transcript is proven, this one or another.
    Standing(Box<Standing>),
    /// To [`AuctionQuestion::Goods`]: their length, and the piece.
    Goods {
        /// Bytes in all.
        total: u64,
        /// At most [`PIECE_BYTES`] of them.
        #[serde(with = "whole::bytes")]
        bytes: Vec<u8>,
    },
    /// To [`AuctionQuestion::Bond`]: the bond is held.
    Ticket(Box<BondTicket>),
    /// To [`AuctionQuestion::Receipt`]; nothing before the decision. To
    /// [`AuctionQuestion::DeliveryReceipt`]; nothing where nothing was said.
    Receipt(Option<Box<Receipt>>),
    /// The question cannot be answered.
    Declined(AuctionDeclined),
    /// To [`AuctionQuestion::Word`]: the journal holds it, by now or from before.
    Heard {
        /// The journal entry.
        entry: u64,
        /// The entry's time.
        time: Time,
    },
    /// To [`AuctionQuestion::Delivery`].
    Delivery(Box<DeliveryView>),
}

/// A goods key on its way to the server; the link encrypts it. Not printed, erased when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct KeyInTransit([u8; 32]);

impl From<&GoodsKey> for KeyInTransit {
    fn from(key: &GoodsKey) -> Self {
        Self(*key.expose())
    }
}

impl KeyInTransit {
    /// The key that arrived.
    #[must_use]
    pub fn key(&self) -> GoodsKey {
        GoodsKey::from_bytes(&self.0)
    }
}

impl std::fmt::Debug for KeyInTransit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyInTransit(..)")
    }
}

/// How the payment of an auction stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The journal entry that registered it.
    pub registered: u64,
    /// Bonds are taken before this moment.
    pub closing: Time,
    /// V: a transcript decides before this moment, and none does after it.
    pub decided_by: Time,
    /// T: bonds are held until this moment at the latest.
    pub held_until: Time,
    /// What has been decided.
    pub stage: Stage,
}

/// How far the payment of an auction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Bonds are taken.
    Open,
    /// Closed; the transcript is waited for.
    Settling {
        /// Why there is no decision yet, as far as it is known.
        because: Option<String>,
    },
    /// Decided.
    Decided {
        /// The journal entry of the decision.
        entry: u64,
        /// What it was.
        decision: DecisionView,
        /// Bonds that are still to be released.
        holds_left: u64,
    },
}

/// A decision, as everyone may see it: no more than the transcript shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionView {
    /// Sold.
    Sale {
        /// The key that bid and won.
        winner: PublicKey,
        /// What the winner pays.
        price: Amount,
        /// What of it goes to the house.
        fee: Amount,
        /// The digest of the transcript that decided.
        transcript: Digest,
    },
    /// Nothing sold.
    NoSale {
        /// The digest of the transcript that decided.
        transcript: Digest,
    },
    /// No transcript came in time.
    Void,
    /// The server's journal does not say what was decided: it is damaged.
    Unreadable,
    /// Sold, and the price paid into escrow. What becomes of it is for the sides to know.
    PhysicalSale {
        /// The key that bid and won.
        winner: PublicKey,
        /// What the winner has paid.
        price: Amount,
        /// What of it goes to the house if the seller gets all of it.
        fee: Amount,
        /// The digest of the transcript that decided.
        transcript: Digest,
    },
}

/// Why a question about an auction's payment was declined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum AuctionDeclined {
    /// The server has not taken it.
    #[error("this settlement server does not take the payment of such an auction")]
    Unknown,
    /// Only the seller may deposit.
    #[error("the seller alone may deposit the goods of an auction: ask with the seller's key")]
    SellerOnly,
    /// No [`AuctionQuestion::Deposit`] before, or before the server was started again.
    #[error("no deposit is under way for this auction: show its spec first")]
    NoDeposit,
    /// The server does not take the auction.
    #[error("the server does not take this auction: {0}")]
    Spec(String),
    /// The word is not the seller's.
    #[error("the auction is not closed by this word: {0}")]
    EarlyClose(String),
    /// More goods than the server keeps.
    #[error("the goods have {got} bytes and this server takes {most} at most")]
    GoodsTooLong {
        /// The spec's.
        got: u64,
        /// The server's limit.
        most: u64,
    },
    /// Goods or key are not what the spec names.
    #[error("the deposited goods are not those of the spec: {0}; deposit them again")]
    Goods(String),
    /// More or other bytes than were to come.
    #[error("this piece does not go on where the last one ended, is empty, or goes too far")]
    Piece,
    /// The order for a bond is wrong.
    #[error("{0}")]
    Order(String),
    /// The auction takes no bonds any more.
    #[error("the auction takes no bonds any more")]
    Closed,
    /// Another order made a bond for this auction key.
    #[error("this auction key is bonded already, by another order: make a new key")]
    Bonded,
    /// The ledger refused the hold; where that is final the order can never be taken.
    #[error("the ledger refused the bond: {0:?}")]
    Refused(Code),
    /// The receipt is not shown to the asker.
    #[error("the receipt of a sale is shown to its winner, the seller, the house and the operator")]
    NotYours,
    /// The server's disk.
    #[error("the server cannot read or write what it needs for this: tell its operator")]
    Disk,
    /// No physical goods were sold there.
    #[error("no physical goods were sold in this auction, or not yet")]
    NotSold,
    /// The word says nothing, or comes at the wrong time.
    #[error("{0}")]
    Word(String),
    /// A transcript before bids have ended.
    #[error("the auction closes at {} ms and no word of its seller has closed it before: a \
             transcript counts from then on", .0.0)]
    NotClosed(Time),
    /// No transcript of this auction is so long.
    #[error("the transcript has {got} bytes, and one of this auction {most} at most")]
    TranscriptTooLong {
        /// What was to be handed in.
        got: u64,
        /// The most by the auction's terms.
        most: u64,
    },
    /// What was handed in is no transcript that decides this auction.
    #[error("the transcript proves nothing: {0}; hand in another one")]
    Transcript(String),
    /// The seller has as many auctions open as one may.
    #[error(
        "you have {0} auctions here that are not decided, which is as many as this server \
             takes of a seller: wait until one of them is decided"
    )]
    AuctionsOfSeller(u64),
    /// The server has as many auctions open as it takes.
    #[error(
        "the server has {0} auctions that are not decided, which is as many as it takes: try \
             again when one of them is decided, or another server"
    )]
    AuctionsOfAll(u64),
    /// The seller's goods take as much room as one's may.
    #[error(
        "your goods here would take {got} bytes and this server keeps {most} of a seller: \
             those of an auction go 30 days after its bonds end"
    )]
    GoodsOfSeller {
        /// With these.
        got: u64,
        /// The server's limit.
        most: u64,
    },
    /// All goods take as much room as they may.
    #[error(
        "there is no room for these goods now: the server keeps {most} bytes, and with them it \
             would be {got}; try again later, or another server"
    )]
    GoodsOfAll {
        /// With these.
        got: u64,
        /// The server's limit.
        most: u64,
    },
}
