//! From what a seller types to the spec that he signs. PROTOCOL section 1.

use std::path::{Path, PathBuf};

use auction::keys::PublicKey;
use auction::money::{Amount, Currency};
use auction::prices::PriceLadder;
use auction::spec::{Member, Spec, Time};
use clap::Args;
use rand::RngExt as _;

use crate::arguments::RuleArgument;
use crate::exit::Failure;
use crate::money_text;
use crate::price_text::PriceText;
use crate::time::Moment;

/// Longest file of prices or of a description, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The terms of an auction on the command line.
#[derive(Debug, Args)]
pub(crate) struct Offer {
    /// What is sold, in one line.
    #[arg(long, value_name = "TEXT")]
    title: String,
    /// What is sold, at length, and on what terms.
    #[arg(long, value_name = "TEXT", conflicts_with = "description_file")]
    description: Option<String>,
    /// File with the description.
    #[arg(long, value_name = "FILE")]
    description_file: Option<PathBuf>,
    /// What the winner pays.
    #[arg(long, value_enum, default_value = "second-price")]
    rule: RuleArgument,
    /// Currency of the prices, three capital letters.
    #[arg(long, value_name = "CODE", default_value = "EUR")]
    currency: String,
    /// Digits after the point in this currency [default: those of ISO 4217].
    #[arg(long, value_name = "N")]
    decimals: Option<u8>,
    /// Reserve price: the lowest price that can be bid.
    #[arg(long, value_name = "PRICE", required_unless_present = "prices")]
    min: Option<PriceText>,
    /// Difference of neighbouring prices.
    #[arg(long, value_name = "PRICE", required_unless_present = "prices")]
    tick: Option<PriceText>,
    /// Number of prices, at most 16384.
    #[arg(long, value_name = "N", required_unless_present = "prices")]
    levels: Option<u32>,
    /// File with all prices that can be bid, one a line and increasing, in place of min, tick
    /// and levels.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["min", "tick", "levels"])]
    prices: Option<PathBuf>,
    /// When bids are taken: a time such as 2027-03-01T18:00:00Z, or how long from now.
    #[arg(long, value_name = "TIME", default_value = "now")]
    opening: Moment,
    /// When bidding ends: a time such as 2027-03-01T18:00:00Z, or how long from now, such as 2h.
    #[arg(long, value_name = "TIME")]
    closing: Moment,
    /// After which the auction is void if it has no outcome: a time, or how long after closing.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    last: Moment,
    /// Most bids that are taken.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    most_bids: u32,
    /// Parts that a stage of the search cuts its range into: more mean fewer rounds.
    #[arg(long, value_name = "N", default_value_t = 32)]
    block: u16,
    /// Parts that are tested in one round, 2 to the block size: more mean fewer rounds and more
    /// work; 4 suits accumulators near each other. Default: the block size.
    #[arg(long, value_name = "N")]
    fan_out: Option<u16>,
}

impl Offer {
    /// The spec of this offer, with a fresh nonce.
    pub(crate) fn spec(
        self,
        seller: PublicKey,
        accumulators: Vec<Member>,
        now: Time,
    ) -> Result<Spec, Failure> {
        let currency = money_text::currency(&self.currency, self.decimals)
            .map_err(|source| Failure::Money { what: "--currency".to_owned(), source })?;
        let ladder = self.ladder(&currency)?;
        ladder.check()?;
        let description = match &self.description_file {
            Some(path) => read(path)?,
            None => self.description.unwrap_or_default(),
        };
        let closing = self.closing.resolve(now);
        if closing <= now {
            let what = "the closing time is over already";
            return Err(Failure::usage(what, "say how long from now, such as --closing 2h"));
        }
        Ok(Spec {
            nonce: rand::rng().random(),
            seller,
            title: self.title,
            description,
            rule: self.rule.into(),
            currency,
            ladder,
            opening: self.opening.resolve(now),
            closing,
            last: self.last.resolve(closing),
            most_bids: self.most_bids,
            accumulators,
            settlement: None,
            block: self.block,
            fan_out: self.fan_out.unwrap_or(self.block),
        })
    }

    fn ladder(&self, currency: &Currency) -> Result<PriceLadder, Failure> {
        if let Some(path) = &self.prices {
            return listed(&read(path)?, path, currency);
        }
        let amount = |option: &str, text: &Option<PriceText>| {
            let text = text.as_ref().map_or("", PriceText::as_str);
            currency
                .parse(text)
                .map_err(|source| Failure::Money { what: format!("--{option}"), source })
        };
        Ok(PriceLadder::Even {
            min: amount("min", &self.min)?,
            tick: amount("tick", &self.tick)?,
            levels: self.levels.unwrap_or(0),
        })
    }
}

/// A price a line; empty lines and lines that begin with `#` are passed over.
fn listed(text: &str, path: &Path, currency: &Currency) -> Result<PriceLadder, Failure> {
    let lines = (1u64..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    let prices = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let amounts = prices.map(|(number, line)| {
        let what = format!("{}, line {number}", path.display());
        currency.parse(line).map_err(|source| Failure::Money { what, source })
    });
    Ok(PriceLadder::Listed(amounts.collect::<Result<Vec<Amount>, _>>()?))
}

fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let unreadable = |source| Failure::input("read", path, source);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let what = format!("{} is longer than {MAX_FILE_BYTES} bytes", path.display());
        return Err(Failure::usage(what, "name another file"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        offer: Offer,
    }

    const PLAIN: [&str; 11] = [
        "new",
        "--title",
        "a painting",
        "--min",
        "10",
        "--tick",
        "0.50",
        "--levels",
        "3",
        "--closing",
        "2h",
    ];

    fn spec(arguments: &[&str]) -> Result<Spec, String> {
        let line = Line::try_parse_from(arguments).map_err(|error| error.to_string())?;
        let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
        let member = |seed| Member { key: key(seed), address: format!("127.0.0.1:{seed}") };
        let now = Time(1_000_000);
        line.offer
            .spec(key(9), vec![member(1), member(2)], now)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_plain_offer_makes_a_spec_that_verifies() {
        let spec = spec(&PLAIN).unwrap();
        assert_eq!(
            spec.ladder,
            PriceLadder::Even { min: Amount(1000), tick: Amount(50), levels: 3 }
        );
        assert_eq!(spec.opening, Time(1_000_000));
        assert_eq!(spec.closing, Time(1_000_000 + 7_200_000));
        assert_eq!(spec.last, Time(1_000_000 + 7_200_000 + 3_600_000));
        assert_eq!((spec.block, spec.fan_out), (32, 32));
        assert!(spec.sign(&SecretKey::from_seed(&[9; 32])).verify().is_ok());
    }

    #[test]
    fn prices_come_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prices");
        let offer = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let path = path.to_str().unwrap();
            spec(&["new", "--title", "a", "--closing", "1h", "--prices", path])
        };
        let listed = offer("# three\n1\n2.50\n\n10\n").unwrap().ladder;
        assert_eq!(listed, PriceLadder::Listed(vec![Amount(100), Amount(250), Amount(1000)]));
        let error = offer("1\nx\n").unwrap_err();
        assert!(error.contains("prices, line 2: got 'x'"), "{error}");
        assert!(offer("2\n1\n").unwrap_err().contains("level 2 is not above"));
        assert!(offer("").unwrap_err().contains("got 0 levels"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let with = |more: &[&str]| spec(&[&PLAIN[..], more].concat()).unwrap_err();
        assert!(with(&["--prices", "f"]).contains("cannot be used with"));
        assert!(with(&["--currency", "euro"]).contains("three capital letters"));
        assert!(spec(&PLAIN[..9]).unwrap_err().contains("--closing"));
        let past = [&PLAIN[..9], &["--closing", "1970-01-01T00:00:01Z"]].concat();
        assert!(spec(&past).unwrap_err().contains("over already"));
        let fine = [&PLAIN[..5], &["--tick", "0.001", "--levels", "3", "--closing", "1h"]].concat();
        assert!(spec(&fine).unwrap_err().contains("--tick: got '0.001', expected at most 2"));
    }
}
