//! The protocols, one a file.

pub mod by_authority;
pub mod by_card;
pub mod by_escrow;
pub mod by_key;
pub mod case_1;
pub mod digital_cash;
pub mod first_virtual;
pub mod purchase;
