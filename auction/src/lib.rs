//! The private auction protocol of `docs/PROTOCOL.md`, pure: no sockets, no clock, no files and
//! no operating-system randomness. Bytes, the time and a random generator are passed in.

pub mod bid;
pub mod checking;
pub mod elgamal;
pub mod field;
pub mod group;
pub mod join;
pub mod keys;
pub mod layout;
pub mod money;
pub mod prices;
pub mod proofs;
pub mod receipts;
pub mod sealing;
pub mod secret;
pub mod shares;
pub mod spec;
pub mod wire;
