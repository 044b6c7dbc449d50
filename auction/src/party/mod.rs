//! An accumulator's secrets, and the messages it makes with them. PROTOCOL sections 4 to 9.
//!
//! A party never judges: it answers what the [`Referee`] says is due. It works on secrets in
//! constant time. Everything random in a message that must be the same after a restart is drawn
//! from the party's own seed, or found again in what was said; masks of proofs are fresh each time,
//! and a message that was stored is repeated, never made again.

mod answers;
mod masks;
mod product;
mod segments;
mod stage;
mod sums;

pub use masks::{Lacking, Made, Masks};
pub use stage::CiphertextSeed;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use zeroize::{Zeroize as _, Zeroizing};

use crate::book::{BookError, ClosedBook};
use crate::elgamal::Ciphertext;
use crate::group::{Point, PointBytes};
use crate::join::{Auction, Join};
use crate::keys::{SecretKey, Signature};
use crate::layout::{Digest, Label};
use crate::messages::{Body, Content, EntriesPart, Listed, OrderPart, RoundMessage, StageProof};
use crate::proofs::Place;
use crate::proofs::entries::EntriesWitness;
use crate::proofs::masked::VectorMask;
use crate::referee::{Referee, Said, Tally, statements};
use crate::secret::SecretScalar;
use crate::set::Unsettled;
use crate::shares::{Share, ShareSum, SummedShare};
use crate::step::{Against, Shown, Step};
use segments::made_with;
use stage::{StageMask, StageSecrets};

/// What an accumulator must keep secret from joining to the outcome: its decryption key and the
/// seed of its ciphertexts.
pub struct PartySecret {
    decryption: SecretScalar,
    seed: CiphertextSeed,
}

impl PartySecret {
    /// Fresh secrets, for one auction.
    #[must_use]
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Self { decryption: SecretScalar::random(rng), seed: CiphertextSeed::new(seed) }
    }

    /// For a sealed store.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut bytes = Zeroizing::new([0; 64]);
        let mut key = self.decryption.expose().to_bytes();
        bytes[..32].copy_from_slice(&key);
        key.zeroize();
        bytes[32..].copy_from_slice(self.seed.expose());
        bytes
    }

    /// From a sealed store; nothing when the bytes are not such secrets.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&bytes[..32]);
        let decryption = Option::from(Scalar::from_canonical_bytes(*key)).map(SecretScalar::new)?;
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes[32..]);
        Some(Self { decryption, seed: CiphertextSeed::new(seed) })
    }

    /// Joins an auction as accumulator number `accumulator`.
    #[must_use]
    pub fn join<R: CryptoRng + ?Sized>(
        &self,
        auction: Digest,
        accumulator: u8,
        identity: &SecretKey,
        rng: &mut R,
    ) -> Join {
        Join::sign(auction, accumulator, identity, &self.decryption, rng)
    }
}

impl std::fmt::Debug for PartySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartySecret(..)")
    }
}

/// Why a party cannot make its message. Never another's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartyError {
    /// The set has a bid whose share this accumulator does not hold.
    #[error(
        "the share of bid {0} is not in this accumulator's store: it was restored from an older copy"
    )]
    NoShare(Digest),
    /// The receipts that were flagged are gone.
    #[error(
        "the receipts of bid {0} are not in this accumulator's store: it was restored from an older copy"
    )]
    NoReceipts(Digest),
    /// A stored share is damaged.
    #[error("a stored share is damaged: {0}")]
    Share(#[from] BookError),
    /// This accumulator's stored message was made from another seed than the stored one.
    #[error(
        "this accumulator's message of round {0} does not come from the seed in its store: its \
         directory holds parts of two copies, or was written by another version"
    )]
    OtherSeed(u16),
    /// The referee is done, or a step came without what goes before it.
    #[error("no message is due")]
    NothingDue,
}

/// A message as its party made it: the referee of the same program need not decode and check it.
/// A party alone makes one.
pub struct OwnMessage {
    pub(crate) message: RoundMessage,
    pub(crate) digest: Digest,
    pub(crate) said: Said,
}

impl OwnMessage {
    /// What is stored and sent.
    #[must_use]
    pub fn message(&self) -> &RoundMessage {
        &self.message
    }

    /// The same, alone.
    #[must_use]
    pub fn into_message(self) -> RoundMessage {
        self.message
    }
}

/// The accumulator's side of the rounds.
pub struct Party {
    auction: Arc<Auction>,
    me: usize,
    identity: Arc<SecretKey>,
    secret: PartySecret,
    shares: HashMap<Digest, Share>,
    list: Vec<Listed>,
    receipts: BTreeMap<Digest, Vec<Signature>>,
    running: Option<ShareSum>,
    sum: Option<SummedShare>,
    /// Of the vector that was shown, for later stages.
    mask: Option<VectorMask>,
    /// Of the stage under way.
    stage: Option<StageSecrets>,
    masks: Masks,
}

impl Party {
    /// A party for the rounds of an auction, with what its book held at closing.
    #[must_use]
    pub fn new(
        auction: Arc<Auction>,
        me: usize,
        identity: Arc<SecretKey>,
        secret: PartySecret,
        book: ClosedBook,
    ) -> Self {
        let masks = Masks::new(&secret);
        Self {
            auction,
            me,
            identity,
            secret,
            shares: book.shares,
            list: book.list,
            receipts: book.receipts,
            running: Some(book.sum),
            sum: None,
            mask: None,
            stage: None,
            masks,
        }
    }

    /// The masks of this party's proofs; those made ahead of time are kept in them.
    pub fn masks_mut(&mut self) -> &mut Masks {
        &mut self.masks
    }

    /// Takes up the secrets of the stage that a stored message of its own began, when a restarted
    /// node goes through its rounds again. The referee stands before that message.
    ///
    /// # Errors
    /// [`PartyError`] when the store lacks a share of the set, or the message is not one of this
    /// party's.
    pub fn recall(&mut self, referee: &Referee, own: &RoundMessage) -> Result<(), PartyError> {
        let (Step::Show { shown, .. }, Some(tally)) = (referee.step(), referee.tally()) else {
            return Ok(());
        };
        self.settle_sum(tally)?;
        self.stage = None;
        let Some(shown) = shown else { return Ok(()) };
        let Content::Show { entries: Some(part), .. } = &own.body.content else {
            return Err(PartyError::OtherSeed(referee.round()));
        };
        let name = part.proof.mask_name();
        self.begin_stage(tally, shown, name)?;
        let found = self.recall_mask(tally, shown, &part.proof)?;
        // A wrong `t` or `rho` would make false proofs later, and blame.
        let own = self.stage.as_ref().is_some_and(|stage| made_with(&stage.randomness, part));
        if own && found { Ok(()) } else { Err(PartyError::OtherSeed(referee.round())) }
    }

    /// The secrets of the stage whose proof has this first message.
    fn begin_stage(
        &mut self,
        tally: &Tally,
        shown: &Shown,
        first: &PointBytes,
    ) -> Result<(), PartyError> {
        let randomness = self.secret.seed.randomness(self.auction.context(), first, shown.count());
        let entries = match shown {
            Shown::Ladder { levels, .. } => self.ladder_entries(levels)?,
            Shown::Blocks { level, blocks, .. } => self.block_entries(tally, blocks, *level)?,
        };
        self.stage = Some(StageSecrets { entries, randomness });
        Ok(())
    }

    /// Makes this accumulator's message for the step that is due. To be stored before it is
    /// sent, and to be asked for once a round.
    ///
    /// # Errors
    /// [`PartyError`].
    pub fn message<R: CryptoRng + ?Sized>(
        &mut self,
        referee: &Referee,
        rng: &mut R,
    ) -> Result<OwnMessage, PartyError> {
        if referee.fault().is_some() {
            // The step of a faulty round stays: another message for it would be a second one.
            return Err(PartyError::NothingDue);
        }
        let me = self.me;
        // A party is made for an accumulator of the auction.
        let prover = self.auction.spec().accumulators[me].key;
        let context = *self.auction.context();
        let (round, previous) = (referee.round(), *referee.previous());
        let place = Place { context: &context, prover: &prover, round, previous: &previous };
        let (content, said) = match referee.step() {
            Step::List => (Content::List(self.list.clone()), Said::List(self.list.clone())),
            Step::Receipts { to_show } => (self.show_receipts(to_show)?, Said::Receipts),
            Step::Show { order, shown } => {
                let tally = referee.tally().ok_or(PartyError::NothingDue)?;
                self.settle_sum(tally)?;
                self.stage = None;
                self.show(&place, referee, tally, (*order, shown.as_ref()), rng)?
            }
            Step::Multiply(due) => self.multiply(&place, due, rng)?,
            Step::Blind(tests) => Self::blind(&place, tests, rng),
            Step::Open(blinded) => self.open(&place, blinded, rng),
            Step::Outcome(outcome) => (Content::Outcome(*outcome), Said::Outcome),
            Step::Complete => return Err(PartyError::NothingDue),
        };
        // Accumulators are far fewer than 2^8.
        let body = Body { context, round, previous, accumulator: me as u8, content };
        let digest = body.digest();
        Ok(OwnMessage { message: body.sign_as(&digest, &self.identity), digest, said })
    }

    /// 4 The receipts of the accumulators whose lists lack what this one flagged.
    fn show_receipts(&self, to_show: &[Vec<Unsettled>]) -> Result<Content, PartyError> {
        let mine = to_show.get(self.me).map_or(&[][..], Vec::as_slice);
        let shown = mine.iter().map(|Unsettled { bid, lacking }| {
            let kept = self.receipts.get(bid);
            let of = |k: &usize| kept.and_then(|kept| kept.get(*k)).copied();
            let receipts: Option<Vec<Signature>> = lacking.iter().map(of).collect();
            receipts.ok_or(PartyError::NoReceipts(*bid))
        });
        Ok(Content::Receipts(shown.collect::<Result<_, _>>()?))
    }

    /// 4, 5, 8 The contribution to the order, ciphertexts, or both.
    fn show<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        referee: &Referee,
        tally: &Tally,
        (order, shown): (bool, Option<&Shown>),
        rng: &mut R,
    ) -> Result<(Content, Said), PartyError> {
        let (order, sigma) = order.then(|| self.order(place, tally, rng)).unzip();
        let (entries, ciphertexts, vector) = match shown {
            Some(shown) => {
                let (part, ciphertexts, vector) = match shown.against() {
                    Against::Whole => {
                        // What was shown under a mask before serves no later stage.
                        self.mask = None;
                        self.entries(place, tally, shown, rng)?
                    }
                    Against::Masked(masked) => {
                        self.segments_stage(place, referee, tally, (shown, masked), rng)?
                    }
                };
                (Some(Box::new(part)), ciphertexts, vector)
            }
            None => (None, Vec::new(), None),
        };
        let said = Said::Show { sigma: sigma.map(Box::new), entries: ciphertexts, vector };
        Ok((Content::Show { order, entries }, said))
    }

    /// 8 `sigma_k = x_k Q`.
    fn order<R: CryptoRng + ?Sized>(
        &self,
        place: &Place<'_>,
        tally: &Tally,
        rng: &mut R,
    ) -> (OrderPart, Point) {
        let secret = &self.secret.decryption;
        let sigma: Point = tally.order_point().times(secret).into();
        // One key an accumulator, and this party is one.
        let statement =
            statements::order(&self.auction.keys()[self.me], tally.order_point(), &sigma);
        let proof = statement.prove(place.bind(Label::OrderProof), &[secret], rng);
        (OrderPart { point: sigma.bytes(), proof }, sigma)
    }

    /// 5, 8 Ciphertexts of a stage's entries, and one proof for all against a whole vector.
    fn entries<R: CryptoRng + ?Sized>(
        &mut self,
        place: &Place<'_>,
        tally: &Tally,
        shown: &Shown,
        rng: &mut R,
    ) -> Result<segments::Stage, PartyError> {
        let auction = Arc::clone(&self.auction);
        let StageMask { proof: mask, pads } = self.masks.take_stage(&auction, shown.count(), rng);
        let name = mask.name();
        self.begin_stage(tally, shown, &name)?;
        let stage = self.stage.as_ref().ok_or(PartyError::NothingDue)?;
        let (context, key) = (auction.context(), auction.key());
        let ciphertexts = pads.encrypt(context, key, &self.secret.seed, &name, &stage.entries);
        let statement = statements::entries(tally, self.me, key, shown, &ciphertexts);
        let weights = statement.weights(place);
        let opened;
        let sum = if let Shown::Blocks { blocks, .. } = shown {
            opened = self.weigh_blocks(tally, blocks, &weights)?;
            &opened
        } else {
            self.sum.as_ref().ok_or(PartyError::NothingDue)?
        };
        let witness = EntriesWitness {
            vector: &sum.vector,
            blinding: &sum.blinding,
            randomness: &stage.randomness,
        };
        let proof = StageProof::Whole(statement.prove(place, &weights, &witness, mask));
        let bytes = ciphertexts.iter().map(Ciphertext::bytes).collect();
        Ok((EntriesPart { ciphertexts: bytes, proof }, ciphertexts, None))
    }
}
