//! What everyone may see of an auction's payment, and what its sides alone may.

use auction::keys::PublicKey;
use auction::layout::Digest;

use super::room::keeps_goods;
use super::{Auctions, answered, aside, busy, declined, lock};
use crate::auctions::postings::decision_key;
use crate::auctions::{AuctionState, Decided};
use crate::ledger::HoldKey;
use crate::server::desk::Desk;
use crate::service::Answer;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, DecisionView, Stage, Standing};

impl Auctions {
    /// How the payment of an auction stands.
    pub(super) fn standing(&self, auction: &Digest) -> Answer {
        let now = self.clock.now();
        let because = lock(&self.troubles).get(auction).cloned();
        let index = self.index();
        let Some(state) = index.auction(auction) else {
            return declined(AuctionDeclined::Unknown);
        };
        let registered = state.registered();
        let stage = match (state.decided(), state.decided_in()) {
            (Some(decided), Some(entry)) => Stage::Decided {
                entry,
                decision: view(decided),
                holds_left: state.count_left(now) as u64,
            },
            _ if now < registered.closing() && self.early_close(auction).is_none() => Stage::Open,
            _ => Stage::Settling { because },
        };
        answered(AuctionAnswer::Standing(Box::new(Standing {
            registered: state.entry(),
            closing: registered.closing(),
            decided_by: registered.decided_by(),
            held_until: registered.held_until(),
            stage,
        })))
    }

    /// A piece of the encrypted goods.
    pub(super) async fn goods(&self, auction: Digest, offset: u64) -> Answer {
        if self.index().auction(&auction).is_none() {
            return declined(AuctionDeclined::Unknown);
        }
        let goods = self.goods.clone();
        match aside(move || goods.read(&auction, offset)).await {
            Some(Ok(Some((total, bytes)))) => answered(AuctionAnswer::Goods { total, bytes }),
            Some(Ok(None)) => declined(AuctionDeclined::Unknown),
            Some(Err(error)) => {
                tracing::error!(%error, "goods cannot be read");
                declined(AuctionDeclined::Disk)
            }
            None => Answer::Unknown,
        }
    }

    /// The receipt of a decision.
    pub(super) async fn receipt(&self, desk: &Desk, asker: PublicKey, auction: &Digest) -> Answer {
        let key = {
            let index = self.index();
            let Some(state) = index.auction(auction) else {
                return declined(AuctionDeclined::Unknown);
            };
            let Some(decided) = state.decided() else {
                return answered(AuctionAnswer::Receipt(None));
            };
            if decided.winner().is_some_and(|winner| !self.is_side(state, winner, asker)) {
                return declined(AuctionDeclined::NotYours);
            }
            decision_key(state.registered())
        };
        self.read_receipt(desk, key).await
    }

    /// The receipt of the entry that decided a request of the postings module.
    pub(super) async fn read_receipt(&self, desk: &Desk, key: HoldKey) -> Answer {
        let read = desk.ask(move |keeper| match keeper.receipt(&key.account, key.id) {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::error!(%error, "the entry of a decision cannot be read back");
                keeper.look(|_| None)
            }
        });
        match read.await {
            Some(receipt) => answered(AuctionAnswer::Receipt(receipt.map(Box::new))),
            None => busy(),
        }
    }

    /// Whether a sale is the asker's: the winner by either key, the seller, the house, or the
    /// operator.
    pub(super) fn is_side(
        &self,
        state: &AuctionState,
        winner: &PublicKey,
        asker: PublicKey,
    ) -> bool {
        let registered = state.registered();
        let house = registered.settlement().fee.as_ref().map(|fee| fee.house);
        let account = state.bond(winner).map(|live| live.bond().owner);
        asker == *winner
            || Some(asker) == account
            || asker == registered.spec().spec().seller
            || Some(asker) == house
            || asker == self.charter.operator()
    }

    /// Whether the goods of an auction are still served.
    pub(super) fn keeps_goods(&self, auction: &Digest) -> bool {
        let now = self.clock.now();
        let retained = self.index().auction(auction).is_some_and(|state| keeps_goods(state, now));
        retained || self.is_depositing(auction)
    }
}

fn view(decided: &Decided) -> DecisionView {
    match decided {
        Decided::Sale(record) => DecisionView::Sale {
            winner: record.winner,
            price: record.price,
            fee: record.fee,
            transcript: record.transcript,
        },
        Decided::PhysicalSale(delivery) => {
            let sale = delivery.sale();
            DecisionView::PhysicalSale {
                winner: sale.winner,
                price: sale.price,
                fee: sale.fee,
                transcript: sale.transcript,
            }
        }
        Decided::NoSale(record) => DecisionView::NoSale { transcript: record.transcript },
        Decided::Void(_) => DecisionView::Void,
        Decided::Unreadable => DecisionView::Unreadable,
    }
}
