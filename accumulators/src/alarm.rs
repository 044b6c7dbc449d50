//! What ends a node: a part of it that died and without which the rest would wait for ever.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells [`crate::Node::run`] that the node cannot go on. Clones are the same alarm.
#[derive(Debug, Clone)]
pub(crate) struct Alarm(Arc<watch::Sender<Option<&'static str>>>);

impl Alarm {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// Says what died. The first word stays.
    pub(crate) fn raise(&self, what: &'static str) {
        tracing::error!(what, "died; the node ends");
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert(what);
            first
        });
    }

    /// Raises the alarm when it is dropped by a panic.
    pub(crate) fn on_panic(&self, what: &'static str) -> OnPanic {
        OnPanic { alarm: self.clone(), what }
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
pub(crate) struct OnPanic {
    alarm: Alarm,
    what: &'static str,
}

impl Drop for OnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.alarm.raise(self.what);
        }
    }
}
