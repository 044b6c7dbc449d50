//! The node's computations, on threads of their own: nothing else can take their place, and they
//! take nobody's.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

use crate::alarm::Alarm;

type Job = Box<dyn FnOnce() + Send>;

/// As many threads as the machine runs at a time, at least two. They end when the pool is dropped.
pub(crate) struct Pool {
    jobs: mpsc::Sender<Job>,
    threads: usize,
}

/// A computation under way. Dropped before it began, it is never done. Where it panics its state
/// is lost: the alarm ends the node, and nothing comes of it any more.
pub(crate) type Computing<T> = oneshot::Receiver<T>;

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    /// What the operating system says when it gives no thread.
    pub(crate) fn start(alarm: &Alarm) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let queue = Arc::new(Mutex::new(queue));
        let count = std::thread::available_parallelism().map_or(2, |count| count.get().max(2));
        for _ in 0..count {
            let (queue, watch) = (Arc::clone(&queue), alarm.on_panic("a computation"));
            std::thread::Builder::new().name("compute".to_owned()).spawn(move || {
                let _watch = watch;
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    job();
                }
            })?;
        }
        Ok(Self { jobs, threads: count })
    }

    /// How many computations go on at a time.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Begins a computation.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Computing<T> {
        let (done, computing) = oneshot::channel();
        let job = move || {
            if !done.is_closed() {
                // Who waited may be gone.
                let _ = done.send(work());
            }
        };
        // It fails when all threads have died, which the alarm told.
        let _ = self.jobs.send(Box::new(job));
        computing
    }

    /// Computes something.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.begin(work).await {
            Ok(result) => result,
            // The alarm ends the node.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn computations_end_and_a_panic_raises_the_alarm() {
        let alarm = Alarm::new();
        let pool = Pool::start(&alarm).unwrap();
        assert_eq!(pool.compute(|| 6 * 7).await, 42);
        let lost = pool.begin::<()>(|| panic!("a test of a panic"));
        assert_eq!(alarm.raised().await, "a computation");
        assert!(lost.await.is_err());
    }

    #[tokio::test]
    async fn blocked_lookups_take_no_computation_s_place() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (go_on, wait) = mpsc::channel::<()>();
        let blocked = runtime.spawn_blocking(move || wait.recv().is_err());
        let pool = Pool::start(&Alarm::new()).unwrap();
        assert_eq!(pool.compute(|| 1).await, 1);
        assert!(!blocked.is_finished());
        drop(go_on);
        runtime.shutdown_background();
    }
}
