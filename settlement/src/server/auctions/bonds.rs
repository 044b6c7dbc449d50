//! Orders for bonds, and tickets. SETTLEMENT, section "An auction's payment", step 3.

use std::sync::Arc;

use super::{Auctions, answered, aside, busy, code_of, declined, undecided};
use crate::auctions::{BondOrder, VerifiedBond};
use crate::ledger::{Class, Code};
use crate::server::desk::Desk;
use crate::service::Answer;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined};

impl Auctions {
    /// Holds a bond, and gives the ticket once the journal has it.
    pub(super) async fn bond(self: &Arc<Self>, desk: &Arc<Desk>, order: BondOrder) -> Answer {
        let spec = {
            let index = self.index();
            let Some(state) = index.auction(&order.terms().auction) else {
                return declined(AuctionDeclined::Unknown);
            };
            state.registered().spec().clone()
        };
        let Ok(_turn) = self.checks.acquire().await else { return Answer::Unknown };
        let charter = self.charter;
        let verified = match aside(move || order.verify(&spec, &charter)).await {
            Some(Ok(verified)) => verified,
            Some(Err(refused)) => return declined(AuctionDeclined::Order(refused.to_string())),
            None => return Answer::Unknown,
        };
        drop(_turn);
        let key = (verified.bond().auction, verified.bond().bidder);
        let Some(turn) = self.bonding.begin(key) else { return busy() };
        // After its turn has come: what was on its way before is learnt.
        if let Some(answer) = self.already(&verified) {
            return answer;
        }
        let (this, desk) = (Arc::clone(self), Arc::clone(desk));
        let task = tokio::spawn(async move {
            // Until the journal has it: whoever asked may be gone.
            let _turn = turn;
            this.hold(&desk, verified).await
        });
        task.await.unwrap_or(Answer::Unknown)
    }

    /// The answer to an order of a key that is bonded, or for an auction that is over.
    fn already(&self, verified: &VerifiedBond) -> Option<Answer> {
        let index = self.index();
        let state = index.auction(&verified.bond().auction)?;
        match state.bond(&verified.bond().bidder) {
            Some(live) if live.bond().content == verified.bond().content => {
                Some(answered(AuctionAnswer::Ticket(Box::new(live.ticket(&self.server)))))
            }
            Some(_) => Some(declined(AuctionDeclined::Bonded)),
            // No bid can come after an early close, so a bond would only lock its owner's money.
            None if state.decided().is_some()
                || self.early_close(&state.registered().id()).is_some()
                || self.clock.now() >= state.registered().closing() =>
            {
                Some(declined(AuctionDeclined::Closed))
            }
            None => None,
        }
    }

    async fn hold(&self, desk: &Desk, verified: VerifiedBond) -> Answer {
        let chain = match verified.chain() {
            Ok(chain) => chain,
            Err(error) => return declined(AuctionDeclined::Order(error.to_string())),
        };
        let code = match desk.decide(chain).await {
            Ok(decision) => code_of(&decision.outcome),
            Err(reason) => return undecided(reason),
        };
        // What was committed is learnt before it is told. A hold that its owner brought past
        // this door, without an order, is decided and no bond.
        match self.already(&verified) {
            Some(answer) => answer,
            None if code == Code::Done => declined(AuctionDeclined::Bonded),
            None if code.class() == Class::Again && code != Code::UnknownAccount => busy(),
            None => declined(AuctionDeclined::Refused(code)),
        }
    }
}
