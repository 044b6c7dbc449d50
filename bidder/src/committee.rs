//! The committee file: which accumulators, under which keys, at which addresses.
//!
//! ```toml
//! [[accumulator]]
//! key = "64 hexadecimal digits"
//! address = "a.example:4433"
//! ```

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use auction::keys::PublicKey;
use auction::spec::{ACCUMULATORS, MAX_ADDRESS, Member};
use serde::Deserialize;
use toml::Spanned;

use crate::text::is_harmless;

/// Longest committee file that is read, in bytes.
pub const MAX_COMMITTEE_BYTES: usize = 64 << 10;

/// The accumulators of a committee file, in its order, which is that of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    /// 2 to 16 of them, with pairwise distinct keys and addresses.
    pub members: Vec<Member>,
}

/// A committee file that cannot be used. Its writer's fault.
#[derive(Debug, thiserror::Error)]
pub enum CommitteeError {
    /// The file cannot be read.
    #[error("cannot read committee file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Too long.
    #[error("got more than {MAX_COMMITTEE_BYTES} bytes, expected a committee file: a few lines")]
    TooLong,
    /// Not TOML, or with other fields than there are.
    #[error(
        "line {line}: {message}; expected [[accumulator]] tables with key and address, nothing else"
    )]
    Syntax {
        /// Where, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A field that is not what it should be.
    #[error("line {line}: {field}: {problem}")]
    Field {
        /// Where, counted from 1.
        line: usize,
        /// `key` or `address`.
        field: &'static str,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// Too few or too many.
    #[error("got {got} [[accumulator]] tables, expected {} to {}", ACCUMULATORS.start(), ACCUMULATORS.end())]
    Count {
        /// How many there are.
        got: usize,
    },
    /// Something is wrong with the file at this path.
    #[error("committee file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<CommitteeError>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accumulator: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: Spanned<String>,
    address: Spanned<String>,
}

impl Committee {
    /// Reads a committee file.
    ///
    /// # Errors
    /// [`CommitteeError`], which names file, line and field.
    pub fn load(path: &Path) -> Result<Self, CommitteeError> {
        let unreadable = |source| CommitteeError::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MAX_COMMITTEE_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text).map_err(|source| CommitteeError::File {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Reads the text of a committee file.
    ///
    /// # Errors
    /// [`CommitteeError`], which names line and field.
    pub fn parse(text: &str) -> Result<Self, CommitteeError> {
        if text.len() > MAX_COMMITTEE_BYTES {
            return Err(CommitteeError::TooLong);
        }
        let file: File = toml::from_str(text).map_err(|error| CommitteeError::Syntax {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })?;
        let got = file.accumulator.len();
        if !ACCUMULATORS.contains(&got) {
            return Err(CommitteeError::Count { got });
        }
        let mut members: Vec<Member> = Vec::with_capacity(got);
        for entry in file.accumulator {
            let member = Member { key: key(text, &entry.key)?, address: address(text, &entry)? };
            let twice = |field, line: usize| CommitteeError::Field {
                line: line_of(text, line),
                field,
                problem: "named twice, expected another for each accumulator".to_owned(),
            };
            if members.iter().any(|known| known.key == member.key) {
                return Err(twice("key", entry.key.span().start));
            }
            if members.iter().any(|known| known.address == member.address) {
                return Err(twice("address", entry.address.span().start));
            }
            members.push(member);
        }
        Ok(Self { members })
    }

    /// The text of the file.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for Member { key, address } in &self.members {
            let address = toml::Value::String(address.clone());
            // Writing to a string does not fail.
            let _ = writeln!(text, "[[accumulator]]\nkey = \"{key}\"\naddress = {address}\n");
        }
        text
    }
}

fn key(text: &str, field: &Spanned<String>) -> Result<PublicKey, CommitteeError> {
    PublicKey::from_hex(field.get_ref()).filter(PublicKey::is_usable).ok_or_else(|| {
        let problem = "not an Ed25519 public key, expected 64 hexadecimal digits, as the \
                       accumulator's operator publishes them";
        let line = line_of(text, field.span().start);
        CommitteeError::Field { line, field: "key", problem: problem.to_owned() }
    })
}

fn address(text: &str, entry: &Entry) -> Result<String, CommitteeError> {
    let address = entry.address.get_ref();
    check_address(address).map_err(|problem| {
        let line = line_of(text, entry.address.span().start);
        CommitteeError::Field { line, field: "address", problem }
    })?;
    Ok(address.clone())
}

/// Whether others can be told this as the address of an accumulator: `host:port`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_address(address: &str) -> Result<(), String> {
    Err(match address.rsplit_once(':') {
        _ if address.len() > MAX_ADDRESS => format!("longer than {MAX_ADDRESS} bytes"),
        _ if address.chars().any(|c| !is_harmless(c) || c.is_whitespace()) => {
            "white space or control characters in it".to_owned()
        }
        None => "no port, expected host:port such as a.example:4433".to_owned(),
        Some(("", _)) => "no host, expected host:port such as a.example:4433".to_owned(),
        Some((_, port)) if !matches!(port.parse::<u16>(), Ok(1..)) => {
            format!("port '{port}' is not a number from 1 to 65535")
        }
        Some(_) => return Ok(()),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    fn member(seed: u8) -> Member {
        let key = SecretKey::from_seed(&[seed; 32]).public();
        Member { key, address: format!("127.0.0.1:{}", 4000 + u16::from(seed)) }
    }

    fn refusal(text: &str) -> String {
        Committee::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let committee = Committee { members: (1..=3).map(member).collect() };
        assert_eq!(Committee::parse(&committee.to_toml()).unwrap(), committee);
    }

    #[test]
    fn errors_name_line_and_field() {
        let good = Committee { members: vec![member(1), member(2)] }.to_toml();
        let second = member(2);
        let key = second.key.to_string();
        let said = refusal(&good.replace(&key, &key[1..]));
        assert!(said.starts_with("line 6: key: not an Ed25519"), "{said}");
        let said = refusal(&good.replace(&key, &"ff".repeat(32)));
        assert!(said.starts_with("line 6: key: "), "{said}");
        for (bad, says) in [
            ("127.0.0.1", "no port"),
            (":4002", "no host"),
            ("host:0", "port '0'"),
            ("host:70000", "port '70000'"),
            ("ho st:1", "white space"),
        ] {
            let said = refusal(&good.replace(&second.address, bad));
            assert!(said.starts_with("line 7: address: ") && said.contains(says), "{said}");
        }
        let said = refusal(&format!("{good}adress = \"x\"\n"));
        assert!(said.starts_with("line 9: unknown field `adress`"), "{said}");
        let said = refusal("[[accumulator]]\nkey = 3\n");
        assert!(said.starts_with("line 2: "), "{said}");
        let said = refusal("[[accumulator]]\nkey = \"00\"\n");
        assert!(said.contains("missing field `address`"), "{said}");
    }

    #[test]
    fn numbers_and_repetitions_are_refused() {
        assert!(refusal("").starts_with("got 0 [[accumulator]] tables, expected 2 to 16"));
        let one = Committee { members: vec![member(1)] }.to_toml();
        assert!(refusal(&one).starts_with("got 1 "));
        assert!(refusal(&one.repeat(2)).starts_with("line 6: key: named twice"));
        let many = Committee { members: (1..=17).map(member).collect() }.to_toml();
        assert!(refusal(&many).starts_with("got 17 "));
        let mut members = vec![member(1), member(2)];
        members[1].address = members[0].address.clone();
        let said = refusal(&Committee { members }.to_toml());
        assert!(said.starts_with("line 7: address: named twice"), "{said}");
        assert!(refusal(&"#".repeat(MAX_COMMITTEE_BYTES + 1)).starts_with("got more than"));
    }

    #[test]
    fn the_file_is_named() {
        let missing = Committee::load(Path::new("/nonexistent/committee.toml")).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/committee.toml"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("committee.toml");
        std::fs::write(&path, "x = 1").unwrap();
        let said = Committee::load(&path).unwrap_err().to_string();
        assert!(said.contains("committee.toml: line 1: unknown field `x`"), "{said}");
    }
}
