//! An auction's payment, as SETTLEMENT describes it: the goods key in escrow before the opening,
//! bonds, tickets, the first complete transcript before V, sale, no sale or void, releases, and
//! collection by the winner.
//!
//! [`setting`] is one small auction with real keys and signatures, [`server`] the settlement
//! server with the decision functions of the `settlement` crate, [`world`] everything around it,
//! [`questions`] what is asked.

pub mod questions;
pub mod server;
pub mod setting;
pub mod steps;
pub mod world;
