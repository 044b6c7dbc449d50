//! Random words at random times, with kills between, against a plain account of the same events.

use auction::money::Amount;
use auction::physical_terms::Side;
use proptest::prelude::*;
use settlement::auctions::physical::Saying;
use settlement::ledger::Code;

use crate::world::World;
use crate::world::physical::{FEE, PRICE, T2, T3, T4, paid, sold};

/// Where something is decided, and the milliseconds around it.
const MOMENTS: [u64; 14] = [
    6_000,
    7_000,
    T2 - 1,
    T2,
    T2 + 1,
    T3 - 1,
    T3,
    T3 + 1,
    T4 - 1,
    T4,
    T4 + 1,
    T4 + 3_600_000,
    2 * T4,
    9 * T4,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Dispatched(u8),
    Received,
    Disputed(u8),
    /// So much to the seller, so much to the winner.
    Awarded(u64, u64),
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Say(Said),
    /// Said, and so many moments pass before the journal has it.
    SayLate(Said, usize),
    /// What the server does by itself.
    Tick,
    /// The server is killed and started again.
    Kill,
}

fn said() -> impl Strategy<Value = Said> {
    let part = prop_oneof![Just(0), Just(1), Just(500), Just(PRICE), 0..=PRICE];
    prop_oneof![
        3 => (0..2u8).prop_map(Said::Dispatched),
        2 => Just(Said::Received),
        3 => (0..2u8).prop_map(Said::Disputed),
        3 => part.prop_map(|part| Said::Awarded(part, PRICE - part)),
        1 => (0..2 * PRICE, 0..2 * PRICE).prop_map(|(one, other)| Said::Awarded(one, other)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => said().prop_map(Event::Say),
        2 => (said(), 1..4usize).prop_map(|(said, moments)| Event::SayLate(said, moments)),
        3 => Just(Event::Tick),
        1 => Just(Event::Kill),
    ]
}

/// Events, each after so many moments.
fn events() -> impl Strategy<Value = Vec<(usize, Event)>> {
    let pass = prop_oneof![6 => Just(0usize), 4 => Just(1), 1 => Just(2), 1 => Just(5)];
    proptest::collection::vec((pass, event()), 1..16)
}

fn saying(said: Said) -> Saying {
    match said {
        Said::Dispatched(n) => Saying::Dispatched { tracking: format!("parcel {n}") },
        Said::Received => Saying::Received,
        Said::Disputed(n) => Saying::Disputed { reason: format!("reason {n}") },
        Said::Awarded(seller, winner) => Saying::Awarded {
            to_seller: Amount(seller),
            to_winner: Amount(winner),
            reason: "so".to_owned(),
        },
    }
}

/// The plain account: what has been said, and where the price is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plain {
    otherwise: Side,
    dispatched: Option<u8>,
    disputed: Option<u8>,
    /// By which word, and how much to the seller, the house and the winner.
    paid: Option<(Option<Said>, u64, u64, u64)>,
}

impl Plain {
    fn divide(&mut self, by: Option<Said>, to_seller: u64) {
        let fee = FEE * to_seller / PRICE;
        self.paid = Some((by, to_seller - fee, fee, PRICE - to_seller));
    }

    /// Whether the journal has this word now, if it was said at `said_at` and comes at `now`.
    fn say(&mut self, said: Said, said_at: u64, now: u64) -> bool {
        match said {
            Said::Dispatched(n) if self.dispatched.is_some() => {
                return self.dispatched == Some(n);
            }
            Said::Disputed(n) if self.disputed.is_some() => return self.disputed == Some(n),
            _ => {}
        }
        if let Some((by, ..)) = self.paid {
            return by == Some(said);
        }
        let end = if self.dispatched.is_none() {
            T2
        } else if self.disputed.is_none() {
            T3
        } else {
            T4
        };
        if said_at >= end || now >= end {
            return false;
        }
        match said {
            Said::Dispatched(n) => self.dispatched = Some(n),
            Said::Disputed(_) if self.dispatched.is_none() => return false,
            Said::Disputed(n) => self.disputed = Some(n),
            Said::Received => self.divide(Some(said), PRICE),
            Said::Awarded(seller, winner) => {
                if self.disputed.is_none() || seller + winner != PRICE {
                    return false;
                }
                self.divide(Some(said), seller);
            }
        }
        true
    }

    fn tick(&mut self, now: u64) {
        if self.paid.is_some() {
            return;
        }
        match (self.dispatched, self.disputed) {
            (None, _) if now >= T2 => self.divide(None, 0),
            (Some(_), None) if now >= T3 => self.divide(None, PRICE),
            (Some(_), Some(_)) if now >= T4 => match self.otherwise {
                Side::Seller => self.divide(None, PRICE),
                Side::Winner => self.divide(None, 0),
            },
            _ => {}
        }
    }

    fn gains(&self) -> [i128; 4] {
        self.paid.map_or(paid(0, 0, 0), |(_, seller, house, winner)| paid(seller, house, winner))
    }
}

/// Says something to the server; the chain that it makes comes to the journal at `now`.
fn say(world: &mut World, said: Said, said_at: u64, now: u64) -> bool {
    let word = world.word(saying(said));
    match world.chain_of(&word, said_at) {
        Err(_) => false,
        Ok(None) => true,
        Ok(Some(chain)) => world.code(chain, now) == Code::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_price_goes_where_a_plain_account_says(
        to_seller in any::<bool>(),
        audited in proptest::bool::weighted(0.1),
        events in events(),
    ) {
        let otherwise = if to_seller { Side::Seller } else { Side::Winner };
        let (mut world, bytes) = sold(otherwise);
        let mut plain = Plain { otherwise, dispatched: None, disputed: None, paid: None };
        let mut moment = 0;
        for (pass, event) in events {
            moment = (moment + pass).min(MOMENTS.len() - 1);
            let now = MOMENTS[moment];
            match event {
                Event::Say(said) => {
                    let heard = say(&mut world, said, now, now);
                    prop_assert_eq!(heard, plain.say(said, now, now), "{:?} at {}", said, now);
                }
                Event::SayLate(said, moments) => {
                    moment = (moment + moments).min(MOMENTS.len() - 1);
                    let later = MOMENTS[moment];
                    let heard = say(&mut world, said, now, later);
                    prop_assert_eq!(heard, plain.say(said, now, later), "{:?} at {}", said, later);
                }
                Event::Tick => {
                    let _ = world.tick(now);
                    plain.tick(now);
                }
                Event::Kill => world.restart(),
            }
            prop_assert_eq!(world.gains(), plain.gains());
            let known = |noted: Option<&settlement::auctions::physical::Noted>| noted.is_some();
            prop_assert_eq!(known(world.delivery().dispatched()), plain.dispatched.is_some());
            prop_assert_eq!(known(world.delivery().disputed()), plain.disputed.is_some());
        }
        // Whatever was said, at the end the price is somebody's and the escrow account is empty.
        let end = MOMENTS[MOMENTS.len() - 1];
        let _ = world.tick(end);
        plain.tick(end);
        prop_assert_eq!(world.gains(), plain.gains());
        prop_assert_eq!(world.gains()[3], 0);
        world.restart();
        if audited {
            let summary = world.audit(Some(bytes)).unwrap();
            prop_assert_eq!((summary.payouts, summary.in_escrow, summary.late), (1, 0, vec![]));
        }
    }
}
