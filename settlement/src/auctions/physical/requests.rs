//! Words and payouts as requests for the ledger. SETTLEMENT, section "Physical goods", step 5.
//!
//! All of them are in the name of the auction's escrow account, each under one id that follows from
//! the auction id: so the ledger lets one dispatch, one dispute and one payout be.

use auction::money::Amount;
use auction::spec::Time;

use super::decision::{Note, Payout, PayoutRecord};
use super::state::Place;
use crate::auctions::attachment::{Attached, SaleFacts};
use crate::auctions::payment::Payment;
use crate::auctions::posting_ids::{Role, posting_id};
use crate::auctions::postings::{Postings, taken};
use crate::ledger::{AccountId, Action, Chain, HoldKey, Movement, Request, Sum};

/// So long a payout that is due by the time alone is good after it was signed, in milliseconds
/// (365 days): no moment makes it wrong, and the ledger takes nothing that is good for more than
/// 400 days.
const PAYOUT_GOOD_MS: u64 = 365 * 24 * 3600 * 1000;

impl Postings {
    /// Takes the price from the winner's bond into escrow, where it stays.
    #[must_use]
    pub fn physical_sale(&self, payment: &Payment, sale: &SaleFacts) -> Chain {
        let request = physical_sale_request(payment, sale);
        self.chain(&[request], Some(Attached::PhysicalSale(sale.clone())))
    }

    /// Journals a word that moves no money.
    #[must_use]
    pub fn note(&self, payment: &Payment, note: &Note) -> Chain {
        let request = note_request(payment, note.place(), note.until());
        self.chain(&[request], Some(Attached::Word(note.word().clone())))
    }

    /// Pays the price out of escrow. `now` counts where the time alone decides.
    #[must_use]
    pub fn pay_out(
        &self,
        payment: &Payment,
        sale: &SaleFacts,
        payout: &Payout,
        now: Time,
    ) -> Chain {
        let until = payout.until().unwrap_or(Time(now.0.saturating_add(PAYOUT_GOOD_MS)));
        let requests = payout_requests(payment, sale, payout.record(), until);
        self.chain(&requests, Some(Attached::Payout(payout.record().clone())))
    }
}

/// The account and id under which what was decided in a place is found in the ledger.
#[must_use]
pub(crate) fn place_key(payment: &Payment, place: Place) -> HoldKey {
    let role = match place {
        Place::Dispatch => Role::Dispatch,
        Place::Dispute => Role::Dispute,
        Place::Payout => Role::Payout,
    };
    HoldKey { account: payment.escrow(), id: posting_id(&payment.id(), role) }
}

/// The one request of a physical sale: nothing leaves the escrow account with it.
pub(crate) fn physical_sale_request(payment: &Payment, sale: &SaleFacts) -> Request {
    Request {
        id: posting_id(&payment.id(), Role::Decision),
        until: payment.decided_by(),
        action: taken(payment, sale),
    }
}

/// The one request of a word that moves no money: it uses the place's id up.
pub(crate) fn note_request(payment: &Payment, place: Place, until: Time) -> Request {
    let HoldKey { account, id } = place_key(payment, place);
    Request { id, until, action: Action::Cancel { account } }
}

/// The requests of a payout, in order; nothing in them but `until` is left to whoever makes them.
/// The first uses the payout's id up, whatever the shares are.
pub(crate) fn payout_requests(
    payment: &Payment,
    sale: &SaleFacts,
    record: &PayoutRecord,
    until: Time,
) -> Vec<Request> {
    let (auction, escrow) = (payment.id(), payment.escrow());
    let mut requests = vec![note_request(payment, Place::Payout, until)];
    let mut pay = |role, to: Option<AccountId>, share: Amount| {
        if let (Some(credit), Some(amount)) = (to, Sum::new(share.0)) {
            let movement = Movement { debit: escrow, credit, amount, reference: sale.transcript };
            let id = posting_id(&auction, role);
            requests.push(Request { id, until, action: Action::Post(movement) });
        }
    };
    pay(Role::PaidSeller, Some(payment.seller()), record.shares.seller);
    pay(Role::PaidHouse, payment.house(), record.shares.house);
    pay(Role::PaidBack, Some(sale.hold.account), record.shares.winner);
    requests
}
