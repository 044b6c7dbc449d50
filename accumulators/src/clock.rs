//! The time, as the node sees it.

use std::time::{SystemTime, UNIX_EPOCH};

use auction::spec::Time;

/// Tells the time. A node asks it whenever a rule of time applies, at least every
/// [`crate::limits::LONGEST_NAP`].
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01 UTC.
    fn now(&self) -> Time;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        // Before 1970 nothing is open; after the year 584,000,000 everything is closed.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
