//! Questions from the network.

use std::sync::Arc;

use auction::keys::PublicKey;
use link::{Grant, Handler, PeerKey};
use tokio::sync::oneshot;
use witness::service::{Answered, Asked, HeadAnswer, HeadQuestion};

use super::auctions::Auctions;
use super::checkers::Checkers;
use super::checking::{Job, Submission};
use super::desk::{Decision, Desk};
use super::purchases::Purchases;
use super::sight::Asker;
use super::time::Clock;
use crate::journal::Receipt;
use crate::ledger::{AccountId, Authority, Charter, Entry, MAX_CHAIN_REQUESTS, RequestId};
use crate::readmission::{Brought, NotReadmitted};
use crate::service::{
    AccountView, Answer, CharterParts, Declined, Hello, MAX_QUESTION, Question, RequestResult,
    Standing, Submitted,
};
use crate::signatures::Keyring;
use crate::writer::NoOutcome;

/// Questions of one of the operator's connections under way at a time.
const OPERATOR_STREAMS: u32 = 64;
/// Bytes of all the operator's connections under way at a time.
const OPERATOR_BYTES: usize = 256 << 20;
/// After how many milliseconds who found a queue full should ask again.
const BUSY_MS: u32 = 100;
/// The same where the server is about to end.
const ENDING_MS: u32 = 1000;

/// The answering side of a server.
pub(super) struct Service {
    pub(super) desk: Arc<Desk>,
    pub(super) checkers: Arc<Checkers<Job>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auctions: Arc<Auctions>,
    pub(super) purchases: Arc<Purchases>,
}

impl Handler for Service {
    type Question = Asked<Question>;
    type Answer = Answered<Answer>;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    fn grant(&self, peer: PeerKey) -> Option<Grant> {
        let grant = Grant { streams: OPERATOR_STREAMS, bytes: OPERATOR_BYTES };
        self.asker(peer).is_operator().then_some(grant)
    }

    async fn answer(&self, peer: PeerKey, question: Asked<Question>) -> Answered<Answer> {
        match question {
            Asked::Heads(question) => Answered::Heads(self.heads(question).await),
            Asked::Other(question) => Answered::Other(self.other(peer, question).await),
        }
    }
}

impl Service {
    async fn other(&self, peer: PeerKey, question: Question) -> Answer {
        let asker = self.asker(peer);
        let answer = match question {
            Question::Submit(requests) => return self.submit(asker, requests).await,
            Question::Readmit(receipt) => return Box::pin(self.readmit(asker, *receipt)).await,
            Question::Auction(question) => {
                // In a box: what is asked most often must not pay for the room that this needs.
                let answer = self.auctions.answer(&self.desk, PublicKey(peer.0), *question);
                return Box::pin(answer).await;
            }
            Question::Purchase(question) => {
                let (desk, checkers) = (&self.desk, &self.checkers);
                let answer = self.purchases.answer(desk, checkers, asker, *question);
                return Box::pin(answer).await;
            }
            Question::Hello => self.hello().await,
            Question::Account(account) => self.account(asker, account).await,
            Question::History(account, from, limit) => {
                self.history(asker, account, from, limit).await
            }
            Question::Request(account, id) => Box::pin(self.request(asker, account, id)).await,
            Question::Flushed if asker.is_operator() => {
                // Asked like anything else, so that it is flushed when it is said.
                let flushed = self.desk.ask(|keeper| {
                    let flushed = keeper.flushed();
                    keeper.look(|_| flushed)
                });
                flushed.await.map(Answer::Flushed)
            }
            Question::Flushed => Some(Answer::Declined(Declined::OperatorOnly)),
        };
        answer.unwrap_or(Answer::Busy { retry_after: BUSY_MS })
    }

    /// What witnesses ask: words that bind this server, whatever they say.
    async fn heads(&self, question: HeadQuestion) -> HeadAnswer {
        let answered = match question {
            HeadQuestion::Head => self.desk.ask(|keeper| keeper.head()).await.map(HeadAnswer::Head),
            HeadQuestion::Beginning(epoch) => {
                let head = self.desk.try_ask(move |keeper| keeper.beginning(epoch)).await;
                head.map(|head| head.map_or(HeadAnswer::Nothing, HeadAnswer::Head))
            }
            HeadQuestion::Continuation(old, new) => {
                let word = self.desk.try_ask(move |keeper| keeper.continuation(old, new)).await;
                let said = |word| HeadAnswer::Continuation(Box::new(word));
                word.map(|word| word.map_or(HeadAnswer::Nothing, said))
            }
        };
        answered.unwrap_or(HeadAnswer::Busy { retry_after: BUSY_MS })
    }

    fn asker(&self, peer: PeerKey) -> Asker {
        Asker::new(PublicKey(peer.0), self.desk.charter())
    }

    async fn hello(&self) -> Option<Answer> {
        Some(Answer::Hello(Box::new(Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now: self.clock.now(),
            charter: CharterParts::from(self.desk.charter()),
            head: self.desk.ask(|keeper| keeper.head()).await?,
        })))
    }

    /// Requests of anybody: checked on the checkers' threads, decided on the writer's.
    async fn submit(&self, asker: Asker, requests: Vec<Vec<u8>>) -> Answer {
        let count = requests.len();
        if count == 0 || count > MAX_CHAIN_REQUESTS {
            return Answer::Declined(Declined::ChainLength(count as u64));
        }
        let (told, decided) = oneshot::channel();
        if self.checkers.begin(Job::Submission(Submission { requests, told })).is_err() {
            return Answer::Busy { retry_after: BUSY_MS };
        }
        match decided.await {
            Ok(Ok(decided)) => self.decided(asker, decided).await,
            Ok(Err(declined)) => Answer::Declined(declined),
            // A checker that died may have passed it on.
            Err(_) => Answer::Unknown,
        }
    }

    /// What a receipt proves to be lost: verified on the checkers' threads, held against the
    /// journal and decided on the writer's. SETTLEMENT, section "Readmission".
    async fn readmit(&self, asker: Asker, receipt: Receipt) -> Answer {
        let (told, verified) = oneshot::channel();
        let charter = *self.desk.charter();
        // Who waited may be gone.
        let verify = move |_: &mut Keyring| drop(told.send(Brought::verify(&receipt, &charter)));
        if self.checkers.begin(Job::Alone(Box::new(verify))).is_err() {
            return Answer::Busy { retry_after: BUSY_MS };
        }
        let Ok(verified) = verified.await else {
            return Answer::Busy { retry_after: ENDING_MS };
        };
        let now = self.clock.now();
        let chain = match verified {
            Ok(brought) => self.desk.try_ask(move |keeper| keeper.readmit(brought, now)).await,
            Err(refused) => Some(Err(refused)),
        };
        match chain {
            None => Answer::Busy { retry_after: BUSY_MS },
            Some(Err(refused)) => Answer::Declined(match refused {
                NotReadmitted::Kept { .. } | NotReadmitted::ThisEpoch(_) => {
                    Declined::NotLost(refused.to_string())
                }
                _ => Declined::NotReadmitted(refused.to_string()),
            }),
            Some(Ok(chain)) => self.decided(asker, self.desk.decide(chain).await).await,
        }
    }

    async fn decided(&self, asker: Asker, decided: Result<Decision, NoOutcome>) -> Answer {
        match decided {
            Ok(decision) => self.submitted(asker, decision).await,
            Err(NoOutcome::Busy) => Answer::Busy { retry_after: BUSY_MS },
            Err(NoOutcome::Ended) => Answer::Busy { retry_after: ENDING_MS },
            Err(NoOutcome::Refused(error)) => {
                Answer::Declined(Declined::NotWritten(error.to_string()))
            }
            Err(NoOutcome::Unknown) => Answer::Unknown,
        }
    }

    async fn submitted(&self, asker: Asker, decision: Decision) -> Answer {
        let charter = self.desk.charter();
        let both = decision.outcome.replies.iter().zip(decision.entry.chain.requests());
        let results = both.map(|(reply, request)| {
            let shown = asker.sees(&key_of(request.authority(), charter));
            RequestResult {
                code: reply.code,
                entry: reply.entry,
                repeated: reply.repeated,
                balances: reply.balances.filter(|_| shown),
            }
        });
        let results: Vec<_> = results.collect();
        let receipt = if decision.outcome.entry.is_some() {
            decision.receipt()
        } else {
            Box::pin(self.earlier(asker, &results, decision.entry)).await
        };
        Answer::Submitted(Box::new(Submitted { results, receipt: receipt.map(Box::new) }))
    }

    /// The receipt of the entry that decided a repeated chain and nothing else: who has the
    /// bytes of all its requests may see it. One that holds more is asked for by id.
    async fn earlier(
        &self,
        asker: Asker,
        results: &[RequestResult],
        submitted: Entry,
    ) -> Option<Receipt> {
        let number = results.first()?.entry?;
        if results.iter().any(|result| result.entry != Some(number)) {
            return None;
        }
        let first = submitted.chain.requests().first()?;
        let account = first.signing_account(self.desk.charter());
        let (receipt, entry) = self.read(account, first.request().id).await??;
        let same = entry.codes == submitted.codes && entry.chain.asks_the_same(&submitted.chain);
        (same || asker.is_operator()).then_some(receipt)
    }

    /// The entry that decided a request, read back.
    async fn read(&self, account: AccountId, id: RequestId) -> Option<Option<(Receipt, Entry)>> {
        let found = self.desk.try_ask(move |keeper| keeper.receipt(&account, id));
        let Some(receipt) = found.await? else { return Some(None) };
        let entry = Entry::decode(&receipt.entry, self.desk.charter());
        Some(entry.map(|entry| (receipt, entry)))
    }

    async fn account(&self, asker: Asker, account: AccountId) -> Option<Answer> {
        let view = self.desk.look(move |ledger| {
            let time = ledger.time();
            let found = ledger.account(&account).filter(|found| asker.sees(&found.owner));
            found.map(|found| AccountView {
                account,
                owner: found.owner,
                kind: found.kind,
                currency: found.currency,
                balances: found.balances,
                time,
            })
        });
        Some(view.await?.map_or(Answer::Declined(Declined::NotYours), Answer::Account))
    }

    async fn history(
        &self,
        asker: Asker,
        account: AccountId,
        from: u64,
        limit: u32,
    ) -> Option<Answer> {
        if self.desk.look(move |ledger| asker.sees_account(ledger, &account)).await? {
            self.desk.page(account, from, limit).await.map(Answer::History)
        } else {
            Some(Answer::Declined(Declined::NotYours))
        }
    }

    async fn request(&self, asker: Asker, account: AccountId, id: RequestId) -> Option<Answer> {
        let known = self.desk.look(move |ledger| {
            // Nobody who could not take part makes the server read its journal.
            let known = ledger.account(&account).filter(|_| asker.may_take_part(ledger, &account));
            known.map(|found| (found.currency, found.owner))
        });
        let not_yours = || Some(Answer::Declined(Declined::NotYours));
        let Some((currency, owner)) = known.await? else { return not_yours() };
        let record = self.desk.try_ask(move |keeper| keeper.record(&account, id)).await?;
        let Some(record) = record else {
            return if asker.sees(&owner) { Some(Answer::Request(None)) } else { not_yours() };
        };
        let Some((receipt, entry)) = self.read(account, id).await? else { return not_yours() };
        if !asker.sees(&owner) && !asker.takes_part(&entry.chain, currency) {
            return not_yours();
        }
        let (code, fate) = (record.code, record.fate);
        Some(Answer::Request(Some(Box::new(Standing { code, fate, receipt }))))
    }
}

/// The key behind an authority.
fn key_of(authority: Authority, charter: &Charter) -> PublicKey {
    match authority {
        Authority::Owner(key)
        | Authority::OwnerAndOperator(key)
        | Authority::OwnerAndPayee { owner: key, .. } => key,
        Authority::Operator => charter.operator(),
        Authority::Postings => charter.postings(),
    }
}
