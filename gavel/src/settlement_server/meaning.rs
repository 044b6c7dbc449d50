//! What entries mean: the auctions' part of an audit and the purchases', side by side.

use rand::CryptoRng;
use settlement::auctions::{Evidence, History, history};
use settlement::audit::{EntryCheck, Objected};
use settlement::ledger::{Entry, Ledger, Request};
use settlement::purchases::{PurchaseHistory, PurchaseMisdeed};

/// Both parts, each of which sees every entry.
pub(super) struct Meaning<'a, E, R> {
    pub(super) auctions: History<E, R>,
    pub(super) purchases: PurchaseHistory<'a>,
}

/// What one of them objects to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Objection {
    #[error(transparent)]
    Auction(#[from] history::Misdeed),
    #[error(transparent)]
    Purchase(#[from] PurchaseMisdeed),
}

impl<E: Evidence, R: CryptoRng> EntryCheck for Meaning<'_, E, R> {
    type Objection = Objection;

    fn entry(
        &mut self,
        number: u64,
        time: auction::spec::Time,
        entry: &Entry,
    ) -> Result<(), Objected<Objection>> {
        // The one goes on whatever the other finds; an entry is the concern of one of them.
        let auctions = self.auctions.entry(number, time, entry);
        self.purchases.entry(number, time, entry).map_err(widened)?;
        auctions.map_err(widened)
    }

    fn owed(&self, time: auction::spec::Time) -> Vec<(u64, Vec<Request>)> {
        self.auctions.owed(time)
    }

    fn end(&mut self, ledger: &Ledger) -> Vec<Objection> {
        self.auctions.end(ledger).into_iter().map(Objection::from).collect()
    }
}

fn widened<T: Into<Objection>>(objected: Objected<T>) -> Objected<Objection> {
    Objected { objection: objected.objection.into(), rightful: objected.rightful }
}
