//! What the settlement side and its witnesses hash and sign: the byte layout of
//! `auction::layout`, with labels of their own that no label of the auction equals.

use auction::keys::{BadSignature, PublicKey, SecretKey, Signature};
use auction::layout::{Digest, VERSION};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

const PROTOCOL: &[u8; 5] = b"gavel";

/// The settlement's domain labels. They begin at 128; the auction's stay below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The hash of a charter: the ledger id.
    Ledger = 128,
    /// The id of an account that its first owner's key names.
    OwnerAccount,
    /// The id of an escrow account.
    EscrowAccount,
    /// A signed request.
    Request,
    /// The chain over all batches.
    Chain,
    /// A signed tree head.
    Head,
    /// The digest of a ledger's whole state.
    State,
    /// The hash of a bond's terms: the reference of its hold.
    BondTerms,
    /// The auction key's signature on a bond's hold.
    BondOrder,
    /// The id of a request that the postings module makes for an auction.
    PostingId,
    /// What the requests of an auction that is void refer to.
    VoidAuction,
    /// The hash of a goods key.
    GoodsKey,
    /// The key that encrypts the chunks of goods.
    GoodsChunks,
    /// The checksum of encrypted goods.
    GoodsChecksum,
    /// A goods key sealed to an escrow key.
    EscrowedKey,
    /// A goods key sealed to a delivery key.
    DeliveredKey,
    /// An escrow key that follows from a seed.
    EscrowOpeningKey,
    /// A delivery key that follows from a seed.
    DeliveryOpeningKey,
    /// The signature of who is paid, on a purchase.
    Countersignature = 150,
    /// An offer: its hash and its merchant's signature.
    Offer,
    /// The key that a server seals the goods key of one purchase under.
    PurchaseKey,
    /// The checksum of an item that the server holds.
    ItemChecksum,
    /// The goods key, and the nonces, of one quote of a merchant.
    QuoteKey,
    /// The dispatcher's word that physical goods are on their way.
    Dispatch = 160,
    /// The winner's word that he has them.
    Confirmation,
    /// The winner's word that they have not come, or are not what was offered.
    Dispute,
    /// The arbiter's word on a dispute.
    Award,
    /// A server's signed word that a tree continues an older one.
    Continuation = 170,
    /// A witness's signature on a head that it accepted.
    AcceptedHead,
    /// What a correction refers to.
    Correction = 178,
    /// The id of a correction.
    CorrectionId,
}

/// A statement being laid out: protocol, version, label, context, fields. One with secrets in it
/// is kept in [`zeroize::Zeroizing`].
#[derive(Clone, Zeroize)]
pub struct Statement(Vec<u8>);

impl Statement {
    /// Begins a statement for one use in one context.
    #[must_use]
    pub fn new(label: Label, context: &Digest) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(PROTOCOL);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(label as u8);
        bytes.extend_from_slice(&context.0);
        Self(bytes)
    }

    /// Appends bytes of a width that the label fixes.
    pub fn fixed(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }

    /// Appends eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.fixed(&value.to_le_bytes())
    }

    /// What is hashed and signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The SHA-256 hash of the statement.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest(Sha256::digest(&self.0).into())
    }

    /// Verifies a signature on the statement, strictly: no small-order key or nonce, canonical
    /// encodings alone, never in a batch.
    ///
    /// # Errors
    /// [`BadSignature`] when it does not hold.
    pub fn verify(&self, key: &PublicKey, signature: &Signature) -> Result<(), BadSignature> {
        let bad = |_| BadSignature { key: *key };
        let decoded = VerifyingKey::from_bytes(&key.0).map_err(bad)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        decoded.verify_strict(&self.0, &signature).map_err(bad)
    }
}

/// Whether a key may own an account or hold an authority: canonical, of prime order, without a
/// torsion part (with one, two verifiers could disagree on its signatures).
#[must_use]
pub fn may_own(key: &PublicKey) -> bool {
    key.is_usable()
        && VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.to_edwards().is_torsion_free())
}

/// A secret key made ready to sign statements. Erased when dropped, not printed.
pub struct Signer(SigningKey);

impl Signer {
    /// Makes a key ready.
    #[must_use]
    pub fn new(key: &SecretKey) -> Self {
        Self(SigningKey::from_bytes(key.seed()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a statement.
    #[must_use]
    pub fn sign(&self, statement: &Statement) -> Signature {
        Signature(self.0.sign(&statement.0).to_bytes())
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stay_clear_of_the_auctions() {
        assert!(Label::Ledger as u8 > auction::layout::Label::EscrowReceipt as u8);
        let context = Digest([3; 32]);
        let signer = Signer::new(&SecretKey::from_seed(&[1; 32]));
        let signature = signer.sign(&Statement::new(Label::Head, &context));
        let head = Statement::new(Label::Head, &context);
        assert!(head.verify(&signer.public(), &signature).is_ok());
        let request = Statement::new(Label::Request, &context);
        assert!(request.verify(&signer.public(), &signature).is_err());
    }

    #[test]
    fn keys_of_small_order_or_with_torsion_own_nothing() {
        let good = SecretKey::from_seed(&[1; 32]).public();
        assert!(may_own(&good));
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert!(!may_own(&PublicKey(neutral)));
        // The point of order two, (0, -1), added to a good key: y and x change sign.
        let mut order_two = [0xff; 32];
        order_two[0] = 0xec;
        order_two[31] = 0x7f;
        let torsion = VerifyingKey::from_bytes(&order_two).unwrap().to_edwards();
        let good = VerifyingKey::from_bytes(&good.0).unwrap().to_edwards();
        let mixed = PublicKey((good + torsion).compress().to_bytes());
        assert!(mixed.is_usable());
        assert!(!may_own(&mixed));
    }
}
