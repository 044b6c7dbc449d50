//! Settling: from the closing of an auction to the release of its last bond, and of physical goods
//! to the payout, by itself, and resumable after a kill at any point. SETTLEMENT, section "An
//! auction's payment", steps 2 and 4; "Physical goods", step 4.
//!
//! Each auction in which something is due has a task that takes one step after another, each decided by what the
//! journal holds at that moment, so that a server started again takes the step that was due.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use auction::layout::Digest;
use auction::spec::Time;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Auctions, aside, code_of, lock};
use crate::ledger::{Chain, Code};
use crate::server::desk::Desk;
use crate::writer::NoOutcome;

/// How often it is looked for auctions in which something is due.
const TICK: Duration = Duration::from_millis(500);
/// How often it is looked for goods that need not be kept any more.
const SWEEP: Duration = Duration::from_secs(3600);
/// First pause after a step that failed; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Pause after a step that failed where somebody asks to try again.
const HURRIED_PAUSE: Duration = Duration::from_secs(2);
/// Longest that the accumulators of one auction may take together; the first times less, so that
/// those of one auction do not keep the others waiting.
const FIRST_FETCH: Duration = Duration::from_secs(15);
const LONGEST_FETCH: Duration = Duration::from_secs(600);
/// Auctions that are settled at a time, or wait for their transcripts; more than may be open by the
/// defaults of the configuration.
const MAX_SETTLING: usize = 16 << 10;
/// Longest reason that is shown, in characters.
const MAX_REASON: usize = 400;

/// What became of a step.
pub(super) enum Step {
    /// Nothing is left to do.
    Finished,
    /// The next step can follow at once.
    On,
    /// It did not work, for this reason: try again later.
    Later(String),
}

/// A task that ends with what holds it.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Auctions {
    /// Settles auctions until it is dropped.
    pub(crate) async fn run(self: &Arc<Self>, desk: Arc<Desk>) {
        let mut tasks: HashMap<Digest, Task> = HashMap::new();
        let mut swept: Option<Instant> = None;
        loop {
            tasks.retain(|_, task| !task.0.is_finished());
            for auction in self.due() {
                if !tasks.contains_key(&auction) && tasks.len() < MAX_SETTLING {
                    let task = Arc::clone(self).settle(Arc::clone(&desk), auction);
                    tasks.insert(auction, Task(tokio::spawn(task)));
                }
            }
            if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
                swept = Some(Instant::now());
                self.sweep_goods().await;
            }
            sleep(TICK).await;
        }
    }

    /// The auctions in which a step is due.
    fn due(&self) -> Vec<Digest> {
        let now = self.clock.now();
        let index = self.index();
        let due = index.undecided(now).chain(index.to_release(now)).chain(index.to_pay_out(now));
        let mut due: Vec<Digest> = due.map(|state| state.registered().id()).collect();
        let undecided = |auction: &Digest| {
            index.auction(auction).is_some_and(|state| state.decided().is_none())
        };
        due.extend(self.early_closes.auctions().into_iter().filter(undecided));
        due
    }

    async fn sweep_goods(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let swept = aside(move || this.goods.sweep(|auction| this.keeps_goods(auction))).await;
        if let Some(Err(error)) = swept {
            tracing::warn!(%error, "goods that need not be kept cannot be removed");
        }
    }

    /// Tells the task of an auction to try again now.
    pub(super) fn hurry(&self, auction: &Digest) {
        if let Some(waiting) = lock(&self.hurries).get(auction) {
            waiting.notify_one();
        }
    }

    async fn settle(self: Arc<Self>, desk: Arc<Desk>, auction: Digest) {
        let hurry = Arc::new(Notify::new());
        lock(&self.hurries).insert(auction, Arc::clone(&hurry));
        let (mut pause, mut patience) = (FIRST_PAUSE, FIRST_FETCH);
        loop {
            match self.step(&desk, &auction, patience).await {
                Step::Finished => break,
                Step::On => (pause, patience) = (FIRST_PAUSE, FIRST_FETCH),
                Step::Later(reason) => {
                    tracing::info!(%auction, %reason, "not settled yet");
                    let reason = reason.chars().take(MAX_REASON).collect();
                    lock(&self.troubles).insert(auction, reason);
                    self.wait(&auction, &hurry, pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                    patience = (2 * patience).min(LONGEST_FETCH);
                }
            }
        }
        lock(&self.hurries).remove(&auction);
        lock(&self.troubles).remove(&auction);
    }

    /// Waits for the end of the pause, for somebody who asks to try again, or for V.
    async fn wait(&self, auction: &Digest, hurry: &Notify, pause: Duration) {
        let began = Instant::now();
        let due_at_v = {
            let index = self.index();
            let undecided = index.auction(auction).filter(|state| state.decided().is_none());
            undecided.map(|state| state.registered().decided_by())
        };
        let hurried = async {
            hurry.notified().await;
            sleep(HURRIED_PAUSE.saturating_sub(began.elapsed())).await;
        };
        let v_comes = async {
            match due_at_v.filter(|v| self.clock.now() < *v) {
                Some(v) => self.reached(v).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = hurried => {}
            () = v_comes => {}
        }
    }

    /// Waits until the clock shows a moment.
    pub(super) async fn reached(&self, moment: Time) {
        while self.clock.now() < moment {
            sleep(TICK).await;
        }
    }

    async fn step(self: &Arc<Self>, desk: &Desk, auction: &Digest, patience: Duration) -> Step {
        let now = self.clock.now();
        let (registered, decided, to_pay_out) = {
            let index = self.index();
            let Some(state) = index.auction(auction) else { return Step::Finished };
            let due = state.delivery().is_some_and(|delivery| delivery.due(now).is_ok());
            (Arc::clone(state.registered()), state.decided().is_some(), due)
        };
        if to_pay_out {
            // No bond is held any more: T2 is after T.
            self.pay_out(desk, &registered, now).await
        } else if decided {
            if let Err(reason) = self.clear_away(*auction).await {
                return Step::Later(reason);
            }
            self.release(desk, &registered, now).await
        } else if now >= registered.decided_by() {
            self.void(desk, &registered, now).await
        } else {
            self.decide(desk, &registered, patience).await
        }
    }

    /// After the decision: the goods key of the journal opens for nobody any more, the seller's
    /// word is in the decision's record, and no transcript is of use.
    async fn clear_away(self: &Arc<Self>, auction: Digest) -> Result<(), String> {
        lock(&self.proofs).remove(&auction);
        self.handing_in.forget(&auction);
        let this = Arc::clone(self);
        let cleared = aside(move || {
            this.vault.destroy(&auction)?;
            this.early_closes.forget(&auction)
        });
        match cleared.await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(%auction, %error, "the escrow key cannot be destroyed");
                Err("a file of the server cannot be removed: tell its operator".to_owned())
            }
            None => Err("the server has a defect: tell its operator".to_owned()),
        }
    }
}

/// Has a chain decided.
pub(super) async fn commit(desk: &Desk, chain: Chain) -> Result<Code, NoOutcome> {
    desk.decide(chain).await.map(|decision| code_of(&decision.outcome))
}
