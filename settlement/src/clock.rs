//! Whether the wall clock can still be believed: SETTLEMENT, section "Ledger", "Time".

use auction::spec::Time;

/// Most that the wall clock may have drifted in sum since the start, in milliseconds.
pub const MAX_DRIFT_MS: u64 = 60_000;

/// Compares the wall clock with a monotonic one that counts suspend.
#[derive(Debug, Clone, Copy)]
pub struct ClockGuard {
    wall: Time,
    monotonic_ms: u64,
}

/// The wall clock was set, or runs wrongly. Nothing is applied until the operator confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock shows {shown:?} ms, expected about {expected:?} ms: set it, or confirm")]
pub struct Drifted {
    /// What the wall clock shows.
    pub shown: Time,
    /// What it should show by the monotonic clock.
    pub expected: Time,
}

impl ClockGuard {
    /// Begins at the moment of start, or of the operator's confirmation.
    #[must_use]
    pub fn begin(wall: Time, monotonic_ms: u64) -> Self {
        Self { wall, monotonic_ms }
    }

    /// Passes the wall clock's time on, if it has kept pace since the beginning.
    ///
    /// # Errors
    /// [`Drifted`] when it is off by more than [`MAX_DRIFT_MS`], either way.
    pub fn check(&self, wall: Time, monotonic_ms: u64) -> Result<Time, Drifted> {
        let passed = monotonic_ms.saturating_sub(self.monotonic_ms);
        let expected = Time(self.wall.0.saturating_add(passed));
        if wall.0.abs_diff(expected.0) > MAX_DRIFT_MS {
            return Err(Drifted { shown: wall, expected });
        }
        Ok(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_counts_in_sum_since_the_start_and_either_way() {
        let guard = ClockGuard::begin(Time(1_000_000), 500);
        assert_eq!(guard.check(Time(1_000_010), 510), Ok(Time(1_000_010)));
        // A second lost a minute: each step is small, the sum is not.
        assert!(guard.check(Time(1_000_000 + 60_000 * 59), 500 + 60_000 * 60).is_ok());
        assert!(guard.check(Time(1_000_000 + 59_000 * 61), 500 + 60_000 * 61).is_err());
        assert!(guard.check(Time(1_060_000), 500).is_ok());
        assert!(guard.check(Time(1_060_001), 500).is_err());
        assert!(guard.check(Time(940_000), 500).is_ok());
        assert!(guard.check(Time(939_999), 500).is_err());
        // After a suspend both have moved on.
        assert!(guard.check(Time(9_000_000), 8_000_500).is_ok());
    }
}
