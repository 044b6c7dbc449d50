//! From order, offer and key to the chain that moves the money and keeps the key. SETTLEMENT,
//! section "Purchase of digital goods", step g.
//!
//! Two signatures are checked: the customer's on the order and the merchant's under it. The
//! merchant's own signature on the offer would say nothing more, since the order that he
//! countersigned names the offer's hash.

use auction::layout::Digest;
use auction::spec::Time;

use super::offer::{Delivery, HeldItem, Offer, OfferError};
use super::order::{OrderKey, OrderRefused, agree, key_of};
use super::record::record;
use super::safe::Safe;
use crate::goods::GoodsKey;
use crate::ledger::{
    Authority, Chain, Charter, RequestError, SignedRequest, Unverified, VerifiedRequest,
};
use crate::signatures::Keyring;

/// What a merchant brings.
pub struct Submission {
    /// The order with both signatures.
    pub order: Vec<u8>,
    /// The offer that it names.
    pub offer: Vec<u8>,
}

/// What the customer gets for his money.
pub enum Delivered {
    /// The key to the encrypted goods.
    Key(GoodsKey),
    /// An item that this server holds.
    Item(StoredItem),
}

/// An item that lies whole, checked and flushed on the server's disk. Only its store makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredItem(HeldItem);

/// A purchase that is in order in everything that does not depend on the ledger's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    key: OrderKey,
    content: Digest,
    chain: Chain,
}

/// Why nothing is bought: always the fault of whoever brought it. Nothing of it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseRefused {
    /// The offer is none.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// The offer is for another server or ledger.
    #[error("the offer is for another settlement server or ledger")]
    Elsewhere,
    /// The order is none.
    #[error("the order: {0}")]
    Malformed(#[from] RequestError),
    /// The order does not fit the offer.
    #[error(transparent)]
    Order(#[from] OrderRefused),
    /// A signature does not hold, or is missing.
    #[error("the order: {0}")]
    Unsigned(#[from] Unverified),
    /// Somebody else than the merchant countersigned.
    #[error("the order is countersigned by another key than the offer's merchant")]
    NotTheMerchant,
    /// The key is not the offered one, or what was brought is not what was offered.
    #[error("the goods key is not the one that the offer names")]
    OtherGoods,
}

impl std::fmt::Debug for Delivered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key(..)"),
            Self::Item(stored) => f.debug_tuple("Item").field(stored).finish(),
        }
    }
}

impl StoredItem {
    /// An item that the server's store has checked and flushed.
    pub(crate) fn new(item: HeldItem) -> Self {
        Self(item)
    }

    /// The item.
    #[must_use]
    pub fn item(&self) -> HeldItem {
        self.0
    }
}

impl Purchase {
    /// Its name: under it the ledger finds it ever after.
    #[must_use]
    pub fn key(&self) -> OrderKey {
        self.key
    }

    /// The hash of what the customer signed.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.content
    }

    /// What the ledger is to decide.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What the ledger is to decide.
    #[must_use]
    pub fn into_chain(self) -> Chain {
        self.chain
    }
}

/// g Decides all that can be decided without the ledger: that the order is the offer's in every
/// field, that the key is the offer's, and that customer and merchant signed. What remains, that
/// the accounts are theirs and hold enough, that the id is new and that the order is in time, is
/// the ledger's, in one step with the payment.
///
/// # Errors
/// [`PurchaseRefused`] names the first thing that is wrong.
pub fn decide(
    submission: Submission,
    delivered: &Delivered,
    charter: &Charter,
    safe: &Safe,
) -> Result<Purchase, PurchaseRefused> {
    decide_by(submission, delivered, charter, safe, |order| order.verify(charter))
}

/// The same by one of the server's own threads, with the keys that it keeps.
pub(crate) fn decide_with(
    submission: Submission,
    delivered: &Delivered,
    charter: &Charter,
    safe: &Safe,
    keyring: &mut Keyring,
) -> Result<Purchase, PurchaseRefused> {
    decide_by(submission, delivered, charter, safe, |order| order.verify_with(charter, keyring))
}

fn decide_by(
    submission: Submission,
    delivered: &Delivered,
    charter: &Charter,
    safe: &Safe,
    verify: impl FnOnce(SignedRequest) -> Result<VerifiedRequest, Unverified>,
) -> Result<Purchase, PurchaseRefused> {
    let (offer, order) = read(submission, charter)?;
    let key = match (offer.terms().delivery, delivered) {
        (Delivery::Encrypted(goods), Delivered::Key(key)) if key.check(&goods.key_hash).is_ok() => {
            Some(key)
        }
        (Delivery::Held(held), Delivered::Item(stored)) if stored.item() == held => None,
        _ => return Err(PurchaseRefused::OtherGoods),
    };
    // The dearest last.
    let verified = verify(order)?;
    let content = verified.content();
    match verified.authority() {
        Authority::OwnerAndPayee { payee, .. } if payee == offer.terms().merchant => {}
        _ => return Err(PurchaseRefused::NotTheMerchant),
    }
    let name = key_of(verified.request()).ok_or(PurchaseRefused::OtherGoods)?;
    let sealed = key.map(|key| safe.seal(&content, key));
    let chain = Chain::new(vec![verified], Some(record(&offer, sealed.as_ref())));
    // One request with an attachment of 2 KiB at most.
    let chain = chain.map_err(|_| PurchaseRefused::Offer(OfferError::Malformed))?;
    Ok(Purchase { key: name, content, chain })
}

/// Case 3: the item that a submission needs the server to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemWanted {
    /// The item.
    pub item: HeldItem,
    /// The offer.
    pub offer: Offer,
    /// The order's name.
    pub order: OrderKey,
    /// The hash of what the customer signed.
    pub content: Digest,
    /// Until when the order is good.
    pub until: Time,
}

/// Case 3: which item a submission needs the server to hold, once it is in order in everything
/// else but the ledger's state. Whoever cannot show a signed and countersigned order fills no disk.
///
/// # Errors
/// As [`decide`].
pub fn item_wanted(
    submission: Submission,
    charter: &Charter,
) -> Result<ItemWanted, PurchaseRefused> {
    item_wanted_by(submission, charter, |order| order.verify(charter))
}

/// The same by one of the server's own threads, with the keys that it keeps.
pub(crate) fn item_wanted_with(
    submission: Submission,
    charter: &Charter,
    keyring: &mut Keyring,
) -> Result<ItemWanted, PurchaseRefused> {
    item_wanted_by(submission, charter, |order| order.verify_with(charter, keyring))
}

fn item_wanted_by(
    submission: Submission,
    charter: &Charter,
    verify: impl FnOnce(SignedRequest) -> Result<VerifiedRequest, Unverified>,
) -> Result<ItemWanted, PurchaseRefused> {
    let (offer, order) = read(submission, charter)?;
    let Delivery::Held(item) = offer.terms().delivery else {
        return Err(PurchaseRefused::OtherGoods);
    };
    let verified = verify(order)?;
    match verified.authority() {
        Authority::OwnerAndPayee { payee, .. } if payee == offer.terms().merchant => {}
        _ => return Err(PurchaseRefused::NotTheMerchant),
    }
    let order = key_of(verified.request()).ok_or(PurchaseRefused::OtherGoods)?;
    let (content, until) = (verified.content(), verified.request().until);
    Ok(ItemWanted { item, offer, order, content, until })
}

/// Reads offer and order, and compares them.
fn read(
    submission: Submission,
    charter: &Charter,
) -> Result<(Offer, SignedRequest), PurchaseRefused> {
    let offer = Offer::decode(submission.offer)?;
    if !offer.terms().is_for(charter) {
        return Err(PurchaseRefused::Elsewhere);
    }
    let order = SignedRequest::decode_owned(submission.order)?;
    agree(order.request(), &order.signer(), &offer)?;
    Ok((offer, order))
}
