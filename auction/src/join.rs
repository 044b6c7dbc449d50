//! How accumulators join an auction, and the auction that follows. PROTOCOL section 1.

use std::sync::Arc;

use curve25519_dalek::RistrettoPoint;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::group::{EncodingError, Generators, Point, PointBytes, basepoint};
use crate::keys::{BadSignature, DecodedKey, PublicKey, SecretKey, Signature};
use crate::layout::{Digest, Label, Layout};
use crate::proofs::batch::EquationBatch;
use crate::proofs::linear::{LinearProof, LinearStatement};
use crate::proofs::{Place, ProofError};
use crate::secret::SecretScalar;
use crate::segments::Segments;
use crate::spec::{Spec, VerifiedSpec};

const NO_ROUND: Digest = Digest([0; 32]);

/// An accumulator's word that it takes part, with its decryption key; as received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The auction.
    pub auction: Digest,
    /// The accumulator's number in the spec.
    pub accumulator: u8,
    /// `Y_k = x_k G`.
    pub key: PointBytes,
    /// Proof of knowledge of `x_k`.
    pub proof: LinearProof,
    /// The accumulator's signature.
    pub signature: Signature,
}

/// Why a join was refused. The accumulator's fault where a signature holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// It joins another auction.
    #[error("the join is for another auction")]
    OtherAuction,
    /// No accumulator has this number.
    #[error("got accumulator {got}, expected fewer than {accumulators}")]
    NoSuchAccumulator {
        /// The number in the join.
        got: u8,
        /// Accumulators in the spec.
        accumulators: usize,
    },
    /// The signature is not the accumulator's.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The key does not decode.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The key is the neutral element.
    #[error("the decryption key is the neutral element")]
    Neutral,
    /// The accumulator does not show that it knows its key.
    #[error("the proof of knowledge of the decryption key is wrong: {0}")]
    Proof(#[from] ProofError),
    /// Not one join from each accumulator, in their order.
    #[error("got {got} joins, expected one of each of {expected} accumulators in order")]
    Incomplete {
        /// Joins given.
        got: usize,
        /// Accumulators in the spec.
        expected: usize,
    },
    /// All keys together cancel.
    #[error("the accumulators' decryption keys add up to the neutral element")]
    KeysCancel,
}

impl Join {
    /// Makes the join of accumulator number `accumulator`, whose decryption key is `secret`.
    #[must_use]
    pub fn sign<R: CryptoRng + ?Sized>(
        auction: Digest,
        accumulator: u8,
        identity: &SecretKey,
        secret: &SecretScalar,
        rng: &mut R,
    ) -> Self {
        let key = Point::from(RistrettoPoint::mul_base(secret.expose()));
        let prover = identity.public();
        let place = Place { context: &auction, prover: &prover, round: 0, previous: &NO_ROUND };
        let statement = LinearStatement::equal_exponents(&[(basepoint(), key)]);
        let proof = statement.prove(place.bind(Label::JoinProof), &[secret], rng);
        let mut join =
            Self { auction, accumulator, key: key.bytes(), proof, signature: Signature([0; 64]) };
        join.signature = identity.sign(&join.layout());
        join
    }

    fn layout(&self) -> Layout {
        let mut layout = Layout::new(Label::Join, &self.auction);
        layout.u8(self.accumulator).fixed(&self.key.0).count(self.proof.first.len());
        for point in &self.proof.first {
            layout.fixed(&point.0);
        }
        layout.count(self.proof.responses.len());
        for scalar in &self.proof.responses {
            layout.fixed(&scalar.0);
        }
        layout
    }

    /// Whether the accumulator that the join names signed it.
    ///
    /// # Errors
    /// [`JoinError`] when it names no accumulator of this auction or the signature is wrong.
    pub fn verify_signature(&self, spec: &VerifiedSpec) -> Result<(), JoinError> {
        if self.auction != spec.id() {
            return Err(JoinError::OtherAuction);
        }
        let members = &spec.spec().accumulators;
        let member =
            members.get(usize::from(self.accumulator)).ok_or(JoinError::NoSuchAccumulator {
                got: self.accumulator,
                accumulators: members.len(),
            })?;
        Ok(member.key.verify(&self.layout(), &self.signature)?)
    }

    /// Checks signature, key and proof.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn verify(&self, spec: &VerifiedSpec) -> Result<Point, JoinError> {
        self.verify_signature(spec)?;
        // Checked with the signature: the number names an accumulator.
        let prover = &spec.spec().accumulators[usize::from(self.accumulator)].key;
        let key = self.key.decode()?;
        if key.is_identity() {
            return Err(JoinError::Neutral);
        }
        let place = Place { context: &self.auction, prover, round: 0, previous: &NO_ROUND };
        let statement = LinearStatement::equal_exponents(&[(basepoint(), key)]);
        // One proof by itself: its one equation needs no secret weight.
        let mut batch = EquationBatch::new(&Generators::for_levels(1), 1, [1; 32]);
        statement.append(place.bind(Label::JoinProof), &self.proof, &mut batch)?;
        batch.check()?;
        Ok(key)
    }
}

/// An auction that bids can be made in: verified spec, all verified joins, and what follows.
pub struct Auction {
    spec: VerifiedSpec,
    joins: Vec<Join>,
    context: Digest,
    keys: Vec<Point>,
    key: Point,
    /// The identity of each accumulator.
    identities: Vec<DecodedKey>,
    generators: Arc<Generators>,
    segments: Segments,
}

impl Auction {
    /// Verifies the joins, one of each accumulator in order, and computes the context.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn new(spec: VerifiedSpec, joins: Vec<Join>) -> Result<Self, JoinError> {
        let expected = spec.spec().accumulators.len();
        let in_order = joins.iter().enumerate().all(|(k, join)| usize::from(join.accumulator) == k);
        if joins.len() != expected || !in_order {
            return Err(JoinError::Incomplete { got: joins.len(), expected });
        }
        let keys = joins.iter().map(|join| join.verify(&spec)).collect::<Result<Vec<_>, _>>()?;
        let key = Point::sum(&keys);
        if key.is_identity() {
            return Err(JoinError::KeysCancel);
        }
        let mut layout = Layout::new(Label::Context, &spec.id());
        layout.count(joins.len());
        for join in &joins {
            // Without the signature, which its signer can make anew without being convicted.
            layout.digest(&join.layout().hash());
        }
        let members = spec.spec().accumulators.iter();
        let identities = members.map(|member| member.key.decode()).collect::<Result<_, _>>()?;
        let generators = Generators::for_levels(spec.spec().levels());
        let segments = Segments::of(spec.spec().levels(), spec.spec().block.into());
        let context = layout.hash();
        Ok(Self { context, spec, joins, keys, key, identities, generators, segments })
    }

    /// The terms.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        self.spec.spec()
    }

    /// The terms with their signature and id.
    #[must_use]
    pub fn verified_spec(&self) -> &VerifiedSpec {
        &self.spec
    }

    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.spec.id()
    }

    /// The hash of spec and joins, which bids and rounds name.
    #[must_use]
    pub fn context(&self) -> &Digest {
        &self.context
    }

    /// The joins, one of each accumulator.
    #[must_use]
    pub fn joins(&self) -> &[Join] {
        &self.joins
    }

    /// Number of accumulators, `m`.
    #[must_use]
    pub fn accumulators(&self) -> usize {
        self.keys.len()
    }

    /// Number of levels, `K`.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.spec().levels()
    }

    /// The identity of accumulator `k`.
    #[must_use]
    pub fn identity(&self, k: usize) -> Option<&PublicKey> {
        self.spec().accumulators.get(k).map(|member| &member.key)
    }

    /// The identity of accumulator `k`, to verify what it signed.
    #[must_use]
    pub fn decoded_identity(&self, k: usize) -> Option<&DecodedKey> {
        self.identities.get(k)
    }

    /// `Y_k`, the decryption key of each accumulator.
    #[must_use]
    pub fn keys(&self) -> &[Point] {
        &self.keys
    }

    /// `Y`, the key that everything is encrypted under.
    #[must_use]
    pub fn key(&self) -> &Point {
        &self.key
    }

    /// The generators.
    #[must_use]
    pub fn generators(&self) -> &Arc<Generators> {
        &self.generators
    }

    /// The segments of the ladder; none where the search for the price has one stage.
    #[must_use]
    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The accumulator that gets the explicit share of a bidder, so that the load is even.
    #[must_use]
    pub fn explicit_share_of(&self, bidder: &PublicKey) -> usize {
        let mut layout = Layout::new(Label::ExplicitShare, &self.context);
        let hash = layout.key(bidder).hash();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.0[..8]);
        // Fewer than 2^8 accumulators, so the remainder fits.
        (u64::from_le_bytes(bytes) % self.accumulators() as u64) as usize
    }
}

impl std::fmt::Debug for Auction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Auction({})", self.id())
    }
}
