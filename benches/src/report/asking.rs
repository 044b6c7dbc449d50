//! Bidders and sellers of a measurement: many at a time, each waiting for its answer.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::bid::Submission;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::receipts::Receipt;
use link::service::{Answer, MAX_PUBLIC_ANSWER, MAX_PUBLIC_QUESTION, Question, State};
use link::{Endpoint, Identity, Limits, Peer, PeerKey};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::tell;

/// Long enough that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often a question may fail before the report gives up.
const FAILURES: usize = 30;
/// Before it is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Somebody who asks, from a socket of its own. Must be made within a runtime.
pub(crate) struct Asker(Endpoint);

impl Asker {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            max_question_bytes: MAX_PUBLIC_QUESTION,
            max_answer_bytes: MAX_PUBLIC_ANSWER,
            ..Limits::default()
        };
        let identity = Identity::generate(&mut rand::rng());
        Self(Endpoint::client(&identity, limits).expect("a socket"))
    }

    /// An accumulator, over a connection of its own.
    pub(crate) fn peer(&self, key: PublicKey, at: SocketAddr) -> Peer {
        Peer::new(self.0.clone(), at.to_string(), PeerKey(key.0))
    }
}

/// Asks until the accumulator is not busy. A machine that is busy with other things loses
/// datagrams and lets questions time out: these are asked again.
pub(crate) async fn insist(peer: &Peer, question: &Question) -> Answer {
    let mut failures = 0;
    loop {
        match peer.request(question, PATIENCE).await {
            Ok(Answer::Busy { retry_after }) => {
                sleep(Duration::from_millis(retry_after.into())).await;
            }
            Ok(answer) => return answer,
            Err(error) => {
                failures += 1;
                assert!(failures < FAILURES, "no answer from {}: {error}", peer.addr());
                tell(&format!("asking {} again: {error}", peer.addr()));
                sleep(PAUSE).await;
            }
        }
    }
}

/// Waits until an auction's state is as wanted.
pub(crate) async fn until(
    peer: &Peer,
    auction: Digest,
    pause: Duration,
    wanted: impl Fn(&State) -> bool,
) -> State {
    loop {
        match insist(peer, &Question::State(auction)).await {
            Answer::State(state) if wanted(&state) => return *state,
            Answer::State(_) => sleep(pause).await,
            other => panic!("expected a state, got {other:?}"),
        }
    }
}

/// Submits a bid to one accumulator.
pub(crate) async fn submit(peer: &Peer, auction: Digest, submission: Submission) -> Receipt {
    match insist(peer, &Question::Submit(auction, Box::new(submission))).await {
        Answer::Accepted(receipt) => receipt,
        other => panic!("a bid is not taken, is target/report of this version? {other:?}"),
    }
}

/// Submits a bid to all accumulators, and leaves all receipts with all.
pub(crate) async fn place(peers: &[Peer], auction: Digest, submissions: Vec<Submission>) {
    let mut receipts = Vec::with_capacity(peers.len());
    for (peer, submission) in peers.iter().zip(submissions) {
        receipts.push(submit(peer, auction, submission).await);
    }
    for peer in peers {
        let left = insist(peer, &Question::LeaveReceipts(auction, receipts.clone())).await;
        assert_eq!(left, Answer::Done, "receipts are not taken");
    }
}

/// Gives pieces of work to so many clients, each of which does one at a time; returns what came
/// of them.
pub(crate) async fn share_out<W, R, F>(
    work: impl IntoIterator<Item = W, IntoIter: Send + 'static>,
    clients: usize,
    does: impl Fn(usize, W) -> F + Clone + Send + 'static,
) -> Vec<R>
where
    W: Send,
    R: Send + 'static,
    F: Future<Output = R> + Send,
{
    let work = Arc::new(Mutex::new(work.into_iter()));
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let (work, does) = (Arc::clone(&work), does.clone());
        tasks.spawn(async move {
            let mut done = Vec::new();
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(piece) = next else { return done };
                done.push(does(client, piece).await);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done.expect("a client of the measurement"));
    }
    all
}
