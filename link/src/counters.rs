//! How much went over the wire, and how much was refused.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// What an endpoint has counted since it was bound. Bytes are those of frames: without QUIC's
/// own headers, acknowledgements and repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes handed to QUIC, questions and answers together.
    pub bytes_sent: u64,
    /// Bytes received, those of refused frames included.
    pub bytes_received: u64,
    /// Questions answered.
    pub questions_answered: u64,
    /// Questions refused: malformed, too long, too slow, or not answered in time.
    pub questions_refused: u64,
    /// Incoming connections taken after a complete handshake.
    pub connections_accepted: u64,
    /// Incoming connections refused because there were too many.
    pub connections_refused: u64,
}

/// Byte counts of a connection, which flow into those of its endpoint.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
    whole: Option<Arc<Totals>>,
}

/// Counts of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    traffic: Traffic,
    pub(crate) questions_answered: AtomicU64,
    pub(crate) questions_refused: AtomicU64,
    pub(crate) connections_accepted: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
}

impl Traffic {
    pub(crate) fn of(totals: &Arc<Totals>) -> Arc<Self> {
        Arc::new(Self { whole: Some(Arc::clone(totals)), ..Self::default() })
    }

    pub(crate) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
        if let Some(whole) = &self.whole {
            whole.traffic.add_sent(bytes);
        }
    }

    pub(crate) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
        if let Some(whole) = &self.whole {
            whole.traffic.add_received(bytes);
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }
}

impl Totals {
    pub(crate) fn snapshot(&self) -> Counters {
        Counters {
            bytes_sent: self.traffic.sent(),
            bytes_received: self.traffic.received(),
            questions_answered: self.questions_answered.load(Relaxed),
            questions_refused: self.questions_refused.load(Relaxed),
            connections_accepted: self.connections_accepted.load(Relaxed),
            connections_refused: self.connections_refused.load(Relaxed),
        }
    }
}
