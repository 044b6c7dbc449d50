//! Unwinding: what a corrupt server moved without right is found from the signed requests that
//! the journal keeps, and moved back by corrections that name what they correct. Pure. SETTLEMENT,
//! section "Unwinding"; Tygar 1998, section 2.3.
//!
//! [`movements`] says what each journaled request moved, [`budget`] how much of it should have;
//! [`wrongs`] keeps which of it was not
//! rightful, and what was not paid that should have been, holds every correction against that, and knows what every account should hold;
//! [`plan()`] says what can be moved back now.

pub mod budget;
pub mod movements;
pub mod plan;
pub mod wrongs;

pub use budget::{Budget, Unpaid};
pub use movements::{Moved, Movements};
pub use plan::{Planned, plan};
pub use wrongs::{Astray, Fault, WrongCorrection, WrongMovement, Wrongs};
