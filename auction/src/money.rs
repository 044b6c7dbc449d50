//! Money as people write it, and as it is counted: whole minor units of a currency.

use num_bigint::BigUint;
use num_traits::{Pow as _, ToPrimitive as _};
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// An amount in minor units (cents, where the currency has two decimals).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount(pub u64);

/// A currency: an ISO 4217 code and how many decimals its amounts are written with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

/// Most decimals a currency may have.
pub const MAX_DECIMALS: u8 = 9;

/// Longest amount that is read, in characters.
pub const MAX_AMOUNT_TEXT: usize = 64;

/// Text that is no amount of money, or no currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("got '{text}', expected an amount such as 12.50: digits, and at most one point")]
    NotDecimal {
        /// What was read.
        text: String,
    },
    /// More decimals than the currency has.
    #[error("got '{text}', expected at most {decimals} digits after the point for {code}")]
    TooPrecise {
        /// What was read.
        text: String,
        /// Decimals of the currency.
        decimals: u8,
        /// The currency's code.
        code: String,
    },
    /// More minor units than can be counted.
    #[error("got '{text}', expected at most {limit}")]
    TooLarge {
        /// What was read.
        text: String,
        /// The largest amount of the currency.
        limit: String,
    },
    /// Not a currency code.
    #[error("got currency '{text}', expected three capital letters such as EUR")]
    NotCurrency {
        /// What was read.
        text: String,
    },
    /// More decimals than any currency has.
    #[error("got {got} decimals, expected at most {MAX_DECIMALS}")]
    Decimals {
        /// What was asked for.
        got: u8,
    },
}

impl Currency {
    /// A currency of the given code and decimals.
    ///
    /// # Errors
    /// [`MoneyError::NotCurrency`] or [`MoneyError::Decimals`].
    pub fn new(code: &str, decimals: u8) -> Result<Self, MoneyError> {
        let not_currency = || MoneyError::NotCurrency { text: code.chars().take(16).collect() };
        let bytes: [u8; 3] = code.as_bytes().try_into().map_err(|_| not_currency())?;
        let currency = Self { code: bytes, decimals };
        if !bytes.iter().all(u8::is_ascii_uppercase) {
            return Err(not_currency());
        }
        if decimals > MAX_DECIMALS {
            return Err(MoneyError::Decimals { got: decimals });
        }
        Ok(currency)
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(&self) -> String {
        String::from_utf8_lossy(&self.code).into_owned()
    }

    /// Digits after the point.
    #[must_use]
    pub fn decimals(&self) -> u8 {
        self.decimals
    }

    /// Whether a received currency is one that [`Currency::new`] would make.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.code.iter().all(u8::is_ascii_uppercase) && self.decimals <= MAX_DECIMALS
    }

    /// Reads an amount such as `12`, `12.5` or `12.50`, exactly.
    ///
    /// # Errors
    /// [`MoneyError`] when the text is no decimal number, too precise or too large.
    pub fn parse(&self, text: &str) -> Result<Amount, MoneyError> {
        let decimal = Decimal::parse(text)?;
        let minor = decimal.scaled(self.decimals).ok_or_else(|| MoneyError::TooPrecise {
            text: text.trim().to_owned(),
            decimals: self.decimals,
            code: self.code(),
        })?;
        minor.to_u64().map(Amount).ok_or_else(|| MoneyError::TooLarge {
            text: text.trim().to_owned(),
            limit: self.format(Amount(u64::MAX)),
        })
    }

    /// Writes an amount with all the currency's decimals and without its code: `12.50`.
    #[must_use]
    pub fn format(&self, amount: Amount) -> String {
        let decimals = usize::from(self.decimals);
        let digits = format!("{:0>width$}", amount.0, width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
    }

    /// Writes an amount as people do: `12.50 EUR`.
    #[must_use]
    pub fn display(&self, amount: Amount) -> String {
        format!("{} {}", self.format(amount), self.code())
    }

    pub(crate) fn write(&self, layout: &mut Layout) {
        layout.fixed(&self.code).u8(self.decimals);
    }
}

/// A decimal number of any size, before it is known in which currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    digits: BigUint,
    decimals: u32,
}

impl Decimal {
    /// Reads digits with at most one point among them.
    ///
    /// # Errors
    /// [`MoneyError::NotDecimal`] for anything else.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        let text = text.trim();
        let refused =
            || MoneyError::NotDecimal { text: text.chars().take(MAX_AMOUNT_TEXT).collect() };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let all = format!("{whole}{part}");
        let well_formed = !whole.is_empty()
            && (part.is_empty() != text.contains('.'))
            && text.len() <= MAX_AMOUNT_TEXT
            && all.bytes().all(|byte| byte.is_ascii_digit());
        if !well_formed {
            return Err(refused());
        }
        let digits = BigUint::parse_bytes(all.as_bytes(), 10).ok_or_else(refused)?;
        // At most MAX_AMOUNT_TEXT characters, so the count fits.
        Ok(Self { digits, decimals: part.len() as u32 })
    }

    /// Digits after the point that are needed to write the number exactly.
    #[must_use]
    pub fn significant_decimals(&self) -> u32 {
        let ten = BigUint::from(10u8);
        let (mut digits, mut decimals) = (self.digits.clone(), self.decimals);
        while decimals > 0 && (&digits % &ten) == BigUint::ZERO {
            digits /= &ten;
            decimals -= 1;
        }
        decimals
    }

    /// The number times ten to the power `decimals`, where that is whole.
    #[must_use]
    pub fn scaled(&self, decimals: u8) -> Option<BigUint> {
        let (have, want) = (self.decimals, u32::from(decimals));
        let power = BigUint::from(10u8).pow(have.abs_diff(want));
        if have <= want {
            Some(&self.digits * power)
        } else {
            (&self.digits % &power == BigUint::ZERO).then(|| &self.digits / power)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur() -> Currency {
        Currency::new("EUR", 2).unwrap()
    }

    #[test]
    fn reads_and_writes_as_people_do() {
        for (text, minor, shown) in [
            ("12", 1200, "12.00"),
            ("12.5", 1250, "12.50"),
            (" 12.50 ", 1250, "12.50"),
            ("12.500", 1250, "12.50"),
            ("0.01", 1, "0.01"),
            ("0", 0, "0.00"),
            ("007", 700, "7.00"),
        ] {
            assert_eq!(eur().parse(text), Ok(Amount(minor)), "{text}");
            assert_eq!(eur().format(Amount(minor)), shown);
        }
        assert_eq!(eur().display(Amount(1250)), "12.50 EUR");
        assert_eq!(Currency::new("JPY", 0).unwrap().format(Amount(7)), "7");
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.2.3", "NaN", "0x10", "1 000", "١"]
        {
            assert!(matches!(eur().parse(text), Err(MoneyError::NotDecimal { .. })), "{text}");
        }
        assert!(matches!(eur().parse("0.001"), Err(MoneyError::TooPrecise { .. })));
        assert!(matches!(eur().parse("184467440737095516.16"), Err(MoneyError::TooLarge { .. })));
        assert_eq!(eur().parse("184467440737095516.15"), Ok(Amount(u64::MAX)));
        assert!(matches!(eur().parse(&"9".repeat(65)), Err(MoneyError::NotDecimal { .. })));
        assert!(Currency::new("eur", 2).is_err());
        assert!(Currency::new("EURO", 2).is_err());
        assert!(Currency::new("EUR", 10).is_err());
    }

    #[test]
    fn knows_how_many_decimals_a_number_needs() {
        for (text, decimals) in [("1", 0), ("1.0", 0), ("1.50", 1), ("0.001", 3), ("0.00", 0)] {
            assert_eq!(Decimal::parse(text).unwrap().significant_decimals(), decimals, "{text}");
        }
    }
}
