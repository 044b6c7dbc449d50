//! What a word or the time does with the price of physical goods. SETTLEMENT, section "Physical
//! goods", steps 3 and 4.

use auction::layout::Digest;
use auction::money::Amount;
use auction::physical_terms::Side;
use auction::spec::Time;
use serde::{Deserialize, Serialize};

use super::state::{Place, Times};
use super::word::{Saying, VerifiedWord, Word};
use crate::auctions::attachment::SaleFacts;

/// How far a delivery is while the price is in escrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Paid; dispatch is waited for until T2.
    Sold,
    /// Dispatched; a dispute is waited for until T3.
    Dispatched,
    /// Disputed; the arbiter is waited for until T4.
    Disputed,
}

/// A price in escrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InEscrow<'a> {
    /// Who paid what.
    pub sale: &'a SaleFacts,
    /// The sale's times.
    pub times: Times,
    /// What is waited for.
    pub stage: Stage,
}

/// What a word does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Nothing: the journal holds it already.
    Again {
        /// The journal entry.
        entry: u64,
        /// The entry's time.
        time: Time,
    },
    /// It is noted, and moves no money.
    Noted(Note),
    /// The price leaves escrow.
    PaidOut(Payout),
}

/// A word that moves no money, to be journaled. Only the decision makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    word: Word,
    place: Place,
    until: Time,
}

/// A payout to be made. Only the decision makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    record: PayoutRecord,
    /// When what decided it would not count any more; nothing where it was the time itself.
    until: Option<Time>,
}

/// What is journaled beside a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRecord {
    /// The auction id.
    pub auction: Digest,
    /// Why.
    pub ground: Ground,
    /// To whom.
    pub shares: Shares,
}

/// Why the price leaves escrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ground {
    /// T2 came, and dispatch was not proved.
    Undispatched,
    /// The winner says that he has the goods.
    Received(Word),
    /// T3 came, the goods were dispatched, and nobody disputed.
    Undisputed,
    /// The arbiter's word.
    Awarded(Word),
    /// T4 came, and the arbiter had said nothing.
    Unawarded,
}

/// How a price is divided. The three together are the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    /// To the seller, the fee taken off.
    pub seller: Amount,
    /// To the house: the sale fee in proportion to what the seller gets of the price.
    pub house: Amount,
    /// Back to the winner.
    pub winner: Amount,
}

/// Why a word does nothing, or nothing is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// The price has left escrow.
    #[error("the price has left escrow already, and nothing is decided twice")]
    PaidOut,
    /// A word of that kind stands.
    #[error("another such word is in the journal already, and the first one stands")]
    Said,
    /// What the word is about has not happened.
    #[error("there is no dispatch yet: nothing can be disputed")]
    NotDispatched,
    /// What the word is about has not happened.
    #[error("there is no dispute: the arbiter has nothing to decide")]
    NotDisputed,
    /// The word's time is over.
    #[error("the word comes after {}", .0.end())]
    TooLate(Stage),
    /// A word may still come.
    #[error("nothing is due before {}", .0.end())]
    TooEarly(Stage),
    /// The award does not divide the price.
    #[error("got an award of {to_seller} and {to_winner}, expected parts of {price}", 
        to_seller = .to_seller.0, to_winner = .to_winner.0, price = .price.0)]
    NotThePrice {
        /// The seller's part, in minor units.
        to_seller: Amount,
        /// The winner's.
        to_winner: Amount,
        /// What there is to divide.
        price: Amount,
    },
}

impl Stage {
    /// The end of the stage, in words.
    fn end(self) -> &'static str {
        match self {
            Self::Sold => "T2, the end of dispatch",
            Self::Dispatched => "T3, the end of disputes",
            Self::Disputed => "T4, the end of arbitration",
        }
    }
}

impl InEscrow<'_> {
    /// When the stage ends: the price then goes where the terms say.
    #[must_use]
    pub fn ends(&self) -> Time {
        match self.stage {
            Stage::Sold => self.times.dispatched_by(),
            Stage::Dispatched => self.times.disputed_by(),
            Stage::Disputed => self.times.awarded_by(),
        }
    }

    /// What a word does at this time.
    ///
    /// # Errors
    /// [`Unheard`].
    pub fn hear(&self, word: &VerifiedWord, now: Time) -> Result<Heard, Unheard> {
        let price = self.sale.price;
        let ground = |ground: fn(Word) -> Ground| ground(word.word().clone());
        let done = match word.saying() {
            Saying::Dispatched { .. } if self.stage == Stage::Sold => {
                self.note(word, Place::Dispatch)
            }
            Saying::Dispatched { .. } => return Err(Unheard::Said),
            Saying::Disputed { .. } => match self.stage {
                Stage::Sold => return Err(Unheard::NotDispatched),
                Stage::Dispatched => self.note(word, Place::Dispute),
                Stage::Disputed => return Err(Unheard::Said),
            },
            Saying::Received => self.pay(ground(Ground::Received), price),
            Saying::Awarded { .. } if self.stage != Stage::Disputed => {
                return Err(Unheard::NotDisputed);
            }
            Saying::Awarded { to_seller, to_winner, .. } => {
                let (to_seller, to_winner) = (*to_seller, *to_winner);
                if to_seller.0.checked_add(to_winner.0) != Some(price.0) {
                    return Err(Unheard::NotThePrice { to_seller, to_winner, price });
                }
                self.pay(ground(Ground::Awarded), to_seller)
            }
        };
        if now >= self.ends() { Err(Unheard::TooLate(self.stage)) } else { Ok(done) }
    }

    /// What is due at this time without a word.
    ///
    /// # Errors
    /// [`Unheard::TooEarly`].
    pub fn due(&self, now: Time) -> Result<Payout, Unheard> {
        if now < self.ends() {
            return Err(Unheard::TooEarly(self.stage));
        }
        let (ground, to) = match self.stage {
            Stage::Sold => (Ground::Undispatched, Side::Winner),
            Stage::Dispatched => (Ground::Undisputed, Side::Seller),
            Stage::Disputed => (Ground::Unawarded, self.times.otherwise()),
        };
        let to_seller = match to {
            Side::Seller => self.sale.price,
            Side::Winner => Amount(0),
        };
        Ok(Payout { record: self.record(ground, to_seller), until: None })
    }

    fn note(&self, word: &VerifiedWord, place: Place) -> Heard {
        Heard::Noted(Note { word: word.word().clone(), place, until: self.ends() })
    }

    fn pay(&self, ground: Ground, to_seller: Amount) -> Heard {
        let until = Some(self.ends());
        Heard::PaidOut(Payout { record: self.record(ground, to_seller), until })
    }

    fn record(&self, ground: Ground, to_seller: Amount) -> PayoutRecord {
        let shares = Shares::of(self.sale.price, self.sale.fee, to_seller);
        PayoutRecord { auction: self.sale.auction, ground, shares }
    }
}

impl Shares {
    /// Divides a price of which `to_seller`, at most all, is the seller's before the fee. The house
    /// gets the fee of the sale in the same proportion, rounded down: the whole of it of a whole
    /// sale, nothing of one that was undone.
    #[must_use]
    pub fn of(price: Amount, fee: Amount, to_seller: Amount) -> Self {
        let to_seller = to_seller.0.min(price.0);
        // At most the fee, since the part is at most the price; of a price of zero there is none.
        let part = u128::from(fee.0) * u128::from(to_seller) / u128::from(price.0.max(1));
        let house = u64::try_from(part).unwrap_or(u64::MAX).min(to_seller);
        Self {
            seller: Amount(to_seller - house),
            house: Amount(house),
            winner: Amount(price.0 - to_seller),
        }
    }
}

impl Note {
    /// The word.
    #[must_use]
    pub fn word(&self) -> &Word {
        &self.word
    }

    /// Where in the delivery it belongs.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The journal takes it before this moment.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }
}

impl Payout {
    /// What is journaled beside it.
    #[must_use]
    pub fn record(&self) -> &PayoutRecord {
        &self.record
    }

    /// The journal takes it before this moment; nothing where there is no such moment.
    #[must_use]
    pub fn until(&self) -> Option<Time> {
        self.until
    }
}

impl Ground {
    /// The word that it rests on.
    #[must_use]
    pub fn word(&self) -> Option<&Word> {
        match self {
            Self::Received(word) | Self::Awarded(word) => Some(word),
            Self::Undispatched | Self::Undisputed | Self::Unawarded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_price_and_the_fee_is_in_proportion() {
        let shares = |price, fee, part| {
            let Shares { seller, house, winner } =
                Shares::of(Amount(price), Amount(fee), Amount(part));
            (seller.0, house.0, winner.0)
        };
        assert_eq!(shares(1_050, 31, 1_050), (1_019, 31, 0));
        assert_eq!(shares(1_050, 31, 0), (0, 0, 1_050));
        // 31 * 500 / 1050 is 14 and a bit.
        assert_eq!(shares(1_050, 31, 500), (486, 14, 550));
        assert_eq!(shares(1_050, 1_050, 1), (0, 1, 1_049));
        assert_eq!(shares(0, 0, 0), (0, 0, 0));
        let most = u64::MAX;
        assert_eq!(shares(most, most, most), (0, most, 0));
        assert_eq!(shares(most, most, most - 1), (0, most - 1, 1));
        for (price, fee) in [(7, 3), (100, 99), (1, 1), (1_000_003, 31)] {
            for part in (0..=price).step_by(1 + price as usize / 97) {
                let (seller, house, winner) = shares(price, fee, part);
                assert_eq!(seller + house + winner, price);
                assert!(house <= fee && house * price <= fee * part, "{price} {fee} {part}");
            }
        }
    }
}
