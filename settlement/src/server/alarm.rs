//! What ends a server: a part of it that ended and without which the rest would wait for ever.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells [`super::Server::run`] that the server cannot go on. Clones are the same alarm.
#[derive(Debug, Clone)]
pub(crate) struct Alarm(Arc<watch::Sender<Option<&'static str>>>);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Says what ended. The first word stays.
    pub(crate) fn raise(&self, what: &'static str) {
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert(what);
            first
        });
    }

    /// Raises the alarm when it is dropped.
    pub(crate) fn when_dropped(&self, what: &'static str) -> WhenDropped {
        WhenDropped { alarm: self.clone(), what }
    }

    /// What was raised.
    pub(crate) fn said(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Waits for the alarm.
    pub(crate) async fn raised(&self) -> &'static str {
        let mut said = self.0.subscribe();
        match said.wait_for(Option::is_some).await.map(|said| *said) {
            Ok(Some(what)) => what,
            // This alarm holds the sender, so there always is one.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Watches the thread or task that holds it.
pub(crate) struct WhenDropped {
    alarm: Alarm,
    what: &'static str,
}

impl Drop for WhenDropped {
    fn drop(&mut self) {
        self.alarm.raise(self.what);
    }
}
