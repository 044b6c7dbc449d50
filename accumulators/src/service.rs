//! Questions from the network, each to the auction that it is about.

use std::sync::Arc;

use auction::bid::Submission;
use auction::join::Join;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::receipts::Receipt;
use auction::spec::SignedSpec;
use auction::wire::encode;
use link::service::{Answer, Declined, MAX_PUBLIC_QUESTION, Phase, Question};
use link::{Grant, Handler, PeerKey};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::actor::{Command, Handle, Incoming, Reply};
use crate::auctions::Auctions;
use crate::graveyard::Ending;
use crate::limits::{ACK_PATIENCE, BUSY_MILLIS};

/// After how many milliseconds a fellow whose message is not yet durable should ask again.
const ACK_AGAIN_MILLIS: u32 = 1000;

/// After how many milliseconds an announcement that came in a crowd should come again.
const CROWDED_MILLIS: u32 = 1000;

/// The answering side of a node.
pub(crate) struct Service {
    auctions: Arc<Auctions>,
}

impl Service {
    pub(crate) fn new(auctions: Arc<Auctions>) -> Self {
        Self { auctions }
    }
}

impl Handler for Service {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, peer: PeerKey) -> usize {
        self.auctions.fellow_question(peer).unwrap_or(MAX_PUBLIC_QUESTION)
    }

    fn grant(&self, peer: PeerKey) -> Option<Grant> {
        self.auctions.grant(peer)
    }

    async fn answer(&self, peer: PeerKey, question: Question) -> Answer {
        match question {
            Question::Hello => Answer::Hello {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                now: self.auctions.site.clock.now(),
            },
            Question::Announce(spec) => self.join(*spec, None).await,
            Question::Join(both) => {
                let (spec, join) = *both;
                self.join(spec, Some(join)).await
            }
            Question::Auction(id) => match self.auctions.get(&id) {
                Some(handle) => handle.shared.auction_answer(),
                None if self.buried(&id).is_some() => self.auctions.graveyard.auction(&id).await,
                None => unknown(),
            },
            Question::State(id) => match self.auctions.get(&id) {
                Some(handle) => Answer::State(Box::new(handle.shared.view().state.clone())),
                None if self.buried(&id).is_some() => self.auctions.graveyard.state(&id).await,
                None => unknown(),
            },
            Question::Submit(id, submission) => self.submit(peer, &id, *submission).await,
            Question::LeaveReceipts(id, receipts) => self.leave(&id, receipts).await,
            Question::Close(close) => match self.auctions.get(&close.auction) {
                Some(handle) => ask(&handle, |reply| Command::Close(close, reply)).await,
                None if self.buried(&close.auction).is_some() => Answer::Done,
                None => unknown(),
            },
            Question::Evidence(id, evidence) => match self.auctions.get(&id) {
                Some(handle) => ask(&handle, |reply| Command::Evidence(evidence, reply)).await,
                None if self.buried(&id) == Some(Ending::Done) => {
                    self.auctions.graveyard.hear(&id, *evidence).await
                }
                None => self.without(&id),
            },
            Question::Transcript(id, offset) => self.transcript(id, offset).await,
            Question::Witnessed => Answer::Witnessed(self.auctions.site.witnessing.view()),
            Question::Accuse(evidence) => {
                if self.auctions.site.witnessing.hear_evidence(*evidence).await {
                    Answer::Done
                } else {
                    let why = "it convicts no settlement server that this accumulator watches";
                    Answer::Declined(Declined::Wrong(why.to_owned()))
                }
            }
            Question::Round(id, message) => self.round(peer, &id, message).await,
            Question::History(id, round, k) => {
                self.ask_as_fellow(peer, &id, |reply| Command::History(round, k, reply)).await
            }
            Question::Void(id, void) => {
                self.ask_as_fellow(peer, &id, |reply| Command::Void(void, reply)).await
            }
        }
    }
}

impl Service {
    /// 1 A spec from the seller, or with the join of a fellow.
    async fn join(&self, spec: SignedSpec, join: Option<Join>) -> Answer {
        let spec = match spec.verify() {
            Ok(spec) => spec,
            Err(error) => return Answer::Declined(Declined::Spec(error.to_string())),
        };
        let known = self.auctions.get(&spec.id());
        let handle = match known {
            Some(handle) => handle,
            None if self.buried(&spec.id()).is_some() => {
                return Answer::Declined(Declined::Finished);
            }
            None => {
                if !self.auctions.admits(spec.spec()) {
                    return Answer::Busy { retry_after: CROWDED_MILLIS };
                }
                // Joining is not left half-way because somebody stopped waiting.
                let auctions = Arc::clone(&self.auctions);
                match tokio::spawn(async move { auctions.join(spec).await }).await {
                    Ok(Ok(handle)) => handle,
                    Ok(Err(declined)) => return Answer::Declined(declined),
                    Err(_) => return busy(),
                }
            }
        };
        if handle.shared.view().ended {
            return Answer::Declined(Declined::Finished);
        }
        match join {
            Some(join) => ask(&handle, |reply| Command::Join(Box::new(join), Some(reply))).await,
            None => handle.shared.auction_answer(),
        }
    }

    /// 3 A bid. Its digest is computed here, where many run side by side.
    async fn submit(&self, peer: PeerKey, id: &Digest, submission: Submission) -> Answer {
        let Some(handle) = self.auctions.get(id) else { return self.without(id) };
        if let Some(terms) = &handle.shared.spec.spec().settlement {
            // A bid waits for a look that is due, and is taken whatever comes of it, unless the
            // server is convicted.
            self.auctions.site.witnessing.keep_fresh(terms).await;
        }
        let Ok(bytes) = encode(&submission.bid) else { return busy() };
        let digest = submission.bid.digest();
        let command =
            |reply| Command::Submit(Box::new(Incoming { peer, submission, digest, bytes, reply }));
        ask(&handle, command).await
    }

    /// 4 A fellow's message. It is acknowledged when it is durable, which is when the round is
    /// complete; if that takes long the fellow asks again.
    async fn round(&self, peer: PeerKey, id: &Digest, message: Box<RoundMessage>) -> Answer {
        if self.auctions.get(id).is_none() && self.buried(id) == Some(Ending::Done) {
            // The message is in the transcript, or came after it was complete.
            return Answer::Done;
        }
        let asked = self.ask_as_fellow(peer, id, |reply| Command::Round(message, reply));
        let again = Answer::Busy { retry_after: ACK_AGAIN_MILLIS };
        timeout(ACK_PATIENCE, asked).await.unwrap_or(again)
    }

    async fn transcript(&self, id: Digest, offset: u64) -> Answer {
        // Where a fault stopped the auction the transcript names who is at fault.
        let ended = match (self.auctions.get(&id), self.buried(&id)) {
            (Some(handle), _) => {
                let state = &handle.shared.view().state;
                state.outcome.is_some() || matches!(state.phase, Phase::Stopped(_))
            }
            (None, Some(ending)) => ending != Ending::Void,
            (None, None) => return unknown(),
        };
        if !ended {
            return Answer::Declined(Declined::NotNow("there is no outcome".to_owned()));
        }
        let auctions = Arc::clone(&self.auctions);
        let read = move || auctions.site.transcripts.read(&id, offset);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some((total, bytes)))) => Answer::Transcript { total, bytes },
            Ok(Ok(None)) => {
                let why = "the outcome is not signed by all yet";
                Answer::Declined(Declined::NotNow(why.to_owned()))
            }
            Ok(Err(error)) => {
                tracing::error!(auction = %id, %error, "transcript cannot be read");
                busy()
            }
            Err(_) => busy(),
        }
    }

    /// 3 The receipts of a bid: of each accumulator one, or they are not looked at.
    async fn leave(&self, id: &Digest, receipts: Vec<Receipt>) -> Answer {
        let Some(handle) = self.auctions.get(id) else {
            return match self.buried(id) {
                Some(_) => Answer::Declined(Declined::NotNow("the auction is closed".to_owned())),
                None => unknown(),
            };
        };
        let (got, expected) = (receipts.len(), handle.shared.spec.spec().accumulators.len());
        if got != expected {
            let why = format!("got {got} receipts, expected one of each accumulator: {expected}");
            return Answer::Declined(Declined::Wrong(why));
        }
        ask(&handle, |reply| Command::LeaveReceipts(receipts, reply)).await
    }

    fn buried(&self, id: &Digest) -> Option<Ending> {
        self.auctions.graveyard.ending(id)
    }

    /// The answer where no auction runs.
    fn without(&self, id: &Digest) -> Answer {
        match self.buried(id) {
            Some(_) => Answer::Declined(Declined::Finished),
            None => unknown(),
        }
    }

    /// The same for what an accumulator of the auction alone may say.
    async fn ask_as_fellow(
        &self,
        peer: PeerKey,
        id: &Digest,
        command: impl FnOnce(Reply) -> Command,
    ) -> Answer {
        let Some(handle) = self.auctions.get(id) else { return self.without(id) };
        if handle.shared.spec.accumulator(&PublicKey(peer.0)).is_none() {
            let why = "the auction's accumulators alone say this to each other";
            return Answer::Declined(Declined::NotAllowed(why.to_owned()));
        }
        ask(&handle, command).await
    }
}

/// Asks an auction's task. A full queue, and a reply that was let go, mean busy.
async fn ask(handle: &Handle, command: impl FnOnce(Reply) -> Command) -> Answer {
    let (reply, answered) = oneshot::channel();
    if handle.commands.try_send(command(reply)).is_err() {
        return busy();
    }
    answered.await.unwrap_or_else(|_| busy())
}

fn busy() -> Answer {
    Answer::Busy { retry_after: BUSY_MILLIS }
}

fn unknown() -> Answer {
    Answer::Declined(Declined::UnknownAuction)
}
