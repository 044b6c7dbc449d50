//! Asking accumulators.

mod announce;
mod fetch;
mod standing;
mod transcript;
mod witnessed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::keys::PublicKey;
use auction::spec::{ACCUMULATORS, Member, Time};
use link::service::{Answer, MAX_PUBLIC_ANSWER, MAX_PUBLIC_QUESTION, Question};
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::error::{ClientError, Failure, MemberError, Misbehaviour};
use crate::text::printable;

pub use standing::MemberState;
pub use transcript::{Download, Proof};
pub use witnessed::MemberWitness;

/// Accumulators that a client keeps connections to; when there are more, it starts afresh.
const MAX_PEERS: usize = 256;
/// Shortest and longest pause that a busy accumulator is given.
const BUSY_PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// How long a client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For one answer, connecting and repeating included.
    pub answer: Duration,
    /// For other accumulators' joins, once one has shown a complete set.
    pub compare: Duration,
    /// For all accumulators to take an announcement and to join.
    pub join: Duration,
    /// Between two looks at something that changes.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(20),
            compare: Duration::from_secs(2),
            join: Duration::from_secs(60),
            pause: Duration::from_millis(300),
        }
    }
}

/// Asks accumulators, under an identity that is thrown away with it. Clones are the same client.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    patience: Patience,
    peers: Mutex<HashMap<PublicKey, Peer>>,
}

impl Client {
    /// A client with the usual patience. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`].
    pub fn new() -> Result<Self, ClientError> {
        Self::with_patience(Patience::default())
    }

    /// A client that waits as long as it is told. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Endpoint`].
    pub fn with_patience(patience: Patience) -> Result<Self, ClientError> {
        let limits = Limits {
            max_question_bytes: MAX_PUBLIC_QUESTION,
            max_answer_bytes: MAX_PUBLIC_ANSWER,
            ..Limits::default()
        };
        let identity = Identity::generate(&mut rand::rng());
        let endpoint = Endpoint::client(&identity, limits).map_err(ClientError::Endpoint)?;
        Ok(Self { inner: Arc::new(Inner { endpoint, patience, peers: Mutex::default() }) })
    }

    /// How long it waits.
    #[must_use]
    pub fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    /// Asks an accumulator whether it is there: the version it runs and its clock.
    ///
    /// # Errors
    /// [`MemberError`].
    pub async fn hello(&self, member: &Member) -> Result<(String, Time), MemberError> {
        match self.ask(member, &Question::Hello, self.patience().answer).await? {
            Answer::Hello { version, now } => Ok((printable(&version), now)),
            other => Err(unexpected(&other, "hello").into()),
        }
    }

    /// Closes all connections and waits until the accumulators were told.
    pub async fn close_connections(&self) {
        self.inner.endpoint.close().await;
    }

    /// Bytes of questions sent and of answers received.
    #[must_use]
    pub fn traffic(&self) -> (u64, u64) {
        (self.inner.endpoint.bytes_sent(), self.inner.endpoint.bytes_received())
    }

    /// Asks one question until there is an answer that is neither a failure that may pass nor a
    /// request for patience, or `deadline` is over.
    pub(crate) async fn ask(
        &self,
        member: &Member,
        question: &Question,
        deadline: Duration,
    ) -> Result<Answer, MemberError> {
        let end = Instant::now() + deadline;
        let peer = self.peer(member);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match peer.request(question, left).await? {
                Answer::Busy { retry_after } => {
                    let asked = Duration::from_millis(u64::from(retry_after));
                    let pause = asked.clamp(BUSY_PAUSE.0, BUSY_PAUSE.1);
                    if Instant::now() + pause >= end {
                        return Err(MemberError::Busy);
                    }
                    sleep(pause).await;
                }
                Answer::Declined(declined) => return Err(MemberError::Declined(declined)),
                answer => return Ok(answer),
            }
        }
    }

    /// Asks several accumulators side by side; the answers come as they come, with the place of
    /// the accumulator in `members`.
    pub(crate) fn ask_all(
        &self,
        members: &[Member],
        question: impl Fn(usize) -> Option<Question>,
        deadline: Duration,
    ) -> Answers {
        let mut asking = JoinSet::new();
        for (k, member) in members.iter().enumerate() {
            let Some(question) = question(k) else { continue };
            let (client, member) = (self.clone(), member.clone());
            asking.spawn(async move { (k, client.ask(&member, &question, deadline).await) });
        }
        Answers(asking)
    }

    /// Takes the addresses of these accumulators for better than those of a spec.
    fn meet(&self, members: &[Member]) -> Result<(), ClientError> {
        let got = members.len();
        if got == 0 || got > *ACCUMULATORS.end() {
            return Err(ClientError::Members { got });
        }
        let mut peers = self.inner.peers.lock().unwrap_or_else(PoisonError::into_inner);
        for member in members {
            if peers.get(&member.key).is_none_or(|peer| peer.addr() != member.address) {
                peers.insert(member.key, self.new_peer(member));
            }
        }
        Ok(())
    }

    fn peer(&self, member: &Member) -> Peer {
        let mut peers = self.inner.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= MAX_PEERS && !peers.contains_key(&member.key) {
            peers.clear();
        }
        peers.entry(member.key).or_insert_with(|| self.new_peer(member)).clone()
    }

    fn new_peer(&self, member: &Member) -> Peer {
        Peer::new(self.inner.endpoint.clone(), member.address.as_str(), PeerKey(member.key.0))
    }
}

/// Answers on their way. Dropped, the questions are given up.
pub(crate) struct Answers(JoinSet<(usize, Result<Answer, MemberError>)>);

impl Answers {
    /// The next answer, or `None` when all have come.
    pub(crate) async fn next(&mut self) -> Option<(usize, Result<Answer, MemberError>)> {
        finished(&mut self.0).await
    }
}

/// The result of the next task that ends; a panic in it goes on here.
pub(crate) async fn finished<T: 'static>(tasks: &mut JoinSet<T>) -> Option<T> {
    loop {
        match tasks.join_next().await? {
            Ok(result) => return Some(result),
            // Otherwise cancelled: by nobody but the runtime that is ending.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}

/// Does long arithmetic or waits for the disk where no connection has to wait for it.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Work that runs is never cancelled; only a runtime that is ending starts none.
            Err(_) => std::future::pending().await,
        },
    }
}

pub(crate) fn failure(members: &[Member], accumulator: usize, error: MemberError) -> Failure {
    let address = members.get(accumulator).map(|member| printable(&member.address));
    Failure { accumulator, address: address.unwrap_or_default(), error }
}

pub(crate) fn unexpected(answer: &Answer, expected: &'static str) -> Misbehaviour {
    let got = match answer {
        Answer::Hello { .. } => "hello",
        Answer::Auction { .. } => "auction",
        Answer::Accepted(_) => "accepted",
        Answer::Refused(_) => "refused",
        Answer::Witnessed(_) => "what it witnessed",
        Answer::Done => "done",
        Answer::State(_) => "state",
        Answer::History(_) => "history",
        Answer::Transcript { .. } => "transcript",
        Answer::Busy { .. } => "busy",
        Answer::Declined(_) => "declined",
    };
    Misbehaviour::OtherAnswer { got, expected }
}
