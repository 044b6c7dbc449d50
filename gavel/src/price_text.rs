//! A price on the command line, before it is known in which currency.

use std::str::FromStr;

use auction::money::{Decimal, MoneyError};

/// A decimal number as someone typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriceText {
    text: String,
    decimal: Decimal,
}

impl PriceText {
    /// The text as typed, for [`auction::money::Currency::parse`].
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The number.
    pub(crate) fn decimal(&self) -> &Decimal {
        &self.decimal
    }
}

impl FromStr for PriceText {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Ok(Self { text: text.to_owned(), decimal: Decimal::parse(text)? })
    }
}
