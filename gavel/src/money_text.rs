//! Money as people write it: `100.00 EUR`. Never a float.

use std::str::FromStr;

use auction::money::{Amount, Currency, MoneyError};
use settlement::ledger;

use crate::exit::Failure;
use crate::price_text::PriceText;

/// Currencies of ISO 4217 whose amounts are not written with two decimals.
const DECIMALS: [(&str, u8); 25] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// An amount with its currency, as someone typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MoneyText {
    number: PriceText,
    code: String,
}

impl MoneyText {
    /// The amount, in a currency of so many decimals; those of ISO 4217 where none are named.
    pub(crate) fn resolve(&self, decimals: Option<u8>) -> Result<(Currency, Amount), Failure> {
        let wrong = |source| Failure::Money { what: "--amount".to_owned(), source };
        let currency = currency(&self.code, decimals).map_err(wrong)?;
        let amount = currency.parse(self.number.as_str()).map_err(wrong)?;
        Ok((currency, amount))
    }

    /// The amount, in the currency of an account.
    pub(crate) fn in_currency(&self, currency: &Currency) -> Result<Amount, Failure> {
        if self.code != currency.code() {
            return Err(Failure::usage(
                format!("--amount is in {}, and the account in {}", self.code, currency.code()),
                format!("give an amount in {}, or another --account", currency.code()),
            ));
        }
        Ok(self.resolve(Some(currency.decimals()))?.1)
    }
}

impl FromStr for MoneyText {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (number, code) = text.trim().split_once(' ').unwrap_or((text, ""));
        let (number, code) = (number.parse()?, code.trim().to_owned());
        currency(&code, None)?;
        Ok(Self { number, code })
    }
}

/// The currency of a code, with the decimals of ISO 4217 unless others are named.
pub(crate) fn currency(code: &str, decimals: Option<u8>) -> Result<Currency, MoneyError> {
    let usual = DECIMALS.iter().find(|(known, _)| *known == code).map_or(2, |(_, usual)| *usual);
    Currency::new(code, decimals.unwrap_or(usual))
}

/// The ledger's currency as money is written in it.
pub(crate) fn written(currency: ledger::Currency) -> Result<Currency, MoneyError> {
    let [a, b, c, decimals] = currency.to_bytes();
    Currency::new(&String::from_utf8_lossy(&[a, b, c]), decimals)
}

/// A balance with its sign and currency: the operator's may be below zero.
pub(crate) fn balance(currency: &Currency, minor: i128) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let Ok(amount) = u64::try_from(minor.unsigned_abs()) else {
        // Beyond what an amount can be: a sum of very many.
        return format!("{minor} minor units of {}", currency.code());
    };
    format!("{sign}{}", currency.display(Amount(amount)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_as_it_is_written() {
        let resolve = |text: &str| text.parse::<MoneyText>().unwrap().resolve(None).unwrap();
        let (eur, amount) = resolve("100.5 EUR");
        assert_eq!((eur.display(amount), amount), ("100.50 EUR".to_owned(), Amount(10_050)));
        assert_eq!(resolve("500 JPY").1, Amount(500));
        assert_eq!(resolve("1.5 KWD").1, Amount(1_500));
        assert_eq!("1 ABC".parse::<MoneyText>().unwrap().resolve(Some(0)).unwrap().1, Amount(1));
        for wrong in ["", "100", "EUR", "100 eur", "-5 EUR", "1e3 EUR", "1,5 EUR", "5 EURO"] {
            assert!(wrong.parse::<MoneyText>().is_err(), "{wrong}");
        }
        let fine: MoneyText = "0.001 EUR".parse().unwrap();
        assert!(fine.resolve(None).is_err());
    }

    #[test]
    fn money_of_another_currency_is_not_taken() {
        let eur = Currency::new("EUR", 2).unwrap();
        let money = |text: &str| text.parse::<MoneyText>().unwrap();
        assert_eq!(money("2 EUR").in_currency(&eur).unwrap(), Amount(200));
        assert!(money("2 USD").in_currency(&eur).is_err());
    }

    #[test]
    fn balances_have_a_sign() {
        let eur = Currency::new("EUR", 2).unwrap();
        assert_eq!(balance(&eur, -1_234), "-12.34 EUR");
        assert_eq!(balance(&eur, 0), "0.00 EUR");
        assert!(balance(&eur, i128::MAX).ends_with("minor units of EUR"));
        assert_eq!(written(ledger::Currency::from(&eur)).unwrap(), eur);
    }
}
