//! The writer's thread: takes all that waits, makes one batch and one flush of it, and answers.
//!
//! Everything about a server but its network: group commit, the mark when idle, and the empty
//! batch when a hold falls due.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use auction::spec::Time;

use crate::bookkeeper::{Bookkeeper, MAX_BATCH_REQUESTS, Unflushed, Withheld};
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

type Answered = Box<dyn FnOnce(Result<Outcome, NoOutcome>) + Send>;
type Task<S> = Box<dyn FnOnce(&mut Bookkeeper<S>) -> Unflushed<Release> + Send>;
type Release = Box<dyn FnOnce() + Send>;

/// Who waits for an outcome. Dropped unanswered, in a queue that nobody empties any more, it
/// says that the writer has ended.
struct Answer(Option<Answered>);

impl Answer {
    fn give(mut self, outcome: Result<Outcome, NoOutcome>) {
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
    Chain(Chain, Answer),
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
    pub fn start(bookkeeper: Bookkeeper<S>, clock: impl FnMut() -> Time + Send + 'static) -> Self {
        let (first, urgent) = sync_channel(MAX_WAITING);
        let (other, rest) = sync_channel(MAX_WAITING);
        let (wake, woken) = sync_channel(1);
        let queues = Queues { urgent, rest, woken, held: VecDeque::new() };
        let thread = std::thread::spawn(move || run(bookkeeper, queues, clock));
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
        let queue = if chain.has_postings() { &self.first } else { &self.other };
        self.put(queue, Message::Chain(chain, Answer(Some(Box::new(answer)))));
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

struct Queues<S> {
    urgent: Receiver<Message<S>>,
    rest: Receiver<Message<S>>,
    woken: Receiver<()>,
    /// Taken from a queue, but too much for the last batch.
    held: VecDeque<Message<S>>,
}

impl<S> Queues<S> {
    fn next(&mut self) -> Option<Message<S>> {
        self.held
            .pop_front()
            .or_else(|| self.urgent.try_recv().ok())
            .or_else(|| self.rest.try_recv().ok())
    }
}

/// What one batch and flush will answer.
struct Round<S> {
    chains: Vec<Chain>,
    answers: Vec<Answer>,
    tasks: Vec<Task<S>>,
    stop: bool,
}

fn run<S: Storage>(
    mut bookkeeper: Bookkeeper<S>,
    mut queues: Queues<S>,
    mut clock: impl FnMut() -> Time,
) -> (Bookkeeper<S>, Result<(), JournalError>) {
    let limit = bookkeeper.max_batch_bytes().min(MAX_BATCH_BYTES);
    loop {
        let round = collect(&mut queues, limit);
        let stop = round.stop;
        let now = clock();
        let due = bookkeeper.next_due().is_some_and(|due| due <= now);
        let result = if round.chains.is_empty() && round.tasks.is_empty() && !due {
            if stop {
                return (bookkeeper, Ok(()));
            }
            wait(&queues, &mut bookkeeper)
        } else {
            commit(&mut bookkeeper, round, now)
        };
        if let Err(error) = result {
            return (bookkeeper, Err(error));
        }
        if stop {
            // What came before the word to stop has been answered.
            let ended = bookkeeper.idle();
            return (bookkeeper, ended);
        }
    }
}

fn collect<S>(queues: &mut Queues<S>, limit: usize) -> Round<S> {
    let mut round =
        Round { chains: Vec::new(), answers: Vec::new(), tasks: Vec::new(), stop: false };
    let (mut requests, mut bytes) = (0, 0);
    while let Some(message) = queues.next() {
        match message {
            Message::Chain(chain, answer) => {
                requests += chain.requests().len();
                bytes += chain.entry_bytes() + 4;
                let full = requests > MAX_BATCH_REQUESTS || bytes > limit;
                if full && !round.chains.is_empty() {
                    queues.held.push_front(Message::Chain(chain, answer));
                    break;
                }
                round.chains.push(chain);
                round.answers.push(answer);
            }
            Message::Task(task) => round.tasks.push(task),
            Message::Stop => {
                round.stop = true;
                break;
            }
        }
    }
    round
}

fn commit<S: Storage>(
    bookkeeper: &mut Bookkeeper<S>,
    round: Round<S>,
    now: Time,
) -> Result<(), JournalError> {
    let unflushed = match bookkeeper.submit(round.chains, now) {
        Ok(unflushed) => Some(unflushed),
        Err(error @ (JournalError::Full | JournalError::BatchTooLarge { .. })) => {
            return refuse(bookkeeper, round.answers, round.tasks, &error);
        }
        Err(error) => {
            for answer in round.answers {
                answer.give(Err(NoOutcome::Unknown));
            }
            return Err(error);
        }
    };
    let told: Vec<_> = round.tasks.into_iter().map(|task| task(bookkeeper)).collect();
    let flushed = bookkeeper.flush();
    let outcomes = unflushed.map(|unflushed| bookkeeper.release(unflushed));
    match outcomes {
        Some(Ok(outcomes)) => {
            for (answer, outcome) in round.answers.into_iter().zip(outcomes) {
                answer.give(Ok(outcome));
            }
        }
        Some(Err(Withheld::NotFlushed(_) | Withheld::Unknown)) | None => {
            for answer in round.answers {
                answer.give(Err(NoOutcome::Unknown));
            }
        }
    }
    release_all(bookkeeper, told);
    flushed
}

fn refuse<S: Storage>(
    bookkeeper: &mut Bookkeeper<S>,
    answers: Vec<Answer>,
    tasks: Vec<Task<S>>,
    error: &JournalError,
) -> Result<(), JournalError> {
    for answer in answers {
        answer.give(Err(NoOutcome::Refused(error.clone())));
    }
    let told: Vec<_> = tasks.into_iter().map(|task| task(bookkeeper)).collect();
    bookkeeper.flush()?;
    release_all(bookkeeper, told);
    // A full disk may get room again; until then, not in a tight loop.
    std::thread::sleep(Duration::from_millis(IDLE_MS));
    bookkeeper.idle()
}

fn release_all<S: Storage>(bookkeeper: &Bookkeeper<S>, told: Vec<Unflushed<Release>>) {
    for unflushed in told {
        if let Ok(release) = bookkeeper.release(unflushed) {
            release();
        }
    }
}

/// Waits for work; when none comes, writes down what is flushed.
fn wait<S: Storage>(
    queues: &Queues<S>,
    bookkeeper: &mut Bookkeeper<S>,
) -> Result<(), JournalError> {
    match queues.woken.recv_timeout(Duration::from_millis(IDLE_MS)) {
        Ok(()) => Ok(()),
        Err(RecvTimeoutError::Timeout) => bookkeeper.idle(),
        // All handles are gone, and with them the word to stop: nothing will come.
        Err(RecvTimeoutError::Disconnected) => {
            std::thread::sleep(Duration::from_millis(IDLE_MS));
            bookkeeper.idle()
        }
    }
}
