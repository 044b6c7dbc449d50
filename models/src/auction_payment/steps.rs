//! What can happen next.

use stateright::{Model, Property};

use crate::check::Told;

use super::questions::Question;
use super::server::{Op, Verdict};
use super::setting::{Bidder, Phase, outcome_of};
use super::world::{Liars, Message, Party, Weakness, World};

/// The payment of one auction, who may lie, and what is asked.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Who may lie.
    pub liars: Liars,
    /// What was weakened to see whether the checker notices.
    pub weakness: Option<Weakness>,
    /// What is asked.
    pub question: Question,
}

/// One thing that happens. A party that comes back remembers all that it acted on, since each
/// flushes before it sends; what had arrived and was not flushed is as if it had not arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A message arrives.
    Arrives(Message),
    /// The seller deposits the goods key.
    Deposits,
    /// A lying seller deposits another key than the one that the spec names.
    DepositsAnother,
    /// The seller announces the auction with the escrow receipt, and the accumulators join.
    Join,
    /// A bidder orders a bond.
    Orders(Bidder),
    /// A lying bidder's second order for the same key arrives.
    OrdersAgain(Bidder),
    /// A bidder bids.
    Bids(Bidder),
    /// The accumulators run the rounds up to the last message.
    Compute,
    /// The last message is sent: the transcript is complete, and everybody reads it.
    Complete,
    /// The server looks whether V has come.
    Voids,
    /// The server releases what is left of the bonds.
    Releases,
    /// A bidder asks for the goods key, and gets what the server gives.
    Asks(Bidder),
    /// A lying bidder tries to spend his money elsewhere.
    Spends(Bidder),
    /// A lying bidder tries to void his own bond.
    VoidsBond(Bidder),
    /// A lying bidder tries to cancel his bond's id.
    CancelsBond(Bidder),
    /// A lying seller tries to stop the sale.
    SellerCancels,
    /// The seller hands the key over: only where he keeps it.
    HandsKeyOver,
    /// Time passes.
    Passes,
    /// A party stops.
    Stops(Party),
    /// It comes back.
    Returns(Party),
}

impl Step {
    /// Whether a party must be there for it. What a liar asks of the server may have been sent
    /// before he stopped, so it needs the server alone.
    fn needs(self, party: Party) -> bool {
        match self {
            Self::Arrives(message) => party == message.receiver(),
            Self::Deposits | Self::HandsKeyOver => party == Party::Seller,
            Self::Join => matches!(party, Party::Seller | Party::Accumulators),
            Self::Orders(bidder) | Self::Bids(bidder) => party == Party::of(bidder),
            Self::Asks(bidder) => party == Party::of(bidder) || party == Party::Server,
            Self::Compute | Self::Complete => party == Party::Accumulators,
            Self::DepositsAnother
            | Self::OrdersAgain(_)
            | Self::Spends(_)
            | Self::VoidsBond(_)
            | Self::CancelsBond(_)
            | Self::SellerCancels
            | Self::Voids
            | Self::Releases => party == Party::Server,
            Self::Passes | Self::Stops(_) | Self::Returns(_) => false,
        }
    }
}

impl Payment {
    /// A payment in which everybody may lie.
    #[must_use]
    pub fn new(question: Question) -> Self {
        Self { liars: Liars::ALL, weakness: None, question }
    }

    pub(super) fn lacks(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    fn arrives(&self, world: &mut World, message: Message) {
        let phase = world.phase;
        match message {
            Message::Deposit => {
                world.server.act(phase, Op::Deposit { right: true });
                if world.server.view().registered {
                    world.send(Message::Receipt);
                }
            }
            Message::Receipt => world.has_receipt = true,
            Message::Order(bidder) => {
                if !self.lacks(Weakness::NoBond) {
                    world.server.act(phase, Op::Bond(bidder, 0));
                }
                let bonded = world.server.view().bonded[bidder as usize];
                if bonded || (self.lacks(Weakness::NoBond) && phase == Phase::Open) {
                    world.send(Message::Ticket(bidder));
                }
            }
            Message::Ticket(bidder) => world.ticket[bidder as usize] = true,
            // No bid counts that comes after closing.
            Message::Bid(bidder) => world.book[bidder as usize] |= phase == Phase::Open,
            Message::Transcript => {
                if !self.lacks(Weakness::KeyWithSeller) || world.key_handed_over {
                    world.server.act(phase, Op::Transcript(world.book));
                }
            }
        }
    }

    /// Whether the server gives the goods key to a bidder who asks.
    pub(super) fn gives_key(&self, world: &World, bidder: Bidder) -> bool {
        let early = self.lacks(Weakness::KeyOnTranscript)
            && world.out
            && outcome_of(world.book).is_some_and(|(winner, _)| winner == bidder);
        let sold = matches!(
            world.server.view().decided,
            Some(Verdict::Sale { winner, key: true, .. }) if winner == bidder
        );
        early || sold
    }

    fn acts(&self, world: &mut World, step: Step) {
        let phase = world.phase;
        let server = &mut world.server;
        match step {
            Step::DepositsAnother => server.act(phase, Op::Deposit { right: false }),
            Step::OrdersAgain(bidder) => server.act(phase, Op::Bond(bidder, 1)),
            Step::Voids => server.act(phase, Op::Void),
            Step::Releases => server.act(phase, Op::Release),
            Step::Spends(bidder) => {
                let before = server.view().shop;
                server.act(phase, Op::Spend(bidder));
                world.spent[bidder as usize] |= server.view().shop > before;
            }
            Step::VoidsBond(bidder) => server.act(phase, Op::VoidBond(bidder)),
            Step::CancelsBond(bidder) => server.act(phase, Op::CancelBond(bidder)),
            Step::SellerCancels if self.lacks(Weakness::SellerMayCancel) => {
                // As if V had come.
                server.act(Phase::Void, Op::Void);
            }
            Step::SellerCancels => server.act(phase, Op::CancelDecision),
            _ => {}
        }
    }
}

impl Model for Payment {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.liars)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        steps.extend(world.sent().map(Step::Arrives));
        let World { liars, phase, .. } = *world;
        let open = phase == Phase::Open;
        let mut add = |can: bool, step| {
            if can {
                steps.push(step);
            }
        };
        add(open && !world.has_receipt, Step::Deposits);
        add(open && liars.seller, Step::DepositsAnother);
        // Accumulators join only with the server's receipt, which the seller has put to the spec.
        add(open && world.has_receipt && !world.joined, Step::Join);
        for bidder in Bidder::ALL {
            let i = bidder as usize;
            let lies = liars.bidder && bidder == Bidder::A && world.joined;
            add(open && world.joined && !world.ordered[i], Step::Orders(bidder));
            add(open && lies, Step::OrdersAgain(bidder));
            add(open && world.ticket[i], Step::Bids(bidder));
            add(lies && !world.spent[i], Step::Spends(bidder));
            add(lies, Step::VoidsBond(bidder));
            add(lies, Step::CancelsBond(bidder));
            add(world.book[i] && !open && !world.has_key[i], Step::Asks(bidder));
        }
        add(!open && world.joined && !world.computed, Step::Compute);
        // No round message is made after the last time, except by a liar.
        let may_complete = phase == Phase::Closed || liars.accumulator;
        add(world.computed && may_complete && !world.out, Step::Complete);
        add(!open && liars.seller, Step::SellerCancels);
        let keeps = self.lacks(Weakness::KeyWithSeller);
        add(keeps && world.out && !world.key_handed_over, Step::HandsKeyOver);
        steps.extend([Step::Voids, Step::Releases, Step::Passes]);
        let stopped = Party::ALL.map(|party| (party, world.is_stopped(party)));
        steps.retain(|step| !stopped.iter().any(|(party, stopped)| *stopped && step.needs(*party)));
        steps.extend(stopped.map(|(party, stopped)| match stopped {
            true => Step::Returns(party),
            false => Step::Stops(party),
        }));
    }

    fn next_state(&self, last: &World, step: Step) -> Option<World> {
        let mut world = *last;
        match step {
            Step::Arrives(message) => self.arrives(&mut world, message),
            Step::Deposits => {
                world.send(Message::Deposit);
            }
            Step::Join => world.joined = true,
            Step::Orders(bidder) => {
                world.ordered[bidder as usize] = true;
                world.send(Message::Order(bidder));
            }
            Step::Bids(bidder) => {
                world.send(Message::Bid(bidder));
            }
            Step::Compute => world.computed = true,
            Step::Complete => {
                world.out = true;
                world.send(Message::Transcript);
            }
            Step::Asks(bidder) => world.has_key[bidder as usize] |= self.gives_key(&world, bidder),
            Step::HandsKeyOver => world.key_handed_over = true,
            Step::Passes => world.phase = last.phase.next()?,
            Step::Stops(party) => world.stop(party, true),
            Step::Returns(party) => world.stop(party, false),
            other => self.acts(&mut world, other),
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("the question", |payment, world| payment.holds(world))]
    }
}

impl Told for Payment {
    fn tell_start(&self, _: &World) -> Vec<String> {
        vec![]
    }

    fn tell(&self, before: &World, step: &Step) -> String {
        let after = self.next_state(before, *step);
        let decided = |world: &World| world.server.view().decided;
        let news = after.as_ref().filter(|after| decided(after) != decided(before));
        let then = match news.and_then(decided) {
            None => "",
            Some(Verdict::Sale { .. }) => ": sold, paid from the bond, the key released",
            Some(Verdict::NoSale) => ": no sale",
            Some(Verdict::Void) => ": the auction is void",
        };
        format!("{}{then}", tell(*step))
    }

    fn tell_end(&self, world: &World) -> Option<String> {
        let view = world.server.view();
        let decided = match view.decided {
            None => "nothing decided",
            Some(Verdict::Sale { .. }) => "sold",
            Some(Verdict::NoSale) => "no sale",
            Some(Verdict::Void) => "void",
        };
        let [a, b] = Bidder::ALL.map(|bidder| world.charged(&view, bidder));
        Some(format!(
            "in the end: {decided}; A has paid {a}, B {b}; the seller has got {}",
            view.seller
        ))
    }
}

fn tell(step: Step) -> String {
    let said = match step {
        Step::Arrives(message) => return tell_message(message),
        Step::Orders(bidder) => return format!("{bidder:?} orders a bond"),
        Step::OrdersAgain(bidder) => return format!("{bidder:?} orders a second bond"),
        Step::Bids(bidder) => return format!("{bidder:?} bids"),
        Step::Asks(bidder) => {
            return format!(
                "the server receives {bidder:?}'s question, and he receives the goods key"
            );
        }
        Step::Spends(bidder) => return format!("{bidder:?} spends his money at a shop"),
        Step::VoidsBond(bidder) => return format!("{bidder:?} tries to void his own bond"),
        Step::CancelsBond(bidder) => return format!("{bidder:?} tries to cancel his bond"),
        Step::Stops(party) => return format!("{} stops", tell_party(party)),
        Step::Returns(party) => return format!("{} comes back", tell_party(party)),
        Step::Deposits => "the seller sends the goods key to the server",
        Step::DepositsAnother => "the seller sends another key to the server",
        Step::Join => "the seller announces the auction, and the accumulators join",
        Step::Compute => {
            "the accumulators run the rounds; one of them holds its last message back and knows \
             the price"
        }
        Step::Complete => "the last message is sent, and everybody reads the price",
        Step::Voids => "the server looks at the clock",
        Step::Releases => "the server releases the bonds that are left",
        Step::SellerCancels => "the seller tries to call the auction off",
        Step::HandsKeyOver => "the seller hands the goods key over",
        Step::Passes => "time passes to the next phase",
    };
    said.to_owned()
}

fn tell_party(party: Party) -> &'static str {
    match party {
        Party::Seller => "the seller",
        Party::A => "A",
        Party::B => "B",
        Party::Server => "the server",
        Party::Accumulators => "one of the accumulators",
    }
}

fn tell_message(message: Message) -> String {
    match message {
        Message::Deposit => "the server receives the seller's key".to_owned(),
        Message::Receipt => "the seller receives the escrow receipt".to_owned(),
        Message::Order(bidder) => format!("the server receives {bidder:?}'s order for a bond"),
        Message::Ticket(bidder) => format!("{bidder:?} receives the ticket"),
        Message::Bid(bidder) => format!("the accumulators receive {bidder:?}'s bid"),
        Message::Transcript => "the server receives the transcript".to_owned(),
    }
}
