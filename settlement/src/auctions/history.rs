//! The auctions' part of an audit: the journal fed entry by entry, and each auction's transcript.
//!
//! The ledger's own rules (signatures, funds, once-only ids) are checked before an entry comes
//! here. What remains is whether the postings module did only what orders and transcripts say.
//! Whatever is wrong here is the server's fault.

mod physical;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use auction::bid::{BondTicket, TicketError, TicketField};
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::{EarlyClose, SpecError, Time, VerifiedSpec};
use auction::transcript::{Transcript, TranscriptError};
use auction::wire::WireError;
use rand::CryptoRng;

use super::attachment::{Attached, NoSaleRecord, SaleFacts, SaleRecord, VoidRecord};
use super::bond::{BondOrder, BondRefused, terms_here};
use super::decision::{Decision, Proven, Undecided, VoidDecision};
use super::index::{AuctionState, Decided, Index};
use super::physical::{Unheard, WordRefused};
use super::postings::{no_sale_request, opening, release_request, sale_requests, void_request};
use super::registration::{Registered, RegistrationRefused};
use crate::audit::{EntryCheck, Objected, Rightful};
use crate::ledger::{Action, Authority, Chain, Charter, Code, Entry, Ledger, Request};

/// Where the audit finds the transcripts that decided: the file's bytes, by auction id.
pub trait Evidence: FnMut(&Digest) -> Option<Vec<u8>> {}

impl<T: FnMut(&Digest) -> Option<Vec<u8>>> Evidence for T {}

/// What an audit of auctions goes through and what it has seen.
pub struct History<E, R> {
    index: Index,
    transcripts: E,
    rng: R,
    /// What is in each escrow account: paid in past any order, and never touched.
    strays: BTreeMap<Digest, u128>,
    summary: AuctionSummary,
    /// What would have been right in the place of the entry that was objected to last.
    rightful: Rightful,
    /// Auctions whose price has left escrow while it was due to nobody.
    unfounded: BTreeSet<Digest>,
    /// Tickets in transcripts that decided, without their bonds.
    unfunded: Vec<Misdeed>,
    /// Tickets that somebody kept.
    held: Vec<(VerifiedSpec, BondTicket)>,
}

/// What an audit of auctions counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuctionSummary {
    /// Auctions registered.
    pub auctions: u64,
    /// Bonds held.
    pub bonds: u64,
    /// Auctions in which the winner paid, be it into escrow.
    pub sales: u64,
    /// Sales of physical goods whose price has left escrow.
    pub payouts: u64,
    /// Sales of physical goods whose price is in escrow.
    pub in_escrow: u64,
    /// Auctions in which nothing was sold.
    pub no_sales: u64,
    /// Auctions that V made void.
    pub voids: u64,
    /// Auctions that are not decided though V has passed, or whose price is in escrow though it
    /// is due to somebody: the server is late.
    pub late: Vec<Digest>,
}

/// What the server did that it must not do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Misdeed {
    /// An attachment on a chain that was refused: a key could have gone out without payment.
    #[error("the server kept an attachment of a chain that was refused")]
    AttachedToRefused,
    /// An attachment that cannot be read.
    #[error("the server journaled an attachment that cannot be read: {0}")]
    Unreadable(WireError),
    /// A registration that must not have been taken.
    #[error("the server registered an auction that it must not: {0}")]
    Registration(RegistrationRefused),
    /// An order that must not have been taken.
    #[error("the server took a bond whose order is wrong: {0}")]
    Order(BondRefused),
    /// A second bond for a key.
    #[error("the server took a second bond for auction key {0}")]
    SecondBond(PublicKey),
    /// Requests of the postings module that are not those of any step.
    #[error("the postings module signed requests that belong to no {0}")]
    Requests(&'static str),
    /// An auction that the journal does not know.
    #[error("the entry is about auction {0}, which was never registered")]
    Unregistered(Digest),
    /// The transcript that the decision names is not kept, or another is shown in its place.
    #[error("the server does not show the transcript that decided auction {0}")]
    NoTranscript(Digest),
    /// The transcript that decided proves nothing.
    #[error("the transcript that decided the auction proves nothing: {0}")]
    Transcript(TranscriptError),
    /// A decision before closing on a word that is not the seller's.
    #[error("the server took a word for the seller's that is not: {0}")]
    EarlyClose(SpecError),
    /// A decision that must not have been taken at that moment, or at all.
    #[error("the server decided an auction that it could not decide: {0}")]
    Decision(Undecided),
    /// A decision that is not the transcript's.
    #[error("the decision is not what the transcript gives: another {0}")]
    NotAsProven(&'static str),
    /// A word about physical goods that nobody who may has signed.
    #[error("the server took a word that says nothing: {0}")]
    Word(WordRefused),
    /// A word or payout about what was not sold, or is not sent.
    #[error("the entry is about physical goods of auction {0}, and none were sold there")]
    NotSold(Digest),
    /// A word taken, or a payout made, that must not have been at that moment.
    #[error("the server did with a price in escrow what it could not: {0}")]
    Delivery(Unheard),
    /// A hold released while the auction was not decided.
    #[error("the server released a bond of auction {0} before the decision")]
    ReleasedEarly(Digest),
    /// A ticket without funds: whoever bid with it risks nothing.
    #[error(
        "the server signed a bond ticket for key {bidder} in auction {auction}, and its journal \
         holds no such bond"
    )]
    Unfunded {
        /// The auction.
        auction: Digest,
        /// The auction key.
        bidder: PublicKey,
    },
    /// Money left over in an escrow account, or too much taken from it.
    #[error("the escrow account of auction {0} holds what belongs to others, or lacks it")]
    EscrowNotZero(Digest),
}

impl<E: Evidence, R: CryptoRng> History<E, R> {
    /// An audit of a journal's auctions from its first entry on. `rng` weighs the equations of
    /// the transcripts' proofs.
    #[must_use]
    pub fn new(charter: Charter, transcripts: E, rng: R) -> Self {
        Self {
            index: Index::new(charter),
            transcripts,
            rng,
            strays: BTreeMap::new(),
            summary: AuctionSummary::default(),
            rightful: Rightful::Unknown,
            unfounded: BTreeSet::new(),
            unfunded: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Holds the journal to a ticket that somebody kept: a bond must stand behind it.
    ///
    /// # Errors
    /// [`TicketError`] when it is no ticket of this auction and server.
    pub fn hold_ticket(
        &mut self,
        spec: VerifiedSpec,
        ticket: BondTicket,
    ) -> Result<(), TicketError> {
        let terms = terms_here(&spec, &self.index.charter());
        let terms = terms.map_err(|_| TicketError::Other(TicketField::Server))?;
        ticket.verify(&spec.id(), terms, &ticket.bidder)?;
        self.held.push((spec, ticket));
        Ok(())
    }

    /// Checks the next entry, which the ledger accepted with these codes at this time; learns
    /// from it as the server did, whatever is wrong with it.
    ///
    /// # Errors
    /// [`Misdeed`].
    pub fn check(&mut self, number: u64, time: Time, entry: &Entry) -> Result<(), Misdeed> {
        // Where nothing else is found out, no movement of the postings module is right.
        self.rightful = Rightful::Known(Vec::new());
        let checked = self.check_entry(time, entry);
        let touched = self.index.learn(number, time, entry);
        if checked.is_err() && self.rightful == Rightful::Known(Vec::new()) {
            self.note_unfounded(number, touched);
        }
        checked
    }

    fn check_entry(&mut self, time: Time, entry: &Entry) -> Result<(), Misdeed> {
        let chain = &entry.chain;
        if entry.codes.iter().any(|code| *code != Code::Done) {
            let attached = chain.attachment().is_some();
            return if attached { Err(Misdeed::AttachedToRefused) } else { Ok(()) };
        }
        let attached = match chain.attachment() {
            Some(bytes) => Attached::read(bytes).map_err(Misdeed::Unreadable)?,
            None => None,
        };
        match attached {
            Some(Attached::Registration(registration)) => {
                let verified = registration.verify(&self.index.charter());
                self.registration(time, chain, verified)?;
            }
            Some(Attached::PhysicalRegistration(registration)) => {
                let verified = registration.verify(&self.index.charter());
                self.registration(time, chain, verified)?;
            }
            Some(Attached::Bond(order)) => self.bond(chain, order)?,
            Some(Attached::Sale(record)) => self.sale(time, chain, &record)?,
            Some(Attached::NoSale(record)) => self.no_sale(time, chain, record)?,
            Some(Attached::Void(record)) => self.void(time, chain, record)?,
            Some(Attached::PhysicalSale(sale)) => self.physical_sale(time, chain, &sale)?,
            Some(Attached::Word(word)) => self.word(time, chain, word)?,
            Some(Attached::Payout(record)) => self.payout(time, chain, &record)?,
            None if chain.has_postings() => self.release(chain)?,
            None => self.others(chain),
        }
        Ok(())
    }

    /// Checks, after the last entry, that every escrow account is as empty as it began, or holds a
    /// price that waits for physical goods: what came in by a bond has gone out, or is there; and
    /// that a bond stands behind every ticket, in transcripts of void auctions and in those that
    /// decided, and behind those that were kept.
    ///
    /// # Errors
    /// The first [`Misdeed`] of [`History::wrong_in_the_end`].
    pub fn check_end(&mut self, ledger: &Ledger) -> Result<(), Misdeed> {
        self.wrong_in_the_end(ledger).into_iter().next().map_or(Ok(()), Err)
    }

    /// All that [`History::check_end`] finds.
    pub fn wrong_in_the_end(&mut self, ledger: &Ledger) -> Vec<Misdeed> {
        let mut wrong = std::mem::take(&mut self.unfunded);
        wrong.extend(self.undecided_tickets());
        let held = std::mem::take(&mut self.held);
        wrong.extend(held.iter().filter_map(|(_, ticket)| self.unfunded_by(ticket)));
        wrong.extend(self.escrows_not_zero(ledger));
        wrong.dedup();
        wrong
    }

    /// A transcript that decided nothing still shows who bid with which ticket.
    fn undecided_tickets(&mut self) -> Vec<Misdeed> {
        let open = self.index.auctions().filter(|state| {
            !matches!(state.decided(), Some(Decided::Sale(_) | Decided::NoSale(_)))
        });
        let open: Vec<Digest> = open.map(|state| state.registered().id()).collect();
        let mut wrong = Vec::new();
        for auction in open {
            let Some(bytes) = (self.transcripts)(&auction) else { continue };
            // One that proves nothing has decided nothing: it is nobody's word.
            if let Ok((_, tickets)) = self.verified(&bytes, &auction) {
                wrong.extend(tickets.iter().filter_map(|ticket| self.unfunded_by(ticket)));
            }
        }
        wrong
    }

    /// Whether a bond stands behind a ticket, going by the journal as far as it was read.
    #[must_use]
    pub fn has_bond(&self, ticket: &BondTicket) -> bool {
        let bond = self.index.auction(&ticket.auction).and_then(|one| one.bond(&ticket.bidder));
        bond.is_some_and(|live| live.bond().cover == ticket.cover)
    }

    /// The entry in which an auction was registered, going by the journal as far as it was read.
    #[must_use]
    pub fn registered_in(&self, auction: &Digest) -> Option<u64> {
        self.index.auction(auction).map(AuctionState::entry)
    }

    fn unfunded_by(&self, ticket: &BondTicket) -> Option<Misdeed> {
        if self.has_bond(ticket) {
            return None;
        }
        Some(Misdeed::Unfunded { auction: ticket.auction, bidder: ticket.bidder })
    }

    fn escrows_not_zero(&self, ledger: &Ledger) -> Vec<Misdeed> {
        let mut wrong = Vec::new();
        for state in self.index.auctions() {
            let auction = state.registered().id();
            let strayed = self.strays.get(&auction).copied().unwrap_or_default();
            let waiting = state.delivery().and_then(|delivery| delivery.in_escrow());
            let price = waiting.map_or(0, |waiting| u128::from(waiting.sale.price.0));
            let balances = ledger.account(&state.registered().escrow()).map(|one| one.balances);
            let posted = balances.unwrap_or_default().posted();
            if u128::try_from(posted) != Ok(strayed.saturating_add(price)) {
                wrong.push(Misdeed::EscrowNotZero(auction));
            }
        }
        wrong
    }

    /// What was counted, and which auctions wait for a decision past V or for a payout past its
    /// time, as of the last entry's time.
    #[must_use]
    pub fn summary(&self, time: Time) -> AuctionSummary {
        let waiting = self.index.undecided(time);
        let late = waiting.filter(|state| time >= state.registered().decided_by());
        let late = late.chain(self.index.to_pay_out(time));
        let late = late.map(|state| state.registered().id()).collect();
        let in_escrow = self.index.auctions().filter(|state| {
            state.delivery().is_some_and(|delivery| delivery.in_escrow().is_some())
        });
        AuctionSummary { late, in_escrow: in_escrow.count() as u64, ..self.summary.clone() }
    }

    fn registration(
        &mut self,
        time: Time,
        chain: &Chain,
        registered: Result<Registered, RegistrationRefused>,
    ) -> Result<(), Misdeed> {
        let registered = registered.map_err(Misdeed::Registration)?;
        if !is_exactly(chain, &[opening(&registered)]) {
            return Err(Misdeed::Requests("registration"));
        }
        let closing = registered.closing();
        if time >= closing {
            let late = RegistrationRefused::Closed { closing, now: time };
            return Err(Misdeed::Registration(late));
        }
        self.summary.auctions += 1;
        Ok(())
    }

    fn bond(&mut self, chain: &Chain, order: BondOrder) -> Result<(), Misdeed> {
        let state = self.state(&order.terms().auction)?;
        let spec = state.registered().spec();
        let verified = order.verify(spec, &self.index.charter()).map_err(Misdeed::Order)?;
        // The hold stands in the journal as it stands in the order, byte for byte.
        let alone =
            matches!(chain.requests(), [hold] if hold.as_bytes() == verified.order().hold_bytes());
        if !alone {
            return Err(Misdeed::Requests("bond"));
        }
        let bidder = verified.bond().bidder;
        if state.bond(&bidder).is_some() {
            return Err(Misdeed::SecondBond(bidder));
        }
        self.summary.bonds += 1;
        Ok(())
    }

    fn sale(&mut self, time: Time, chain: &Chain, record: &SaleRecord) -> Result<(), Misdeed> {
        let proven = self.prove(&record.auction, &record.transcript, record.early_close)?;
        let state = self.state(&record.auction)?;
        let registered = Arc::clone(state.registered());
        let decision = Decision::of(&proven, state, time);
        // A sale that came too early moved what it would have moved in time.
        let timely = Decision::of(&proven, state, time.max(registered.closing()));
        if let Ok(Decision::Sale(sale)) = timely {
            let expected = sale.record(record.key.clone());
            self.rightful = Rightful::Known(sale_requests(&registered, &expected));
        }
        let Decision::Sale(sale) = decision.map_err(Misdeed::Decision)? else {
            return Err(Misdeed::NotAsProven("result"));
        };
        let expected = sale.record(record.key.clone());
        compare(&expected.facts(), &record.facts())?;
        if expected.delivery != record.delivery {
            return Err(Misdeed::NotAsProven("delivery key"));
        }
        if expected != *record {
            return Err(Misdeed::NotAsProven("goods"));
        }
        if !is_exactly(chain, &sale_requests(&registered, record)) {
            return Err(Misdeed::Requests("sale"));
        }
        self.summary.sales += 1;
        Ok(())
    }

    fn no_sale(&mut self, time: Time, chain: &Chain, record: NoSaleRecord) -> Result<(), Misdeed> {
        let proven = self.prove(&record.auction, &record.transcript, record.early_close)?;
        let state = self.state(&record.auction)?;
        let decision = Decision::of(&proven, state, time).map_err(Misdeed::Decision)?;
        let Decision::NoSale(no_sale) = decision else {
            return Err(Misdeed::NotAsProven("result"));
        };
        if no_sale.record() != record {
            return Err(Misdeed::NotAsProven("transcript"));
        }
        if !is_exactly(chain, &[no_sale_request(state.registered())]) {
            return Err(Misdeed::Requests("decision"));
        }
        self.summary.no_sales += 1;
        Ok(())
    }

    fn void(&mut self, time: Time, chain: &Chain, record: VoidRecord) -> Result<(), Misdeed> {
        let state = self.state(&record.auction)?;
        VoidDecision::of(state, time).map_err(Misdeed::Decision)?;
        if !is_exactly(chain, &[void_request(state.registered())]) {
            return Err(Misdeed::Requests("decision"));
        }
        self.summary.voids += 1;
        Ok(())
    }

    /// Without a record, the postings module only releases holds of a decided auction.
    fn release(&self, chain: &Chain) -> Result<(), Misdeed> {
        let wrong = Misdeed::Requests("release");
        if chain.attachment().is_some() {
            return Err(wrong);
        }
        let Some(auction) = self.index.touched(chain).into_iter().next() else {
            return Err(wrong);
        };
        let state = self.state(&auction)?;
        let Some(reference) = state.release_reference() else {
            return Err(Misdeed::ReleasedEarly(auction));
        };
        let as_due = |request: &Request| match &request.action {
            Action::VoidHold { hold, .. } => {
                *request == release_request(state.registered(), hold, reference)
            }
            _ => false,
        };
        let all = chain.requests().iter();
        if all.clone().all(|one| one.authority() == Authority::Postings && as_due(one.request())) {
            Ok(())
        } else {
            Err(wrong)
        }
    }

    /// Customers may pay into an escrow account without an order; it stays there.
    fn others(&mut self, chain: &Chain) {
        for request in chain.requests() {
            if let Action::Post(movement) = &request.request().action
                && let Some(auction) = self.index.escrow(&movement.credit)
            {
                *self.strays.entry(auction).or_default() += u128::from(movement.amount.get());
            }
        }
    }

    /// What was paid into escrow accounts without an order: their owners' own doing.
    #[must_use]
    pub fn strays(&self) -> &BTreeMap<Digest, u128> {
        &self.strays
    }

    /// What the transcript proves that a decision names. Of two complete ones of an auction the
    /// server decides by the first; it must show that one.
    fn prove(
        &mut self,
        auction: &Digest,
        named: &Digest,
        early_close: Option<EarlyClose>,
    ) -> Result<Proven, Misdeed> {
        self.rightful = Rightful::Known(Vec::new());
        let state = self.state(auction)?;
        // A second decision costs no second look at the transcript.
        if state.decided().is_some_and(|decided| *decided != Decided::Unreadable) {
            return Err(Misdeed::Decision(Undecided::Decided));
        }
        // Without the transcript nobody knows what was right.
        self.rightful = Rightful::Unknown;
        let bytes = (self.transcripts)(auction).ok_or(Misdeed::NoTranscript(*auction))?;
        let (proven, tickets) = self.verified(&bytes, auction).map_err(Misdeed::Transcript)?;
        let unfunded: Vec<Misdeed> =
            tickets.iter().filter_map(|ticket| self.unfunded_by(ticket)).collect();
        self.unfunded.extend(unfunded);
        if proven.transcript() != *named {
            return Err(Misdeed::NoTranscript(*auction));
        }
        self.rightful = Rightful::Known(Vec::new());
        match early_close {
            None => Ok(proven),
            Some(word) => {
                let spec = self.state(auction)?.registered().spec();
                proven.closed_by(word, spec).map_err(Misdeed::EarlyClose)
            }
        }
    }

    /// What a transcript proves, and the tickets of all who bid.
    fn verified(
        &mut self,
        bytes: &[u8],
        auction: &Digest,
    ) -> Result<(Proven, Vec<BondTicket>), TranscriptError> {
        let transcript = Transcript::from_bytes(bytes)?;
        let tickets = transcript.bids.iter().filter_map(|bid| bid.ticket.clone()).collect();
        let verdict = transcript.verify(Some(auction), &mut self.rng)?;
        Ok((Proven::from(&verdict), tickets))
    }

    fn state(&self, auction: &Digest) -> Result<&AuctionState, Misdeed> {
        self.index.auction(auction).ok_or(Misdeed::Unregistered(*auction))
    }
}

impl<E: Evidence, R: CryptoRng> EntryCheck for History<E, R> {
    type Objection = Misdeed;

    fn entry(&mut self, number: u64, time: Time, entry: &Entry) -> Result<(), Objected<Misdeed>> {
        let checked = self.check(number, time, entry);
        checked.map_err(|objection| Objected { objection, rightful: self.rightful.clone() })
    }

    fn owed(&self, time: Time) -> Vec<(u64, Vec<Request>)> {
        self.unfounded.iter().filter_map(|auction| self.due_all_the_same(auction, time)).collect()
    }

    fn end(&mut self, ledger: &Ledger) -> Vec<Misdeed> {
        self.wrong_in_the_end(ledger)
    }
}

/// Compares what was journaled of a sale with what the transcript gives.
fn compare(expected: &SaleFacts, got: &SaleFacts) -> Result<(), Misdeed> {
    let same = [
        ("winner", expected.winner == got.winner),
        ("hold", expected.hold == got.hold),
        ("price", expected.price == got.price),
        ("fee", expected.fee == got.fee),
        ("early close", expected.early_close == got.early_close),
        ("auction", expected.auction == got.auction),
    ];
    match same.iter().find(|(_, holds)| !holds) {
        Some((what, _)) => Err(Misdeed::NotAsProven(what)),
        None => Ok(()),
    }
}

/// Whether a chain is the postings module's with exactly these requests.
fn is_exactly(chain: &Chain, expected: &[Request]) -> bool {
    chain.requests().len() == expected.len()
        && chain.requests().iter().zip(expected).all(|(got, expected)| {
            got.authority() == Authority::Postings && got.request() == expected
        })
}
