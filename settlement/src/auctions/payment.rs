//! The payment of one auction, as its spec says it: accounts, times, goods. SETTLEMENT, section
//! "An auction's payment".

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::physical_terms::PhysicalTerms;
use auction::prices::Level;
use auction::settlement_terms::{Delivery, Goods, Settlement};
use auction::spec::{Spec, Time, VerifiedSpec};

use super::registration::RegistrationRefused;
use crate::layout::may_own;
use crate::ledger::{AccountId, Charter, Currency};

/// The payment's part of a verified spec, in the ledger's terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    spec: VerifiedSpec,
    settlement: Settlement,
    currency: Currency,
    escrow: AccountId,
}

impl Payment {
    /// What a spec says of the payment, if this is the server and ledger that it names.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn of(spec: VerifiedSpec, charter: &Charter) -> Result<Self, RegistrationRefused> {
        let settlement = check_terms(spec.spec(), charter)?.clone();
        let currency = Currency::from(&spec.spec().currency);
        let escrow = AccountId::of_escrow(&spec.id(), currency);
        Ok(Self { spec, settlement, currency, escrow })
    }

    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.spec.id()
    }

    /// The spec, with the escrow receipt.
    #[must_use]
    pub fn spec(&self) -> &VerifiedSpec {
        &self.spec
    }

    /// The payment's terms.
    #[must_use]
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The escrow account.
    #[must_use]
    pub fn escrow(&self) -> AccountId {
        self.escrow
    }

    /// The encrypted goods, where that is what is sold.
    #[must_use]
    pub fn goods(&self) -> Option<Goods> {
        match self.settlement.delivery {
            Delivery::Digital(goods) => Some(goods),
            Delivery::Physical(_) => None,
        }
    }

    /// How the goods are handed over, where they are physical.
    #[must_use]
    pub fn physical(&self) -> Option<&PhysicalTerms> {
        match &self.settlement.delivery {
            Delivery::Digital(_) => None,
            Delivery::Physical(terms) => Some(terms),
        }
    }

    /// Where the seller's part of a sale goes.
    #[must_use]
    pub fn seller(&self) -> AccountId {
        AccountId::of_owner(&self.spec.spec().seller, self.currency)
    }

    /// Where the house's part of a sale goes.
    #[must_use]
    pub fn house(&self) -> Option<AccountId> {
        let fee = self.settlement.fee.as_ref()?;
        Some(AccountId::of_owner(&fee.house, self.currency))
    }

    /// No bid and no bond is taken from this moment on.
    #[must_use]
    pub fn closing(&self) -> Time {
        self.spec.spec().closing
    }

    /// V: the first transcript that is journaled before it decides.
    #[must_use]
    pub fn decided_by(&self) -> Time {
        self.settlement.decided_by(self.spec.spec().last)
    }

    /// T: bonds are held until then.
    #[must_use]
    pub fn held_until(&self) -> Time {
        self.settlement.held_until
    }
}

/// What does not depend on time or accounts.
pub(super) fn check_terms<'a>(
    terms: &'a Spec,
    charter: &Charter,
) -> Result<&'a Settlement, RegistrationRefused> {
    let here = |settlement: &&Settlement| {
        settlement.server == charter.server() && settlement.ledger == charter.id()
    };
    let settlement = terms.settlement.as_ref().filter(here).ok_or(RegistrationRefused::NotHere)?;
    let bonded = |cover: &Level| terms.ladder.price(*cover).is_some_and(|price| price.0 > 0);
    if !settlement.covers.iter().all(bonded) {
        return Err(RegistrationRefused::ZeroCover);
    }
    let authorities = [charter.server(), charter.operator(), charter.postings()];
    for (who, key) in payees(terms.seller, settlement) {
        // The ledger lets nothing be posted to the operator: such a sale could not be settled.
        if authorities.contains(&key) {
            return Err(RegistrationRefused::Authority { who, key });
        }
    }
    for (who, key) in signers(settlement) {
        // Whoever keeps the ledger must not be the one whose word moves its money.
        if authorities.contains(&key) {
            return Err(RegistrationRefused::Authority { who, key });
        }
        if !may_own(&key) {
            return Err(RegistrationRefused::BadKey { who, key });
        }
    }
    Ok(settlement)
}

/// Whose words count about physical goods, beside the winner's.
fn signers(settlement: &Settlement) -> impl Iterator<Item = (&'static str, PublicKey)> {
    let terms = match &settlement.delivery {
        Delivery::Digital(_) => None,
        Delivery::Physical(terms) => Some(terms),
    };
    let both = |terms: &PhysicalTerms| {
        [("the dispatcher", terms.dispatcher), ("the arbiter", terms.arbiter)]
    };
    terms.map(both).into_iter().flatten()
}

pub(super) fn payees(
    seller: PublicKey,
    settlement: &Settlement,
) -> impl Iterator<Item = (&'static str, PublicKey)> {
    let house = settlement.fee.as_ref().map(|fee| ("the house", fee.house));
    std::iter::once(("the seller", seller)).chain(house)
}
