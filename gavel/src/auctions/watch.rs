//! `gavel auction watch`: how an auction goes, until it ends. Accumulators claim; a verified
//! transcript decides. PROTOCOL section 9.

use std::collections::HashMap;
use std::time::Duration;

use auction::join::Auction;
use auction::layout::Digest;
use auction::spec::{Member, Time};
use auction::transcript::Verdict;
use bidder::{Client, ClientError, MemberState, Patience, Proof};
use clap::Args;
use link::service::Phase;
use serde::Serialize;

use crate::arguments::{AuctionId, CommitteeArgument};
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::progress::{Waiting, asking, note};
use crate::terms::{StateView, in_words};
use crate::{output, payment_terms, time};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a transcript that is said to be there and does not come is asked for.
const TRIES: u32 = 20;
/// After the last time, how long an accumulator that says it still works on the auction is
/// waited for: nothing comes of it any more.
const GRACE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "Examples:
  gavel auction watch 5d41...
  gavel auction watch 5d41... && gavel auction export 5d41... --to sale.transcript

A line is printed whenever something changes. What an accumulator says is its claim: as soon as one
says that the auction is done, the transcript is fetched and verified, and that decides. Exit code
0 when a transcript proves the outcome, 1 when the auction was stopped or is void and nobody has
one.";

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
struct Change<'a> {
    auction: String,
    states: &'a [StateView],
    /// The outcome in words, once a verified transcript proves it.
    outcome: Option<String>,
    verified: bool,
}

/// What has been said so far, and who was asked for his transcript in vain.
struct Watch<'a> {
    arguments: &'a Arguments,
    auction: &'a Auction,
    states: Vec<StateView>,
    said: Vec<String>,
    tries: HashMap<usize, u32>,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let members = arguments.committee.members()?;
    let AuctionId(id) = arguments.auction;
    let watched = with_client(Patience::default(), async |client| {
        let auction = asking(client.auction(&members, &id)).await?;
        let payment = payment_terms::rows(auction.spec(), time::now());
        if !payment.is_empty() {
            note(output::columns(&payment).trim_end());
        }
        let watch = Watch {
            arguments: &arguments,
            auction: &auction,
            states: Vec::new(),
            said: Vec::new(),
            tries: HashMap::new(),
        };
        watch.until_it_ends(client, &auction.spec().accumulators, &id).await
    });
    match watched.await {
        // Nobody reads any more, and nothing is decided.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Said)
        }
        ended => ended,
    }
}

impl Watch<'_> {
    async fn until_it_ends(
        mut self,
        client: &Client,
        members: &[Member],
        id: &Digest,
    ) -> Result<(), Failure> {
        loop {
            let states = client.states(members, id).await;
            self.tell(&states)?;
            for k in self.claimants(&states) {
                let Some(member) = members.get(k) else { continue };
                match verified(client, std::slice::from_ref(member), id).await {
                    Ok(Proof::Outcome { verdict, .. }) => return self.conclude(&verdict),
                    // Not an outcome, whatever it says.
                    Ok(Proof::Fault { fault, .. }) => self.unproved(k, &fault.to_string()),
                    Err(error) => self.not_given(k, &error),
                }
            }
            let claims_left = !self.claimants(&states).is_empty();
            if !claims_left
                && let Some(reason) = ending(&states, self.auction.spec().last, time::now())
            {
                return match verified(client, members, id).await {
                    Ok(Proof::Outcome { verdict, .. }) => self.conclude(&verdict),
                    Ok(Proof::Fault { fault, .. }) => {
                        Err(Failure::NoOutcome(format!("as a transcript proves: {fault}")))
                    }
                    Err(_) => Err(Failure::NoOutcome(reason)),
                };
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The accumulators that say it is done and were not asked in vain too often.
    fn claimants(&self, states: &[MemberState]) -> Vec<usize> {
        let done = |member: &&MemberState| {
            let says = member.state.as_ref().is_ok_and(|state| state.phase == Phase::Done);
            says && self.tries.get(&member.accumulator).is_none_or(|tries| *tries < TRIES)
        };
        states.iter().filter(done).map(|member| member.accumulator).collect()
    }

    fn unproved(&mut self, accumulator: usize, why: &str) {
        self.tries.insert(accumulator, TRIES);
        note(&format!(
            "accumulator {accumulator} claims an outcome, and no transcript of its proves one: {why}"
        ));
    }

    fn not_given(&mut self, accumulator: usize, error: &ClientError) {
        let tries = self.tries.entry(accumulator).or_default();
        *tries += 1;
        let passing = matches!(error, ClientError::NoTranscript { failures, .. }
            if failures.0.iter().all(|one| one.error.is_transient()));
        if !passing || *tries >= TRIES {
            self.unproved(accumulator, &error.to_string());
        }
    }

    /// Prints what has changed since the last look.
    fn tell(&mut self, states: &[MemberState]) -> Result<(), Failure> {
        let currency = &self.auction.spec().currency;
        let views: Vec<StateView> =
            states.iter().map(|state| StateView::of(currency, state)).collect();
        let lines: Vec<String> = views.iter().map(StateView::line).collect();
        let changed = lines != self.said;
        let before = std::mem::replace(&mut self.said, lines);
        self.states = views;
        if self.arguments.json {
            return if changed { self.print(None) } else { Ok(()) };
        }
        for line in self.said.iter().filter(|line| !before.contains(line)) {
            output::text(line)?;
        }
        Ok(())
    }

    /// Says the outcome that a transcript proves.
    fn conclude(&self, verdict: &Verdict) -> Result<(), Failure> {
        let outcome = in_words(&verdict.auction.spec().currency, &verdict.outcome);
        if self.arguments.json {
            return self.print(Some(outcome));
        }
        output::text(&format!("verified by the transcript: {outcome}"))
    }

    fn print(&self, outcome: Option<String>) -> Result<(), Failure> {
        let (auction, verified) = (self.arguments.auction.0.to_string(), outcome.is_some());
        output::json(&Change { auction, states: &self.states, outcome, verified })
    }
}

async fn verified(client: &Client, members: &[Member], id: &Digest) -> Result<Proof, ClientError> {
    let _waiting = Waiting::new("fetching and verifying the transcript");
    client.proof(members, id, |_, _| ()).await
}

/// What is claimed in place of an outcome, once no accumulator that answers still works on the
/// auction. Past the last time by much, the word that it does weighs nothing.
fn ending(states: &[MemberState], last: Time, now: Time) -> Option<String> {
    let over = now > time::later(last, GRACE);
    let mut claims = Vec::new();
    for member in states {
        let k = member.accumulator;
        match member.state.as_ref().map(|state| &state.phase) {
            Ok(Phase::Stopped(reason)) => {
                claims.push(format!("accumulator {k} claims that it was stopped: {reason}"));
            }
            Ok(Phase::Void) => claims.push(format!("accumulator {k} says that it is void")),
            Ok(Phase::Done) => claims.push(format!("accumulator {k} claims an unproved outcome")),
            Ok(Phase::Joining(_) | Phase::Waiting | Phase::Open | Phase::Closed { .. }) if over => {
                claims.push(format!("accumulator {k} still works past the last time"));
            }
            Ok(_) => return None,
            Err(_) => {}
        }
    }
    (!claims.is_empty()).then(|| claims.join("; "))
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
        let at = |now, phases: &[Phase]| ending(&states(phases), Time(1_000), Time(now));
        assert!(at(0, &[Phase::Open, Phase::Open]).is_none());
        assert!(at(0, &[stopped(), Phase::Open]).is_none(), "one liar ends nothing");
        let said = at(0, &[Phase::Void, stopped()]).unwrap();
        assert!(said.contains("accumulator 1 claims that it was stopped: accumulator 1 lied"));
        assert!(at(0, &[]).is_none());
        assert!(at(2_000, &[Phase::Void, Phase::Open]).is_none());
        assert!(at(100_000, &[Phase::Void, Phase::Open]).is_some(), "nobody goes on for ever");
    }
}
