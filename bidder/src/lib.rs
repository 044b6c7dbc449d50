//! What a client of accumulators needs: bidders, sellers and watchers.
//!
//! * A [`Committee`] file names the accumulators that its reader trusts: not one by one, but that
//!   at least one of them is honest.
//! * A [`Client`] asks them. It believes no single one: what they show is verified against the
//!   auction id, and two that show different things are held against each other.
//! * A [`Wallet`] keeps bids: the key, the exact bytes that were sealed, and the receipts. A bid
//!   stands in it durably before anything is sent, so that a retry sends the same bid and never
//!   another.
//! * [`place`](place::place) seals, records, submits, collects the receipts and leaves them with
//!   every accumulator; [`resume`] goes on wherever that stopped. The
//!   [`BidReport`] says in plain words whether the bid counts.

mod bulk;
mod client;
mod committee;
mod error;
mod exchange;
mod place;
mod prepared;
mod report;
mod text;
mod wallet;

pub use bulk::submit_many;
pub use client::{Client, Download, MemberState, MemberWitness, Patience, Proof};
pub use committee::{Committee, CommitteeError, MAX_COMMITTEE_BYTES, check_address};
pub use error::{ClientError, Failure, Failures, MemberError, Misbehaviour};
pub use place::{Bond, Options, PlaceError, Progress, place, resume};
pub use prepared::{Prepared, seal_only};
pub use report::{AccumulatorReport, BidReport, Leaving, Standing};
pub use text::is_harmless;
pub use wallet::{
    BidRecord, BondAnswer, BondRecord, Collected, MAX_ORDER_BYTES, MAX_WALLET_BIDS, Wallet,
    WalletError,
};
