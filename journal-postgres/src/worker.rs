//! A thread that speaks with the database for those that wait for it.
//!
//! The journal waits for its storage as for a disk, also on threads that must not enter a runtime
//! of their own: so the connections live on one thread of this module's.

use std::io;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::trouble::Trouble;

/// The thread; it ends when this is dropped.
pub(crate) struct Worker {
    /// Nothing only while it is being dropped.
    runtime: Option<Runtime>,
}

impl Worker {
    pub(crate) fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).thread_name("database").enable_all();
        Ok(Self { runtime: Some(builder.build()?) })
    }

    /// Has something done, and waits for it, but no longer than `limit`.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Trouble>> + Send + 'static,
    ) -> Result<T, Trouble> {
        let ended = || Trouble::Lost("the thread that speaks with it has ended".to_owned());
        let runtime = self.runtime.as_ref().ok_or_else(ended)?;
        let (done, answer) = sync_channel(1);
        runtime.spawn(async move {
            let answered = tokio::time::timeout(limit, work).await;
            let late = || Trouble::Lost(format!("none within {} ms", limit.as_millis()));
            // Whoever asked may be gone.
            let _ = done.send(answered.unwrap_or_else(|_| Err(late())));
        });
        answer.recv().map_err(|_| ended())?
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping it would wait, which is a panic on a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_waits_within_another_runtime_and_no_longer_than_it_is_told() {
        let worker = Worker::start().unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(worker.wait(second, async { Ok(7) }), Ok(7));
        let never = std::future::pending::<Result<(), Trouble>>();
        let late = worker.wait(Duration::from_millis(1), never);
        assert_eq!(late, Err(Trouble::Lost("none within 1 ms".to_owned())));
        drop(worker);
    }
}
