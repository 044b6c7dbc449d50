//! What an operator chooses: `accumulator.toml`.

use std::net::SocketAddr;
use std::path::Path;

use auction::keys::PublicKey;
use serde::{Deserialize, Deserializer, de};

use crate::error::NodeError;

/// The file's name in a node's directory.
pub const CONFIG_FILE: &str = "accumulator.toml";

/// A node's configuration. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Port 0 takes any free port, anew at every start.
    pub listen: SocketAddr,
    /// Auctions that may run at a time; ended ones do not count. Default 64.
    #[serde(default = "max_auctions")]
    pub max_auctions: usize,
    /// Bids of one auction that may wait for their check or be under it; more are answered with
    /// busy. Default 4096.
    #[serde(default = "max_waiting_bids")]
    pub max_waiting_bids: usize,
    /// Connections open at a time. Default 1024.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// Connections open at a time from one address. Default 256.
    #[serde(default = "max_connections_per_address")]
    pub max_connections_per_address: usize,
    /// Minutes after which an auction that not all accumulators have joined is void. Default 60.
    #[serde(default = "max_joining_minutes")]
    pub max_joining_minutes: u64,
    /// Days from an announcement to the auction's closing time, at most. Default 366.
    #[serde(default = "max_closing_days")]
    pub max_closing_days: u64,
    /// Days from an auction's closing time to its last time, at most. Default 31.
    #[serde(default = "max_last_days")]
    pub max_last_days: u64,
    /// New auctions looked at in a minute, except those of the sellers named below; more are answered
    /// with busy. Default 120.
    #[serde(default = "max_announcements_per_minute")]
    pub max_announcements_per_minute: u32,
    /// Bytes that the bids of one auction may take on the disk: an auction that could need more is
    /// not joined, and no bid is taken beyond them. Default 4 GiB.
    #[serde(default = "max_bytes_per_auction")]
    pub max_bytes_per_auction: u64,
    /// Keys of the sellers whose auctions are joined, as 64 hexadecimal digits each. Default:
    /// none are named, and anybody may announce an auction.
    #[serde(default, deserialize_with = "keys")]
    pub sellers: Vec<PublicKey>,
}

fn max_auctions() -> usize {
    64
}

fn max_waiting_bids() -> usize {
    4096
}

fn max_connections() -> usize {
    1024
}

fn max_connections_per_address() -> usize {
    256
}

fn max_joining_minutes() -> u64 {
    60
}

fn max_closing_days() -> u64 {
    366
}

fn max_last_days() -> u64 {
    31
}

fn max_announcements_per_minute() -> u32 {
    120
}

fn max_bytes_per_auction() -> u64 {
    4 << 30
}

fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let key = |text: String| {
        let wrong = || de::Error::custom(format!("{text} is not 64 hexadecimal digits"));
        PublicKey::from_hex(&text).ok_or_else(wrong)
    };
    texts.into_iter().map(key).collect()
}

impl Config {
    /// The defaults, listening at `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            max_auctions: max_auctions(),
            max_waiting_bids: max_waiting_bids(),
            max_connections: max_connections(),
            max_connections_per_address: max_connections_per_address(),
            max_joining_minutes: max_joining_minutes(),
            max_closing_days: max_closing_days(),
            max_last_days: max_last_days(),
            max_announcements_per_minute: max_announcements_per_minute(),
            max_bytes_per_auction: max_bytes_per_auction(),
            sellers: Vec::new(),
        }
    }

    /// Reads the configuration of the node in `dir`.
    ///
    /// # Errors
    /// [`NodeError::NoNode`], [`NodeError::File`] or [`NodeError::Config`].
    pub fn load(dir: &Path) -> Result<Self, NodeError> {
        let path = dir.join(CONFIG_FILE);
        if !path.exists() {
            return Err(NodeError::NoNode(dir.to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(NodeError::file("read", &path))?;
        toml::from_str(&text).map_err(|error| NodeError::Config { path, reason: error.to_string() })
    }

    /// The file that `init` writes: the choices, and the defaults of the others in words.
    pub(crate) fn template(listen: SocketAddr) -> String {
        let defaults = Self::new(listen);
        format!(
            "# Where this accumulator listens (UDP).\n\
             listen = \"{listen}\"\n\
             \n\
             # Auctions that may run at a time; ended ones do not count.\n\
             # max_auctions = {}\n\
             \n\
             # Bids of one auction that may wait for their check.\n\
             # max_waiting_bids = {}\n\
             \n\
             # Connections open at a time: of all, and from one address.\n\
             # max_connections = {}\n\
             # max_connections_per_address = {}\n\
             \n\
             # Minutes that all accumulators have to join an auction; then it is void.\n\
             # max_joining_minutes = {}\n\
             \n\
             # Days to an auction's closing time when it is announced, and from there to its last time.\n\
             # max_closing_days = {}\n\
             # max_last_days = {}\n\
             \n\
             # New auctions looked at in a minute, except those of the sellers named below.\n\
             # max_announcements_per_minute = {}\n\
             \n\
             # Bytes that the bids of one auction may take on the disk.\n\
             # max_bytes_per_auction = {}\n\
             \n\
             # Join auctions of these sellers alone (their public keys). Empty: of anybody.\n\
             # sellers = []\n",
            defaults.max_auctions,
            defaults.max_waiting_bids,
            defaults.max_connections,
            defaults.max_connections_per_address,
            defaults.max_joining_minutes,
            defaults.max_closing_days,
            defaults.max_last_days,
            defaults.max_announcements_per_minute,
            defaults.max_bytes_per_auction,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn the_template_is_the_defaults_with_and_without_its_comments() {
        let listen = "127.0.0.1:4100".parse().unwrap();
        let template = Config::template(listen);
        assert_eq!(parse(&template).unwrap(), Config::new(listen));
        let uncommented: String = template
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        assert_eq!(parse(&uncommented).unwrap(), Config::new(listen));
    }

    #[test]
    fn unknown_fields_and_malformed_keys_are_refused() {
        assert!(parse("listen = \"127.0.0.1:1\"\nport = 3\n").is_err());
        assert!(parse("max_auctions = 3\n").is_err());
        let error = parse("listen = \"127.0.0.1:1\"\nsellers = [\"abc\"]\n").unwrap_err();
        assert!(error.to_string().contains("64 hexadecimal digits"), "{error}");
    }
}
