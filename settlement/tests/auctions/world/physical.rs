//! A sale of physical goods, and what a server does about it.

use std::sync::{Mutex, OnceLock};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::physical_terms::{PhysicalTerms, Side};
use auction::spec::Time;
use settlement::auctions::physical::{
    DeliveryState, Ground, Heard, Payout, PayoutRecord, Saying, Shares, Stage, Unheard, Word,
};
use settlement::auctions::{Attached, Index, Postings};
use settlement::ledger::{AccountId, Action, Chain, Code, Movement, Sum};

use super::{
    Setting, T, World, account, account_key, bidder, charter, house, key, postings_key, seller,
};
use crate::in_memory;

const HOUR: u64 = 3_600_000;
pub const T2: u64 = T + 24 * HOUR;
pub const T3: u64 = T2 + 48 * HOUR;
pub const T4: u64 = T3 + 72 * HOUR;
/// What bidder 1 pays in the sale, and what of it the house gets of a whole sale.
pub const PRICE: u64 = 1_050;
pub const FEE: u64 = 31;
/// When the sale was decided.
pub const SOLD: u64 = 5_000;

pub fn dispatcher() -> SecretKey {
    key(231)
}

pub fn arbiter() -> SecretKey {
    key(232)
}

pub fn terms(otherwise: Side) -> PhysicalTerms {
    PhysicalTerms {
        dispatcher: dispatcher().public(),
        arbiter: arbiter().public(),
        dispatched_by: Time(T2),
        disputed_by: Time(T3),
        awarded_by: Time(T4),
        otherwise,
    }
}

pub fn setting(otherwise: Side) -> Setting {
    Setting { physical: Some(otherwise), ..Setting::default() }
}

pub fn dispatched() -> Saying {
    Saying::Dispatched { tracking: "parcel 7".to_owned() }
}

pub fn disputed() -> Saying {
    Saying::Disputed { reason: "nothing has come".to_owned() }
}

/// So much of the price to the seller, the rest to the winner.
pub fn awarded(to_seller: u64) -> Saying {
    let (to_seller, to_winner) = (Amount(to_seller), Amount(PRICE.saturating_sub(to_seller)));
    Saying::Awarded { to_seller, to_winner, reason: "I have looked at it".to_owned() }
}

/// The key whose word it is.
pub fn speaker(saying: &Saying) -> SecretKey {
    match saying {
        Saying::Dispatched { .. } => dispatcher(),
        Saying::Received | Saying::Disputed { .. } => bidder(1),
        Saying::Awarded { .. } => arbiter(),
    }
}

/// A sale to bidder 1, of which nothing has been said yet, and its transcript.
pub fn sold(otherwise: Side) -> (World, Vec<u8>) {
    type Sale = OnceLock<Mutex<(World, Vec<u8>)>>;
    static SALES: [Sale; 2] = [OnceLock::new(), OnceLock::new()];
    let sale = SALES[otherwise as usize].get_or_init(|| {
        let mut world = World::new(&setting(otherwise));
        for i in 0..3 {
            world.bond(i, 6);
        }
        let bytes = world.run(&[(0, 2), (1, 5), (2, 1)]);
        let chain = world.decision(&bytes, SOLD);
        assert_eq!(world.code(chain, SOLD), Code::Done);
        world.release_all(SOLD);
        Mutex::new((world, bytes))
    });
    let sale = sale.lock().unwrap();
    (sale.0.copy(), sale.1.clone())
}

impl World {
    /// The same world again; its auction has been run.
    pub fn copy(&self) -> Self {
        assert!(self.committee.is_none());
        Self {
            ledger: self.ledger.clone(),
            index: self.index.clone(),
            journal: self.journal.clone(),
            postings: Postings::new(&postings_key(), charter()).unwrap(),
            spec: self.spec.clone(),
            rng: in_memory::rng(78),
            identities: self.identities.clone(),
            applied: self.applied.clone(),
            committee: None,
        }
    }

    pub fn delivery(&self) -> &DeliveryState {
        self.state().delivery().unwrap()
    }

    pub fn word(&self, saying: Saying) -> Word {
        let key = speaker(&saying);
        Word::sign(&charter().id(), self.auction(), saying, &key).unwrap()
    }

    /// The chain that a server makes of a word at this time; nothing where the journal holds it.
    pub fn chain_of(&self, word: &Word, now: u64) -> Result<Option<Chain>, Unheard> {
        let (registered, sale) = (self.state().registered(), self.delivery().sale());
        let word = word.clone().verify(registered, &sale.winner).unwrap();
        Ok(match self.delivery().hear(&word, Time(now))? {
            Heard::Again { .. } => None,
            Heard::Noted(note) => Some(self.postings.note(registered, &note)),
            Heard::PaidOut(payout) => {
                Some(self.postings.pay_out(registered, sale, &payout, Time(now)))
            }
        })
    }

    /// A word brought to the server at this time.
    pub fn say(&mut self, saying: Saying, now: u64) -> Result<(), Unheard> {
        let word = self.word(saying);
        if let Some(chain) = self.chain_of(&word, now)? {
            assert_eq!(self.code(chain, now), Code::Done);
            assert!(self.delivery().holds(&word).is_some());
        }
        Ok(())
    }

    /// The chain of a payout.
    pub fn payout(&self, payout: &Payout, now: u64) -> Chain {
        let (registered, sale) = (self.state().registered(), self.delivery().sale());
        self.postings.pay_out(registered, sale, payout, Time(now))
    }

    /// What the server does by itself at this time: it asks the journal for the time first.
    pub fn tick(&mut self, now: u64) -> Result<(), Unheard> {
        self.delivery().due(Time(now))?;
        let ends = self.delivery().in_escrow().unwrap().ends();
        let probe = self.postings.probe(self.state().registered(), ends);
        assert_eq!(self.code(probe, now), Code::Expired);
        let payout = self.delivery().due(Time(now))?;
        let chain = self.payout(&payout, now);
        assert_eq!(self.code(chain, now), Code::Done);
        Ok(())
    }

    /// A server that was killed learns from its journal what there was.
    pub fn restart(&mut self) {
        let mut index = Index::new(charter());
        for (number, time, entry) in &self.journal {
            index.learn(*number, *time, entry);
        }
        assert_eq!(index.auction(&self.auction()).unwrap().decided(), self.state().decided());
        self.index = index;
    }

    /// What the sale has given seller, house, winner and escrow so far, beside what they had.
    pub fn gains(&self) -> [i128; 4] {
        let rich = i128::from(super::RICH);
        let of = |owner: &SecretKey| self.has(account(owner)).0 - rich;
        [of(&seller()), of(&house()), of(&account_key(1)), self.has(self.escrow()).0]
    }
}

/// The gains when so much of the price has gone to seller, house and winner.
pub fn paid(seller: u64, house: u64, winner: u64) -> [i128; 4] {
    let gain = |amount: u64| i128::from(amount);
    [gain(seller), gain(house), gain(winner) - gain(PRICE), gain(PRICE - seller - house - winner)]
}

/// A digest that is no ledger's.
pub fn elsewhere() -> Digest {
    Digest([77; 32])
}

/// How a price is divided.
pub fn shares(seller: u64, house: u64, winner: u64) -> Shares {
    Shares { seller: Amount(seller), house: Amount(house), winner: Amount(winner) }
}

/// A payout of a server's own making under fresh ids: this record, and these movements, the
/// winner's to this account.
pub fn forged_to(world: &World, ground: Ground, shares: Shares, winner: AccountId) -> Chain {
    let escrow = world.escrow();
    let cancel = Action::Cancel { account: escrow };
    let mut requests = vec![world.signed_until(&postings_key(), 900, T4 * 2, cancel)];
    let parts = [
        (901, account(&seller()), shares.seller),
        (902, account(&house()), shares.house),
        (903, winner, shares.winner),
    ];
    for (number, credit, part) in parts {
        if let Some(amount) = Sum::new(part.0) {
            let reference = world.delivery().sale().transcript;
            let post = Action::Post(Movement { debit: escrow, credit, amount, reference });
            requests.push(world.signed_until(&postings_key(), number, T4 * 2, post));
        }
    }
    let record = PayoutRecord { auction: world.auction(), ground, shares };
    Chain::new(requests, Some(Attached::Payout(record).to_bytes())).unwrap()
}

/// The same with the winner's own account.
pub fn forged(world: &World, ground: Ground, shares: Shares) -> Chain {
    forged_to(world, ground, shares, account(&account_key(1)))
}

/// A sale in a stage; at T4 the price would go back to the winner.
pub fn in_stage(stage: Stage) -> (World, Vec<u8>) {
    let (mut world, bytes) = sold(Side::Winner);
    if stage >= Stage::Dispatched {
        world.say(dispatched(), 6_000).unwrap();
    }
    if stage >= Stage::Disputed {
        world.say(disputed(), 7_000).unwrap();
    }
    (world, bytes)
}
