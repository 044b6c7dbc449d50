//! The asking side: believes nothing that it has not verified under the charter.

pub mod auctions;
mod error;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::keys::SecretKey;
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use tokio::time::{Instant, sleep};

pub use error::ClientError;

use crate::charter_file::CharterFile;
use crate::journal::{Head, Proven, Receipt, SignedHead};
use crate::ledger::{AccountId, Charter, Class, Code, Fate, RequestId, SignedRequest};
use crate::server::signing_account;
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
    /// times: each id is decided once.
    ///
    /// # Errors
    /// [`ClientError::Unknown`] when the server stopped in between; submit the same again.
    pub async fn submit(&self, chain: &[SignedRequest]) -> Result<Decided, ClientError> {
        let bytes = chain.iter().map(|request| request.as_bytes().to_vec()).collect();
        let Answer::Submitted(submitted) = self.ask(&Question::Submit(bytes)).await? else {
            return Err(ClientError::WrongAnswer("expected results"));
        };
        self.check_submitted(chain, *submitted)
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
            let of_account = |one| signing_account(&one, &self.charter) == account;
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
        let Answer::Head(head) = self.ask(&Question::Head).await? else {
            return Err(ClientError::WrongAnswer("expected a head"));
        };
        self.check_head(&head)?;
        Ok(head)
    }

    /// Checks that the server's history continues the one that `old` is the head of; answers
    /// with the head of now. Keep it for the next time.
    ///
    /// # Errors
    /// [`ClientError::TwoHistories`] when the two heads convict the server,
    /// [`ClientError::Restored`] when it says itself that it has lost something.
    pub async fn continues(&self, old: &SignedHead) -> Result<SignedHead, ClientError> {
        old.verify(&self.charter)?;
        let new = self.head().await?;
        let convicted = || ClientError::TwoHistories(Box::new((*old, new)));
        if old.convicts_with(&new, &self.charter) {
            return Err(convicted());
        }
        if old.head.size == 0 && old.head.epoch <= new.head.epoch {
            return Ok(new);
        }
        let question = Question::Consistency(old.head.size, new.head.size);
        let Answer::Consistency(proof) = self.ask(&question).await? else {
            return Err(ClientError::WrongAnswer("expected a proof of consistency"));
        };
        match proof {
            Some(proof) if old.head.continues_to(&new.head, &proof) => Ok(new),
            Some(_) | None if old.head.epoch < new.head.epoch => Err(ClientError::Restored),
            Some(_) | None => Err(convicted()),
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
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (pause, otherwise) = match self.peer.request(question, left).await? {
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

    /// Verifies a receipt of the server's, and that its head fits those seen before.
    pub(crate) fn check_receipt(&self, receipt: Receipt) -> Result<ProvenReceipt, ClientError> {
        let checked = ProvenReceipt::new(receipt, &self.charter)?;
        self.remember(&checked.receipt.head)?;
        Ok(checked)
    }

    fn check_head(&self, head: &SignedHead) -> Result<Head, ClientError> {
        let verified = head.verify(&self.charter)?;
        self.remember(head)?;
        Ok(verified)
    }

    /// Keeps the newest of the verified heads.
    fn remember(&self, head: &SignedHead) -> Result<(), ClientError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (new, number) = (head.head, |head: &Head| (head.epoch, head.size));
        if let Some(old) = *seen {
            if number(&old.head) == number(&new) && old.head.root != new.root {
                return Err(ClientError::TwoHistories(Box::new((old, *head))));
            }
            if number(&old.head) >= number(&new) {
                return Ok(());
            }
        }
        *seen = Some(*head);
        Ok(())
    }
}

/// How long to wait for a server that stopped, in milliseconds.
const RETRY_UNKNOWN_MS: u32 = 500;
