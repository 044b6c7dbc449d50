//! The step that decides: by the transcript before V, void from V on.

use std::sync::Arc;
use std::time::Duration;

use auction::spec::Time;

use super::settle::{Step, commit};
use super::{Auctions, aside};
use crate::auctions::decision::Sale;
use crate::auctions::{Decision, Proven, Registered, Undecided, VoidDecision};
use crate::ledger::{Chain, Code};
use crate::sealed_key::{Purpose, SealedKey};
use crate::server::desk::Desk;

impl Auctions {
    /// Decides by the transcript.
    pub(super) async fn decide(
        self: &Arc<Self>,
        desk: &Desk,
        registered: &Arc<Registered>,
        patience: Duration,
    ) -> Step {
        let found = tokio::select! {
            found = self.found(registered, patience) => found,
            // From V on no transcript counts.
            () = self.reached(registered.decided_by()) => return Step::On,
        };
        let proven = match found {
            Ok(proven) => proven,
            Err(reason) => return Step::Later(reason),
        };
        let proven = match self.early_close(&registered.id()) {
            Some(word) => proven.closed_by(word, registered.spec()).map_err(|e| e.to_string()),
            None => {
                self.journal_reaches(desk, registered, registered.closing()).await.map(|()| proven)
            }
        };
        let proven = match proven {
            Ok(proven) => proven,
            Err(reason) => return Step::Later(reason),
        };
        let now = self.clock.now();
        let decision = match self.index().auction(&registered.id()) {
            Some(state) => Decision::of(&proven, state, now),
            None => return Step::Finished,
        };
        let chain = match decision {
            Ok(Decision::Sale(sale)) => {
                let (this, registered) = (Arc::clone(self), Arc::clone(registered));
                match aside(move || this.sale(&registered, &sale)).await {
                    Some(Ok(chain)) => chain,
                    Some(Err(reason)) => return Step::Later(reason),
                    None => return Step::Later("the server has a defect".to_owned()),
                }
            }
            Ok(Decision::PhysicalSale(sale)) => {
                self.postings.physical_sale(registered, sale.record())
            }
            Ok(Decision::NoSale(no_sale)) => self.postings.no_sale(registered, &no_sale),
            Err(Undecided::Decided | Undecided::TooLate(_)) => return Step::On,
            Err(
                reason @ (Undecided::OtherAuction { .. }
                | Undecided::NotClosed(_)
                | Undecided::TooEarly(_)
                | Undecided::NoBond(_)
                | Undecided::AboveBond { .. }),
            ) => return Step::Later(reason.to_string()),
        };
        match commit(desk, chain).await {
            Ok(Code::Done) => {
                tracing::info!(auction = %registered.id(), "decided");
                Step::On
            }
            // V came in between: the next step voids.
            Ok(Code::Expired) => Step::On,
            Ok(code) => Step::Later(format!("the ledger refuses the decision: {code:?}")),
            Err(reason) => Step::Later(reason.to_string()),
        }
    }

    /// Makes sure that the journal itself has reached a moment: the clock may have gone back since
    /// it was read, and an audit goes by the journal.
    pub(super) async fn journal_reaches(
        &self,
        desk: &Desk,
        registered: &Registered,
        moment: Time,
    ) -> Result<(), String> {
        match commit(desk, self.postings.probe(registered, moment)).await {
            Ok(Code::Expired) => Ok(()),
            Ok(_) => Err("the journal's time has not come that far yet".to_owned()),
            Err(reason) => Err(reason.to_string()),
        }
    }

    /// Takes the goods key out of escrow and seals it to the winner, beside the postings.
    fn sale(&self, registered: &Registered, sale: &Sale) -> Result<Chain, String> {
        let auction = registered.id();
        let missing = "the escrow key is missing or does not open: the operator must put its file \
                       back";
        let opening = self.vault.load(&auction).ok().flatten().ok_or(missing)?;
        let (Some(escrowed), Some(goods)) = (registered.key_in_escrow(), registered.goods()) else {
            return Err("the goods are no file".to_owned());
        };
        let opened = escrowed.key.open(&opening, Purpose::Escrow, &auction);
        let key = opened.map_err(|_| missing)?;
        key.check(&goods.key_hash).map_err(|error| error.to_string())?;
        let to = sale.delivery();
        let sealed = SealedKey::seal(&key, to, Purpose::Delivery, &auction, &mut rand::rng());
        let sealed = sealed.map_err(|error| error.to_string())?;
        Ok(self.postings.sale(registered, sale, sealed))
    }

    /// What decides: the transcript that was proven already, or one of the accumulators'.
    async fn found(
        self: &Arc<Self>,
        registered: &Arc<Registered>,
        patience: Duration,
    ) -> Result<Proven, String> {
        match self.proven(registered).await {
            Some(proven) => Ok(proven),
            None => self.fetch(registered, patience).await,
        }
    }

    /// Decides at V that no transcript counts, once the journal itself has reached V.
    pub(super) async fn void(&self, desk: &Desk, registered: &Registered, now: Time) -> Step {
        if let Err(reason) = self.journal_reaches(desk, registered, registered.decided_by()).await {
            return Step::Later(reason);
        }
        let decision = match self.index().auction(&registered.id()) {
            Some(state) => VoidDecision::of(state, now),
            None => return Step::Finished,
        };
        let Ok(decision) = decision else { return Step::On };
        match commit(desk, self.postings.void(registered, &decision)).await {
            Ok(Code::Done) => {
                tracing::warn!(auction = %registered.id(), "void: no transcript came before V");
                Step::On
            }
            Ok(code) => Step::Later(format!("the ledger refuses the decision: {code:?}")),
            Err(reason) => Step::Later(reason.to_string()),
        }
    }
}
