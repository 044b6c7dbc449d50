//! The asking side: believes nothing that it has not verified under the charter.

pub mod auctions;
mod error;
pub mod physical;
pub mod purchases;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::keys::SecretKey;
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use tokio::time::{Instant, sleep};
use witness::evidence::{Case, Word};
use witness::service::{Answered, Asked, HeadAnswer, HeadQuestion, NoOther};
use witness::watch::{Heard, Said};
use witness::{ServerEvidence, Watch};

pub use error::ClientError;
pub use purchases::Bought;

use crate::charter_file::CharterFile;
use crate::journal::{Head, Proven, Receipt, SignedHead};
use crate::ledger::{
    AccountId, Charter, Class, Code, Fate, RequestId, SignedRequest, VerifiedRequest,
};
use crate::service::{
    AccountView, Answer, Hello, MAX_ANSWER, MAX_PAGE, MAX_QUESTION, Page, Question, RequestResult,
    Submitted,
};

/// How long a question is asked again before it is given up, unless another time is chosen.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Asks one server, in the name of one key.
#[derive(Debug, Clone)]
pub struct Client {
    peer: Peer,
    charter: Charter,
    deadline: Duration,
    /// The newest head that was verified.
    seen: Arc<Mutex<Option<SignedHead>>>,
}

/// A receipt that was verified, and what it proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenReceipt {
    receipt: Receipt,
    proven: Proven,
}

/// What became of submitted requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// One result for each request, in order.
    pub results: Vec<RequestResult>,
    /// Proof of the entry that decided them all, if one did.
    pub receipt: Option<ProvenReceipt>,
}

/// What is known of a decided request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it was answered with.
    pub code: Code,
    /// What its id stands for now.
    pub fate: Fate,
    /// Proof of the entry that decided it.
    pub receipt: ProvenReceipt,
}

impl ProvenReceipt {
    /// Verifies a receipt.
    ///
    /// # Errors
    /// [`crate::journal::Unproven`] when it proves nothing.
    pub fn new(receipt: Receipt, charter: &Charter) -> Result<Self, crate::journal::Unproven> {
        let proven = receipt.verify(charter)?;
        Ok(Self { receipt, proven })
    }

    /// The receipt, to keep and to show to others.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// What it proves.
    #[must_use]
    pub fn proven(&self) -> &Proven {
        &self.proven
    }
}

impl Decided {
    /// Whether every request is committed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.results.iter().all(|result| result.code == Code::Done)
    }
}

impl Client {
    /// Asks in the name of `key`: the server shows the accounts that this key owns. Must be
    /// called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Link`] when no socket can be bound.
    pub fn connect(key: &SecretKey, file: &CharterFile) -> Result<Self, ClientError> {
        let limits = Limits {
            max_question_bytes: MAX_QUESTION,
            max_answer_bytes: MAX_ANSWER,
            ..Limits::default()
        };
        Ok(Self::over(Endpoint::client(&Identity::from_seed(key.seed()), limits)?, file))
    }

    /// Asks from an endpoint that there is, whose identity is the account key.
    #[must_use]
    pub fn over(endpoint: Endpoint, file: &CharterFile) -> Self {
        let server = PeerKey(file.charter.server().0);
        Self {
            peer: Peer::new(endpoint, file.address.clone(), server),
            charter: file.charter,
            deadline: DEADLINE,
            seen: Arc::default(),
        }
    }

    /// The same with another time after which a question is given up.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Whose word counts.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Asks who the server is, and checks that it keeps the ledger of the charter file.
    ///
    /// # Errors
    /// [`ClientError`], here and below.
    pub async fn hello(&self) -> Result<Hello, ClientError> {
        let Answer::Hello(hello) = self.ask(&Question::Hello).await? else {
            return Err(ClientError::WrongAnswer("expected a hello"));
        };
        match hello.charter.charter() {
            Ok(charter) if charter == self.charter => {}
            Ok(_) | Err(_) => return Err(ClientError::WrongCharter),
        }
        self.check_head(&hello.head)?;
        Ok(*hello)
    }

    /// Submits requests that commit together or not at all. They may be sent any number of
    /// times: each id is decided once. Whatever is said to be committed is proved, by the receipt
    /// of its entry here or asked for by id.
    ///
    /// # Errors
    /// [`ClientError::Unknown`] when the server stopped in between; submit the same again.
    pub async fn submit(&self, chain: &[SignedRequest]) -> Result<Decided, ClientError> {
        let bytes = chain.iter().map(|request| request.as_bytes().to_vec()).collect();
        let Answer::Submitted(submitted) = self.ask(&Question::Submit(bytes)).await? else {
            return Err(ClientError::WrongAnswer("expected results"));
        };
        let decided = self.check_submitted(chain, *submitted)?;
        if decided.receipt.is_none() {
            for (request, result) in chain.iter().zip(&decided.results) {
                if result.code.class() == Class::Done {
                    self.prove_earlier(request, result).await?;
                }
            }
        }
        Ok(decided)
    }

    /// Brings the receipt of something that a restore has lost, so that the server takes it back.
    /// It may be brought any number of times. What the server says was there already, in an entry
    /// that it does not show to whoever asks, comes without a receipt.
    ///
    /// # Errors
    /// [`ClientError::Unproven`] when the receipt is none, [`ClientError::Declined`] when it is not
    /// taken back, and as [`Client::submit`].
    pub async fn readmit(&self, receipt: &Receipt) -> Result<Decided, ClientError> {
        let original = receipt.original();
        let chain = original.verify(&self.charter)?.requests;
        let question = Question::Readmit(Box::new(original));
        let Answer::Submitted(submitted) = self.ask(&question).await? else {
            return Err(ClientError::WrongAnswer("expected results"));
        };
        self.check_submitted(&chain, *submitted)
    }

    /// Asks for the proof that a request was committed earlier, in an entry that holds more than
    /// what was submitted now.
    async fn prove_earlier(
        &self,
        request: &SignedRequest,
        result: &RequestResult,
    ) -> Result<(), ClientError> {
        let unsigned = |_| ClientError::WrongAnswer("a result of what nobody has signed");
        let verified = request.clone().verify(&self.charter).map_err(unsigned)?;
        let account = verified.signing_account(&self.charter);
        let status = self.status(account, request.request().id).await?;
        let proves = |status: &Status| {
            let ProvenReceipt { receipt, proven } = &status.receipt;
            status.code == Code::Done
                && result.entry == Some(receipt.number)
                && proven.requests.contains(request)
        };
        match status.filter(proves) {
            Some(_) => Ok(()),
            None => Err(ClientError::WrongAnswer("a result that nothing proves")),
        }
    }

    fn check_submitted(
        &self,
        chain: &[SignedRequest],
        Submitted { results, receipt }: Submitted,
    ) -> Result<Decided, ClientError> {
        if results.len() != chain.len() {
            return Err(ClientError::WrongAnswer("expected one result for each request"));
        }
        let receipt = receipt.map(|receipt| self.check_receipt(*receipt)).transpose()?;
        match &receipt {
            Some(checked) => {
                let Proven { requests, codes, .. } = checked.proven();
                let number = checked.receipt.number;
                for (request, result) in chain.iter().zip(&results) {
                    let place = requests.iter().position(|one| one == request);
                    let place = place.ok_or(ClientError::WrongAnswer("a receipt of others"))?;
                    // Of a refused chain the entry names the one that was at fault.
                    let elsewhere = result.entry.is_some_and(|entry| entry != number);
                    if codes.get(place) != Some(&result.code) || elsewhere {
                        let wrong = "a result that its receipt contradicts";
                        return Err(ClientError::WrongAnswer(wrong));
                    }
                }
            }
            None => {
                let owed =
                    |result: &RequestResult| result.code.class() == Class::Done && !result.repeated;
                if results.iter().any(owed) {
                    return Err(ClientError::WrongAnswer("expected a receipt"));
                }
            }
        }
        Ok(Decided { results, receipt })
    }

    /// How an account of this key stands.
    ///
    /// # Errors
    /// [`ClientError::Declined`] for an account that is not this key's.
    pub async fn account(&self, account: AccountId) -> Result<AccountView, ClientError> {
        match self.ask(&Question::Account(account)).await? {
            Answer::Account(view) if view.account == account => Ok(view),
            _ => Err(ClientError::WrongAnswer("expected that account")),
        }
    }

    /// Movements of an account from number `from` on, oldest first, at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// As [`Client::account`].
    pub async fn history(&self, account: AccountId, from: u64) -> Result<Page, ClientError> {
        match self.ask(&Question::History(account, from, MAX_PAGE)).await? {
            Answer::History(page) => Ok(page),
            _ => Err(ClientError::WrongAnswer("expected a page of a history")),
        }
    }

    /// What became of the request that the owner of `account` gave `id`, with its receipt;
    /// `None` where the id is not decided.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(
        &self,
        account: AccountId,
        id: RequestId,
    ) -> Result<Option<Status>, ClientError> {
        let Answer::Request(standing) = self.ask(&Question::Request(account, id)).await? else {
            return Err(ClientError::WrongAnswer("expected the standing of a request"));
        };
        let Some(standing) = standing else { return Ok(None) };
        let receipt = self.check_receipt(standing.receipt)?;
        let Proven { requests, codes, .. } = receipt.proven();
        // Ids count among those of one account: another's of the same number is another request.
        let is_it = |request: &SignedRequest| {
            let verified = request.clone().verify(&self.charter);
            let of_account = |one: VerifiedRequest| one.signing_account(&self.charter) == account;
            request.request().id == id && verified.is_ok_and(of_account)
        };
        let mut both = requests.iter().zip(codes);
        if !both.any(|(request, code)| *code == standing.code && is_it(request)) {
            return Err(ClientError::WrongAnswer("a receipt of another request"));
        }
        Ok(Some(Status { code: standing.code, fate: standing.fate, receipt }))
    }

    /// The head over everything so far.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn head(&self) -> Result<SignedHead, ClientError> {
        let HeadAnswer::Head(head) = self.ask_heads(HeadQuestion::Head).await? else {
            return Err(ClientError::WrongAnswer("expected a head"));
        };
        self.check_head(&head)?;
        Ok(head)
    }

    /// Looks whether the server's history continues what a watch has seen; the watch then holds
    /// the head of now. Keep it for the next time.
    ///
    /// # Errors
    /// [`ClientError`] when the server cannot be asked. What the server says or leaves unsaid is
    /// no error: it is [`Heard`].
    pub async fn look(&self, watch: &mut Watch) -> Result<Heard, ClientError> {
        let head = self.head().await?;
        self.hold(watch, head).await
    }

    /// Asks the server whatever a watch wants to know about a head that somebody has shown.
    ///
    /// # Errors
    /// [`ClientError::Unproven`] when it is not the server's; when the server cannot be asked.
    pub async fn hold(&self, watch: &mut Watch, head: SignedHead) -> Result<Heard, ClientError> {
        let mut heard = watch.hear(head)?;
        while let Heard::Ask(pending) = heard {
            let said = match self.ask_heads(pending.question()).await? {
                HeadAnswer::Head(head) => Said::Beginning(head),
                HeadAnswer::Continuation(word) => Said::Continuation(word),
                HeadAnswer::Nothing | HeadAnswer::Busy { .. } => Said::Nothing,
            };
            heard = watch.answer(pending, said);
        }
        Ok(heard)
    }

    /// Checks that the server's history continues the one that `old` is the head of; answers
    /// with the head of now.
    ///
    /// # Errors
    /// [`ClientError::Convicted`] when the server's own words convict it,
    /// [`ClientError::Unanswered`] when it does not show that it has one history alone,
    /// [`ClientError::Restored`] when it says itself that it has lost something.
    pub async fn continues(&self, old: &SignedHead) -> Result<SignedHead, ClientError> {
        let mut watch = Watch::new(self.charter.ledger_key());
        watch.hear(*old)?;
        let heard = self.look(&mut watch).await?;
        if let Some(evidence) = watch.convicted() {
            return Err(ClientError::Convicted(Box::new(evidence.clone())));
        }
        if let Some(heads) = watch.unanswered() {
            return Err(ClientError::Unanswered(Box::new(*heads)));
        }
        match watch.last() {
            Some(new) if watch.losses().is_empty() && heard != Heard::Lost => Ok(*new),
            _ => Err(ClientError::Restored),
        }
    }

    /// For the operator's key: up to which batch a backup may copy.
    ///
    /// # Errors
    /// [`ClientError::Declined`] for any other key.
    pub async fn flushed(&self) -> Result<u64, ClientError> {
        match self.ask(&Question::Flushed).await? {
            Answer::Flushed(batch) => Ok(batch),
            _ => Err(ClientError::WrongAnswer("expected a batch's number")),
        }
    }

    /// Asks until there is an answer that is one, or the deadline has passed.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Answer, ClientError> {
        let end = Instant::now() + self.deadline;
        let asked = Asked::Other(question);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Answered::Other(answer) = self.peer.request(&asked, left).await? else {
                return Err(ClientError::WrongAnswer("expected no word about heads"));
            };
            let (pause, otherwise) = match answer {
                Answer::Busy { retry_after } => (retry_after, ClientError::Busy),
                Answer::Unknown => (RETRY_UNKNOWN_MS, ClientError::Unknown),
                Answer::Declined(declined) => return Err(declined.into()),
                answer => return Ok(answer),
            };
            let pause = Duration::from_millis(pause.into()).mul_f64(rand::random_range(0.5..=1.5));
            if Instant::now() + pause >= end {
                return Err(otherwise);
            }
            sleep(pause).await;
        }
    }

    /// The same for a question about heads.
    async fn ask_heads(&self, question: HeadQuestion) -> Result<HeadAnswer, ClientError> {
        let end = Instant::now() + self.deadline;
        let asked = Asked::<NoOther>::Heads(question);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let answer: Answered<NoOther> = self.peer.request(&asked, left).await?;
            let Answered::Heads(answer) = answer;
            let HeadAnswer::Busy { retry_after } = answer else { return Ok(answer) };
            let pause = Duration::from_millis(retry_after.into());
            if Instant::now() + pause >= end {
                return Err(ClientError::Busy);
            }
            sleep(pause).await;
        }
    }

    /// Verifies a receipt of the server's, and that its head fits those seen before.
    pub(crate) fn check_receipt(&self, receipt: Receipt) -> Result<ProvenReceipt, ClientError> {
        let checked = ProvenReceipt::new(receipt, &self.charter)?;
        self.remember(&checked.receipt.head)?;
        Ok(checked)
    }

    fn check_head(&self, head: &SignedHead) -> Result<Head, ClientError> {
        let verified = head.verify(&self.charter.ledger_key())?;
        self.remember(head)?;
        Ok(verified)
    }

    /// Keeps the newest of the verified heads, none of which may contradict it.
    fn remember(&self, head: &SignedHead) -> Result<(), ClientError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = *seen {
            let (of, words) = (self.charter.ledger_key(), [old, *head].map(Word::Head));
            let case = Case::Words(Box::new(words), Vec::new());
            let evidence = ServerEvidence { of, case };
            if let Ok(Some(_)) = evidence.convict() {
                return Err(ClientError::Convicted(Box::new(evidence)));
            }
            if old.head.place() >= head.head.place() {
                return Ok(());
            }
        }
        *seen = Some(*head);
        Ok(())
    }
}

/// How long to wait for a server that stopped, in milliseconds.
const RETRY_UNKNOWN_MS: u32 = 500;
