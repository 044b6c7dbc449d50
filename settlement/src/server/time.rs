//! The time, as the server sees it, and whether it may be believed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use auction::spec::Time;

use crate::clock::{ClockGuard, Drifted};

/// Tells the time, by the wall and as it passes.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01 UTC.
    fn now(&self) -> Time;

    /// Milliseconds since some moment, never set, and counted on while the machine is suspended.
    fn passed(&self) -> u64;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        // Before 1970 nothing is good; after the year 584,000,000 nothing is any more.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn passed(&self) -> u64 {
        uptime().unwrap_or_else(|| {
            // Elsewhere than on Linux: a suspend then looks like a clock that was set, and the
            // operator is asked.
            static START: OnceLock<Instant> = OnceLock::new();
            let passed = START.get_or_init(Instant::now).elapsed().as_millis();
            u64::try_from(passed).unwrap_or(u64::MAX)
        })
    }
}

/// Linux tells the time since its start, suspend included (`CLOCK_BOOTTIME`), as seconds with
/// two decimals.
fn uptime() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let (seconds, hundredths): (u64, u64) = (seconds.parse().ok()?, hundredths.parse().ok()?);
    seconds.checked_mul(1000)?.checked_add(hundredths * 10)
}

/// Asked so often at least whether the clock was set, in milliseconds of the wall clock.
const CHECK_EVERY_MS: u64 = 200;

/// The writer's clock: tells the time while it can be believed and the server is alive.
pub(super) struct WriterClock {
    clock: Arc<dyn Clock>,
    guard: ClockGuard,
    checked: Time,
    alive: Arc<AtomicBool>,
    drifted: Arc<OnceLock<Drifted>>,
}

impl WriterClock {
    /// Begins with a clock that is believed at this moment. When `alive` is false it tells no
    /// time any more; when the clock was set, neither, and `drifted` says how.
    pub(super) fn begin(
        clock: Arc<dyn Clock>,
        alive: Arc<AtomicBool>,
        drifted: Arc<OnceLock<Drifted>>,
    ) -> Self {
        let now = clock.now();
        let guard = ClockGuard::begin(now, clock.passed());
        Self { clock, guard, checked: now, alive, drifted }
    }

    pub(super) fn now(&mut self) -> Option<Time> {
        if !self.alive.load(Ordering::Relaxed) {
            return None;
        }
        let now = self.clock.now();
        if now.0.abs_diff(self.checked.0) >= CHECK_EVERY_MS {
            if let Err(drifted) = self.guard.check(now, self.clock.passed()) {
                self.drifted.get_or_init(|| drifted);
                return None;
            }
            self.checked = now;
        }
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    struct Hands(AtomicU64, AtomicU64);

    impl Clock for Hands {
        fn now(&self) -> Time {
            Time(self.0.load(Ordering::Relaxed))
        }

        fn passed(&self) -> u64 {
            self.1.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_clock_that_was_set_tells_no_time_any_more() {
        let hands = Arc::new(Hands(AtomicU64::new(1_000_000), AtomicU64::new(5)));
        let (alive, drifted) = (Arc::new(AtomicBool::new(true)), Arc::new(OnceLock::new()));
        let mut clock = WriterClock::begin(hands.clone(), alive.clone(), drifted.clone());
        assert_eq!(clock.now(), Some(Time(1_000_000)));
        hands.0.store(1_050_000, Ordering::Relaxed);
        assert_eq!(clock.now(), Some(Time(1_050_000)));
        hands.0.store(1_200_000, Ordering::Relaxed);
        hands.1.store(199_005, Ordering::Relaxed);
        assert_eq!(clock.now(), Some(Time(1_200_000)));
        hands.0.store(900_000, Ordering::Relaxed);
        assert_eq!(clock.now(), None);
        assert_eq!(drifted.get().unwrap().shown, Time(900_000));
        alive.store(false, Ordering::Relaxed);
        hands.0.store(1_200_000, Ordering::Relaxed);
        assert_eq!(clock.now(), None);
    }

    #[test]
    fn the_systems_clocks_go_forward() {
        let (wall, passed) = (SystemClock.now(), SystemClock.passed());
        assert!(wall > Time(1_600_000_000_000));
        assert!(SystemClock.passed() >= passed);
    }
}
