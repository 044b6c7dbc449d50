//! Watching an auction from outside.

use std::ops::ControlFlow;
use std::time::Duration;

use auction::layout::Digest;
use auction::spec::Member;
use link::service::{Answer, Phase, Question, State};
use tokio::time::sleep;

use super::{Client, unexpected};
use crate::error::MemberError;
use crate::text::printable;

/// Findings and phase reports of one accumulator that are kept.
const MAX_ITEMS: usize = 100;

/// How an auction stands at one accumulator, in its own words, which nobody has signed: only the
/// transcript proves an outcome.
#[derive(Debug)]
pub struct MemberState {
    /// Its number: its place in the list of accumulators asked, from 0.
    pub accumulator: usize,
    /// Where it was asked.
    pub address: String,
    /// What it says.
    pub state: Result<State, MemberError>,
}

impl Client {
    /// How the auction stands at each of `members`, asked side by side, in their order.
    pub async fn states(&self, members: &[Member], id: &Digest) -> Vec<MemberState> {
        let deadline = self.patience().answer;
        let mut answers = self.ask_all(members, |_| Some(Question::State(*id)), deadline);
        let mut states = Vec::with_capacity(members.len());
        while let Some((accumulator, answer)) = answers.next().await {
            let state = match answer {
                Ok(Answer::State(state)) => Ok(tidy(*state)),
                Ok(other) => Err(unexpected(&other, "state").into()),
                Err(error) => Err(error),
            };
            let address = members.get(accumulator).map(|member| printable(&member.address));
            states.push(MemberState { accumulator, address: address.unwrap_or_default(), state });
        }
        states.sort_by_key(|state| state.accumulator);
        states
    }

    /// Looks at the auction every `pause` and shows `see` all states whenever one has changed,
    /// until `see` breaks.
    pub async fn watch<T>(
        &self,
        members: &[Member],
        id: &Digest,
        pause: Duration,
        mut see: impl FnMut(&[MemberState]) -> ControlFlow<T> + Send,
    ) -> T {
        let mut seen = None;
        loop {
            let states = self.states(members, id).await;
            let said: Vec<Result<State, String>> = states
                .iter()
                .map(|state| state.state.as_ref().map_err(ToString::to_string).cloned())
                .collect();
            if seen.as_ref() != Some(&said) {
                if let ControlFlow::Break(done) = see(&states) {
                    return done;
                }
                seen = Some(said);
            }
            sleep(pause).await;
        }
    }
}

/// Words of an accumulator, limited and safe to print.
fn tidy(mut state: State) -> State {
    match &mut state.phase {
        Phase::Closed { step, .. } => *step = printable(step),
        Phase::Stopped(reason) => *reason = printable(reason),
        Phase::Joining(_) | Phase::Waiting | Phase::Open | Phase::Done | Phase::Void => {}
    }
    state.findings.truncate(MAX_ITEMS);
    state.findings.iter_mut().for_each(|finding| *finding = printable(finding));
    state.phases.truncate(MAX_ITEMS);
    state.phases.iter_mut().for_each(|report| report.phase = printable(&report.phase));
    state
}
