//! The writer's thread: takes all that waits, makes one batch and one flush of it, and answers.
//!
//! Everything about a server but its network: group commit, the mark when idle, and the empty
//! batch when a hold falls due.

mod rounds;

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use auction::spec::Time;
use rounds::{Queues, run};

use crate::bookkeeper::{Bookkeeper, MAX_BATCH_REQUESTS, Proof, Unflushed};
use crate::journal::{JournalError, Storage};
use crate::ledger::{Chain, Outcome};

/// Most bytes of entries in one batch; less where segments are smaller.
pub const MAX_BATCH_BYTES: usize = 8 << 20;
/// Most chains or questions that wait in one queue.
pub const MAX_WAITING: usize = 4 * MAX_BATCH_REQUESTS;
/// After so long without work the journal is marked, in milliseconds.
pub const IDLE_MS: u64 = 5;

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOutcome {
    /// Too many wait already. Nothing was applied; try again later.
    #[error("the queue is full: try again later")]
    Busy,
    /// The writer has ended. Nothing was applied.
    #[error("the writer has ended")]
    Ended,
    /// The journal refused the batch. Nothing was applied.
    #[error(transparent)]
    Refused(JournalError),
    /// The journal stopped in between. Ask again by id after the next start.
    #[error("the result is unknown: ask again by id after the next start")]
    Unknown,
}

/// What became of a chain, and where its entry stands, if it got one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// What became of it.
    pub outcome: Outcome,
    /// Where [`Outcome::entry`] stands.
    pub proof: Option<Proof>,
}

type Answered = Box<dyn FnOnce(Result<Committed, NoOutcome>) + Send>;
type Task<S> = Box<dyn FnOnce(&mut Bookkeeper<S>) -> Unflushed<Release> + Send>;
type Release = Box<dyn FnOnce() + Send>;

/// Who waits for an outcome. Dropped unanswered, in a queue that nobody empties any more, it
/// says that the writer has ended.
struct Answer(Option<Answered>);

impl Answer {
    fn give(mut self, outcome: Result<Committed, NoOutcome>) {
        if let Some(answered) = self.0.take() {
            answered(outcome);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(answered) = self.0.take() {
            answered(Err(NoOutcome::Ended));
        }
    }
}

enum Message<S> {
    Chain(Box<Chain>, Answer),
    Task(Task<S>),
    Stop,
}

/// Hands chains and questions to the writer's thread.
pub struct Writer<S> {
    /// The postings module has a queue that other traffic cannot fill.
    first: SyncSender<Message<S>>,
    other: SyncSender<Message<S>>,
    wake: SyncSender<()>,
}

impl<S> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), other: self.other.clone(), wake: self.wake.clone() }
    }
}

/// The writer's thread; dropping it does not stop the thread.
pub struct Running<S> {
    thread: JoinHandle<(Bookkeeper<S>, Result<(), JournalError>)>,
    writer: Writer<S>,
}

impl<S: Storage + 'static> Running<S> {
    /// Starts the thread. `clock` tells the time in milliseconds since 1970.
    pub fn start(
        bookkeeper: Bookkeeper<S>,
        mut clock: impl FnMut() -> Time + Send + 'static,
    ) -> Self {
        Self::start_guarded(bookkeeper, move || Some(clock()))
    }

    /// The same with a clock that may be beyond belief: when it answers `None` the thread ends,
    /// and nothing that waits is applied. The clock is dropped when the thread ends for whatever
    /// reason.
    pub fn start_guarded(
        bookkeeper: Bookkeeper<S>,
        clock: impl FnMut() -> Option<Time> + Send + 'static,
    ) -> Self {
        let (first, urgent) = sync_channel(MAX_WAITING);
        let (other, rest) = sync_channel(MAX_WAITING);
        let (wake, woken) = sync_channel(1);
        let queues = Queues::new(urgent, rest, woken);
        let flushed = wake.clone();
        let thread = std::thread::spawn(move || run(bookkeeper, queues, clock, flushed));
        Self { thread, writer: Writer { first, other, wake } }
    }

    /// A handle to it.
    #[must_use]
    pub fn writer(&self) -> Writer<S> {
        self.writer.clone()
    }

    /// Lets the thread finish what waits and end; gives the bookkeeper back, and why it ended.
    ///
    /// # Errors
    /// The journal's error, if that is why it ended, `None` if the thread panicked.
    pub fn stop(self) -> Result<Bookkeeper<S>, Option<JournalError>> {
        // Blocks while the queue is full; the thread empties it.
        let _ = self.writer.other.send(Message::Stop);
        let _ = self.writer.wake.try_send(());
        match self.thread.join() {
            Ok((bookkeeper, Ok(()))) => Ok(bookkeeper),
            Ok((_, Err(error))) => Err(Some(error)),
            Err(_) => Err(None),
        }
    }
}

impl<S: Storage> Writer<S> {
    /// Queues a chain; `answer` is called once, on the writer's thread, after the flush.
    pub fn submit(
        &self,
        chain: Chain,
        answer: impl FnOnce(Result<Outcome, NoOutcome>) + Send + 'static,
    ) {
        self.commit(chain, move |committed| answer(committed.map(|committed| committed.outcome)));
    }

    /// The same, and `answer` also gets what a receipt needs.
    pub fn commit(
        &self,
        chain: Chain,
        answer: impl FnOnce(Result<Committed, NoOutcome>) + Send + 'static,
    ) {
        let queue = if chain.has_postings() { &self.first } else { &self.other };
        self.put(queue, Message::Chain(Box::new(chain), Answer(Some(Box::new(answer)))));
    }

    /// Queues a question to ledger and journal; `answer` is called once, on the writer's thread,
    /// after everything that it depends on is flushed, and never if that fails.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Bookkeeper<S>) -> Unflushed<T> + Send + 'static,
        answer: impl FnOnce(T) + Send + 'static,
    ) {
        let task: Task<S> = Box::new(move |bookkeeper| {
            question(bookkeeper).map(|told| Box::new(move || answer(told)) as Release)
        });
        self.put(&self.other, Message::Task(task));
    }

    fn put(&self, queue: &SyncSender<Message<S>>, message: Message<S>) {
        let refused = match queue.try_send(message) {
            Ok(()) => {
                let _ = self.wake.try_send(());
                return;
            }
            Err(TrySendError::Full(message)) => (message, NoOutcome::Busy),
            Err(TrySendError::Disconnected(message)) => (message, NoOutcome::Ended),
        };
        if let (Message::Chain(_, answer), reason) = refused {
            answer.give(Err(reason));
        }
    }
}
