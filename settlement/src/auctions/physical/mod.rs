//! Physical goods: what is said about them after the sale, and where the price goes. Pure.
//! SETTLEMENT, section "Physical goods".
//!
//! [`word`] is what a side signs, as received and as verified; [`state`] is what the journal holds
//! of one sale; [`decision`] says what a word or the time does; `requests` turns that into chains
//! for the ledger.

pub mod decision;
pub(crate) mod requests;
pub mod state;
pub mod word;

pub use decision::{Ground, Heard, InEscrow, Note, Payout, PayoutRecord, Shares, Stage, Unheard};
pub use state::{DeliveryState, Noted, PaidOut, Place, Times};
pub use word::{MAX_TEXT, Saying, VerifiedWord, Word, WordRefused};
