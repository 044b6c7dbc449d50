//! The payment side of Gavel: a [`ledger`] that is a pure state machine, a [`journal`] that is
//! the authority, and the [`bookkeeper`] that lets no answer out before the journal holds what
//! it depends on.
//!
//! Data goes one way: bytes are decoded to a [`ledger::SignedRequest`], which `verify` turns
//! into a [`ledger::VerifiedRequest`]; those make a [`ledger::Chain`]; the bookkeeper applies a
//! batch of chains to the ledger, appends it to the journal, flushes, and only then opens the
//! replies. [`audit`] derives everything again from the first byte.

pub mod auctions;
pub mod audit;
pub mod bookkeeper;
mod bytes;
pub mod charter_file;
pub mod client;
pub mod clock;
pub mod config;
pub mod goods;
#[cfg(test)]
mod growth;
mod index;
pub mod journal;
pub mod judge;
pub mod ledger;
mod parallel;
pub mod purchases;
pub mod readmission;
pub mod sealed_key;
pub mod server;
pub mod service;
mod signatures;
pub mod unwinding;
pub mod writer;

pub use witness::layout;
