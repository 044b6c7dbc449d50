//! Why a purchase does not go on, whose fault it is and what to do.

use link::LinkError;
use settlement::client::ClientError;
use settlement::goods::GoodsError;
use settlement::ledger::Code;
use settlement::purchases::{NotAPurchase, NotOrdered, OfferError, OfferRefused};

use super::folder::FolderError;
use crate::service::Declined;

/// Why a purchase does not go on.
#[derive(Debug, thiserror::Error)]
pub enum BuyError {
    /// The network, or the merchant's identity.
    #[error("the merchant does not answer: {0}")]
    Link(#[from] LinkError),
    /// The merchant has too much to do.
    #[error("the merchant is busy: try again later")]
    Busy,
    /// The merchant declines.
    #[error(transparent)]
    Declined(#[from] Declined),
    /// The merchant's fault: his answer is to something else.
    #[error("the merchant's answer does not fit the question: {0}")]
    WrongAnswer(&'static str),
    /// The merchant's fault: what he sent is no offer.
    #[error("the merchant sent no offer: {0}")]
    NoOffer(#[from] OfferError),
    /// The merchant's fault: an offer that binds nobody.
    #[error("the merchant's offer binds nobody: {0}")]
    Offer(#[from] OfferRefused),
    /// The merchant's fault: an offer of something else, or in another currency.
    #[error("the merchant offers something else: got {got}, expected {expected}")]
    OtherOffer {
        /// What he offers.
        got: String,
        /// What was asked for.
        expected: String,
    },
    /// The offer has expired.
    #[error("the offer has expired; nothing was ordered")]
    Expired,
    /// The goods are not those of the offer. Nothing was ordered.
    #[error("the goods are not those of the offer: {0}; nothing was ordered and nothing is owed")]
    Goods(#[source] GoodsError),
    /// The order cannot be signed.
    #[error("nothing was ordered: {0}")]
    NotOrdered(#[from] NotOrdered),
    /// The ledger refused the order for good.
    #[error("nothing was paid: the ledger refused the order ({0:?})")]
    Refused(Code),
    /// The settlement server.
    #[error("the settlement server: {0}")]
    Settlement(#[from] ClientError),
    /// A receipt that proves nothing: the fault of whoever gave it.
    #[error("what {from} gave as the receipt proves no purchase: {reason}")]
    NotAPurchase {
        /// `the merchant` or `the settlement server`.
        from: &'static str,
        /// Why.
        reason: NotAPurchase,
    },
    /// It is paid, and nobody who has the goods key answers. The receipt proves it.
    #[error(
        "the purchase is paid, and neither merchant nor settlement server gives the goods key now: \
         run it again; the receipt proves the payment"
    )]
    NoKey,
    /// It is paid, and the goods do not open with their key: the merchant's fault, and proved.
    #[error(
        "the purchase is paid and what the merchant sold does not open: {0}; goods, key and \
         receipt prove it"
    )]
    DoesNotOpen(#[source] GoodsError),
    /// The goods cannot be written here.
    #[error("the goods cannot be written here: {0}")]
    Out(#[source] GoodsError),
    /// The purchase's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
}
