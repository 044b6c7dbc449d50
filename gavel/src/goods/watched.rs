//! Work on goods: on a thread of its own, with a bar, and ended in order when interrupted, so
//! that no temporary file with plaintext stays.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use settlement::goods::GoodsError;

use super::failure;
use crate::exit::Failure;
use crate::progress::Counting;
use crate::signals::interrupted;

/// Does `work` on the goods in `path`, of which `total` bytes have to be done.
pub(super) async fn watched<T: Send + 'static>(
    what: &'static str,
    path: &Path,
    total: u64,
    work: impl FnOnce(&mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<T, GoodsError> + Send + 'static,
) -> Result<T, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let mut task = tokio::task::spawn_blocking(move || {
        let bar = Counting::bytes(what, total);
        let mut progress = |done| {
            bar.at(done, total);
            if stopped.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let result = work(&mut progress);
        bar.finish();
        result
    });
    let result = tokio::select! {
        result = &mut task => result,
        () = interrupted() => {
            stop.store(true, Ordering::Relaxed);
            task.await
        }
    };
    match result {
        Ok(result) => result.map_err(|error| failure(path, error)),
        // Nobody aborts it, so it has panicked, and said so.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
