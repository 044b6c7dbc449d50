//! What is journaled beside the requests of an auction's payment: a tag, then the value.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::spec::EarlyClose;
use auction::wire::{WireError, decode, encode};
use serde::{Deserialize, Serialize};

use super::bond::BondOrder;
use super::physical::{PayoutRecord, Word};
use super::registration::{PhysicalRegistration, Registration};
use crate::ledger::{Attachment, HoldKey, MAX_ATTACHMENT_BYTES};
use crate::sealed_key::{SealedKey, SealingKey};

/// First bytes of the attachments of auctions; other first bytes belong to others.
pub const TAGS: std::ops::RangeInclusive<u8> = 1..=9;

const REGISTRATION: u8 = 1;
const BOND: u8 = 2;
const SALE: u8 = 3;
const NO_SALE: u8 = 4;
const VOID: u8 = 5;
const PHYSICAL_REGISTRATION: u8 = 6;
const PHYSICAL_SALE: u8 = 7;
const WORD: u8 = 8;
const PAYOUT: u8 = 9;

/// An attachment of an auction's payment.
#[derive(Debug, Clone, PartialEq)]
pub enum Attached {
    /// Beside the opening of the escrow account.
    Registration(Box<Registration>),
    /// Beside a bond's hold.
    Bond(BondOrder),
    /// Beside the postings of a sale.
    Sale(SaleRecord),
    /// Beside the decision that nothing is sold.
    NoSale(NoSaleRecord),
    /// Beside the decision that the auction is void.
    Void(VoidRecord),
    /// Beside the opening of the escrow account, where the goods are physical.
    PhysicalRegistration(Box<PhysicalRegistration>),
    /// Beside the taking of the price into escrow, where the goods are physical.
    PhysicalSale(SaleFacts),
    /// A dispatch or a dispute.
    Word(Word),
    /// Beside the postings that take the price of physical goods out of escrow.
    Payout(PayoutRecord),
}

/// Who pays what out of which bond, by which transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleFacts {
    /// The auction id.
    pub auction: Digest,
    /// The key that bid and won.
    pub winner: PublicKey,
    /// The winner's bond, of which the price was taken.
    pub hold: HoldKey,
    /// What the winner pays.
    pub price: Amount,
    /// What of it goes to the house; of physical goods, if the seller gets all of it.
    pub fee: Amount,
    /// The digest of the transcript that decided.
    pub transcript: Digest,
    /// The seller's word, where the auction was closed before its closing time.
    pub early_close: Option<EarlyClose>,
}

/// What a sale was, and the goods key for its winner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleRecord {
    /// The auction id.
    pub auction: Digest,
    /// The key that bid and won.
    pub winner: PublicKey,
    /// The winner's bond, of which the price was taken.
    pub hold: HoldKey,
    /// What the winner pays.
    pub price: Amount,
    /// What of it goes to the house.
    pub fee: Amount,
    /// The digest of the transcript that decided.
    pub transcript: Digest,
    /// The seller's word, where the auction was closed before its closing time.
    pub early_close: Option<EarlyClose>,
    /// The tree hash of the encrypted goods, as in the spec.
    pub checksum: Digest,
    /// The hash of the goods key, as in the spec.
    pub key_hash: Digest,
    /// What the goods key is sealed to: the delivery key of the winner's order.
    pub delivery: SealingKey,
    /// The goods key.
    pub key: SealedKey,
}

/// A transcript decided that nothing is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoSaleRecord {
    /// The auction id.
    pub auction: Digest,
    /// The digest of the transcript that decided.
    pub transcript: Digest,
    /// The seller's word, where the auction was closed before its closing time.
    pub early_close: Option<EarlyClose>,
}

/// V came before a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidRecord {
    /// The auction id.
    pub auction: Digest,
}

impl SaleRecord {
    /// The record without the goods.
    #[must_use]
    pub fn facts(&self) -> SaleFacts {
        SaleFacts {
            auction: self.auction,
            winner: self.winner,
            hold: self.hold,
            price: self.price,
            fee: self.fee,
            transcript: self.transcript,
            early_close: self.early_close,
        }
    }
}

impl Attached {
    /// The auction that it is about, as claimed.
    #[must_use]
    pub fn auction(&self) -> Digest {
        match self {
            Self::Registration(registration) => registration.spec.claimed_id(),
            Self::PhysicalRegistration(registration) => registration.spec.claimed_id(),
            Self::Bond(order) => order.terms().auction,
            Self::Sale(record) => record.auction,
            Self::PhysicalSale(sale) => sale.auction,
            Self::NoSale(record) => record.auction,
            Self::Void(record) => record.auction,
            Self::Word(word) => word.auction(),
            Self::Payout(record) => record.auction,
        }
    }

    /// The attachment's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, encoded) = match self {
            Self::Registration(value) => (REGISTRATION, encode(value)),
            Self::Bond(value) => (BOND, encode(value)),
            Self::Sale(value) => (SALE, encode(value)),
            Self::NoSale(value) => (NO_SALE, encode(value)),
            Self::Void(value) => (VOID, encode(value)),
            Self::PhysicalRegistration(value) => (PHYSICAL_REGISTRATION, encode(value)),
            Self::PhysicalSale(value) => (PHYSICAL_SALE, encode(value)),
            Self::Word(value) => (WORD, encode(value)),
            Self::Payout(value) => (PAYOUT, encode(value)),
        };
        let mut bytes = vec![tag];
        #[expect(
            clippy::expect_used,
            reason = "encoding into memory fails only where a value's own Serialize does, and \
                      these are derived"
        )]
        bytes.extend(encoded.expect("derived"));
        bytes
    }

    /// Reads an attachment; nothing, where it is none of an auction's.
    ///
    /// # Errors
    /// [`WireError`] when the tag is an auction's and the rest is not what it says.
    pub fn read(attachment: &Attachment) -> Result<Option<Self>, WireError> {
        Self::read_bytes(attachment.as_bytes())
    }

    /// Reads an attachment out of a receipt.
    ///
    /// # Errors
    /// As [`Attached::read`].
    pub fn read_bytes(bytes: &[u8]) -> Result<Option<Self>, WireError> {
        let Some((tag, body)) = bytes.split_first() else { return Ok(None) };
        let limit = MAX_ATTACHMENT_BYTES;
        Ok(Some(match *tag {
            REGISTRATION => Self::Registration(Box::new(decode(body, limit)?)),
            BOND => Self::Bond(decode(body, limit)?),
            SALE => Self::Sale(decode(body, limit)?),
            NO_SALE => Self::NoSale(decode(body, limit)?),
            VOID => Self::Void(decode(body, limit)?),
            PHYSICAL_REGISTRATION => Self::PhysicalRegistration(Box::new(decode(body, limit)?)),
            PHYSICAL_SALE => Self::PhysicalSale(decode(body, limit)?),
            WORD => Self::Word(decode(body, limit)?),
            PAYOUT => Self::Payout(decode(body, limit)?),
            _ => return Ok(None),
        }))
    }
}
