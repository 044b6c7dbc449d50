//! Purchases of digital goods, pure: no files, no clock, no randomness but what is passed in.
//!
//! SETTLEMENT, section "Purchase of digital goods". [`offer`] is what a merchant signs; [`order`]
//! is what a customer signs once he holds the encrypted goods, and the merchant countersigns;
//! [`decide()`] turns order, offer and goods key into the one chain that moves the money and keeps
//! the key; [`record`] is what stands beside it in the journal, where [`safe`] keeps the key
//! closed; [`receipt`] is what either side shows afterwards; [`history`] is the purchases' part
//! of an audit.

pub mod decide;
pub mod history;
pub mod offer;
pub mod order;
pub mod receipt;
pub mod record;
pub mod safe;

pub use bidder::is_harmless;
pub use decide::{Delivered, Purchase, PurchaseRefused, StoredItem, Submission, decide};
pub(crate) use decide::{decide_with, item_wanted_with};
pub use history::{PurchaseHistory, PurchaseMisdeed, PurchaseSummary};
pub use offer::{
    Delivery, HeldItem, MAX_DESCRIPTION_BYTES, MAX_OFFER_BYTES, Offer, OfferError, OfferRefused,
    OfferTerms, QuoteId, SignedOffer, VerifiedOffer,
};
pub use order::{NotOrdered, Order, OrderKey, OrderRefused, VerifiedOrder};
pub use receipt::{NotAPurchase, PaidPurchase, PurchaseReceipt};
pub use record::{PurchaseRecord, RecordError};
pub use safe::{DoesNotOpen, Safe, SealedGoodsKey};
