//! The settlement server of the model: its state is the list of what was committed, and what
//! commits is decided by the `settlement` crate (`auctions::{AcceptableSpec, BondOrder, Index,
//! Decision, VoidDecision, Postings}` and `ledger::Ledger`), with real signatures.

mod decisions;
mod view;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use auction::layout::Digest;
use auction::spec::Time;
use settlement::auctions::{AuctionState, Index};
use settlement::ledger::{Action, Chain, Entry, Ledger};

use super::setting::{
    Bidder, Book, FUNDS, Phase, SETTING, currency, house, operator, seller, shop,
};
use decisions::{chains, signed, sum};
use view::view;
pub use view::{Verdict, View};

/// What is brought to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// The seller deposits a goods key: the right one, or another.
    Deposit {
        /// Whether it is the one that the spec names.
        right: bool,
    },
    /// A bidder's order for a bond: his first, or a second one under another id.
    Bond(Bidder, u8),
    /// A bidder sends all his money to a shop.
    Spend(Bidder),
    /// A bidder voids his own bond.
    VoidBond(Bidder),
    /// A bidder cancels the id of his bond.
    CancelBond(Bidder),
    /// The seller cancels the id of the decision.
    CancelDecision,
    /// The complete transcript of an auction with these bids.
    Transcript(Book),
    /// The server's own clock: the auction is void, if it is.
    Void,
    /// The server's own work: release what is left.
    Release,
    /// The server's own work: an empty batch, so that due holds end.
    Sweep,
}

/// The server's durable state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Server(usize);

struct Page {
    ledger: Ledger,
    index: Index,
    /// Every batch that changed anything, with its time: what is in the journal.
    batches: Vec<(Option<Chain>, Time)>,
    view: View,
    next: HashMap<(Phase, Op), usize>,
}

static PAGES: LazyLock<Mutex<Vec<Page>>> = LazyLock::new(|| Mutex::new(vec![founded()]));

impl Server {
    /// Brings something to the server at the time of a phase.
    pub fn act(&mut self, phase: Phase, op: Op) {
        let mut pages = pages();
        if let Some(next) = pages[self.0].next.get(&(phase, op)) {
            self.0 = *next;
            return;
        }
        let page = &pages[self.0];
        let (mut ledger, mut index) = (page.ledger.clone(), page.index.clone());
        let made = chains(&ledger, &index, phase.time(), op);
        // A server that stopped and comes back knows what its journal says, and does the same.
        let back = read_back(&page.batches);
        assert_eq!(made, chains(&back.ledger, &back.index, phase.time(), op), "{op:?}");
        let mut batches = page.batches.clone();
        let mut changed = false;
        for chain in made {
            batches.push((Some(chain.clone()), phase.time()));
            changed |= apply(&mut ledger, &mut index, chain, phase.time());
        }
        if op == Op::Sweep {
            batches.push((None, phase.time()));
            changed |= !ledger.apply(&[], phase.time()).expired.is_empty();
        }
        let next = if changed {
            let view = view(&ledger, &index);
            pages.push(Page { ledger, index, batches, view, next: HashMap::new() });
            pages.len() - 1
        } else {
            self.0
        };
        pages[self.0].next.insert((phase, op), next);
        self.0 = next;
    }

    /// What can be seen of it.
    #[must_use]
    pub fn view(self) -> View {
        pages()[self.0].view
    }
}

fn pages() -> MutexGuard<'static, Vec<Page>> {
    // Pages are only added, and whole: another thread's panic leaves them sound.
    PAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server knows that reads its journal from the first batch.
fn read_back(batches: &[(Option<Chain>, Time)]) -> Page {
    let mut back = founded();
    for (chain, time) in batches {
        match chain {
            Some(chain) => {
                apply(&mut back.ledger, &mut back.index, chain.clone(), *time);
            }
            None => {
                back.ledger.apply(&[], *time);
            }
        }
    }
    back
}

/// Applies a chain as the server's writer does; whether anything was decided.
fn apply(ledger: &mut Ledger, index: &mut Index, chain: Chain, now: Time) -> bool {
    let applied = ledger.apply(std::slice::from_ref(&chain), now);
    let Some(outcome) = applied.outcomes.into_iter().next() else { return false };
    let Some(number) = outcome.entry else { return false };
    let codes = outcome.replies.iter().map(|reply| reply.code).collect();
    index.learn(number, ledger.time(), &Entry { chain, codes });
    true
}

fn state(index: &Index) -> Option<&AuctionState> {
    index.auction(&SETTING.spec.id())
}

/// What everybody but the bidders begins with, so that the accounts exist.
const SEED: i64 = 1;

/// A server on which everybody has an account.
fn founded() -> Page {
    let mut ledger = Ledger::new(SETTING.charter);
    let bidders = Bidder::ALL.map(|bidder| (bidder.account_key(), FUNDS));
    let others = [seller(), house(), shop()].map(|owner| (owner, SEED.unsigned_abs()));
    for (number, (owner, funds)) in (0..).zip(bidders.into_iter().chain(others)) {
        let action = Action::Deposit {
            owner: owner.public(),
            currency: currency(),
            amount: sum(funds),
            reference: Digest::default(),
        };
        ledger.apply(&[signed(&operator(), 200 + number, action)], Time(1));
    }
    let index = Index::new(SETTING.charter);
    let view = view(&ledger, &index);
    Page { ledger, index, batches: Vec::new(), view, next: HashMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auction_payment::setting::secret;

    #[test]
    fn keys_do_not_collide() {
        let all: std::collections::BTreeSet<_> = (0..50).map(|n| secret(n).public()).collect();
        assert_eq!(all.len(), 50);
    }

    #[test]
    fn a_sale_from_escrow_to_release() {
        let mut server = Server::default();
        server.act(Phase::Open, Op::Deposit { right: false });
        assert!(!server.view().registered);
        server.act(Phase::Open, Op::Deposit { right: true });
        assert!(server.view().registered);
        for bidder in Bidder::ALL {
            server.act(Phase::Open, Op::Bond(bidder, 0));
            server.act(Phase::Open, Op::VoidBond(bidder));
        }
        assert_eq!(server.view().held, [30, 30]);
        server.act(Phase::Closed, Op::CancelDecision);
        server.act(Phase::Closed, Op::Transcript([true, true]));
        let sale = Verdict::Sale { winner: Bidder::A, price: 20, key: true, certified: true };
        assert_eq!(server.view().decided, Some(sale));
        assert_eq!(server.view().posted, [10, 30]);
        assert_eq!((server.view().seller, server.view().house), (18, 2));
        server.act(Phase::Void, Op::Void);
        assert_eq!(server.view().decided, Some(sale));
        server.act(Phase::Void, Op::Release);
        assert_eq!(server.view().held, [0, 0]);
    }

    #[test]
    fn from_v_on_the_auction_is_void_and_stays_so() {
        let mut server = Server::default();
        server.act(Phase::Open, Op::Deposit { right: true });
        server.act(Phase::Open, Op::Bond(Bidder::A, 0));
        server.act(Phase::Closed, Op::Void);
        assert_eq!(server.view().decided, None);
        server.act(Phase::Void, Op::Transcript([true, false]));
        assert_eq!(server.view().decided, None);
        server.act(Phase::Void, Op::Void);
        server.act(Phase::Void, Op::Transcript([true, false]));
        assert_eq!(server.view().decided, Some(Verdict::Void));
        server.act(Phase::Over, Op::Sweep);
        assert_eq!((server.view().posted, server.view().held), ([30, 30], [0, 0]));
    }
}
