//! The auction's lists, receipts and rounds with accumulators that equivocate. PROTOCOL sections
//! 4 and 9.
//!
//! [`lists`] is what an accumulator says of two bids, settled into a set by the auction's own
//! code; [`node`] what an honest accumulator remembers and has signed; [`steps`] what can happen;
//! [`questions`] what is asked of it.

pub mod lists;
pub mod node;
pub mod questions;
pub mod steps;
