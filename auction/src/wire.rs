//! The one wrapper around `bincode`: how values travel and how they are kept.
//!
//! Without care `bincode` accepts a hostile length, trailing bytes and several spellings of
//! one value. Here the length is limited before anything is allocated, the input must be used
//! up, and what was read must encode to exactly the bytes that came. Nothing is ever hashed or
//! signed in this form: that is what [`crate::layout`] is for.

use std::io::{self, Write};

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::{Serialize, de::DeserializeOwned};

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The input is longer than its reader allows.
    #[error("message too long: got {got} bytes, expected at most {limit}")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// The named limit of this kind of message.
        limit: usize,
    },
    /// The input does not decode to a value of the expected type.
    #[error("malformed message: {reason}")]
    Malformed {
        /// What the decoder said.
        reason: String,
    },
    /// The input decodes, but is not the one canonical encoding of its value.
    #[error("message is not in canonical form")]
    NotCanonical,
    /// The value cannot be encoded within the limits of the format.
    #[error("value cannot be encoded: {reason}")]
    Unencodable {
        /// What the encoder said.
        reason: String,
    },
}

/// No frame, stored value or file is longer than this, whatever its reader allows.
pub const MAX_ENCODED_BYTES: usize = 1 << 30;

const CONFIG: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::NoLimit,
> = bincode::config::standard().with_fixed_int_encoding();

/// Encodes `value`.
///
/// # Errors
/// [`WireError::Unencodable`] when a `Serialize` implementation fails.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, WireError> {
    bincode::serde::encode_to_vec(value, CONFIG)
        .map_err(|error| WireError::Unencodable { reason: error.to_string() })
}

/// Encodes `value` piece by piece into `writer`, which gets what [`encode`] gives.
///
/// # Errors
/// What the writer says, and [`io::ErrorKind::InvalidData`] when a `Serialize` implementation fails.
pub fn encode_into<T: Serialize>(value: &T, writer: &mut impl Write) -> io::Result<()> {
    match bincode::serde::encode_into_std_write(value, writer, CONFIG) {
        Ok(_) => Ok(()),
        Err(EncodeError::Io { inner, .. }) => Err(inner),
        Err(other) => Err(io::Error::new(io::ErrorKind::InvalidData, other.to_string())),
    }
}

/// Decodes `bytes`, at most `limit` of them, into a value whose encoding they are.
///
/// # Errors
/// [`WireError`] when the input is too long, malformed, longer than its value or not canonical.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, WireError> {
    let limit = limit.min(MAX_ENCODED_BYTES);
    if bytes.len() > limit {
        return Err(WireError::TooLong { got: bytes.len(), limit });
    }
    // The decoder's limit is a constant of its type; the smallest class that holds the input
    // keeps what a hostile length can claim near what its sender really sent.
    let value: T = match bytes.len() {
        0..=0x1000 => read::<T, 0x1000>(bytes),
        0x1001..=0x1_0000 => read::<T, 0x1_0000>(bytes),
        0x1_0001..=0x10_0000 => read::<T, 0x10_0000>(bytes),
        0x10_0001..=0x100_0000 => read::<T, 0x100_0000>(bytes),
        _ => read::<T, MAX_ENCODED_BYTES>(bytes),
    }?;
    let mut rest = Expected(bytes);
    let same = bincode::serde::encode_into_writer(&value, &mut rest, CONFIG).is_ok();
    if same && rest.0.is_empty() { Ok(value) } else { Err(WireError::NotCanonical) }
}

/// The bytes that are still to come of an encoding that is compared and not kept.
struct Expected<'a>(&'a [u8]);

impl Writer for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::Other("other bytes"))?;
        Ok(())
    }
}

fn read<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<T, WireError> {
    let (value, used): (T, usize) =
        bincode::serde::decode_from_slice(bytes, CONFIG.with_limit::<LIMIT>())
            .map_err(|error| WireError::Malformed { reason: error.to_string() })?;
    if used == bytes.len() { Ok(value) } else { Err(WireError::NotCanonical) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let value = (7u32, vec![1u8, 2, 3], Some(String::from("x")));
        let bytes = encode(&value).unwrap();
        assert_eq!(decode::<(u32, Vec<u8>, Option<String>)>(&bytes, 100).unwrap(), value);
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(
            decode::<(u32, Vec<u8>, Option<String>)>(&longer, 100),
            Err(WireError::NotCanonical)
        );
        assert!(matches!(
            decode::<(u32, Vec<u8>, Option<String>)>(&bytes[..bytes.len() - 1], 100),
            Err(WireError::Malformed { .. })
        ));
        assert!(matches!(
            decode::<(u32, Vec<u8>, Option<String>)>(&bytes, 3),
            Err(WireError::TooLong { .. })
        ));
    }

    #[test]
    fn a_hostile_length_allocates_nothing_and_is_refused() {
        for length in [u64::MAX, 1 << 40, 1 << 29] {
            let bytes = length.to_le_bytes();
            assert!(matches!(decode::<Vec<u8>>(&bytes, 100), Err(WireError::Malformed { .. })));
            assert!(matches!(decode::<String>(&bytes, 100), Err(WireError::Malformed { .. })));
            assert!(matches!(
                decode::<Vec<[u8; 32]>>(&bytes, 100),
                Err(WireError::Malformed { .. })
            ));
        }
    }
}
