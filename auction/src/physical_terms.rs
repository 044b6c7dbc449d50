//! What a spec says of goods that are sent: who proves that they were, who decides a dispute, and
//! by when. SETTLEMENT, section "Physical goods".

use serde::{Deserialize, Serialize};

use crate::keys::PublicKey;
use crate::layout::Layout;
use crate::spec::{SpecError, Time};

/// Longest that the price of physical goods may stay in escrow after T, in milliseconds (180
/// days).
pub const LONGEST_ESCROW_MS: u64 = 180 * 24 * 3600 * 1000;
/// Shortest time for each of dispatch, dispute and arbitration, in milliseconds (an hour).
pub const SHORTEST_STAGE_MS: u64 = 3600 * 1000;

/// How physical goods are handed over, and what becomes of the price meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhysicalTerms {
    /// Signs that the goods are on their way: a carrier, a depot, a notary; not the seller.
    pub dispatcher: PublicKey,
    /// Decides a dispute; neither the seller nor the dispatcher.
    pub arbiter: PublicKey,
    /// `T2`: without proof of dispatch before it the price goes back to the winner.
    pub dispatched_by: Time,
    /// `T3`: without a dispute before it the price of dispatched goods goes to the seller.
    pub disputed_by: Time,
    /// `T4`: the arbiter decides before it.
    pub awarded_by: Time,
    /// Who gets the price at `T4` if the arbiter has not decided.
    pub otherwise: Side,
}

/// A side of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Who sold.
    Seller,
    /// Who bought.
    Winner,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Seller => "seller",
            Self::Winner => "winner",
        })
    }
}

impl PhysicalTerms {
    pub(crate) fn write(&self, layout: &mut Layout) {
        layout.key(&self.dispatcher).key(&self.arbiter);
        layout.u64(self.dispatched_by.0).u64(self.disputed_by.0).u64(self.awarded_by.0);
        layout.u8(match self.otherwise {
            Side::Seller => 1,
            Side::Winner => 2,
        });
    }

    /// Checks the terms beside the seller, the settlement server and T of their spec.
    pub(crate) fn check(
        &self,
        seller: PublicKey,
        server: PublicKey,
        held_until: Time,
    ) -> Result<(), SpecError> {
        let apart = |key: PublicKey| key.is_usable() && key != seller && key != server;
        let stage = |from: Time, to: Time| {
            to.0.checked_sub(from.0).is_some_and(|length| length >= SHORTEST_STAGE_MS)
        };
        let rules = [
            (
                "dispatcher",
                "an Ed25519 key, neither the seller's nor the settlement server's",
                apart(self.dispatcher),
            ),
            (
                "arbiter",
                "an Ed25519 key, not the seller's, the dispatcher's or the settlement server's",
                apart(self.arbiter) && self.arbiter != self.dispatcher,
            ),
            (
                "end of dispatch",
                "at least an hour after the end of the bonds",
                stage(held_until, self.dispatched_by),
            ),
            (
                "end of disputes",
                "at least an hour after the end of dispatch",
                stage(self.dispatched_by, self.disputed_by),
            ),
            (
                "end of arbitration",
                "at least an hour after the end of disputes",
                stage(self.disputed_by, self.awarded_by),
            ),
            (
                "end of arbitration",
                "at most 180 days after the end of the bonds",
                self.awarded_by.0.saturating_sub(held_until.0) <= LONGEST_ESCROW_MS,
            ),
        ];
        match rules.iter().find(|(_, _, holds)| !holds) {
            Some((field, expected, _)) => Err(SpecError::Field { field, expected }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;
    use crate::layout::{Digest, Label};

    const T: Time = Time(1_000_000);
    const HOUR: u64 = SHORTEST_STAGE_MS;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    fn terms() -> PhysicalTerms {
        PhysicalTerms {
            dispatcher: key(1),
            arbiter: key(2),
            dispatched_by: Time(T.0 + HOUR),
            disputed_by: Time(T.0 + 2 * HOUR),
            awarded_by: Time(T.0 + 3 * HOUR),
            otherwise: Side::Winner,
        }
    }

    fn check(terms: &PhysicalTerms) -> Result<(), SpecError> {
        terms.check(key(3), key(4), T)
    }

    #[test]
    fn every_rule_of_the_terms_is_checked_to_the_millisecond() {
        check(&terms()).unwrap();
        let last = Time(T.0 + LONGEST_ESCROW_MS);
        check(&PhysicalTerms { awarded_by: last, ..terms() }).unwrap();
        let before = |time: Time| Time(time.0 - 1);
        let wrong = [
            PhysicalTerms { dispatcher: PublicKey([0; 32]), ..terms() },
            PhysicalTerms { dispatcher: key(3), ..terms() },
            PhysicalTerms { dispatcher: key(4), ..terms() },
            PhysicalTerms { arbiter: PublicKey([0; 32]), ..terms() },
            PhysicalTerms { arbiter: key(1), ..terms() },
            PhysicalTerms { arbiter: key(3), ..terms() },
            PhysicalTerms { arbiter: key(4), ..terms() },
            PhysicalTerms { dispatched_by: before(terms().dispatched_by), ..terms() },
            PhysicalTerms { dispatched_by: before(T), ..terms() },
            PhysicalTerms { disputed_by: before(terms().disputed_by), ..terms() },
            PhysicalTerms { awarded_by: before(terms().awarded_by), ..terms() },
            PhysicalTerms { awarded_by: Time(last.0 + 1), ..terms() },
            PhysicalTerms { awarded_by: Time(u64::MAX), ..terms() },
        ];
        for terms in wrong {
            assert!(check(&terms).is_err(), "{terms:?}");
        }
    }

    #[test]
    fn every_field_is_hashed() {
        let hash = |terms: &PhysicalTerms| {
            let mut layout = Layout::new(Label::Spec, &Digest::default());
            terms.write(&mut layout);
            layout.hash()
        };
        let others = [
            PhysicalTerms { dispatcher: key(5), ..terms() },
            PhysicalTerms { arbiter: key(5), ..terms() },
            PhysicalTerms { dispatched_by: Time(5), ..terms() },
            PhysicalTerms { disputed_by: Time(5), ..terms() },
            PhysicalTerms { awarded_by: Time(5), ..terms() },
            PhysicalTerms { otherwise: Side::Seller, ..terms() },
        ];
        let hashes: std::collections::BTreeSet<_> =
            others.iter().chain([&terms()]).map(hash).collect();
        assert_eq!(hashes.len(), others.len() + 1);
    }
}
