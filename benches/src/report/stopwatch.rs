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

/// T as this run has seen it: the shortest of the medians taken between the figures.
#[derive(Debug, Default)]
pub(crate) struct Unit(Option<Duration>);

impl Unit {
    /// Looks again.
    pub(crate) fn look(&mut self) {
        let now = benches::measure_t();
        self.0 = Some(self.0.map_or(now, |known| known.min(now)));
    }

    /// One T in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.expect("T was measured").as_secs_f64()
    }
}
