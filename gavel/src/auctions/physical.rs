//! From what a seller types about physical goods to the terms that he signs. SETTLEMENT, section
//! "Physical goods", step 1.

use std::str::FromStr;

use auction::keys::PublicKey;
use auction::physical_terms::{PhysicalTerms, Side};
use auction::spec::Time;
use clap::{Args, ValueEnum};

use crate::time::Moment;

/// The terms of physical goods on the command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "Physical goods")]
pub(super) struct Physical {
    /// Key of whoever signs that the goods are on their way, such as a carrier: 'gavel delivery
    /// key' prints it. Not yours.
    #[arg(
        long,
        value_name = "KEY",
        requires_all = [
            "settlement", "arbiter", "dispatch_by", "dispute_until", "arbitrate_until", "else_to",
        ],
        conflicts_with_all = ["goods", "goods_key"]
    )]
    dispatcher: Option<SignerKey>,
    /// Key of whoever decides a dispute. Neither yours nor the dispatcher's.
    #[arg(long, value_name = "KEY", requires = "dispatcher")]
    arbiter: Option<SignerKey>,
    /// Without proof of dispatch by then the price goes back to the winner: a time, or how long
    /// after closing.
    #[arg(long, value_name = "TIME", requires = "dispatcher")]
    dispatch_by: Option<Moment>,
    /// Without a dispute by then the price of dispatched goods is yours: a time, or how long after
    /// closing.
    #[arg(long, value_name = "TIME", requires = "dispatcher")]
    dispute_until: Option<Moment>,
    /// Until when the arbiter decides: a time, or how long after closing.
    #[arg(long, value_name = "TIME", requires = "dispatcher")]
    arbitrate_until: Option<Moment>,
    /// Who gets the price of disputed goods if the arbiter does not decide in time.
    #[arg(long, value_name = "SIDE", value_enum, requires = "dispatcher")]
    else_to: Option<SideArgument>,
}

/// A key that signs words on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SignerKey(PublicKey);

impl FromStr for SignerKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a key: the 64 hexadecimal digits that 'gavel delivery key' prints";
        let key = PublicKey::from_hex(text).ok_or(expected)?;
        if settlement::layout::may_own(&key) { Ok(Self(key)) } else { Err(expected) }
    }
}

/// A side of a sale on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SideArgument {
    /// You.
    Seller,
    /// Whoever has bought.
    Winner,
}

impl Physical {
    /// The terms, where the goods are physical; times after closing count from `closing`.
    pub(super) fn terms(&self, closing: Time) -> Option<PhysicalTerms> {
        // The command line has all of them or none.
        let (SignerKey(dispatcher), SignerKey(arbiter)) = (self.dispatcher?, self.arbiter?);
        Some(PhysicalTerms {
            dispatcher,
            arbiter,
            dispatched_by: self.dispatch_by?.resolve(closing),
            disputed_by: self.dispute_until?.resolve(closing),
            awarded_by: self.arbitrate_until?.resolve(closing),
            otherwise: match self.else_to? {
                SideArgument::Seller => Side::Seller,
                SideArgument::Winner => Side::Winner,
            },
        })
    }
}
