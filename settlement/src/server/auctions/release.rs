//! The steps after the decision: every hold that is left comes back, some at a time.

use std::sync::Arc;

use auction::layout::Digest;
use auction::spec::Time;
use tokio::sync::oneshot;

use super::settle::{Step, commit};
use super::{Auctions, aside, code_of};
use crate::auctions::{RELEASES_PER_CHAIN, Registered};
use crate::ledger::{Code, HoldKey};
use crate::server::desk::Desk;
use crate::writer::NoOutcome;

/// Chains of releases on their way at a time.
const RELEASE_CHAINS: usize = 4;

impl Auctions {
    /// Releases some of the holds that are left.
    pub(super) async fn release(
        self: &Arc<Self>,
        desk: &Desk,
        registered: &Arc<Registered>,
        now: Time,
    ) -> Step {
        let auction = registered.id();
        let (reference, holds) = {
            let index = self.index();
            let Some(state) = index.auction(&auction) else { return Step::Finished };
            let Some(reference) = state.release_reference() else { return Step::On };
            let holds = state.holds_left(now).take(RELEASE_CHAINS * RELEASES_PER_CHAIN);
            (reference, holds.collect::<Vec<HoldKey>>())
        };
        if holds.is_empty() {
            return Step::Finished;
        }
        let (this, of) = (Arc::clone(self), Arc::clone(registered));
        let signed = aside(move || {
            let chains = this.postings.release(&of, reference, &holds);
            (chains, holds)
        });
        let Some((chains, holds)) = signed.await else {
            return Step::Later("the server has a defect".to_owned());
        };
        let mut answers = Vec::new();
        for chain in chains {
            let (told, decided) = oneshot::channel();
            desk.put(chain, move |decision| {
                // Who waited may be gone.
                let _ = told.send(decision.map(|decision| code_of(&decision.outcome)));
            });
            answers.push(decided);
        }
        for (answer, part) in answers.into_iter().zip(holds.chunks(RELEASES_PER_CHAIN)) {
            match answer.await.unwrap_or(Err(NoOutcome::Ended)) {
                Ok(Code::Done) => {}
                Ok(_) => {
                    if let Err(reason) =
                        self.release_singly(desk, registered, reference, part).await
                    {
                        return Step::Later(reason);
                    }
                }
                Err(reason) => return Step::Later(reason.to_string()),
            }
        }
        Step::On
    }

    /// Where one hold is gone already, the others of its chain are released one by one; one that
    /// is gone counts as done.
    async fn release_singly(
        &self,
        desk: &Desk,
        registered: &Registered,
        reference: Digest,
        holds: &[HoldKey],
    ) -> Result<(), String> {
        for hold in holds {
            for chain in self.postings.release(registered, reference, std::slice::from_ref(hold)) {
                let code = commit(desk, chain).await.map_err(|reason| reason.to_string())?;
                match code {
                    Code::Done
                    | Code::HoldVoided
                    | Code::HoldExpired
                    | Code::HoldPosted
                    | Code::HoldUnknown
                    | Code::HoldElsewhere
                    | Code::Expired => self.index().forget(&registered.id(), hold),
                    code => return Err(format!("the ledger refuses a release: {code:?}")),
                }
            }
        }
        Ok(())
    }
}
