//! What a client asks about physical goods. SETTLEMENT, section "Physical goods".

use auction::layout::Digest;
use auction::settlement_terms::EscrowReceipt;
use auction::spec::{SignedSpec, Time};

use super::{Client, ClientError, ProvenReceipt};
use crate::auctions::physical::{Place, Word};
use crate::service::auctions::{AuctionAnswer, AuctionQuestion};
use crate::service::physical::DeliveryView;

impl Client {
    /// 1 Registers an auction of physical goods; the asker's key is the seller's. May be repeated.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the server does not take this auction.
    pub async fn register(&self, spec: &SignedSpec) -> Result<EscrowReceipt, ClientError> {
        let question = AuctionQuestion::Register(Box::new(spec.clone()));
        match self.ask_about(question).await? {
            AuctionAnswer::Escrowed(receipt) => self.checked(receipt, &spec.claimed_id()),
            _ => Err(ClientError::WrongAnswer("expected an escrow receipt")),
        }
    }

    /// 2 Brings a word, one's own or another's; gives the journal entry that holds it, and its
    /// time. May be repeated.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the word says nothing, or not at this time.
    pub async fn say(&self, word: &Word) -> Result<(u64, Time), ClientError> {
        match self.ask_about(AuctionQuestion::Word(Box::new(word.clone()))).await? {
            AuctionAnswer::Heard { entry, time } => Ok((entry, time)),
            _ => Err(ClientError::WrongAnswer("expected where the word is journaled")),
        }
    }

    /// 7 How the physical goods of an auction stand, as one whom they concern.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when nothing was sold, or it is not shown to this key.
    pub async fn delivery(&self, auction: Digest) -> Result<DeliveryView, ClientError> {
        match self.ask_about(AuctionQuestion::Delivery(auction)).await? {
            AuctionAnswer::Delivery(view) => Ok(*view),
            _ => Err(ClientError::WrongAnswer("expected how a delivery stands")),
        }
    }

    /// 7 The receipt of a dispatch, a dispute or a payout, once there is one.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when it is not shown to this key.
    pub async fn delivery_receipt(
        &self,
        auction: Digest,
        place: Place,
    ) -> Result<Option<ProvenReceipt>, ClientError> {
        match self.ask_about(AuctionQuestion::DeliveryReceipt(auction, place)).await? {
            AuctionAnswer::Receipt(receipt) => {
                receipt.map(|receipt| self.check_receipt(*receipt)).transpose()
            }
            _ => Err(ClientError::WrongAnswer("expected a receipt")),
        }
    }
}
