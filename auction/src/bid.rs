//! Sealed bids and what travels with them. PROTOCOL section 2.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::group::PointBytes;
use crate::keys::{BadSignature, Claim, DecodedKey, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::prices::Level;
use crate::proofs::membership::MembershipProof;
use crate::settlement_terms::Settlement;
use crate::shares::Share;
use crate::spec::Time;

/// A settlement server's word that a bidder's bond is held. It names no account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BondTicket {
    /// The settlement server.
    pub server: PublicKey,
    /// The auction id.
    pub auction: Digest,
    /// The bidder's key in this auction.
    pub bidder: PublicKey,
    /// The highest level that the bond pays, `L`.
    pub cover: Level,
    /// Until when the bond is held.
    pub held_until: Time,
    /// The server's signature.
    pub signature: Signature,
}

/// Why a ticket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum TicketError {
    /// The auction asks for bonds.
    #[error("the auction asks for a bond ticket and the bid carries none")]
    Missing,
    /// The auction asks for none.
    #[error("the auction asks for no bond ticket and the bid carries one")]
    Unexpected,
    /// It names another server, auction, bidder, cover or time.
    #[error("the bond ticket is for another {0}")]
    Other(TicketField),
    /// The server did not sign it.
    #[error("the settlement server's signature on the bond ticket is wrong")]
    Signature,
}

/// A field of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TicketField {
    /// The server's key.
    Server,
    /// The auction id.
    Auction,
    /// The bidder's key.
    Bidder,
    /// The cover.
    Cover,
    /// The end of the bond.
    Time,
}

impl std::fmt::Display for TicketField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Auction => "auction",
            Self::Bidder => "bidder",
            Self::Cover => "cover than the auction's",
            Self::Time => "time than the auction's",
        })
    }
}

impl BondTicket {
    /// Issues a ticket: the settlement server's part. `held_until` is the auction's.
    #[must_use]
    pub fn sign(
        auction: Digest,
        bidder: PublicKey,
        cover: Level,
        held_until: Time,
        server: &SecretKey,
    ) -> Self {
        let mut ticket = Self {
            server: server.public(),
            auction,
            bidder,
            cover,
            held_until,
            signature: Signature([0; 64]),
        };
        ticket.signature = server.sign(&ticket.layout());
        ticket
    }

    fn layout(&self) -> Layout {
        let mut layout = Layout::new(Label::Ticket, &self.auction);
        layout.key(&self.server).key(&self.bidder).u32(self.cover.0).u64(self.held_until.0);
        layout
    }

    /// Checks the ticket of `bidder` against the auction's terms.
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn verify(
        &self,
        auction: &Digest,
        terms: &Settlement,
        bidder: &PublicKey,
    ) -> Result<(), TicketError> {
        let fields = [
            (self.server == terms.server, TicketField::Server),
            (self.auction == *auction, TicketField::Auction),
            (self.bidder == *bidder, TicketField::Bidder),
            (terms.covers.contains(&self.cover), TicketField::Cover),
            (self.held_until == terms.held_until, TicketField::Time),
        ];
        if let Some((_, field)) = fields.iter().find(|(holds, _)| !holds) {
            return Err(TicketError::Other(*field));
        }
        self.server.verify(&self.layout(), &self.signature).map_err(|_| TicketError::Signature)
    }
}

/// A sealed bid, as received: shown to accumulators before closing, to everyone after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBid {
    /// The auction context.
    pub context: Digest,
    /// The bidder's key in this auction.
    pub bidder: PublicKey,
    /// `C^(1..m)`, the commitment to each accumulator's share.
    pub commitments: Vec<PointBytes>,
    /// Proof that the sum of the commitments is to a level.
    pub membership: MembershipProof,
    /// The bond, where the auction asks for one.
    pub ticket: Option<BondTicket>,
    /// The bidder's signature.
    pub signature: Signature,
}

impl SealedBid {
    /// The digest that names the bid: everything but the signature.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut layout = Layout::new(Label::Bid, &self.context);
        layout.key(&self.bidder).count(self.commitments.len());
        for commitment in &self.commitments {
            layout.fixed(&commitment.0);
        }
        let proof = &self.membership;
        layout.fixed(&proof.bits[0].0).fixed(&proof.bits[1].0).count(proof.digits.len());
        for digit in &proof.digits {
            layout.fixed(&digit.0);
        }
        layout.count(proof.entries.len());
        for entry in &proof.entries {
            layout.fixed(&entry.0);
        }
        layout.fixed(&proof.bits_blinding.0).fixed(&proof.blinding.0);
        layout.digest(&ticket_digest(self.ticket.as_ref()));
        layout.hash()
    }

    /// Whether the bidder signed the bid, whose digest is `digest`.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_signature(&self, digest: &Digest) -> Result<DecodedKey, BadSignature> {
        let bidder = self.bidder.decode()?;
        bidder.verify(&Self::signed_layout(&self.context, digest), &self.signature)?;
        Ok(bidder)
    }

    /// That the bidder signed the bid, whose digest is `digest`: to be held with others.
    ///
    /// # Errors
    /// [`BadSignature`] when nothing can be signed under the bidder's key.
    pub(crate) fn claim(&self, digest: &Digest) -> Result<(DecodedKey, Claim), BadSignature> {
        let bidder = self.bidder.decode()?;
        let layout = Self::signed_layout(&self.context, digest);
        Ok((bidder, bidder.claim(&layout, &self.signature)))
    }

    pub(crate) fn signed_layout(context: &Digest, digest: &Digest) -> Layout {
        let mut layout = Layout::new(Label::BidSignature, context);
        layout.digest(digest);
        layout
    }
}

/// The digest of a ticket, signature included, for the transcript of the membership proof.
#[must_use]
pub fn ticket_digest(ticket: Option<&BondTicket>) -> Digest {
    ticket.map_or_else(Digest::default, |ticket| {
        let mut layout = ticket.layout();
        layout.fixed(&ticket.signature.0);
        layout.hash()
    })
}

/// A share on its way to one accumulator, signed so that a share that does not open convicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareDelivery {
    /// The bid.
    pub bid: Digest,
    /// The number of the accumulator.
    pub accumulator: u8,
    /// The share.
    pub share: Share,
    /// The bidder's signature.
    pub signature: Signature,
}

impl ShareDelivery {
    /// Signs a share for accumulator number `accumulator`.
    #[must_use]
    pub fn sign(
        context: &Digest,
        bid: Digest,
        accumulator: u8,
        share: Share,
        bidder: &SecretKey,
    ) -> Self {
        let mut delivery = Self { bid, accumulator, share, signature: Signature([0; 64]) };
        delivery.signature = bidder.sign(&delivery.layout(context));
        delivery
    }

    fn layout(&self, context: &Digest) -> Zeroizing<Layout> {
        let mut layout = Zeroizing::new(Layout::new(Label::Share, context));
        layout.digest(&self.bid).u8(self.accumulator);
        self.share.write(&mut layout);
        layout
    }

    /// The hash of what the bidder signs: names this share of this bid to one accumulator. Of a
    /// share it says nothing that could be found by trying.
    #[must_use]
    pub fn digest(&self, context: &Digest) -> Digest {
        self.layout(context).hash()
    }

    /// Whether `bidder` signed this share.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, context: &Digest, bidder: &DecodedKey) -> Result<(), BadSignature> {
        bidder.verify(&self.layout(context), &self.signature)
    }

    /// That `bidder` signed this share: to be held with others.
    pub(crate) fn claim(&self, context: &Digest, bidder: &DecodedKey) -> Claim {
        bidder.claim(&self.layout(context), &self.signature)
    }
}

/// What a bidder sends to one accumulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// The sealed bid, the same for all accumulators.
    pub bid: SealedBid,
    /// This accumulator's share.
    pub delivery: ShareDelivery,
}
