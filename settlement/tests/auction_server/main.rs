//! The payment of auctions end to end: the settlement server, accumulators and clients over
//! loopback, with clocks that the tests set.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it finds a fault")]

#[expect(dead_code, reason = "the server's tests use more of it")]
#[path = "../server/bank.rs"]
mod bank;
#[path = "../../../accumulators/tests/cluster/mod.rs"]
mod cluster;

#[path = "../settlement/guarded.rs"]
mod guarded;
#[path = "../server/liar.rs"]
mod liar;

mod again;
mod bonds;
mod budgets;
mod deposits;
mod false_answers;
mod full_disk;
mod hall;
mod handing_in;
mod kills;
mod physical;
mod sale;
mod voids;
