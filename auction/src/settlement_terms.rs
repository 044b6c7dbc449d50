//! What a spec says of the payment, where a settlement server takes it: bonds, times, fee, what
//! is delivered, and the server's receipt. SETTLEMENT, section "An auction's payment".

use serde::{Deserialize, Serialize};

use crate::keys::{BadSignature, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::money::Amount;
use crate::physical_terms::PhysicalTerms;
use crate::prices::{Level, PriceLadder};
use crate::spec::{MAX_ADDRESS, SpecError, Time};

/// Most covers that bonds may have.
pub const MAX_COVERS: usize = 4;
/// Longest that bonds are held after closing, in milliseconds (30 days).
pub const LONGEST_BOND_MS: u64 = 30 * 24 * 3600 * 1000;
/// Shortest that bonds are held after closing, in milliseconds (an hour).
pub const SHORTEST_BOND_MS: u64 = 3600 * 1000;
/// Longest encrypted goods, in bytes (1 TiB).
pub const MAX_GOODS_BYTES: u64 = 1 << 40;

/// The payment's part of a spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// The server's key, which signs the tickets and the receipt for the goods key.
    pub server: PublicKey,
    /// The ledger id, so that no order for this auction is good in another ledger.
    pub ledger: Digest,
    /// Where the server listens, `host:port`.
    pub address: String,
    /// The highest levels that a bond may pay, increasing.
    pub covers: Vec<Level>,
    /// `T`: until when bonds are held, and by when a sale is done.
    pub held_until: Time,
    /// What the house gets of a sale.
    pub fee: Option<Fee>,
    /// What the winner gets.
    pub delivery: Delivery,
}

/// What the house gets of a sale, rounded down to minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// Whose account it goes to.
    pub house: PublicKey,
    /// In any case.
    pub flat: Amount,
    /// And so many ten-thousandths of the price.
    pub per_ten_thousand: u16,
}

/// What the winner gets for his money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// A file, encrypted; its key comes with the receipt.
    Digital(Goods),
    /// A thing, sent: the price stays in escrow until it is dispatched and not disputed.
    Physical(PhysicalTerms),
}

/// Encrypted goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// The hash of the goods key.
    pub key_hash: Digest,
    /// The tree hash of the encrypted goods.
    pub checksum: Digest,
    /// Length of the encrypted goods, in bytes.
    pub bytes: u64,
}

impl Fee {
    /// The fee at a price; at most the price wherever it is so at the lowest one.
    #[must_use]
    pub fn at(&self, price: Amount) -> Amount {
        let part = u128::from(price.0) * u128::from(self.per_ten_thousand) / 10_000;
        let part = u64::try_from(part).unwrap_or(u64::MAX);
        Amount(self.flat.0.saturating_add(part))
    }
}

impl Delivery {
    fn check(
        &self,
        seller: PublicKey,
        server: PublicKey,
        held_until: Time,
    ) -> Result<(), SpecError> {
        match self {
            Self::Digital(goods) if (1..=MAX_GOODS_BYTES).contains(&goods.bytes) => Ok(()),
            Self::Digital(_) => {
                let (field, expected) = ("goods", "1 byte to 1 TiB of encrypted goods");
                Err(SpecError::Field { field, expected })
            }
            Self::Physical(terms) => terms.check(seller, server, held_until),
        }
    }
}

impl Settlement {
    /// `V`, the middle between the last time and `T`: without a transcript by then, the auction
    /// is void. `last` is the spec's.
    #[must_use]
    pub fn decided_by(&self, last: Time) -> Time {
        Time(last.0 + self.held_until.0.saturating_sub(last.0) / 2)
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        layout.key(&self.server).digest(&self.ledger).bytes(self.address.as_bytes());
        layout.count(self.covers.len());
        for cover in &self.covers {
            layout.u32(cover.0);
        }
        layout.u64(self.held_until.0);
        match &self.fee {
            None => layout.u8(0),
            Some(fee) => layout.u8(1).key(&fee.house).u64(fee.flat.0).u16(fee.per_ten_thousand),
        };
        match &self.delivery {
            Delivery::Digital(goods) => {
                layout.u8(1).digest(&goods.key_hash).digest(&goods.checksum).u64(goods.bytes);
            }
            Delivery::Physical(terms) => terms.write(layout.u8(2)),
        }
    }

    /// Checks the terms beside the ladder, the seller and the times of their spec.
    pub(crate) fn check(
        &self,
        ladder: &PriceLadder,
        seller: PublicKey,
        closing: Time,
        last: Time,
    ) -> Result<(), SpecError> {
        let covers = &self.covers;
        let increasing = covers.is_sorted_by(|a, b| a < b);
        let on_ladder = covers.iter().all(|cover| (1..=ladder.levels()).contains(&cover.0));
        let held = self.held_until.0.saturating_sub(closing.0);
        let rules = [
            (
                "covers",
                "1 to 4 increasing levels of the ladder",
                (1..=MAX_COVERS).contains(&covers.len()) && increasing && on_ladder,
            ),
            ("settlement key", "an Ed25519 key", self.server.is_usable()),
            (
                "settlement address",
                "1 to 260 bytes without control characters",
                (1..=MAX_ADDRESS).contains(&self.address.len())
                    && !self.address.chars().any(char::is_control),
            ),
            (
                "end of the bonds",
                "at least as long after the last time as that is after closing",
                last.0 - closing.0 <= held / 2,
            ),
            (
                "end of the bonds",
                "an hour to 30 days after closing",
                (SHORTEST_BOND_MS..=LONGEST_BOND_MS).contains(&held),
            ),
            ("sale fee", "at most the lowest price", self.fee_fits(ladder)),
        ];
        match rules.iter().find(|(_, _, holds)| !holds) {
            Some((field, expected, _)) => Err(SpecError::Field { field, expected }),
            None => self.delivery.check(seller, self.server, self.held_until),
        }
    }

    fn fee_fits(&self, ladder: &PriceLadder) -> bool {
        let Some(fee) = &self.fee else { return true };
        let lowest = ladder.price(Level(1));
        fee.house.is_usable()
            && fee.per_ten_thousand <= 10_000
            && lowest.is_some_and(|lowest| fee.at(lowest) <= lowest)
    }
}

/// A settlement server's word that it has registered an auction, and holds its goods and the key to
/// them where those are digital: without it no accumulator joins, so that the seller of digital
/// goods has no option left once he learns the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscrowReceipt(pub Signature);

impl EscrowReceipt {
    /// Gives the word for the auction with this id: the settlement server's part.
    #[must_use]
    pub fn sign(auction: &Digest, server: &SecretKey) -> Self {
        Self(server.sign(&Layout::new(Label::EscrowReceipt, auction)))
    }

    /// Checks that `server` gave it for this auction.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, auction: &Digest, server: &PublicKey) -> Result<(), BadSignature> {
        server.verify(&Layout::new(Label::EscrowReceipt, auction), &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::physical_terms::Side;

    fn terms() -> Settlement {
        let key = SecretKey::from_seed(&[3; 32]).public();
        Settlement {
            server: key,
            ledger: Digest([1; 32]),
            address: "settlement.example:7000".to_owned(),
            covers: vec![Level(2), Level(5)],
            held_until: Time(2 * SHORTEST_BOND_MS),
            fee: Some(Fee { house: key, flat: Amount(5), per_ten_thousand: 500 }),
            delivery: Delivery::Digital(Goods {
                key_hash: Digest([2; 32]),
                checksum: Digest([3; 32]),
                bytes: 100,
            }),
        }
    }

    const LADDER: PriceLadder = PriceLadder::Even { min: Amount(10), tick: Amount(1), levels: 5 };

    fn check(terms: &Settlement) -> Result<(), SpecError> {
        terms.check(&LADDER, seller(), Time(1_000), Time(60_000))
    }

    fn seller() -> PublicKey {
        SecretKey::from_seed(&[9; 32]).public()
    }

    #[test]
    fn the_fee_is_rounded_down_and_never_above_the_price() {
        let fee = Fee { per_ten_thousand: 333, ..terms().fee.unwrap() };
        assert_eq!(fee.at(Amount(1_000)), Amount(5 + 33));
        let all = Fee { flat: Amount(0), per_ten_thousand: 10_000, ..fee };
        assert_eq!(all.at(Amount(u64::MAX)), Amount(u64::MAX));
        // At most the price at the lowest level, then at every one above it.
        let dear = Fee { flat: Amount(8), per_ten_thousand: 2_000, ..fee };
        assert!((10..2_000).all(|price| dear.at(Amount(price)) <= Amount(price)));
    }

    #[test]
    fn every_rule_of_the_terms_is_checked() {
        check(&terms()).unwrap();
        let fee = terms().fee.unwrap();
        let goods = |bytes| {
            let (key_hash, checksum) = (Digest([2; 32]), Digest([3; 32]));
            Delivery::Digital(Goods { key_hash, checksum, bytes })
        };
        let sent = |end_of_dispatch| {
            let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
            let later = |hours| Time(end_of_dispatch + hours * SHORTEST_BOND_MS);
            Delivery::Physical(PhysicalTerms {
                dispatcher: key(5),
                arbiter: key(6),
                dispatched_by: later(0),
                disputed_by: later(1),
                awarded_by: later(2),
                otherwise: Side::Seller,
            })
        };
        check(&Settlement { delivery: sent(3 * SHORTEST_BOND_MS), ..terms() }).unwrap();
        let wrong = [
            Settlement { covers: vec![], ..terms() },
            Settlement { covers: vec![Level(3), Level(3)], ..terms() },
            Settlement { covers: vec![Level(6)], ..terms() },
            Settlement { covers: vec![Level(0), Level(2)], ..terms() },
            Settlement { server: PublicKey([0; 32]), ..terms() },
            Settlement { address: String::new(), ..terms() },
            Settlement { address: "a\u{7}".to_owned(), ..terms() },
            Settlement { held_until: Time(1_000 + SHORTEST_BOND_MS - 1), ..terms() },
            Settlement { held_until: Time(1_001 + LONGEST_BOND_MS), ..terms() },
            Settlement { fee: Some(Fee { flat: Amount(11), ..fee }), ..terms() },
            Settlement { fee: Some(Fee { per_ten_thousand: 10_001, ..fee }), ..terms() },
            Settlement { fee: Some(Fee { house: PublicKey([0; 32]), ..fee }), ..terms() },
            Settlement { delivery: goods(0), ..terms() },
            Settlement { delivery: goods(MAX_GOODS_BYTES + 1), ..terms() },
            Settlement { delivery: sent(3 * SHORTEST_BOND_MS - 1), ..terms() },
        ];
        for terms in wrong {
            assert!(check(&terms).is_err(), "{terms:?}");
        }
        let late = terms().check(&LADDER, seller(), Time(0), Time(SHORTEST_BOND_MS + 1));
        assert!(late.is_err());
    }

    #[test]
    fn the_decision_is_in_the_middle_between_last_time_and_end() {
        assert_eq!(terms().decided_by(Time(SHORTEST_BOND_MS)), Time(SHORTEST_BOND_MS * 3 / 2));
    }

    #[test]
    fn an_escrow_receipt_is_for_one_auction_of_one_server() {
        let server = SecretKey::from_seed(&[3; 32]);
        let receipt = EscrowReceipt::sign(&Digest([7; 32]), &server);
        assert!(receipt.verify(&Digest([7; 32]), &server.public()).is_ok());
        assert!(receipt.verify(&Digest([8; 32]), &server.public()).is_err());
        let other = SecretKey::from_seed(&[4; 32]).public();
        assert!(receipt.verify(&Digest([7; 32]), &other).is_err());
    }
}
