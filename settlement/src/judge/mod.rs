//! The judge: from files alone, without asking anybody, what is proved, what is not, and whose
//! fault it is. One module for each thing that can be brought before it, and [`evidence`] for
//! whatever a file of evidence holds.

pub mod auction;
mod decided;
mod epochs;
pub mod evidence;
mod findings;
pub mod payment;
mod physical;
pub mod purchase;
pub mod ticket;
