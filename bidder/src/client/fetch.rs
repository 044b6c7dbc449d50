//! Fetching an auction from accumulators that are not trusted. PROTOCOL section 1.

use std::sync::Arc;

use auction::equivocation::{Equivocation, convict_joins};
use auction::join::{Auction, Join};
use auction::layout::Digest;
use auction::spec::{EarlyClose, Member, VerifiedSpec};
use link::service::{Answer, Question};
use tokio::time::{Instant, timeout_at};

use super::{Client, aside, failure, unexpected};
use crate::error::{ClientError, Failures, Misbehaviour};

/// What one accumulator shows of an auction, verified.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) spec: VerifiedSpec,
    pub(super) joins: Vec<Join>,
    pub(super) early_close: Option<EarlyClose>,
}

impl View {
    /// Verifies an answer for the auction with this id.
    pub(super) fn of(answer: Answer, id: &Digest) -> Result<Self, Misbehaviour> {
        let Answer::Auction { spec, joins, early_close } = answer else {
            return Err(unexpected(&answer, "auction"));
        };
        let got = spec.claimed_id();
        if got != *id {
            return Err(Misbehaviour::OtherAuction { got, expected: *id });
        }
        let spec = spec.verify().map_err(Misbehaviour::Spec)?;
        // Ascending numbers, each of an accumulator: no more of them than accumulators.
        if !joins.is_sorted_by(|a, b| a.accumulator < b.accumulator) {
            return Err(Misbehaviour::JoinOrder);
        }
        for join in &joins {
            join.verify(&spec)?;
        }
        if let Some(word) = &early_close {
            word.verify(&spec).map_err(Misbehaviour::EarlyClose)?;
        }
        Ok(Self { spec, joins, early_close })
    }

    pub(super) fn is_complete(&self) -> bool {
        self.joins.len() == self.spec.spec().accumulators.len()
    }

    pub(super) fn missing(&self) -> Vec<usize> {
        let joined = |k: &usize| self.joins.iter().any(|join| usize::from(join.accumulator) == *k);
        (0..self.spec.spec().accumulators.len()).filter(|k| !joined(k)).collect()
    }
}

impl Client {
    /// The auction with this id, verified: spec, id, seller's signature, every join.
    ///
    /// All `members` are asked side by side, and what they show is compared. It is enough that
    /// one of them shows everything; that others are silent, lie or do not know it then does not
    /// matter. Every accumulator that the spec names must be among `members`.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::JoinsDiffer`] when an accumulator has signed two joins.
    pub async fn auction(
        &self,
        members: &[Member],
        id: &Digest,
    ) -> Result<Arc<Auction>, ClientError> {
        let view = self.view(members, id).await?;
        let auction = aside(move || Auction::new(view.spec, view.joins)).await?;
        Ok(Arc::new(auction))
    }

    /// The seller's word that closes the auction before its time, if any of `members` has it.
    ///
    /// # Errors
    /// As [`Client::auction`].
    pub async fn early_close(
        &self,
        members: &[Member],
        id: &Digest,
    ) -> Result<Option<EarlyClose>, ClientError> {
        Ok(self.view(members, id).await?.early_close)
    }

    async fn view(&self, members: &[Member], id: &Digest) -> Result<View, ClientError> {
        self.meet(members)?;
        let patience = *self.patience();
        let mut answers = self.ask_all(members, |_| Some(Question::Auction(*id)), patience.answer);
        // A little longer than the questions, so that each says why it went without an answer.
        let mut end = Instant::now() + patience.answer + patience.compare;
        let mut views = Vec::new();
        let mut failures = Vec::new();
        while let Ok(Some((k, answer))) = timeout_at(end, answers.next()).await {
            let view = answer.and_then(|answer| Ok(View::of(answer, id)?));
            match view {
                Ok(view) => {
                    if view.is_complete() {
                        end = end.min(Instant::now() + patience.compare);
                    }
                    views.push((k, view));
                }
                Err(error) => failures.push(failure(members, k, error)),
            }
        }
        compare(members, &views)?;
        let early_close = views.iter().find_map(|(_, view)| view.early_close);
        // The one that knows most.
        let best = views.into_iter().map(|(_, view)| view).max_by_key(|view| view.joins.len());
        let Some(view) = best else {
            let failures = Failures(failures);
            return Err(ClientError::NobodyShows { auction: *id, failures });
        };
        let known = |named: &&Member| !members.iter().any(|member| member.key == named.key);
        if let Some(stranger) = view.spec.spec().accumulators.iter().find(known) {
            let Member { key, address } = stranger.clone();
            return Err(ClientError::Stranger { key, address });
        }
        if !view.is_complete() {
            return Err(ClientError::NotJoined { auction: *id, missing: view.missing() });
        }
        Ok(View { early_close, ..view })
    }
}

/// Holds what several accumulators show against each other: each join was verified, so two that
/// differ convict their signer.
pub(super) fn compare(members: &[Member], views: &[(usize, View)]) -> Result<(), ClientError> {
    let mut known: Vec<(usize, &Join)> = Vec::new();
    for (shower, view) in views {
        for join in &view.joins {
            match known.iter().find(|(_, other)| other.accumulator == join.accumulator) {
                None => known.push((*shower, join)),
                Some((_, other)) if *other == join => {}
                Some((first, other)) => {
                    let address = |k: &usize| {
                        members.get(*k).map_or_else(String::new, |member| member.address.clone())
                    };
                    let joins = Box::new([(*other).clone(), join.clone()]);
                    let convicts = convict_joins(&joins, &view.spec).is_ok();
                    return Err(ClientError::JoinsDiffer {
                        auction: join.auction,
                        culprit: usize::from(join.accumulator),
                        shown_by: [address(first), address(shower)],
                        evidence: convicts.then(|| Box::new(Equivocation::Joins(joins))),
                    });
                }
            }
        }
    }
    Ok(())
}
