//! `charter.toml`: what a server's clients are given, so that they know whom they talk to and
//! whose word counts. It holds no secret.

use std::path::Path;

use auction::keys::PublicKey;
use auction::layout::Digest;
use serde::{Deserialize, Serialize};

use crate::ledger::Charter;
use crate::service::CharterParts;

/// The file's name in a server's directory.
pub const CHARTER_FILE: &str = "charter.toml";
/// Longest charter file that is read, in bytes.
pub const MAX_CHARTER_BYTES: u64 = 16 << 10;

/// Where a ledger's server is, and who has which authority in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharterFile {
    /// Where the server listens, `host:port`.
    pub address: String,
    /// Who has which authority.
    pub charter: Charter,
}

/// Why a charter file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CharterFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: std::path::PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is no charter.
    #[error("the charter is wrong: {0}; ask the server's operator for it")]
    Wrong(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    address: String,
    ledger: String,
    server: String,
    operator: String,
    postings: String,
    expiries_per_batch: u32,
}

impl CharterFile {
    /// Reads a charter file.
    ///
    /// # Errors
    /// [`CharterFileError`].
    pub fn load(path: &Path) -> Result<Self, CharterFileError> {
        let read = |source| CharterFileError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_CHARTER_BYTES {
            let expected = format!("got {length} bytes, expected at most {MAX_CHARTER_BYTES}");
            return Err(CharterFileError::Wrong(expected));
        }
        Self::parse(&std::fs::read_to_string(path).map_err(read)?)
    }

    /// Reads its text.
    ///
    /// # Errors
    /// [`CharterFileError::Wrong`], also when keys and ledger id do not belong together.
    pub fn parse(text: &str) -> Result<Self, CharterFileError> {
        let wrong = |reason: String| CharterFileError::Wrong(reason);
        let text: Text = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let key = |hex: &str| {
            let not = || wrong(format!("got {hex}, expected a key of 64 hexadecimal digits"));
            PublicKey::from_hex(hex).ok_or_else(not)
        };
        let parts = CharterParts {
            server: key(&text.server)?,
            operator: key(&text.operator)?,
            postings: key(&text.postings)?,
            expiries_per_batch: text.expiries_per_batch,
        };
        let charter = parts.charter().map_err(|error| wrong(error.to_string()))?;
        let ledger = Digest(key(&text.ledger)?.0);
        if ledger != charter.id() {
            let (got, expected) = (ledger, charter.id());
            return Err(wrong(format!("got ledger id {got}, its keys give {expected}")));
        }
        Ok(Self { address: text.address, charter })
    }

    /// Its text, with a word on what it is.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let CharterParts { server, operator, postings, expiries_per_batch } =
            CharterParts::from(&self.charter);
        let address = toml::Value::String(self.address.clone());
        format!(
            "# Whom to trust with payments: give this file to everyone who uses this server.\n\
             \n\
             # Where the server listens (UDP), host:port as its clients reach it.\n\
             address = {address}\n\
             \n\
             # The hash of everything below: part of whatever is signed for this ledger.\n\
             ledger = \"{ledger}\"\n\
             \n\
             # The keys that sign receipts; deposits and withdrawals; what leaves an escrow.\n\
             server = \"{server}\"\n\
             operator = \"{operator}\"\n\
             postings = \"{postings}\"\n\
             \n\
             # Holds that may expire in one batch.\n\
             expiries_per_batch = {expiries_per_batch}\n",
            ledger = self.charter.id(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    fn file() -> CharterFile {
        let [server, operator, postings] =
            [1, 2, 3].map(|seed| SecretKey::from_seed(&[seed; 32]).public());
        let charter = Charter::new(server, operator, postings, 7).unwrap();
        CharterFile { address: "pay.example:4200".to_owned(), charter }
    }

    #[test]
    fn a_charter_file_reads_back() {
        assert_eq!(CharterFile::parse(&file().to_toml()).unwrap(), file());
        let odd = CharterFile { address: "a\"b\\:1".to_owned(), ..file() };
        assert_eq!(CharterFile::parse(&odd.to_toml()).unwrap(), odd);
    }

    #[test]
    fn a_key_put_in_anothers_place_is_refused() {
        let text = file().to_toml();
        let other = SecretKey::from_seed(&[9; 32]).public().to_string();
        let own = file().charter.operator().to_string();
        let error = CharterFile::parse(&text.replace(&own, &other)).unwrap_err();
        assert!(error.to_string().contains("ledger id"), "{error}");
        assert!(CharterFile::parse(&text.replace("= 7", "= 8")).is_err());
        assert!(CharterFile::parse(&(text + "more = 1\n")).is_err());
        assert!(CharterFile::parse("").is_err());
    }
}
