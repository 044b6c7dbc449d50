//! Physical goods: registered without a deposit, words heard, prices paid out when a time comes.
//! SETTLEMENT, section "Physical goods".

use std::collections::BTreeSet;
use std::sync::Arc;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::{SignedSpec, Time};

use super::settle::{Step, commit};
use super::{Auctions, answered, aside, busy, code_of, declined, lock, undecided};
use crate::auctions::physical::requests::place_key;
use crate::auctions::physical::{DeliveryState, Heard, Place, VerifiedWord, Word};
use crate::auctions::{AcceptablePhysical, AcceptableSpec, AuctionState, Registered, SaleFacts};
use crate::ledger::{AccountId, Class, Code};
use crate::server::desk::Desk;
use crate::service::Answer;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined};
use crate::service::physical::DeliveryView;

/// An auction on its way to the journal: it has its place until this is dropped.
struct Registering {
    auctions: Arc<Auctions>,
    auction: Digest,
}

impl Drop for Registering {
    fn drop(&mut self) {
        lock(&self.auctions.registering).remove(&self.auction);
    }
}

impl Auctions {
    /// Journals the registration of an auction of physical goods, and gives the escrow receipt.
    pub(super) async fn register(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        asker: PublicKey,
        signed: SignedSpec,
    ) -> Answer {
        let refused = |reason: String| declined(AuctionDeclined::Spec(reason));
        let spec = match signed.verify_before_escrow() {
            Ok(spec) => spec,
            Err(error) => return refused(error.to_string()),
        };
        let auction = spec.id();
        if asker != spec.spec().seller {
            return declined(AuctionDeclined::SellerOnly);
        }
        if let Some(receipt) = self.escrow_receipt(&auction) {
            return answered(AuctionAnswer::Escrowed(receipt));
        }
        let accounts = AcceptableSpec::accounts(&spec);
        let found = desk.look(move |ledger| {
            let there = accounts.into_iter().filter(|account| ledger.account(account).is_some());
            there.collect::<BTreeSet<AccountId>>()
        });
        let Some(found) = found.await else { return busy() };
        let exists = |account: &AccountId| found.contains(account);
        let spec = match AcceptablePhysical::check(spec, &self.charter, exists, self.clock.now()) {
            Ok(spec) => spec,
            Err(error) => return refused(error.to_string()),
        };
        // It costs the seller no deposit, but it takes a place, from now on.
        let place = match self.reserve(auction, asker) {
            Ok(place) => place,
            Err(answer) => return *answer,
        };
        let (this, desk) = (Arc::clone(self), Arc::clone(desk));
        let task = tokio::spawn(async move {
            // Until the journal has it: whoever asked may be gone.
            let _place = place;
            this.journal_registration(&desk, spec).await
        });
        task.await.unwrap_or(Answer::Unknown)
    }

    /// A place for an auction that is on its way to the journal.
    fn reserve(
        self: &Arc<Self>,
        auction: Digest,
        seller: PublicKey,
    ) -> Result<Registering, Box<Answer>> {
        let deposits = lock(&self.deposits);
        let room = self.has_room(&seller, 0, &deposits);
        room.map_err(|reason| Box::new(declined(reason)))?;
        let mut registering = lock(&self.registering);
        if registering.contains_key(&auction) {
            return Err(Box::new(busy()));
        }
        registering.insert(auction, seller);
        Ok(Registering { auctions: Arc::clone(self), auction })
    }

    async fn journal_registration(&self, desk: &Desk, spec: AcceptablePhysical) -> Answer {
        let refused = |reason: String| declined(AuctionDeclined::Spec(reason));
        let registration = spec.register(&self.server);
        let registered = match registration.clone().verify(&self.charter) {
            Ok(registered) => registered,
            Err(error) => return refused(error.to_string()),
        };
        let chain = match self.postings.open_physical(&registered, registration) {
            Ok(chain) => chain,
            Err(error) => return refused(error.to_string()),
        };
        let code = match desk.decide(chain).await {
            Ok(decision) => code_of(&decision.outcome),
            Err(reason) => return undecided(reason),
        };
        // What was committed is learnt before it is told.
        match self.escrow_receipt(&registered.id()) {
            Some(receipt) => answered(AuctionAnswer::Escrowed(receipt)),
            None if code == Code::Expired => refused("the auction has closed".to_owned()),
            None => declined(AuctionDeclined::Refused(code)),
        }
    }

    /// Takes a word, whoever brings it; the answer comes once the journal holds it.
    pub(super) async fn hear(self: &Arc<Self>, desk: &Arc<Desk>, word: Word) -> Answer {
        let auction = word.auction();
        let sold = self.look_at(&auction, |state, delivery| {
            (Arc::clone(state.registered()), delivery.sale().clone())
        });
        let (registered, sale) = match sold {
            Ok(sold) => sold,
            Err(reason) => return declined(reason),
        };
        let Ok(turn) = self.checks.acquire().await else { return Answer::Unknown };
        let (of, winner) = (Arc::clone(&registered), sale.winner);
        let verified = match aside(move || word.verify(&of, &winner)).await {
            Some(Ok(verified)) => verified,
            Some(Err(refused)) => return declined(AuctionDeclined::Word(refused.to_string())),
            None => return Answer::Unknown,
        };
        drop(turn);
        // What one word does depends on those before it: they go to the journal one by one.
        let Some(turn) = self.hearing.begin(auction) else { return busy() };
        let (this, desk) = (Arc::clone(self), Arc::clone(desk));
        let task = tokio::spawn(async move {
            // Until the journal has it: whoever asked may be gone.
            let _turn = turn;
            this.note_or_pay(&desk, &registered, &sale, &verified).await
        });
        task.await.unwrap_or(Answer::Unknown)
    }

    /// Does what a word says now.
    async fn note_or_pay(
        &self,
        desk: &Desk,
        registered: &Registered,
        sale: &SaleFacts,
        word: &VerifiedWord,
    ) -> Answer {
        let chain = match self.heard(word) {
            Ok(Heard::Again { entry, time }) => {
                return answered(AuctionAnswer::Heard { entry, time });
            }
            Ok(Heard::Noted(note)) => self.postings.note(registered, &note),
            Ok(Heard::PaidOut(payout)) => {
                self.postings.pay_out(registered, sale, &payout, self.clock.now())
            }
            Err(reason) => return declined(reason),
        };
        let code = match desk.decide(chain).await {
            Ok(decision) => code_of(&decision.outcome),
            Err(reason) => return undecided(reason),
        };
        match self.heard(word) {
            Ok(Heard::Again { entry, time }) => answered(AuctionAnswer::Heard { entry, time }),
            // Its time was over by the journal, whatever the clock says.
            _ if code == Code::Expired => {
                declined(AuctionDeclined::Word("the word comes after its time".to_owned()))
            }
            Err(reason) => declined(reason),
            // Something else came in between, after which it may be heard.
            Ok(_) if code.class() == Class::Again || code == Code::Cancelled => busy(),
            Ok(_) => declined(AuctionDeclined::Refused(code)),
        }
    }

    /// What a word does now.
    fn heard(&self, word: &VerifiedWord) -> Result<Heard, AuctionDeclined> {
        let now = self.clock.now();
        let heard = self.look_at(&word.word().auction(), |_, delivery| delivery.hear(word, now))?;
        heard.map_err(|unheard| AuctionDeclined::Word(unheard.to_string()))
    }

    /// How physical goods stand, for those whom it concerns.
    pub(super) fn delivery(&self, asker: PublicKey, auction: &Digest) -> Answer {
        let because = lock(&self.troubles).get(auction).cloned();
        let view = self.look_at(auction, |state, delivery| {
            let concerned = self.is_concerned(state, delivery, asker);
            concerned.then(|| view(state, delivery))
        });
        match view {
            Ok(Some(view)) => {
                let view = DeliveryView { because, ..view };
                answered(AuctionAnswer::Delivery(Box::new(view)))
            }
            Ok(None) => declined(AuctionDeclined::NotYours),
            Err(reason) => declined(reason),
        }
    }

    /// The receipt of a word or a payout.
    pub(super) async fn delivery_receipt(
        &self,
        desk: &Desk,
        asker: PublicKey,
        auction: &Digest,
        place: Place,
    ) -> Answer {
        let key = self.look_at(auction, |state, delivery| {
            let shown = match place {
                Place::Dispatch | Place::Dispute => self.is_concerned(state, delivery, asker),
                Place::Payout => self.is_side(state, &delivery.sale().winner, asker),
            };
            shown.then(|| place_key(state.registered(), place))
        });
        match key {
            Ok(Some(key)) => self.read_receipt(desk, key).await,
            Ok(None) => declined(AuctionDeclined::NotYours),
            Err(reason) => declined(reason),
        }
    }

    /// A side of the sale, or one whose word the terms ask for.
    fn is_concerned(
        &self,
        state: &AuctionState,
        delivery: &DeliveryState,
        asker: PublicKey,
    ) -> bool {
        let signs = state
            .registered()
            .physical()
            .is_some_and(|terms| asker == terms.dispatcher || asker == terms.arbiter);
        signs || self.is_side(state, &delivery.sale().winner, asker)
    }

    fn look_at<T>(
        &self,
        auction: &Digest,
        look: impl FnOnce(&AuctionState, &DeliveryState) -> T,
    ) -> Result<T, AuctionDeclined> {
        let index = self.index();
        let state = index.auction(auction).ok_or(AuctionDeclined::Unknown)?;
        let delivery = state.delivery().ok_or(AuctionDeclined::NotSold)?;
        Ok(look(state, delivery))
    }

    /// Pays a price out of escrow whose time has come, once the journal itself has reached it:
    /// from then on no word can come before.
    pub(super) async fn pay_out(&self, desk: &Desk, registered: &Registered, now: Time) -> Step {
        let auction = registered.id();
        let ends = self.look_at(&auction, |_, delivery| {
            delivery.in_escrow().map(|in_escrow| in_escrow.ends())
        });
        let Ok(Some(ends)) = ends else { return Step::On };
        if let Err(reason) = self.journal_reaches(desk, registered, ends).await {
            return Step::Later(reason);
        }
        // A word may have come in time while the journal was asked: then this stage is over.
        let due = self.look_at(&auction, |_, delivery| {
            delivery.due(now).map(|payout| (delivery.sale().clone(), payout))
        });
        let Ok(Ok((sale, payout))) = due else { return Step::On };
        match commit(desk, self.postings.pay_out(registered, &sale, &payout, now)).await {
            Ok(Code::Done) => {
                tracing::info!(%auction, "the price has left escrow, its time had come");
                Step::On
            }
            // By a word that came in time.
            Ok(Code::Cancelled | Code::ChainPartlyKnown) => Step::On,
            Ok(code) => Step::Later(format!("the ledger refuses the payout: {code:?}")),
            Err(reason) => Step::Later(reason.to_string()),
        }
    }
}

fn view(state: &AuctionState, delivery: &DeliveryState) -> DeliveryView {
    let (sale, times) = (delivery.sale(), delivery.times());
    DeliveryView {
        winner: sale.winner,
        price: sale.price,
        fee: sale.fee,
        currency: state.registered().currency(),
        dispatched_by: times.dispatched_by(),
        disputed_by: times.disputed_by(),
        awarded_by: times.awarded_by(),
        otherwise: times.otherwise(),
        dispatched: delivery.dispatched().cloned(),
        disputed: delivery.disputed().cloned(),
        paid_out: delivery.paid_out().cloned(),
        because: None,
    }
}
