//! The server's money in the models: the real ledger of the `settlement` crate.
//!
//! A ledger is not a state that a checker can compare, but the list of what it decided is, and the
//! ledger is what `Ledger::apply` makes of that list. So a [`Bank`] is the number of such a list,
//! and the ledgers stand on the side. Every decision is the ledger's own, signatures, ids, funds
//! and time-outs included.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Fate, Ledger, Movement, Request, RequestId,
    SignedRequest, Sum,
};

/// Who has an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// The customer, with [`FUNDS`].
    Customer,
    /// The merchant, with [`FUNDS`].
    Merchant,
    /// Another shop, with [`FUNDS`].
    Elsewhere,
}

impl Holder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Merchant, Self::Elsewhere];
}

/// What every account begins with: enough to pay the price of 1 twice, so that a payment taken
/// twice would show.
pub const FUNDS: u8 = 2;

/// What the server is asked to do, as signed by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ask {
    /// Pays out of `from`, once for this id, while the bank's time is before `until`.
    Pay {
        /// Whose signature it carries.
        signer: Holder,
        /// Who pays.
        from: Holder,
        /// Who is paid.
        to: Holder,
        /// How much.
        amount: u8,
        /// The id.
        id: u8,
        /// When it is no longer good.
        until: u8,
        /// What it is for: the checksum that was signed.
        reference: u8,
    },
    /// Makes an id of the customer's unusable, by her signature.
    Cancel {
        /// The id.
        id: u8,
    },
}

/// A chain with its attachment: what commits whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slip {
    /// What is asked.
    pub ask: Ask,
    /// What is kept with it if it commits: the goods key, or the goods.
    pub attached: Option<u8>,
}

/// What is brought to the bank: a slip, or a chain that a server's own code made, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Brought {
    Slip(Slip),
    /// With the customer's id that it carries.
    Chain {
        number: u8,
        id: u8,
    },
}

/// The bank: the time, and which list of decided slips it stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bank {
    /// The time, in steps.
    pub now: u8,
    journal: usize,
}

/// What follows from one list of decided slips.
struct Page {
    ledger: Ledger,
    decided: Vec<Brought>,
    balances: [i64; 3],
    /// What each slip that was brought here met, and the list with it.
    next: HashMap<(u8, Brought), (Code, usize)>,
}

/// Every list so far, the empty one first. Lists are never taken away.
static PAGES: LazyLock<Mutex<Vec<Page>>> =
    LazyLock::new(|| Mutex::new(vec![Page::new(founded(), Vec::new())]));

impl Page {
    fn new(ledger: Ledger, decided: Vec<Brought>) -> Self {
        let balance = |holder| {
            let posted = ledger.account(&account(holder)).map_or(0, |one| one.balances.posted());
            // Balances in the models are of a few units.
            i64::try_from(posted).unwrap_or(i64::MAX)
        };
        let balances = Holder::ALL.map(balance);
        Self { ledger, decided, balances, next: HashMap::new() }
    }
}

impl Bank {
    /// Brings a slip to the ledger; what commits, or is refused for good, is journaled.
    pub fn apply(&mut self, slip: Slip) -> Code {
        self.decide(Brought::Slip(slip), || chain(slip))
    }

    /// Brings a chain under an id of the customer's. `number` stands for the chain: another chain
    /// has another one.
    pub fn bring(&mut self, number: u8, id: u8, chain: &Chain) -> Code {
        self.decide(Brought::Chain { number, id }, || chain.clone())
    }

    fn decide(&mut self, brought: Brought, chain: impl FnOnce() -> Chain) -> Code {
        let mut pages = pages();
        let key = (self.now, brought);
        if let Some((code, journal)) = pages[self.journal].next.get(&key) {
            self.journal = *journal;
            return *code;
        }
        let mut ledger = pages[self.journal].ledger.clone();
        let applied = ledger.apply(&[chain()], time(self.now));
        let outcome = applied.outcomes.first();
        let reply = outcome.and_then(|outcome| outcome.replies.first());
        // One chain of one request has one reply.
        let code = reply.map_or(Code::ChainFailed, |reply| reply.code);
        // That a batch told the time need not be kept: every slip is brought with its time.
        let journal = if outcome.is_some_and(|outcome| outcome.entry.is_some()) {
            let mut decided = pages[self.journal].decided.clone();
            decided.push(brought);
            pages.push(Page::new(ledger, decided));
            pages.len() - 1
        } else {
            self.journal
        };
        pages[self.journal].next.insert(key, (code, journal));
        self.journal = journal;
        code
    }

    /// What an account has.
    #[must_use]
    pub fn balance(&self, holder: Holder) -> i64 {
        pages()[self.journal].balances[holder as usize]
    }

    /// All money of all accounts but the operator's, less what was paid in.
    #[must_use]
    pub fn money_made(&self) -> i64 {
        pages()[self.journal].balances.iter().sum::<i64>() - 3 * i64::from(FUNDS)
    }

    /// The slip that was committed under an id of the customer's, if one was.
    #[must_use]
    pub fn committed(&self, id: u8) -> Option<Slip> {
        self.found(id, |brought| match brought {
            Brought::Slip(slip) => match slip.ask {
                Ask::Pay { id: own, from: Holder::Customer, .. } if own == id => Some(*slip),
                _ => None,
            },
            Brought::Chain { .. } => None,
        })
    }

    /// The number of the chain that was committed under an id of the customer's, if one was.
    #[must_use]
    pub fn committed_chain(&self, id: u8) -> Option<u8> {
        self.found(id, |brought| match brought {
            Brought::Chain { number, id: own } if *own == id => Some(*number),
            _ => None,
        })
    }

    /// What was decided under an id of the customer's, if that was committed.
    fn found<T>(&self, id: u8, what: impl FnMut(&Brought) -> Option<T>) -> Option<T> {
        let pages = pages();
        let page = &pages[self.journal];
        let record = page.ledger.record(&account(Holder::Customer), request_id(id))?;
        page.decided.iter().find_map(what).filter(|_| record.fate == Fate::Committed)
    }

    /// Whether an id of the customer's is decided and was not committed: refused for good, or
    /// cancelled.
    #[must_use]
    pub fn refused(&self, id: u8) -> bool {
        let record = pages()[self.journal]
            .ledger
            .record(&account(Holder::Customer), request_id(id))
            .copied();
        record.is_some_and(|record| record.fate != Fate::Committed)
    }

    /// Whether an id of the customer's can no longer be committed: refused for good, cancelled,
    /// or out of time.
    #[must_use]
    pub fn ruled_out(&self, id: u8, until: u8) -> bool {
        match pages()[self.journal].ledger.record(&account(Holder::Customer), request_id(id)) {
            Some(record) => record.fate != Fate::Committed,
            None => self.now >= until,
        }
    }

    /// What left the customer's account for this exchange, and what reached the merchant's.
    #[must_use]
    pub fn moved(&self) -> (i64, i64) {
        let [customer, merchant, elsewhere] =
            pages()[self.journal].balances.map(|balance| balance - i64::from(FUNDS));
        (-customer - elsewhere, merchant)
    }

    /// The customer spends all she has at another shop, if she still has it.
    pub fn spend_elsewhere(&mut self) {
        let ask = Ask::Pay {
            signer: Holder::Customer,
            from: Holder::Customer,
            to: Holder::Elsewhere,
            amount: FUNDS,
            id: 99,
            until: u8::MAX,
            reference: 0,
        };
        let _ = self.apply(Slip { ask, attached: None });
    }
}

fn pages() -> MutexGuard<'static, Vec<Page>> {
    // Pages are only added, and whole: another thread's panic leaves them sound.
    PAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub(crate) fn signer(holder: Holder) -> Signer {
    Signer::new(&secret(10 + holder as u8))
}

pub(crate) fn charter() -> Charter {
    let key = |number| secret(number).public();
    #[expect(clippy::expect_used, reason = "three different honest keys and one expiry a batch")]
    Charter::new(key(1), key(2), key(3), 1).expect("a charter")
}

pub(crate) fn currency() -> Currency {
    #[expect(clippy::expect_used, reason = "three capital letters and two decimals")]
    Currency::from_bytes(*b"EUR\x02").expect("a currency")
}

pub(crate) fn account(holder: Holder) -> AccountId {
    // Deriving a key takes longer than all the rest of a step.
    static ACCOUNTS: LazyLock<[AccountId; 3]> = LazyLock::new(|| {
        Holder::ALL.map(|holder| AccountId::of_owner(&signer(holder).public(), currency()))
    });
    ACCOUNTS[holder as usize]
}

pub(crate) fn time(step: u8) -> Time {
    Time(1_000 + 1_000 * u64::from(step))
}

pub(crate) fn request_id(id: u8) -> RequestId {
    #[expect(clippy::expect_used, reason = "neither 0 nor all ones")]
    RequestId::new(1_000 + u128::from(id)).expect("an id")
}

pub(crate) fn sum(amount: u8) -> Sum {
    #[expect(clippy::expect_used, reason = "no model asks for a payment of nothing")]
    Sum::new(u64::from(amount)).expect("a sum")
}

fn signed(request: Request, signer: &Signer, attached: Option<u8>) -> Chain {
    let charter = charter();
    #[expect(clippy::expect_used, reason = "signed here; one request is within the limits")]
    let chain = {
        let request = SignedRequest::sign(&request, signer, &charter).verify(&charter);
        let request = request.expect("a good signature");
        Chain::new(vec![request], attached.map(|byte| vec![byte])).expect("a short chain")
    };
    chain
}

fn chain(slip: Slip) -> Chain {
    let (by, request) = match slip.ask {
        Ask::Pay { signer, from, to, amount, id, until, reference } => {
            let action = Action::Post(Movement {
                debit: account(from),
                credit: account(to),
                amount: sum(amount),
                reference: Digest([reference; 32]),
            });
            (signer, Request { id: request_id(id), until: time(until), action })
        }
        Ask::Cancel { id } => {
            let action = Action::Cancel { account: account(Holder::Customer) };
            (Holder::Customer, Request { id: request_id(id), until: time(u8::MAX), action })
        }
    };
    signed(request, &signer(by), slip.attached)
}

/// The server's own signature, under its journal.
pub(crate) fn server() -> Signer {
    Signer::new(&secret(1))
}

/// Everybody's funds as they were paid in.
pub(crate) fn deposits() -> impl Iterator<Item = Chain> {
    Holder::ALL.into_iter().map(|holder| {
        let action = Action::Deposit {
            owner: signer(holder).public(),
            currency: currency(),
            amount: sum(FUNDS),
            reference: Digest([0; 32]),
        };
        let id = request_id(200 + holder as u8);
        signed(Request { id, until: time(u8::MAX), action }, &Signer::new(&secret(2)), None)
    })
}

/// A ledger in which everybody has his funds.
fn founded() -> Ledger {
    let mut ledger = Ledger::new(charter());
    for deposit in deposits() {
        ledger.apply(&[deposit], Time(1));
    }
    ledger
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pay(id: u8, amount: u8, signer: Holder) -> Slip {
        let ask = Ask::Pay {
            signer,
            from: Holder::Customer,
            to: Holder::Merchant,
            amount,
            id,
            until: 5,
            reference: 0,
        };
        Slip { ask, attached: Some(7) }
    }

    #[test]
    fn the_ledger_decides() {
        let mut bank = Bank::default();
        assert_eq!(bank.apply(pay(1, 1, Holder::Merchant)), Code::NotOwner);
        assert_eq!(bank.apply(pay(1, 1, Holder::Customer)), Code::Done);
        assert_eq!(bank.apply(pay(1, 1, Holder::Customer)), Code::Done);
        assert_eq!((bank.balance(Holder::Customer), bank.balance(Holder::Merchant)), (1, 3));
        assert_eq!(bank.committed(1).unwrap().attached, Some(7));
        assert_eq!(bank.apply(pay(2, 2, Holder::Customer)), Code::InsufficientFunds);
        assert!(bank.committed(2).is_none());
        let cancel = Slip { ask: Ask::Cancel { id: 3 }, attached: None };
        assert_eq!(bank.apply(cancel), Code::Done);
        assert_eq!(bank.apply(pay(3, 1, Holder::Customer)), Code::Cancelled);
        bank.now = 5;
        assert_eq!(bank.apply(pay(4, 1, Holder::Customer)), Code::Expired);
        assert_eq!(bank.money_made(), 0);
    }
}
