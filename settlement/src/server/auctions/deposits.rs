//! Goods and their key on their way into escrow. SETTLEMENT, section "An auction's payment",
//! step 1.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::settlement_terms::{EscrowReceipt, Goods};
use auction::spec::SignedSpec;

use super::{Auctions, answered, aside, busy, code_of, declined, lock, undecided};
use crate::auctions::AcceptableSpec;
use crate::goods::{GoodsError, GoodsKey, unwatched};
use crate::ledger::{AccountId, Code};
use crate::sealed_key::{Purpose, SealedKey};
use crate::server::desk::Desk;
use crate::server::error::ServerError;
use crate::server::giving_way::UnderWay;
use crate::service::Answer;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, PIECE_BYTES};

/// A deposit that is under way.
#[derive(Debug)]
pub(super) struct Deposit {
    spec: AcceptableSpec,
    pub(super) seller: PublicKey,
    pub(super) goods: Goods,
    begun: Instant,
    /// When the last piece came.
    touched: Mutex<Instant>,
    /// Held while the disk is written, and while goods and key are checked.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Deposit {
    fn begin(spec: AcceptableSpec, now: Instant) -> Self {
        let (seller, goods) = (spec.spec().spec().seller, spec.goods());
        let writing = Arc::default();
        Self { spec, seller, goods, begun: now, touched: Mutex::new(now), writing }
    }

    /// Notes that a piece came.
    fn touch(&self, now: Instant) {
        *lock(&self.touched) = now;
    }

    fn under_way(&self, auction: Digest) -> UnderWay {
        let (seller, begun, touched) = (self.seller, self.begun, *lock(&self.touched));
        let busy = self.writing.try_lock().is_err();
        UnderWay { id: auction, of: seller, begun, touched, busy }
    }
}

/// Why goods and key were not taken.
enum NotTaken {
    Goods(GoodsError),
    Server(ServerError),
    Sealing,
}

impl Auctions {
    /// Says whether this server takes an auction, and how much of its goods is there.
    pub(super) async fn deposit(
        &self,
        desk: &Desk,
        asker: PublicKey,
        signed: SignedSpec,
    ) -> Answer {
        let spec = match signed.verify_before_escrow() {
            Ok(spec) => spec,
            Err(error) => return declined(AuctionDeclined::Spec(error.to_string())),
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
        let spec = match AcceptableSpec::check(spec, &self.charter, exists, self.clock.now()) {
            Ok(spec) => spec,
            Err(refused) => return declined(AuctionDeclined::Spec(refused.to_string())),
        };
        let goods = spec.goods();
        if goods.bytes > self.limits.max_bytes {
            let (got, most) = (goods.bytes, self.limits.max_bytes);
            return declined(AuctionDeclined::GoodsTooLong { got, most });
        }
        if let Err(answer) = self.begin(auction, Deposit::begin(spec, Instant::now())) {
            return *answer;
        }
        self.have(auction).await
    }

    /// Makes room for a deposit: those whose auctions have closed go, and those that do not get
    /// on give way.
    fn begin(&self, auction: Digest, deposit: Deposit) -> Result<(), Box<Answer>> {
        let now = self.clock.now();
        let mut deposits = lock(&self.deposits);
        deposits.retain(|_, deposit| now < deposit.spec.spec().spec().closing);
        if deposits.contains_key(&auction) {
            return Ok(());
        }
        let room = self.has_room(&deposit.seller, deposit.goods.bytes, &deposits);
        room.map_err(|reason| Box::new(declined(reason)))?;
        let under_way: Vec<UnderWay> =
            deposits.iter().map(|(auction, one)| one.under_way(*auction)).collect();
        let gone = self.limits.places().who_gives_way(&under_way, &deposit.seller, deposit.begun);
        for gone in gone.ok_or_else(|| Box::new(busy()))? {
            deposits.remove(&gone);
            // Otherwise what one seller has sent in vain would add up.
            if let Err(error) = self.goods.discard(&gone) {
                tracing::warn!(auction = %gone, %error, "a part of goods cannot be removed");
            }
        }
        deposits.insert(auction, Arc::new(deposit));
        Ok(())
    }

    async fn have(&self, auction: Digest) -> Answer {
        let goods = self.goods.clone();
        match aside(move || goods.received(&auction)).await {
            Some(Ok(bytes)) => answered(AuctionAnswer::Have(bytes)),
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }

    /// The deposit of an auction, for its seller.
    fn deposit_of(
        &self,
        asker: PublicKey,
        auction: &Digest,
    ) -> Result<Arc<Deposit>, AuctionDeclined> {
        let found = lock(&self.deposits).get(auction).cloned();
        let found = found.ok_or(AuctionDeclined::NoDeposit)?;
        if found.seller == asker { Ok(found) } else { Err(AuctionDeclined::SellerOnly) }
    }

    /// Takes a piece of the goods.
    pub(super) async fn piece(
        &self,
        asker: PublicKey,
        auction: Digest,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Answer {
        let deposit = match self.deposit_of(asker, &auction) {
            Ok(deposit) => deposit,
            Err(reason) => return declined(reason),
        };
        let end = offset.checked_add(bytes.len() as u64);
        if bytes.len() > PIECE_BYTES || end.is_none_or(|end| end > deposit.goods.bytes) {
            return declined(AuctionDeclined::Piece);
        }
        let writing = Arc::clone(&deposit.writing).lock_owned().await;
        deposit.touch(Instant::now());
        let goods = self.goods.clone();
        let appended = aside(move || {
            // Until the piece is written: whoever asked may be gone.
            let _writing = writing;
            goods.append(&auction, offset, &bytes)
        });
        match appended.await {
            Some(Ok(bytes)) => answered(AuctionAnswer::Have(bytes)),
            Some(Err(error)) => disk(&error),
            None => Answer::Unknown,
        }
    }

    /// Checks goods and key, and journals the registration. It goes on when the seller is gone.
    pub(super) async fn escrow(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        asker: PublicKey,
        auction: Digest,
        key: GoodsKey,
    ) -> Answer {
        let deposit = match self.deposit_of(asker, &auction) {
            Ok(deposit) => deposit,
            Err(reason) => {
                let seller = self.seller_of(&auction);
                return match self.escrow_receipt(&auction) {
                    Some(receipt) if seller == Some(asker) => {
                        answered(AuctionAnswer::Escrowed(receipt))
                    }
                    _ => declined(reason),
                };
            }
        };
        let Ok(writing) = Arc::clone(&deposit.writing).try_lock_owned() else { return busy() };
        let (this, desk) = (Arc::clone(self), Arc::clone(desk));
        let task = tokio::spawn(async move {
            let _writing = writing;
            this.take(&desk, auction, &deposit, key).await
        });
        task.await.unwrap_or(Answer::Unknown)
    }

    async fn take(
        self: &Arc<Self>,
        desk: &Desk,
        auction: Digest,
        deposit: &Deposit,
        key: GoodsKey,
    ) -> Answer {
        if let Some(receipt) = self.escrow_receipt(&auction) {
            return answered(AuctionAnswer::Escrowed(receipt));
        }
        let (this, expected) = (Arc::clone(self), deposit.goods);
        let taken = aside(move || {
            let checked = this.goods.keep(&auction, &key, &expected, &mut unwatched);
            checked.map_err(NotTaken::Goods)?;
            // The escrow key is on the disk before anything is sealed to it.
            let opening = this.vault.key_for(&auction).map_err(NotTaken::Server)?;
            let escrow_key = opening.sealing_key();
            let purpose = Purpose::Escrow;
            let sealed = SealedKey::seal(&key, &escrow_key, purpose, &auction, &mut rand::rng());
            Ok((escrow_key, sealed.map_err(|_| NotTaken::Sealing)?))
        });
        let (escrow_key, sealed) = match taken.await {
            Some(Ok(taken)) => taken,
            Some(Err(NotTaken::Goods(error))) if error.is_fault_of_goods() => {
                return declined(AuctionDeclined::Goods(error.to_string()));
            }
            Some(Err(NotTaken::Goods(error))) => return disk(&error),
            Some(Err(NotTaken::Server(error))) => return disk(&error),
            Some(Err(NotTaken::Sealing)) | None => return Answer::Unknown,
        };
        let registration = deposit.spec.clone().register(&self.server, escrow_key, sealed);
        let refused = |reason: String| declined(AuctionDeclined::Spec(reason));
        let registered = match registration.clone().verify(&self.charter) {
            Ok(registered) => registered,
            Err(error) => return refused(error.to_string()),
        };
        let chain = match self.postings.open(&registered, registration) {
            Ok(chain) => chain,
            Err(error) => return refused(error.to_string()),
        };
        let code = match desk.decide(chain).await {
            Ok(decision) => code_of(&decision.outcome),
            Err(reason) => return undecided(reason),
        };
        match self.escrow_receipt(&auction) {
            Some(receipt) => {
                lock(&self.deposits).remove(&auction);
                tracing::info!(%auction, "goods and key are in escrow");
                answered(AuctionAnswer::Escrowed(receipt))
            }
            None if code == Code::Expired => refused("the auction has closed".to_owned()),
            None => declined(AuctionDeclined::Refused(code)),
        }
    }

    /// The escrow receipt of an auction that the journal holds: the same each time.
    pub(super) fn escrow_receipt(&self, auction: &Digest) -> Option<EscrowReceipt> {
        self.index().auction(auction).map(|_| EscrowReceipt::sign(auction, &self.server))
    }

    fn seller_of(&self, auction: &Digest) -> Option<PublicKey> {
        self.index().auction(auction).map(|state| state.registered().spec().spec().seller)
    }

    /// Whether a deposit of this auction is under way.
    pub(super) fn is_depositing(&self, auction: &Digest) -> bool {
        lock(&self.deposits).contains_key(auction)
    }
}

fn disk(error: &dyn std::error::Error) -> Answer {
    tracing::error!(%error, "a deposit cannot be written or read");
    declined(AuctionDeclined::Disk)
}
