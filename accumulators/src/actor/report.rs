//! What each phase took.

use std::time::Instant;

use auction::layout::Digest;
use auction::step::{Shown, Step};
use link::service::PhaseReport;

/// Measures the phases after closing.
pub(super) struct Reporter {
    done: Vec<PhaseReport>,
    phase: &'static str,
    since: Instant,
    bytes: u64,
}

impl Reporter {
    /// Begins with phase `set`, after the reports that there are.
    pub(super) fn new(done: Vec<PhaseReport>) -> Self {
        Self { done, phase: "set", since: Instant::now(), bytes: 0 }
    }

    /// Counts bytes sent to fellows.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Notes the step that is due, and reports the phase that it ends.
    pub(super) fn step(&mut self, auction: Digest, step: &Step) {
        let phase = match step {
            Step::List | Step::Receipts { .. } => "set",
            Step::Show { shown: Some(Shown::Blocks { .. }), .. } => "winner",
            Step::Show { .. } => "price",
            // Tests belong to the search that asks them.
            Step::Multiply(_) | Step::Blind(_) | Step::Open(_) => self.phase,
            Step::Outcome(_) => "outcome",
            Step::Complete => "",
        };
        if phase == self.phase {
            return;
        }
        let report = PhaseReport {
            phase: self.phase.to_owned(),
            micros: u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX),
            bytes: self.bytes,
        };
        (self.phase, self.since, self.bytes) = (phase, Instant::now(), 0);
        let PhaseReport { phase, micros, bytes } = &report;
        tracing::info!(%auction, phase, micros, bytes, "phase complete");
        self.done.push(report);
    }

    /// All reports so far.
    pub(super) fn reports(&self) -> &[PhaseReport] {
        &self.done
    }
}
