//! What is hashed and signed: a byte layout of our own, and the labels that keep every use apart.
//!
//! Every layout begins with protocol, version, label and context; every field has a fixed width
//! or carries its length, so that two different statements never give the same bytes.

use curve25519_dalek::Scalar;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroize;

use crate::group::Point;
use crate::keys::PublicKey;

const PROTOCOL: &[u8; 5] = b"gavel";

/// Version of the protocol and of every layout in it.
pub const VERSION: u16 = 1;

/// All domain labels. One use, one label. A label's number is part of every hash made with it:
/// new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A generator of the group.
    Generator,
    /// The hash of a spec: the auction id.
    Spec,
    /// The seller's signature on a spec.
    SpecSignature,
    /// The seller's signed word that closes an auction before its closing time.
    EarlyClose,
    /// Proof of knowledge of an accumulator's decryption key.
    JoinProof,
    /// An accumulator's signature on its join.
    Join,
    /// The hash of spec and joins: the auction context.
    Context,
    /// The choice of the accumulator that gets the explicit share.
    ExplicitShare,
    /// The one-of-many proof of a bid.
    Membership,
    /// The digest that names a bid.
    Bid,
    /// The bidder's signature on a bid.
    BidSignature,
    /// The bidder's signature on a share.
    Share,
    /// A bond ticket of the settlement server.
    Ticket,
    /// An accumulator's receipt.
    Receipt,
    /// An accumulator's signed refusal of a bid.
    Refusal,
    /// The digest of a set of bids.
    Set,
    /// The body of a round message.
    Body,
    /// The signature on a round message.
    Round,
    /// The hash of all bodies of a round.
    Chain,
    /// The point from which the order of bidders is drawn.
    OrderPoint,
    /// The proof on an accumulator's contribution to the order.
    OrderProof,
    /// The seed of the order.
    OrderSeed,
    /// A bidder's place in the order.
    OrderPlace,
    /// The weights that join the ciphertexts of a ladder or of blocks.
    EntryWeights,
    /// The proof on a ladder or on blocks.
    Entries,
    /// The randomness of an accumulator's ciphertexts, from its own secret.
    EntryRandomness,
    /// The proof on a multiply message.
    Multiply,
    /// The proof on a blind message.
    Blind,
    /// The weights that join the factors of an open message.
    OpenWeights,
    /// The proof on an open message.
    Open,
    /// The digest of a transcript.
    Transcript,
    /// An accumulator's word that it sends nothing more.
    Void,
    /// A settlement server's receipt for a goods key.
    EscrowReceipt,
    /// The digest of a sum shown under a mask.
    MaskedSum,
    /// The digest of a vector shown under a mask.
    MaskedVector,
    /// The blindings of a mask's segments, from an accumulator's own secret.
    SegmentBlinding,
    /// The weights that join ciphertexts shown against segments.
    SegmentWeights,
    /// The proof on such ciphertexts.
    Segments,
    /// The weights of bidders' positions where their entries are shown under a mask.
    PositionWeights,
    /// The proof on blocks of such entries.
    Placed,
}

/// A 32-byte hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text.trim()).ok()?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A statement being laid out. One with secrets in it is kept in [`zeroize::Zeroizing`].
#[derive(Clone, Zeroize)]
pub struct Layout(Vec<u8>);

impl Layout {
    /// Begins a layout for one use in one context (the auction id, or the auction context).
    #[must_use]
    pub fn new(label: Label, context: &Digest) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(PROTOCOL);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(label as u8);
        bytes.extend_from_slice(&context.0);
        Self(bytes)
    }

    /// Makes room for bytes that follow.
    pub fn reserve(&mut self, bytes: usize) {
        self.0.reserve(bytes);
    }

    /// Appends a byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// Appends two bytes.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends the number of the things that follow.
    pub fn count(&mut self, value: usize) -> &mut Self {
        self.u64(value as u64)
    }

    /// Appends bytes of a fixed width.
    pub fn fixed<const N: usize>(&mut self, value: &[u8; N]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }

    /// Appends bytes with their length.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.count(value.len());
        self.0.extend_from_slice(value);
        self
    }

    /// Appends a hash.
    pub fn digest(&mut self, value: &Digest) -> &mut Self {
        self.fixed(&value.0)
    }

    /// Appends a signature key.
    pub fn key(&mut self, value: &PublicKey) -> &mut Self {
        self.fixed(&value.0)
    }

    /// Appends a group element.
    pub fn point(&mut self, value: &Point) -> &mut Self {
        self.fixed(&value.bytes().0)
    }

    /// The SHA-256 hash of the layout.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest(Sha256::digest(&self.0).into())
    }

    /// The SHA-512 hash of the layout.
    #[must_use]
    pub fn hash_wide(&self) -> [u8; 64] {
        Sha512::digest(&self.0).into()
    }

    /// The layout hashed to a scalar.
    #[must_use]
    pub fn scalar(&self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.hash_wide())
    }

    /// The bytes to sign.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_context_and_lengths_keep_statements_apart() {
        let zero = Digest::default();
        let one = Digest([1; 32]);
        let base = Layout::new(Label::Bid, &zero).hash();
        assert_ne!(base, Layout::new(Label::Share, &zero).hash());
        assert_ne!(base, Layout::new(Label::Bid, &one).hash());
        let mut left = Layout::new(Label::Bid, &zero);
        left.bytes(b"ab").bytes(b"c");
        let mut right = Layout::new(Label::Bid, &zero);
        right.bytes(b"a").bytes(b"bc");
        assert_ne!(left.hash(), right.hash());
    }
}
