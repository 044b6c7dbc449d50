//! What a seller announces. PROTOCOL section 1.

use serde::{Deserialize, Serialize};

use crate::keys::{BadSignature, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::money::Currency;
use crate::prices::{LadderError, PriceLadder};
use crate::proofs::membership::encoded_bytes;
use crate::search::{Effort, Interval};
use crate::segments::Segments;
use crate::settlement_terms::{EscrowReceipt, Settlement};
use crate::transcript::MAX_TRANSCRIPT_BYTES;

/// Fewest and most accumulators of an auction.
pub const ACCUMULATORS: std::ops::RangeInclusive<usize> = 2..=16;
/// Most bids that a spec may allow.
pub const MAX_BIDS: u32 = 1 << 20;
/// Longest title, in bytes.
pub const MAX_TITLE: usize = 200;
/// Longest description, in bytes.
pub const MAX_DESCRIPTION: usize = 10_000;
/// Longest address of an accumulator, in bytes.
pub const MAX_ADDRESS: usize = 260;
/// Fewest and most parts that a stage of a search cuts its range into.
pub const BLOCK: std::ops::RangeInclusive<u16> = 2..=256;

/// Bytes of a transcript that are kept for spec, joins and all rounds but the first two; more where
/// the terms can need more.
const ROOM_FOR_ROUNDS: usize = 128 << 20;
/// Most bytes of a test's share of the messages of one accumulator: product, blinded and opened
/// ciphertext, each with its proof.
const TEST_BYTES: usize = 1024;
/// Most bytes of a message beside what it is about, and of a stage's proof beside its responses.
const MESSAGE_BYTES: usize = 1024;

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

/// What the winner pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// The highest bid.
    FirstPrice,
    /// The second highest bid (Vickrey).
    SecondPrice,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FirstPrice => "first-price",
            Self::SecondPrice => "second-price",
        })
    }
}

/// An accumulator as the committee file and the spec name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its identity: what the link and every signature of it are checked against.
    pub key: PublicKey,
    /// Where it listens, `host:port`.
    pub address: String,
}

/// The terms of an auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Fresh random bytes: no two auctions share an id.
    pub nonce: [u8; 32],
    /// The seller's key.
    pub seller: PublicKey,
    /// One line.
    pub title: String,
    /// What is sold, and on what terms.
    pub description: String,
    /// What the winner pays.
    pub rule: Rule,
    /// What prices are counted in.
    pub currency: Currency,
    /// The prices.
    pub ladder: PriceLadder,
    /// Bids are taken from this moment on.
    pub opening: Time,
    /// No bid is taken from this moment on.
    pub closing: Time,
    /// No message is made after this moment; an unfinished auction is then void.
    pub last: Time,
    /// Most bids that are taken.
    pub most_bids: u32,
    /// The accumulators, in the order of their numbers.
    pub accumulators: Vec<Member>,
    /// The payment, where a settlement server takes it: bids must then be bonded.
    pub settlement: Option<Settlement>,
    /// Parts that a stage of a search cuts its range into, `c`.
    pub block: u16,
    /// Parts that a round of tests cuts a stage into, `f`.
    pub fan_out: u16,
}

/// A spec that breaks a rule. The seller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The seller did not sign it.
    #[error("the seller's signature on the spec is wrong: {0}")]
    Signature(#[from] BadSignature),
    /// Where a settlement server takes the payment, it must have registered the auction, and hold
    /// the key to digital goods.
    #[error(
        "the spec lacks the settlement server's escrow receipt: deposit the goods key, or register \
         physical goods, first"
    )]
    NoEscrow,
    /// The escrow receipt is not the settlement server's.
    #[error("the settlement server's escrow receipt is wrong")]
    Escrow,
    /// The prices are impossible.
    #[error("the spec's prices are wrong: {0}")]
    Ladder(#[from] LadderError),
    /// A named field is outside its limits.
    #[error("the spec's {field} is wrong: expected {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

impl Spec {
    /// The auction id: the hash of the spec.
    #[must_use]
    pub fn id(&self) -> Digest {
        let mut layout = Layout::new(Label::Spec, &Digest::default());
        self.write(&mut layout);
        layout.hash()
    }

    /// Number of levels, `K`.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.ladder.levels() as usize
    }

    /// Signs the spec with the seller's key.
    #[must_use]
    pub fn sign(self, seller: &SecretKey) -> SignedSpec {
        let signature = seller.sign(&Layout::new(Label::SpecSignature, &self.id()));
        SignedSpec { spec: self, signature, escrow: None }
    }

    fn write(&self, layout: &mut Layout) {
        layout.fixed(&self.nonce).key(&self.seller);
        layout.bytes(self.title.as_bytes()).bytes(self.description.as_bytes());
        layout.u8(match self.rule {
            Rule::FirstPrice => 1,
            Rule::SecondPrice => 2,
        });
        self.currency.write(layout);
        self.ladder.write(layout);
        layout.u64(self.opening.0).u64(self.closing.0).u64(self.last.0).u32(self.most_bids);
        layout.count(self.accumulators.len());
        for member in &self.accumulators {
            layout.key(&member.key).bytes(member.address.as_bytes());
        }
        match &self.settlement {
            None => {
                layout.u8(0);
            }
            Some(settlement) => settlement.write(layout.u8(1)),
        }
        layout.u16(self.block).u16(self.fan_out);
    }

    /// Longest transcript of an auction on these terms, in bytes.
    #[must_use]
    pub fn most_transcript_bytes(&self) -> usize {
        self.transcript_bytes().saturating_add(self.room_for_rounds()).min(MAX_TRANSCRIPT_BYTES)
    }

    /// Longest message of a round of an auction on these terms, in bytes.
    #[must_use]
    pub fn most_message_bytes(&self) -> usize {
        // A list, or the receipts of all others for each bid.
        let said = (self.most_bids as usize).saturating_mul(64 * self.accumulators.len());
        // A round has at most one test a part.
        let tests = usize::from(self.block) * TEST_BYTES + MESSAGE_BYTES;
        let stage = self.stage_bytes() + self.ladder_bytes().max(self.placed_bytes());
        said.max(stage).max(tests)
    }

    /// Longest message of a stage, in bytes: its proof, and a ciphertext a part. There can be more
    /// parts for fewer bids than for the most, but never more than the block size.
    fn stage_bytes(&self) -> usize {
        32 * (self.levels() + 2) + 64 * usize::from(self.block) + MESSAGE_BYTES
    }

    /// Bytes that the first of several stages of the search for the price takes beside: the sum
    /// under its mask, and of each segment two elements and a scalar.
    fn ladder_bytes(&self) -> usize {
        let segments = Segments::of(self.levels(), self.block.into()).len();
        if segments == 0 { 0 } else { 32 * (self.levels() + 1) + 3 * 32 * segments }
    }

    /// The same of the first stage of the search for the winner, where entries are shown under a
    /// mask: of each bidder two scalars.
    fn placed_bytes(&self) -> usize {
        let most = Segments::most_positions(self.levels(), self.accumulators.len());
        let bidders = most.min(self.most_bids as usize);
        64 * bidders + 3 * 32 * usize::from(self.block)
    }

    /// Bytes that are kept for spec, joins and all rounds but the first two, for terms with a block
    /// size and a fan-out that are allowed.
    fn room_for_rounds(&self) -> usize {
        let effort =
            |size| Effort::of(Interval { low: 0, size }, self.block.into(), self.fan_out.into());
        let (price, winner) = (effort(self.levels()), effort(self.most_bids as usize));
        // A tie begins the search for the winner again.
        let stages = price.stages + 2 * winner.stages + 1;
        let tests = price.tests + 2 * winner.tests;
        let rounds = 3 * (price.rounds + 2 * winner.rounds) + stages + 4;
        // A tie shows the entries again.
        let masked = self.ladder_bytes() + 2 * self.placed_bytes();
        let stages = stages * self.stage_bytes() + masked;
        let each = stages + tests * TEST_BYTES + rounds * MESSAGE_BYTES;
        // Joins and the spec itself take the last part.
        (self.accumulators.len() * each + (1 << 20)).max(ROOM_FOR_ROUNDS)
    }

    /// Most bytes that the bids and lists of a transcript can take.
    fn transcript_bytes(&self) -> usize {
        let m = self.accumulators.len();
        // Context, key, signature, a length, a commitment each, the proof, and a ticket.
        let bid = 32 + 32 + 64 + 8 + 32 * m + encoded_bytes(self.levels()) + 1 + 3 * 32 + 12 + 64;
        // In each list; and one round that may show a receipt of all others for each bid.
        let said = 33 * m + 8 + 64 * m;
        (self.most_bids as usize).saturating_mul(bid + said)
    }

    fn check(&self) -> Result<(), SpecError> {
        self.ladder.check()?;
        let keys: std::collections::BTreeSet<_> =
            self.accumulators.iter().map(|member| member.key).collect();
        let rules = [
            (
                "title",
                "1 to 200 bytes without control characters",
                !self.title.is_empty()
                    && self.title.len() <= MAX_TITLE
                    && !self.title.chars().any(char::is_control),
            ),
            ("description", "at most 10,000 bytes", self.description.len() <= MAX_DESCRIPTION),
            ("currency", "three capital letters and at most 9 decimals", self.currency.is_valid()),
            (
                "times",
                "opening < closing < last time",
                self.opening < self.closing && self.closing < self.last,
            ),
            ("most bids", "1 to 1,048,576", (1..=MAX_BIDS).contains(&self.most_bids)),
            ("accumulators", "2 to 16 of them", ACCUMULATORS.contains(&self.accumulators.len())),
            (
                "accumulators' keys",
                "pairwise distinct Ed25519 keys, none of them the seller's",
                keys.len() == self.accumulators.len()
                    && !keys.contains(&self.seller)
                    && keys.iter().all(PublicKey::is_usable),
            ),
            (
                "accumulators' addresses",
                "1 to 260 bytes without control characters",
                self.accumulators.iter().all(|member| {
                    (1..=MAX_ADDRESS).contains(&member.address.len())
                        && !member.address.chars().any(char::is_control)
                }),
            ),
            ("block size", "2 to 256", BLOCK.contains(&self.block)),
            ("fan-out", "2 to the block size", (2..=self.block).contains(&self.fan_out)),
        ];
        for (field, expected, holds) in rules {
            if !holds {
                return Err(SpecError::Field { field, expected });
            }
        }
        // Last: how long the rounds can be is a question only to terms that are sound otherwise; a
        // search that cuts into one part never ends.
        if self.transcript_bytes().saturating_add(self.room_for_rounds()) > MAX_TRANSCRIPT_BYTES {
            let field = "most bids, with so many levels and accumulators,";
            let expected =
                "what fits into a transcript of 1 GiB: fewer bids, levels or accumulators";
            return Err(SpecError::Field { field, expected });
        }
        match &self.settlement {
            None => Ok(()),
            Some(terms) => terms.check(&self.ladder, self.seller, self.closing, self.last),
        }
    }
}

/// A spec with its seller's signature, as received, and the settlement server's receipt for the
/// goods key where it names such a server. The id leaves both out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedSpec {
    spec: Spec,
    signature: Signature,
    escrow: Option<EscrowReceipt>,
}

impl SignedSpec {
    /// Checks the signatures and every rule of PROTOCOL section 1.
    ///
    /// # Errors
    /// [`SpecError`]: what the seller did wrong.
    pub fn verify(self) -> Result<VerifiedSpec, SpecError> {
        let UnescrowedSpec { signed, id } = self.verify_before_escrow()?;
        match (&signed.spec.settlement, &signed.escrow) {
            (None, None) => {}
            (Some(terms), Some(receipt)) => {
                receipt.verify(&id, &terms.server).map_err(|_| SpecError::Escrow)?;
            }
            (Some(_), None) => return Err(SpecError::NoEscrow),
            (None, Some(_)) => {
                let (field, expected) = ("escrow receipt", "none without a settlement server");
                return Err(SpecError::Field { field, expected });
            }
        }
        Ok(VerifiedSpec { signed, id })
    }

    /// Checks the seller's signature and every rule but that the goods key is in escrow: what
    /// the settlement server itself looks at before it gives its receipt.
    ///
    /// # Errors
    /// [`SpecError`]: what the seller did wrong.
    pub fn verify_before_escrow(self) -> Result<UnescrowedSpec, SpecError> {
        let id = self.spec.id();
        // First: what the seller did not sign says nothing of the seller.
        self.spec.seller.verify(&Layout::new(Label::SpecSignature, &id), &self.signature)?;
        self.spec.check()?;
        Ok(UnescrowedSpec { signed: self, id })
    }

    /// Adds the settlement server's receipt for the goods key.
    #[must_use]
    pub fn with_escrow(self, receipt: EscrowReceipt) -> Self {
        Self { escrow: Some(receipt), ..self }
    }

    /// The id that this spec has, if it verifies.
    #[must_use]
    pub fn claimed_id(&self) -> Digest {
        self.spec.id()
    }
}

/// A spec that is signed by its seller and keeps all rules but one: whether the goods key is in
/// escrow was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnescrowedSpec {
    signed: SignedSpec,
    id: Digest,
}

impl UnescrowedSpec {
    /// The terms.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.signed.spec
    }

    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The spec as it came.
    #[must_use]
    pub fn signed(&self) -> &SignedSpec {
        &self.signed
    }
}

/// A spec that keeps all rules and is signed by its seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSpec {
    signed: SignedSpec,
    id: Digest,
}

impl VerifiedSpec {
    /// The terms.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.signed.spec
    }

    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The spec as it travels.
    #[must_use]
    pub fn signed(&self) -> &SignedSpec {
        &self.signed
    }

    /// The number of the accumulator with this identity.
    #[must_use]
    pub fn accumulator(&self, key: &PublicKey) -> Option<usize> {
        self.signed.spec.accumulators.iter().position(|member| member.key == *key)
    }
}

/// The seller's signed word that the auction closes now, before its closing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyClose {
    /// The auction.
    pub auction: Digest,
    signature: Signature,
}

impl EarlyClose {
    /// Signs the word.
    #[must_use]
    pub fn sign(auction: Digest, seller: &SecretKey) -> Self {
        let signature = seller.sign(&Layout::new(Label::EarlyClose, &auction));
        Self { auction, signature }
    }

    /// Checks that the auction's seller said it.
    ///
    /// # Errors
    /// [`SpecError::Signature`] when another did, or [`SpecError::Field`] when it closes another
    /// auction.
    pub fn verify(&self, spec: &VerifiedSpec) -> Result<(), SpecError> {
        if self.auction != spec.id() {
            return Err(SpecError::Field { field: "auction id", expected: "the one to close" });
        }
        let layout = Layout::new(Label::EarlyClose, &self.auction);
        Ok(spec.spec().seller.verify(&layout, &self.signature)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;

    fn terms(levels: u32, accumulators: u8, block: u16, most_bids: u32) -> Spec {
        let key = |seed| SecretKey::from_seed(&[seed; 32]);
        let member = |k| Member { key: key(k).public(), address: "a:1".to_owned() };
        Spec {
            nonce: [0; 32],
            seller: key(100).public(),
            title: "a painting".to_owned(),
            description: String::new(),
            rule: Rule::SecondPrice,
            currency: Currency::new("EUR", 2).unwrap(),
            ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels },
            opening: Time(0),
            closing: Time(600_000),
            last: Time(1_200_000),
            most_bids,
            accumulators: (0..accumulators).map(member).collect(),
            settlement: None,
            block,
            fan_out: 2,
        }
    }

    #[test]
    fn a_transcript_has_room_for_what_the_rounds_need() {
        let short = terms(64, 3, 32, 100);
        assert_eq!(short.most_transcript_bytes(), short.transcript_bytes() + ROOM_FOR_ROUNDS);
        // Fourteen stages for the price and seven for the winner, each with a response a level of
        // each accumulator.
        let long = terms(16_384, 16, 2, 100);
        assert!(long.check().is_ok());
        assert!(long.most_transcript_bytes() > 21 * 16 * 16_384 * 32);
        assert!(long.room_for_rounds() > ROOM_FOR_ROUNDS);
    }

    #[test]
    fn a_search_that_would_never_end_is_refused() {
        for (block, fan_out) in [(0, 0), (1, 1), (0, 2), (2, 0), (2, 1), (257, 2), (2, 3)] {
            let spec = Spec { fan_out, ..terms(64, 3, block, 100) };
            assert!(matches!(spec.check(), Err(SpecError::Field { .. })), "{block}, {fan_out}");
        }
    }

    #[test]
    fn terms_whose_transcript_fits_nowhere_are_refused() {
        let most = |bids| terms(16_384, 16, 2, bids).check();
        let fits = |bids: &u32| most(*bids).is_ok();
        let bids: Vec<u32> = (0..20).map(|power| 1 << power).collect();
        let (fitting, others): (Vec<u32>, Vec<u32>) = bids.iter().partition(|bids| fits(bids));
        assert!(!fitting.is_empty() && !others.is_empty(), "{fitting:?} {others:?}");
        for bids in fitting {
            let spec = terms(16_384, 16, 2, bids);
            assert!(spec.transcript_bytes() + spec.room_for_rounds() <= MAX_TRANSCRIPT_BYTES);
        }
    }
}
