//! What each phase of the demonstration took, in time and in bytes.

use std::time::Duration;

use bidder::MemberState;
use link::service::{Phase, State};
use serde::{Serialize, Serializer};

/// The phases that accumulators report, in their order.
const REPORTED: [&str; 4] = ["set", "price", "winner", "outcome"];

/// What a phase took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) phase: &'static str,
    /// The longest of all accumulators.
    pub(crate) time: Duration,
    /// Sent by all together; `None` where nothing is sent.
    pub(crate) bytes: Option<u64>,
}

/// The phases so far.
#[derive(Debug, Default)]
pub(crate) struct Phases(Vec<Taken>);

impl Phases {
    /// Adds a phase.
    pub(crate) fn add(&mut self, phase: &'static str, time: Duration, bytes: Option<u64>) -> Taken {
        let taken = Taken { phase, time, bytes };
        self.0.push(taken);
        taken
    }

    /// Adds the phases that all accumulators have finished and that are not there yet; returns
    /// them.
    pub(crate) fn add_reported(&mut self, states: &[MemberState]) -> Vec<Taken> {
        let Some(states) =
            states.iter().map(|member| member.state.as_ref().ok()).collect::<Option<Vec<&State>>>()
        else {
            return Vec::new();
        };
        let known = |phase: &str| self.0.iter().any(|taken| taken.phase == phase);
        let new: Vec<Taken> = REPORTED
            .into_iter()
            .filter(|phase| !known(phase) && states.iter().all(|state| is_over(state, phase)))
            .map(|phase| together(&states, phase))
            .collect();
        self.0.extend(&new);
        new
    }

    /// All phases in their order.
    pub(crate) fn all(&self) -> &[Taken] {
        &self.0
    }

    /// Seconds by phase, and in all.
    pub(crate) fn seconds(&self, total: Duration) -> InOrder<f64> {
        let named = self.0.iter().map(|taken| (taken.phase, taken.time));
        InOrder(
            named.chain([("total", total)]).map(|(phase, time)| (phase, seconds(time))).collect(),
        )
    }

    /// Bytes by phase, and in all.
    pub(crate) fn bytes(&self) -> InOrder<u64> {
        let named = self.0.iter().filter_map(|taken| Some((taken.phase, taken.bytes?)));
        let total = named.clone().map(|(_, bytes)| bytes).sum();
        InOrder(named.chain([("total", total)]).collect())
    }
}

/// A number by phase; a JSON object in the order of the phases.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InOrder<T>(Vec<(&'static str, T)>);

impl<T: Serialize> Serialize for InOrder<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(phase, number)| (phase, number)))
    }
}

/// Whole microseconds, in seconds.
fn seconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// Whether a phase is over at an accumulator: a later one has begun, or all are over.
fn is_over(state: &State, phase: &str) -> bool {
    let place = REPORTED.iter().position(|name| *name == phase);
    let later = state
        .phases
        .iter()
        .any(|report| REPORTED.iter().position(|name| *name == report.phase) > place);
    later || state.phase == Phase::Done
}

fn together(states: &[&State], phase: &'static str) -> Taken {
    let reports = || states.iter().flat_map(|state| &state.phases).filter(|r| r.phase == phase);
    let micros = reports().map(|report| report.micros).max().unwrap_or(0);
    let bytes = reports().map(|report| report.bytes).sum();
    Taken { phase, time: Duration::from_micros(micros), bytes: Some(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::service::PhaseReport;

    fn member(phase: Phase, phases: &[(&str, u64, u64)]) -> MemberState {
        let report = |(phase, micros, bytes): &(&str, u64, u64)| PhaseReport {
            phase: (*phase).to_owned(),
            micros: *micros,
            bytes: *bytes,
        };
        let phases = phases.iter().map(report).collect();
        let state = State { phase, bids: 2, outcome: None, findings: Vec::new(), phases };
        MemberState { accumulator: 0, address: String::new(), state: Ok(state) }
    }

    #[test]
    fn a_phase_is_taken_over_once_all_have_finished_it() {
        let mut phases = Phases::default();
        let rounds = || Phase::Closed { round: 2, step: String::new(), waiting_for: Vec::new() };
        let first = member(rounds(), &[("bids", 9, 9), ("set", 10, 100), ("price", 5, 1)]);
        let behind = member(rounds(), &[("set", 30, 50)]);
        assert_eq!(phases.add_reported(&[first, behind]), []);
        let first = || member(Phase::Done, &[("set", 10, 100), ("price", 5, 1)]);
        let second = member(rounds(), &[("set", 30, 50), ("price", 7, 2)]);
        let set = Taken { phase: "set", time: Duration::from_micros(30), bytes: Some(150) };
        assert_eq!(phases.add_reported(&[first(), second]), [set]);
        let second = member(Phase::Done, &[("set", 30, 50), ("price", 8, 2)]);
        let rest = phases.add_reported(&[first(), second]);
        assert_eq!(
            rest.iter().map(|taken| taken.phase).collect::<Vec<_>>(),
            ["price", "winner", "outcome"]
        );
        assert_eq!(rest[0].time, Duration::from_micros(8));
        assert_eq!(rest[2].bytes, Some(0));
    }

    #[test]
    fn totals_are_added_up() {
        let mut phases = Phases::default();
        phases.add("seal", Duration::from_millis(1500), None);
        phases.add("submit", Duration::from_micros(1), Some(7));
        let seconds = serde_json::to_string(&phases.seconds(Duration::from_secs(2))).unwrap();
        assert_eq!(seconds, r#"{"seal":1.5,"submit":1e-6,"total":2.0}"#);
        let bytes = serde_json::to_string(&phases.bytes()).unwrap();
        assert_eq!(bytes, r#"{"submit":7,"total":7}"#);
    }
}
