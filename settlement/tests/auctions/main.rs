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
mod forgeries;
mod many;
mod physical;
mod registrations;
mod releases;
mod sales;
mod transcripts;
mod voids;
mod world;
