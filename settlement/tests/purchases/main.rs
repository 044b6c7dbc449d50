//! Purchases without a network: every message altered, replayed, signed by another or brought
//! elsewhere, and audits of a corrupt server.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, reason = "a test ends where it finds a fault")]

mod alterations;
mod audits;
mod deciding;
mod judging;
mod ordering;
mod readmission;
mod receipts;
mod world;
