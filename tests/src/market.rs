//! A committee of accumulators and a settlement server, each a process of its own, a seller with
//! goods and bidders with money: what the tests of a payment share.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::join::Auction;
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::money::Amount;
use auction::prices::Level;
use auction::sealing::seal;
use auction::settlement_terms::{Delivery, Fee, Goods, Settlement};
use auction::spec::{EarlyClose, Rule, Time};
use link::Identity;
use rand::rngs::StdRng;
use settlement::auctions::{BondKeys, BondOrder, History};
use settlement::audit::{Held, inquire_with};
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::goods::{GoodsKey, seal as seal_goods, unwatched};
use settlement::journal::Directory;
use settlement::layout::Signer;
use settlement::ledger::{AccountId, Action, Currency, Request, RequestId, SignedRequest, Sum};
use settlement::sealed_key::{OpeningKey, Purpose};
use settlement::server::{JOURNAL_DIRECTORY, kept_transcript};
use settlement::service::auctions::{DecisionView, Stage, Standing};

use crate::bad_network::BadNetwork;
use crate::committee::{Committee, endpoint, now, peer};
use crate::sale::{Bid, PATIENCE, Sale};
use crate::settlement_server::SettlementServer;

/// What everybody begins with, in cents.
pub const RICH: u64 = 1_000_000;
/// Levels of the ladder: 10.00 and on, every 0.50.
pub const LEVELS: u32 = 16;
/// What is sold, in bytes.
const GOODS: usize = 300_000;
const HOUR: u64 = 3_600_000;

/// Everybody and everything. All processes go when this is dropped.
pub struct Market {
    /// The accumulators and the seller.
    pub committee: Committee,
    /// The settlement server.
    pub server: SettlementServer,
    /// The auction, once it is announced.
    pub sale: Option<Sale>,
    /// What is sold.
    pub plaintext: Vec<u8>,
    /// The same, encrypted.
    pub encrypted: Vec<u8>,
    goods: Goods,
    key: GoodsKey,
    house: SecretKey,
    bidders: Vec<Bidder>,
    closing: Time,
    /// Where clients find the settlement server.
    file: CharterFile,
    /// Before the server, and before each accumulator, where there are any.
    networks: Vec<BadNetwork>,
}

/// A bidder's keys.
struct Bidder {
    account: SecretKey,
    auction: SecretKey,
}

impl Market {
    /// Processes that run, and accounts with money: the seller's, the house's, and those of so
    /// many bidders. `program` is the binary `settlement_server` of this package.
    ///
    /// # Panics
    /// When something cannot be made or started, here and below.
    pub async fn open(program: &str, bidders: usize) -> Self {
        Self::open_behind(program, bidders, None).await
    }

    /// The same with a bad network before the settlement server and before each accumulator: for
    /// clients, for the server that fetches a transcript, and for accumulators among each other.
    pub async fn open_behind(program: &str, bidders: usize, bad: Option<&mut StdRng>) -> Self {
        let committee = Committee::started(2);
        let mut server = SettlementServer::init(program, committee.folder(), "");
        server.start();
        let mut file = server.charter_file().clone();
        let mut networks = Vec::new();
        if let Some(rng) = bad {
            let members = committee.accumulators.iter().map(|one| one.member().address.clone());
            for address in std::iter::once(file.address.clone()).chain(members) {
                networks.push(BadNetwork::before(address.parse().unwrap(), rng));
            }
            file.address = networks[0].address().to_string();
        }
        let plaintext: Vec<u8> = (0..GOODS).map(|n| (n % 251) as u8).collect();
        let (key, mut encrypted) = (GoodsKey::generate(&mut rand::rng()), Vec::new());
        let (from, length, rng) = (plaintext.as_slice(), GOODS as u64, &mut rand::rng());
        let goods = seal_goods(from, length, &mut encrypted, &key, rng, &mut unwatched).unwrap();
        let fresh = || SecretKey::generate(&mut rand::rng());
        let bidders = (0..bidders).map(|_| Bidder { account: fresh(), auction: fresh() });
        let market = Self {
            bidders: bidders.collect(),
            committee,
            server,
            sale: None,
            plaintext,
            encrypted,
            goods,
            key,
            house: fresh(),
            closing: Time(now().0 + HOUR),
            file,
            networks,
        };
        let owners = [market.committee.seller.public(), market.house.public()];
        let owners =
            owners.into_iter().chain(market.bidders.iter().map(|one| one.account.public()));
        for (number, owner) in (1..).zip(owners) {
            market.deposit(number, owner, RICH).await;
        }
        market
    }

    /// What the operator signs so that money comes into an account.
    #[must_use]
    pub fn signed_deposit(&self, number: u128, owner: PublicKey, amount: u64) -> SignedRequest {
        let amount = Sum::new(amount).unwrap();
        let (currency, reference) = (eur(), Digest::default());
        let action = Action::Deposit { owner, currency, amount, reference };
        let (id, until) = (RequestId::new(number).unwrap(), Time(self.closing.0 + HOUR));
        let request = Request { id, until, action };
        let charter = self.server.charter_file().charter;
        SignedRequest::sign(&request, &Signer::new(&self.server.operator()), &charter)
    }

    /// Lets money into an account.
    pub async fn deposit(&self, number: u128, owner: PublicKey, amount: u64) {
        let signed = self.signed_deposit(number, owner, amount);
        let decided = self.client(&self.server.operator()).submit(&[signed]).await.unwrap();
        assert!(decided.is_done(), "{decided:?}");
    }

    /// A client of the settlement server, in the name of a key.
    #[must_use]
    pub fn client(&self, key: &SecretKey) -> Client {
        Client::connect(key, &self.file).unwrap().with_deadline(PATIENCE)
    }

    /// The networks before server and accumulators, where they are bad.
    #[must_use]
    pub fn networks(&self) -> &[BadNetwork] {
        &self.networks
    }

    /// Somebody whom nobody knows.
    #[must_use]
    pub fn anyone(&self) -> Client {
        self.client(&SecretKey::generate(&mut rand::rng()))
    }

    /// Puts goods and key into escrow and announces the auction.
    pub async fn announce(&mut self) {
        let mut spec = self.committee.terms(Rule::SecondPrice, LEVELS);
        spec.closing = self.closing;
        spec.last = Time(self.closing.0 + HOUR / 2);
        for (member, network) in spec.accumulators.iter_mut().zip(self.networks.iter().skip(1)) {
            member.address = network.address().to_string();
        }
        let charter = self.server.charter_file().charter;
        spec.settlement = Some(Settlement {
            server: charter.server(),
            ledger: charter.id(),
            address: self.file.address.clone(),
            covers: vec![Level(LEVELS)],
            held_until: self.held_until(),
            fee: Some(Fee { house: self.house.public(), flat: Amount(5), per_ten_thousand: 250 }),
            delivery: Delivery::Digital(self.goods),
        });
        let signed = spec.sign(&self.committee.seller);
        let client = self.client(&self.committee.seller);
        let mut goods = Cursor::new(&self.encrypted);
        let receipt = client.escrow(&signed, &mut goods, &self.key, |_| {}).await.unwrap();
        let signed = signed.with_escrow(receipt);
        let auction = self.committee.client.announce(signed).await.unwrap();
        let endpoint = endpoint(&Identity::generate(&mut rand::rng()));
        let members = &auction.spec().accumulators;
        let peers = members.iter().map(|member| peer(&endpoint, member)).collect();
        self.sale = Some(Sale { auction, peers });
    }

    /// The auction.
    #[must_use]
    pub fn auction(&self) -> &Arc<Auction> {
        &self.sale.as_ref().unwrap().auction
    }

    /// What the spec says of the goods.
    #[must_use]
    pub fn goods(&self) -> Goods {
        self.goods
    }

    /// The auction's id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.auction().id()
    }

    /// T: from then on no bond is held.
    #[must_use]
    pub fn held_until(&self) -> Time {
        Time(self.closing.0 + HOUR)
    }

    /// V: a transcript decides before this moment alone.
    #[must_use]
    pub fn decided_by(&self) -> Time {
        Time(self.closing.0 + 3 * HOUR / 4)
    }

    /// Moves the settlement server's clock on to a moment, while it does not run.
    pub fn shift_to(&self, moment: Time) {
        self.server.shift(moment.0 - now().0);
    }

    /// Moves it on to the auction's closing time.
    pub fn shift_to_closing(&self) {
        self.shift_to(Time(self.closing.0 + 1));
    }

    /// A bidder's order for a bond: the same each time.
    #[must_use]
    pub fn order(&self, bidder: usize) -> BondOrder {
        let Bidder { account, auction: key } = &self.bidders[bidder];
        let delivery = OpeningKey::derive(key.seed(), Purpose::Delivery).sealing_key();
        let keys = BondKeys { account, bidder: key, delivery: &delivery };
        let (charter, id) = (self.server.charter_file().charter, RequestId::new(1_000).unwrap());
        let spec = self.auction().verified_spec();
        BondOrder::sign(spec, &charter, Level(LEVELS), keys, id).unwrap()
    }

    /// Bonds a bidder and places the bid.
    pub async fn bid(&self, bidder: usize, level: u32) {
        let (auction, sale) = (self.auction(), self.sale.as_ref().unwrap());
        let Bidder { account, auction: key } = &self.bidders[bidder];
        let spec = auction.verified_spec();
        let ticket = self.client(account).bond(spec, &self.order(bidder)).await.unwrap();
        let rng = &mut rand::rng();
        let submissions = seal(auction, Level(level), key, Some(ticket), rng).unwrap();
        let key = SecretKey::from_seed(key.seed());
        let bid = Bid { key, level, submissions };
        let receipts = sale.receipts(&bid).await;
        for k in 0..sale.peers.len() {
            sale.leave(k, &receipts).await;
        }
    }

    /// The seller's word that closes the auction before its time.
    #[must_use]
    pub fn word(&self) -> EarlyClose {
        EarlyClose::sign(self.id(), &self.committee.seller)
    }

    /// Closes the auction early and waits for the outcome at every accumulator; the settlement
    /// server hears nothing of it.
    pub async fn close(&self) {
        let sale = self.sale.as_ref().unwrap();
        self.committee.close(sale, 0).await;
        self.outcome().await;
    }

    /// Waits for the outcome at every accumulator.
    pub async fn outcome(&self) {
        let sale = self.sale.as_ref().unwrap();
        for k in 0..sale.peers.len() {
            let done = |state: &link::service::State| state.phase == link::service::Phase::Done;
            sale.until(k, "an outcome", done).await;
        }
    }

    /// Waits until the payment is decided and every bond is released.
    pub async fn settled(&self, word: Option<EarlyClose>) -> DecisionView {
        let client = self.anyone();
        let end = Instant::now() + PATIENCE;
        let mut last: Option<Standing> = None;
        while Instant::now() < end {
            let standing = client.settle(self.id(), word).await.unwrap();
            if let Stage::Decided { decision, holds_left: 0, .. } = standing.stage {
                return decision;
            }
            last = Some(standing);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the payment does not get there: {last:?}");
    }

    /// The secret key of a bidder's account.
    #[must_use]
    pub fn account_key(&self, bidder: usize) -> SecretKey {
        SecretKey::from_seed(self.bidders[bidder].account.seed())
    }

    /// The secret key that bids for a bidder.
    #[must_use]
    pub fn auction_key(&self, bidder: usize) -> SecretKey {
        SecretKey::from_seed(self.bidders[bidder].auction.seed())
    }

    /// What everybody has, by name: posted, and set aside.
    pub async fn balances(&self) -> BTreeMap<String, (i128, u128)> {
        let mut all = BTreeMap::new();
        let named =
            [("seller".to_owned(), &self.committee.seller), ("house".to_owned(), &self.house)];
        let bidders = self.bidders.iter().map(|one| &one.account);
        let bidders = (0..).zip(bidders).map(|(i, key): (u32, _)| (format!("bidder {i}"), key));
        for (name, key) in named.into_iter().chain(bidders) {
            let account = AccountId::of_owner(&key.public(), eur());
            let balances = self.client(key).account(account).await.unwrap().balances;
            all.insert(name, (balances.posted(), balances.pending()));
        }
        all
    }

    /// Asserts that a bidder has paid the price at a level, and everybody else has what he had; or
    /// that nobody has paid.
    pub async fn check_paid(&self, sold: Option<(usize, u32)>) {
        let price = sold.map_or(0, |(_, level)| 1_000 + 50 * u64::from(level - 1));
        let fee = if sold.is_some() { 5 + price * 250 / 10_000 } else { 0 };
        let rich = i128::from(RICH);
        for (name, has) in self.balances().await {
            let moved = match name.as_str() {
                "seller" => i128::from(price - fee),
                "house" => i128::from(fee),
                name if sold.is_some_and(|(bidder, _)| name == format!("bidder {bidder}")) => {
                    -i128::from(price)
                }
                _ => 0,
            };
            assert_eq!(has, (rich + moved, 0), "{name}");
        }
    }

    /// Kills the server and audits what it leaves, auctions included: sums, holds, signatures,
    /// decisions, and the goods key out if and only if the price was paid.
    pub fn check_audit(&mut self, sales: u64, voids: u64) {
        self.server.kill();
        let dir = self.server.dir().to_owned();
        let mut storage = Directory::open(&dir.join(JOURNAL_DIRECTORY)).unwrap();
        let evidence = move |auction: &Digest| kept_transcript(&dir, auction);
        let charter = self.server.charter_file().charter;
        let mut history = History::new(charter, evidence, rand::rng());
        let found = inquire_with(&mut storage, &charter, &Held::default(), &mut history);
        found.unwrap().0.strictly().unwrap();
        let summary = history.summary(now());
        assert_eq!((summary.sales, summary.voids), (sales, voids), "{summary:?}");
    }
}

/// The currency of all accounts.
#[must_use]
pub fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}
