//! The judge: from files alone, without asking anybody, what is proved, what is not, and whose
//! fault it is. One module for each thing that can be brought before it, and [`evidence`] for
//! whatever a file of evidence holds.

pub mod auction;
pub mod evidence;
pub mod payment;
pub mod ticket;
