//! Long arithmetic and waiting for the disk, away from the tasks that wait for the network.

/// Does `work` on a thread of its own; a panic in it goes on here.
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
