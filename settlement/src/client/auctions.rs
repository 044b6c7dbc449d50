//! What a client asks about an auction's payment.

use std::io::{Read, Seek, SeekFrom, Write};

use auction::bid::BondTicket;
use auction::layout::Digest;
use auction::settlement_terms::{EscrowReceipt, Goods};
use auction::spec::{EarlyClose, SignedSpec, VerifiedSpec};

use super::{Client, ClientError, ProvenReceipt};
use crate::auctions::{Attached, BondOrder};
use crate::goods::GoodsKey;
use crate::journal::Proven;
use crate::ledger::Code;
use crate::service::auctions::{
    AuctionAnswer, AuctionQuestion, KeyInTransit, PIECE_BYTES, Standing, TranscriptPiece,
};
use crate::service::{Answer, Question};

/// How often a transcript is handed in again from where the server lost it.
const MAX_BEGUN_AGAIN: u32 = 8;

/// Whether an entry decided an auction.
fn decides(entry: &Proven, auction: &Digest) -> bool {
    let attached = entry.attachment.as_deref().map(Attached::read_bytes);
    let decided = match attached {
        Some(Ok(Some(Attached::Sale(record)))) => record.auction,
        Some(Ok(Some(Attached::PhysicalSale(sale)))) => sale.auction,
        Some(Ok(Some(Attached::NoSale(record)))) => record.auction,
        Some(Ok(Some(Attached::Void(record)))) => record.auction,
        _ => return false,
    };
    decided == *auction && entry.codes.iter().all(|code| *code == Code::Done)
}

impl Client {
    /// 1 Deposits goods and key, for the auction of `spec`, which has no escrow receipt yet; the
    /// asker's key is the seller's. Goes on where an earlier attempt ended. `progress` gets the
    /// bytes that the server has.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the server does not take this auction, these goods or this
    /// key; [`ClientError::File`] when the goods cannot be read.
    pub async fn escrow(
        &self,
        spec: &SignedSpec,
        goods: &mut (impl Read + Seek),
        key: &GoodsKey,
        mut progress: impl FnMut(u64),
    ) -> Result<EscrowReceipt, ClientError> {
        let id = spec.claimed_id();
        let deposit = AuctionQuestion::Deposit(Box::new(spec.clone()));
        let mut answer = self.ask_about(deposit).await?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        loop {
            let held = match answer {
                AuctionAnswer::Escrowed(receipt) => return self.checked(receipt, &id),
                AuctionAnswer::Have(held) => held,
                _ => {
                    return Err(ClientError::WrongAnswer(
                        "expected how much of the goods is there",
                    ));
                }
            };
            progress(held);
            piece.clear();
            goods.seek(SeekFrom::Start(held)).map_err(ClientError::File)?;
            goods
                .by_ref()
                .take(PIECE_BYTES as u64)
                .read_to_end(&mut piece)
                .map_err(ClientError::File)?;
            let question = if piece.is_empty() {
                AuctionQuestion::Escrow(id, KeyInTransit::from(key))
            } else {
                AuctionQuestion::Piece { auction: id, offset: held, bytes: piece.clone() }
            };
            let asked_for_key = piece.is_empty();
            answer = self.ask_about(question).await?;
            let stuck = match answer {
                AuctionAnswer::Have(now) => asked_for_key || now <= held,
                _ => false,
            };
            if stuck {
                return Err(ClientError::WrongAnswer("expected to get on with the goods"));
            }
        }
    }

    pub(super) fn checked(
        &self,
        receipt: EscrowReceipt,
        id: &Digest,
    ) -> Result<EscrowReceipt, ClientError> {
        let signed = receipt.verify(id, &self.charter().server());
        signed.map_err(|_| ClientError::WrongAnswer("an escrow receipt of another"))?;
        Ok(receipt)
    }

    /// 3 Brings an order; the ticket says that the bond is held. May be repeated.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the bond is refused.
    pub async fn bond(
        &self,
        spec: &VerifiedSpec,
        order: &BondOrder,
    ) -> Result<BondTicket, ClientError> {
        let question = AuctionQuestion::Bond(Box::new(order.clone()));
        let AuctionAnswer::Ticket(ticket) = self.ask_about(question).await? else {
            return Err(ClientError::WrongAnswer("expected a bond ticket"));
        };
        let terms = spec.spec().settlement.as_ref();
        let fits = terms.is_some_and(|terms| {
            ticket.cover == order.terms().cover
                && ticket.verify(&spec.id(), terms, &order.terms().bidder).is_ok()
        });
        if fits { Ok(*ticket) } else { Err(ClientError::WrongAnswer("a ticket for another bond")) }
    }

    /// 4 Asks the server to fetch the transcript and to settle, if that is possible now; before
    /// the closing time with the seller's word that closed the auction.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the server knows no such auction.
    pub async fn settle(
        &self,
        auction: Digest,
        word: Option<EarlyClose>,
    ) -> Result<Standing, ClientError> {
        self.state_by(AuctionQuestion::Settle(auction, word)).await
    }

    /// 4 Hands a transcript file in, so that the server need not fetch it: it verifies it and then
    /// settles. `progress` gets the bytes that the server has.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the auction has not closed, or the transcript proves nothing.
    pub async fn hand_in(
        &self,
        auction: Digest,
        transcript: &[u8],
        mut progress: impl FnMut(u64),
    ) -> Result<Standing, ClientError> {
        let total = transcript.len() as u64;
        let (mut at, mut again) = (0, 0);
        loop {
            let left = usize::try_from(at).ok().and_then(|at| transcript.get(at..));
            let left = left.unwrap_or_default();
            let bytes = left.get(..PIECE_BYTES).unwrap_or(left).to_vec();
            let piece = TranscriptPiece { auction, total, offset: at, bytes };
            let have = match self.ask_about(AuctionQuestion::HandIn(piece)).await? {
                AuctionAnswer::Standing(standing) => return Ok(*standing),
                AuctionAnswer::Have(have) if have < total => have,
                _ => return Err(ClientError::WrongAnswer("expected to get on, or a state")),
            };
            progress(have);
            if have <= at {
                // The server was started again, or somebody else was given the place.
                again += 1;
                if again > MAX_BEGUN_AGAIN {
                    return Err(ClientError::Busy);
                }
            }
            at = have;
        }
    }

    /// How an auction's payment stands.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the server knows no such auction.
    pub async fn payment(&self, auction: Digest) -> Result<Standing, ClientError> {
        self.state_by(AuctionQuestion::Standing(auction)).await
    }

    async fn state_by(&self, question: AuctionQuestion) -> Result<Standing, ClientError> {
        match self.ask_about(question).await? {
            AuctionAnswer::Standing(standing) => Ok(*standing),
            _ => Err(ClientError::WrongAnswer("expected the state of a payment")),
        }
    }

    /// 5 The receipt of the decision about an auction, once there is one; that of a sale, which
    /// holds the goods key, sealed, only for those whom it concerns. The receipt of an order is
    /// [`Client::status`] of its hold.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when it is not shown to this key.
    pub async fn decision(&self, auction: Digest) -> Result<Option<ProvenReceipt>, ClientError> {
        match self.ask_about(AuctionQuestion::Receipt(auction)).await? {
            AuctionAnswer::Receipt(Some(receipt)) => {
                let checked = self.check_receipt(*receipt)?;
                if !decides(checked.proven(), &auction) {
                    return Err(ClientError::WrongAnswer("a receipt of another decision"));
                }
                Ok(Some(checked))
            }
            AuctionAnswer::Receipt(None) => Ok(None),
            _ => Err(ClientError::WrongAnswer("expected a receipt")),
        }
    }

    /// 5 Fetches the encrypted goods from byte `from` on, which `to` has before it, and says how
    /// many bytes there are. Whether they are the expected ones, [`crate::goods`] tells.
    ///
    /// # Errors
    /// [`ClientError::Auction`] when the server has them no more, [`ClientError::File`] when
    /// they cannot be written.
    pub async fn download(
        &self,
        auction: Digest,
        expected: &Goods,
        from: u64,
        to: &mut impl Write,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, ClientError> {
        let mut have = from;
        while have < expected.bytes {
            let question = AuctionQuestion::Goods(auction, have);
            let AuctionAnswer::Goods { total, bytes } = self.ask_about(question).await? else {
                return Err(ClientError::WrongAnswer("expected goods"));
            };
            let left = expected.bytes - have;
            if total != expected.bytes || bytes.is_empty() || bytes.len() as u64 > left {
                return Err(ClientError::WrongAnswer("goods of another length"));
            }
            to.write_all(&bytes).map_err(ClientError::File)?;
            have += bytes.len() as u64;
            progress(have);
        }
        to.flush().map_err(ClientError::File)?;
        Ok(have)
    }

    pub(super) async fn ask_about(
        &self,
        question: AuctionQuestion,
    ) -> Result<AuctionAnswer, ClientError> {
        match self.ask(&Question::Auction(Box::new(question))).await? {
            Answer::Auction(answer) => match *answer {
                AuctionAnswer::Declined(declined) => Err(declined.into()),
                answer => Ok(answer),
            },
            _ => Err(ClientError::WrongAnswer("expected an answer about an auction")),
        }
    }
}
