//! The payment of one auction, as its spec says it: accounts, times, goods. SETTLEMENT, section
//! "An auction's payment".

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::prices::Level;
use auction::settlement_terms::{Delivery, Goods, Settlement};
use auction::spec::{Spec, Time, VerifiedSpec};

use super::registration::RegistrationRefused;
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

    /// The goods.
    #[must_use]
    pub fn goods(&self) -> Goods {
        let Delivery::Digital(goods) = self.settlement.delivery;
        goods
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
    Ok(settlement)
}

pub(super) fn payees(
    seller: PublicKey,
    settlement: &Settlement,
) -> impl Iterator<Item = (&'static str, PublicKey)> {
    let house = settlement.fee.as_ref().map(|fee| ("the house", fee.house));
    std::iter::once(("the seller", seller)).chain(house)
}
