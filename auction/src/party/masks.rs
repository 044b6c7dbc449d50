//! What a party computes before closing for the proofs of the rounds: fresh, in memory alone, each
//! part for one proof.

use rand::CryptoRng;

use super::product::ProductMask;
use crate::group::{Generators, Point};
use crate::join::Auction;
use crate::proofs::entries::EntriesMask;
use crate::search::{Effort, Interval};
use crate::spec::Rule;

/// Product masks that are made at a time: a fraction of a millisecond's work.
const TOGETHER: usize = 8;

/// Masks for the rounds of one auction. They are the dear part of its proofs.
#[derive(Default)]
pub struct Masks {
    entries: Vec<EntriesMask>,
    products: Vec<ProductMask>,
}

/// Some masks.
pub enum Made {
    /// One for the proof of a stage.
    Entries(Box<EntriesMask>),
    /// Some for products.
    Products(Vec<ProductMask>),
}

/// Masks that are still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// One for the proof of a stage.
    Entries,
    /// So many for products.
    Products(usize),
}

impl Masks {
    /// What the rounds of an auction with so many bids will need and is not here; nothing when all
    /// is. A search can come to need a few products more: they are made when they are due.
    #[must_use]
    pub fn lacking(&self, auction: &Auction, bids: usize) -> Option<Lacking> {
        let spec = auction.spec();
        let effort =
            |low, size| Effort::of(Interval { low, size }, spec.block.into(), spec.fan_out.into());
        let price = effort(1, auction.levels());
        let (winner, second) = (effort(0, bids), spec.rule == Rule::SecondPrice);
        let stages = match bids {
            0 | 1 if second => 0,
            0 | 1 => price.stages,
            // The first winner stage comes twice in a tie.
            _ => price.stages + winner.stages + usize::from(second),
        };
        let products = if second && bids > 1 { price.tests } else { 0 };
        if self.entries.len() < stages {
            return Some(Lacking::Entries);
        }
        let missing = products.saturating_sub(self.products.len());
        (missing > 0).then_some(Lacking::Products(missing.min(TOGETHER)))
    }

    /// Keeps some.
    pub fn keep(&mut self, made: Made) {
        match made {
            Made::Entries(mask) => self.entries.push(*mask),
            Made::Products(masks) => self.products.extend(masks),
        }
    }

    /// Makes and keeps all that the rounds can need.
    pub fn fill<R: CryptoRng + ?Sized>(&mut self, auction: &Auction, bids: usize, rng: &mut R) {
        while let Some(lacking) = self.lacking(auction, bids) {
            self.keep(lacking.make(auction, rng));
        }
    }

    /// One for the proof of a stage: made now, if there is none.
    pub(super) fn take_entries<R: CryptoRng + ?Sized>(
        &mut self,
        generators: &Generators,
        levels: usize,
        rng: &mut R,
    ) -> EntriesMask {
        self.entries.pop().unwrap_or_else(|| EntriesMask::generate(generators, levels, rng))
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

impl Lacking {
    /// Makes them, in constant time.
    #[must_use]
    pub fn make<R: CryptoRng + ?Sized>(self, auction: &Auction, rng: &mut R) -> Made {
        match self {
            Self::Entries => Made::Entries(Box::new(EntriesMask::generate(
                auction.generators(),
                auction.levels(),
                rng,
            ))),
            Self::Products(count) => {
                Made::Products(ProductMask::generate(auction.key(), count, rng))
            }
        }
    }
}
