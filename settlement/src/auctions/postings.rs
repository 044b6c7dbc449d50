//! The postings module: what is decided about an auction, as chains for the ledger. SETTLEMENT,
//! section "An auction's payment", steps 2 and 4.

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::attachment::{Attached, SaleFacts, SaleRecord};
use super::decision::{NoSale, Sale, VoidDecision};
#[cfg(doc)]
use super::index::AuctionState;
use super::payment::Payment;
use super::posting_ids::{Role, posting_id, void_reference};
use super::registration::{PhysicalRegistration, Registered, Registration};
use crate::layout::Signer;
use crate::ledger::{
    AccountId, Action, Chain, ChainError, Charter, HoldKey, MAX_CHAIN_REQUESTS, Movement, Part,
    Request, SignedRequest, Sum, VerifiedRequest,
};
use crate::sealed_key::SealedKey;

/// Most holds that one chain releases.
pub const RELEASES_PER_CHAIN: usize = MAX_CHAIN_REQUESTS;

/// So long after T a void decision is still good, in milliseconds (365 days): with the 15 days
/// that lie at most between V and T, less than a request may lie ahead.
const VOID_GOOD_MS: u64 = 365 * 24 * 3600 * 1000;

/// Signs what leaves escrow accounts. It holds the postings key: not printed.
pub struct Postings {
    signer: Signer,
    charter: Charter,
}

impl Postings {
    /// The postings module of a ledger; nothing, where the key is another's.
    #[must_use]
    pub fn new(key: &SecretKey, charter: Charter) -> Option<Self> {
        let signer = Signer::new(key);
        (signer.public() == charter.postings()).then_some(Self { signer, charter })
    }

    /// Opens the escrow account of an auction, with its registration attached.
    ///
    /// # Errors
    /// [`ChainError`] when the spec is too long to be journaled.
    pub fn open(
        &self,
        registered: &Registered,
        registration: Registration,
    ) -> Result<Chain, ChainError> {
        let attachment = Attached::Registration(Box::new(registration)).to_bytes();
        Chain::new(vec![self.sign(&opening(registered))], Some(attachment))
    }

    /// The same for physical goods.
    ///
    /// # Errors
    /// [`ChainError`] when the spec is too long to be journaled.
    pub fn open_physical(
        &self,
        registered: &Registered,
        registration: PhysicalRegistration,
    ) -> Result<Chain, ChainError> {
        let attachment = Attached::PhysicalRegistration(Box::new(registration)).to_bytes();
        Chain::new(vec![self.sign(&opening(registered))], Some(attachment))
    }

    /// Takes the price from the winner's bond, pays seller and house, and lets the goods key go
    /// with it.
    #[must_use]
    pub fn sale(&self, registered: &Registered, sale: &Sale, key: SealedKey) -> Chain {
        let record = sale.record(key);
        let requests = sale_requests(registered, &record);
        self.chain(&requests, Some(Attached::Sale(record)))
    }

    /// Decides that nothing is sold.
    #[must_use]
    pub fn no_sale(&self, registered: &Registered, decision: &NoSale) -> Chain {
        let request = no_sale_request(registered);
        self.chain(&[request], Some(Attached::NoSale(decision.record())))
    }

    /// Decides that the auction is void.
    #[must_use]
    pub fn void(&self, registered: &Registered, decision: &VoidDecision) -> Chain {
        let request = void_request(registered);
        self.chain(&[request], Some(Attached::Void(decision.record())))
    }

    /// Releases holds of a decided auction, at most [`RELEASES_PER_CHAIN`] to a chain. `reference`
    /// is [`AuctionState::release_reference`], `holds` are of [`AuctionState::holds_left`].
    #[must_use]
    pub fn release(
        &self,
        registered: &Registered,
        reference: Digest,
        holds: &[HoldKey],
    ) -> Vec<Chain> {
        let chain = |part: &[HoldKey]| {
            let requests: Vec<_> =
                part.iter().map(|hold| release_request(registered, hold, reference)).collect();
            self.chain(&requests, None)
        };
        holds.chunks(RELEASES_PER_CHAIN).map(chain).collect()
    }

    /// A chain that never commits and makes the journal tell its time: it is answered `Expired`
    /// exactly if that has reached `moment`, and then no later batch has an earlier time, whatever
    /// becomes of the clock.
    #[must_use]
    pub fn probe(&self, registered: &Registered, moment: Time) -> Chain {
        let id = posting_id(&registered.id(), Role::Probe);
        // No hold can have this key: an escrow account holds nothing of its own.
        let hold = HoldKey { account: registered.escrow(), id };
        let account = registered.escrow();
        let action = Action::VoidHold { account, hold, reference: Digest::default() };
        self.chain(&[Request { id, until: moment, action }], None)
    }

    pub(super) fn chain(&self, requests: &[Request], attached: Option<Attached>) -> Chain {
        let requests = requests.iter().map(|request| self.sign(request)).collect();
        #[expect(
            clippy::expect_used,
            reason = "never empty, at most RELEASES_PER_CHAIN, with a record of a few thousand bytes"
        )]
        Chain::new(requests, attached.map(|attached| attached.to_bytes())).expect("within limits")
    }

    fn sign(&self, request: &Request) -> VerifiedRequest {
        #[expect(
            clippy::expect_used,
            reason = "signed just now with the charter's postings key, which `new` compared"
        )]
        SignedRequest::sign(request, &self.signer, &self.charter)
            .verify(&self.charter)
            .expect("the postings key's own signature")
    }
}

impl std::fmt::Debug for Postings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postings({:?})", self.signer)
    }
}

/// The account and id under which an auction's decision is found in the ledger.
#[must_use]
pub fn decision_key(registered: &Registered) -> HoldKey {
    let id = posting_id(&registered.id(), Role::Decision);
    HoldKey { account: registered.escrow(), id }
}

/// The account and id under which an auction's registration is found in the ledger.
#[must_use]
pub fn opening_key(registered: &Registered) -> HoldKey {
    HoldKey { account: registered.escrow(), id: posting_id(&registered.id(), Role::Open) }
}

pub(super) fn opening(registered: &Registered) -> Request {
    Request {
        id: posting_id(&registered.id(), Role::Open),
        until: registered.closing(),
        action: Action::OpenEscrow { subject: registered.id(), currency: registered.currency() },
    }
}

/// The requests of a sale, in order; nothing in them is left to whoever makes them. The ledger
/// itself refuses them from V on.
pub(crate) fn sale_requests(registered: &Payment, record: &SaleRecord) -> Vec<Request> {
    let auction = registered.id();
    let (account, reference) = (registered.escrow(), record.transcript);
    let request = |role, action| Request {
        id: posting_id(&auction, role),
        until: registered.decided_by(),
        action,
    };
    let mut requests = vec![request(Role::Decision, taken(registered, &record.facts()))];
    let mut pay = |role, to: Option<AccountId>, minor_units| {
        if let (Some(credit), Some(amount)) = (to, Sum::new(minor_units)) {
            let movement = Movement { debit: account, credit, amount, reference };
            requests.push(request(role, Action::Post(movement)));
        }
    };
    pay(Role::Seller, Some(registered.seller()), record.price.0.saturating_sub(record.fee.0));
    pay(Role::House, registered.house(), record.fee.0);
    requests
}

/// The price of a sale, taken from the winner's bond.
pub(super) fn taken(registered: &Payment, sale: &SaleFacts) -> Action {
    let (account, reference) = (registered.escrow(), sale.transcript);
    let part = Part::Amount(sale.price.0);
    Action::PostHold { account, hold: sale.hold, part, reference }
}

pub(crate) fn no_sale_request(registered: &Payment) -> Request {
    cancelled(registered, registered.decided_by())
}

pub(crate) fn void_request(registered: &Payment) -> Request {
    cancelled(registered, Time(registered.held_until().0.saturating_add(VOID_GOOD_MS)))
}

/// Uses the decision id up, so that nothing can be sold any more.
fn cancelled(registered: &Payment, until: Time) -> Request {
    let id = posting_id(&registered.id(), Role::Decision);
    Request { id, until, action: Action::Cancel { account: registered.escrow() } }
}

pub(super) fn release_request(
    registered: &Registered,
    hold: &HoldKey,
    reference: Digest,
) -> Request {
    let action = Action::VoidHold { account: registered.escrow(), hold: *hold, reference };
    let id = posting_id(&registered.id(), Role::Release(hold));
    Request { id, until: registered.held_until(), action }
}

pub(super) fn reference_of_void(auction: &Digest) -> Digest {
    void_reference(auction)
}
