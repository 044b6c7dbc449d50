//! Exchanges run in a hostile world, and what is asked of them.
//!
//! The world: a message that was sent may arrive at any time, any number of times, or never, so
//! loss, doubling, reordering and replay are all there. Every party may stop at any moment and
//! come back or not; what it had not flushed is gone. Liars have the moves that their protocol's
//! model gives them beside the honest ones.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use crate::check::Told;
use crate::goods::Content;
use crate::protocol::{Facts, Liars, Party, Protocol};

/// What is asked of every state. The definitions are those of Tygar 1998, section 2.1, made
/// precise enough to be computed.
///
/// A state is *final* when customer and merchant each have nothing left to wait for or are
/// stopped: nothing more need ever happen, whatever is still under way. Since a party may stop at
/// any moment and never come back, every state is followed by a final one with the same facts.
/// A final state is judged after the *reckoning*: who is honest comes back and puts to the server
/// the questions that the protocol lets him put at any time, until nothing new is learned; nobody
/// else does anything. So "gets the goods" means: has them, or needs nobody but the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Money atomicity, section 2.1.1: "without the possibility of the creation or destruction of
    /// money". In every state, final or not, before the reckoning and after: all accounts and all
    /// coins that their holder may rightly take for his add up to what there was, and what left
    /// the customer for this exchange is what reached the merchant.
    MoneyAtomicity,
    /// Goods atomicity, section 2.1.2: "I will receive the good if and only if the money is
    /// transferred". Money atomicity, and in every final state: an honest customer who was
    /// charged gets something for it, and if the customer has the goods, an honest merchant was
    /// paid. Whether the something is what was promised is certified delivery's business, as in
    /// section 4 ("we know that the customer received something in exchange for money").
    GoodsAtomicity,
    /// Certified delivery, section 2.1.3: goods atomicity, and "both a merchant and a customer
    /// \[can\] prove exactly which goods were delivered". In every final state in which money
    /// moved: an honest side can make a judge find what was delivered and nothing else, and a
    /// liar can make him find nothing else.
    CertifiedDelivery,
    /// Only the part of certified delivery that is about proof.
    Proof,
    /// No merchant fraud, sections 3.3 and 3.4: an honest customer is never charged more than she
    /// agreed to, in any state.
    OnlyWhatWasAgreed,
    /// Beyond the papers: where money moved, the key on record is the one that the goods were
    /// encrypted under.
    KeyFits,
    /// Beside section 2.2: an honest customer is never accused of fraud.
    NobodyHonestAccused,
    /// Not a property but a search: for the shortest run in which the exchange succeeds.
    Success,
}

/// A protocol, who may lie in it, and what is asked.
#[derive(Debug, Clone)]
pub struct Run<P> {
    /// The protocol.
    pub protocol: P,
    /// Every combination of liars that is tried.
    pub liars: Vec<Liars>,
    /// What is asked.
    pub question: Question,
}

/// A moment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State<M: Ord, R> {
    liars: Liars,
    /// By party: whether it is stopped.
    stopped: [bool; 3],
    /// Everything that was ever sent: it may arrive at any time, and again.
    sent: BTreeSet<M>,
    memory: R,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<M, W> {
    /// A message arrives.
    Arrives(M),
    /// A party does something unasked.
    Does(Party, W),
    /// A party stops.
    Stops(Party),
    /// It comes back.
    Returns(Party),
}

type StateOf<P> = State<<P as Protocol>::Message, <P as Protocol>::Memory>;

impl<P: Protocol> Run<P> {
    /// A run with all combinations of liars.
    #[must_use]
    pub fn new(protocol: P, question: Question) -> Self {
        Self { protocol, liars: Liars::ALL.to_vec(), question }
    }

    /// A run in which everybody keeps to the protocol.
    #[must_use]
    pub fn honest(protocol: P, question: Question) -> Self {
        Self { protocol, liars: vec![Liars::NONE], question }
    }

    /// Whether a state is as the question wants it.
    fn holds(&self, state: &StateOf<P>) -> bool {
        let liars = state.liars;
        let before = self.protocol.facts(&state.memory, liars);
        let reckoned = self.reckoning(state);
        let after = self.protocol.facts(&reckoned, liars);
        let money = conserves(&before) && conserves(&after);
        let closed = self.is_final(state);
        let goods = money && (!closed || exchanged(&after, liars));
        let proof = !closed || proves(&after, liars);
        match self.question {
            Question::MoneyAtomicity => money,
            Question::GoodsAtomicity => goods,
            Question::CertifiedDelivery => goods && proof,
            Question::Proof => proof,
            Question::OnlyWhatWasAgreed => {
                liars.customer || before.charged.max(after.charged) <= after.agreed
            }
            Question::KeyFits => !(after.wrong_key && after.charged > 0),
            Question::NobodyHonestAccused => !after.accused,
            Question::Success => {
                let done = |party| self.protocol.is_done(&state.memory, party);
                !(done(Party::Customer)
                    && done(Party::Merchant)
                    && before.credited > 0
                    && before.received == Some(Content::Good))
            }
        }
    }

    fn is_final(&self, state: &StateOf<P>) -> bool {
        let ended = |party: Party| {
            state.stopped[party as usize] || self.protocol.is_done(&state.memory, party)
        };
        ended(Party::Customer) && ended(Party::Merchant)
    }

    /// What all remember once everybody honest has asked the server all that he can.
    fn reckoning(&self, state: &StateOf<P>) -> P::Memory {
        let mut memory = state.memory.clone();
        if state.stopped[Party::Server as usize] {
            self.protocol.forget(&mut memory, Party::Server);
        }
        loop {
            let before = memory.clone();
            for party in [Party::Customer, Party::Merchant] {
                if state.liars.includes(party) {
                    continue;
                }
                for question in self.protocol.questions(&memory, party) {
                    for answer in self.protocol.receive(&mut memory, question) {
                        if self.protocol.addressee(answer) == party {
                            // What he would send on does not count: nobody else does anything.
                            let _ = self.protocol.receive(&mut memory, answer);
                        }
                    }
                }
            }
            if memory == before {
                return memory;
            }
        }
    }
}

/// No money is made or lost, and it goes from one to the other whole.
fn conserves(facts: &Facts) -> bool {
    facts.money_made == 0 && facts.charged == facts.credited
}

/// The goods if and only if the money, for whoever is honest.
fn exchanged(facts: &Facts, liars: Liars) -> bool {
    let paid_for_nothing = facts.charged > 0 && facts.received.is_none();
    let got_for_nothing = facts.received.is_some() && facts.credited == 0;
    (liars.customer || !paid_for_nothing) && (liars.merchant || !got_for_nothing)
}

/// The honest can prove what was delivered, and liars nothing else.
fn proves(facts: &Facts, liars: Liars) -> bool {
    let Some(truth) = facts.received.filter(|_| facts.charged > 0) else { return true };
    let sound = |proved: &[Content], lies: bool| {
        (lies || proved.contains(&truth)) && proved.iter().all(|content| *content == truth)
    };
    // With two liars there is nobody to protect.
    (liars.customer && liars.merchant)
        || (sound(&facts.customer_proves, liars.customer)
            && sound(&facts.merchant_proves, liars.merchant))
}

impl<P: Protocol> Model for Run<P> {
    type State = StateOf<P>;
    type Action = Step<P::Message, P::Move>;

    fn init_states(&self) -> Vec<Self::State> {
        let begun = |liars: &Liars| {
            let liars = *liars;
            let memories = self.protocol.begin(liars).into_iter();
            memories.map(move |memory| State {
                liars,
                stopped: [false; 3],
                sent: BTreeSet::new(),
                memory,
            })
        };
        // The checker takes the last one first: of equally short runs it shows the honest one.
        let mut states: Vec<_> = self.liars.iter().flat_map(begun).collect();
        states.reverse();
        states
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        let up = |party: Party| !state.stopped[party as usize];
        let unsent = self.protocol.at_any_time(&state.memory, state.liars);
        let unsent = unsent.iter().filter(|message| !state.sent.contains(message));
        for message in state.sent.iter().chain(unsent) {
            if up(self.protocol.addressee(*message)) {
                actions.push(Step::Arrives(*message));
            }
        }
        for (party, what) in self.protocol.moves(&state.memory, state.liars) {
            if up(party) {
                actions.push(Step::Does(party, what));
            }
        }
        for party in Party::ALL {
            actions.push(if up(party) { Step::Stops(party) } else { Step::Returns(party) });
        }
    }

    fn next_state(&self, last: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = last.clone();
        match action {
            Step::Arrives(message) => {
                next.sent.extend(self.protocol.receive(&mut next.memory, message));
            }
            Step::Does(_, what) => next.sent.extend(self.protocol.make(&mut next.memory, what)),
            Step::Stops(party) => {
                next.stopped[party as usize] = true;
                self.protocol.forget(&mut next.memory, party);
            }
            Step::Returns(party) => next.stopped[party as usize] = false,
        }
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the question", |run, state| run.holds(state))]
    }
}

impl<P: Protocol> Told for Run<P> {
    fn tell_start(&self, state: &Self::State) -> Vec<String> {
        self.protocol.tell_beginning(&state.memory)
    }

    fn tell(&self, before: &Self::State, action: &Self::Action) -> String {
        match action {
            Step::Arrives(message) => {
                let to = self.protocol.addressee(*message);
                let mut after = before.memory.clone();
                let _ = self.protocol.receive(&mut after, *message);
                let paid = |memory| self.protocol.facts(memory, before.liars).charged;
                let moves = to == Party::Server && paid(&after) > paid(&before.memory);
                let then = if moves { " and moves the money" } else { "" };
                let what = self.protocol.tell_message(*message);
                format!("{} receives {what}{then}", to.name())
            }
            Step::Does(party, what) => {
                format!("{} {}", party.name(), self.protocol.tell_move(*what))
            }
            Step::Stops(party) => format!("{} stops", party.name()),
            Step::Returns(party) => format!("{} comes back", party.name()),
        }
    }

    fn tell_end(&self, state: &Self::State) -> Option<String> {
        let facts = self.protocol.facts(&self.reckoning(state), state.liars);
        let has = match facts.received {
            None => "nothing",
            Some(Content::Good) => "the goods",
            Some(Content::Garbage) => "garbage",
        };
        let (charged, credited) = (facts.charged, facts.credited);
        Some(format!(
            "in the end the customer has paid {charged} and has {has}, the merchant has got {credited}"
        ))
    }
}

/// How many messages arrive in a run told in words.
#[must_use]
pub fn messages(run: &[String]) -> usize {
    run.iter().map(|step| step.matches(" receive").count()).sum()
}
