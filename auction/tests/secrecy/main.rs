//! What must stay hidden stays hidden: each test beside one that shows it could see a leak.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

#[path = "../cheats/mod.rs"]
mod cheats;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod openings;
mod outcome;
mod printing;
mod shares;
