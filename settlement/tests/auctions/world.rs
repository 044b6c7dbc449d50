//! A server's ledger and index, one auction, and the people around it.

use std::sync::Arc;

use auction::bid::BondTicket;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::messages::Content;
use auction::money::Amount;
use auction::outcome::Outcome;
use auction::physical_terms::Side;
use auction::prices::{Level, PriceLadder};
use auction::sealing::seal;
use auction::settlement_terms::{Delivery, EscrowReceipt, Fee, Goods, Settlement};
use auction::spec::{Rule, Spec, Time, VerifiedSpec};
use auction::step::Step;
use auction::transcript::Transcript;
use rand::rngs::ChaCha20Rng;
use settlement::auctions::{
    AcceptablePhysical, AcceptableSpec, AuctionState, AuctionSummary, BondKeys, BondOrder,
    Decision, History, Index, Misdeed, Postings, Proven, RELEASES_PER_CHAIN, RegistrationRefused,
    VoidDecision,
};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, Currency, Entry, Ledger, Outcome as Applied, Request,
    RequestId, SignedRequest, Sum, VerifiedRequest,
};

use crate::in_memory::{self, Committee, Sealed, Terms};
use crate::world::goods::{delivery_of, escrow_key, escrow_opening, goods_key, seal_to};
use settlement::sealed_key::Purpose;

pub mod goods;
pub mod physical;

pub const CLOSING: u64 = 2_000;
pub const T: u64 = CLOSING + 3_600_000;
/// The middle between last time and T.
pub const V: u64 = 3_000 + (T - 3_000) / 2;
pub const RICH: u64 = 1_000_000;

/// What tests vary of an auction.
#[derive(Clone)]
pub struct Setting {
    pub rule: Rule,
    pub ladder: PriceLadder,
    pub covers: Vec<Level>,
    pub fee: Option<(u64, u16)>,
    pub nonce: u8,
    /// Who gets the price of disputed goods at T4, where the goods are physical.
    pub physical: Option<Side>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            rule: Rule::SecondPrice,
            ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels: 6 },
            covers: vec![Level(4), Level(6)],
            fee: Some((5, 250)),
            nonce: 1,
            physical: None,
        }
    }
}

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub fn server() -> SecretKey {
    key(201)
}

pub fn operator() -> SecretKey {
    key(202)
}

pub fn postings_key() -> SecretKey {
    key(203)
}

pub fn seller() -> SecretKey {
    key(210)
}

pub fn house() -> SecretKey {
    key(211)
}

/// Owns the account of bidder `i`.
pub fn account_key(i: u8) -> SecretKey {
    key(10 + i)
}

/// Bids for bidder `i`.
pub fn bidder(i: u8) -> SecretKey {
    key(100 + i)
}

pub fn charter() -> Charter {
    Charter::new(server().public(), operator().public(), postings_key().public(), 1000).unwrap()
}

pub fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

pub fn account(owner: &SecretKey) -> AccountId {
    AccountId::of_owner(&owner.public(), eur())
}

pub fn id(number: u128) -> RequestId {
    RequestId::new(number).unwrap()
}

pub fn terms(setting: &Setting) -> Settlement {
    let fee =
        |(flat, part)| Fee { house: house().public(), flat: Amount(flat), per_ten_thousand: part };
    Settlement {
        server: server().public(),
        ledger: charter().id(),
        address: "settlement.example:7000".to_owned(),
        covers: setting.covers.clone(),
        held_until: Time(T),
        fee: setting.fee.map(fee),
        delivery: match setting.physical {
            None => Delivery::Digital(Goods {
                key_hash: goods_key().hash(),
                checksum: Digest([3; 32]),
                bytes: 100,
            }),
            Some(otherwise) => Delivery::Physical(physical::terms(otherwise)),
        },
    }
}

/// The spec of a setting, before its seller signs it.
pub fn spec(setting: &Setting, identities: &[Arc<SecretKey>]) -> Spec {
    let small = Terms { accumulators: 2, rule: setting.rule, ..Terms::small() };
    let mut rng = in_memory::rng(7);
    Spec {
        nonce: [setting.nonce; 32],
        ladder: setting.ladder.clone(),
        settlement: Some(terms(setting)),
        ..in_memory::spec(small, &seller(), identities, &mut rng)
    }
}

pub struct World {
    pub ledger: Ledger,
    pub index: Index,
    pub journal: Vec<(u64, Time, Entry)>,
    /// All chains so far, with the clock at each.
    pub applied: Vec<(Chain, u64)>,
    pub postings: Postings,
    pub spec: VerifiedSpec,
    pub rng: ChaCha20Rng,
    pub identities: Vec<Arc<SecretKey>>,
    /// Of the auction, until it is run.
    pub committee: Option<Committee>,
}

impl World {
    /// A server on which the auction is registered and nobody is bonded; every account is rich.
    pub fn new(setting: &Setting) -> Self {
        let mut world = Self::unregistered(setting);
        let registered = world.register();
        assert_eq!(registered, Ok(()));
        world
    }

    pub fn unregistered(setting: &Setting) -> Self {
        let mut rng = in_memory::rng(u64::from(setting.nonce));
        let identities: Vec<_> = (0..2).map(|k| Arc::new(key(220 + k))).collect();
        let signed = spec(setting, &identities).sign(&seller());
        let receipt = EscrowReceipt::sign(&signed.claimed_id(), &server());
        let spec = signed.with_escrow(receipt).verify().unwrap();
        let both = identities.clone();
        let committee = Committee::join(spec.clone(), Arc::new(seller()), both, &mut rng);
        let mut world = Self {
            ledger: Ledger::new(charter()),
            index: Index::new(charter()),
            journal: Vec::new(),
            applied: Vec::new(),
            postings: Postings::new(&postings_key(), charter()).unwrap(),
            spec,
            rng,
            identities,
            committee: Some(committee),
        };
        for owner in [seller(), house()].into_iter().chain((0..8).map(account_key)) {
            world.deposit(&owner, RICH);
        }
        world
    }

    pub fn auction(&self) -> Digest {
        self.spec.id()
    }

    pub fn state(&self) -> &AuctionState {
        self.index.auction(&self.auction()).unwrap()
    }

    pub fn register(&mut self) -> Result<(), RegistrationRefused> {
        self.register_at(1_000)
    }

    pub fn register_at(&mut self, now: u64) -> Result<(), RegistrationRefused> {
        let unescrowed = self.spec.signed().clone().verify_before_escrow()?;
        let exists = |account: &AccountId| self.ledger.account(account).is_some();
        if self
            .spec
            .spec()
            .settlement
            .as_ref()
            .is_some_and(|terms| matches!(terms.delivery, Delivery::Physical(_)))
        {
            let spec = AcceptablePhysical::check(unescrowed, &charter(), exists, Time(now))?;
            let registration = spec.register(&server());
            let registered = registration.clone().verify(&charter())?;
            let chain = self.postings.open_physical(&registered, registration).unwrap();
            assert_eq!(self.code(chain, now), Code::Done);
            return Ok(());
        }
        let spec = AcceptableSpec::check(unescrowed, &charter(), exists, Time(now))?;
        let registration = {
            let sealed = seal_to(&escrow_key(), Purpose::Escrow, &spec.id());
            spec.register(&server(), escrow_key(), sealed)
        };
        let registered = registration.clone().verify(&charter())?;
        let chain = self.postings.open(&registered, registration).unwrap();
        assert_eq!(self.code(chain, now), Code::Done);
        Ok(())
    }

    /// Applies a chain as the writer does, and lets the index learn what the journal holds of it.
    pub fn apply(&mut self, chain: Chain, now: u64) -> Applied {
        self.applied.push((chain.clone(), now));
        let outcome = self.ledger.apply(std::slice::from_ref(&chain), Time(now)).outcomes.remove(0);
        self.ledger.check().unwrap();
        if let Some(number) = outcome.entry {
            let codes: Vec<Code> = outcome.replies.iter().map(|reply| reply.code).collect();
            let committed = codes.iter().all(|code| *code == Code::Done);
            // What is refused leaves no attachment behind.
            let bare = || Chain::new(chain.requests().to_vec(), None).unwrap();
            let chain = if committed { chain } else { bare() };
            let entry = Entry { chain, codes: codes.into() };
            self.index.learn(number, self.ledger.time(), &entry);
            self.journal.push((number, self.ledger.time(), entry));
        }
        outcome
    }

    /// The code of the first reply that is not `Done`, or `Done`.
    pub fn code(&mut self, chain: Chain, now: u64) -> Code {
        code_of(&self.apply(chain, now))
    }

    pub fn signed(&self, by: &SecretKey, number: u128, action: Action) -> VerifiedRequest {
        self.signed_until(by, number, T, action)
    }

    pub fn signed_until(
        &self,
        by: &SecretKey,
        number: u128,
        until: u64,
        action: Action,
    ) -> VerifiedRequest {
        let request = Request { id: id(number), until: Time(until), action };
        let signed = SignedRequest::sign(&request, &Signer::new(by), &charter());
        signed.verify(&charter()).unwrap()
    }

    pub fn deposit(&mut self, owner: &SecretKey, amount: u64) {
        self.deposit_at(owner, amount, 1_000);
    }

    pub fn deposit_at(&mut self, owner: &SecretKey, amount: u64, now: u64) {
        let number = 1 + self.journal.len() as u128;
        let action = Action::Deposit {
            owner: owner.public(),
            currency: eur(),
            amount: Sum::new(amount).unwrap(),
            reference: Digest([9; 32]),
        };
        let chain = Chain::from(self.signed_until(&operator(), number, now + T, action));
        assert_eq!(self.code(chain, now), Code::Done);
    }

    pub fn order(&self, i: u8, cover: u32) -> BondOrder {
        self.order_with(&account_key(i), &bidder(i), cover, 1_000 + u128::from(i))
    }

    pub fn order_with(
        &self,
        account: &SecretKey,
        bidder: &SecretKey,
        cover: u32,
        number: u128,
    ) -> BondOrder {
        let delivery = delivery_of(bidder);
        let keys = BondKeys { account, bidder, delivery: &delivery };
        BondOrder::sign(&self.spec, &charter(), Level(cover), keys, id(number)).unwrap()
    }

    /// Holds the bond of an order.
    pub fn hold(&mut self, order: BondOrder, now: u64) -> Code {
        let verified = order.verify(&self.spec, &charter()).unwrap();
        self.code(verified.chain().unwrap(), now)
    }

    pub fn bond(&mut self, i: u8, cover: u32) {
        assert_eq!(self.hold(self.order(i, cover), 1_500), Code::Done);
    }

    /// The transcript of the auction with these bids, all of them bonded.
    pub fn run(&mut self, bids: &[(u8, u32)]) -> Vec<u8> {
        self.run_with(bids, &[])
    }

    /// The same; these bidders bid with these tickets instead of their bonds'.
    pub fn run_with(&mut self, bids: &[(u8, u32)], tickets: &[(u8, BondTicket)]) -> Vec<u8> {
        self.transcript(bids, tickets, None).to_bytes().unwrap()
    }

    /// The same; at the end all accumulators sign what `lie` makes of the outcome.
    pub fn transcript(
        &mut self,
        bids: &[(u8, u32)],
        tickets: &[(u8, BondTicket)],
        lie: Option<fn(&mut Outcome)>,
    ) -> Transcript {
        let committee = self.committee.take().unwrap();
        let seal_one = |(i, level): &(u8, u32)| {
            let secret = bidder(*i);
            let given = tickets.iter().find(|(bidder, _)| bidder == i);
            let ticket = given.map(|(_, ticket)| ticket.clone()).unwrap_or_else(|| {
                let state = self.index.auction(&self.spec.id()).unwrap();
                state.bond(&secret.public()).unwrap().ticket(&server())
            });
            let ticket = Some(ticket);
            let mut rng = in_memory::rng(u64::from(*i));
            let sealed = seal(&committee.auction, Level(*level), &secret, ticket, &mut rng);
            Sealed { bidder: secret, submissions: sealed.unwrap() }
        };
        let sealed: Vec<Sealed> = bids.iter().map(seal_one).collect();
        let books = committee.take_unchecked(&sealed, &mut self.rng);
        let nodes = committee.close(books, &mut self.rng);
        let (mut parties, mut referees): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        let referee = &mut referees[0];
        while *referee.step() != Step::Complete {
            let truth = referee.outcome().copied();
            for (party, identity) in parties.iter_mut().zip(&self.identities) {
                let mut message = party.message(referee, &mut self.rng).unwrap().into_message();
                if let (Some(lie), Some(mut outcome)) = (lie, truth) {
                    lie(&mut outcome);
                    message.body.content = Content::Outcome(outcome);
                    message = message.body.sign(identity);
                }
                referee.offer(message).unwrap();
            }
        }
        Transcript::of(referee).unwrap()
    }

    pub fn prove(&mut self, transcript: &[u8]) -> Proven {
        Proven::prove(transcript, &self.spec.id(), &mut self.rng).unwrap()
    }

    /// The chain of what a transcript decides.
    pub fn decision(&mut self, transcript: &[u8], now: u64) -> Chain {
        let proven = self.prove(transcript);
        let (state, postings) = (self.state(), &self.postings);
        match Decision::of(&proven, state, Time(now)).unwrap() {
            Decision::Sale(sale) => {
                // As the server does: out of its escrow, into the winner's hands.
                let registered = state.registered();
                let auction = registered.id();
                let escrowed = &registered.key_in_escrow().unwrap().key;
                let key = escrowed.open(&escrow_opening(), Purpose::Escrow, &auction);
                key.unwrap().check(&registered.goods().unwrap().key_hash).unwrap();
                let sealed = seal_to(sale.delivery(), Purpose::Delivery, &auction);
                postings.sale(registered, &sale, sealed)
            }
            Decision::PhysicalSale(sale) => {
                postings.physical_sale(state.registered(), sale.record())
            }
            Decision::NoSale(no_sale) => postings.no_sale(state.registered(), &no_sale),
        }
    }

    pub fn void(&self, now: u64) -> Chain {
        let decision = VoidDecision::of(self.state(), Time(now)).unwrap();
        self.postings.void(self.state().registered(), &decision)
    }

    /// What releases the first holds that are left, in at most so many chains.
    pub fn releases(&self, now: u64, chains: usize) -> Vec<Chain> {
        let state = self.state();
        let Some(reference) = state.release_reference() else { return Vec::new() };
        let holds: Vec<_> = state.holds_left(Time(now)).take(chains * RELEASES_PER_CHAIN).collect();
        self.postings.release(state.registered(), reference, &holds)
    }

    /// Releases all that is left, and says in how many chains.
    pub fn release_all(&mut self, now: u64) -> usize {
        let mut chains = 0;
        loop {
            let due = self.releases(now, 2);
            if due.is_empty() {
                return chains;
            }
            for chain in due {
                chains += 1;
                assert_eq!(self.code(chain, now), Code::Done);
            }
        }
    }

    /// What an account holds: posted, and set aside.
    pub fn has(&self, account: AccountId) -> (i128, u128) {
        let balances = self.ledger.account(&account).unwrap().balances;
        (balances.posted(), balances.pending())
    }

    pub fn escrow(&self) -> AccountId {
        AccountId::of_escrow(&self.auction(), eur())
    }

    /// Audits the whole journal with this transcript at hand.
    pub fn audit(&self, transcript: Option<Vec<u8>>) -> Result<AuctionSummary, Misdeed> {
        let auction = self.auction();
        let evidence = |id: &Digest| transcript.clone().filter(|_| *id == auction);
        let mut history = History::new(charter(), evidence, in_memory::rng(77));
        for (number, time, entry) in &self.journal {
            history.check(*number, *time, entry)?;
        }
        history.check_end(&self.ledger)?;
        Ok(history.summary(self.ledger.time()))
    }
}

pub fn code_of(outcome: &Applied) -> Code {
    let codes = outcome.replies.iter().map(|reply| reply.code);
    let failed = |code: &Code| !matches!(code, Code::Done | Code::ChainFailed);
    codes.clone().find(failed).unwrap_or(Code::Done)
}

/// The winner that a transcript names.
pub fn winner_of(bytes: &[u8], rng: &mut ChaCha20Rng) -> Option<(PublicKey, Amount)> {
    let verdict = Transcript::from_bytes(bytes).unwrap().verify(None, rng).unwrap();
    verdict.outcome.sale.map(|sale| (sale.winner, sale.price))
}
