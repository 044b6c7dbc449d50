//! The threads that check signatures: they take no time from the network, and the network none
//! from them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::alarm::Alarm;
use crate::signatures::Keyring;

/// Jobs that a thread takes at once: enough for what they share, few enough that none waits long.
const AT_ONCE: usize = 16;
/// Keys that each thread keeps decoded.
const KEYS: usize = 8192;

/// As many threads as the machine runs at a time. They end when this is dropped.
pub(super) struct Checkers<J>(Arc<Queue<J>>);

/// So many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

struct Queue<J> {
    waiting: Mutex<Waiting<J>>,
    more: Condvar,
    most: usize,
    threads: usize,
}

struct Waiting<J> {
    jobs: VecDeque<J>,
    /// Threads that have nothing to do.
    idle: usize,
    closed: bool,
}

impl<J: Send + 'static> Checkers<J> {
    /// Starts the threads; at most `most` jobs wait for them. `work` is given some at a time, and
    /// the keys that its thread keeps.
    pub(super) fn start(
        most: usize,
        alarm: &Alarm,
        work: impl Fn(&mut Keyring, Vec<J>) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let waiting = Waiting { jobs: VecDeque::new(), idle: 0, closed: false };
        let (waiting, more, most) = (Mutex::new(waiting), Condvar::new(), most.max(1));
        // Closes the queue where a later thread cannot be started.
        let checkers = Self(Arc::new(Queue { waiting, more, most, threads }));
        let work = Arc::new(work);
        for _ in 0..threads {
            let (queue, alarm, work) = (Arc::clone(&checkers.0), alarm.clone(), Arc::clone(&work));
            let check = move || {
                let _watch = OnPanic(&alarm);
                let mut keyring = Keyring::new(KEYS);
                while let Some(jobs) = queue.take() {
                    work(&mut keyring, jobs);
                }
            };
            std::thread::Builder::new().name("check".to_owned()).spawn(check)?;
        }
        Ok(checkers)
    }

    /// Queues a job.
    pub(super) fn begin(&self, job: J) -> Result<(), Full> {
        let mut waiting = self.0.lock();
        if waiting.jobs.len() >= self.0.most {
            return Err(Full);
        }
        waiting.jobs.push_back(job);
        let wake = waiting.idle > 0;
        drop(waiting);
        if wake {
            self.0.more.notify_one();
        }
        Ok(())
    }
}

impl<J> Queue<J> {
    fn lock(&self) -> MutexGuard<'_, Waiting<J>> {
        // Each change under the lock is a single step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread's share of what waits, when there is something; nothing when there never will be.
    fn take(&self) -> Option<Vec<J>> {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting.idle += 1;
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
        let share = waiting.jobs.len().div_ceil(self.threads).min(AT_ONCE);
        Some(waiting.jobs.drain(..share).collect())
    }
}

impl<J> Drop for Checkers<J> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.more.notify_all();
    }
}

/// Raises the alarm when the thread that holds it panics.
struct OnPanic<'a>(&'a Alarm);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.raise("a thread that checks signatures");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_are_done_in_order_and_too_many_are_refused() {
        let (go_on, wait) = channel::<()>();
        let wait = Mutex::new(wait);
        let (told, done) = channel();
        let checkers = Checkers::start(1, &Alarm::new(), move |_, jobs: Vec<usize>| {
            let _ = wait.lock().unwrap().recv();
            jobs.into_iter().for_each(|job| told.send(job).unwrap());
        });
        let checkers = checkers.unwrap();
        let mut taken = Vec::new();
        // The threads block, one more waits, and then it is full.
        for job in 0..100_000 {
            match checkers.begin(job) {
                Ok(()) => taken.push(job),
                Err(Full) if taken.len() > 1 => break,
                Err(Full) => std::thread::yield_now(),
            }
        }
        assert!((2..1000).contains(&taken.len()));
        drop(go_on);
        drop(checkers);
        // What was taken is done although the queue is closed, and then the threads end.
        let mut done: Vec<usize> = done.iter().collect();
        done.sort_unstable();
        assert_eq!(done, taken);
    }

    #[test]
    fn a_thread_takes_no_more_than_its_share() {
        let waiting = Waiting { jobs: (0..50).collect(), idle: 0, closed: true };
        let waiting = Mutex::new(waiting);
        let queue = Queue { waiting, more: Condvar::new(), most: 99, threads: 2 };
        let taken: Vec<Vec<i32>> = std::iter::from_fn(|| queue.take()).collect();
        let sizes: Vec<usize> = taken.iter().map(Vec::len).collect();
        assert_eq!(sizes, [16, 16, 9, 5, 2, 1, 1]);
        assert!(taken.concat().into_iter().eq(0..50));
    }

    #[tokio::test]
    async fn a_panic_raises_the_alarm() {
        let alarm = Alarm::new();
        let checkers = Checkers::start(8, &alarm, |_, _| panic!("a test of a panic")).unwrap();
        checkers.begin(()).unwrap();
        assert_eq!(alarm.raised().await, "a thread that checks signatures");
    }
}
