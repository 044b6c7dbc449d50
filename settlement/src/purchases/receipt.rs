//! Receipts of purchases: what either side keeps, shows, and gets again from the server at any
//! time. SETTLEMENT, section "Purchase of digital goods", steps g and h.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;
use auction::wire::{WireError, decode, encode};

use super::offer::{Delivery, Offer};
use super::order::{OrderKey, OrderRefused, agree, key_of};
use super::record::{PurchaseRecord, RecordError};
use crate::goods::GoodsKey;
use crate::journal::{Receipt, Unproven};
use crate::ledger::{Authority, Charter, Code, MAX_ATTACHMENT_BYTES, Unverified};

/// First bytes of a receipt's file, its format version last.
const MAGIC: &[u8; 8] = b"gavelPR\x01";
/// Longest file of a receipt, in bytes: an entry with the longest attachment, and its path.
pub const MAX_RECEIPT_BYTES: usize = 2 * MAX_ATTACHMENT_BYTES;
const WITHOUT_KEY: u8 = 0;
const WITH_KEY: u8 = 1;

/// The server's proof that a purchase stands in its journal, and the goods key. Without the key
/// it is what may be shown to everybody: it proves the payment, and the offer in it names
/// `hash(K)`.
#[derive(PartialEq, Eq)]
pub struct PurchaseReceipt {
    receipt: Receipt,
    key: Option<GoodsKey>,
}

/// What a receipt proves: paid, by whom, to whom, how much, for what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidPurchase {
    /// What was bought.
    pub offer: Offer,
    /// The purchase's name.
    pub key: OrderKey,
    /// The hash of what the customer signed.
    pub content: Digest,
    /// The journal entry.
    pub entry: u64,
    /// Its time.
    pub time: Time,
}

/// Why a receipt proves no purchase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPurchase {
    /// Not the file of a receipt.
    #[error("not a receipt of a purchase")]
    NotAFile,
    /// A file that is damaged.
    #[error("the receipt is damaged: {0}")]
    Wire(#[from] WireError),
    /// The server's word does not hold.
    #[error("the receipt: {0}")]
    Unproven(#[from] Unproven),
    /// It proves that nothing was paid.
    #[error("the receipt is of a refusal ({0:?}): nothing was paid")]
    Refused(Code),
    /// It proves something else.
    #[error("the receipt is of something else than a purchase")]
    Other,
    /// The server journaled what nobody signed so.
    #[error("the server journaled an order that is not signed so: {0}")]
    Unsigned(#[from] Unverified),
    /// Somebody else than the merchant countersigned.
    #[error("the server took an order that another key than the merchant's countersigned")]
    NotTheMerchant,
    /// The server took an order that is not the offer's.
    #[error("the server took an order that does not fit the offer beside it: {0}")]
    Order(#[from] OrderRefused),
    /// The server's record cannot be read.
    #[error("the server's record of the purchase: {0}")]
    Record(#[from] RecordError),
    /// A key that is not the one that was paid for.
    #[error("the goods key with the receipt is not the one that was paid for")]
    OtherKey,
}

impl PurchaseReceipt {
    /// A receipt as received.
    #[must_use]
    pub fn new(receipt: Receipt, key: Option<GoodsKey>) -> Self {
        Self { receipt, key }
    }

    /// The server's proof.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The goods key that came with it.
    #[must_use]
    pub fn key(&self) -> Option<&GoodsKey> {
        self.key.as_ref()
    }

    /// The form that may be shown to everybody.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self { receipt: self.receipt.clone(), key: None }
    }

    /// Verifies everything: head and path, both signatures, every field of the order against the
    /// offer, and the key against the hash in it.
    ///
    /// # Errors
    /// [`NotAPurchase`] says what does not hold.
    pub fn verify(&self, charter: &Charter) -> Result<PaidPurchase, NotAPurchase> {
        let proven = self.receipt.verify(charter)?;
        let record = proven.attachment.as_deref().map(PurchaseRecord::read_bytes).transpose()?;
        let [order] = proven.requests.as_slice() else { return Err(NotAPurchase::Other) };
        let key = key_of(order.request()).ok_or(NotAPurchase::Other)?;
        if let Some(code) = proven.codes.iter().find(|code| **code != Code::Done) {
            return Err(NotAPurchase::Refused(*code));
        }
        let offer = record.flatten().ok_or(NotAPurchase::Other)?.offer;
        let signer = order.signer();
        agree(order.request(), &signer, &offer)?;
        let verified = order.clone().verify(charter)?;
        match verified.authority() {
            Authority::OwnerAndPayee { payee, .. } if payee == offer.terms().merchant => {}
            _ => return Err(NotAPurchase::NotTheMerchant),
        }
        let key_hash = match offer.terms().delivery {
            Delivery::Encrypted(goods) => Some(goods.key_hash),
            Delivery::Held(_) => None,
        };
        if self.key.as_ref().is_some_and(|key| Some(key.hash()) != key_hash) {
            return Err(NotAPurchase::OtherKey);
        }
        let (content, entry, time) = (verified.content(), self.receipt.number, proven.time);
        Ok(PaidPurchase { offer, key, content, entry, time })
    }

    /// The bytes of its file. They hold the goods key, where it is there.
    ///
    /// # Errors
    /// [`WireError`] when it cannot be encoded; never a receipt that was read.
    pub fn to_bytes(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, WireError> {
        let encoded = encode(&self.receipt)?;
        // Room for all of it at once: what grows leaves copies behind.
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(41 + encoded.len()));
        bytes.extend_from_slice(MAGIC);
        match &self.key {
            None => bytes.push(WITHOUT_KEY),
            Some(key) => {
                bytes.push(WITH_KEY);
                bytes.extend_from_slice(key.expose());
            }
        }
        bytes.extend_from_slice(&encoded);
        Ok(bytes)
    }

    /// Reads a file; nothing in it is verified.
    ///
    /// # Errors
    /// [`NotAPurchase::NotAFile`] and [`NotAPurchase::Wire`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAPurchase> {
        let body = bytes.strip_prefix(MAGIC).ok_or(NotAPurchase::NotAFile)?;
        let (key, encoded) = match body.split_first() {
            Some((&WITHOUT_KEY, rest)) => (None, rest),
            Some((&WITH_KEY, rest)) => {
                let (key, rest) = rest.split_first_chunk().ok_or(NotAPurchase::NotAFile)?;
                (Some(GoodsKey::from_bytes(key)), rest)
            }
            _ => return Err(NotAPurchase::NotAFile),
        };
        Ok(Self { receipt: decode(encoded, MAX_RECEIPT_BYTES)?, key })
    }
}

impl PaidPurchase {
    /// Who paid.
    #[must_use]
    pub fn customer(&self) -> PublicKey {
        self.offer.terms().customer
    }

    /// Who was paid.
    #[must_use]
    pub fn merchant(&self) -> PublicKey {
        self.offer.terms().merchant
    }
}

impl std::fmt::Debug for PurchaseReceipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PurchaseReceipt({:?}, key: {})", self.receipt, self.key.is_some())
    }
}
