//! What a merchant gives to his customers: where he is, and whose word counts. It holds no
//! secret.

use std::path::Path;

use auction::keys::PublicKey;
use serde::{Deserialize, Serialize};

/// Longest file that is read, in bytes.
pub const MAX_MERCHANT_FILE_BYTES: u64 = 16 << 10;

/// Where a merchant is, and by which keys he is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantFile {
    /// Where he listens, `host:port`.
    pub address: String,
    /// Who answers there.
    pub identity: PublicKey,
    /// The owner's key of the account that is paid; it signs his offers.
    pub account: PublicKey,
}

/// Why a merchant file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MerchantFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It names no merchant.
    #[error("the merchant file is wrong: {0}; ask the merchant for it")]
    Wrong(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    address: String,
    identity: String,
    account: String,
}

impl MerchantFile {
    /// Reads a merchant file.
    ///
    /// # Errors
    /// [`MerchantFileError`].
    pub fn load(path: &Path) -> Result<Self, MerchantFileError> {
        let read = |source| MerchantFileError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_MERCHANT_FILE_BYTES {
            let expected =
                format!("got {length} bytes, expected at most {MAX_MERCHANT_FILE_BYTES}");
            return Err(MerchantFileError::Wrong(expected));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(read)?)
    }

    /// Reads its text.
    ///
    /// # Errors
    /// [`MerchantFileError::Wrong`].
    pub fn parse(text: &str) -> Result<Self, MerchantFileError> {
        let text: Text =
            toml::from_str(text).map_err(|error| MerchantFileError::Wrong(error.to_string()))?;
        let key = |digits: &str| {
            let wrong = || format!("got {digits}, expected a key of 64 hexadecimal digits");
            PublicKey::from_hex(digits).ok_or_else(|| MerchantFileError::Wrong(wrong()))
        };
        let (identity, account) = (key(&text.identity)?, key(&text.account)?);
        Ok(Self { address: text.address, identity, account })
    }

    /// Its text, with a word on what it is.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let address = toml::Value::String(self.address.clone());
        format!(
            "# A merchant: where he is, who answers there, and whose account is paid.\n\
             address = {address}\nidentity = \"{}\"\naccount = \"{}\"\n",
            self.identity, self.account
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    #[test]
    fn a_merchant_file_reads_back_and_nothing_else_is_one() {
        let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
        let file = MerchantFile {
            address: "shop.example:7200".to_owned(),
            identity: key(1),
            account: key(2),
        };
        assert_eq!(MerchantFile::parse(&file.to_toml()).unwrap(), file);
        for wrong in ["", "address = \"x\"", &file.to_toml().replace("account", "other")] {
            assert!(matches!(MerchantFile::parse(wrong), Err(MerchantFileError::Wrong(_))));
        }
        let short = file.to_toml().replace(&key(1).to_string(), "ab");
        assert!(MerchantFile::parse(&short).unwrap_err().to_string().contains("64"));
    }
}
