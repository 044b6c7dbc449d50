//! Accumulators that cheat: honest referee and outsider name who did what, and nobody else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where something is wrong"
)]

#[path = "../cheats/mod.rs"]
mod cheats;
mod collusion;
mod history;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod lies;
mod lists;
mod messages;
mod outcomes;
mod sets;
mod silence;
mod unsigned;
