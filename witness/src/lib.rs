//! What a settlement server signs of its history, and who holds it to that.
//!
//! SETTLEMENT, section "Witnesses". A server's journal is an append-only Merkle tree. A [`head`]
//! is its signed root; a [`continuation`] is the server's signed word, with proof, that one tree
//! goes on where another ended; an [`inclusion`] is an entry's place under a head. A [`watch`]
//! keeps what it accepted and demands that everything later continues it; what it accepts it
//! [countersigns](countersignature). Two words of one server that cannot both be true are a
//! [`contradiction`], and [`evidence`] brings them before somebody who has seen nothing.
//!
//! All of it is pure: no sockets, no clock, no files.

pub mod continuation;
pub mod contradiction;
pub mod countersignature;
pub mod evidence;
pub mod head;
pub mod inclusion;
pub mod layout;
pub mod service;
pub mod tree;
pub mod watch;

pub use continuation::{Continuation, SignedContinuation};
pub use contradiction::Contradiction;
pub use countersignature::{Countersignature, Countersigned};
pub use evidence::ServerEvidence;
pub use head::{Head, LedgerKey, SignedHead, Unproven};
pub use inclusion::Inclusion;
pub use watch::Watch;
