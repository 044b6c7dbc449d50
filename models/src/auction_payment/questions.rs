//! What is asked of every state of an auction's payment.

use crate::goods::{Content, Key, Sealed, provable};

use super::server::{Op, Verdict};
use super::setting::{Bidder, FUNDS, Phase};
use super::steps::Payment;
use super::world::{Weakness, World};

/// The questions. Every state is judged, as if everything stopped there for ever, but for the
/// winner's own question to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Money atomicity: all accounts together hold what they held, nothing rests in the escrow
    /// account, nobody is below zero or holds more than he has, and from T on nothing is held.
    MoneyAtomicity,
    /// Goods atomicity: money atomicity, and a bidder is charged if and only if he has the goods
    /// key or the server gives it to him when he asks; what he is charged reaches seller and
    /// house; nobody is charged but the winner, at the price that the bids give.
    GoodsAtomicity,
    /// Certified delivery: goods atomicity, and where money moved, what is on record (checksum
    /// and key hash signed by the seller, the winner's order, the key) lets winner and seller
    /// prove what was delivered, and nothing else.
    CertifiedDelivery,
    /// Nobody but an accumulator can learn the price and then cancel at no cost: in every state
    /// in which somebody outside the accumulators knows the price, V is still to come and nothing
    /// is decided, the server that receives the transcript in that state decides as the bids
    /// give, whatever anybody did before; and what was decided before V is what the bids give.
    NoFreeOption,
    /// All of these at once. Where it holds each does, and one look at all states is enough.
    Everything,
    /// A search for the shortest run in which an accumulator has seen the price and the auction
    /// ends void at no cost to anybody.
    AnAccumulatorCan,
    /// A search for the shortest run in which the winner gets the goods and the seller his money.
    Success,
}

impl Payment {
    /// Whether a state is as the question wants it.
    pub(super) fn holds(&self, world: &World) -> bool {
        match self.question {
            Question::MoneyAtomicity => conserves(world),
            Question::GoodsAtomicity => conserves(world) && self.exchanges(world),
            Question::CertifiedDelivery => {
                conserves(world) && self.exchanges(world) && certifies(world)
            }
            Question::NoFreeOption => self.binds(world),
            Question::Everything => {
                conserves(world) && self.exchanges(world) && certifies(world) && self.binds(world)
            }
            Question::AnAccumulatorCan => {
                let void = world.server.view().decided == Some(Verdict::Void);
                !(void && world.computed && !world.out && world.book != [false; 2])
            }
            Question::Success => {
                let got = world.has_key.contains(&true);
                !(got && world.server.view().seller > 0)
            }
        }
    }

    /// Money and goods key go together.
    fn exchanges(&self, world: &World) -> bool {
        let view = world.server.view();
        let each = Bidder::ALL.into_iter().all(|bidder| {
            let charged = world.charged(&view, bidder) > 0;
            let gets = world.has_key[bidder as usize] || self.gives_key(world, bidder);
            charged == gets
        });
        let paid: i64 = Bidder::ALL.into_iter().map(|bidder| world.charged(&view, bidder)).sum();
        let truly = match view.decided {
            Some(Verdict::Sale { winner, price, .. }) => {
                world.charged(&view, winner) == price && paid == price
            }
            _ => paid == 0,
        };
        let honest = match view.decided {
            Some(verdict @ Verdict::Sale { .. }) => world.is_true(verdict),
            _ => true,
        };
        each && truly && honest && view.seller + view.house == paid
    }

    /// Nobody has an option.
    fn binds(&self, world: &World) -> bool {
        let view = world.server.view();
        match view.decided {
            Some(verdict) if world.phase == Phase::Closed => world.is_true(verdict),
            Some(verdict) => verdict == Verdict::Void || world.is_true(verdict),
            None if world.out && world.phase == Phase::Closed => self.settles(world),
            None => true,
        }
    }

    /// Whether the transcript, received now, decides as the bids give.
    fn settles(&self, world: &World) -> bool {
        if self.lacks(Weakness::NoBond) {
            let winner = super::setting::outcome_of(world.book);
            let has = |bidder: Bidder| world.server.view().posted[bidder as usize];
            return winner.is_none_or(|(bidder, price)| has(bidder).unsigned_abs() >= price);
        }
        let sold = super::setting::outcome_of(world.book).is_some();
        if self.lacks(Weakness::KeyWithSeller) && sold && !world.key_handed_over {
            return false;
        }
        let mut server = world.server;
        server.act(world.phase, Op::Transcript(world.book));
        let decided = server.view().decided;
        let whole = match decided {
            Some(Verdict::Sale { key, .. }) => key,
            _ => true,
        };
        whole && decided.is_some_and(|verdict| world.is_true(verdict))
    }
}

fn conserves(world: &World) -> bool {
    let view = world.server.view();
    // FUNDS is a few units.
    let all = 2 * FUNDS as i64;
    let sum = view.posted.iter().sum::<i64>() + view.seller + view.house + view.shop + view.escrow;
    let sound = (0..2).all(|i| 0 <= view.held[i] && view.held[i] <= view.posted[i]);
    sum == all && view.escrow == 0 && sound && ends(world)
}

/// From T on the next batch, an empty one if no other comes, leaves nothing held.
fn ends(world: &World) -> bool {
    let mut server = world.server;
    if world.phase == Phase::Over {
        server.act(world.phase, Op::Sweep);
    }
    world.phase != Phase::Over || server.view().held == [0, 0]
}

fn certifies(world: &World) -> bool {
    let Some(Verdict::Sale { certified, .. }) = world.server.view().decided else { return true };
    // Whatever the seller encrypted: the spec's checksum names it, and the server has checked
    // the key against the spec. A side is honest, and has the file, or lies.
    let sound = |content| {
        let file = Sealed::Of(content);
        let proved = [Some(file), None].map(|honest| provable(file, Key::Right, honest));
        proved.iter().all(|proved| *proved == [content])
    };
    certified && [Content::Good, Content::Garbage].into_iter().all(sound)
}
