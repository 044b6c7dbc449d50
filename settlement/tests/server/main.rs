//! The whole server over loopback, with a clock that the tests set.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it finds a fault")]

mod bank;
mod clocks;
mod crowds;
mod false_answers;
mod hostile;
mod items;
mod liar;
mod money;
mod privacy;
mod purchases;
mod restarts;
