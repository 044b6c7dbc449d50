//! g Order, offer and key become one chain, on a checker's thread; the journal decides.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Purchases, answered, busy, declined, undecided};
use crate::ledger::Code;
use crate::purchases::{Delivered, OrderKey, PurchaseRefused, Submission, decide_with};
use crate::server::checkers::Checkers;
use crate::server::checking::Job;
use crate::server::desk::{Decision, Desk};
use crate::service::Answer;
use crate::service::purchases::{Paid, PurchaseAnswer, PurchaseDeclined};
use crate::signatures::Keyring;
use crate::writer::NoOutcome;

/// What a checker or the journal says.
type Told = Result<(OrderKey, Result<Decision, NoOutcome>), PurchaseRefused>;

impl Purchases {
    /// Moves the money and gives the customer what he gets for it, or neither.
    pub(super) async fn buy(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        checkers: &Checkers<Job>,
        submission: Submission,
        delivered: Delivered,
    ) -> Answer {
        let (told, decided) = oneshot::channel::<Told>();
        let (this, to) = (Arc::clone(self), Arc::clone(desk));
        let job = move |keyring: &mut Keyring| {
            let decided = decide_with(submission, &delivered, &this.charter, &this.safe, keyring);
            match decided {
                // Who waited may be gone, here and below.
                Err(refused) => drop(told.send(Err(refused))),
                Ok(purchase) => {
                    let name = purchase.key();
                    to.put(purchase.into_chain(), move |decision| {
                        drop(told.send(Ok((name, decision))));
                    });
                }
            }
        };
        if checkers.begin(Job::Alone(Box::new(job))).is_err() {
            return busy();
        }
        match decided.await {
            Ok(Ok((name, Ok(decision)))) => self.bought(desk, name, decision).await,
            Ok(Ok((_, Err(reason)))) => undecided(reason),
            Ok(Err(refused)) => declined(PurchaseDeclined::Refused(refused.to_string())),
            // A checker that died may have passed it on.
            Err(_) => Answer::Unknown,
        }
    }

    async fn bought(&self, desk: &Desk, name: OrderKey, decision: Decision) -> Answer {
        let Some(reply) = decision.outcome.replies.first().copied() else { return Answer::Unknown };
        match reply.code {
            Code::Done if !reply.repeated => match decision.receipt() {
                Some(receipt) => paid(Paid { receipt, key: None }),
                None => Answer::Unknown,
            },
            // The same order, bought before; another attachment is the same key, sealed under
            // another key of this server.
            Code::Done | Code::AttachmentConflict => Self::receipt_of(desk, name).await,
            code => answered(PurchaseAnswer::Refused(code)),
        }
    }

    /// The receipt of an order that was paid before.
    pub(super) async fn receipt_of(desk: &Desk, name: OrderKey) -> Answer {
        match Self::read(desk, name).await {
            Some(Some(receipt)) => paid(Paid { receipt, key: None }),
            Some(None) => declined(PurchaseDeclined::Disk),
            None => busy(),
        }
    }
}

pub(super) fn paid(paid: Paid) -> Answer {
    answered(PurchaseAnswer::Paid(Box::new(paid)))
}
