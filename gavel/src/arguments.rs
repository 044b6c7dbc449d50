//! Arguments that several commands take.

use std::path::PathBuf;
use std::str::FromStr;

use auction::layout::Digest;
use auction::spec::{Member, Rule};
use bidder::Committee;
use clap::{Args, ValueEnum};

use crate::exit::Failure;

/// An auction id on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AuctionId(pub(crate) Digest);

impl FromStr for AuctionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Digest::from_hex(text)
            .map(Self)
            .ok_or("expected an auction id: the 64 hexadecimal digits that 'auction new' printed")
    }
}

/// What the winner pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuleArgument {
    /// The winner pays his own bid.
    FirstPrice,
    /// The winner pays the second highest bid (Vickrey).
    SecondPrice,
}

impl From<RuleArgument> for Rule {
    fn from(rule: RuleArgument) -> Self {
        match rule {
            RuleArgument::FirstPrice => Self::FirstPrice,
            RuleArgument::SecondPrice => Self::SecondPrice,
        }
    }
}

/// Which accumulators to ask.
#[derive(Debug, Clone, Args)]
pub(crate) struct CommitteeArgument {
    /// File that names the accumulators by public key and address.
    #[arg(
        long,
        value_name = "FILE",
        env = "GAVEL_COMMITTEE",
        default_value = "committee.toml",
        hide_env_values = true
    )]
    committee: PathBuf,
}

impl CommitteeArgument {
    /// The accumulators of the file.
    pub(crate) fn members(&self) -> Result<Vec<Member>, Failure> {
        Ok(Committee::load(&self.committee)?.members)
    }

    /// The file as text that a shell takes, for the commands that are suggested.
    pub(crate) fn shown(&self) -> String {
        let path = self.committee.display().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@".contains(c);
        if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
    }
}

/// Where the bidder's keys, bids and receipts are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct WalletArgument {
    /// Directory of your keys, bids and receipts [default: ~/.gavel].
    #[arg(long, value_name = "DIR", env = "GAVEL_WALLET", hide_env_values = true)]
    wallet: Option<PathBuf>,
}

impl WalletArgument {
    /// The directory.
    pub(crate) fn dir(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.wallet {
            return Ok(dir.clone());
        }
        std::env::home_dir().map(|home| home.join(".gavel")).ok_or_else(|| {
            Failure::usage("there is no home directory for the wallet", "name one with --wallet")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_64_hexadecimal_digits() {
        let id: AuctionId = "ab".repeat(32).parse().unwrap();
        assert_eq!(id.0, Digest([0xab; 32]));
        for wrong in ["", "ab", &"zz".repeat(32), &"ab".repeat(33)] {
            assert!(wrong.parse::<AuctionId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn suggested_commands_survive_a_shell() {
        let shown = |path: &str| CommitteeArgument { committee: path.into() }.shown();
        assert_eq!(shown("a/committee.toml"), "a/committee.toml");
        assert_eq!(shown("my file's"), r"'my file'\''s'");
    }
}
