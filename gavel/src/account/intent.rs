//! Ids that make a repeated command harmless: the same words give the same id, and the ledger
//! takes an id once.
//!
//! A person who is not sure whether a command went through types it again. So the id of a deposit
//! or payment is the hash of all that was said: ledger, giver, taker, currency, amount and
//! reference. Whoever means the same sum a second time says another reference, or another id.

use std::str::FromStr;

use auction::layout::Digest;
use settlement::ledger::{AccountId, RequestId};
use sha2::{Digest as _, Sha256};

/// What is hashed before the words, so that no other hash gives the same id.
const LABEL: &[u8] = b"gavel command, request id, version 1";
/// Longest reference, in bytes: it stands in the ledger as it was typed.
pub(crate) const MAX_REFERENCE: usize = 32;

/// What a movement is for, in words short enough to stand in the ledger themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reference(String);

impl Reference {
    /// The words, padded with zeros.
    pub(crate) fn digest(&self) -> Digest {
        let mut bytes = [0; MAX_REFERENCE];
        for (place, byte) in bytes.iter_mut().zip(self.0.bytes()) {
            *place = byte;
        }
        Digest(bytes)
    }

    /// The words of a ledger's reference, where it is one of these; otherwise its digits.
    pub(crate) fn shown(reference: &Digest) -> String {
        let end = reference.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let text = reference.0.get(..end).unwrap_or_default();
        match std::str::from_utf8(text) {
            Ok(text) if text.chars().all(bidder::is_harmless) => text.to_owned(),
            _ => reference.to_string(),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_REFERENCE || !text.chars().all(bidder::is_harmless) {
            return Err(format!("expected at most {MAX_REFERENCE} bytes of plain text"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An id on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GivenId(pub(crate) RequestId);

impl FromStr for GivenId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected 1 to 32 hexadecimal digits, neither all 0 nor all f";
        let digits = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.and_then(RequestId::new).map(Self).ok_or(expected)
    }
}

/// The id of an intent: of the same words and attempt, the same.
pub(crate) fn id_of(
    what: &str,
    ledger: &Digest,
    from: &AccountId,
    to: &AccountId,
    amount: u64,
    reference: &Digest,
    attempt: u32,
) -> RequestId {
    let mut hash = Sha256::new();
    for part in [LABEL, what.as_bytes()] {
        // Lengths are short.
        hash.update([part.len() as u8]);
        hash.update(part);
    }
    for part in [ledger, &from.0, &to.0, reference] {
        hash.update(part.0);
    }
    hash.update(amount.to_le_bytes());
    hash.update(attempt.to_le_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    // The two reserved ids come with probability 2^-127; any other constant serves then.
    RequestId::new(u128::from_le_bytes(id)).unwrap_or_else(|| fallback(&hash))
}

fn fallback(hash: &[u8; 32]) -> RequestId {
    let mut id = [1; 16];
    id[1..].copy_from_slice(&hash[16..31]);
    // Its lowest byte is 1: neither 0 nor all ones.
    #[expect(clippy::unwrap_used, reason = "the line above")]
    RequestId::new(u128::from_le_bytes(id)).unwrap()
}

/// A fresh id, for what is meant once however often it is said.
pub(crate) fn fresh_id() -> RequestId {
    use rand::RngExt as _;
    let random: [u8; 32] = rand::rng().random();
    fallback(&random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_id_and_others_another() {
        let account = |byte| AccountId(Digest([byte; 32]));
        let reference = |text: &str| text.parse::<Reference>().unwrap().digest();
        let attempt = |amount, text, attempt| {
            let (from, to, reference) = (account(1), account(2), reference(text));
            id_of("pay", &Digest([9; 32]), &from, &to, amount, &reference, attempt)
        };
        let id = |amount, text| attempt(amount, text, 0);
        assert_ne!(id(5, "rent"), attempt(5, "rent", 1));
        assert_eq!(id(5, "rent"), id(5, "rent"));
        assert_ne!(id(5, "rent"), id(5, "rent May"));
        assert_ne!(id(5, "rent"), id(6, "rent"));
        let of = |what, ledger, from, to| {
            id_of(
                what,
                &Digest([ledger; 32]),
                &account(from),
                &account(to),
                5,
                &reference("rent"),
                0,
            )
        };
        assert_eq!(of("pay", 9, 1, 2), id(5, "rent"));
        for other in [of("deposit", 9, 1, 2), of("pay", 8, 1, 2), of("pay", 9, 2, 1)] {
            assert_ne!(other, id(5, "rent"));
        }
    }

    #[test]
    fn references_stand_in_the_ledger_as_they_were_typed() {
        for text in ["", "invoice 7", "Größe", &"x".repeat(32)] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(Reference::shown(&reference.digest()), text);
        }
        assert!("x".repeat(33).parse::<Reference>().is_err());
        assert!("a\u{1b}[2J".parse::<Reference>().is_err());
        assert_eq!(Reference::shown(&Digest([0xab; 32])), "ab".repeat(32));
        assert_eq!(Reference::shown(&Digest([0x1b; 32])), "1b".repeat(32));
    }

    #[test]
    fn ids_are_hexadecimal_and_not_reserved() {
        assert_eq!("ff".parse::<GivenId>().unwrap().0.get(), 255);
        for wrong in ["", "0", &"f".repeat(32), "+5", "xyz", &"1".repeat(33)] {
            assert!(wrong.parse::<GivenId>().is_err(), "{wrong}");
        }
        assert_ne!(fresh_id(), fresh_id());
    }
}
