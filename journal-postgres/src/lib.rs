//! The settlement server's journal on PostgreSQL, where the ledger must outlive a machine.
//! SETTLEMENT, section "Journal".
//!
//! [`Database`] is a [`Storage`](settlement::journal::Storage): the files of a journal, kept as
//! rows. What is written stays in memory until a flush, which puts all of it into one serializable
//! transaction: the check of the lease, the row of the next number, and the pieces of files that it
//! brings. So a flush stands whole or not at all, of two writers one alone can succeed, and what
//! became of a transaction whose answer was lost is found out by the id in its row.

mod commit;
mod database;
mod files;
mod lease;
mod password;
mod reading;
mod renewing;
mod schema;
mod session;
mod shared;
mod target;
mod tls;
mod trouble;
mod worker;

use std::time::Duration;

pub use database::Database;
pub use lease::Taking;
pub use target::{Target, TargetError};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// A lease that was not renewed for so long may be taken by another server. By the database's
    /// clock.
    pub lease: Duration,
    /// The longest wait for the answer to one question or transaction.
    pub answer: Duration,
    /// After so long without finding out what became of a transaction, the journal stops.
    pub resolve: Duration,
}

impl Default for Times {
    /// A lease of 30 s, 10 s for an answer, 20 s to find out.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            answer: Duration::from_secs(10),
            resolve: Duration::from_secs(20),
        }
    }
}
