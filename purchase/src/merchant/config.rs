//! What a merchant chooses: `merchant.toml`.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::error::MerchantError;

/// The file's name in a merchant's directory.
pub const CONFIG_FILE: &str = "merchant.toml";
/// Longest that an offer is good, in hours (a week).
const MAX_OFFER_HOURS: u32 = 7 * 24;

/// A merchant's configuration. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Port 0 takes any free port, anew at every start.
    pub listen: SocketAddr,
    /// How long an offer is good, in hours. Default 24.
    #[serde(default = "offer_hours")]
    pub offer_hours: u32,
    /// Connections open at a time. Default 1024.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// Connections open at a time from one address. Default 64.
    #[serde(default = "max_connections_per_address")]
    pub max_connections_per_address: usize,
}

fn offer_hours() -> u32 {
    24
}

fn max_connections() -> usize {
    1024
}

fn max_connections_per_address() -> usize {
    64
}

impl Config {
    /// The defaults, listening at `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            offer_hours: offer_hours(),
            max_connections: max_connections(),
            max_connections_per_address: max_connections_per_address(),
        }
    }

    /// Reads the configuration of the merchant in `dir`.
    ///
    /// # Errors
    /// [`MerchantError::NoMerchant`], [`MerchantError::File`] or [`MerchantError::Config`].
    pub fn load(dir: &Path) -> Result<Self, MerchantError> {
        let path = dir.join(CONFIG_FILE);
        if !path.exists() {
            return Err(MerchantError::NoMerchant(dir.to_owned()));
        }
        let text = std::fs::read_to_string(&path).map_err(MerchantError::file("read", &path))?;
        Self::parse(&text).map_err(|reason| MerchantError::Config { path, reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if !(1..=MAX_OFFER_HOURS).contains(&config.offer_hours) {
            let got = config.offer_hours;
            return Err(format!("got offer_hours = {got}, expected 1 to {MAX_OFFER_HOURS}"));
        }
        Ok(config)
    }

    /// How long an offer is good, in milliseconds.
    pub(super) fn offer_ms(&self) -> u64 {
        u64::from(self.offer_hours) * 3_600_000
    }

    /// The file that `init` writes: the choices, and the defaults of the others in words.
    pub(super) fn template(listen: SocketAddr) -> String {
        let defaults = Self::new(listen);
        format!(
            "# Where this merchant listens (UDP). Customers go by the address in the file that\n\
             # 'gavel merchant show' prints.\n\
             listen = \"{listen}\"\n\
             # How long an offer is good, in hours; an order under it for a day at most.\n\
             # offer_hours = {}\n\
             # max_connections = {}\n\
             # max_connections_per_address = {}\n",
            defaults.offer_hours, defaults.max_connections, defaults.max_connections_per_address
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_gives_the_defaults_and_wrong_choices_are_refused() {
        let listen: SocketAddr = "127.0.0.1:7200".parse().unwrap();
        let template = Config::template(listen);
        assert_eq!(Config::parse(&template).unwrap(), Config::new(listen));
        let commented = template.replace("# offer_hours", "offer_hours");
        assert_eq!(Config::parse(&commented).unwrap(), Config::new(listen));
        for wrong in ["", "offer_hours = 1", &format!("{template}\noffer_hours = 0"), "listen = 7"]
        {
            assert!(Config::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Config::parse(&format!("{template}\nother = 1")).is_err());
    }
}
