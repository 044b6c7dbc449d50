//! The prices of an auction: a strictly increasing list, one price a level.

use serde::{Deserialize, Serialize};

use crate::layout::Layout;
use crate::money::Amount;

/// Most levels of an auction.
pub const MAX_LEVELS: u32 = 16_384;

/// A level, counted from 1 (the reserve price) to `K`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Level(pub u32);

impl Level {
    /// Position in a vector with one entry a level.
    #[must_use]
    pub fn index(self) -> usize {
        (self.0 as usize).saturating_sub(1)
    }
}

/// The price of each level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceLadder {
    /// `levels` prices from `min` on, `tick` apart.
    Even {
        /// Price of level 1: the reserve price.
        min: Amount,
        /// Difference of neighbouring prices.
        tick: Amount,
        /// Number of levels, `K`.
        levels: u32,
    },
    /// Every price by itself.
    Listed(Vec<Amount>),
}

/// A list of prices that no auction can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LadderError {
    /// No level, or too many.
    #[error("got {got} levels, expected 1 to {MAX_LEVELS}")]
    Levels {
        /// Levels asked for.
        got: u64,
    },
    /// Prices do not strictly increase.
    #[error("prices must strictly increase: level {level} is not above the one before")]
    NotIncreasing {
        /// The first level that is wrong.
        level: u32,
    },
    /// The highest price cannot be counted.
    #[error("the highest price is larger than an amount can be")]
    TooHigh,
}

/// A price that is not on the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OffLadder {
    /// Below the reserve price.
    #[error("the price is below the reserve price")]
    BelowReserve {
        /// The reserve price.
        reserve: Amount,
    },
    /// Above the highest price.
    #[error("the price is above the highest price of the auction")]
    AboveTop {
        /// The highest price.
        top: Amount,
    },
    /// Between two levels.
    #[error("the price lies between two levels of the auction")]
    Between {
        /// Next lower price.
        below: Amount,
        /// Next higher price.
        above: Amount,
    },
}

impl PriceLadder {
    /// Checks the rules of PROTOCOL section 1: 1 to [`MAX_LEVELS`] strictly increasing prices.
    ///
    /// # Errors
    /// [`LadderError`].
    pub fn check(&self) -> Result<(), LadderError> {
        let count = match self {
            Self::Even { levels, .. } => u64::from(*levels),
            Self::Listed(prices) => prices.len() as u64,
        };
        if count == 0 || count > u64::from(MAX_LEVELS) {
            return Err(LadderError::Levels { got: count });
        }
        match self {
            Self::Even { tick: Amount(0), levels: 2.., .. } => {
                Err(LadderError::NotIncreasing { level: 2 })
            }
            Self::Even { min, tick, levels } => tick
                .0
                .checked_mul(u64::from(levels - 1))
                .and_then(|span| span.checked_add(min.0))
                .map(|_| ())
                .ok_or(LadderError::TooHigh),
            Self::Listed(prices) => match prices.is_sorted_by(|a, b| a < b) {
                true => Ok(()),
                false => {
                    let wrong = prices.windows(2).position(|pair| pair[0] >= pair[1]);
                    // At most MAX_LEVELS prices, checked above.
                    Err(LadderError::NotIncreasing { level: wrong.unwrap_or(0) as u32 + 2 })
                }
            },
        }
    }

    /// Number of levels, `K`.
    #[must_use]
    pub fn levels(&self) -> u32 {
        match self {
            Self::Even { levels, .. } => *levels,
            // More are refused by `check`.
            Self::Listed(prices) => prices.len() as u32,
        }
    }

    /// The price of a level.
    #[must_use]
    pub fn price(&self, level: Level) -> Option<Amount> {
        if level.0 == 0 || level.0 > self.levels() {
            return None;
        }
        match self {
            Self::Even { min, tick, .. } => tick
                .0
                .checked_mul(u64::from(level.0 - 1))
                .and_then(|above| above.checked_add(min.0))
                .map(Amount),
            Self::Listed(prices) => prices.get(level.index()).copied(),
        }
    }

    /// The level of a price.
    ///
    /// # Errors
    /// [`OffLadder`] with the nearest prices, when no level has this price.
    pub fn level_of(&self, price: Amount) -> Result<Level, OffLadder> {
        let at = |level: u32| self.price(Level(level)).unwrap_or(Amount(u64::MAX));
        let (reserve, top) = (at(1), at(self.levels()));
        if price < reserve {
            return Err(OffLadder::BelowReserve { reserve });
        }
        if price > top {
            return Err(OffLadder::AboveTop { top });
        }
        let (mut low, mut high) = (1, self.levels());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if at(middle) <= price { low = middle } else { high = middle - 1 }
        }
        if at(low) == price {
            Ok(Level(low))
        } else {
            Err(OffLadder::Between { below: at(low), above: at(low + 1) })
        }
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        match self {
            Self::Even { min, tick, levels } => {
                layout.u8(0).u64(min.0).u64(tick.0).u32(*levels);
            }
            Self::Listed(prices) => {
                layout.u8(1).count(prices.len());
                for price in prices {
                    layout.u64(price.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_prices_agree() {
        let even = PriceLadder::Even { min: Amount(500), tick: Amount(25), levels: 9 };
        let listed = PriceLadder::Listed((0..9).map(|i| Amount(500 + 25 * i)).collect());
        for ladder in [even, listed] {
            assert_eq!(ladder.check(), Ok(()));
            for level in 1..=9 {
                let price = ladder.price(Level(level)).unwrap();
                assert_eq!(ladder.level_of(price), Ok(Level(level)));
            }
            assert_eq!(ladder.price(Level(0)), None);
            assert_eq!(ladder.price(Level(10)), None);
            let reserve = Amount(500);
            assert_eq!(ladder.level_of(Amount(499)), Err(OffLadder::BelowReserve { reserve }));
            assert_eq!(ladder.level_of(Amount(701)), Err(OffLadder::AboveTop { top: Amount(700) }));
            assert_eq!(
                ladder.level_of(Amount(530)),
                Err(OffLadder::Between { below: Amount(525), above: Amount(550) })
            );
        }
    }

    #[test]
    fn impossible_ladders_are_refused() {
        let even = |min, tick, levels| {
            PriceLadder::Even { min: Amount(min), tick: Amount(tick), levels }.check()
        };
        assert_eq!(even(1, 1, 0), Err(LadderError::Levels { got: 0 }));
        assert_eq!(even(1, 1, MAX_LEVELS + 1), Err(LadderError::Levels { got: 16_385 }));
        assert_eq!(even(1, 0, 2), Err(LadderError::NotIncreasing { level: 2 }));
        assert_eq!(even(1, 0, 1), Ok(()));
        assert_eq!(even(u64::MAX, 1, 2), Err(LadderError::TooHigh));
        assert_eq!(even(0, u64::MAX, 3), Err(LadderError::TooHigh));
        let listed = PriceLadder::Listed(vec![Amount(1), Amount(3), Amount(3)]);
        assert_eq!(listed.check(), Err(LadderError::NotIncreasing { level: 3 }));
    }
}
