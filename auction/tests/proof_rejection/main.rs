//! Nothing altered, moved, shortened or lengthened passes for a proof. One module a kind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

mod alterations;
mod entries;
mod linear;
mod membership;
mod placed;
mod segments;

use auction::group::{Generators, Point};
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::proofs::Place;
use auction::proofs::batch::EquationBatch;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::rngs::ChaCha20Rng;

const KEY: PublicKey = PublicKey([5; 32]);
const OTHER_KEY: PublicKey = PublicKey([6; 32]);
const HASH: Digest = Digest([7; 32]);
const OTHER_HASH: Digest = Digest([8; 32]);
const PLACE: Place<'static> = Place { context: &HASH, prover: &KEY, round: 3, previous: &HASH };

/// Every place but the right one, each different in one part.
fn other_places() -> [Place<'static>; 5] {
    [
        Place { context: &OTHER_HASH, ..PLACE },
        Place { prover: &OTHER_KEY, ..PLACE },
        Place { round: 2, ..PLACE },
        Place { round: 4, ..PLACE },
        Place { previous: &OTHER_HASH, ..PLACE },
    ]
}

fn batch(levels: usize) -> EquationBatch {
    EquationBatch::new(&Generators::for_levels(levels), levels, [1; 32])
}

fn random_point(rng: &mut ChaCha20Rng) -> Point {
    RistrettoPoint::mul_base(&Scalar::random(rng)).into()
}
