//! What is journaled beside a purchase: a tag, the offer, and the goods key in the safe.

use super::offer::{Delivery, Offer, OfferError};
use super::safe::SealedGoodsKey;
use crate::ledger::Attachment;

/// First bytes of the attachments of purchases; other first bytes belong to others.
pub const TAGS: std::ops::RangeInclusive<u8> = 32..=40;

const WITH_KEY: u8 = 32;
const WITH_ITEM: u8 = 33;

/// An attachment of a purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseRecord {
    /// What was bought.
    pub offer: Offer,
    /// The goods key; none where the server holds the item itself.
    pub key: Option<SealedGoodsKey>,
}

/// Why an attachment with a purchase's tag cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Too short, or of a kind that does not exist.
    #[error("not the record of a purchase")]
    Malformed,
    /// The offer in it.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// A key for an item that the server holds, or none for encrypted goods.
    #[error("the record has no goods key where the offer names one, or the other way round")]
    OtherDelivery,
}

impl PurchaseRecord {
    /// The attachment's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        record(&self.offer, self.key.as_ref())
    }

    /// Whether bytes are said to be the record of an item that the server holds.
    pub(crate) fn is_of_item(bytes: &[u8]) -> bool {
        bytes.first() == Some(&WITH_ITEM)
    }

    /// Reads an attachment; nothing, where it is none of a purchase.
    ///
    /// # Errors
    /// [`RecordError`] when the tag is a purchase's and the rest is not what it says.
    pub fn read(attachment: &Attachment) -> Result<Option<Self>, RecordError> {
        Self::read_bytes(attachment.as_bytes())
    }

    /// Reads an attachment out of a receipt.
    ///
    /// # Errors
    /// As [`PurchaseRecord::read`].
    pub fn read_bytes(bytes: &[u8]) -> Result<Option<Self>, RecordError> {
        let Some((tag, body)) = bytes.split_first() else { return Ok(None) };
        let (offer, key) = match *tag {
            WITH_KEY => {
                let split = body.split_last_chunk::<{ SealedGoodsKey::BYTES }>();
                let (offer, sealed) = split.ok_or(RecordError::Malformed)?;
                (offer, Some(SealedGoodsKey::from_bytes(*sealed)))
            }
            WITH_ITEM => (body, None),
            other if TAGS.contains(&other) => return Err(RecordError::Malformed),
            _ => return Ok(None),
        };
        let offer = Offer::decode(offer.to_vec())?;
        let encrypted = matches!(offer.terms().delivery, Delivery::Encrypted(_));
        if encrypted != key.is_some() {
            return Err(RecordError::OtherDelivery);
        }
        Ok(Some(Self { offer, key }))
    }
}

/// The bytes of a record.
pub(super) fn record(offer: &Offer, key: Option<&SealedGoodsKey>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + offer.as_bytes().len() + SealedGoodsKey::BYTES);
    bytes.push(if key.is_some() { WITH_KEY } else { WITH_ITEM });
    bytes.extend_from_slice(offer.as_bytes());
    bytes.extend(key.iter().flat_map(|key| *key.as_bytes()));
    bytes
}
