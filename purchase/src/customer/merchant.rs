//! The merchant, as a customer asks him.

use std::time::Duration;

use auction::keys::PublicKey;
use link::{Endpoint, Peer, PeerKey};
use settlement::purchases::{Order, OrderKey, PurchaseReceipt, SignedOffer};
use tokio::time::{Instant, sleep};

use super::error::BuyError;
use crate::merchant_file::MerchantFile;
use crate::service::{Answer, Declined, ItemView, MAX_PAGE, Paid, Question};

/// Asks one merchant, in the name of one key.
#[derive(Debug, Clone)]
pub struct Shop {
    peer: Peer,
    account: PublicKey,
    patience: Duration,
}

/// What a merchant says of an order.
#[expect(clippy::large_enum_variant, reason = "one at a time, and taken apart")]
pub(super) enum Said {
    /// Paid, he says.
    Paid(PurchaseReceipt),
    /// Refused for good, he says.
    Refused,
    /// On its way, or he does not know it.
    Pending,
}

impl Shop {
    /// Asks from an endpoint that there is; a question is given up after `patience`.
    #[must_use]
    pub fn over(endpoint: Endpoint, file: &MerchantFile, patience: Duration) -> Self {
        let peer = Peer::new(endpoint, file.address.clone(), PeerKey(file.identity.0));
        Self { peer, account: file.account, patience }
    }

    /// The owner's key of the account that is paid.
    #[must_use]
    pub fn account(&self) -> PublicKey {
        self.account
    }

    /// What the merchant sells.
    ///
    /// # Errors
    /// [`BuyError`] when he does not answer, or something else.
    pub async fn catalogue(&self) -> Result<Vec<ItemView>, BuyError> {
        let mut items: Vec<ItemView> = Vec::new();
        loop {
            let from = items.last().map_or(0, |last| last.item.saturating_add(1));
            let Answer::Catalogue(page) = self.ask(&Question::Catalogue(from)).await? else {
                return Err(BuyError::WrongAnswer("expected a catalogue"));
            };
            let increasing = page.iter().is_sorted_by(|one, two| one.item < two.item);
            if page.len() > MAX_PAGE || !increasing || page.iter().any(|item| item.item < from) {
                return Err(BuyError::WrongAnswer("expected a page of a catalogue"));
            }
            let last = page.len() < MAX_PAGE;
            items.extend(page);
            if last {
                return Ok(items);
            }
        }
    }

    /// a and b Asks for an offer.
    pub(super) async fn inquire(
        &self,
        item: u64,
        inquiry: [u8; 16],
    ) -> Result<SignedOffer, BuyError> {
        match self.ask(&Question::Inquiry { item, inquiry }).await? {
            Answer::Offer(bytes) => Ok(SignedOffer::decode(&bytes)?),
            _ => Err(BuyError::WrongAnswer("expected an offer")),
        }
    }

    /// c and d A piece of the encrypted goods.
    pub(super) async fn goods(&self, offer: &[u8], offset: u64) -> Result<Vec<u8>, BuyError> {
        let question = Question::Goods { offer: offer.to_vec(), offset };
        match self.ask(&question).await? {
            Answer::Goods(bytes) => Ok(bytes),
            _ => Err(BuyError::WrongAnswer("expected goods")),
        }
    }

    /// e Brings an order, and hears what becomes of it.
    pub(super) async fn order(&self, offer: &[u8], order: &Order) -> Result<Said, BuyError> {
        let question = Question::Order { offer: offer.to_vec(), order: order.as_bytes().to_vec() };
        said(self.ask(&question).await?)
    }

    /// h What became of an order.
    pub(super) async fn sale(&self, key: OrderKey) -> Result<Said, BuyError> {
        match self.ask(&Question::Sale(key.account, key.id)).await {
            Err(BuyError::Declined(Declined::NotYours)) => Ok(Said::Pending),
            answer => said(answer?),
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, BuyError> {
        let end = Instant::now() + self.patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.peer.request(question, left).await? {
                Answer::Busy { retry_after } => {
                    let pause = Duration::from_millis(retry_after.into());
                    let pause = pause.mul_f64(rand::random_range(0.5..=1.5));
                    if Instant::now() + pause >= end {
                        return Err(BuyError::Busy);
                    }
                    sleep(pause).await;
                }
                Answer::Declined(declined) => return Err(declined.into()),
                answer => return Ok(answer),
            }
        }
    }
}

fn said(answer: Answer) -> Result<Said, BuyError> {
    match answer {
        Answer::Paid(paid) => {
            let Paid { receipt, key } = *paid;
            Ok(Said::Paid(PurchaseReceipt::new(receipt, key.map(|key| key.key()))))
        }
        Answer::Refused(_) => Ok(Said::Refused),
        Answer::Pending => Ok(Said::Pending),
        _ => Err(BuyError::WrongAnswer("expected what became of an order")),
    }
}
