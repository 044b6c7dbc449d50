//! The fastest of several runs, and T, the unit of computation.

use std::time::{Duration, Instant};

/// The shortest of `runs` runs: other programs only ever make one longer.
pub(crate) fn fastest(runs: usize, run: impl FnMut(usize) -> Duration) -> Duration {
    (0..runs.max(1)).map(run).min().unwrap_or_default()
}

/// How long something takes.
pub(crate) fn timed<R>(run: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = run();
    (start.elapsed(), result)
}

/// T as this run has seen it: the shortest of the medians taken between the figures, with one core
/// at work and with all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    one: Duration,
    all: Duration,
}

impl Unit {
    /// Looks for the first time.
    pub(crate) fn new() -> Self {
        Self { one: benches::measure_t(), all: benches::measure_t_on_all_cores() }
    }

    /// Looks again.
    pub(crate) fn look(&mut self) {
        let now = Self::new();
        *self = Self { one: self.one.min(now.one), all: self.all.min(now.all) };
    }

    /// One T in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.one.as_secs_f64()
    }

    /// How many times as long it takes while all cores are at work.
    pub(crate) fn crowding(&self) -> f64 {
        self.all.as_secs_f64() / self.one.as_secs_f64()
    }
}
