//! Accumulators that cheat: honest referee and outsider name who did what, and nobody else.

#[path = "../cheats/mod.rs"]
mod cheats;
mod collusion;
mod history;
#[path = "../in_memory/mod.rs"]
mod in_memory;
mod lies;
mod lists;
mod messages;
mod silence;
mod unsigned;
