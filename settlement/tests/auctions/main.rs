//! The payment of auctions without network or disk: a real ledger, real auctions in memory.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where it finds a fault"
)]

#[path = "../../../auction/tests/in_memory/mod.rs"]
mod in_memory;

mod bonds;
mod corrupt;
#[path = "../settlement/disk.rs"]
#[expect(dead_code, reason = "of another test binary, and not all used here")]
mod disk;
mod forgeries;
mod many;
mod physical;
mod registrations;
mod releases;
mod restored;
mod sales;
mod samples;
mod transcripts;
mod two_runs;
mod voids;
mod world;
