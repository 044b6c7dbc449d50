//! `gavel auction watch`: how an auction goes, until it ends.

use std::ops::ControlFlow;
use std::time::Duration;

use auction::spec::Spec;
use bidder::{MemberState, Patience};
use clap::Args;
use link::service::Phase;
use serde::Serialize;

use crate::arguments::{AuctionId, CommitteeArgument};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::output;
use crate::progress::asking;
use crate::terms::{StateView, claimed_outcome};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "Examples:
  gavel auction watch 5d41...
  gavel auction watch 5d41... && gavel auction export 5d41... --to sale.transcript

A line is printed whenever something changes. Exit code 0 when there is an outcome, 1 when the
auction was stopped or is void.";

/// Arguments of `gavel auction watch`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The auction.
    #[arg(value_name = "ID")]
    auction: AuctionId,
    #[command(flatten)]
    committee: CommitteeArgument,
    /// Print one JSON object a line, whenever something changes.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Change {
    auction: String,
    states: Vec<StateView>,
    /// The outcome that accumulators claim, in words.
    outcome: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let members = arguments.committee.members()?;
    let AuctionId(id) = arguments.auction;
    let mut lines: Vec<String> = Vec::new();
    with_client(Patience::default(), async |client| {
        let auction = asking(client.auction(&members, &id)).await?;
        let spec = auction.spec();
        let mut see = |states: &[MemberState]| match tell(&arguments, spec, states, &mut lines) {
            Ok(()) => ending(states).map_or(ControlFlow::Continue(()), ControlFlow::Break),
            Err(failure) => ControlFlow::Break(Err(failure)),
        };
        client.watch(&spec.accumulators, &id, PAUSE, &mut see).await
    })
    .await
}

/// Prints what has changed since the last look.
fn tell(
    arguments: &Arguments,
    spec: &Spec,
    states: &[MemberState],
    said: &mut Vec<String>,
) -> Result<(), Failure> {
    let views: Vec<StateView> = states.iter().map(StateView::of).collect();
    let claimed = states.iter().filter_map(|member| member.state.as_ref().ok());
    let outcome = claimed.filter_map(|state| claimed_outcome(spec, state)).next();
    if arguments.json {
        let auction = arguments.auction.0.to_string();
        return output::json(&Change { auction, states: views, outcome });
    }
    let mut lines: Vec<String> = views.iter().map(StateView::line).collect();
    lines.extend(outcome.map(|outcome| format!("outcome: {outcome}")));
    for line in lines.iter().filter(|line| !said.contains(line)) {
        output::text(line)?;
    }
    *said = lines;
    Ok(())
}

/// How the auction has ended, once no accumulator that answers still works on it.
fn ending(states: &[MemberState]) -> Option<Result<(), Failure>> {
    let mut stopped = None;
    let (mut done, mut running) = (false, false);
    for phase in states.iter().filter_map(|member| Some(&member.state.as_ref().ok()?.phase)) {
        match phase {
            Phase::Done => done = true,
            Phase::Stopped(reason) => stopped = Some(reason.clone()),
            Phase::Void => stopped = Some("it is void, its last time passed".to_owned()),
            Phase::Joining(_) | Phase::Waiting | Phase::Open | Phase::Closed { .. } => {
                running = true;
            }
        }
    }
    match (done, stopped) {
        // One complete transcript decides, whatever the others say.
        (true, _) if !running => Some(Ok(())),
        (false, Some(reason)) if !running => Some(Err(Failure::NoOutcome(reason))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::service::State;

    fn states(phases: &[Phase]) -> Vec<MemberState> {
        let member = |(accumulator, phase): (usize, &Phase)| MemberState {
            accumulator,
            address: String::new(),
            state: Ok(State {
                phase: phase.clone(),
                bids: 0,
                outcome: None,
                findings: Vec::new(),
                phases: Vec::new(),
            }),
        };
        phases.iter().enumerate().map(member).collect()
    }

    #[test]
    fn it_ends_when_nobody_works_on_it_any_more() {
        let stopped = || Phase::Stopped("accumulator 1 lied".to_owned());
        assert!(ending(&states(&[Phase::Open, Phase::Open])).is_none());
        assert!(ending(&states(&[Phase::Done, Phase::Open])).is_none());
        assert!(matches!(ending(&states(&[Phase::Done, Phase::Done])), Some(Ok(()))));
        assert!(matches!(ending(&states(&[Phase::Done, Phase::Void])), Some(Ok(()))));
        assert!(matches!(ending(&states(&[Phase::Void, stopped()])), Some(Err(_))));
        assert!(ending(&states(&[])).is_none());
    }
}
