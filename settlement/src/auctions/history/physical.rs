//! The audit of physical goods: sales into escrow, words, payouts. SETTLEMENT, section "Physical
//! goods", step 6.

use std::collections::BTreeSet;
use std::sync::Arc;

use auction::layout::Digest;
use auction::spec::Time;
use rand::CryptoRng;

use super::{Evidence, History, Misdeed, compare, is_exactly};
use crate::auctions::attachment::SaleFacts;
use crate::auctions::decision::Decision;
use crate::auctions::index::AuctionState;
use crate::auctions::physical::requests::{note_request, payout_requests, physical_sale_request};
use crate::auctions::physical::{
    DeliveryState, Heard, InEscrow, Payout, PayoutRecord, Stage, Unheard, Word,
};
use crate::audit::Rightful;
use crate::ledger::{Chain, Request};

impl<E: Evidence, R: CryptoRng> History<E, R> {
    pub(super) fn physical_sale(
        &mut self,
        time: Time,
        chain: &Chain,
        sale: &SaleFacts,
    ) -> Result<(), Misdeed> {
        let proven = self.prove(&sale.auction, &sale.transcript, sale.early_close)?;
        let state = self.state(&sale.auction)?;
        let registered = Arc::clone(state.registered());
        let decision = Decision::of(&proven, state, time);
        // A sale that came too early moved what it would have moved in time.
        let timely = Decision::of(&proven, state, time.max(registered.closing()));
        if let Ok(Decision::PhysicalSale(right)) = timely {
            let request = physical_sale_request(&registered, right.record());
            self.rightful = Rightful::Known(vec![request]);
        }
        let Decision::PhysicalSale(expected) = decision.map_err(Misdeed::Decision)? else {
            return Err(Misdeed::NotAsProven("result"));
        };
        compare(expected.record(), sale)?;
        if !is_exactly(chain, &[physical_sale_request(&registered, sale)]) {
            return Err(Misdeed::Requests("sale"));
        }
        self.summary.sales += 1;
        Ok(())
    }

    /// A dispatch or a dispute.
    pub(super) fn word(&self, time: Time, chain: &Chain, word: Word) -> Result<(), Misdeed> {
        let (state, delivery) = self.sold(&word)?;
        let Heard::Noted(note) = hear(state, delivery, word, time)? else {
            return Err(Misdeed::Requests("word"));
        };
        let expected = note_request(state.registered(), note.place(), note.until());
        if is_exactly(chain, &[expected]) { Ok(()) } else { Err(Misdeed::Requests("word")) }
    }

    pub(super) fn payout(
        &mut self,
        time: Time,
        chain: &Chain,
        record: &PayoutRecord,
    ) -> Result<(), Misdeed> {
        let state = self.state(&record.auction)?;
        let delivery = state.delivery().ok_or(Misdeed::NotSold(record.auction))?;
        let payout: Payout = match record.ground.word() {
            Some(word) => match hear(state, delivery, word.clone(), time)? {
                Heard::PaidOut(payout) => payout,
                Heard::Noted(_) | Heard::Again { .. } => {
                    return Err(Misdeed::NotAsProven("payout"));
                }
            },
            None => delivery.due(time).map_err(Misdeed::Delivery)?,
        };
        // Until when it was good says nothing: the ledger took it while it was, and at this time
        // it was right.
        let until = chain.requests().first().map_or(time, |first| first.request().until);
        let expected = payout_requests(state.registered(), delivery.sale(), payout.record(), until);
        let same = payout.record() == record;
        self.rightful = Rightful::Known(expected.clone());
        if !same {
            return Err(Misdeed::NotAsProven("payout"));
        }
        if !is_exactly(chain, &expected) {
            return Err(Misdeed::Requests("payout"));
        }
        self.summary.payouts += 1;
        Ok(())
    }

    /// Keeps in mind a payout that used the one id up although nothing was due.
    pub(super) fn note_unfounded(&mut self, number: u64, touched: BTreeSet<Digest>) {
        let is_paid = |auction: &Digest| {
            let delivery = self.index.auction(auction).and_then(AuctionState::delivery);
            delivery.and_then(DeliveryState::paid_out).is_some_and(|paid| paid.entry == number)
        };
        let unfounded: Vec<Digest> = touched.into_iter().filter(is_paid).collect();
        self.unfounded.extend(unfounded);
    }

    /// What has become due, with the time, of a price that left escrow while it was due to nobody.
    /// Nobody's word is heard after a payout, so those decide that came before.
    pub(super) fn due_all_the_same(
        &self,
        auction: &Digest,
        time: Time,
    ) -> Option<(u64, Vec<Request>)> {
        let state = self.index.auction(auction)?;
        let delivery = state.delivery()?;
        let stage = match (delivery.dispatched(), delivery.disputed()) {
            (None, _) => Stage::Sold,
            (Some(_), None) => Stage::Dispatched,
            (Some(_), Some(_)) => Stage::Disputed,
        };
        let (sale, times) = (delivery.sale(), delivery.times());
        let payout = InEscrow { sale, times, stage }.due(time).ok()?;
        let requests = payout_requests(state.registered(), sale, payout.record(), time);
        Some((delivery.paid_out()?.entry, requests))
    }

    fn sold(&self, word: &Word) -> Result<(&AuctionState, &DeliveryState), Misdeed> {
        let auction = word.auction();
        let state = self.state(&auction)?;
        Ok((state, state.delivery().ok_or(Misdeed::NotSold(auction))?))
    }
}

/// What a word did at this time, its signature checked.
fn hear(
    state: &AuctionState,
    delivery: &DeliveryState,
    word: Word,
    time: Time,
) -> Result<Heard, Misdeed> {
    let verified = word.verify(state.registered(), &delivery.sale().winner);
    let verified = verified.map_err(Misdeed::Word)?;
    match delivery.hear(&verified, time).map_err(Misdeed::Delivery)? {
        Heard::Again { .. } if delivery.paid_out().is_some() => {
            Err(Misdeed::Delivery(Unheard::PaidOut))
        }
        Heard::Again { .. } => Err(Misdeed::Delivery(Unheard::Said)),
        heard => Ok(heard),
    }
}
