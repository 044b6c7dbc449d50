//! The private auction protocol of `docs/PROTOCOL.md`, pure: no sockets, no clock, no files and
//! no operating-system randomness. Bytes, the time and a random generator are passed in.
//!
//! Data goes one way: a [`spec`] and the accumulators' [`join`]s make an auction; [`sealing`]
//! turns a bid into commitments and [`shares`]; [`checking`] verifies them; a [`book`] keeps
//! them; after closing a [`party`] (an accumulator's secrets) makes the [`messages`] that the
//! [`referee`] (public, the same for accumulator and auditor) asks for and judges; the
//! [`outcome`] and everything public is the [`transcript`].

pub mod bid;
pub mod book;
pub mod checking;
pub mod dispute;
pub mod elgamal;
pub mod equivocation;
pub mod evidence;
pub mod field;
pub mod group;
pub mod join;
pub mod keys;
pub mod layout;
pub mod messages;
pub mod money;
pub mod order;
pub mod outcome;
pub mod party;
pub mod physical_terms;
pub mod prices;
pub mod proofs;
pub mod receipts;
pub mod referee;
pub mod sealing;
pub mod search;
pub mod secret;
pub mod segments;
pub mod set;
pub mod settlement_terms;
pub mod shares;
pub mod spec;
pub mod step;
pub mod transcript;
pub mod wire;
