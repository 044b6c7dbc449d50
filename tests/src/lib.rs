//! What the end-to-end tests share: processes of the `gavel` command, an auction among them, and
//! the plain answer that it must give.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

pub mod bad_network;
pub mod bytes;
pub mod command;
pub mod committee;
pub mod demo;
pub mod desk;
pub mod forgetful;
pub mod freezing;
pub mod market;
pub mod needles;
pub mod plain;
pub mod process;
pub mod proxy;
pub mod sale;
pub mod seeds;
pub mod settlement_server;
pub mod shifted_clock;
