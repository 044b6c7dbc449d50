//! Models of payment protocols and of the auction's rounds, small enough that every state is
//! looked at. What they find is written to `docs/ATOMICITY.md`, and a test fails when it changes.
//!
//! [`protocol`] is the form in which an exchange is written down, [`exchange`] the hostile world
//! in which it runs and the questions that are asked, [`exchanges`] the protocols.

pub mod auction_payment;
pub mod bank;
pub mod check;
pub mod exchange;
pub mod exchanges;
pub mod goods;
pub mod page;
pub mod protocol;
pub mod report;
pub mod rounds;
