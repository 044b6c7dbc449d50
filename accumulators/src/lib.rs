//! An accumulator node: takes sealed bids, answers with receipts that it never breaks, runs the
//! rounds with its fellows, and survives a kill at any instant.
//!
//! [`Node`] serves a directory that [`init`] made. Behind it every auction is one task, a chain of
//! stages (`actor`): joining, taking bids, rounds, ended. What must survive is in the [`store`]
//! before anybody hears of it; what must be forgotten is sealed there under a key that is
//! destroyed when the auction ends.

mod actor;
mod alarm;
mod auctions;
mod bucket;
mod clock;
mod config;
mod error;
mod fellows;
mod footprint;
mod graveyard;
mod identity;
pub mod limits;
mod need;
mod node;
mod pool;
mod private_file;
#[cfg(test)]
mod sample_terms;
mod service;
pub mod store;
mod transcripts;
mod witnessing;

pub use clock::{Clock, SystemClock};
pub use config::{CONFIG_FILE, Config};
pub use error::NodeError;
pub use identity::{IDENTITY_FILE, init, load_identity};
pub use node::Node;
