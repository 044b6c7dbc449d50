//! The two kinds of proof that the protocol needs, made non-interactive with Fiat-Shamir.
//!
//! Linear relations ([`linear`] for a few secrets, [`opening`] for many factors of one secret,
//! [`entries`] for a whole summed vector beside its ciphertexts, [`segments`] for some of one that
//! [`masked`] shows) and one-of-many membership
//! ([`membership`]). No proof exists before what it is bound to: every challenge begins with a
//! [`Binding`].

pub mod batch;
pub mod commitment;
pub mod entries;
pub mod joined;
pub mod linear;
pub mod masked;
pub mod membership;
pub mod opening;
pub mod placed;
pub mod segments;

use curve25519_dalek::Scalar;

use crate::group::EncodingError;
use crate::keys::PublicKey;
use crate::layout::{Digest, Label, Layout};

/// Where in an auction a proof stands: who makes it, in which round, after which messages.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Auction context (auction id for the proof in a join).
    pub context: &'a Digest,
    /// The prover's key.
    pub prover: &'a PublicKey,
    /// Round number; 0 for proofs made outside rounds.
    pub round: u16,
    /// Hash of the round before; all zeros for proofs made outside rounds.
    pub previous: &'a Digest,
}

/// What a challenge is bound to before any statement: the kind of proof and its place.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The kind of proof.
    pub label: Label,
    /// Its place.
    pub place: Place<'a>,
}

impl<'a> Place<'a> {
    /// The place of a proof of the given kind.
    #[must_use]
    pub fn bind(&self, label: Label) -> Binding<'a> {
        Binding { label, place: *self }
    }
}

impl Binding<'_> {
    /// Begins the layout that a challenge hashes.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut layout = Layout::new(self.label, self.place.context);
        layout.key(self.place.prover).u16(self.place.round).digest(self.place.previous);
        layout
    }
}

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Bytes that encode nothing.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The wrong number of elements for the statement.
    #[error("got {got} {part} in a proof, expected {expected}")]
    Shape {
        /// Which elements.
        part: &'static str,
        /// How many came.
        got: usize,
        /// How many the statement needs.
        expected: usize,
    },
    /// A proof of another kind than is due.
    #[error("it came with {0}, which is not due")]
    Kind(&'static str),
    /// A number that no honest sender has.
    #[error("a {0} is out of range")]
    Range(&'static str),
    /// An equation does not hold.
    #[error("the proof does not hold")]
    DoesNotHold,
}

/// Checks a length.
pub(crate) fn expect_length(
    part: &'static str,
    got: usize,
    expected: usize,
) -> Result<(), ProofError> {
    if got == expected { Ok(()) } else { Err(ProofError::Shape { part, got, expected }) }
}

/// Weights of 128 bits, drawn from the hash of a statement.
pub(crate) fn short_weights(label: Label, statement: &Digest, count: usize) -> Vec<Scalar> {
    let weight = |i| {
        let hash = Layout::new(label, statement).count(i).hash();
        let mut half = [0; 16];
        half.copy_from_slice(&hash.0[..16]);
        Scalar::from(u128::from_le_bytes(half))
    };
    (0..count).map(weight).collect()
}
