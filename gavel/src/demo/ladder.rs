//! Which prices the demonstration's auction has, so that the prices of the file fit.
//!
//! A real auction fixes its prices before any bid; here the file comes first.

use auction::money::{Amount, Currency, MoneyError};
use auction::prices::{LadderError, Level, MAX_LEVELS, OffLadder, PriceLadder};

use super::bids_file::Row;
use crate::price_text::PriceText;

/// Fewest decimals of the currency, unless others are asked for.
const DECIMALS: u8 = 2;

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wishes {
    /// Code of the currency.
    pub(crate) currency: String,
    /// Decimals of the currency.
    pub(crate) decimals: Option<u8>,
    /// The reserve price.
    pub(crate) min: Option<PriceText>,
    /// Difference of neighbouring prices.
    pub(crate) tick: Option<PriceText>,
    /// Number of prices.
    pub(crate) levels: Option<u32>,
}

/// The prices of the auction, and where every bid of the file stands among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) currency: Currency,
    pub(crate) ladder: PriceLadder,
    /// By row of the file; `None` for a price below the reserve.
    pub(crate) levels: Vec<Option<Level>>,
    /// Whether the file's own prices are listed, because an even ladder has too many levels.
    pub(crate) listed: bool,
}

/// Prices of which no ladder can be made, or that are not on the one asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LadderChoiceError {
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error("--{option}: {source}")]
    Option { option: &'static str, source: MoneyError },
    #[error("--tick must be above zero")]
    NoTick,
    #[error("line {line}, column price: {source}")]
    Row { line: u64, source: MoneyError },
    #[error("line {line}, column price: got '{text}' of {bidder}, {problem}")]
    Off { line: u64, text: String, bidder: String, problem: String },
    #[error(
        "prices from {min} to {max} every {tick} need {needed} levels, expected at most {MAX_LEVELS}"
    )]
    TooManyLevels { min: String, max: String, tick: String, needed: u64 },
    #[error("the file has {got} different prices, expected at most {MAX_LEVELS}")]
    TooManyPrices { got: usize },
    #[error(transparent)]
    Ladder(#[from] LadderError),
}

impl LadderChoiceError {
    /// What to do about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Money(_) => "name the currency by its three-letter code: --currency EUR",
            Self::Option { .. } | Self::NoTick => "give a price such as 0.50",
            Self::Row { .. } => "mend the price in the file, or ask for other --decimals",
            Self::Off { .. } => {
                "mend the price in the file, or choose --min, --tick and --levels so that it fits; \
                 without them they are chosen from the file"
            }
            Self::TooManyLevels { .. } => {
                "raise --tick or --min; without --min, --tick and --levels the file's own prices \
                 are listed"
            }
            Self::TooManyPrices { .. } => "round the prices in the file",
            Self::Ladder(_) => "choose other --min, --tick and --levels",
        }
    }
}

/// Chooses currency and ladder for the rows, as far as the wishes leave it open.
pub(crate) fn choose(rows: &[Row], wishes: &Wishes) -> Result<Choice, LadderChoiceError> {
    let currency = Currency::new(&wishes.currency, decimals(rows, wishes))?;
    let amounts = rows
        .iter()
        .map(|row| {
            let named = |source| LadderChoiceError::Row { line: row.line, source };
            currency.parse(&row.text).map_err(named)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let (ladder, listed) = ladder(&currency, &amounts, wishes)?;
    ladder.check()?;
    let levels = rows
        .iter()
        .zip(&amounts)
        .map(|(row, amount)| place(&currency, &ladder, row, *amount))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Choice { currency, ladder, levels, listed })
}

/// As many decimals as all prices need, at least two, at most what a currency may have.
fn decimals(rows: &[Row], wishes: &Wishes) -> u8 {
    let options = wishes.min.iter().chain(&wishes.tick).map(PriceText::decimal);
    let needed = rows.iter().map(|row| &row.price).chain(options);
    let most = needed.map(auction::money::Decimal::significant_decimals).max().unwrap_or(0);
    let most = u8::try_from(most).unwrap_or(u8::MAX).min(auction::money::MAX_DECIMALS);
    wishes.decimals.unwrap_or(most.max(DECIMALS))
}

fn ladder(
    currency: &Currency,
    amounts: &[Amount],
    wishes: &Wishes,
) -> Result<(PriceLadder, bool), LadderChoiceError> {
    let option = |option: &'static str, text: &Option<PriceText>| {
        let parsed = text.as_ref().map(|text| currency.parse(text.as_str())).transpose();
        parsed.map_err(|source| LadderChoiceError::Option { option, source })
    };
    // Without bids any price will do, but for nothing, which no bond can stand behind.
    let lowest = amounts.iter().min().copied().unwrap_or(Amount(1));
    let min = option("min", &wishes.min)?.unwrap_or(lowest);
    let above = || amounts.iter().filter_map(|amount| amount.0.checked_sub(min.0));
    let span = above().max().unwrap_or(0);
    let tick = match option("tick", &wishes.tick)? {
        Some(Amount(0)) => return Err(LadderChoiceError::NoTick),
        Some(tick) => tick.0,
        // All prices the same: any tick will do.
        None => above().fold(0, greatest_common_divisor).max(1),
    };
    // Enough levels that the highest price is not above the last.
    let needed = span.div_ceil(tick).saturating_add(1);
    let levels = match wishes.levels {
        Some(levels) => levels,
        None if needed <= u64::from(MAX_LEVELS) => u32::try_from(needed).unwrap_or(MAX_LEVELS),
        None if wishes.min.is_none() && wishes.tick.is_none() => {
            return Ok((listed(amounts)?, true));
        }
        None => {
            return Err(LadderChoiceError::TooManyLevels {
                min: currency.format(min),
                max: currency.format(Amount(min.0.saturating_add(span))),
                tick: currency.format(Amount(tick)),
                needed,
            });
        }
    };
    Ok((PriceLadder::Even { min, tick: Amount(tick), levels }, false))
}

/// A ladder of exactly the given prices.
fn listed(amounts: &[Amount]) -> Result<PriceLadder, LadderChoiceError> {
    let mut prices = amounts.to_vec();
    prices.sort_unstable();
    prices.dedup();
    if prices.len() > MAX_LEVELS as usize {
        return Err(LadderChoiceError::TooManyPrices { got: prices.len() });
    }
    Ok(PriceLadder::Listed(prices))
}

/// The level of a row's price; `None` below the reserve.
fn place(
    currency: &Currency,
    ladder: &PriceLadder,
    row: &Row,
    amount: Amount,
) -> Result<Option<Level>, LadderChoiceError> {
    let problem = match ladder.level_of(amount) {
        Ok(level) => return Ok(Some(level)),
        Err(OffLadder::BelowReserve { .. }) => return Ok(None),
        Err(OffLadder::AboveTop { top }) => {
            format!("expected at most {}, the highest price of the auction", currency.format(top))
        }
        Err(OffLadder::Between { below, above }) => {
            let (below, above) = (currency.format(below), currency.format(above));
            format!("which is no price of the auction: the nearest are {below} and {above}")
        }
    };
    let (text, bidder) = (row.text.clone(), row.bidder.clone());
    Err(LadderChoiceError::Off { line: row.line, text, bidder, problem })
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::bids_file::{SHIPPED, parse};

    fn rows(prices: &[&str]) -> Vec<Row> {
        let lines: String =
            prices.iter().enumerate().map(|(i, price)| format!("b{i},{price}\n")).collect();
        parse(format!("bidder,price\n{lines}").as_bytes()).unwrap()
    }

    fn wishes() -> Wishes {
        Wishes { currency: "EUR".to_owned(), ..Wishes::default() }
    }

    fn price(text: &str) -> Option<PriceText> {
        Some(text.parse().unwrap())
    }

    fn even(min: u64, tick: u64, levels: u32) -> PriceLadder {
        PriceLadder::Even { min: Amount(min), tick: Amount(tick), levels }
    }

    fn levels(choice: &Choice) -> Vec<Option<u32>> {
        choice.levels.iter().map(|level| level.map(|level| level.0)).collect()
    }

    #[test]
    fn by_itself_it_runs_from_the_lowest_to_the_highest_price() {
        let choice = choose(&rows(&["12", "10.50", "13.50"]), &wishes()).unwrap();
        assert_eq!(choice.ladder, even(1050, 150, 3));
        assert_eq!(levels(&choice), [Some(2), Some(1), Some(3)]);
        assert_eq!(choice.currency.decimals(), 2);
    }

    #[test]
    fn equal_prices_one_price_and_no_price_give_one_level() {
        assert_eq!(choose(&rows(&["5", "5.00"]), &wishes()).unwrap().ladder, even(500, 1, 1));
        assert_eq!(choose(&rows(&["5"]), &wishes()).unwrap().ladder, even(500, 1, 1));
        assert_eq!(choose(&rows(&[]), &wishes()).unwrap().ladder, even(1, 1, 1));
    }

    #[test]
    fn decimals_follow_the_prices() {
        let choice = choose(&rows(&["0.0005", "1.10"]), &wishes()).unwrap();
        assert_eq!(choice.currency.decimals(), 4);
        let yen = Wishes { currency: "JPY".to_owned(), decimals: Some(0), ..wishes() };
        assert_eq!(choose(&rows(&["500"]), &yen).unwrap().currency.format(Amount(500)), "500");
        let error = choose(&rows(&["5.5"]), &yen).unwrap_err().to_string();
        assert!(
            error.starts_with("line 2, column price: got '5.5', expected at most 0"),
            "{error}"
        );
        let error = choose(&rows(&["0.0000000001"]), &wishes()).unwrap_err().to_string();
        assert!(error.contains("expected at most 9 digits after the point"), "{error}");
    }

    #[test]
    fn a_minimum_leaves_lower_prices_out_and_counts_in_the_tick() {
        let with = Wishes { min: price("11"), ..wishes() };
        let choice = choose(&rows(&["12", "10.50", "14"]), &with).unwrap();
        assert_eq!(choice.ladder, even(1100, 100, 4));
        assert_eq!(levels(&choice), [Some(2), None, Some(4)]);
        let all_below = choose(&rows(&["1", "2"]), &with).unwrap();
        assert_eq!(levels(&all_below), [None, None]);
    }

    #[test]
    fn a_price_off_the_ladder_is_named_with_its_neighbours() {
        let with = Wishes { tick: price("5"), ..wishes() };
        let error = choose(&rows(&["10", "12.50"]), &with).unwrap_err().to_string();
        assert_eq!(
            error,
            "line 3, column price: got '12.50' of b1, which is no price of the auction: \
             the nearest are 10.00 and 15.00"
        );
        let with = Wishes { tick: price("5"), levels: Some(2), ..wishes() };
        let error = choose(&rows(&["10", "20"]), &with).unwrap_err().to_string();
        assert!(error.ends_with("expected at most 15.00, the highest price of the auction"));
    }

    #[test]
    fn more_levels_than_needed_are_made_when_asked_for() {
        let with = Wishes { levels: Some(100), ..wishes() };
        assert_eq!(choose(&rows(&["10", "12"]), &with).unwrap().ladder, even(1000, 200, 100));
    }

    #[test]
    fn too_many_levels_become_a_list_unless_the_ladder_was_asked_for() {
        let wide = rows(&["0.01", "10000.00", "3.50", "3.5"]);
        let choice = choose(&wide, &wishes()).unwrap();
        assert!(choice.listed);
        assert_eq!(
            choice.ladder,
            PriceLadder::Listed(vec![Amount(1), Amount(350), Amount(1_000_000)])
        );
        assert_eq!(levels(&choice), [Some(1), Some(3), Some(2), Some(2)]);
        let with = Wishes { tick: price("0.01"), ..wishes() };
        assert_eq!(
            choose(&wide, &with).unwrap_err().to_string(),
            "prices from 0.01 to 10000.00 every 0.01 need 1000000 levels, expected at most 16384"
        );
        let with = Wishes { levels: Some(16_385), ..wishes() };
        assert_eq!(
            choose(&wide, &with),
            Err(LadderChoiceError::Ladder(LadderError::Levels { got: 16_385 }))
        );
    }

    #[test]
    fn exactly_the_most_levels_stay_an_even_ladder() {
        let choice = choose(&rows(&["0.01", "0.02", "163.84"]), &wishes()).unwrap();
        assert_eq!(choice.ladder, even(1, 1, MAX_LEVELS));
        assert!(choose(&rows(&["0.01", "0.02", "163.85"]), &wishes()).unwrap().listed);
    }

    #[test]
    fn prices_beyond_counting_are_refused_and_the_largest_are_not() {
        let error = choose(&rows(&["184467440737095516.16"]), &wishes()).unwrap_err().to_string();
        assert!(error.starts_with("line 2, column price: got '184467440737095516.16', expected at most 184467440737095516.15"), "{error}");
        let largest = choose(&rows(&["184467440737095516.15", "0"]), &wishes()).unwrap();
        assert_eq!(levels(&largest), [Some(2), Some(1)]);
        let none = Wishes { tick: price("0"), ..wishes() };
        assert_eq!(choose(&rows(&["1"]), &none), Err(LadderChoiceError::NoTick));
    }

    #[test]
    fn the_shipped_file_fits_a_ladder() {
        let shipped = parse(SHIPPED.as_bytes()).unwrap();
        let choice = choose(&shipped, &wishes()).unwrap();
        assert_eq!(choice.ladder, even(7500, 50, 135));
        assert!(choice.levels.iter().all(Option::is_some));
    }
}
