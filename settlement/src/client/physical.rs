//! What a client asks about physical goods. SETTLEMENT, section "Physical goods".

use auction::layout::Digest;
use auction::settlement_terms::EscrowReceipt;
use auction::spec::{SignedSpec, Time};

use super::{Client, ClientError, ProvenReceipt};
use crate::auctions::Attached;
use crate::auctions::physical::{Place, Saying, Word};
use crate::journal::Proven;
use crate::ledger::Code;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, AuctionQuestion};
use crate::service::physical::DeliveryView;

/// A word that the server has journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journaled {
    /// The entry that holds it.
    pub entry: u64,
    /// Its time.
    pub time: Time,
    /// The proof of both, held against the word. None where the server shows it to others alone
    /// (the receipt of a payout names accounts): then the rest is the server's word and no more.
    pub receipt: Option<ProvenReceipt>,
}

/// The word in an entry: journaled by itself, or what a payout rests on.
fn word_in(entry: &Proven) -> Option<Word> {
    match Attached::read_bytes(entry.attachment.as_deref()?).ok()?? {
        Attached::Word(word) => Some(word),
        Attached::Payout(payout) => payout.ground.word().cloned(),
        _ => None,
    }
}

/// Whether an entry is what stands in this place of this auction.
fn is_in_place(entry: &Proven, auction: &Digest, place: Place) -> bool {
    let attached = entry.attachment.as_deref().map(Attached::read_bytes);
    let is_it = match attached {
        Some(Ok(Some(Attached::Word(word)))) => {
            let fits = match word.saying() {
                Saying::Dispatched { .. } => place == Place::Dispatch,
                Saying::Disputed { .. } => place == Place::Dispute,
                Saying::Received | Saying::Awarded { .. } => false,
            };
            fits && word.auction() == *auction
        }
        Some(Ok(Some(Attached::Payout(payout)))) => {
            place == Place::Payout && payout.auction == *auction
        }
        _ => false,
    };
    is_it && entry.codes.iter().all(|code| *code == Code::Done)
}

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

    /// 2 Brings a word, one's own or another's; gives the journal entry that holds it, its time and
    /// its receipt. May be repeated.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the word says nothing, or not at this time;
    /// [`ClientError::WrongAnswer`] when the receipt is of something else than this word.
    pub async fn say(&self, word: &Word) -> Result<Journaled, ClientError> {
        let question = AuctionQuestion::Word(Box::new(word.clone()));
        let AuctionAnswer::Heard { entry, time } = self.ask_about(question).await? else {
            return Err(ClientError::WrongAnswer("expected where the word is journaled"));
        };
        let place = match word.saying() {
            Saying::Dispatched { .. } => Place::Dispatch,
            Saying::Disputed { .. } => Place::Dispute,
            Saying::Received | Saying::Awarded { .. } => Place::Payout,
        };
        let wrong = || ClientError::WrongAnswer("a word that its receipt does not show");
        let receipt = match self.delivery_receipt(word.auction(), place).await {
            Err(ClientError::Auction(AuctionDeclined::NotYours)) => None,
            found => Some(found?.ok_or_else(wrong)?),
        };
        if let Some(receipt) = &receipt {
            let is_it = word_in(receipt.proven()).is_some_and(|said| said.says_the_same(word));
            let there = (receipt.receipt().number, receipt.proven().time) == (entry, time);
            if !is_it || !there {
                return Err(wrong());
            }
        }
        Ok(Journaled { entry, time, receipt })
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
                let receipt = receipt.map(|receipt| self.check_receipt(*receipt)).transpose()?;
                if receipt.as_ref().is_some_and(|one| !is_in_place(one.proven(), &auction, place)) {
                    return Err(ClientError::WrongAnswer("a receipt of something else"));
                }
                Ok(receipt)
            }
            _ => Err(ClientError::WrongAnswer("expected a receipt")),
        }
    }
}
