//! What a party computes before closing for the proofs of the rounds: fresh, in memory alone, each
//! part for one proof.

use rand::CryptoRng;

use super::PartySecret;
use super::product::ProductMask;
use super::segments::{FirstStage, SegmentsStage};
use super::stage::{CiphertextSeed, StageMask};
use crate::group::Point;
use crate::join::Auction;
use crate::search::{Effort, Interval};
use crate::segments::Segments;
use crate::spec::Rule;

/// Product masks that are made at a time: a fraction of a millisecond's work.
const TOGETHER: usize = 8;

/// Masks for the rounds of one auction. They are the dear part of its proofs.
pub struct Masks {
    seed: CiphertextSeed,
    firsts: Vec<FirstStage>,
    laters: Vec<SegmentsStage>,
    stages: Vec<StageMask>,
    products: Vec<ProductMask>,
}

/// Some masks; what they take is [`Made::bytes`].
pub struct Made(Kind<FirstStage, SegmentsStage, StageMask, Vec<ProductMask>>);

/// Masks that are still to be made.
#[derive(Debug)]
pub struct Lacking {
    seed: CiphertextSeed,
    /// For one stage with so many ciphertexts, or for so many products.
    kind: Kind<(Segments, usize), (Segments, usize), usize, usize>,
}

#[derive(Debug)]
enum Kind<F, L, S, P> {
    /// A stage that shows a vector under a mask, and is proved against its segments.
    First(F),
    /// A later one.
    Later(L),
    /// A proof against whole vectors.
    Stage(S),
    Products(P),
}

impl Masks {
    /// None yet, for the party with these secrets.
    #[must_use]
    pub fn new(secret: &PartySecret) -> Self {
        let seed = secret.seed.clone();
        Self {
            seed,
            firsts: Vec::new(),
            laters: Vec::new(),
            stages: Vec::new(),
            products: Vec::new(),
        }
    }

    /// What the rounds of an auction with so many bids will need and is not here; nothing when all
    /// is. A search can come to need a few products more: they are made when they are due. What
    /// another bid would make useless is made only for bids that are `settled`, likely to stay so
    /// many.
    #[must_use]
    pub fn lacking(&self, auction: &Auction, bids: usize, settled: bool) -> Option<Lacking> {
        let spec = auction.spec();
        let effort =
            |low, size| Effort::of(Interval { low, size }, spec.block.into(), spec.fan_out.into());
        let price = effort(1, auction.levels());
        let (winner, second) = (effort(0, bids), spec.rule == Rule::SecondPrice);
        let (priced, sought) = (bids > 1 || (bids == 1 && !second), bids > 1);
        let ladder = auction.segments();
        let order = order(auction, bids);
        // The first winner stage comes twice in a tie.
        let again = 1 + usize::from(second);
        let whole = |segments: &Segments, one: usize, all: usize| {
            if segments.is_empty() { all } else { one }
        };
        let stages = usize::from(priced) * whole(ladder, 0, price.stages)
            + usize::from(sought) * whole(&order, again, winner.stages + again - 1);
        let products = if second && sought { price.tests } else { 0 };
        let missing = products.saturating_sub(self.products.len());
        let lacks = |segments: &Segments, firsts, stages: usize, parts| {
            let first = self.firsts.iter().filter(|mask| mask.segments() == segments).count();
            let later = self.laters.iter().filter(|mask| mask.segments() == segments).count();
            if segments.is_empty() {
                None
            } else if first < firsts {
                Some(Kind::First((segments.clone(), parts)))
            } else if later + 1 < stages {
                Some(Kind::Later((segments.clone(), parts)))
            } else {
                None
            }
        };
        let of_price = priced.then(|| lacks(ladder, 1, price.stages, price.most_parts)).flatten();
        let kind = if let Some(kind) = of_price {
            kind
        } else if self.stages.len() < stages {
            // Where both are against segments the masks are used without pads.
            let parts = |segments: &Segments, parts| if segments.is_empty() { parts } else { 0 };
            Kind::Stage(parts(ladder, price.most_parts).max(parts(&order, winner.most_parts)))
        } else if missing > 0 {
            Kind::Products(missing.min(TOGETHER))
        } else {
            let of_winner = || lacks(&order, again, winner.stages, winner.most_parts);
            (sought && settled).then(of_winner).flatten()?
        };
        Some(Lacking { seed: self.seed.clone(), kind })
    }

    /// Drops what was made for another number of bids and is of no use for so many.
    pub fn drop_useless(&mut self, auction: &Auction, bids: usize) {
        let (ladder, order) = (auction.segments(), order(auction, bids));
        self.firsts.retain(|mask| [ladder, &order].contains(&mask.segments()));
        self.laters.retain(|mask| [ladder, &order].contains(&mask.segments()));
        // Without pads where bids among few were expected.
        self.stages.retain(|mask| mask.has_pads() || !order.is_empty());
    }

    /// Keeps some.
    pub fn keep(&mut self, made: Made) {
        match made.0 {
            Kind::First(mask) => self.firsts.push(mask),
            Kind::Later(mask) => self.laters.push(mask),
            Kind::Stage(mask) => self.stages.push(mask),
            Kind::Products(masks) => self.products.extend(masks),
        }
    }

    /// Bytes that all take in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let firsts: usize = self.firsts.iter().map(FirstStage::bytes).sum();
        let laters: usize = self.laters.iter().map(SegmentsStage::bytes).sum();
        let stages: usize = self.stages.iter().map(StageMask::bytes).sum();
        let products: usize = self.products.iter().map(ProductMask::bytes).sum();
        firsts + laters + stages + products
    }

    /// Makes and keeps all that the rounds can need.
    pub fn fill<R: CryptoRng + ?Sized>(&mut self, auction: &Auction, bids: usize, rng: &mut R) {
        while let Some(lacking) = self.lacking(auction, bids, true) {
            self.keep(lacking.make(auction, rng));
        }
    }

    /// One for a stage that shows a vector of these segments under a mask, with so many ciphertexts:
    /// made now, if there is none.
    pub(super) fn take_first<R: CryptoRng + ?Sized>(
        &mut self,
        auction: &Auction,
        segments: &Segments,
        count: usize,
        rng: &mut R,
    ) -> FirstStage {
        let found = self.firsts.iter().position(|mask| mask.segments() == segments);
        let make = || FirstStage::generate(auction, segments, &self.seed, count, rng);
        // It was found at this place.
        found.map(|at| self.firsts.swap_remove(at)).unwrap_or_else(make)
    }

    /// One for a later of such stages: made now, if there is none.
    pub(super) fn take_later<R: CryptoRng + ?Sized>(
        &mut self,
        auction: &Auction,
        segments: &Segments,
        count: usize,
        rng: &mut R,
    ) -> SegmentsStage {
        let found = self.laters.iter().position(|mask| mask.segments() == segments);
        let make = || SegmentsStage::generate(auction, segments, &self.seed, count, rng);
        // It was found at this place.
        found.map(|at| self.laters.swap_remove(at)).unwrap_or_else(make)
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
            Kind::First((segments, count)) => {
                Kind::First(FirstStage::generate(auction, &segments, seed, count, rng))
            }
            Kind::Later((segments, count)) => {
                Kind::Later(SegmentsStage::generate(auction, &segments, seed, count, rng))
            }
            Kind::Stage(count) => Kind::Stage(StageMask::generate(auction, seed, count, rng)),
            Kind::Products(count) => {
                Kind::Products(ProductMask::generate(auction.key(), count, rng))
            }
        })
    }
}

/// The segments of the order of so many bidders.
fn order(auction: &Auction, bids: usize) -> Segments {
    let block = auction.spec().block.into();
    Segments::of_order(bids, block, auction.levels(), auction.accumulators())
}
