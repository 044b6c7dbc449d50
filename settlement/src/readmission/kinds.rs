//! What does not come back by its receipt, and why. SETTLEMENT, section "Readmission".

use crate::ledger::{Action, Authority, Chain, Ledger};
use crate::purchases::PurchaseRecord;

/// A kind of entry that is not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTakenBack {
    /// Registrations, bonds, decisions, words, payouts: all that touches an escrow account.
    #[error(
        "what concerns an auction is not taken back by a receipt: its seller registers it again and \
         its bidders order their bonds again while it is open, and the server decides again by the \
         transcript. Tickets and escrow receipts stay good as evidence"
    )]
    Auction,
    /// An item that the server held.
    #[error(
        "the purchase of an item that the server held is not taken back: no backup holds the item. \
         The customer orders it again, and the merchant deposits it again"
    )]
    HeldItem,
    /// A correction names an entry by its leaf.
    #[error(
        "a correction is not taken back: it names an entry of the journal that is lost. \
         'gavel settlement unwind' says what is to be moved back in the journal of now"
    )]
    Correction,
}

/// Looks at what the requests and the attachment are.
///
/// # Errors
/// [`NotTakenBack`].
pub fn kind_of(chain: &Chain) -> Result<(), NotTakenBack> {
    for request in chain.requests() {
        if request.authority() == Authority::Postings {
            return Err(NotTakenBack::Auction);
        }
        if matches!(request.request().action, Action::Correct { .. }) {
            return Err(NotTakenBack::Correction);
        }
    }
    match chain.attachment().map(PurchaseRecord::read) {
        None => Ok(()),
        Some(Ok(Some(record))) if record.key.is_some() => Ok(()),
        Some(Ok(Some(_))) => Err(NotTakenBack::HeldItem),
        Some(Ok(None) | Err(_)) => Err(NotTakenBack::Auction),
    }
}

/// Looks at the accounts: what is paid into escrow belongs to an auction, and who owns an account
/// the ledger alone knows.
///
/// # Errors
/// [`NotTakenBack::Auction`].
pub(crate) fn outside_escrow(ledger: &Ledger, chain: &Chain) -> Result<(), NotTakenBack> {
    let mut requests = chain.requests().iter();
    match requests.any(|one| ledger.concerns_escrow(one.request())) {
        true => Err(NotTakenBack::Auction),
        false => Ok(()),
    }
}
