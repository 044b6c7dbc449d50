//! Orders: what a customer signs once he holds the encrypted goods, and what the merchant then
//! countersigns. SETTLEMENT, section "Purchase of digital goods", steps e and f.

use auction::keys::{BadSignature, PublicKey};
use auction::layout::Digest;
use auction::spec::Time;

use super::offer::{Delivery, Offer, VerifiedOffer};
use crate::goods::CheckedGoods;
use crate::layout::Signer;
use crate::ledger::{
    AccountId, Action, Charter, MAX_ORDER_AHEAD_MS, Movement, Request, RequestError, RequestId,
    SignedRequest,
};

/// Names a purchase: the account that pays, and the id that its owner gave the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// The account that pays.
    pub account: AccountId,
    /// The order's id.
    pub id: RequestId,
}

/// An order as its customer signed it, as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order(SignedRequest);

/// An order that its customer signed and that fits its offer in every field: what a merchant may
/// countersign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedOrder {
    order: Order,
    content: Digest,
}

/// Why an order cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOrdered {
    /// The offer has expired.
    #[error("the offer has expired: ask for another")]
    Expired,
    /// The goods at hand are not the offered ones.
    #[error("the goods at hand are not those of the offer")]
    OtherGoods,
    /// The offer is made to somebody else.
    #[error("the offer is made to customer {0}, not to this key")]
    OtherCustomer(PublicKey),
}

/// Why an order does not fit its offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// The order is no request.
    #[error("the order: {0}")]
    Malformed(#[from] RequestError),
    /// The customer did not sign it.
    #[error("the order: {0}; is it signed for this ledger?")]
    Signature(#[from] BadSignature),
    /// A field does not fit the offer.
    #[error("the order's {field} is wrong: expected {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Its time-out has passed.
    #[error("the order is out of time")]
    OutOfTime,
}

impl Order {
    /// e Signs an order for goods that lie encrypted, whole, checked and flushed on this
    /// machine's disk: nobody orders by what he does not hold. It is good for `good_for`
    /// milliseconds, at most until the offer expires and [`MAX_ORDER_AHEAD_MS`] from `now` on.
    /// `id` is one that the account has not used.
    ///
    /// # Errors
    /// [`NotOrdered`] when the goods are not those of the offer, or it has expired.
    pub fn sign(
        offer: &VerifiedOffer,
        goods: &CheckedGoods,
        customer: &Signer,
        charter: &Charter,
        id: RequestId,
        (now, good_for): (Time, u64),
    ) -> Result<Self, NotOrdered> {
        if offer.terms().delivery != Delivery::Encrypted(goods.goods()) {
            return Err(NotOrdered::OtherGoods);
        }
        Self::sign_any(offer, customer, charter, id, (now, good_for))
    }

    /// The same for an item that the settlement server will hold (case 3): there is nothing to
    /// check before.
    ///
    /// # Errors
    /// [`NotOrdered`] when the offer is of encrypted goods, or has expired.
    pub fn sign_for_held(
        offer: &VerifiedOffer,
        customer: &Signer,
        charter: &Charter,
        id: RequestId,
        (now, good_for): (Time, u64),
    ) -> Result<Self, NotOrdered> {
        match offer.terms().delivery {
            Delivery::Held(_) => Self::sign_any(offer, customer, charter, id, (now, good_for)),
            Delivery::Encrypted(_) => Err(NotOrdered::OtherGoods),
        }
    }

    fn sign_any(
        offer: &VerifiedOffer,
        customer: &Signer,
        charter: &Charter,
        id: RequestId,
        (now, good_for): (Time, u64),
    ) -> Result<Self, NotOrdered> {
        let terms = offer.terms();
        if customer.public() != terms.customer {
            return Err(NotOrdered::OtherCustomer(terms.customer));
        }
        if now >= terms.expires {
            return Err(NotOrdered::Expired);
        }
        let until = Time(now.0.saturating_add(good_for.min(MAX_ORDER_AHEAD_MS)));
        let request =
            Request { id, until: until.min(terms.expires), action: action(offer.offer()) };
        Ok(Self(SignedRequest::sign(&request, customer, charter)))
    }

    /// Reads an order; nothing in it is verified.
    ///
    /// # Errors
    /// [`OrderRefused::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, OrderRefused> {
        Ok(Self(SignedRequest::decode(bytes)?))
    }

    /// What travels and is kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What is asked for, as claimed.
    #[must_use]
    pub fn request(&self) -> &Request {
        self.0.request()
    }

    /// The purchase's name, as claimed; nothing where this is no order at all.
    #[must_use]
    pub fn key(&self) -> Option<OrderKey> {
        key_of(self.request())
    }

    /// f Checks the customer's signature and every field against the offer, before the merchant
    /// countersigns. What is out of time at `now` is refused.
    ///
    /// # Errors
    /// [`OrderRefused`] names the first thing that does not fit.
    pub fn verify(
        self,
        offer: &VerifiedOffer,
        charter: &Charter,
        now: Time,
    ) -> Result<VerifiedOrder, OrderRefused> {
        agree(self.request(), &self.0.signer(), offer.offer())?;
        if now >= self.request().until {
            return Err(OrderRefused::OutOfTime);
        }
        let content = self.0.verify_before_countersigning(charter)?;
        Ok(VerifiedOrder { order: self, content })
    }
}

impl VerifiedOrder {
    /// The order.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The hash of what the customer signed: equal for equal orders.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.content
    }

    /// f Signs as the merchant: the customer orders what I offered.
    #[must_use]
    pub fn countersign(self, merchant: &Signer, charter: &Charter) -> SignedRequest {
        self.order.0.countersign(merchant, charter)
    }
}

/// The one movement that an offer can be ordered by.
#[must_use]
pub fn action(offer: &Offer) -> Action {
    Action::Purchase(Movement {
        debit: offer.debit(),
        credit: offer.credit(),
        amount: offer.terms().price,
        reference: offer.hash(),
    })
}

/// The purchase that a request names, if it is one.
#[must_use]
pub fn key_of(request: &Request) -> Option<OrderKey> {
    match request.action {
        Action::Purchase(movement) => Some(OrderKey { account: movement.debit, id: request.id }),
        _ => None,
    }
}

/// Compares every field of an order with its offer: merchant, server, auditor and judge all ask
/// this. The times against a clock are the ledger's.
pub(crate) fn agree(
    request: &Request,
    signer: &PublicKey,
    offer: &Offer,
) -> Result<(), OrderRefused> {
    let wrong = |field, expected| Err(OrderRefused::Field { field, expected });
    let Action::Purchase(movement) = request.action else {
        return wrong("action", "a purchase");
    };
    let terms = offer.terms();
    let rules = [
        ("signer", "the customer of the offer", *signer == terms.customer),
        ("reference", "the hash of the offer", movement.reference == offer.hash()),
        ("amount", "the price of the offer", movement.amount == terms.price),
        ("credited account", "the merchant's in that currency", movement.credit == offer.credit()),
        ("debited account", "the customer's in that currency", movement.debit == offer.debit()),
        ("time-out", "at most the offer's expiry", request.until <= terms.expires),
    ];
    match rules.iter().find(|(_, _, holds)| !holds) {
        Some((field, expected, _)) => wrong(field, expected),
        None => Ok(()),
    }
}
