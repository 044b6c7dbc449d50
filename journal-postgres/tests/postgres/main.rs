//! The journal on a PostgreSQL server of its own: recovery, fencing, kills, cut connections.
//!
//! All of these need PostgreSQL's programs, so they are run by a command of their own: see
//! CONTRIBUTING.

#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it finds a fault")]

#[path = "../../../settlement/tests/server/bank.rs"]
#[expect(dead_code, reason = "shared with the tests of other storages")]
mod bank;
mod copies;
mod cuts;
mod fencing;
#[path = "../../../settlement/tests/settlement/guarded.rs"]
mod guarded;
mod load;
mod payment;
#[path = "../../../settlement/tests/settlement/people.rs"]
#[expect(dead_code, reason = "shared with the tests of other storages")]
mod people;
mod proxy;
mod recovery;
mod server;
mod storage;
mod tls;
mod troubles;
#[path = "../../../settlement/tests/settlement/work.rs"]
mod work;
