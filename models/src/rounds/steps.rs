//! What can happen in the rounds: honest accumulators step by step, dishonest ones as anything
//! that an honest one can be made to hear. Bidders may leave receipts where they like, messages
//! may be late or never come, and nobody is forced to act.

use stateright::{Model, Property};

use crate::check::Told;

use super::lists::{BIDS, List, Mark, every_list, to_show};
use super::node::Node;
use super::questions::{Question, can_show, tell};

/// The rounds of `accumulators` of which some are dishonest.
#[derive(Debug, Clone)]
pub struct Rounds {
    /// How many there are.
    pub accumulators: usize,
    /// Which of them may be dishonest together: each choice is tried.
    pub dishonest: Vec<Vec<usize>>,
    /// What was weakened to see whether the checker notices.
    pub weakness: Option<Weakness>,
    /// What is asked.
    pub question: Question,
}

/// What can be left out of the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// A restarted node has lost what it said, and says something again.
    ForgetsRounds,
    /// A transcript needs no `sigma` message to be complete.
    WithoutSigma,
    /// Only what all lists hold counts: no receipts are shown.
    NothingShown,
}

/// A moment: the honest accumulators; nothing is there of a dishonest one, who can say anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) nodes: Vec<Option<Node>>,
    /// By accumulator: whether it is stopped. What it signed is out all the same.
    stopped: Vec<bool>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An honest accumulator receipts a bid.
    Receipts(usize, usize),
    /// The bidder leaves all receipts with an honest accumulator.
    Completes(usize, usize),
    /// It closes and signs its list.
    Closes(usize),
    /// It takes a list from another.
    Hears(usize, usize, List),
    /// It signs what it has to show, over the lists that it has heard.
    Shows(usize),
    /// It takes from another what that one has to show.
    HearsShown(usize, usize),
    /// It signs the message that binds it to the set.
    Binds(usize),
    /// It restarts and has forgotten the rounds.
    Forgets(usize),
    /// It stops.
    Stops(usize),
    /// It comes back, and remembers all that it has acted on.
    Returns(usize),
}

impl Rounds {
    /// All choices of up to `accumulators - 1` dishonest ones, but for nobody.
    #[must_use]
    pub fn new(accumulators: usize, question: Question) -> Self {
        let chosen = |set: usize| -> Vec<usize> {
            (0..accumulators).filter(|k| set >> k & 1 == 1).collect()
        };
        let dishonest = (1..(1 << accumulators) - 1).map(chosen).collect();
        Self { accumulators, dishonest, weakness: None, question }
    }

    pub(super) fn without_sigma(&self) -> bool {
        self.weakness == Some(Weakness::WithoutSigma)
    }

    pub(super) fn nothing_shown(&self) -> bool {
        self.weakness == Some(Weakness::NothingShown)
    }
}

impl State {
    /// The honest accumulators, with their numbers.
    pub fn honest(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter_map(|(k, node)| Some((k, node.as_ref()?)))
    }

    /// Whether all receipts of a bid exist, or can be made by the dishonest.
    fn all_receipts(&self, bid: usize) -> bool {
        self.honest().all(|(_, node)| node.receipted[bid])
    }

    /// Whether there is something to show over the lists that a node has heard.
    fn shows(node: &Node) -> bool {
        node.history().is_some_and(|history| to_show(&history).iter().any(|bids| !bids.is_empty()))
    }

    /// Whether a node can take from `from` what that one has to show.
    fn can_hear_shown(&self, node: &Node, from: usize) -> bool {
        let Some(history) = node.history() else { return false };
        let has = |(bid, lacking): &(usize, Vec<usize>)| can_show(self, *bid, lacking);
        // A message over another history is not acted on.
        let said = self.nodes[from].as_ref();
        said.is_none_or(|said| said.signed_receipts.contains(&history))
            && to_show(&history)[from].iter().all(has)
    }

    fn steps_of(&self, k: usize, node: &Node, steps: &mut Vec<Step>) {
        if node.list.is_none() {
            for bid in 0..BIDS {
                if !node.receipted[bid] {
                    steps.push(Step::Receipts(k, bid));
                } else if !node.complete[bid] && self.all_receipts(bid) {
                    steps.push(Step::Completes(k, bid));
                }
            }
            steps.push(Step::Closes(k));
            return;
        }
        for (from, other) in self.nodes.iter().enumerate().filter(|(from, _)| *from != k) {
            if node.heard[from].is_none() {
                let lists = match other {
                    Some(other) => other.signed_lists.iter().copied().collect(),
                    None => every_list(),
                };
                steps.extend(lists.into_iter().map(|list| Step::Hears(k, from, list)));
            }
        }
        let Some(history) = node.history() else { return };
        if Self::shows(node) {
            steps.push(Step::Shows(k));
            let others = (0..self.nodes.len()).filter(|from| !node.shown[*from] && *from != k);
            steps.extend(
                others
                    .filter(|from| self.can_hear_shown(node, *from))
                    .map(|from| Step::HearsShown(k, from)),
            );
        }
        let settled = !Self::shows(node) || node.shown.iter().all(|shown| *shown);
        if settled && !node.signed_sigma.contains(&history) {
            steps.push(Step::Binds(k));
        }
    }
}

fn take(node: &mut Node, step: Step) {
    match step {
        Step::Receipts(_, bid) => node.receipted[bid] = true,
        Step::Completes(_, bid) => node.complete[bid] = true,
        Step::Closes(k) => node.close(k),
        Step::Hears(_, from, list) => node.heard[from] = Some(list),
        Step::Shows(k) => {
            node.shown[k] = true;
            node.signed_receipts.extend(node.history());
        }
        Step::HearsShown(_, from) => node.shown[from] = true,
        Step::Binds(_) => node.signed_sigma.extend(node.history()),
        Step::Forgets(_) => node.forget_rounds(),
        Step::Stops(_) | Step::Returns(_) => {}
    }
}

impl Step {
    fn node(self) -> usize {
        match self {
            Self::Receipts(k, _) | Self::Completes(k, _) | Self::Closes(k) => k,
            Self::Hears(k, ..) | Self::Shows(k) | Self::HearsShown(k, _) => k,
            Self::Binds(k) | Self::Forgets(k) | Self::Stops(k) | Self::Returns(k) => k,
        }
    }
}

impl Model for Rounds {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let state = |dishonest: &Vec<usize>| {
            let node = |k| (!dishonest.contains(&k)).then(|| Node::new(self.accumulators));
            State {
                nodes: (0..self.accumulators).map(node).collect(),
                stopped: vec![false; self.accumulators],
            }
        };
        self.dishonest.iter().map(state).collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (k, node) in state.honest() {
            if state.stopped[k] {
                steps.push(Step::Returns(k));
                continue;
            }
            steps.push(Step::Stops(k));
            state.steps_of(k, node, steps);
            if self.weakness == Some(Weakness::ForgetsRounds) && node.list.is_some() {
                steps.push(Step::Forgets(k));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        let k = step.node();
        state.stopped[k] = matches!(step, Step::Stops(_));
        take(state.nodes[k].as_mut()?, step);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the question", |rounds, state| rounds.holds(state))]
    }
}

impl Told for Rounds {
    fn tell_start(&self, state: &State) -> Vec<String> {
        let liar = |(k, node): (usize, &Option<Node>)| {
            node.is_none().then(|| format!("accumulator {k} is dishonest"))
        };
        state.nodes.iter().enumerate().filter_map(liar).collect()
    }

    fn tell(&self, _: &State, step: &Step) -> String {
        match *step {
            Step::Receipts(k, bid) => format!("{k} receipts bid {bid}"),
            Step::Completes(k, bid) => format!("{k} gets all receipts of bid {bid}"),
            Step::Closes(k) => format!("{k} closes and signs its list"),
            Step::Hears(k, from, list) => {
                let says = |(bid, mark): (usize, &Mark)| format!("{} bid {bid}", tell(*mark));
                let says: Vec<String> = list.iter().enumerate().map(says).collect();
                format!("{k} receives the list of {from}, which {}", says.join(" and "))
            }
            Step::Shows(k) => format!("{k} shows the receipts that it has to show"),
            Step::HearsShown(k, from) => format!("{k} receives what {from} has to show"),
            Step::Binds(k) => format!("{k} signs the message that binds it to the set"),
            Step::Forgets(k) => format!("{k} restarts and has forgotten what it said"),
            Step::Stops(k) => format!("{k} stops"),
            Step::Returns(k) => format!("{k} comes back"),
        }
    }

    fn tell_end(&self, state: &State) -> Option<String> {
        Some(self.tell_transcripts(state))
    }
}
