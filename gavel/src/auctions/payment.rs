//! From what a seller types about the payment to the terms that he signs. PROTOCOL section 1;
//! SETTLEMENT, section "An auction's payment".

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use auction::money::{Amount, Decimal};
use auction::physical_terms::PhysicalTerms;
use auction::prices::Level;
use auction::settlement_terms::{Delivery, Fee, Settlement};
use auction::spec::{Spec, Time};
use clap::Args;
use settlement::charter_file::CharterFile;

use super::escrow::GoodsFiles;
use super::physical::Physical;
use crate::account::OwnerKey;
use crate::charter;
use crate::exit::Failure;
use crate::price_text::PriceText;
use crate::time::{self, Moment};

/// How long bonds are held after closing, unless the last time asks for longer.
const USUAL_HOLD: Duration = Duration::from_secs(24 * 3600);

/// The payment's terms on the command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "Payment")]
pub(super) struct Payment {
    /// Charter file of the settlement server that takes the payment: bids must then be bonded. The
    /// winner gets encrypted goods with the receipt (--goods); the price of goods that are sent
    /// stays in escrow meanwhile (--dispatcher).
    #[arg(long, value_name = "FILE")]
    settlement: Option<PathBuf>,
    /// The encrypted goods, that 'gavel goods seal' made.
    #[arg(long, value_name = "FILE", requires_all = ["settlement", "goods_key"])]
    goods: Option<PathBuf>,
    /// The key of the goods; the server holds it until the sale.
    #[arg(long, value_name = "FILE", requires_all = ["settlement", "goods"])]
    goods_key: Option<PathBuf>,
    /// What bonds may be of, at most four prices with commas between; a bidder's choice is
    /// public, and says that he does not bid more. Default: the highest price, which says nothing.
    #[arg(long, value_name = "PRICES", value_delimiter = ',', requires = "settlement")]
    covers: Vec<PriceText>,
    /// What the house gets of a sale: an amount, a percentage, or both: 5.00, 2.5%, 5.00+2.5%.
    #[arg(long, value_name = "FEE", requires_all = ["settlement", "house"])]
    fee: Option<FeeText>,
    /// The owner's key of the house's account.
    #[arg(long, value_name = "KEY", requires = "fee")]
    house: Option<OwnerKey>,
    /// Until when bonds are held at the longest: a time, or how long after closing. Default: a
    /// day, or twice as long as the last time is after closing.
    #[arg(long, value_name = "TIME", requires = "settlement")]
    held_until: Option<Moment>,
    #[command(flatten)]
    physical: Physical,
}

/// What is sold where a settlement server takes the payment.
pub(super) enum Wares {
    /// A file, encrypted, and its key: they go into escrow.
    Digital(GoodsFiles),
    /// A thing, on these terms.
    Physical(PhysicalTerms),
}

impl Payment {
    /// The server that takes the payment, and what is sold; nothing where there is no such
    /// server.
    pub(super) fn wares(&self, closing: Time) -> Result<Option<(CharterFile, Wares)>, Failure> {
        let Some(charter) = &self.settlement else { return Ok(None) };
        let wares = match (&self.goods, &self.goods_key, self.physical.terms(closing)) {
            (Some(goods), Some(key), None) => Wares::Digital(GoodsFiles::new(goods, key)?),
            (_, _, Some(terms)) => Wares::Physical(terms),
            _ => {
                return Err(Failure::usage(
                    "--settlement without anything that is sold",
                    "name encrypted --goods and their --goods-key, or the --dispatcher of physical \
                     goods",
                ));
            }
        };
        Ok(Some((charter::load(charter)?, wares)))
    }

    /// The payment's terms of an offer.
    pub(super) fn terms(
        &self,
        spec: &Spec,
        charter: &CharterFile,
        delivery: Delivery,
    ) -> Result<Settlement, Failure> {
        let usual = USUAL_HOLD.max(2 * time::until(spec.last, spec.closing));
        let held_until = match self.held_until {
            Some(moment) => moment.resolve(spec.closing),
            None => time::later(spec.closing, usual),
        };
        Ok(Settlement {
            server: charter.charter.server(),
            ledger: charter.charter.id(),
            address: charter.address.clone(),
            covers: self.covers(spec)?,
            held_until,
            fee: self.fee(spec)?,
            delivery,
        })
    }

    fn covers(&self, spec: &Spec) -> Result<Vec<Level>, Failure> {
        if self.covers.is_empty() {
            return Ok(vec![Level(spec.ladder.levels())]);
        }
        let mut levels = Vec::with_capacity(self.covers.len());
        for price in &self.covers {
            let what = || "--covers".to_owned();
            let amount = spec.currency.parse(price.as_str());
            let amount = amount.map_err(|source| Failure::Money { what: what(), source })?;
            let level = spec.ladder.level_of(amount).map_err(|off| {
                let help = "name prices of the auction: a bond covers bids up to its price";
                Failure::usage(format!("--covers {}: {off}", price.as_str()), help)
            })?;
            levels.push(level);
        }
        levels.sort_unstable();
        levels.dedup();
        Ok(levels)
    }

    fn fee(&self, spec: &Spec) -> Result<Option<Fee>, Failure> {
        let (Some(fee), Some(OwnerKey(house))) = (&self.fee, self.house) else { return Ok(None) };
        let wrong = |source| Failure::Money { what: "--fee".to_owned(), source };
        let flat = fee.flat.as_ref().map_or(Ok(Amount(0)), |text| spec.currency.parse(text));
        let flat = flat.map_err(wrong)?;
        Ok(Some(Fee { house, flat, per_ten_thousand: fee.per_ten_thousand }))
    }
}

/// A fee as someone typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FeeText {
    flat: Option<String>,
    per_ten_thousand: u16,
}

impl FromStr for FeeText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected an amount, a percentage with at most two decimals, or both: \
                        5.00, 2.5%, 5.00+2.5%";
        let (flat, percent) = match (text.split_once('+'), text.strip_suffix('%')) {
            (Some((flat, percent)), Some(_)) => (Some(flat), percent.strip_suffix('%')),
            (None, Some(percent)) => (None, Some(percent)),
            (None, None) => (Some(text), None),
            (Some(_), None) => return Err(expected),
        };
        let decimal = |text: &str| Decimal::parse(text).map_err(|_| expected);
        flat.map(decimal).transpose()?;
        let per_ten_thousand = match percent.map(decimal).transpose()? {
            None => 0,
            Some(percent) => {
                let scaled = percent.scaled(2).and_then(|count| u16::try_from(count).ok());
                scaled.filter(|count| *count <= 10_000).ok_or(expected)?
            }
        };
        Ok(Self { flat: flat.map(|flat| flat.trim().to_owned()), per_ten_thousand })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_amounts_percentages_or_both() {
        let fee =
            |text: &str| text.parse::<FeeText>().map(|fee| (fee.flat, fee.per_ten_thousand)).ok();
        assert_eq!(fee("5.00"), Some((Some("5.00".to_owned()), 0)));
        assert_eq!(fee("2.5%"), Some((None, 250)));
        assert_eq!(fee("5+0.01%"), Some((Some("5".to_owned()), 1)));
        assert_eq!(fee("100%"), Some((None, 10_000)));
        for wrong in ["", "%", "101%", "0.001%", "5+", "5+2", "-5", "5%+2%", "x%"] {
            assert_eq!(fee(wrong), None, "{wrong}");
        }
    }
}
