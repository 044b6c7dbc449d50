//! The purchases' part of an audit: every purchase in the journal has its offer, both signatures
//! and its sealed key, and no key stands anywhere else.
//!
//! The ledger's own rules (signatures, funds, once-only ids, and that a purchase comes with an
//! attachment) are checked before an entry comes here. Whatever is wrong here is the server's
//! fault.

use auction::spec::Time;

use super::offer::Delivery;
use super::order::{OrderRefused, agree};
use super::record::{PurchaseRecord, RecordError};
use super::safe::Safe;
use crate::audit::{EntryCheck, Objected, Rightful};
use crate::ledger::{Action, Authority, Charter, Code, Entry, VerifiedRequest};

/// What an audit of purchases goes through and what it has seen.
pub struct PurchaseHistory<'a> {
    charter: Charter,
    /// Where it is at hand, every sealed key is opened.
    safe: Option<&'a Safe>,
    summary: PurchaseSummary,
}

/// What an audit of purchases counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PurchaseSummary {
    /// Purchases paid, the key going out with the payment.
    pub purchases: u64,
    /// Of these, items that the server held in the clear.
    pub held: u64,
    /// Goods keys that were opened and compared with the hash in their offers.
    pub keys_opened: u64,
}

/// What the server did that it must not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseMisdeed {
    /// Money moved, and no goods key with it.
    #[error("the server moved the money of a purchase and kept no goods key with it")]
    PaidWithoutKey,
    /// A goods key that nothing paid for.
    #[error("the server kept the goods key of a purchase that was not paid")]
    KeyWithoutPayment,
    /// The record cannot be read.
    #[error("the server's record of a purchase: {0}")]
    Record(RecordError),
    /// The offer is not for this ledger.
    #[error("the server took a purchase whose offer is for another server or ledger")]
    Elsewhere,
    /// An order that is not the offer's: another price, say.
    #[error("the server took an order that does not fit its offer: {0}")]
    Order(OrderRefused),
    /// Somebody else than the merchant countersigned.
    #[error("the server took an order that another key than the merchant's countersigned")]
    NotTheMerchant,
    /// The sealed key does not open with the server's own keys to one with the hash in the offer.
    #[error("the goods key that was paid for does not open with the keys of the server's vault")]
    OtherKey,
}

impl<'a> PurchaseHistory<'a> {
    /// An audit of a journal's purchases. With the server's own safe it also opens every sealed
    /// key; who audits from outside has none.
    #[must_use]
    pub fn new(charter: Charter, safe: Option<&'a Safe>) -> Self {
        Self { charter, safe, summary: PurchaseSummary::default() }
    }

    /// What was counted.
    #[must_use]
    pub fn summary(&self) -> PurchaseSummary {
        self.summary
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// [`PurchaseMisdeed`].
    pub fn check(&mut self, entry: &Entry) -> Result<(), PurchaseMisdeed> {
        let is_purchase =
            |one: &VerifiedRequest| matches!(one.request().action, Action::Purchase(_));
        let bought = entry.chain.requests().iter().find(|one| is_purchase(one));
        let record = match entry.chain.attachment() {
            Some(bytes) => PurchaseRecord::read(bytes).map_err(PurchaseMisdeed::Record)?,
            None => None,
        };
        let paid = entry.codes.iter().all(|code| *code == Code::Done);
        match (bought, record) {
            (None, None) => Ok(()),
            (Some(_), None) if !paid => Ok(()),
            (None, Some(_)) => Err(PurchaseMisdeed::KeyWithoutPayment),
            (Some(_), Some(_)) if !paid => Err(PurchaseMisdeed::KeyWithoutPayment),
            (Some(_), None) => Err(PurchaseMisdeed::PaidWithoutKey),
            (Some(order), Some(record)) => self.purchase(order, &record),
        }
    }

    fn purchase(
        &mut self,
        order: &VerifiedRequest,
        record: &PurchaseRecord,
    ) -> Result<(), PurchaseMisdeed> {
        let terms = record.offer.terms();
        if !terms.is_for(&self.charter) {
            return Err(PurchaseMisdeed::Elsewhere);
        }
        let Authority::OwnerAndPayee { owner, payee } = order.authority() else {
            return Err(PurchaseMisdeed::NotTheMerchant);
        };
        agree(order.request(), &owner, &record.offer).map_err(PurchaseMisdeed::Order)?;
        if payee != terms.merchant {
            return Err(PurchaseMisdeed::NotTheMerchant);
        }
        self.summary.purchases += 1;
        match (terms.delivery, &record.key) {
            (Delivery::Held(_), _) => self.summary.held += 1,
            (Delivery::Encrypted(goods), Some(sealed)) => {
                if let Some(safe) = self.safe {
                    let opened = safe.open(&order.content(), sealed, &goods.key_hash);
                    opened.map_err(|_| PurchaseMisdeed::OtherKey)?;
                    self.summary.keys_opened += 1;
                }
            }
            // Reading the record saw that there is one.
            (Delivery::Encrypted(_), None) => return Err(PurchaseMisdeed::PaidWithoutKey),
        }
        Ok(())
    }
}

impl EntryCheck for PurchaseHistory<'_> {
    type Objection = PurchaseMisdeed;

    fn entry(&mut self, _: u64, _: Time, entry: &Entry) -> Result<(), Objected<PurchaseMisdeed>> {
        self.check(entry).map_err(|objection| {
            let rightful = match objection {
                // A false key and a lost vault look the same, and from merchants who sold
                // rightfully nothing may be taken back.
                PurchaseMisdeed::OtherKey => Rightful::Unknown,
                // Signed for with the goods key beside it: without, nothing should have moved.
                _ => Rightful::Known(Vec::new()),
            };
            Objected { objection, rightful }
        })
    }
}
