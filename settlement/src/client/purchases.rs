//! What a merchant and a customer ask about purchases.

use std::io::{Read, Seek, SeekFrom, Write};

use super::{Client, ClientError};
use crate::goods::GoodsKey;
use crate::journal::Proven;
use crate::ledger::{Action, Class, Code, SignedRequest};
use crate::purchases::order::key_of;
use crate::purchases::{HeldItem, Offer, OrderKey, PaidPurchase, PurchaseReceipt};
use crate::service::auctions::KeyInTransit;
use crate::service::purchases::{ITEM_PIECE_BYTES, Paid, PurchaseAnswer, PurchaseQuestion};
use crate::service::{Answer, Question};

/// What became of an order.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and taken apart")]
pub enum Bought {
    /// Paid: verified, with what it proves.
    Paid(PurchaseReceipt, PaidPurchase),
    /// Nothing was paid; [`Code::class`] says whether it can be under this id. From
    /// [`Client::purchase`] it is proved and final; to a merchant who brings an order it is the
    /// server's word.
    Refused(Code),
}

impl Client {
    /// f Brings an order with both signatures, its offer and the goods key. May be repeated.
    ///
    /// # Errors
    /// [`ClientError::Purchase`] when they do not belong together.
    pub async fn buy(
        &self,
        order: &SignedRequest,
        offer: &Offer,
        key: &GoodsKey,
    ) -> Result<Bought, ClientError> {
        let question = PurchaseQuestion::Buy {
            order: order.as_bytes().to_vec(),
            offer: offer.as_bytes().to_vec(),
            key: KeyInTransit::from(key),
        };
        let answer = self.ask_about_purchase(question).await?;
        self.bought(answer, key_of(order.request()))?.ok_or_else(|| wrong("expected a result"))
    }

    /// h What became of an order; nothing where it is not decided. Customer and merchant get the
    /// goods key with it. A refusal is believed by its receipt alone: who is told that an order was
    /// refused signs another one.
    ///
    /// # Errors
    /// [`ClientError::Purchase`] when it is not shown to this key, [`ClientError::WrongAnswer`]
    /// when nothing proves what the server says: the order may still be paid.
    pub async fn purchase(&self, order: OrderKey) -> Result<Option<Bought>, ClientError> {
        let question = PurchaseQuestion::Standing(order.account, order.id);
        let answer = self.ask_about_purchase(question).await?;
        match self.bought(answer, Some(order))? {
            Some(Bought::Refused(_)) => self.proven_refusal(order).await.map(Some),
            told => Ok(told),
        }
    }

    /// A refusal, or a cancellation, as the receipt of the order's id shows it.
    async fn proven_refusal(&self, order: OrderKey) -> Result<Bought, ClientError> {
        let unproven = || wrong("a refusal that nothing proves");
        let status = self.status(order.account, order.id).await?.ok_or_else(unproven)?;
        let Proven { requests, codes, .. } = status.receipt.proven();
        let shown = requests.iter().zip(codes).find_map(|(request, code)| {
            let request = request.request();
            let refused = code.class() == Class::Final;
            match request.action {
                _ if request.id != order.id => None,
                Action::Purchase(_) if key_of(request) == Some(order) && refused => Some(*code),
                Action::Cancel { account } if account == order.account && *code == Code::Done => {
                    Some(Code::Cancelled)
                }
                _ => None,
            }
        });
        shown.map(Bought::Refused).ok_or_else(unproven)
    }

    /// f Case 3: deposits the item that an order with both signatures is for, and has it bought.
    /// Goes on where an earlier attempt ended. `progress` gets the bytes that the server has.
    ///
    /// # Errors
    /// [`ClientError::Purchase`] when the server does not take it, [`ClientError::File`] when the
    /// item cannot be read.
    pub async fn buy_held(
        &self,
        order: &SignedRequest,
        offer: &Offer,
        item: &mut (impl Read + Seek),
        mut progress: impl FnMut(u64),
    ) -> Result<Bought, ClientError> {
        let parts = || (order.as_bytes().to_vec(), offer.as_bytes().to_vec());
        let crate::purchases::Delivery::Held(HeldItem { checksum, bytes }) = offer.terms().delivery
        else {
            return Err(wrong("an offer of encrypted goods"));
        };
        let (signed, offered) = parts();
        let deposit = PurchaseQuestion::Deposit { order: signed, offer: offered };
        let mut have = match self.ask_about_purchase(deposit).await? {
            PurchaseAnswer::Have(bytes) => bytes,
            // Decided before, or never to be taken.
            decided => {
                let decided = self.bought(decided, key_of(order.request()))?;
                return decided.ok_or_else(|| wrong("expected how much of the item is there"));
            }
        };
        let mut piece = Vec::with_capacity(ITEM_PIECE_BYTES);
        while have < bytes {
            progress(have);
            piece.clear();
            item.seek(SeekFrom::Start(have)).map_err(ClientError::File)?;
            let part = item.by_ref().take(ITEM_PIECE_BYTES as u64);
            { part }.read_to_end(&mut piece).map_err(ClientError::File)?;
            if piece.is_empty() {
                return Err(ClientError::File(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let (item, offset) = (checksum, have);
            let question = PurchaseQuestion::Piece { item, offset, bytes: piece.clone() };
            let now = self.have(question).await?;
            if now <= have {
                return Err(wrong("expected to get on with the item"));
            }
            have = now;
        }
        progress(have);
        let (signed, offered) = parts();
        let buy = PurchaseQuestion::BuyHeld { order: signed, offer: offered };
        let answer = self.ask_about_purchase(buy).await?;
        self.bought(answer, key_of(order.request()))?.ok_or_else(|| wrong("expected a result"))
    }

    /// h Case 3: fetches the item of a purchase from byte `from` on, which `to` has before it,
    /// and says how many bytes there are. Whether it is the offered one,
    /// [`crate::goods::checksum_of_item`] tells.
    ///
    /// # Errors
    /// [`ClientError::Purchase`] when the server has it no more or does not show it to this key,
    /// [`ClientError::File`] when it cannot be written.
    pub async fn fetch_item(
        &self,
        order: OrderKey,
        expected: &HeldItem,
        from: u64,
        to: &mut impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, ClientError> {
        let mut have = from;
        while have < expected.bytes {
            let question = PurchaseQuestion::Item(order.account, order.id, have);
            let PurchaseAnswer::Item { total, bytes } = self.ask_about_purchase(question).await?
            else {
                return Err(wrong("expected an item"));
            };
            let left = expected.bytes - have;
            if total != expected.bytes || bytes.is_empty() || bytes.len() as u64 > left {
                return Err(wrong("an item of another length"));
            }
            to.write_all(&bytes).map_err(ClientError::File)?;
            have += bytes.len() as u64;
            progress(have);
        }
        to.flush().map_err(ClientError::File)?;
        Ok(have)
    }

    async fn have(&self, question: PurchaseQuestion) -> Result<u64, ClientError> {
        match self.ask_about_purchase(question).await? {
            PurchaseAnswer::Have(bytes) => Ok(bytes),
            _ => Err(wrong("expected how much of the item is there")),
        }
    }

    /// Verifies an answer about this order.
    fn bought(
        &self,
        answer: PurchaseAnswer,
        order: Option<OrderKey>,
    ) -> Result<Option<Bought>, ClientError> {
        match answer {
            PurchaseAnswer::Paid(paid) => {
                let Paid { receipt, key } = *paid;
                let receipt = PurchaseReceipt::new(receipt, key.map(|key| key.key()));
                let proven = receipt.verify(self.charter())?;
                if Some(proven.key) != order {
                    return Err(wrong("the receipt of another purchase"));
                }
                self.remember(&receipt.receipt().head)?;
                Ok(Some(Bought::Paid(receipt, proven)))
            }
            PurchaseAnswer::Refused(code) => Ok(Some(Bought::Refused(code))),
            PurchaseAnswer::Undecided => Ok(None),
            _ => Err(wrong("expected what became of a purchase")),
        }
    }

    async fn ask_about_purchase(
        &self,
        question: PurchaseQuestion,
    ) -> Result<PurchaseAnswer, ClientError> {
        match self.ask(&Question::Purchase(Box::new(question))).await? {
            Answer::Purchase(answer) => match *answer {
                PurchaseAnswer::Declined(declined) => Err(declined.into()),
                answer => Ok(answer),
            },
            _ => Err(wrong("expected an answer about a purchase")),
        }
    }
}

fn wrong(what: &'static str) -> ClientError {
    ClientError::WrongAnswer(what)
}
