//! What follows from the journal about auctions: who is registered, who is bonded, what is
//! decided, what is still held. Rebuilt at every start by reading the journal once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use auction::bid::BondTicket;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::spec::Time;

use super::attachment::{Attached, NoSaleRecord, SaleRecord, VoidRecord};
use super::bond::{Bond, BondOrder};
use super::physical::requests::place_key;
use super::physical::{DeliveryState, Place, Times};
use super::postings::{decision_key, reference_of_void};
use super::registration::Registered;
use crate::ledger::{AccountId, Action, Authority, Chain, Charter, Code, Entry, HoldKey, Movement};

/// All auctions that a server has taken.
#[derive(Debug, Clone)]
pub struct Index {
    charter: Charter,
    auctions: BTreeMap<Digest, AuctionState>,
    escrows: HashMap<AccountId, Digest>,
}

/// One auction, as far as the journal goes.
#[derive(Debug, Clone)]
pub struct AuctionState {
    registered: Arc<Registered>,
    /// The entry of the registration.
    entry: u64,
    bonds: HashMap<PublicKey, LiveBond>,
    /// Holds in favour of the escrow account that nobody has resolved, with their time-outs;
    /// those without an order too.
    held: BTreeMap<HoldKey, Time>,
    decided: Option<(u64, Decided)>,
}

/// A bond that the journal holds: the ground of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveBond {
    bond: Bond,
    entry: u64,
}

/// What became of an auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Sold.
    Sale(Box<SaleRecord>),
    /// Sold, and the price paid into escrow.
    PhysicalSale(Box<DeliveryState>),
    /// Nothing sold.
    NoSale(NoSaleRecord),
    /// Void.
    Void(VoidRecord),
    /// Decided, by an entry of this journal that does not say what: the journal is damaged or
    /// forged, and an audit names the entry.
    Unreadable,
}

impl Index {
    /// An index of a journal without entries.
    #[must_use]
    pub fn new(charter: Charter) -> Self {
        Self { charter, auctions: BTreeMap::new(), escrows: HashMap::new() }
    }

    /// The ledger whose journal it is.
    #[must_use]
    pub fn charter(&self) -> Charter {
        self.charter
    }

    /// Learns from a journal entry. Entries come in order, each once; whatever they hold, nothing
    /// is learned from what was not committed or does not fit. Answers with the auctions that the
    /// entry is about.
    pub fn learn(&mut self, number: u64, time: Time, entry: &Entry) -> BTreeSet<Digest> {
        if entry.codes.iter().any(|code| *code != Code::Done) {
            return BTreeSet::new();
        }
        self.learn_chain(number, time, &entry.chain)
    }

    /// Learns from a chain that was committed as this entry at this time.
    pub fn learn_chain(&mut self, number: u64, time: Time, chain: &Chain) -> BTreeSet<Digest> {
        // What cannot be read is as if it were not there; the requests still count.
        let attached = chain.attachment().and_then(|bytes| Attached::read(bytes).ok()?);
        let registered = match attached {
            Some(Attached::Registration(ref one)) => Some(one.clone().verify(&self.charter)),
            Some(Attached::PhysicalRegistration(ref one)) => {
                Some(one.clone().verify(&self.charter))
            }
            _ => None,
        };
        if let Some(registered) = registered {
            let registered = registered.ok();
            let learnt = registered.and_then(|one| self.learn_registration(number, chain, one));
            return learnt.into_iter().collect();
        }
        let touched = self.touched(chain);
        for id in &touched {
            let Some(state) = self.auctions.get_mut(id) else { continue };
            state.learn_holds(chain);
            state.learn_delivery((number, time), chain, attached.as_ref());
            state.learn_decision(number, chain, attached.as_ref());
            if let Some(Attached::Bond(order)) = &attached {
                state.learn_bond(number, chain, order, &self.charter);
            }
        }
        touched
    }

    /// The auctions whose escrow accounts a chain's requests are about.
    #[must_use]
    pub fn touched(&self, chain: &Chain) -> BTreeSet<Digest> {
        let accounts = chain.requests().iter().flat_map(|one| one.request().action.accounts());
        accounts.flatten().filter_map(|account| self.escrow(&account)).collect()
    }

    fn learn_registration(
        &mut self,
        number: u64,
        chain: &Chain,
        registered: Registered,
    ) -> Option<Digest> {
        let [request] = chain.requests() else { return None };
        let (subject, currency) = (registered.id(), registered.currency());
        if request.request().action != (Action::OpenEscrow { subject, currency })
            || request.authority() != Authority::Postings
            || self.auctions.contains_key(&subject)
        {
            return None;
        }
        self.escrows.insert(registered.escrow(), subject);
        let state = AuctionState {
            registered: Arc::new(registered),
            entry: number,
            bonds: HashMap::new(),
            held: BTreeMap::new(),
            decided: None,
        };
        self.auctions.insert(subject, state);
        Some(subject)
    }

    /// Forgets a hold that the ledger says is resolved or expired.
    pub fn forget(&mut self, auction: &Digest, hold: &HoldKey) {
        if let Some(state) = self.auctions.get_mut(auction) {
            state.held.remove(hold);
        }
    }

    /// An auction.
    #[must_use]
    pub fn auction(&self, id: &Digest) -> Option<&AuctionState> {
        self.auctions.get(id)
    }

    /// All auctions, by id.
    pub fn auctions(&self) -> impl Iterator<Item = &AuctionState> {
        self.auctions.values()
    }

    /// The auction whose escrow account this is.
    #[must_use]
    pub fn escrow(&self, account: &AccountId) -> Option<Digest> {
        self.escrows.get(account).copied()
    }

    /// The auctions that are closed and not decided.
    pub fn undecided(&self, now: Time) -> impl Iterator<Item = &AuctionState> {
        self.auctions()
            .filter(move |state| state.decided.is_none() && now >= state.registered.closing())
    }

    /// The decided auctions of which something is still held.
    pub fn to_release(&self, now: Time) -> impl Iterator<Item = &AuctionState> {
        self.auctions().filter(move |state| state.holds_left(now).next().is_some())
    }

    /// The auctions whose price leaves escrow because a time has come.
    pub fn to_pay_out(&self, now: Time) -> impl Iterator<Item = &AuctionState> {
        let due = move |state: &&AuctionState| {
            state.delivery().is_some_and(|delivery| delivery.due(now).is_ok())
        };
        self.auctions().filter(due)
    }

    /// Whether a request that anybody may bring pays into an escrow account past an order: it
    /// would give the payer nothing, so a server declines it.
    #[must_use]
    pub fn is_stray(&self, action: &Action) -> bool {
        match action {
            Action::Post(movement) | Action::Hold { movement, .. } | Action::Purchase(movement) => {
                self.escrows.contains_key(&movement.credit)
            }
            _ => false,
        }
    }
}

impl Decided {
    /// Who won, where something was sold.
    #[must_use]
    pub fn winner(&self) -> Option<&PublicKey> {
        match self {
            Self::Sale(record) => Some(&record.winner),
            Self::PhysicalSale(delivery) => Some(&delivery.sale().winner),
            Self::NoSale(_) | Self::Void(_) | Self::Unreadable => None,
        }
    }
}

impl AuctionState {
    /// The auction as it was registered.
    #[must_use]
    pub fn registered(&self) -> &Arc<Registered> {
        &self.registered
    }

    /// The journal entry of the registration.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// The bond of an auction key.
    #[must_use]
    pub fn bond(&self, bidder: &PublicKey) -> Option<&LiveBond> {
        self.bonds.get(bidder)
    }

    /// How many auction keys are bonded.
    #[must_use]
    pub fn bonds(&self) -> usize {
        self.bonds.len()
    }

    /// Whether nobody has resolved a hold; it may have expired.
    #[must_use]
    pub fn is_live(&self, hold: &HoldKey) -> bool {
        self.held.contains_key(hold)
    }

    /// What was decided.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        self.decided.as_ref().map(|(_, decided)| decided)
    }

    /// What became of the goods and of the price in escrow, where physical goods were sold.
    #[must_use]
    pub fn delivery(&self) -> Option<&DeliveryState> {
        match self.decided()? {
            Decided::PhysicalSale(delivery) => Some(delivery),
            Decided::Sale(_) | Decided::NoSale(_) | Decided::Void(_) | Decided::Unreadable => None,
        }
    }

    /// The journal entry of the decision.
    #[must_use]
    pub fn decided_in(&self) -> Option<u64> {
        self.decided.as_ref().map(|(entry, _)| *entry)
    }

    /// The holds that remain to be released after the decision, none before it. What has reached
    /// its time-out has released itself, and from T on nothing is released by request.
    pub fn holds_left(&self, now: Time) -> impl Iterator<Item = HoldKey> {
        let due = self.decided.is_some() && now < self.registered.held_until();
        let left = self.held.iter().filter(move |(_, timeout)| due && now < **timeout);
        left.map(|(hold, _)| *hold)
    }

    /// How many [`AuctionState::holds_left`] there are at most, without looking at each.
    #[must_use]
    pub fn count_left(&self, now: Time) -> usize {
        let due = self.decided.is_some() && now < self.registered.held_until();
        if due { self.held.len() } else { 0 }
    }

    /// What releases refer to, once there is a decision.
    pub fn release_reference(&self) -> Option<Digest> {
        Some(match self.decided()? {
            Decided::Sale(record) => record.transcript,
            Decided::PhysicalSale(delivery) => delivery.sale().transcript,
            Decided::NoSale(record) => record.transcript,
            Decided::Void(_) | Decided::Unreadable => reference_of_void(&self.registered.id()),
        })
    }

    /// Holds that begin and end, whoever is behind them.
    fn learn_holds(&mut self, chain: &Chain) {
        let escrow = self.registered.escrow();
        for request in chain.requests() {
            match &request.request().action {
                Action::Hold { movement: Movement { debit, credit, .. }, timeout }
                    if *credit == escrow =>
                {
                    let hold = HoldKey { account: *debit, id: request.request().id };
                    self.held.insert(hold, *timeout);
                }
                Action::PostHold { account, hold, .. } | Action::VoidHold { account, hold, .. }
                    if *account == escrow =>
                {
                    self.held.remove(hold);
                }
                _ => {}
            }
        }
    }

    /// The first chain under the decision id decides.
    fn learn_decision(&mut self, number: u64, chain: &Chain, attached: Option<&Attached>) {
        if self.decided.is_some() || !uses(chain, &decision_key(&self.registered)) {
            return;
        }
        let id = self.registered.id();
        let physical = self.registered.physical();
        let decided = match (attached, physical) {
            (Some(Attached::Sale(record)), None) if record.auction == id => {
                Decided::Sale(Box::new(record.clone()))
            }
            (Some(Attached::PhysicalSale(sale)), Some(terms)) if sale.auction == id => {
                let delivery = DeliveryState::new(sale.clone(), Times::of(terms));
                Decided::PhysicalSale(Box::new(delivery))
            }
            (Some(Attached::NoSale(record)), _) if record.auction == id => Decided::NoSale(*record),
            (Some(Attached::Void(record)), _) if record.auction == id => Decided::Void(*record),
            _ => Decided::Unreadable,
        };
        self.decided = Some((number, decided));
    }

    /// What follows the sale of physical goods.
    fn learn_delivery(&mut self, entry: (u64, Time), chain: &Chain, attached: Option<&Attached>) {
        let Some((_, Decided::PhysicalSale(delivery))) = &mut self.decided else { return };
        for place in Place::ALL {
            if uses(chain, &place_key(&self.registered, place)) {
                delivery.learn(entry, place, attached);
            }
        }
    }

    /// The first bond of a key is its bond; what comes after is a hold without an order.
    fn learn_bond(&mut self, number: u64, chain: &Chain, order: &BondOrder, charter: &Charter) {
        let [hold] = chain.requests() else { return };
        if let Some(bond) = order.journaled(hold, self.registered.spec(), charter) {
            self.bonds.entry(bond.bidder).or_insert(LiveBond { bond, entry: number });
        }
    }
}

impl LiveBond {
    /// The bond.
    #[must_use]
    pub fn bond(&self) -> &Bond {
        &self.bond
    }

    /// The journal entry that holds it.
    #[must_use]
    pub fn entry(&self) -> u64 {
        self.entry
    }

    /// The server's word that the bond is held: the same each time.
    #[must_use]
    pub fn ticket(&self, server: &SecretKey) -> BondTicket {
        let Bond { auction, bidder, cover, held_until, .. } = self.bond;
        BondTicket::sign(auction, bidder, cover, held_until, server)
    }
}

/// Whether a chain holds a request under this account and id.
fn uses(chain: &Chain, key: &HoldKey) -> bool {
    chain.requests().iter().any(|request| {
        let account = match &request.request().action {
            Action::PostHold { account, .. }
            | Action::VoidHold { account, .. }
            | Action::Cancel { account } => Some(*account),
            Action::Post(movement) => Some(movement.debit),
            _ => None,
        };
        account == Some(key.account) && request.request().id == key.id
    })
}
