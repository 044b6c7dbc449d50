//! The seller's part: announcing an auction and closing it early. PROTOCOL section 1.

use std::sync::Arc;

use auction::join::Auction;
use auction::layout::Digest;
use auction::spec::{EarlyClose, Member, SignedSpec};
use link::service::{Answer, Question};
use tokio::time::{Instant, sleep};

use super::fetch::{View, compare};
use super::{Client, aside, failure, unexpected};
use crate::error::{ClientError, Failure, Failures, MemberError};

impl Client {
    /// Announces an auction to all accumulators that its spec names and waits until each of them
    /// shows the joins of all. May be repeated with the same spec.
    ///
    /// # Errors
    /// [`ClientError::Spec`] before anything is sent; [`ClientError::NotAnnounced`] when an
    /// accumulator declines or is not reached in time; [`ClientError::NotJoined`],
    /// [`ClientError::JoinsDiffer`].
    pub async fn announce(&self, signed: SignedSpec) -> Result<Arc<Auction>, ClientError> {
        let verified = signed.verify().map_err(ClientError::Spec)?;
        let (id, members) = (verified.id(), verified.spec().accumulators.clone());
        let end = Instant::now() + self.patience().join;
        let mut views: Vec<Option<View>> = vec![None; members.len()];
        loop {
            let question = |k: usize| match &views[k] {
                None => Some(Question::Announce(Box::new(verified.signed().clone()))),
                Some(view) if !view.is_complete() => Some(Question::Auction(id)),
                Some(_) => None,
            };
            let left = end.saturating_duration_since(Instant::now()).min(self.patience().answer);
            let mut answers = self.ask_all(&members, question, left);
            let mut failures = Vec::new();
            while let Some((k, answer)) = answers.next().await {
                match answer.and_then(|answer| Ok(View::of(answer, &id)?)) {
                    Ok(view) => views[k] = Some(view),
                    Err(error) => failures.push(failure(&members, k, error)),
                }
            }
            let shown: Vec<(usize, View)> = views
                .iter()
                .cloned()
                .enumerate()
                .filter_map(|(k, view)| Some((k, view?)))
                .collect();
            compare(&members, &shown)?;
            if shown.len() == members.len() && shown.iter().all(|(_, view)| view.is_complete()) {
                let joins = shown.into_iter().map(|(_, view)| view.joins).next();
                let auction = aside(move || Auction::new(verified, joins.unwrap_or_default()));
                return Ok(Arc::new(auction.await?));
            }
            let hopeless = failures.iter().any(|failure| !failure.error.is_transient());
            if hopeless || Instant::now() + self.patience().pause >= end {
                return Err(not_ready(id, &shown, failures));
            }
            sleep(self.patience().pause).await;
        }
    }

    /// Tells all accumulators the seller's word that the auction closes now. One that takes it
    /// passes it on.
    ///
    /// # Errors
    /// [`ClientError::EarlyClose`] before anything is sent; [`ClientError::NotAnnounced`] with
    /// those that did not take it, though others may have.
    pub async fn close(&self, auction: &Auction, word: EarlyClose) -> Result<(), ClientError> {
        word.verify(auction.verified_spec()).map_err(ClientError::EarlyClose)?;
        let members: &[Member] = &auction.spec().accumulators;
        let deadline = self.patience().answer;
        let mut answers = self.ask_all(members, |_| Some(Question::Close(word)), deadline);
        let mut failures: Vec<Failure> = Vec::new();
        while let Some((k, answer)) = answers.next().await {
            let taken = match answer {
                Ok(Answer::Done) => Ok(()),
                Ok(other) => Err(MemberError::Misbehaved(unexpected(&other, "done"))),
                Err(error) => Err(error),
            };
            failures.extend(taken.err().map(|error| failure(members, k, error)));
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(ClientError::NotAnnounced(Failures(failures)))
        }
    }
}

fn not_ready(auction: Digest, shown: &[(usize, View)], failures: Vec<Failure>) -> ClientError {
    let most = shown.iter().map(|(_, view)| view).max_by_key(|view| view.joins.len());
    match most {
        Some(view) if failures.is_empty() => {
            ClientError::NotJoined { auction, missing: view.missing() }
        }
        _ => ClientError::NotAnnounced(Failures(failures)),
    }
}
