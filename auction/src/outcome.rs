//! What an auction decides. PROTOCOL section 9.

use serde::{Deserialize, Serialize};

use crate::join::Auction;
use crate::keys::{BadSignature, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::money::Amount;
use crate::prices::Level;

/// Who pays what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// The winner's key in this auction.
    pub winner: PublicKey,
    /// The level of the price.
    pub level: Level,
    /// The price.
    pub price: Amount,
}

/// The result of an auction. Signed, in the last round, by every accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Digest of the set of bids.
    pub set: Digest,
    /// Number of bids.
    pub bids: u32,
    /// The sale, when there is one.
    pub sale: Option<Sale>,
    /// Whether the top bid of a second-price auction was tied.
    pub tie: bool,
    /// Hash of everything said before: of the last round's bodies, which cover all.
    pub transcript: Digest,
}

impl Outcome {
    pub(crate) fn write(&self, layout: &mut Layout) {
        layout.digest(&self.set).u32(self.bids).count(self.sale.iter().len());
        if let Some(sale) = &self.sale {
            layout.key(&sale.winner).u32(sale.level.0).u64(sale.price.0);
        }
        layout.u8(u8::from(self.tie)).digest(&self.transcript);
    }
}

/// An accumulator's word, after the spec's last time, that it sends nothing more. It weighs
/// nothing against a complete transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// The sender's number.
    pub accumulator: u8,
    /// Its signature.
    pub signature: Signature,
}

impl Void {
    /// Signs the word. `context` is the auction context, or the auction id where the
    /// accumulators never joined.
    #[must_use]
    pub fn sign(context: &Digest, accumulator: u8, identity: &SecretKey) -> Self {
        Self { accumulator, signature: identity.sign(&Self::layout(context, accumulator)) }
    }

    fn layout(context: &Digest, accumulator: u8) -> Layout {
        let mut layout = Layout::new(Label::Void, context);
        layout.u8(accumulator);
        layout
    }

    /// Whether the named accumulator of the auction signed it.
    ///
    /// # Errors
    /// [`BadSignature`]; under a key of zeros when the auction has no such accumulator.
    pub fn verify(&self, auction: &Auction) -> Result<(), BadSignature> {
        let nobody = PublicKey([0; 32]);
        let key = auction.identity(usize::from(self.accumulator)).unwrap_or(&nobody);
        key.verify(&Self::layout(auction.context(), self.accumulator), &self.signature)
    }
}
