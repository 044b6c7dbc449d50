//! Goods as sellers, servers and winners handle them: every size, every kind of damage, and the
//! files that must be read for ever.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod refusals;
mod seller;
mod sizes;
mod vectors;
