//! How the programs of Gavel talk: QUIC between pinned Ed25519 identities, one question and one
//! answer a stream, everything that comes from outside limited in length, number and time.
//!
//! The transport knows no auctions. It carries any `serde` values in the form of
//! [`auction::wire`] between an [`Endpoint`] that [serves](Endpoint::serve) a [`Handler`] and a
//! [`Connection`] or [`Peer`] that asks. What accumulators are asked stands in [`service`].
//!
//! * An identity is a raw Ed25519 public key (RFC 7250), without certificates. The asker pins the
//!   key of whom he asks; the one asked learns the key of the asker.
//! * TLS 1.3 alone, its key exchange always X25519 with ML-KEM-768: what is recorded today stays
//!   closed to a quantum computer later. No early data and no resumption, hence no replay.
//! * A frame is a length and as many bytes; nothing is allocated on the word of a peer.
//! * [`Limits`] names every bound. [`LinkError`] says whose fault a failure is and what to do.

mod admission;
mod client;
mod counters;
mod endpoint;
mod error;
mod frame;
mod identity;
mod limits;
mod names;
mod peer;
mod pin;
mod reset;
mod room;
mod server;
pub mod service;
mod standing;
mod tls;

pub use client::Connection;
pub use counters::Counters;
pub use endpoint::Endpoint;
pub use error::{Code, LinkError, Phase};
pub use frame::FrameError;
pub use identity::{Identity, ParsePeerKeyError, PeerKey};
pub use limits::Limits;
pub use peer::Peer;
pub use server::{Grant, Handler};
pub use tls::PROTOCOL;
