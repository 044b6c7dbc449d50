//! From a transcript to a decision. SETTLEMENT, section "An auction's payment", steps 2 and 4.
//!
//! Only what the referee finds in a complete transcript decides. Signatures under an outcome
//! decide nothing: a complete transcript suffices without them, and none of them without it.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::outcome;
use auction::settlement_terms::Goods;
use auction::spec::{EarlyClose, SpecError, Time, VerifiedSpec};
use auction::transcript::{Transcript, TranscriptError, Verdict};
use rand::CryptoRng;

use super::attachment::{NoSaleRecord, SaleFacts, SaleRecord, VoidRecord};
use super::index::AuctionState;
use crate::sealed_key::{SealedKey, SealingKey};

/// What a complete transcript of one auction proves. Only verification makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    auction: Digest,
    sale: Option<outcome::Sale>,
    transcript: Digest,
    early_close: Option<EarlyClose>,
}

/// What to do about an auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The winner pays and gets the goods key.
    Sale(Sale),
    /// The winner pays into escrow, and waits for the goods.
    PhysicalSale(PhysicalSale),
    /// Nothing is sold.
    NoSale(NoSale),
}

/// Who pays what out of which bond, and what the goods key is sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    facts: SaleFacts,
    delivery: SealingKey,
    checksum: Digest,
    key_hash: Digest,
}

/// Who pays what out of which bond for physical goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhysicalSale(SaleFacts);

/// The transcript shows no winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSale(NoSaleRecord);

/// V has come before a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoidDecision(VoidRecord);

/// Why nothing is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// The first decision stands.
    #[error("the auction is decided already")]
    Decided,
    /// The transcript is of another auction.
    #[error("the transcript is of auction {got}, expected {expected}")]
    OtherAuction {
        /// The transcript's.
        got: Digest,
        /// The one to decide.
        expected: Digest,
    },
    /// Bids and bonds may still come.
    #[error("the auction closes at {}: nothing is decided before without the seller's word", .0.0)]
    NotClosed(Time),
    /// No transcript counts any more.
    #[error("no transcript counts from {} on: the auction is void", .0.0)]
    TooLate(Time),
    /// A transcript may still come.
    #[error("a transcript may still come until {}", .0.0)]
    TooEarly(Time),
    /// The winner's ticket is this server's, and it knows of no such bond: this server's fault.
    #[error("the winner {0} carries a ticket of this server and has no bond here")]
    NoBond(PublicKey),
    /// The price is above the bond: the server signed a ticket with a cover that was not ordered.
    #[error("the price is {} and the winner's bond {bond}: the ticket was for another cover", .price.0)]
    AboveBond {
        /// What the transcript gives.
        price: Amount,
        /// What is held, in minor units.
        bond: u64,
    },
}

impl Proven {
    /// Verifies a transcript file as of the auction that is to be decided. Takes time: not for
    /// the ledger's thread.
    ///
    /// # Errors
    /// [`TranscriptError`] when it proves nothing, or is of another auction.
    pub fn prove<R: CryptoRng + ?Sized>(
        bytes: &[u8],
        auction: &Digest,
        rng: &mut R,
    ) -> Result<Self, TranscriptError> {
        let verdict = Transcript::from_bytes(bytes)?.verify(Some(auction), rng)?;
        Ok(Self::from(&verdict))
    }

    /// The same with the seller's word that closed the auction before its closing time: without
    /// it nothing is decided before that.
    ///
    /// # Errors
    /// [`SpecError`] when it is not this auction's seller's word.
    pub fn closed_by(self, word: EarlyClose, spec: &VerifiedSpec) -> Result<Self, SpecError> {
        word.verify(spec)?;
        Ok(Self { early_close: Some(word), ..self })
    }

    /// The auction.
    #[must_use]
    pub fn auction(&self) -> Digest {
        self.auction
    }

    /// The digest of the transcript: equal for all files of one run, however many signed its
    /// outcome.
    #[must_use]
    pub fn transcript(&self) -> Digest {
        self.transcript
    }
}

impl From<&Verdict> for Proven {
    fn from(verdict: &Verdict) -> Self {
        let outcome = &verdict.outcome;
        Self {
            auction: verdict.auction.id(),
            sale: outcome.sale,
            transcript: outcome.transcript,
            early_close: None,
        }
    }
}

impl Decision {
    /// What a transcript decides at this time, going by the bonds that the journal holds.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn of(proven: &Proven, state: &AuctionState, now: Time) -> Result<Self, Undecided> {
        let registered = state.registered();
        let (got, expected) = (proven.auction, registered.id());
        if got != expected {
            return Err(Undecided::OtherAuction { got, expected });
        }
        if state.decided().is_some() {
            return Err(Undecided::Decided);
        }
        if now < registered.closing() && proven.early_close.is_none() {
            return Err(Undecided::NotClosed(registered.closing()));
        }
        if now >= registered.decided_by() {
            return Err(Undecided::TooLate(registered.decided_by()));
        }
        let Proven { transcript, early_close, .. } = *proven;
        let Some(sale) = proven.sale else {
            return Ok(Self::NoSale(NoSale(NoSaleRecord {
                auction: got,
                transcript,
                early_close,
            })));
        };
        let live = state.bond(&sale.winner).filter(|live| state.is_live(&live.bond().hold));
        let bond = live.ok_or(Undecided::NoBond(sale.winner))?.bond();
        if sale.price.0 > bond.amount.get() {
            return Err(Undecided::AboveBond { price: sale.price, bond: bond.amount.get() });
        }
        let fee = registered.settlement().fee.map_or(Amount(0), |fee| fee.at(sale.price));
        let facts = SaleFacts {
            auction: got,
            winner: sale.winner,
            hold: bond.hold,
            price: sale.price,
            // The spec's rules keep it so; money is not made if they should not.
            fee: fee.min(sale.price),
            transcript,
            early_close,
        };
        Ok(match registered.goods() {
            Some(Goods { checksum, key_hash, .. }) => {
                Self::Sale(Sale { facts, delivery: bond.delivery.clone(), checksum, key_hash })
            }
            None => Self::PhysicalSale(PhysicalSale(facts)),
        })
    }
}

impl Sale {
    /// What the goods key is to be sealed to.
    #[must_use]
    pub fn delivery(&self) -> &SealingKey {
        &self.delivery
    }

    /// The winner's key in the auction.
    #[must_use]
    pub fn winner(&self) -> PublicKey {
        self.facts.winner
    }

    /// What the winner pays.
    #[must_use]
    pub fn price(&self) -> Amount {
        self.facts.price
    }

    /// What of it goes to the house.
    #[must_use]
    pub fn fee(&self) -> Amount {
        self.facts.fee
    }

    /// The record of the sale, with the goods key sealed to [`Sale::delivery`].
    #[must_use]
    pub fn record(&self, key: SealedKey) -> SaleRecord {
        let SaleFacts { auction, winner, hold, price, fee, transcript, early_close } =
            self.facts.clone();
        let delivery = self.delivery.clone();
        let (checksum, key_hash) = (self.checksum, self.key_hash);
        SaleRecord {
            auction,
            winner,
            hold,
            price,
            fee,
            transcript,
            early_close,
            checksum,
            key_hash,
            delivery,
            key,
        }
    }
}

impl PhysicalSale {
    /// The record of the sale.
    #[must_use]
    pub fn record(&self) -> &SaleFacts {
        &self.0
    }
}

impl NoSale {
    /// The record of it.
    #[must_use]
    pub fn record(&self) -> NoSaleRecord {
        self.0
    }
}

impl VoidDecision {
    /// Whether an auction is void at this time of the journal.
    ///
    /// # Errors
    /// [`Undecided`].
    pub fn of(state: &AuctionState, now: Time) -> Result<Self, Undecided> {
        let registered = state.registered();
        if state.decided().is_some() {
            return Err(Undecided::Decided);
        }
        if now < registered.decided_by() {
            return Err(Undecided::TooEarly(registered.decided_by()));
        }
        Ok(Self(VoidRecord { auction: registered.id() }))
    }

    /// The record of it.
    #[must_use]
    pub fn record(&self) -> VoidRecord {
        self.0
    }
}
