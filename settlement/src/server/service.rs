//! Questions from the network.

use std::sync::Arc;

use auction::keys::PublicKey;
use link::{Handler, PeerKey};
use tokio::sync::oneshot;

use super::auctions::Auctions;
use super::checkers::Checkers;
use super::desk::{Decision, Desk};
use super::sight::Asker;
use super::time::Clock;
use crate::journal::Receipt;
use crate::ledger::{
    AccountId, Authority, Chain, Charter, Entry, MAX_CHAIN_REQUESTS, RequestError, RequestId,
    SignedRequest, Unverified, VerifiedRequest,
};
use crate::service::{
    AccountView, Answer, CharterParts, Declined, Hello, MAX_QUESTION, Question, RequestResult,
    Standing, Submitted,
};
use crate::signatures::Keyring;
use crate::writer::NoOutcome;

/// After how many milliseconds who found a queue full should ask again.
const BUSY_MS: u32 = 100;
/// The same where the server is about to end.
const ENDING_MS: u32 = 1000;

/// What somebody submitted, on its way to be checked.
pub(super) struct Submission {
    requests: Vec<Vec<u8>>,
    told: oneshot::Sender<Checked>,
}

/// What became of a submission: declined, or what the writer says.
type Checked = Result<Result<Decision, NoOutcome>, Declined>;

/// The answering side of a server.
pub(super) struct Service {
    pub(super) desk: Arc<Desk>,
    pub(super) checkers: Checkers<Submission>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) auctions: Arc<Auctions>,
}

impl Handler for Service {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    fn is_trusted(&self, peer: PeerKey) -> bool {
        self.asker(peer).is_operator()
    }

    async fn answer(&self, peer: PeerKey, question: Question) -> Answer {
        let asker = self.asker(peer);
        let answer = match question {
            Question::Submit(requests) => return self.submit(asker, requests).await,
            Question::Auction(question) => {
                // In a box: what is asked most often must not pay for the room that this needs.
                let answer = self.auctions.answer(&self.desk, PublicKey(peer.0), *question);
                return Box::pin(answer).await;
            }
            Question::Hello => self.hello().await,
            Question::Account(account) => self.account(asker, account).await,
            Question::History(account, from, limit) => {
                self.history(asker, account, from, limit).await
            }
            Question::Request(account, id) => Box::pin(self.request(asker, account, id)).await,
            Question::Head => self.desk.ask(|keeper| keeper.head()).await.map(Answer::Head),
            Question::Consistency(old, new) => {
                let proof = self.desk.try_ask(move |keeper| keeper.consistency(old, new)).await;
                proof.map(Answer::Consistency)
            }
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
}

impl Service {
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
        if self.checkers.begin(Submission { requests, told }).is_err() {
            return Answer::Busy { retry_after: BUSY_MS };
        }
        match decided.await {
            Ok(Ok(Ok(decision))) => self.submitted(asker, decision).await,
            Ok(Err(declined)) => Answer::Declined(declined),
            Ok(Ok(Err(NoOutcome::Busy))) => Answer::Busy { retry_after: BUSY_MS },
            Ok(Ok(Err(NoOutcome::Ended))) => Answer::Busy { retry_after: ENDING_MS },
            Ok(Ok(Err(NoOutcome::Refused(error)))) => {
                Answer::Declined(Declined::NotWritten(error.to_string()))
            }
            // A checker that died may have passed it on.
            Ok(Ok(Err(NoOutcome::Unknown))) | Err(_) => Answer::Unknown,
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
        let account = first.account(self.desk.charter());
        let (receipt, entry) = self.read(account, first.request().id).await??;
        let same = entry.codes == submitted.codes && entry.chain == submitted.chain;
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

/// Checks submissions, on a checker's thread, and passes on what is good.
pub(super) fn check(
    desk: &Desk,
    auctions: &Auctions,
    keyring: &mut Keyring,
    submissions: Vec<Submission>,
) {
    let charter = desk.charter();
    let mut decoded = Vec::with_capacity(submissions.len());
    let mut told = Vec::with_capacity(submissions.len());
    for submission in submissions {
        match decode(&submission.requests) {
            Ok(requests) => {
                decoded.push(requests);
                told.push(submission.told);
            }
            // Who waited may be gone, here and below.
            Err(declined) => drop(submission.told.send(Err(declined))),
        }
    }
    let counts: Vec<usize> = decoded.iter().map(Vec::len).collect();
    let all = decoded.into_iter().flatten().collect();
    let mut verified = SignedRequest::verify_all(all, charter, keyring).into_iter();
    for (count, told) in counts.into_iter().zip(told) {
        match chain(verified.by_ref().take(count)) {
            Ok(chain) if auctions.is_stray(&chain) => drop(told.send(Err(Declined::Stray))),
            Ok(chain) => desk.put(chain, move |decided| drop(told.send(Ok(decided)))),
            Err(declined) => drop(told.send(Err(declined))),
        }
    }
}

fn decode(requests: &[Vec<u8>]) -> Result<Vec<SignedRequest>, Declined> {
    let decoded = requests.iter().zip(0..).map(|(bytes, place)| {
        let malformed =
            |error: RequestError| Declined::Malformed { place, reason: error.to_string() };
        SignedRequest::decode(bytes).map_err(malformed)
    });
    decoded.collect()
}

fn chain(
    verified: impl Iterator<Item = Result<VerifiedRequest, Unverified>>,
) -> Result<Chain, Declined> {
    let mut requests = Vec::new();
    let mut wrong = None;
    // To the end: the next chain's requests come after.
    for (one, place) in verified.zip(0..) {
        match one {
            Ok(request) => requests.push(request),
            Err(error) => {
                wrong.get_or_insert(Declined::Unsigned { place, reason: error.to_string() });
            }
        }
    }
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    let count = requests.len() as u64;
    Chain::new(requests, None).map_err(|_| Declined::ChainLength(count))
}

/// The key behind an authority.
fn key_of(authority: Authority, charter: &Charter) -> PublicKey {
    match authority {
        Authority::Owner(key) | Authority::OwnerAndOperator(key) => key,
        Authority::Operator => charter.operator(),
        Authority::Postings => charter.postings(),
    }
}
