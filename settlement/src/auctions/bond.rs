//! A bidder's order for a bond: up to so much, at the price that this auction gives, for its
//! goods, until T. SETTLEMENT, section "An auction's payment", step 3.

use auction::keys::{PublicKey, SecretKey, Signature};
use auction::layout::Digest;
use auction::prices::Level;
use auction::settlement_terms::{Delivery, Settlement};
use auction::spec::{Spec, Time, VerifiedSpec};
use serde::{Deserialize, Serialize};

use super::attachment::Attached;
use crate::layout::{Label, Signer, Statement, may_own};
use crate::ledger::{
    AccountId, Action, Authority, Chain, ChainError, Charter, Currency, HoldKey, Movement, Request,
    RequestError, RequestId, SignedRequest, Sum, Unverified, VerifiedRequest,
};
use crate::sealed_key::SealingKey;

/// What a bond is for. Its hash is the reference of the hold, so the account's key signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondTerms {
    /// The auction id.
    pub auction: Digest,
    /// The key that will bid.
    pub bidder: PublicKey,
    /// The highest level that the bond pays.
    pub cover: Level,
    /// The goods key is sealed to this, should the bid win.
    pub delivery: SealingKey,
}

impl BondTerms {
    /// The hash of the terms.
    #[must_use]
    pub fn reference(&self) -> Digest {
        let mut statement = Statement::new(Label::BondTerms, &self.auction);
        statement.fixed(&self.bidder.0).fixed(&self.cover.0.to_le_bytes());
        statement.fixed(&self.delivery.to_bytes());
        statement.hash()
    }
}

/// An order for a bond, as received: terms, the hold that the account's key signed, and the
/// auction key's signature on both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondOrder {
    terms: BondTerms,
    hold: Vec<u8>,
    countersignature: Signature,
}

/// The keys of a bidder's order.
#[derive(Debug, Clone, Copy)]
pub struct BondKeys<'a> {
    /// Owns the account that is held.
    pub account: &'a SecretKey,
    /// Made for this auction alone: it will bid.
    pub bidder: &'a SecretKey,
    /// What the goods key is sealed to.
    pub delivery: &'a SealingKey,
}

/// An order whose signatures hold and which fits the auction in every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBond {
    order: BondOrder,
    hold: VerifiedRequest,
    bond: Bond,
}

/// A bond, as it follows from its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bond {
    /// The auction id.
    pub auction: Digest,
    /// The key that bids.
    pub bidder: PublicKey,
    /// The highest level that the bond pays.
    pub cover: Level,
    /// What the goods key is sealed to.
    pub delivery: SealingKey,
    /// The key of the account that is held.
    pub owner: PublicKey,
    /// The hold.
    pub hold: HoldKey,
    /// Minor units held.
    pub amount: Sum,
    /// T: when the hold ends by itself.
    pub held_until: Time,
    /// The hash of what the account's key signed: equal for equal orders.
    pub content: Digest,
}

/// Why an order was refused: always its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BondRefused {
    /// The auction's payment is taken elsewhere, or nowhere.
    #[error("the auction's payment is not taken by this server and ledger")]
    NotHere,
    /// The order is for another auction.
    #[error("the order is for auction {got}, expected {expected}")]
    OtherAuction {
        /// The order's.
        got: Digest,
        /// The one it was brought for.
        expected: Digest,
    },
    /// No such cover.
    #[error("got a cover of level {}, expected one of those in the spec", .0.0)]
    Cover(Level),
    /// The hold is no request.
    #[error("the order's hold: {0}")]
    Malformed(#[from] RequestError),
    /// The hold's signature is wrong.
    #[error("the order's hold: {0}")]
    Unsigned(#[from] Unverified),
    /// A field of the hold does not fit the auction.
    #[error("the order's {field} is wrong: expected {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The auction key did not sign the order.
    #[error("the auction key's signature on the order is wrong")]
    Countersignature,
}

impl BondOrder {
    /// Signs an order: the account's key the hold, then the auction key both. `id` is one that
    /// the account has not used. The order is good until the auction closes.
    ///
    /// # Errors
    /// [`BondRefused`] where the server would refuse the order.
    pub fn sign(
        spec: &VerifiedSpec,
        charter: &Charter,
        cover: Level,
        keys: BondKeys<'_>,
        id: RequestId,
    ) -> Result<Self, BondRefused> {
        let terms = BondTerms {
            auction: spec.id(),
            bidder: keys.bidder.public(),
            cover,
            delivery: keys.delivery.clone(),
        };
        let settlement = terms_here(spec, charter)?;
        let currency = Currency::from(&spec.spec().currency);
        let movement = Movement {
            debit: AccountId::of_owner(&keys.account.public(), currency),
            credit: AccountId::of_escrow(&spec.id(), currency),
            amount: amount_at(spec.spec(), settlement, cover)?,
            reference: terms.reference(),
        };
        let action = Action::Hold { movement, timeout: settlement.held_until };
        let request = Request { id, until: spec.spec().closing, action };
        let hold = SignedRequest::sign(&request, &Signer::new(keys.account), charter);
        let content = hold.clone().verify(charter)?.content();
        let countersignature =
            Self::countersign(charter, &terms.reference(), &content, keys.bidder);
        let order = Self { terms, hold: hold.as_bytes().to_vec(), countersignature };
        order.clone().verify(spec, charter)?;
        Ok(order)
    }

    /// An order of these parts, as received.
    #[must_use]
    pub fn of_parts(terms: BondTerms, hold: Vec<u8>, countersignature: Signature) -> Self {
        Self { terms, hold, countersignature }
    }

    /// The auction key's signature on the hash of the terms and the hash of the signed hold.
    #[must_use]
    pub fn countersign(
        charter: &Charter,
        reference: &Digest,
        content: &Digest,
        bidder: &SecretKey,
    ) -> Signature {
        Signer::new(bidder).sign(&countersigned(charter, reference, content))
    }

    /// The auction key's signature, as claimed.
    #[must_use]
    pub fn countersignature(&self) -> Signature {
        self.countersignature
    }

    /// What the bond is for, as claimed.
    #[must_use]
    pub fn terms(&self) -> &BondTerms {
        &self.terms
    }

    /// The signed hold, as it came.
    #[must_use]
    pub fn hold_bytes(&self) -> &[u8] {
        &self.hold
    }

    /// Checks every signature and every field against the auction.
    ///
    /// # Errors
    /// [`BondRefused`] names the first thing that does not fit.
    pub fn verify(
        self,
        spec: &VerifiedSpec,
        charter: &Charter,
    ) -> Result<VerifiedBond, BondRefused> {
        let hold = SignedRequest::decode(&self.hold)?;
        let hold = hold.verify(charter)?;
        let bond = self.agree(&hold, spec, charter)?;
        check_keys(&bond, spec, charter)?;
        let statement = countersigned(charter, &self.terms.reference(), &hold.content());
        statement
            .verify(&self.terms.bidder, &self.countersignature)
            .map_err(|_| BondRefused::Countersignature)?;
        Ok(VerifiedBond { order: self, hold, bond })
    }

    /// The bond of an order from this server's own journal, with the hold that stands beside it
    /// there; all is compared, and nothing that takes a multiplication is checked again.
    pub(super) fn journaled(
        &self,
        hold: &VerifiedRequest,
        spec: &VerifiedSpec,
        charter: &Charter,
    ) -> Option<Bond> {
        if hold.as_bytes() != self.hold {
            return None;
        }
        self.agree(hold, spec, charter).ok()
    }

    /// Compares every field of terms and hold with what the auction says.
    fn agree(
        &self,
        hold: &VerifiedRequest,
        spec: &VerifiedSpec,
        charter: &Charter,
    ) -> Result<Bond, BondRefused> {
        let settlement = terms_here(spec, charter)?;
        let (id, terms) = (spec.id(), &self.terms);
        if terms.auction != id {
            return Err(BondRefused::OtherAuction { got: terms.auction, expected: id });
        }
        let amount = amount_at(spec.spec(), settlement, terms.cover)?;
        let currency = Currency::from(&spec.spec().currency);
        let Request { id: number, until, action } = *hold.request();
        let (Action::Hold { movement, timeout }, Authority::Owner(owner)) =
            (action, hold.authority())
        else {
            return Err(field("hold", "a hold that its account's owner signed"));
        };
        let rules = [
            (
                "account",
                "the signer's own in the auction's currency",
                movement.debit == AccountId::of_owner(&owner, currency),
            ),
            (
                "credited account",
                "the auction's escrow account",
                movement.credit == AccountId::of_escrow(&id, currency),
            ),
            ("amount", "the price at the cover", movement.amount == amount),
            ("time-out of the hold", "T of the auction", timeout == settlement.held_until),
            ("time-out", "at most the auction's closing", until <= spec.spec().closing),
            ("reference", "the hash of its terms", movement.reference == terms.reference()),
        ];
        if let Some((name, expected, _)) = rules.iter().find(|(_, _, holds)| !holds) {
            return Err(field(name, expected));
        }
        Ok(Bond {
            auction: id,
            bidder: terms.bidder,
            cover: terms.cover,
            delivery: terms.delivery.clone(),
            owner,
            hold: HoldKey { account: movement.debit, id: number },
            amount,
            held_until: timeout,
            content: hold.content(),
        })
    }
}

impl VerifiedBond {
    /// What was ordered.
    #[must_use]
    pub fn bond(&self) -> &Bond {
        &self.bond
    }

    /// The order as it came.
    #[must_use]
    pub fn order(&self) -> &BondOrder {
        &self.order
    }

    /// The chain that makes the bond: the hold, with the order attached.
    ///
    /// # Errors
    /// [`ChainError`]; never with an order that was verified, which is short.
    pub fn chain(&self) -> Result<Chain, ChainError> {
        let attachment = Attached::Bond(self.order.clone()).to_bytes();
        Chain::new(vec![self.hold.clone()], Some(attachment))
    }
}

/// The payment's terms, where this server and ledger take it.
pub(super) fn terms_here<'a>(
    spec: &'a VerifiedSpec,
    charter: &Charter,
) -> Result<&'a Settlement, BondRefused> {
    let here =
        |terms: &&Settlement| terms.server == charter.server() && terms.ledger == charter.id();
    spec.spec().settlement.as_ref().filter(here).ok_or(BondRefused::NotHere)
}

/// Checks that the keys can do what they are for: a delivery key to which nothing can be sealed
/// would stop the whole settlement, the operator's account has no funds to hold, and whoever decides
/// about physical goods does not buy them.
fn check_keys(bond: &Bond, spec: &VerifiedSpec, charter: &Charter) -> Result<(), BondRefused> {
    let mut others = vec![charter.server(), charter.operator(), charter.postings()];
    if let Some(Delivery::Physical(terms)) =
        spec.spec().settlement.as_ref().map(|one| &one.delivery)
    {
        others.extend([terms.dispatcher, terms.arbiter]);
    }
    let rules = [
        ("account's key", "an owner's key", !others.contains(&bond.owner)),
        (
            "auction key",
            "a usable key made for this auction",
            may_own(&bond.bidder) && !others.contains(&bond.bidder),
        ),
        ("auction key", "another key than the account's", bond.bidder != bond.owner),
        ("delivery key", "a key that can be sealed to", bond.delivery.is_usable()),
    ];
    match rules.iter().find(|(_, _, holds)| !holds) {
        Some((name, expected, _)) => Err(field(name, expected)),
        None => Ok(()),
    }
}

fn amount_at(spec: &Spec, settlement: &Settlement, cover: Level) -> Result<Sum, BondRefused> {
    let known = settlement.covers.contains(&cover);
    let price = spec.ladder.price(cover).filter(|_| known).ok_or(BondRefused::Cover(cover))?;
    Sum::new(price.0).ok_or(BondRefused::Cover(cover))
}

fn countersigned(charter: &Charter, reference: &Digest, content: &Digest) -> Statement {
    let mut statement = Statement::new(Label::BondOrder, &charter.id());
    statement.fixed(&reference.0).fixed(&content.0);
    statement
}

fn field(field: &'static str, expected: &'static str) -> BondRefused {
    BondRefused::Field { field, expected }
}
