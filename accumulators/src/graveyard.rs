//! Auctions that have ended and have nothing left to deliver: what is remembered of them, and the
//! answers that the store still gives.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use auction::equivocation::Equivocation;
use auction::join::Auction;
use auction::layout::Digest;
use auction::spec::Time;
use link::service::{Answer, Declined, Phase, State};
use tokio::sync::Mutex;

use crate::actor::equivocation;
use crate::limits::{BUSY_MILLIS, MAX_FINDINGS, REMEMBER_MILLIS};
use crate::node::Site;
use crate::store::{Batch, End, EndedAuction, FindingRow, StoreError, TombEnd, TombRow};

/// How a buried auction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Done,
    Stopped,
    Void,
}

/// What is in memory of a buried auction.
#[derive(Debug, Clone, Copy)]
struct Tomb {
    last: Time,
    ending: Ending,
}

/// The buried auctions.
pub(crate) struct Graveyard {
    site: Arc<Site>,
    tombs: RwLock<HashMap<Digest, Tomb>>,
    /// One piece of evidence at a time: findings are numbered.
    hearing: Mutex<()>,
}

impl Graveyard {
    pub(crate) fn new(site: Arc<Site>, rows: &BTreeMap<Digest, TombRow>) -> Self {
        let tombs = rows.iter().map(|(id, row)| (*id, Tomb::of(row))).collect();
        Self { site, tombs: RwLock::new(tombs), hearing: Mutex::default() }
    }

    /// How a buried auction ended; nothing where there is none.
    pub(crate) fn ending(&self, id: &Digest) -> Option<Ending> {
        let tombs = self.tombs.read().unwrap_or_else(PoisonError::into_inner);
        tombs.get(id).map(|tomb| tomb.ending)
    }

    /// Buries an auction: on the disk first, then here.
    pub(crate) async fn bury(&self, id: Digest, last: Time, state: &State) {
        let end = match &state.phase {
            Phase::Done => TombEnd::Done,
            Phase::Stopped(text) => TombEnd::Stopped(text.clone()),
            _ => TombEnd::Void,
        };
        let row = TombRow { last, bids: state.bids, end };
        let mut batch = Batch::default();
        batch.bury(&id, &row);
        if let Err(error) = self.site.store.write_surely(batch).await {
            tracing::error!(auction = %id, %error, "not buried");
            return std::future::pending().await;
        }
        let mut tombs = self.tombs.write().unwrap_or_else(PoisonError::into_inner);
        tombs.insert(id, Tomb::of(&row));
    }

    /// Forgets auctions without an outcome a day after their last time. Their closing time is
    /// past, so nobody can have this node join them again.
    pub(crate) async fn sweep(&self, now: Time) {
        let old: Vec<Digest> = {
            let tombs = self.tombs.read().unwrap_or_else(PoisonError::into_inner);
            let old = |tomb: &Tomb| {
                tomb.ending != Ending::Done && now.0 > tomb.last.0.saturating_add(REMEMBER_MILLIS)
            };
            tombs.iter().filter(|(_, tomb)| old(tomb)).map(|(id, _)| *id).collect()
        };
        if old.is_empty() {
            return;
        }
        let mut batch = Batch::default();
        for id in &old {
            batch.forget_tomb(id);
        }
        match self.site.store.write(batch).await {
            Ok(()) => {
                let mut tombs = self.tombs.write().unwrap_or_else(PoisonError::into_inner);
                tombs.retain(|id, _| !old.contains(id));
                tombs.shrink_to_fit();
            }
            Err(error) => tracing::error!(%error, "old auctions not forgotten yet"),
        }
    }

    /// The answer that shows how a buried auction stands.
    pub(crate) async fn state(&self, id: &Digest) -> Answer {
        self.read(id, |kept| {
            let tomb = kept.tomb?;
            let (phase, outcome, phases) = match (tomb.end, kept.end) {
                (TombEnd::Done, Some(End::Done(outcome, phases))) => {
                    (Phase::Done, Some(outcome), phases)
                }
                (TombEnd::Done, _) => return None,
                (TombEnd::Stopped(text), _) => (Phase::Stopped(text), None, Vec::new()),
                (TombEnd::Void, _) => (Phase::Void, None, Vec::new()),
            };
            let findings = kept.findings.into_iter().map(|row| row.text).collect();
            let bids = tomb.bids;
            Some(Answer::State(Box::new(State { phase, bids, outcome, findings, phases })))
        })
        .await
    }

    /// The answer that shows spec and joins of an auction that is done.
    pub(crate) async fn auction(&self, id: &Digest) -> Answer {
        self.read(id, |kept| {
            let EndedAuction { row, joins, early_close, .. } = kept;
            let finished = Answer::Declined(Declined::Finished);
            Some(row.map_or(finished, |row| Answer::Auction {
                spec: Box::new(row.spec),
                joins,
                early_close,
            }))
        })
        .await
    }

    /// Judges evidence on an auction that is done, and keeps it when it convicts somebody.
    pub(crate) async fn hear(&self, id: &Digest, evidence: Equivocation) -> Answer {
        let Ok(_hearing) = self.hearing.try_lock() else { return busy() };
        let kept = match self.site.store.read_ended(*id).await {
            Ok(kept) => kept,
            Err(error) => return unreadable(id, &error),
        };
        let Some(row) = kept.row else { return Answer::Declined(Declined::Finished) };
        let joins = kept.joins;
        let judged = self.site.pool.compute(move || {
            let spec = row.spec.verify().map_err(|error| error.to_string())?;
            let auction = Auction::new(spec, joins).map_err(|error| error.to_string())?;
            let culprit = evidence.convict(&auction).map_err(|error| error.to_string())?;
            Ok::<_, String>(equivocation(culprit, evidence))
        });
        let found = match judged.await {
            Ok(found) => found,
            Err(reason) => return Answer::Declined(Declined::Wrong(reason)),
        };
        let known = kept.findings.iter().any(|row| row.text == found.text);
        if known || kept.findings.len() >= MAX_FINDINGS {
            return Answer::Done;
        }
        tracing::warn!(auction = %id, finding = found.text, "wrong found");
        let mut batch = Batch::default();
        let row = FindingRow { text: found.text, evidence: found.evidence };
        // At most MAX_FINDINGS.
        batch.finding(id, kept.findings.len() as u32, &row);
        match self.site.store.write(batch).await {
            Ok(()) => Answer::Done,
            Err(error) => unreadable(id, &error),
        }
    }

    async fn read(&self, id: &Digest, show: impl FnOnce(EndedAuction) -> Option<Answer>) -> Answer {
        match self.site.store.read_ended(*id).await {
            Ok(kept) => show(kept).unwrap_or(Answer::Declined(Declined::UnknownAuction)),
            Err(error) => unreadable(id, &error),
        }
    }
}

impl Tomb {
    fn of(row: &TombRow) -> Self {
        let ending = match row.end {
            TombEnd::Done => Ending::Done,
            TombEnd::Stopped(_) => Ending::Stopped,
            TombEnd::Void => Ending::Void,
        };
        Self { last: row.last, ending }
    }
}

fn unreadable(id: &Digest, error: &StoreError) -> Answer {
    tracing::error!(auction = %id, %error, "a buried auction cannot be read or written");
    busy()
}

fn busy() -> Answer {
    Answer::Busy { retry_after: BUSY_MILLIS }
}
