//! Randomness that a failing test tells how to repeat.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A generator whose seed is printed, for the output of a failing test; `GAVEL_SEED` repeats it.
///
/// # Panics
/// When `GAVEL_SEED` is no number.
#[must_use]
pub fn seeded(test: &str) -> StdRng {
    let given = std::env::var("GAVEL_SEED").ok();
    let seed = given.map_or_else(|| rand::rng().random(), |text| text.parse().unwrap());
    eprintln!("{test}: repeat with GAVEL_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
