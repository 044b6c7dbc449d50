//! A corrupt operator who holds every key of the server and recomputes CRCs, leaves, chain and
//! heads: what he does is named by the audit, by what clients and witnesses kept, or by a judge;
//! and what he moved is moved back.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(dead_code, reason = "helpers of another test binary that are not all used here")]
#![expect(clippy::unwrap_used, reason = "a test ends where it finds a fault")]

#[path = "../settlement/disk.rs"]
mod disk;
mod histories;
mod kit;
#[path = "../settlement/people.rs"]
mod people;
mod unsigned;
mod unwinding;
