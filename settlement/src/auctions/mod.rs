//! The payment of auctions, pure: no files, no clock, no randomness but what is passed in.
//!
//! SETTLEMENT, section "An auction's payment". [`registration`] says which spec a server takes
//! and what it journals of it; [`bond`] is a bidder's order; [`index`] is what follows from the
//! journal about each auction; [`decision`] turns a verified transcript into a sale or none;
//! [`postings`] turns that into chains for the ledger; [`physical`] is what comes after the sale of
//! goods that are sent; [`history`] is the auctions' part of an audit.

pub mod attachment;
pub mod bond;
pub mod decision;
pub mod history;
pub mod index;
pub mod payment;
pub mod physical;
mod posting_ids;
pub mod postings;
pub mod registration;

pub use attachment::{Attached, NoSaleRecord, SaleFacts, SaleRecord, VoidRecord};
pub use bond::{Bond, BondKeys, BondOrder, BondRefused, BondTerms, VerifiedBond};
pub use decision::{Decision, Proven, Undecided, VoidDecision};
pub use history::{AuctionSummary, Evidence, History, Misdeed};
pub use index::{AuctionState, Decided, Index, LiveBond};
pub use payment::Payment;
pub use postings::{Postings, RELEASES_PER_CHAIN};
pub use registration::{
    AcceptablePhysical, AcceptableSpec, KeyInEscrow, PhysicalRegistration, Registered,
    Registration, RegistrationRefused,
};
