//! The judge: from files alone, without asking anybody, what is proved, what is not, and whose
//! fault it is. One module for each thing that can be brought before it.

pub mod auction;
pub mod purchase;
