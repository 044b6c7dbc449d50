//! The counter: questions of customers, from the network.

use std::sync::Arc;
use std::time::Duration;

use auction::keys::PublicKey;
use link::{Handler, PeerKey};
use settlement::ledger::{AccountId, RequestId};
use settlement::purchases::{OrderKey, VerifiedOffer};
use settlement::server::Clock;
use settlement::service::auctions::KeyInTransit;

use super::catalogue::{CatalogueItem, ItemDelivery};
use super::quoting::{NoQuote, Quoting};
use super::sales::SaleState;
use super::selling::{NotTaken, Selling, code_of, receipt_of};
use crate::service::{Answer, Declined, ItemView, MAX_PAGE, MAX_QUESTION, Paid, Question};

/// After how many milliseconds who asks for too much should ask again.
const BUSY_MS: u32 = 1000;
/// How long an order waits for the settlement server's decision before it is told to ask again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The answering side of a merchant.
pub(super) struct Counter {
    quoting: Arc<Quoting>,
    selling: Arc<Selling>,
    clock: Arc<dyn Clock>,
}

impl Handler for Counter {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    async fn answer(&self, peer: PeerKey, question: Question) -> Answer {
        let customer = PublicKey(peer.0);
        match question {
            Question::Catalogue(from) => self.catalogue(from).await,
            Question::Inquiry { item, inquiry } => {
                let now = self.clock.now();
                match self.quoting.quote(customer, item, inquiry, now).await {
                    Ok(offer) => Answer::Offer(offer.signed().to_bytes()),
                    Err(reason) => no_quote(reason),
                }
            }
            Question::Goods { offer, offset } => match self.quoting.own_offer(&customer, &offer) {
                Err(declined) => Answer::Declined(declined),
                Ok(offer) if self.clock.now() >= offer.terms().expires => {
                    Answer::Declined(Declined::Expired)
                }
                Ok(offer) => match self.quoting.piece(offer, offset).await {
                    Ok(bytes) => Answer::Goods(bytes),
                    Err(reason) => no_quote(reason),
                },
            },
            Question::Order { offer, order } => self.order(&customer, &offer, &order).await,
            Question::Sale(account, id) => self.sale(&customer, account, id).await,
        }
    }
}

impl Counter {
    pub(super) fn new(quoting: Arc<Quoting>, selling: Arc<Selling>, clock: Arc<dyn Clock>) -> Self {
        Self { quoting, selling, clock }
    }

    pub(super) fn selling(&self) -> &Arc<Selling> {
        &self.selling
    }

    async fn catalogue(&self, from: u64) -> Answer {
        let quoting = Arc::clone(&self.quoting);
        let page = tokio::task::spawn_blocking(move || quoting.catalogue().page(from, MAX_PAGE));
        match page.await {
            Ok(Ok(items)) => {
                Answer::Catalogue(items.into_iter().map(|item| self.view(item)).collect())
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the catalogue cannot be read");
                Answer::Declined(Declined::Disk)
            }
            Err(_) => busy(),
        }
    }

    fn view(&self, item: CatalogueItem) -> ItemView {
        ItemView {
            item: item.number,
            description: item.description,
            price: item.price.get(),
            currency: self.quoting.currency(),
            bytes: item.bytes,
            held: item.delivery == ItemDelivery::Held,
        }
    }

    /// e to h Takes an order, and waits for what becomes of it.
    async fn order(&self, customer: &PublicKey, offer: &[u8], order: &[u8]) -> Answer {
        let offer = match self.quoting.own_offer(customer, offer) {
            Ok(offer) => offer,
            Err(declined) => return Answer::Declined(declined),
        };
        let taken = self.selling.take(offer.clone(), order, self.clock.now()).await;
        let mut state = match taken {
            Ok(state) => state,
            Err(reason) => return not_taken(reason),
        };
        // It goes on when nobody waits any more.
        let decided =
            tokio::time::timeout(PATIENCE, state.wait_for(|state| *state != SaleState::Open));
        match decided.await {
            Ok(Ok(state)) => {
                let state = state.clone();
                self.told(&offer, &state)
            }
            Ok(Err(_)) | Err(_) => Answer::Pending,
        }
    }

    /// h What became of an order.
    async fn sale(&self, customer: &PublicKey, account: AccountId, id: RequestId) -> Answer {
        match self.selling.state(OrderKey { account, id }, customer).await {
            Ok(Some((offer, state))) => self.told(&offer, &state),
            Ok(None) => Answer::Declined(Declined::NotYours),
            Err(reason) => not_taken(reason),
        }
    }

    fn told(&self, offer: &VerifiedOffer, state: &SaleState) -> Answer {
        match state {
            SaleState::Open => Answer::Pending,
            SaleState::Refused(number) => {
                code_of(*number).map_or(Answer::Declined(Declined::Disk), Answer::Refused)
            }
            SaleState::Paid(bytes) => {
                let Some(receipt) = receipt_of(bytes) else {
                    return Answer::Declined(Declined::Disk);
                };
                // Paid for: the item may have gone since, the receipt stays.
                let goods = self.quoting.goods_of(offer).ok().and_then(|(_, goods)| goods);
                let key = goods.map(|(key, _)| KeyInTransit::from(&key));
                Answer::Paid(Box::new(Paid { receipt: receipt.receipt().clone(), key }))
            }
        }
    }
}

fn busy() -> Answer {
    Answer::Busy { retry_after: BUSY_MS }
}

fn no_quote(reason: NoQuote) -> Answer {
    match reason {
        NoQuote::Busy => busy(),
        NoQuote::Declined(declined) => Answer::Declined(declined),
    }
}

fn not_taken(reason: NotTaken) -> Answer {
    match reason {
        NotTaken::Busy => busy(),
        NotTaken::Declined(declined) => Answer::Declined(declined),
    }
}
