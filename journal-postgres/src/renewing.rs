//! A thread that keeps the lease fresh while nothing is written.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};

use crate::shared::Shared;

/// The thread; it ends when this is dropped, or the lease is lost.
pub(crate) struct Renewing {
    /// Dropped, it wakes the thread.
    _alive: Sender<()>,
}

impl Renewing {
    pub(crate) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let (alive, ended) = channel::<()>();
        let (shared, every) = (Arc::downgrade(shared), shared.times.lease / 3);
        let work = move || {
            while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) && renewed(&shared) {}
        };
        std::thread::Builder::new().name("lease".to_owned()).spawn(work)?;
        Ok(Self { _alive: alive })
    }
}

/// Renews it, if anybody still needs it.
fn renewed(shared: &Weak<Shared>) -> bool {
    shared.upgrade().is_some_and(|shared| shared.renew().is_ok())
}
