//! The goods key `K`: who has it has the goods.

use auction::layout::Digest;
use rand::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::GoodsError;
use crate::layout::{Label, Statement};

const BYTES: usize = 32;

/// A goods key. Neither copied nor printed; erased when dropped; compared in constant time.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct GoodsKey([u8; BYTES]);

/// The text is no goods key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a goods key: expected 64 hexadecimal digits")]
pub struct NotAGoodsKey;

impl GoodsKey {
    /// A fresh key.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut key = Self([0; BYTES]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; BYTES]) -> Self {
        Self(*bytes)
    }

    /// The bytes, to seal or to keep in a private place.
    #[must_use]
    pub fn expose(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Reads a key file's text: 64 hexadecimal digits, white space around them.
    ///
    /// # Errors
    /// [`NotAGoodsKey`].
    pub fn from_hex(text: &str) -> Result<Self, NotAGoodsKey> {
        let mut key = Self([0; BYTES]);
        hex::decode_to_slice(text.trim(), &mut key.0).map_err(|_| NotAGoodsKey)?;
        Ok(key)
    }

    /// A key file's text: 64 hexadecimal digits and the end of the line.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        // Room for all of it at once: a text that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * BYTES + 1));
        for byte in &self.0 {
            for digit in [byte >> 4, byte & 15] {
                // A digit below 16 always has a character.
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        text.push('\n');
        text
    }

    /// `hash(K)`, which specs and offers name.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut statement = Zeroizing::new(Statement::new(Label::GoodsKey, &Digest::default()));
        statement.fixed(&self.0);
        statement.hash()
    }

    /// Checks that this is the key with that hash.
    ///
    /// # Errors
    /// [`GoodsError::WrongKey`].
    pub fn check(&self, expected: &Digest) -> Result<(), GoodsError> {
        let got = self.hash();
        if got == *expected {
            return Ok(());
        }
        Err(GoodsError::WrongKey { got, expected: *expected })
    }
}

impl ConstantTimeEq for GoodsKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for GoodsKey {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for GoodsKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_is_read_again() {
        let key = GoodsKey::generate(&mut rand::rng());
        let text = key.to_hex();
        assert_eq!(text.len(), 65);
        assert_eq!(*text, format!("{}\n", hex::encode(key.expose())));
        assert!(GoodsKey::from_hex(&text).unwrap() == key);
        for wrong in ["", "ab", &text[1..], &format!("{}00", text.trim()), &"zz".repeat(32)] {
            assert!(GoodsKey::from_hex(wrong).is_err());
        }
    }

    #[test]
    fn the_hash_tells_keys_apart_and_is_not_the_bare_one() {
        use sha2::Digest as _;
        let (one, two) = (GoodsKey::from_bytes(&[1; 32]), GoodsKey::from_bytes(&[2; 32]));
        assert!(one != two);
        assert!(one.check(&one.hash()).is_ok());
        assert!(matches!(one.check(&two.hash()), Err(GoodsError::WrongKey { .. })));
        assert_ne!(one.hash().0, <[u8; 32]>::from(sha2::Sha256::digest([1; 32])));
    }

    #[test]
    fn a_key_is_erased() {
        let mut key = GoodsKey::from_bytes(&[7; 32]);
        key.zeroize();
        assert_eq!(key.expose(), &[0; 32]);
    }
}
