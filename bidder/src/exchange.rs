//! The talk about one bid with all accumulators side by side. PROTOCOL section 3.

use std::sync::Arc;
use std::time::Duration;

use auction::bid::Submission;
use auction::join::Auction;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::receipts::Receipt;
use link::service::{Answer, Question};
use tokio::time::Instant;

use crate::client::{Client, aside, unexpected};
use crate::error::{MemberError, Misbehaviour};
use crate::place::Progress;
use crate::report::{AccumulatorReport, BidReport, Leaving, Standing};
use crate::wallet::{Collected, Wallet, WalletError};

/// Where answers are kept as they come.
pub(crate) enum Keeper {
    /// In the wallet that holds the bid.
    Wallet(Wallet),
    /// Nowhere: the bid was recorded by nobody.
    Nobody,
}

/// One bid and those it is for.
pub(crate) struct Exchange {
    pub(crate) client: Client,
    pub(crate) auction: Arc<Auction>,
    pub(crate) digest: Digest,
    pub(crate) bidder: PublicKey,
    pub(crate) keeper: Keeper,
    /// How long an accumulator that does not answer, or is busy, is asked again.
    pub(crate) patience: Duration,
}

impl Exchange {
    /// Sends the bid to all accumulators whose receipt is not among the `collected`, and leaves
    /// the receipts of all with those that have not confirmed them. Nothing that an accumulator
    /// does keeps the others from being asked.
    ///
    /// The second part says what could not be kept.
    pub(crate) async fn run(
        &self,
        submissions: &[Submission],
        collected: Collected,
        progress: &mut (impl FnMut(Progress<'_>) + Send),
    ) -> (BidReport, Result<(), WalletError>) {
        let end = Instant::now() + self.patience;
        let (standings, mut kept) = self.submit(submissions, &collected, progress).await;
        let receipts: Option<Vec<Receipt>> = standings
            .iter()
            .map(|standing| match standing {
                Standing::Receipted(receipt) => Some(*receipt),
                Standing::Refused(_) | Standing::Failed(_) => None,
            })
            .collect();
        let mut leavings: Vec<Leaving> = standings.iter().map(|_| Leaving::NotYet).collect();
        if let Some(receipts) = receipts {
            let (left, also) = self.leave(receipts, &collected.left, end, progress).await;
            (leavings, kept) = (left, kept.and(also));
        }
        let members = &self.auction.spec().accumulators;
        let per_accumulator = members
            .iter()
            .zip(standings)
            .zip(leavings)
            .enumerate()
            .map(|(accumulator, ((member, standing), leaving))| {
                let address = member.address.clone();
                AccumulatorReport { accumulator, address, standing, leaving }
            })
            .collect();
        let (auction, digest, bidder) = (self.auction.id(), self.digest, self.bidder);
        (BidReport { auction, digest, bidder, per_accumulator }, kept)
    }

    async fn submit(
        &self,
        submissions: &[Submission],
        collected: &Collected,
        progress: &mut (impl FnMut(Progress<'_>) + Send),
    ) -> (Vec<Standing>, Result<(), WalletError>) {
        let mut kept = Ok(());
        // Every accumulator that is asked gives one answer, or one error, in place of this.
        let mut standings: Vec<Standing> = collected
            .receipts
            .iter()
            .map(|receipt| receipt.map_or(Standing::Failed(MemberError::Busy), Standing::Receipted))
            .collect();
        let question = |k: usize| {
            let lacking = collected.receipts.get(k).is_some_and(Option::is_none);
            let submission = submissions.get(k).filter(|_| lacking)?;
            Some(Question::Submit(self.auction.id(), Box::new(submission.clone())))
        };
        let mut answers =
            self.client.ask_all(&self.auction.spec().accumulators, question, self.patience);
        while let Some((k, answer)) = answers.next().await {
            let standing = self.judge(k, answer);
            kept = kept.and(self.keep_standing(k, &standing).await);
            progress(Progress::Answered { accumulator: k, standing: &standing });
            standings[k] = standing;
        }
        (standings, kept)
    }

    /// An answer to the bid, believed only with the accumulator's signature on it.
    fn judge(&self, k: usize, answer: Result<Answer, MemberError>) -> Standing {
        let other = |part| Standing::Failed(Misbehaviour::OtherBid(part).into());
        let unsigned =
            |part| move |source| Standing::Failed(Misbehaviour::Unsigned { part, source }.into());
        match answer {
            Ok(Answer::Accepted(receipt)) => {
                if (receipt.bid, usize::from(receipt.accumulator)) != (self.digest, k) {
                    return other("receipt");
                }
                let verified = receipt.verify(&self.auction);
                verified.map_or_else(unsigned("receipt"), |()| Standing::Receipted(receipt))
            }
            Ok(Answer::Refused(refusal)) => {
                if (refusal.bid, usize::from(refusal.accumulator)) != (self.digest, k) {
                    return other("refusal");
                }
                let verified = refusal.verify(&self.auction);
                verified.map_or_else(unsigned("refusal"), |()| Standing::Refused(refusal))
            }
            Ok(answer) => Standing::Failed(unexpected(&answer, "accepted or refused").into()),
            Err(error) => Standing::Failed(error),
        }
    }

    async fn leave(
        &self,
        receipts: Vec<Receipt>,
        left: &[bool],
        end: Instant,
        progress: &mut (impl FnMut(Progress<'_>) + Send),
    ) -> (Vec<Leaving>, Result<(), WalletError>) {
        let mut kept = Ok(());
        let mut leavings: Vec<Leaving> = left
            .iter()
            .map(|left| if *left { Leaving::Done } else { Leaving::Failed(MemberError::Busy) })
            .collect();
        let question = |k: usize| {
            let lacking = left.get(k).is_some_and(|left| !left);
            lacking.then(|| Question::LeaveReceipts(self.auction.id(), receipts.clone()))
        };
        let mut answers =
            self.client.ask_all(&self.auction.spec().accumulators, question, left_until(end));
        while let Some((k, answer)) = answers.next().await {
            leavings[k] = match answer {
                Ok(Answer::Done) => {
                    kept = kept.and(self.keep(move |collected| collected.left[k] = true).await);
                    progress(Progress::Left { accumulator: k });
                    Leaving::Done
                }
                Ok(other) => Leaving::Failed(unexpected(&other, "done").into()),
                Err(error) => Leaving::Failed(error),
            };
        }
        (leavings, kept)
    }

    async fn keep_standing(&self, k: usize, standing: &Standing) -> Result<(), WalletError> {
        match standing {
            Standing::Receipted(receipt) => {
                let receipt = *receipt;
                self.keep(move |collected| {
                    (collected.receipts[k], collected.refusals[k]) = (Some(receipt), None);
                })
                .await
            }
            Standing::Refused(refusal) => {
                let refusal = refusal.clone();
                self.keep(move |collected| collected.refusals[k] = Some(refusal)).await
            }
            Standing::Failed(_) => Ok(()),
        }
    }

    async fn keep(
        &self,
        change: impl FnOnce(&mut Collected) + Send + 'static,
    ) -> Result<(), WalletError> {
        let Keeper::Wallet(wallet) = &self.keeper else { return Ok(()) };
        let (wallet, digest) = (wallet.clone(), self.digest);
        let accumulators = self.auction.accumulators();
        aside(move || wallet.keep(&digest, accumulators, change)).await
    }
}

/// What is left of the time, and at least enough for an accumulator that is near: who was slow
/// to the first question must not take the second from the others.
fn left_until(end: Instant) -> Duration {
    const LEAST: Duration = Duration::from_secs(3);
    end.saturating_duration_since(Instant::now()).max(LEAST)
}
