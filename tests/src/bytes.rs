//! Bytes that are no question, or no longer one.

use rand::{Rng, RngExt as _};
use serde::ser::{Serialize, SerializeTuple as _, Serializer};

/// The body of a frame, sent as it stands.
#[derive(Debug, Clone)]
pub struct Body(pub Vec<u8>);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A tuple has no length in front.
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

/// Up to `most` random bytes.
pub fn noise<R: Rng>(rng: &mut R, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..=most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Alters bytes: flips a bit, sets a byte or a length, cuts, lengthens, or doubles a part.
pub fn mutate<R: Rng>(rng: &mut R, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..=4) {
        if bytes.is_empty() {
            bytes.extend(noise(rng, 64));
            continue;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].get(rng.random_range(0..5)).unwrap_or(&2),
            2 => {
                let length: u64 = *[0, 1, 1 << 20, u64::MAX >> 1].get(at % 4).unwrap_or(&u64::MAX);
                let end = (at + 8).min(bytes.len());
                bytes[at..end].copy_from_slice(&length.to_le_bytes()[..end - at]);
            }
            3 => bytes.truncate(at),
            4 => bytes.extend(noise(rng, 64)),
            _ => {
                let end = (at + 64).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_encoded_as_it_stands() {
        let body = Body(vec![1, 2, 255]);
        assert_eq!(auction::wire::encode(&body).unwrap(), body.0);
    }

    #[test]
    fn mutation_alters() {
        let mut rng = crate::seeds::seeded("mutation_alters");
        let original: Vec<u8> = (0..=255).collect();
        let altered = (0..200).filter(|_| {
            let mut bytes = original.clone();
            mutate(&mut rng, &mut bytes);
            bytes != original
        });
        assert!(altered.count() > 150);
    }
}
