//! Whole purchases between a real server, merchant and customer over loopback, on a network that
//! loses, doubles, delays, alters and replays each message, and with everybody killed at each.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it finds a fault")]

mod alterations;
mod cheats;
mod kills;
mod limits;
mod losses;
mod town;
mod whole;
