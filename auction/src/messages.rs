//! What accumulators say to each other after closing. PROTOCOL sections 4 to 9.
//!
//! Rounds are broadcasts of every accumulator to every other. A message carries the context, the
//! round number, the hash of all bodies of the round before, its content, a signature.

use serde::{Deserialize, Serialize};

use crate::elgamal::CiphertextBytes;
use crate::group::{PointBytes, ScalarBytes};
use crate::join::Auction;
use crate::keys::{BadSignature, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::outcome::Outcome;
use crate::proofs::entries::EntriesProof;
use crate::proofs::linear::LinearProof;
use crate::proofs::masked::{MaskedSum, MaskedVector};
use crate::proofs::placed::PlacedProof;
use crate::proofs::segments::SegmentsProof;

/// Longest encoding of a round message, in bytes: a list of the most bids that a spec allows, or
/// one receipt for each of them.
pub const MAX_MESSAGE_BYTES: usize = 80 << 20;

/// A digest in an accumulator's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The bid.
    pub bid: Digest,
    /// Whether the accumulator holds the receipts of all accumulators for it.
    pub complete: bool,
}

/// `sigma_k = x_k Q`, an accumulator's part in the order of bidders. PROTOCOL section 8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPart {
    /// `sigma_k`.
    pub point: PointBytes,
    /// Equal exponents with `Y_k`.
    pub proof: LinearProof,
}

/// An accumulator's ciphertexts of its entries, with one proof for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesPart {
    /// One a level shown, or one a block shown.
    pub ciphertexts: Vec<CiphertextBytes>,
    /// The proof.
    pub proof: StageProof,
}

/// What proves the ciphertexts of a stage. PROTOCOL sections 5 and 8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageProof {
    /// Against the commitments to whole vectors.
    Whole(EntriesProof),
    /// The first of several stages of the search for the price: against the sum that is shown
    /// here under a mask, all segments.
    Ladder {
        /// The sum.
        sum: MaskedSum,
        /// The proof.
        proof: SegmentsProof,
    },
    /// The first of several stages of the search for the winner among few: against the entries
    /// that are shown here under a mask, all blocks.
    Placed {
        /// The bidders' entries at the winner level, in their order.
        entries: MaskedVector,
        /// The proof.
        proof: PlacedProof,
    },
    /// A later stage: against one segment of what was shown.
    Segment(SegmentsProof),
}

impl StageProof {
    /// What names the mask that the proof was made with: its first message on `G`.
    #[must_use]
    pub fn mask_name(&self) -> &PointBytes {
        match self {
            Self::Whole(proof) => &proof.first[1],
            Self::Placed { proof, .. } => &proof.blocks.joined[0],
            Self::Ladder { proof, .. } | Self::Segment(proof) => &proof.joined[0],
        }
    }

    /// The vector that is shown under a mask.
    #[must_use]
    pub fn masked(&self) -> Option<&MaskedVector> {
        match self {
            Self::Ladder { sum, .. } => Some(&sum.vector),
            Self::Placed { entries, .. } => Some(entries),
            Self::Whole(_) | Self::Segment(_) => None,
        }
    }

    /// The kind of proof, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Whole(_) => "a proof against whole vectors",
            Self::Ladder { .. } => "a masked sum with its proof",
            Self::Placed { .. } => "masked entries with their proof",
            Self::Segment(_) => "a proof against a segment",
        }
    }
}

/// An accumulator's part of a product `S_j (S_j - 1)`. PROTOCOL section 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The rerandomised multiple.
    pub ciphertext: CiphertextBytes,
    /// The four-row proof.
    pub proof: LinearProof,
}

/// An accumulator's random multiple of a tested ciphertext. PROTOCOL section 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blinded {
    /// `r_k E`.
    pub ciphertext: CiphertextBytes,
    /// Equal exponents.
    pub proof: LinearProof,
}

/// An accumulator's decryption factors for blinded ciphertexts. PROTOCOL section 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// `x_k A'`, one a test.
    pub factors: Vec<PointBytes>,
    /// Equal exponents with `Y_k`, all factors joined under weights that the statement fixes.
    pub proof: LinearProof,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The bids receipted, sorted by digest. Section 4.
    List(Vec<Listed>),
    /// For each bid that the sender has to show, in the order of the digests, the receipts of
    /// the accumulators whose list lacks it. Section 4.
    Receipts(Vec<Vec<Signature>>),
    /// Contribution to the order, or ciphertexts, or both. Sections 4, 5 and 8.
    Show {
        /// In the first message after the set is fixed.
        order: Option<OrderPart>,
        /// Where a stage of a search begins.
        entries: Option<Box<EntriesPart>>,
    },
    /// One a tested level. Section 6.
    Multiply(Vec<Product>),
    /// One a test. Section 6.
    Blind(Vec<Blinded>),
    /// All tests of the round. Section 6.
    Open(Opened),
    /// The outcome. Section 9.
    Outcome(Outcome),
}

impl Content {
    /// What kind of message this is, for people.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Receipts(_) => "receipts",
            Self::Show { .. } => "show",
            Self::Multiply(_) => "multiply",
            Self::Blind(_) => "blind",
            Self::Open(_) => "open",
            Self::Outcome(_) => "outcome",
        }
    }
}

/// The signed part of a round message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The auction context.
    pub context: Digest,
    /// The round, counted from 0.
    pub round: u16,
    /// Hash of all bodies of the round before; the context in round 0.
    pub previous: Digest,
    /// The sender's number.
    pub accumulator: u8,
    /// What it says.
    pub content: Content,
}

/// A message of a round, as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundMessage {
    /// The signed part.
    pub body: Body,
    /// The sender's signature.
    pub signature: Signature,
}

impl Body {
    /// The digest of the body.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut layout = Layout::new(Label::Body, &self.context);
        layout.u16(self.round).digest(&self.previous).u8(self.accumulator);
        self.content.write(&mut layout);
        layout.hash()
    }

    /// Signs the body.
    #[must_use]
    pub fn sign(self, identity: &SecretKey) -> RoundMessage {
        let digest = self.digest();
        self.sign_as(&digest, identity)
    }

    /// Signs the body, whose digest is `digest`.
    pub(crate) fn sign_as(self, digest: &Digest, identity: &SecretKey) -> RoundMessage {
        let signature = identity.sign(&signed_layout(&self.context, digest));
        RoundMessage { body: self, signature }
    }
}

impl RoundMessage {
    /// Whether `key` signed the body.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(&signed_layout(&self.body.context, &self.body.digest()), &self.signature)
    }

    /// The sender's key, when the auction has such an accumulator and it signed.
    #[must_use]
    pub fn authentic_sender(&self, auction: &Auction) -> Option<usize> {
        self.authentic(auction).map(|(sender, _)| sender)
    }

    /// The same with the digest of the body, which is long and hashed once.
    pub(crate) fn authentic(&self, auction: &Auction) -> Option<(usize, Digest)> {
        let sender = usize::from(self.body.accumulator);
        let key = auction.decoded_identity(sender)?;
        let digest = self.body.digest();
        let layout = signed_layout(&self.body.context, &digest);
        key.verify(&layout, &self.signature).ok().map(|()| (sender, digest))
    }
}

/// The hash of all bodies of a round, in the order of the accumulators.
#[must_use]
pub fn chain(context: &Digest, messages: &[RoundMessage]) -> Digest {
    let digests: Vec<Digest> = messages.iter().map(|message| message.body.digest()).collect();
    chain_digests(context, &digests)
}

/// The same from the bodies' digests.
pub(crate) fn chain_digests(context: &Digest, digests: &[Digest]) -> Digest {
    let mut layout = Layout::new(Label::Chain, context);
    layout.count(digests.len());
    for digest in digests {
        layout.digest(digest);
    }
    layout.hash()
}

fn signed_layout(context: &Digest, digest: &Digest) -> Layout {
    let mut layout = Layout::new(Label::Round, context);
    layout.digest(digest);
    layout
}

impl Content {
    fn write(&self, layout: &mut Layout) {
        match self {
            Self::List(listed) => {
                layout.u8(1).count(listed.len());
                for entry in listed {
                    layout.digest(&entry.bid).u8(u8::from(entry.complete));
                }
            }
            Self::Receipts(receipts) => {
                layout.u8(2).count(receipts.len());
                for signatures in receipts {
                    layout.count(signatures.len());
                    for signature in signatures {
                        layout.fixed(&signature.0);
                    }
                }
            }
            Self::Show { order, entries } => {
                layout.u8(3).count(usize::from(order.is_some()));
                if let Some(part) = order {
                    layout.fixed(&part.point.0);
                    write_linear(&part.proof, layout);
                }
                layout.count(usize::from(entries.is_some()));
                if let Some(part) = entries {
                    write_entries(part, layout);
                }
            }
            Self::Multiply(products) => {
                layout.u8(4).count(products.len());
                for product in products {
                    write_ciphertext(&product.ciphertext, layout);
                    write_linear(&product.proof, layout);
                }
            }
            Self::Blind(blinded) => {
                layout.u8(5).count(blinded.len());
                for blind in blinded {
                    write_ciphertext(&blind.ciphertext, layout);
                    write_linear(&blind.proof, layout);
                }
            }
            Self::Open(opened) => {
                layout.u8(6).count(opened.factors.len());
                for factor in &opened.factors {
                    layout.fixed(&factor.0);
                }
                write_linear(&opened.proof, layout);
            }
            Self::Outcome(outcome) => {
                layout.u8(7);
                outcome.write(layout);
            }
        }
    }
}

fn write_ciphertext(ciphertext: &CiphertextBytes, layout: &mut Layout) {
    layout.fixed(&ciphertext.a.0).fixed(&ciphertext.b.0);
}

fn write_linear(proof: &LinearProof, layout: &mut Layout) {
    write_points(&proof.first, layout);
    write_scalars(&proof.responses, layout);
}

fn write_entries(part: &EntriesPart, layout: &mut Layout) {
    layout.count(part.ciphertexts.len());
    for ciphertext in &part.ciphertexts {
        write_ciphertext(ciphertext, layout);
    }
    match &part.proof {
        StageProof::Whole(proof) => {
            layout.u8(1);
            for point in &proof.first {
                layout.fixed(&point.0);
            }
            write_scalars(&proof.vector, layout);
            layout.fixed(&proof.blinding.0).fixed(&proof.randomness.0);
        }
        StageProof::Ladder { sum, proof } => {
            write_masked(&sum.vector, layout.u8(2));
            layout.fixed(&sum.blinding.0);
            write_segments(proof, layout);
        }
        StageProof::Placed { entries, proof } => {
            write_masked(entries, layout.u8(3));
            write_segments(&proof.blocks, layout);
            layout.fixed(&proof.opening.0).fixed(&proof.tie.0);
            write_scalars(&proof.vector, layout);
            layout.fixed(&proof.blinding.0);
        }
        StageProof::Segment(proof) => write_segments(proof, layout.u8(4)),
    }
}

fn write_masked(vector: &MaskedVector, layout: &mut Layout) {
    write_points(&vector.masks, layout);
    write_scalars(&vector.entries, layout);
}

fn write_segments(proof: &SegmentsProof, layout: &mut Layout) {
    write_points(&proof.first, layout);
    layout.fixed(&proof.joined[0].0).fixed(&proof.joined[1].0);
    write_scalars(&proof.vector, layout);
    write_scalars(&proof.blindings, layout);
    layout.fixed(&proof.randomness.0);
}

fn write_points(points: &[PointBytes], layout: &mut Layout) {
    layout.count(points.len());
    for point in points {
        layout.fixed(&point.0);
    }
}

fn write_scalars(scalars: &[ScalarBytes], layout: &mut Layout) {
    // Some are long, and all are copied once.
    layout.count(scalars.len()).reserve(32 * scalars.len());
    for scalar in scalars {
        layout.fixed(&scalar.0);
    }
}
