//! What a party computes before closing for the proofs of the rounds: fresh, in memory alone, each
//! part for one proof.

use rand::CryptoRng;

use super::PartySecret;
use super::ladder::{FirstMask, LadderMask};
use super::product::ProductMask;
use super::stage::{CiphertextSeed, StageMask};
use crate::group::Point;
use crate::join::Auction;
use crate::search::{Effort, Interval};
use crate::spec::Rule;

/// Product masks that are made at a time: a fraction of a millisecond's work.
const TOGETHER: usize = 8;

/// Masks for the rounds of one auction. They are the dear part of its proofs.
pub struct Masks {
    seed: CiphertextSeed,
    first: Option<FirstMask>,
    later: Vec<LadderMask>,
    stages: Vec<StageMask>,
    products: Vec<ProductMask>,
}

/// Some masks; what they take is [`Made::bytes`].
pub struct Made(Kind<FirstMask, LadderMask, StageMask, Vec<ProductMask>>);

/// Masks that are still to be made.
#[derive(Debug)]
pub struct Lacking {
    seed: CiphertextSeed,
    /// For one stage with so many ciphertexts, or for so many products.
    kind: Kind<usize, usize, usize, usize>,
}

#[derive(Debug)]
enum Kind<F, L, S, P> {
    /// The first of several stages of the search for the price.
    First(F),
    /// A later one.
    Later(L),
    /// A stage that is proved against a whole vector.
    Stage(S),
    Products(P),
}

impl Masks {
    /// None yet, for the party with these secrets.
    #[must_use]
    pub fn new(secret: &PartySecret) -> Self {
        let seed = secret.seed.clone();
        Self { seed, first: None, later: Vec::new(), stages: Vec::new(), products: Vec::new() }
    }

    /// What the rounds of an auction with so many bids will need and is not here; nothing when all
    /// is. A search can come to need a few products more: they are made when they are due.
    #[must_use]
    pub fn lacking(&self, auction: &Auction, bids: usize) -> Option<Lacking> {
        let spec = auction.spec();
        let effort =
            |low, size| Effort::of(Interval { low, size }, spec.block.into(), spec.fan_out.into());
        let price = effort(1, auction.levels());
        let (winner, second) = (effort(0, bids), spec.rule == Rule::SecondPrice);
        let priced = bids > 1 || (bids == 1 && !second);
        let in_segments = priced && !auction.segments().is_empty();
        let stages = match bids {
            0 | 1 => 0,
            // The first winner stage comes twice in a tie.
            _ => winner.stages + usize::from(second),
        } + if priced && !in_segments { price.stages } else { 0 };
        let products = if second && bids > 1 { price.tests } else { 0 };
        let missing = products.saturating_sub(self.products.len());
        let kind = if in_segments && self.first.is_none() {
            Kind::First(price.most_parts)
        } else if in_segments && self.later.len() + 1 < price.stages {
            Kind::Later(price.most_parts)
        } else if self.stages.len() < stages {
            Kind::Stage(price.most_parts.max(winner.most_parts))
        } else if missing > 0 {
            Kind::Products(missing.min(TOGETHER))
        } else {
            return None;
        };
        Some(Lacking { seed: self.seed.clone(), kind })
    }

    /// Keeps some.
    pub fn keep(&mut self, made: Made) {
        match made.0 {
            Kind::First(mask) => self.first = Some(mask),
            Kind::Later(mask) => self.later.push(mask),
            Kind::Stage(mask) => self.stages.push(mask),
            Kind::Products(masks) => self.products.extend(masks),
        }
    }

    /// Makes and keeps all that the rounds can need.
    pub fn fill<R: CryptoRng + ?Sized>(&mut self, auction: &Auction, bids: usize, rng: &mut R) {
        while let Some(lacking) = self.lacking(auction, bids) {
            self.keep(lacking.make(auction, rng));
        }
    }

    /// The one for the first of several stages of the search for the price: made now, if it is
    /// not there.
    pub(super) fn take_first<R: CryptoRng + ?Sized>(
        &mut self,
        auction: &Auction,
        count: usize,
        rng: &mut R,
    ) -> FirstMask {
        let make = || FirstMask::generate(auction, &self.seed, count, rng);
        self.first.take().unwrap_or_else(make)
    }

    /// One for a later of such stages: made now, if there is none.
    pub(super) fn take_later<R: CryptoRng + ?Sized>(
        &mut self,
        auction: &Auction,
        count: usize,
        rng: &mut R,
    ) -> LadderMask {
        let make = || LadderMask::generate(auction, &self.seed, count, rng);
        self.later.pop().unwrap_or_else(make)
    }

    /// One for another stage of so many ciphertexts: made now, if there is none.
    pub(super) fn take_stage<R: CryptoRng + ?Sized>(
        &mut self,
        auction: &Auction,
        count: usize,
        rng: &mut R,
    ) -> StageMask {
        let make = || StageMask::generate(auction, &self.seed, count, rng);
        self.stages.pop().unwrap_or_else(make)
    }

    /// So many for products; those that lack are made now.
    pub(super) fn take_products<R: CryptoRng + ?Sized>(
        &mut self,
        key: &Point,
        count: usize,
        rng: &mut R,
    ) -> Vec<ProductMask> {
        let missing = count.saturating_sub(self.products.len());
        self.products.extend(ProductMask::generate(key, missing, rng));
        self.products.split_off(self.products.len() - count)
    }
}

impl Made {
    /// Bytes that they take in memory until they are used.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.0 {
            Kind::First(mask) => mask.bytes(),
            Kind::Later(mask) => mask.bytes(),
            Kind::Stage(mask) => mask.bytes(),
            Kind::Products(masks) => masks.iter().map(ProductMask::bytes).sum(),
        }
    }
}

impl Lacking {
    /// Makes them, in constant time.
    #[must_use]
    pub fn make<R: CryptoRng + ?Sized>(self, auction: &Auction, rng: &mut R) -> Made {
        let seed = &self.seed;
        Made(match self.kind {
            Kind::First(count) => Kind::First(FirstMask::generate(auction, seed, count, rng)),
            Kind::Later(count) => Kind::Later(LadderMask::generate(auction, seed, count, rng)),
            Kind::Stage(count) => Kind::Stage(StageMask::generate(auction, seed, count, rng)),
            Kind::Products(count) => {
                Kind::Products(ProductMask::generate(auction.key(), count, rng))
            }
        })
    }
}
