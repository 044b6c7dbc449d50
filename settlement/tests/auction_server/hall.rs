//! An auction hall: a settlement server, two accumulators, a seller with goods, bidders with
//! money, and one time for all of them.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::sealing::seal;
use auction::settlement_terms::{Delivery, EscrowReceipt, Fee, Goods, Settlement};
use auction::spec::{Rule, SignedSpec, Spec, Time, VerifiedSpec};
use link::service::{Answer, Phase, Question, State};
use settlement::auctions::{AuctionSummary, BondKeys, BondOrder, History};
use settlement::audit::{Held, inquire_with};
use settlement::client::{Client, ClientError};
use settlement::goods::{self, GoodsKey, unwatched};
use settlement::journal::Directory;
use settlement::layout::Signer;
use settlement::ledger::{AccountId, Action, Request, SignedRequest, Sum};
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::server::kept_transcript;
use settlement::service::auctions::{DecisionView, Stage, Standing};

use crate::bank::{Bank, Open, eur, id};
use crate::cluster::{Bid, CLOSING, Cluster, LAST, OPENING, PATIENCE};

pub const START: Time = Time(1_000);
pub const T: Time = Time(CLOSING.0 + 3_600_000);
/// The middle between last time and T.
pub const V: Time = Time(LAST.0 + (T.0 - LAST.0) / 2);
pub const RICH: u64 = 1_000_000;
pub const LEVELS: u32 = 6;
pub const FEE: Fee =
    Fee { house: auction::keys::PublicKey([0; 32]), flat: Amount(5), per_ten_thousand: 250 };

pub struct Hall {
    pub bank: Bank,
    pub cluster: Cluster,
    pub open: Option<Open>,
    pub plaintext: Vec<u8>,
    pub encrypted: Vec<u8>,
    pub goods: Goods,
    pub key: GoodsKey,
    now: Time,
}

impl Drop for Hall {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.kill();
        }
    }
}

fn address_of(open: &Open) -> String {
    open.file.address.clone()
}

pub fn house() -> SecretKey {
    SecretKey::from_seed(&[77; 32])
}

/// Owns the account of bidder `i`.
pub fn account_key(i: u8) -> SecretKey {
    SecretKey::from_seed(&[10 + i; 32])
}

/// Bids for bidder `i`.
pub fn bidder(i: u8) -> SecretKey {
    SecretKey::from_seed(&[100 + i; 32])
}

pub fn opening_of(bidder: &SecretKey) -> OpeningKey {
    OpeningKey::derive(bidder.seed(), Purpose::Delivery)
}

pub fn account(owner: &SecretKey) -> AccountId {
    AccountId::of_owner(&owner.public(), eur())
}

impl Hall {
    /// A server and accumulators at the start, in which everybody has money.
    pub async fn built() -> Self {
        Self::built_with("").await
    }

    /// The same with more lines in the server's configuration.
    pub async fn built_with(more: &str) -> Self {
        Self::built_in(Bank::found_with(more)).await
    }

    /// The same with a server of this directory.
    pub async fn built_in(bank: Bank) -> Self {
        bank.hands.set(START);
        let plaintext: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
        let key = GoodsKey::generate(&mut rand::rng());
        let mut encrypted = Vec::new();
        let length = plaintext.len() as u64;
        let (from, rng) = (plaintext.as_slice(), &mut rand::rng());
        let goods = goods::seal(from, length, &mut encrypted, &key, rng, &mut unwatched).unwrap();
        let cluster = Cluster::started(2).await;
        cluster.set_clock(START);
        let open = bank.open().await;
        let mut hall =
            Self { bank, cluster, open: Some(open), plaintext, encrypted, goods, key, now: START };
        let seller = hall.seller();
        let owners = [seller, house()].into_iter().chain((0..6).map(account_key));
        for (number, owner) in (1..).zip(owners) {
            hall.deposit(number, &owner, RICH).await;
        }
        hall
    }

    pub fn seller(&self) -> SecretKey {
        SecretKey::from_seed(self.cluster.seller.seed())
    }

    /// Moves everybody's clock on.
    pub fn at(&mut self, time: Time) {
        self.bank.hands.pass(time.0 - self.now.0);
        self.cluster.set_clock(time);
        self.now = time;
    }

    pub fn client(&self, key: &SecretKey) -> Client {
        self.open.as_ref().unwrap().client_of(key).with_deadline(PATIENCE)
    }

    pub fn kill(&mut self) {
        self.open.take().unwrap().kill();
    }

    /// Starts the server again, on the operator's word that the clock is right.
    pub async fn restart(&mut self) {
        for _ in 0..1_000 {
            match self.bank.try_open(true).await {
                Ok(open) => {
                    self.open = Some(open);
                    return;
                }
                Err(settlement::server::ServerError::InUse(_)) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the directory stays in use");
    }

    pub fn sign(&self, by: &SecretKey, number: u128, until: Time, action: Action) -> SignedRequest {
        let request = Request { id: id(number), until, action };
        SignedRequest::sign(&request, &Signer::new(by), &self.bank.charter)
    }

    /// What the operator signs so that money comes into an account.
    pub fn signed_deposit(&self, number: u128, owner: &SecretKey, amount: u64) -> SignedRequest {
        let action = Action::Deposit {
            owner: owner.public(),
            currency: eur(),
            amount: Sum::new(amount).unwrap(),
            reference: Digest::default(),
        };
        self.sign(&self.bank.operator, number, T, action)
    }

    async fn deposit(&mut self, number: u128, owner: &SecretKey, amount: u64) {
        let signed = self.signed_deposit(number, owner, amount);
        let decided = self.client(&self.bank.operator).submit(&[signed]).await.unwrap();
        assert!(decided.is_done());
    }

    pub fn terms(&self) -> Settlement {
        Settlement {
            server: self.bank.charter.server(),
            ledger: self.bank.charter.id(),
            // The accumulators look there before they join.
            address: self.open.as_ref().map_or_else(|| "127.0.0.1:1".to_owned(), address_of),
            covers: vec![Level(4), Level(LEVELS)],
            held_until: T,
            fee: Some(Fee { house: house().public(), ..FEE }),
            delivery: Delivery::Digital(self.goods),
        }
    }

    pub fn spec(&self) -> Spec {
        let settlement = Some(self.terms());
        Spec { settlement, ..self.cluster.spec(Rule::SecondPrice, LEVELS) }
    }

    pub async fn escrow(&self, signed: &SignedSpec) -> Result<EscrowReceipt, ClientError> {
        let client = self.client(&self.seller());
        let mut goods = Cursor::new(&self.encrypted);
        client.escrow(signed, &mut goods, &self.key, |_| {}).await
    }

    /// Puts goods and key into escrow and announces the auction, which then opens.
    pub async fn announced(&mut self) -> Arc<Auction> {
        let signed = self.spec().sign(&self.cluster.seller);
        let receipt = self.escrow(&signed).await.unwrap();
        self.opened(signed.with_escrow(receipt)).await
    }

    /// Announces an auction, which then opens.
    pub async fn opened(&mut self, signed: SignedSpec) -> Arc<Auction> {
        let auction = signed.claimed_id();
        let announce = Question::Announce(Box::new(signed));
        let answer = self.cluster.ask(0, &announce).await;
        assert!(matches!(answer, Answer::Auction { .. }), "{answer:?}");
        for k in 0..2 {
            let there = |state: &State| matches!(state.phase, Phase::Waiting | Phase::Open);
            self.cluster.until(k, auction, there).await;
        }
        self.at(OPENING);
        for k in 0..2 {
            self.cluster.until(k, auction, |state| state.phase == Phase::Open).await;
        }
        self.cluster.auction(0, auction).await
    }

    pub fn order(&self, spec: &VerifiedSpec, i: u8, cover: u32) -> BondOrder {
        self.order_of(spec, &account_key(i), &bidder(i), cover, 50 + u128::from(i))
    }

    pub fn order_of(
        &self,
        spec: &VerifiedSpec,
        account: &SecretKey,
        bidder: &SecretKey,
        cover: u32,
        number: u128,
    ) -> BondOrder {
        let delivery = opening_of(bidder).sealing_key();
        let keys = BondKeys { account, bidder, delivery: &delivery };
        BondOrder::sign(spec, &self.bank.charter, Level(cover), keys, id(number)).unwrap()
    }

    /// Bonds bidder `i` and places the bid.
    pub async fn bid(&self, auction: &Auction, i: u8, level: u32) {
        let spec = auction.verified_spec();
        let order = self.order(spec, i, LEVELS);
        let ticket = self.client(&account_key(i)).bond(spec, &order).await.unwrap();
        let (level, rng) = (Level(level), &mut rand::rng());
        let submissions = seal(auction, level, &bidder(i), Some(ticket), rng).unwrap();
        self.cluster.place(auction, &Bid { key: bidder(i), submissions }).await;
    }

    /// Closes the auction and waits until the accumulators have its outcome.
    pub async fn closed(&mut self, auction: &Auction) {
        self.at(CLOSING);
        for k in 0..2 {
            self.cluster.until(k, auction.id(), |state| state.phase == Phase::Done).await;
        }
    }

    /// Waits until the payment stands as wanted.
    pub async fn until(&self, auction: Digest, wanted: impl Fn(&Standing) -> bool) -> Standing {
        let client = self.client(&SecretKey::from_seed(&[200; 32]));
        let mut last = None;
        for _ in 0..2_000 {
            let standing = client.settle(auction, None).await.unwrap();
            if wanted(&standing) {
                return standing;
            }
            last = Some(standing);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the payment does not get there: {last:?}");
    }

    /// Waits until all is decided and released.
    pub async fn settled(&self, auction: Digest) -> DecisionView {
        let done =
            |standing: &Standing| matches!(standing.stage, Stage::Decided { holds_left: 0, .. });
        match self.until(auction, done).await.stage {
            Stage::Decided { decision, .. } => decision,
            other => panic!("{other:?}"),
        }
    }

    /// What its owner has: in the account, and of it set aside.
    pub async fn has(&self, owner: &SecretKey) -> (i128, u128) {
        let balances = self.client(owner).account(account(owner)).await.unwrap().balances;
        (balances.posted(), balances.pending())
    }

    /// Asserts that bidder `winner` has paid `price` and everybody else has what he had.
    pub async fn paid(&self, winner: Option<u8>, price: u64, bidders: &[u8]) {
        let rich = i128::from(RICH);
        let fee = if winner.is_some() { Fee { ..FEE }.at(Amount(price)).0 } else { 0 };
        for i in bidders {
            let paid = if Some(*i) == winner { i128::from(price) } else { 0 };
            assert_eq!(self.has(&account_key(*i)).await, (rich - paid, 0), "bidder {i}");
        }
        assert_eq!(self.has(&self.seller()).await, (rich + i128::from(price - fee), 0));
        assert_eq!(self.has(&house()).await, (rich + i128::from(fee), 0));
    }

    /// How many auctions' keys there are in the vault; the secret of the purchases is there too.
    pub fn auction_keys(&self) -> usize {
        let files = std::fs::read_dir(self.bank.dir.join("vault")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with("purchases-")).count()
    }

    pub fn transcript_file(&self, auction: &Digest) -> PathBuf {
        self.bank.dir.join("transcripts").join(format!("{auction}.transcript"))
    }

    /// Stops the server and audits its journal, auctions included.
    pub async fn audited(&mut self) -> AuctionSummary {
        self.open.take().unwrap().stop().await.unwrap();
        let mut storage = Directory::open(&self.bank.journal()).unwrap();
        let dir = self.bank.dir.clone();
        let evidence = move |auction: &Digest| kept_transcript(&dir, auction);
        let mut history = History::new(self.bank.charter, evidence, rand::rng());
        let held = Held::default();
        let found = inquire_with(&mut storage, &self.bank.charter, &held, &mut history);
        found.unwrap().0.strictly().unwrap();
        history.summary(self.now)
    }
}
