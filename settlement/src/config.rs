//! What a settlement server's operator chooses: `settlement.toml`.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use crate::server::ServerError;

/// The file's name in a server's directory.
pub const CONFIG_FILE: &str = "settlement.toml";
/// Smallest segment of the journal, in MiB: the longest chain with its attachment fits.
pub const MIN_SEGMENT_MIB: u32 = 1;
/// Largest segment of the journal, in MiB.
pub const MAX_SEGMENT_MIB: u32 = 1024;

/// A server's configuration. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Port 0 takes any free port, anew at every start.
    pub listen: SocketAddr,
    /// Connections open at a time. Default 1024.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// Connections open at a time from one address. Default 256.
    #[serde(default = "max_connections_per_address")]
    pub max_connections_per_address: usize,
    /// Submitted chains whose signatures wait for their check or are under it; more are answered
    /// with busy. Default 4096.
    #[serde(default = "max_waiting_chains")]
    pub max_waiting_chains: usize,
    /// Longest encrypted goods that are taken for an auction, in MiB. Default 1024.
    #[serde(default = "max_goods_mib")]
    pub max_goods_mib: u32,
    /// Encrypted goods that are kept in all, in MiB; those of an auction go 30 days after its bonds
    /// end. Default 65536.
    #[serde(default = "max_goods_in_all_mib")]
    pub max_goods_in_all_mib: u32,
    /// The same of one seller. Default 8192.
    #[serde(default = "max_goods_of_seller_mib")]
    pub max_goods_of_seller_mib: u32,
    /// Auctions that are taken and not decided. Default 4096.
    #[serde(default = "max_open_auctions")]
    pub max_open_auctions: u32,
    /// The same of one seller. Default 256.
    #[serde(default = "max_open_auctions_of_seller")]
    pub max_open_auctions_of_seller: u32,
    /// Entries after which a snapshot is written, which shortens the next start; while it is
    /// written nothing else is. 0 writes one only when the server stops. Default 1000000.
    #[serde(default = "snapshot_every")]
    pub snapshot_every: u64,
    /// Size of the journal's segments in MiB, two of which are kept in reserve. Default 64.
    #[serde(default = "segment_mib")]
    pub segment_mib: u32,
    /// Where the journal is kept, if not in the server's directory: the URL of a PostgreSQL
    /// database, without a password.
    #[serde(default)]
    pub journal: Option<String>,
}

fn max_connections() -> usize {
    1024
}

fn max_connections_per_address() -> usize {
    256
}

fn max_waiting_chains() -> usize {
    4096
}

fn max_goods_mib() -> u32 {
    1024
}

fn max_goods_in_all_mib() -> u32 {
    65536
}

fn max_goods_of_seller_mib() -> u32 {
    8192
}

fn max_open_auctions() -> u32 {
    4096
}

fn max_open_auctions_of_seller() -> u32 {
    256
}

fn snapshot_every() -> u64 {
    1_000_000
}

fn segment_mib() -> u32 {
    64
}

impl Config {
    /// The defaults, listening at `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            max_connections: max_connections(),
            max_connections_per_address: max_connections_per_address(),
            max_waiting_chains: max_waiting_chains(),
            max_goods_mib: max_goods_mib(),
            max_goods_in_all_mib: max_goods_in_all_mib(),
            max_goods_of_seller_mib: max_goods_of_seller_mib(),
            max_open_auctions: max_open_auctions(),
            max_open_auctions_of_seller: max_open_auctions_of_seller(),
            snapshot_every: snapshot_every(),
            segment_mib: segment_mib(),
            journal: None,
        }
    }

    /// The text of a configuration with its journal kept elsewhere: at a URL, or in the server's
    /// directory. All other lines stay as they are.
    #[must_use]
    pub fn with_journal(text: &str, journal: Option<&str>) -> String {
        let others = text.lines().filter(|line| {
            line.trim_start().split_once('=').is_none_or(|(key, _)| key.trim_end() != "journal")
        });
        let mut text: String = others.flat_map(|line| [line, "\n"]).collect();
        if let Some(url) = journal {
            let url = toml::Value::String(url.to_owned());
            text.push_str(&format!("journal = {url}\n"));
        }
        text
    }

    /// Reads the configuration of the server in `dir`.
    ///
    /// # Errors
    /// [`ServerError::NoServer`], [`ServerError::File`] or [`ServerError::Config`].
    pub fn load(dir: &Path) -> Result<Self, ServerError> {
        let path = dir.join(CONFIG_FILE);
        if !path.exists() {
            return Err(ServerError::NoServer(dir.to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(ServerError::file("read", &path))?;
        Self::parse(&text).map_err(|reason| ServerError::Config { path, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| {
            // Not the line itself: what is misspelled in it may be a password's place.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.lines().count().max(1));
            format!("near line {line}: {}", error.message())
        })?;
        let (got, least, most) = (config.segment_mib, MIN_SEGMENT_MIB, MAX_SEGMENT_MIB);
        if !(least..=most).contains(&got) {
            return Err(format!("got segment_mib = {got}, expected {least} to {most}"));
        }
        Ok(config)
    }

    /// The file that `init` writes: the choices, and the defaults of the others in words.
    pub(crate) fn template(listen: SocketAddr) -> String {
        let defaults = Self::new(listen);
        format!(
            "# Where this settlement server listens (UDP). Clients go by the address in\n\
             # charter.toml: change both.\n\
             listen = \"{listen}\"\n\
             \n\
             # Connections open at a time: of all, and from one address.\n\
             # max_connections = {}\n\
             # max_connections_per_address = {}\n\
             \n\
             # Submitted chains that wait for the check of their signatures.\n\
             # max_waiting_chains = {}\n\
             \n\
             # Longest encrypted goods that are taken for an auction, in MiB.\n\
             # max_goods_mib = {}\n\
             \n\
             # Encrypted goods that are kept, of all auctions and of one seller's, in MiB.\n\
             # max_goods_in_all_mib = {}\n\
             # max_goods_of_seller_mib = {}\n\
             \n\
             # Auctions that are not decided yet, of all sellers and of one.\n\
             # max_open_auctions = {}\n\
             # max_open_auctions_of_seller = {}\n\
             \n\
             # Entries after which a snapshot is written; 0 writes one only at a stop.\n\
             # snapshot_every = {}\n\
             \n\
             # Size of the journal's segments in MiB.\n\
             # segment_mib = {}\n\
             \n\
             # A line 'journal' with the URL of a PostgreSQL database says that the journal is\n\
             # kept there and not in this directory; 'init --journal' writes it.\n",
            defaults.max_connections,
            defaults.max_connections_per_address,
            defaults.max_waiting_chains,
            defaults.max_goods_mib,
            defaults.max_goods_in_all_mib,
            defaults.max_goods_of_seller_mib,
            defaults.max_open_auctions,
            defaults.max_open_auctions_of_seller,
            defaults.snapshot_every,
            defaults.segment_mib,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_the_defaults_with_and_without_its_comments() {
        let listen = "127.0.0.1:4200".parse().unwrap();
        let template = Config::template(listen);
        assert_eq!(Config::parse(&template).unwrap(), Config::new(listen));
        let uncommented: String = template
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        assert_eq!(Config::parse(&uncommented).unwrap(), Config::new(listen));
    }

    #[test]
    fn the_journal_is_moved_and_the_other_lines_stay() {
        let listen = "127.0.0.1:4200".parse().unwrap();
        let template = Config::template(listen);
        let url = "postgres:///pay?user=\"gavel\"&host=/run/postgresql";
        let moved = Config::with_journal(&template, Some("postgres://a@localhost/other"));
        let moved = Config::with_journal(&moved, Some(url));
        assert_eq!(Config::parse(&moved).unwrap().journal.as_deref(), Some(url));
        assert_eq!(Config::with_journal(&moved, None), template);
    }

    #[test]
    fn unknown_fields_and_odd_sizes_are_refused() {
        assert!(Config::parse("listen = \"127.0.0.1:1\"\nport = 3\n").is_err());
        assert!(Config::parse("segment_mib = 3\n").is_err());
        let error = Config::parse("listen = \"127.0.0.1:1\"\nsegment_mib = 0\n").unwrap_err();
        assert!(error.contains("segment_mib"), "{error}");
    }
}
