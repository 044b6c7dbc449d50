//! Which auctions a server takes, and what it journals of them. SETTLEMENT, section "An
//! auction's payment", step 1.

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::settlement_terms::{Delivery, EscrowReceipt, Goods};
use auction::spec::{SignedSpec, SpecError, Time, UnescrowedSpec};
use serde::{Deserialize, Serialize};

use super::payment::{Payment, check_terms, payees};
use crate::ledger::{AccountId, Charter, Currency, MAX_AHEAD_MS};
use crate::sealed_key::{SealedKey, SealingKey};

/// What is journaled beside the opening of an auction's escrow account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The spec, with this server's receipt for the goods key.
    pub spec: SignedSpec,
    /// The auction's escrow key, whose secret half is destroyed with the decision.
    pub escrow_key: SealingKey,
    /// The goods key, sealed to it.
    pub key: SealedKey,
}

/// A spec that this server can take, of which it does not hold the goods yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptableSpec(UnescrowedSpec, Goods);

/// An auction whose goods key is in escrow.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    payment: Payment,
    escrow_key: SealingKey,
    key: SealedKey,
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
    /// Bonds cannot be held for so long.
    #[error("bonds would be held for longer than {} days from now", MAX_AHEAD_MS / 86_400_000)]
    TooFar,
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
        let terms = spec.spec();
        let settlement = check_terms(terms, charter)?;
        if now >= terms.closing {
            return Err(RegistrationRefused::Closed { closing: terms.closing, now });
        }
        if settlement.held_until.0 - now.0 > MAX_AHEAD_MS {
            return Err(RegistrationRefused::TooFar);
        }
        let currency = Currency::from(&terms.currency);
        for (who, key) in payees(terms.seller, settlement) {
            if !exists(&AccountId::of_owner(&key, currency)) {
                return Err(RegistrationRefused::NoAccount { who, key, currency });
            }
        }
        let Delivery::Digital(goods) = settlement.delivery;
        Ok(Self(spec, goods))
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

impl Registration {
    /// Checks all that holds at any time: spec, signatures, server and ledger.
    ///
    /// # Errors
    /// [`RegistrationRefused`].
    pub fn verify(self, charter: &Charter) -> Result<Registered, RegistrationRefused> {
        let payment = Payment::of(self.spec.verify()?, charter)?;
        Ok(Registered { payment, escrow_key: self.escrow_key, key: self.key })
    }
}

impl Registered {
    /// What the goods key is sealed to.
    #[must_use]
    pub fn escrow_key(&self) -> &SealingKey {
        &self.escrow_key
    }

    /// The goods key, sealed to the escrow key.
    #[must_use]
    pub fn key(&self) -> &SealedKey {
        &self.key
    }
}

impl std::ops::Deref for Registered {
    type Target = Payment;

    fn deref(&self) -> &Payment {
        &self.payment
    }
}
