//! Byte strings and hashes that travel whole. Told nothing, serde takes them byte by byte, a
//! thousand steps for a receipt, and both ends go them twice; on the wire they are the same.

use auction::layout::Digest;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

struct Lent<'a>(&'a [u8]);

struct Owned(Vec<u8>);

impl Serialize for Lent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Owned;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Owned, E> {
                Ok(Owned(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Owned, E> {
                Ok(Owned(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A hash as two numbers, whose lowest bytes come first like its own.
#[derive(Serialize, Deserialize)]
struct Halves(u128, u128);

impl From<&Digest> for Halves {
    fn from(Digest(bytes): &Digest) -> Self {
        let (mut low, mut high) = ([0; 16], [0; 16]);
        low.copy_from_slice(&bytes[..16]);
        high.copy_from_slice(&bytes[16..]);
        Self(u128::from_le_bytes(low), u128::from_le_bytes(high))
    }
}

impl From<Halves> for Digest {
    fn from(Halves(low, high): Halves) -> Self {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&low.to_le_bytes());
        bytes[16..].copy_from_slice(&high.to_le_bytes());
        Self(bytes)
    }
}

/// For one byte string.
pub(super) mod bytes {
    use super::{Deserialize as _, Deserializer, Lent, Owned, Serialize as _, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Lent(bytes).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        Owned::deserialize(deserializer).map(|Owned(bytes)| bytes)
    }
}

/// For a list of byte strings.
pub(super) mod list {
    use super::{Deserialize as _, Deserializer, Lent, Owned, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[Vec<u8>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(|bytes| Lent(bytes)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let list = Vec::<Owned>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|Owned(bytes)| bytes).collect())
    }
}

/// For a list of hashes.
pub(super) mod digests {
    use super::{Deserialize as _, Deserializer, Digest, Halves, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[Digest],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(Halves::from))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Digest>, D::Error> {
        let list = Vec::<Halves>::deserialize(deserializer)?;
        Ok(list.into_iter().map(Digest::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::wire::{WireError, decode, encode};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Plain {
        bytes: Vec<u8>,
        list: Vec<Vec<u8>>,
        digests: Vec<Digest>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Whole {
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
        #[serde(with = "list")]
        list: Vec<Vec<u8>>,
        #[serde(with = "digests")]
        digests: Vec<Digest>,
    }

    #[test]
    fn what_travels_whole_is_the_same_on_the_wire() {
        for count in [0u8, 1, 2, 33] {
            let bytes: Vec<u8> = (0..count).collect();
            let list: Vec<Vec<u8>> = (0..count).map(|n| vec![n; n.into()]).collect();
            let of = |n: u8| Digest(std::array::from_fn(|place| n.wrapping_add(place as u8)));
            let digests: Vec<Digest> = (0..count).map(|n| of(n * 7)).collect();
            let plain =
                Plain { bytes: bytes.clone(), list: list.clone(), digests: digests.clone() };
            let whole = Whole { bytes, list, digests };
            let encoded = encode(&plain).unwrap();
            assert_eq!(encode(&whole).unwrap(), encoded);
            assert_eq!(decode::<Whole>(&encoded, 1 << 16).unwrap(), whole);
            for length in 0..encoded.len() {
                assert!(decode::<Whole>(&encoded[..length], 1 << 16).is_err());
            }
        }
    }

    #[test]
    fn a_hostile_length_is_refused_whole_too() {
        for length in [u64::MAX, 1 << 40, 1 << 29] {
            let hostile = [length.to_le_bytes(), [0; 8]].concat();
            let refused = decode::<Whole>(&hostile, 100);
            assert!(matches!(refused, Err(WireError::Malformed { .. })), "{refused:?}");
        }
    }
}
