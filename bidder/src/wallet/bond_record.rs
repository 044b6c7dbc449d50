//! What a wallet keeps of one bond. SETTLEMENT, section "An auction's payment", step 3.

use auction::bid::BondTicket;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::settlement_terms::Settlement;
use auction::spec::{SignedSpec, Spec, Time, VerifiedSpec};
use auction::wire::{decode, encode};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::frame;

/// First bytes of a bond's file.
const MAGIC: &frame::Magic = b"gavelBN\x01";
/// Longest order, in bytes.
pub const MAX_ORDER_BYTES: usize = 4096;
/// Longest file of a bond, in bytes: a spec with a listed ladder, and room to spare.
pub(super) const MAX_BOND_BYTES: usize = 1 << 20;
/// Longest file of what the server answered, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 4096;
/// Longest refusal that is kept, in characters.
const MAX_REFUSAL: usize = 300;

/// A bond as it was ordered, which never changes, with what the settlement server answered.
///
/// It holds the key that will bid: neither printed nor copied, erased when dropped.
pub struct BondRecord {
    made_at: Time,
    bidder: SecretKey,
    spec: VerifiedSpec,
    cover: Level,
    order: Vec<u8>,
    pub(super) answer: Option<BondAnswer>,
}

/// What the settlement server answered to an order, verified where it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BondAnswer {
    /// The bond is held.
    Held(BondTicket),
    /// The order was refused and can never be taken; why, in its words.
    Refused(String),
}

impl BondAnswer {
    /// A refusal in these words, cut to a length that fits.
    pub(super) fn refused(why: &str) -> Self {
        Self::Refused(why.chars().take(MAX_REFUSAL).collect())
    }
}

impl BondRecord {
    /// The auction id.
    #[must_use]
    pub fn auction_id(&self) -> Digest {
        self.spec.id()
    }

    /// The terms of the auction.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        self.spec.spec()
    }

    /// The terms with their signatures.
    #[must_use]
    pub fn verified_spec(&self) -> &VerifiedSpec {
        &self.spec
    }

    /// The terms of its payment.
    #[must_use]
    pub fn terms(&self) -> Option<&Settlement> {
        self.spec().settlement.as_ref()
    }

    /// The key that the bond is for: it bids, and what it wins is sealed to it.
    #[must_use]
    pub fn bidder(&self) -> PublicKey {
        self.bidder.public()
    }

    /// The secret half of that key.
    #[must_use]
    pub fn bidder_secret(&self) -> &SecretKey {
        &self.bidder
    }

    /// The highest level that the bond pays.
    #[must_use]
    pub fn cover(&self) -> Level {
        self.cover
    }

    /// What the bond sets aside.
    #[must_use]
    pub fn amount(&self) -> Option<Amount> {
        self.spec().ladder.price(self.cover)
    }

    /// The order, byte for byte as it is sent.
    #[must_use]
    pub fn order(&self) -> &[u8] {
        &self.order
    }

    /// When the order was signed.
    #[must_use]
    pub fn made_at(&self) -> Time {
        self.made_at
    }

    /// The settlement server's answer, once there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&BondAnswer> {
        self.answer.as_ref()
    }

    /// The ticket, if the bond is held.
    #[must_use]
    pub fn ticket(&self) -> Option<BondTicket> {
        match &self.answer {
            Some(BondAnswer::Held(ticket)) => Some(ticket.clone()),
            Some(BondAnswer::Refused(_)) | None => None,
        }
    }

    /// Whether the order was refused for ever: the next one needs another key and id.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.answer, Some(BondAnswer::Refused(_)))
    }

    pub(super) fn new(
        spec: VerifiedSpec,
        bidder: SecretKey,
        cover: Level,
        order: Vec<u8>,
        made_at: Time,
    ) -> Self {
        Self { made_at, bidder, spec, cover, order, answer: None }
    }

    /// Whether a ticket is the one that this bond is answered with.
    pub(super) fn is_answered_by(&self, ticket: &BondTicket) -> bool {
        let held = |terms| ticket.verify(&self.auction_id(), terms, &self.bidder()).is_ok();
        ticket.cover == self.cover && self.terms().is_some_and(held)
    }

    /// The file of the bond, without what was answered.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let stored = Stored {
            made_at: self.made_at,
            seed: Seed(*self.bidder.seed()),
            spec: self.spec.signed().clone(),
            cover: self.cover,
            order: self.order.clone(),
        };
        let body = Zeroizing::new(encode(&stored).map_err(|error| error.to_string())?);
        Ok(frame::wrap(MAGIC, &body))
    }

    /// Reads the file of a bond; nothing is answered yet.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = frame::unwrap(MAGIC, bytes)?;
        let stored: Stored = decode(body, MAX_BOND_BYTES).map_err(|error| error.to_string())?;
        let spec = stored.spec.clone().verify().map_err(|error| error.to_string())?;
        if spec.spec().settlement.is_none() {
            return Err("its auction takes no bonds".to_owned());
        }
        Ok(Self {
            made_at: stored.made_at,
            bidder: SecretKey::from_seed(&stored.seed.0),
            spec,
            cover: stored.cover,
            order: stored.order,
            answer: None,
        })
    }
}

impl std::fmt::Debug for BondRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BondRecord({} in {}, secrets redacted)", self.bidder(), self.auction_id())
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    made_at: Time,
    seed: Seed,
    spec: SignedSpec,
    cover: Level,
    order: Vec<u8>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Seed([u8; 32]);
