//! Asking the model checker one question at a time, so that what it shows is the shortest
//! counterexample: breadth first, one thread, one property, stop at the first state that is
//! against it.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Model};

/// A model that can tell its runs in words.
pub trait Told: Model {
    /// How a run began; nothing where there is only one way.
    fn tell_start(&self, state: &Self::State) -> Vec<String>;
    /// A step in words.
    fn tell(&self, before: &Self::State, action: &Self::Action) -> String;
    /// What is to be seen in the last state.
    fn tell_end(&self, state: &Self::State) -> Option<String>;
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Different states seen: all there are, unless something was found before.
    pub states: usize,
    /// The shortest run to a state that answers the question, in words.
    pub run: Option<Vec<String>>,
}

impl Finding {
    /// Whether no state answers the question: an invariant holds.
    #[must_use]
    pub fn nothing(&self) -> bool {
        self.run.is_none()
    }
}

/// Looks through all states, breadth first. The model has exactly one property.
///
/// # Panics
/// When the model has more than one property, or none.
pub fn search<M>(model: M) -> Finding
where
    M: Told + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Debug + Send + Sync,
    M::Action: Clone + PartialEq + Debug + Send + Sync,
{
    assert_eq!(model.properties().len(), 1, "one question at a time, or no run is the shortest");
    let checker = model.checker().threads(1).spawn_bfs().join();
    let path = checker.discoveries().into_values().next();
    let run = path.map(|path| {
        let model = checker.model();
        let steps = path.into_vec();
        let start = steps.first().map(|(state, _)| model.tell_start(state)).unwrap_or_default();
        let told = steps
            .iter()
            .filter_map(|(state, action)| action.as_ref().map(|action| model.tell(state, action)));
        let end = steps.last().and_then(|(state, _)| model.tell_end(state));
        start.into_iter().chain(told).chain(end).collect()
    });
    Finding { states: checker.unique_state_count(), run }
}
