//! A thread that does one kind of work beside the writer's: flushing, or making spares.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::storage::Storage;

/// A thread with a handle of its own on the files. It has at most one job at a time.
pub(crate) struct Helper<J, D> {
    /// Nothing only while it is being dropped.
    jobs: Option<Sender<J>>,
    done: Receiver<D>,
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

/// The helper's thread panicked: what became of its job is unknown.
#[derive(Debug)]
pub(crate) struct Vanished;

impl<J: Send + 'static, D: Send + 'static> Helper<J, D> {
    /// Starts the thread. After each job `then` is called, when its result can be had.
    pub(crate) fn start<S: Storage + 'static>(
        mut storage: S,
        mut work: impl FnMut(&mut S, J) -> D + Send + 'static,
        then: impl Fn() + Send + 'static,
    ) -> Self {
        let (jobs, given) = channel();
        let (finished, done) = channel();
        let thread = std::thread::spawn(move || {
            for job in given {
                if finished.send(work(&mut storage, job)).is_err() {
                    return;
                }
                then();
            }
        });
        Self { jobs: Some(jobs), done, busy: false, thread: Some(thread) }
    }

    /// Whether a job is under way whose result was not taken yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Gives it a job; it must not be busy.
    pub(crate) fn give(&mut self, job: J) {
        debug_assert!(!self.busy, "one job at a time");
        self.busy = true;
        // A thread that is gone shows when the result is asked for.
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    /// The result of its job, if there is one already.
    pub(crate) fn poll(&mut self) -> Result<Option<D>, Vanished> {
        if !self.busy {
            return Ok(None);
        }
        match self.done.try_recv() {
            Ok(done) => {
                self.busy = false;
                Ok(Some(done))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Vanished),
        }
    }

    /// Waits for the result of its job; nothing, if it has none.
    pub(crate) fn wait(&mut self) -> Result<Option<D>, Vanished> {
        if !self.busy {
            return Ok(None);
        }
        let done = self.done.recv().map_err(|_| Vanished)?;
        self.busy = false;
        Ok(Some(done))
    }
}

impl<J, D> Drop for Helper<J, D> {
    fn drop(&mut self) {
        self.jobs = None;
        // The directory's lock is free only when the thread is gone.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
