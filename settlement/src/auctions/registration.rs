//! Which auctions a server takes, and what it journals of them. SETTLEMENT, section "An
//! auction's payment", step 1; "Physical goods", step 1.

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::settlement_terms::{Delivery, EscrowReceipt, Goods, Settlement};
use auction::spec::{SignedSpec, SpecError, Time, UnescrowedSpec};
use serde::{Deserialize, Serialize};

use super::payment::{Payment, check_terms, payees};
use super::physical::Times;
use crate::ledger::{AccountId, Charter, Currency, MAX_AHEAD_MS};
use crate::sealed_key::{SealedKey, SealingKey};

/// What is journaled beside the opening of an auction's escrow account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The spec, with this server's escrow receipt.
    pub spec: SignedSpec,
    /// The auction's escrow key, whose secret half is destroyed with the decision.
    pub escrow_key: SealingKey,
    /// The goods key, sealed to it.
    pub key: SealedKey,
}

/// What is journaled beside it where the goods are physical: there is no key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhysicalRegistration {
    /// The spec, with this server's escrow receipt.
    pub spec: SignedSpec,
}

/// A spec that this server can take, of which it does not hold the goods yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptableSpec(UnescrowedSpec, Goods);

/// A spec of physical goods that this server can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptablePhysical(UnescrowedSpec);

/// An auction that is registered; where the goods are digital, their key is in escrow.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    payment: Payment,
    escrowed: Option<KeyInEscrow>,
}

/// A goods key in escrow.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyInEscrow {
    /// What it is sealed to.
    pub escrow_key: SealingKey,
    /// The goods key, sealed.
    pub key: SealedKey,
}

/// Why a server does not take an auction: the seller's fault, but for a missing account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefused {
    /// The spec is wrong in itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The spec names another server or ledger, or none.
    #[error("the spec names another settlement server or ledger than this one")]
    NotHere,
    /// The auction is over, or about to be.
    #[error("the auction closes at {} and it is {}: expected a closing in the future", .closing.0, .now.0)]
    Closed {
        /// Closing.
        closing: Time,
        /// The server's time.
        now: Time,
    },
    /// Money cannot be held for so long.
    #[error(
        "bonds would be held, or a price kept in escrow, for longer than {} days from now",
        MAX_AHEAD_MS / 86_400_000
    )]
    TooFar,
    /// A file was to be deposited, and there is none.
    #[error(
        "the goods of this auction are physical: there is nothing to deposit, only to register"
    )]
    Physical,
    /// The goods are a file, and were not deposited.
    #[error("the goods of this auction are digital: deposit them and their key")]
    Digital,
    /// A bond of nothing.
    #[error("the price at a cover is zero: expected covers above it")]
    ZeroCover,
    /// A key of the server's own authorities.
    #[error("{who} {key} has an authority in this ledger: expected another key")]
    Authority {
        /// Whose key.
        who: &'static str,
        /// The key.
        key: PublicKey,
    },
    /// A key whose signatures two verifiers could judge differently.
    #[error("{who} {key} may not sign: of small order, with torsion or not canonical")]
    BadKey {
        /// Whose key.
        who: &'static str,
        /// The key.
        key: PublicKey,
    },
    /// No account to pay into.
    #[error("{who} {key} has no account in {currency:?}: deposit into it first")]
    NoAccount {
        /// Whose account.
        who: &'static str,
        /// The owner's key.
        key: PublicKey,
        /// In which currency, with its decimals.
        currency: Currency,
    },
}

impl AcceptableSpec {
    /// Checks a spec against this server. `exists` says whether an account is there.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn check(
        spec: UnescrowedSpec,
        charter: &Charter,
        exists: impl Fn(&AccountId) -> bool,
        now: Time,
    ) -> Result<Self, RegistrationRefused> {
        match check(&spec, charter, exists, now)?.delivery {
            Delivery::Digital(goods) => Ok(Self(spec, goods)),
            Delivery::Physical(_) => Err(RegistrationRefused::Physical),
        }
    }

    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.0.id()
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> &UnescrowedSpec {
        &self.0
    }

    /// The goods that the spec names.
    #[must_use]
    pub fn goods(&self) -> Goods {
        self.1
    }

    /// The accounts that must exist before a spec can be taken.
    #[must_use]
    pub fn accounts(spec: &UnescrowedSpec) -> Vec<AccountId> {
        let terms = spec.spec();
        let currency = Currency::from(&terms.currency);
        let Some(settlement) = &terms.settlement else { return Vec::new() };
        let payees = payees(terms.seller, settlement);
        payees.map(|(_, key)| AccountId::of_owner(&key, currency)).collect()
    }

    /// What to journal, once the goods are there and their key opens them: signs the escrow
    /// receipt. It is shown to nobody before the journal holds the registration.
    #[must_use]
    pub fn register(
        self,
        server: &SecretKey,
        escrow_key: SealingKey,
        key: SealedKey,
    ) -> Registration {
        let receipt = EscrowReceipt::sign(&self.0.id(), server);
        Registration { spec: self.0.signed().clone().with_escrow(receipt), escrow_key, key }
    }
}

impl AcceptablePhysical {
    /// Checks a spec against this server, as [`AcceptableSpec::check`] does.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn check(
        spec: UnescrowedSpec,
        charter: &Charter,
        exists: impl Fn(&AccountId) -> bool,
        now: Time,
    ) -> Result<Self, RegistrationRefused> {
        match check(&spec, charter, exists, now)?.delivery {
            Delivery::Digital(_) => Err(RegistrationRefused::Digital),
            Delivery::Physical(_) => Ok(Self(spec)),
        }
    }

    /// What to journal: signs the escrow receipt. It is shown to nobody before the journal holds
    /// the registration.
    #[must_use]
    pub fn register(self, server: &SecretKey) -> PhysicalRegistration {
        let receipt = EscrowReceipt::sign(&self.0.id(), server);
        PhysicalRegistration { spec: self.0.signed().clone().with_escrow(receipt) }
    }
}

/// What a server looks at before it takes an auction, whatever is sold.
fn check<'a>(
    spec: &'a UnescrowedSpec,
    charter: &Charter,
    exists: impl Fn(&AccountId) -> bool,
    now: Time,
) -> Result<&'a Settlement, RegistrationRefused> {
    let terms = spec.spec();
    let settlement = check_terms(terms, charter)?;
    if now >= terms.closing {
        return Err(RegistrationRefused::Closed { closing: terms.closing, now });
    }
    // Every request about the auction is good until one of its times: the last must be in reach.
    let last = match &settlement.delivery {
        Delivery::Digital(_) => settlement.held_until,
        Delivery::Physical(physical) => Times::of(physical).awarded_by(),
    };
    if last.0.saturating_sub(now.0) > MAX_AHEAD_MS {
        return Err(RegistrationRefused::TooFar);
    }
    let currency = Currency::from(&terms.currency);
    for (who, key) in payees(terms.seller, settlement) {
        if !exists(&AccountId::of_owner(&key, currency)) {
            return Err(RegistrationRefused::NoAccount { who, key, currency });
        }
    }
    Ok(settlement)
}

impl Registration {
    /// Checks all that holds at any time: spec, signatures, server and ledger.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn verify(self, charter: &Charter) -> Result<Registered, RegistrationRefused> {
        let payment = Payment::of(self.spec.verify()?, charter)?;
        if payment.goods().is_none() {
            return Err(RegistrationRefused::Physical);
        }
        let escrowed = Some(KeyInEscrow { escrow_key: self.escrow_key, key: self.key });
        Ok(Registered { payment, escrowed })
    }
}

impl PhysicalRegistration {
    /// Checks all that holds at any time, as [`Registration::verify`] does.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn verify(self, charter: &Charter) -> Result<Registered, RegistrationRefused> {
        let payment = Payment::of(self.spec.verify()?, charter)?;
        if payment.physical().is_none() {
            return Err(RegistrationRefused::Digital);
        }
        Ok(Registered { payment, escrowed: None })
    }
}

impl Registered {
    /// The goods key in escrow; there is none of physical goods.
    #[must_use]
    pub fn key_in_escrow(&self) -> Option<&KeyInEscrow> {
        self.escrowed.as_ref()
    }
}

impl std::ops::Deref for Registered {
    type Target = Payment;

    fn deref(&self) -> &Payment {
        &self.payment
    }
}
