//! The order in which tied bidders are looked at: unique, and unforeseeable while bids are made.
//! PROTOCOL section 8.

use curve25519_dalek::RistrettoPoint;

use crate::group::Point;
use crate::keys::PublicKey;
use crate::layout::{Digest, Label, Layout};

/// `Q`, hashed to the group from context and set.
#[must_use]
pub fn order_point(context: &Digest, set: &Digest) -> Point {
    let mut layout = Layout::new(Label::OrderPoint, context);
    RistrettoPoint::from_uniform_bytes(&layout.digest(set).hash_wide()).into()
}

/// The positions of `bidders` in the order that the accumulators' contributions draw.
#[must_use]
pub fn draw(context: &Digest, set: &Digest, sigmas: &[Point], bidders: &[PublicKey]) -> Vec<usize> {
    let mut layout = Layout::new(Label::OrderSeed, context);
    layout.digest(set).count(sigmas.len());
    for sigma in sigmas {
        layout.point(sigma);
    }
    let seed = layout.hash();
    let place = |bidder: &PublicKey| Layout::new(Label::OrderPlace, &seed).key(bidder).hash();
    let mut order: Vec<(Digest, PublicKey, usize)> =
        bidders.iter().enumerate().map(|(i, bidder)| (place(bidder), *bidder, i)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, i)| i).collect()
}
