//! Whole purchases between a real server, merchant and customer over loopback, on a network that
//! loses, doubles, delays, alters and replays each message, and with everybody killed at each.
//!
//! | what happens to each message | where |
//! |---|---|
//! | lost, doubled, the link cut before it or after it | `losses`; of a cancellation `cancelling` |
//! | delayed by days, asked again for ever, by others too | `losses`; of a cancellation `cancelling` |
//! | replaced by that of an earlier exchange | `replays` |
//! | replaced by that of an exchange at another server and merchant, or brought there | `replays` |
//! | altered in any bit | `alterations`; bit by bit in `settlement` (`purchases/ordering`, `purchases/alterations`, `ledger::signed`) |
//! | signed by another, or about something else | `cheats`, `cancelling`; `settlement` (`purchases/deciding`, `settlement/purchases`) |
//! | a false one under the server's own key | `lying_server` |
//! | its sender or receiver killed before it and after it | `kills` |
//! | too many of them | `limits` |

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it finds a fault")]

mod alterations;
mod cancelling;
mod cheats;
mod kills;
mod limits;
mod losses;
mod lying_server;
mod recording;
mod replays;
mod town;
mod whole;
