//! The writer's loop: what waits becomes a batch, and while that is being flushed the next one
//! gathers and, if it is large, is applied.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use auction::spec::Time;

use super::{Answer, Committed, IDLE_MS, MAX_BATCH_BYTES, Message, NoOutcome, Release, Task};
use crate::bookkeeper::{Bookkeeper, MAX_BATCH_REQUESTS, Unflushed};
use crate::journal::{JournalError, Storage};
use crate::ledger::Chain;

/// So many requests are applied beside a flush; fewer wait for its end, and share one batch with
/// those that come meanwhile.
const WORTH_A_BATCH: usize = 1024;

/// Where the writer's thread takes its work from.
pub(super) struct Queues<S> {
    urgent: Receiver<Message<S>>,
    rest: Receiver<Message<S>>,
    /// A word comes for every message, and for every flush that ended.
    woken: Receiver<()>,
    /// Taken from a queue, but too much for the last batch.
    held: VecDeque<Message<S>>,
}

impl<S> Queues<S> {
    pub(super) fn new(
        urgent: Receiver<Message<S>>,
        rest: Receiver<Message<S>>,
        woken: Receiver<()>,
    ) -> Self {
        Self { urgent, rest, woken, held: VecDeque::new() }
    }

    fn next(&mut self) -> Option<Message<S>> {
        self.held
            .pop_front()
            .or_else(|| self.urgent.try_recv().ok())
            .or_else(|| self.rest.try_recv().ok())
    }
}

/// What gathers for the next batch.
struct Round<S> {
    chains: Vec<Chain>,
    answers: Vec<Answer>,
    tasks: Vec<Task<S>>,
    requests: usize,
    bytes: usize,
    /// Nothing more goes in.
    full: bool,
    stop: bool,
}

/// A batch that was applied: what its flush will answer.
struct Applied {
    outcomes: Unflushed<Vec<Committed>>,
    answers: Vec<Answer>,
    told: Vec<Unflushed<Release>>,
}

/// Why the loop ends.
enum End {
    /// On the word to stop, or because the clock is beyond belief.
    Told,
    Failed(JournalError),
}

impl From<JournalError> for End {
    fn from(error: JournalError) -> Self {
        Self::Failed(error)
    }
}

/// Works until it is told to stop, the clock is beyond belief or the journal stops. `flushed`
/// wakes the loop when a flush has ended.
pub(super) fn run<S: Storage + 'static>(
    mut bookkeeper: Bookkeeper<S>,
    queues: Queues<S>,
    clock: impl FnMut() -> Option<Time>,
    flushed: SyncSender<()>,
) -> (Bookkeeper<S>, Result<(), JournalError>) {
    let started = bookkeeper.start_helpers(move || {
        // Where a word waits already, the loop will look.
        let _ = flushed.try_send(());
    });
    if let Err(error) = started {
        return (bookkeeper, Err(error));
    }
    let limit = bookkeeper.max_batch_bytes().min(MAX_BATCH_BYTES);
    let mut rounds =
        Rounds { bookkeeper, queues, clock, round: Round::default(), applied: None, limit };
    let end = loop {
        if let Err(end) = rounds.step() {
            break end;
        }
    };
    rounds.finish(end)
}

struct Rounds<S, C> {
    bookkeeper: Bookkeeper<S>,
    queues: Queues<S>,
    clock: C,
    round: Round<S>,
    /// The batch that is being flushed.
    applied: Option<Applied>,
    limit: usize,
}

impl<S: Storage, C: FnMut() -> Option<Time>> Rounds<S, C> {
    fn step(&mut self) -> Result<(), End> {
        self.round.collect(&mut self.queues, self.limit);
        let flushing = self.bookkeeper.is_flushing()?;
        if !flushing && let Some(applied) = self.applied.take() {
            applied.answer(&self.bookkeeper);
        }
        let now = (self.clock)().ok_or(End::Told)?;
        let due = self.bookkeeper.next_due().is_some_and(|due| due <= now);
        let Round { requests, full, stop, .. } = self.round;
        if flushing && requests < WORTH_A_BATCH && !full && !stop {
            return self.wait();
        }
        if !self.round.is_empty() || due {
            return self.commit(now);
        }
        if stop { Err(End::Told) } else { self.wait() }
    }

    /// Waits for work or the end of a flush; when nothing comes, writes down what is flushed.
    fn wait(&mut self) -> Result<(), End> {
        let idle = Duration::from_millis(IDLE_MS);
        match self.queues.woken.recv_timeout(idle) {
            Ok(()) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(idle),
        }
        if self.applied.is_none() {
            self.bookkeeper.idle()?;
        }
        Ok(())
    }

    /// Applies what has gathered, begins to flush it once the flush before has ended, and gives
    /// the answers that waited for that one.
    fn commit(&mut self, now: Time) -> Result<(), End> {
        let Round { chains, answers, tasks, stop, .. } = std::mem::take(&mut self.round);
        self.round.stop = stop;
        let bookkeeper = &mut self.bookkeeper;
        let unflushed = match bookkeeper.submit(chains, now) {
            Ok(unflushed) => unflushed,
            Err(error @ (JournalError::Full | JournalError::BatchTooLarge { .. })) => {
                return self.refuse(answers, tasks, &error);
            }
            Err(error) => {
                give_all(answers, &NoOutcome::Unknown);
                return Err(error.into());
            }
        };
        let begun = bookkeeper.begin_flush();
        if let Some(before) = self.applied.take() {
            before.answer(bookkeeper);
        }
        // While the disk works: a signature, the paths, and what was asked.
        let proofs = match bookkeeper.proofs(&unflushed) {
            Ok(proofs) => proofs,
            Err(error) => {
                give_all(answers, &NoOutcome::Unknown);
                return Err(error.into());
            }
        };
        let outcomes = unflushed.map(|outcomes| {
            let both = outcomes.into_iter().zip(proofs);
            both.map(|(outcome, proof)| Committed { outcome, proof }).collect()
        });
        let told = tasks.into_iter().map(|task| task(bookkeeper)).collect();
        self.applied = Some(Applied { outcomes, answers, told });
        Ok(begun?)
    }

    fn refuse(
        &mut self,
        answers: Vec<Answer>,
        tasks: Vec<Task<S>>,
        error: &JournalError,
    ) -> Result<(), End> {
        give_all(answers, &NoOutcome::Refused(error.clone()));
        let told: Vec<_> = tasks.into_iter().map(|task| task(&mut self.bookkeeper)).collect();
        self.bookkeeper.flush()?;
        if let Some(applied) = self.applied.take() {
            applied.answer(&self.bookkeeper);
        }
        release_all(&self.bookkeeper, told);
        // A full disk may get room again; until then, not in a tight loop.
        std::thread::sleep(Duration::from_millis(IDLE_MS));
        Ok(self.bookkeeper.idle()?)
    }

    /// Whoever still waits for a flush gets what came of it; who waits for a batch is told that
    /// there will be none.
    fn finish(mut self, end: End) -> (Bookkeeper<S>, Result<(), JournalError>) {
        let flushed = self.bookkeeper.flush();
        if let Some(applied) = self.applied.take() {
            applied.answer(&self.bookkeeper);
        }
        let result = match end {
            End::Told => flushed.and_then(|()| self.bookkeeper.idle()),
            End::Failed(error) => Err(error),
        };
        (self.bookkeeper, result)
    }
}

impl<S> Default for Round<S> {
    fn default() -> Self {
        let (chains, answers, tasks) = (Vec::new(), Vec::new(), Vec::new());
        Self { chains, answers, tasks, requests: 0, bytes: 0, full: false, stop: false }
    }
}

impl<S> Round<S> {
    fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.tasks.is_empty()
    }

    fn collect(&mut self, queues: &mut Queues<S>, limit: usize) {
        while !self.full && !self.stop {
            match queues.next() {
                None => return,
                Some(Message::Chain(chain, answer)) => {
                    let requests = self.requests + chain.requests().len();
                    let bytes = self.bytes + chain.entry_bytes() + 4;
                    self.full = requests > MAX_BATCH_REQUESTS || bytes > limit;
                    if self.full && !self.chains.is_empty() {
                        queues.held.push_front(Message::Chain(chain, answer));
                        return;
                    }
                    (self.requests, self.bytes) = (requests, bytes);
                    self.chains.push(*chain);
                    self.answers.push(answer);
                }
                Some(Message::Task(task)) => {
                    self.tasks.push(task);
                    self.full |= self.tasks.len() >= MAX_BATCH_REQUESTS;
                }
                Some(Message::Stop) => self.stop = true,
            }
        }
    }
}

impl Applied {
    /// Gives the answers, after the flush that they depend on.
    fn answer<S: Storage>(self, bookkeeper: &Bookkeeper<S>) {
        match bookkeeper.release(self.outcomes) {
            Ok(outcomes) => {
                for (answer, outcome) in self.answers.into_iter().zip(outcomes) {
                    answer.give(Ok(outcome));
                }
            }
            // The flush failed.
            Err(_) => give_all(self.answers, &NoOutcome::Unknown),
        }
        release_all(bookkeeper, self.told);
    }
}

fn give_all(answers: Vec<Answer>, why: &NoOutcome) {
    for answer in answers {
        answer.give(Err(why.clone()));
    }
}

fn release_all<S: Storage>(bookkeeper: &Bookkeeper<S>, told: Vec<Unflushed<Release>>) {
    for unflushed in told {
        if let Ok(release) = bookkeeper.release(unflushed) {
            release();
        }
    }
}
