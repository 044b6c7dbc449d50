//! A settlement server, a merchant and a customer, each killed and started again at will, and
//! relays on the three links between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::Currency;
use auction::spec::Time;
use purchase::customer::{Bought, BuyError, Customer, Folder, Purchase, Settled, Stage};
use purchase::merchant::{
    Account, Catalogue, ItemDelivery, Merchant, NewItem, init as init_merchant,
};
use purchase::merchant_file::MerchantFile;
use purchase::relay::{BeforeServer, Network, Relay, Sides};
use purchase::service as shop;
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::config::CONFIG_FILE;
use settlement::goods::{Existing, unwatched};
use settlement::layout::Signer;
use settlement::ledger::{
    self, AccountId, Action, Movement, Request, RequestId, SignedRequest, Sum,
};
use settlement::server::{
    Clock, OPERATOR_KEY_FILE, SERVER_KEY_FILE, Server, ServerError, Start, init, load_key,
};
use settlement::service as bank;
use tokio::runtime::Runtime;

pub const CUSTOMER: u8 = 1;
pub const MERCHANT: u8 = 2;
pub const PRICE: u64 = 1250;
pub const FUNDS: u64 = 100_000;
pub const HOUR_MS: u64 = 3_600_000;

/// A clock that all read, and tests set.
pub struct Hands(AtomicU64);

impl Hands {
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Time {
        Time(1_800_000_000_000 + self.0.load(Ordering::SeqCst))
    }

    fn passed(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub fn person(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub fn eur() -> Currency {
    Currency::new("EUR", 2).unwrap()
}

pub fn account(seed: u8) -> AccountId {
    AccountId::of_owner(&person(seed).public(), ledger::Currency::from(&eur()))
}

/// Something that runs in a runtime of its own, so that it can be killed whole.
struct Process(Option<Runtime>);

impl Process {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self(Some(runtime))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Everybody, and where they keep their files.
pub struct Town {
    place: tempfile::TempDir,
    pub hands: Arc<Hands>,
    operator: SecretKey,
    server_key: SecretKey,
    identity: SecretKey,
    server: Option<(Process, CharterFile)>,
    merchant: Option<(Process, MerchantFile)>,
}

/// The relays of one attempt; they end with it.
pub struct Links {
    _relays: Vec<Relay>,
    charter: CharterFile,
    merchant: MerchantFile,
}

impl Town {
    /// Founds server and merchant, with money for all; the merchant sells one item of `content`.
    pub async fn found(content: &[u8], delivery: ItemDelivery) -> Self {
        let place = tempfile::tempdir().unwrap();
        let bank = place.path().join("bank");
        let listen = "127.0.0.1:0".parse().unwrap();
        init(&bank, listen).unwrap();
        let config = format!("listen = \"{listen}\"\nsegment_mib = 1\n");
        std::fs::write(bank.join(CONFIG_FILE), config).unwrap();
        let dir = place.path().join("shop");
        init_merchant(&dir, listen).unwrap();
        let item = place.path().join("item");
        std::fs::write(&item, content).unwrap();
        let new = NewItem {
            description: "a photograph of a vase".to_owned(),
            price: Sum::new(PRICE).unwrap(),
            delivery,
        };
        Catalogue::open(&dir).unwrap().add(&item, &new).unwrap();
        let mut town = Self {
            operator: load_key(&bank, OPERATOR_KEY_FILE).unwrap(),
            server_key: load_key(&bank, SERVER_KEY_FILE).unwrap(),
            identity: purchase::merchant::load_identity(&dir).unwrap(),
            place,
            hands: Arc::new(Hands(AtomicU64::new(0))),
            server: None,
            merchant: None,
        };
        town.start_server().await;
        town.fund(&[CUSTOMER, MERCHANT, 3]).await;
        town.start_merchant(None).await;
        town
    }

    pub fn shop_dir(&self) -> PathBuf {
        self.place.path().join("shop")
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn charter(&self) -> &CharterFile {
        &self.server.as_ref().unwrap().1
    }

    pub fn shop(&self) -> &MerchantFile {
        &self.merchant.as_ref().unwrap().1
    }

    /// Kills the server, if it runs, and starts it again.
    pub async fn start_server(&mut self) {
        self.server = None;
        let dir = self.place.path().join("bank");
        for _ in 0..1000 {
            let process = Process::new();
            let (dir, clock) = (dir.clone(), Arc::clone(&self.hands) as Arc<dyn Clock>);
            let opened = process.runtime().spawn(async move {
                let server = Server::open(&dir, Start { clock, confirm_clock: false })?;
                let address = server.local_addr()?.to_string();
                let file = CharterFile { address, ..server.charter_file().clone() };
                tokio::spawn(server.run(std::future::pending()));
                Ok::<_, ServerError>(file)
            });
            match opened.await.unwrap() {
                Ok(file) => return self.server = Some((process, file)),
                Err(ServerError::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the server's directory stays in use");
    }

    pub fn kill_server(&mut self) {
        self.server.as_mut().unwrap().0 = Process(None);
    }

    /// Kills the merchant, if he runs, and starts him again, before the server or a relay.
    pub async fn start_merchant(&mut self, behind: Option<CharterFile>) {
        self.merchant = None;
        let dir = self.shop_dir();
        let charter = behind.unwrap_or_else(|| self.charter().clone());
        for _ in 0..1000 {
            let process = Process::new();
            let (dir, clock) = (dir.clone(), Arc::clone(&self.hands) as Arc<dyn Clock>);
            let account =
                Account { key: person(MERCHANT), currency: eur(), charter: charter.clone() };
            let opened = process.runtime().spawn(async move {
                let merchant = Merchant::open(&dir, account, clock)?;
                let file = merchant.file().clone();
                tokio::spawn(merchant.run(std::future::pending()));
                Ok::<_, purchase::merchant::MerchantError>(file)
            });
            match opened.await.unwrap() {
                Ok(file) => return self.merchant = Some((process, file)),
                Err(purchase::merchant::MerchantError::InUse(_)) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the merchant's directory stays in use");
    }

    pub fn kill_merchant(&mut self) {
        self.merchant.as_mut().unwrap().0 = Process(None);
    }

    /// Puts relays with one network on all three links, the merchant started behind his.
    pub async fn relayed<N>(&mut self, network: &Arc<N>) -> Links
    where
        N: Network<shop::Question, shop::Answer> + Network<bank::Question, bank::Answer>,
    {
        let to_server = |asker: &SecretKey| {
            let at = self.charter().address.clone();
            let sides = Sides { asked: &self.server_key, at, asker };
            let network = Arc::new(BeforeServer(Arc::clone(network)));
            Relay::start::<bank::Asked<bank::Question>, bank::Answered<bank::Answer>, _>(
                &sides, network,
            )
            .unwrap()
        };
        let (merchants, customers) = (to_server(&person(MERCHANT)), to_server(&person(CUSTOMER)));
        let behind = |relay: &Relay| CharterFile {
            address: relay.address().to_string(),
            ..self.charter().clone()
        };
        let (merchants_charter, charter) = (behind(&merchants), behind(&customers));
        self.start_merchant(Some(merchants_charter)).await;
        let at = self.shop().address.clone();
        let sides = Sides { asked: &self.identity, at, asker: &person(CUSTOMER) };
        let shops =
            Relay::start::<shop::Question, shop::Answer, N>(&sides, Arc::clone(network)).unwrap();
        let merchant = MerchantFile { address: shops.address().to_string(), ..self.shop().clone() };
        Links { _relays: vec![merchants, customers, shops], charter, merchant }
    }

    pub fn customer(&self, patience: Duration) -> Customer {
        self.customer_of(CUSTOMER, patience)
    }

    pub fn customer_of(&self, seed: u8, patience: Duration) -> Customer {
        Customer::new(&person(seed), eur(), self.charter(), self.shop(), patience).unwrap()
    }

    pub fn now(&self) -> Time {
        self.hands.now()
    }

    /// Goes on with the purchase in a folder as far as it goes, and delivers to `out`.
    pub async fn go_on(
        &self,
        customer: &Customer,
        folder: &str,
        out: &str,
    ) -> Result<Bought, BuyError> {
        let bought = self.buy(customer, folder).await?;
        bought.deliver(customer, &self.at(out), Existing::Replace, unwatched).await
    }

    /// The same without the delivery.
    pub async fn buy(&self, customer: &Customer, folder: &str) -> Result<Bought, BuyError> {
        let folder = self.folder(folder).await;
        let purchase = Purchase::open(folder, &self.charter().charter);
        let mut stage = purchase.resume(self.now())?;
        loop {
            stage = match stage {
                Stage::Fresh(fresh) => {
                    Stage::Offered(fresh.inquire(customer, 1, self.now()).await?)
                }
                Stage::Offered(offered) => {
                    let fetched = offered.fetch(customer, |_| {}).await?;
                    Stage::Ordered(fetched.order(customer, self.now(), HOUR_MS)?)
                }
                Stage::Ordered(ordered) => match ordered.settle(customer, self.now()).await? {
                    Settled::Bought(bought) => return Ok(bought),
                    Settled::Refused(_, code) => return Err(BuyError::Refused(code)),
                    Settled::Open(..) => return Err(BuyError::Busy),
                },
                Stage::Bought(bought) => return Ok(bought),
            };
        }
    }

    /// A folder; an attempt that was given up may hold it for a moment.
    pub async fn folder(&self, name: &str) -> Folder {
        let path = self.place.path().join("purchases").join(name);
        for _ in 0..1000 {
            match Folder::open(&path) {
                Ok(folder) => return folder,
                Err(purchase::customer::FolderError::InUse(_)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the folder stays in use");
    }

    pub async fn fund(&self, people: &[u8]) {
        let teller = Client::connect(&self.operator, self.charter()).unwrap();
        let deposit = |seed: &u8| {
            let action = Action::Deposit {
                owner: person(*seed).public(),
                currency: ledger::Currency::from(&eur()),
                amount: Sum::new(FUNDS).unwrap(),
                reference: Digest::default(),
            };
            let id = RequestId::new(u128::from(*seed)).unwrap();
            let request = Request { id, until: Time(self.now().0 + HOUR_MS), action };
            SignedRequest::sign(&request, &Signer::new(&self.operator), &self.charter().charter)
        };
        let deposits: Vec<_> = people.iter().map(deposit).collect();
        assert!(teller.submit(&deposits).await.unwrap().is_done());
    }

    /// Has a payment of the customer's refused for good; the true answer what became of it.
    pub async fn refused_payment(&self, id: RequestId) -> bank::Answer {
        let movement = Movement {
            debit: account(CUSTOMER),
            credit: account(MERCHANT),
            amount: Sum::new(10 * FUNDS).unwrap(),
            reference: Digest::default(),
        };
        let until = Time(self.now().0 + HOUR_MS);
        let request = Request { id, until, action: Action::Post(movement) };
        let signer = Signer::new(&person(CUSTOMER));
        let signed = SignedRequest::sign(&request, &signer, &self.charter().charter);
        let question = bank::Question::Submit(vec![signed.as_bytes().to_vec()]);
        assert!(self.ask_bank(CUSTOMER, &question).await.is_some());
        let question = bank::Question::Request(account(CUSTOMER), id);
        self.ask_bank(CUSTOMER, &question).await.unwrap()
    }

    /// What somebody has.
    pub async fn balance(&self, seed: u8) -> u64 {
        let client = Client::connect(&person(seed), self.charter()).unwrap();
        let view = client.account(account(seed)).await.unwrap();
        u64::try_from(view.balances.available()).unwrap()
    }

    /// Checks that so many purchases were paid, and no money was made or lost.
    pub async fn paid_for(&self, purchases: u64) {
        assert_eq!(self.balance(CUSTOMER).await, FUNDS - purchases * PRICE, "the customer's");
        assert_eq!(self.balance(MERCHANT).await, FUNDS + purchases * PRICE, "the merchant's");
    }
}

impl Links {
    /// A customer on the hostile network.
    pub fn customer(&self, patience: Duration) -> Customer {
        let Self { charter, merchant, .. } = self;
        Customer::new(&person(CUSTOMER), eur(), charter, merchant, patience).unwrap()
    }
}

/// What is sold unless a test says otherwise: several chunks.
pub fn content() -> Vec<u8> {
    (0..70_000).map(|place| (place % 251) as u8).collect()
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

impl Town {
    /// Asks the merchant something in somebody's name.
    pub async fn ask_shop(&self, asker: u8, question: &shop::Question) -> Option<shop::Answer> {
        let (at, key) = (self.shop().address.clone(), self.shop().identity);
        ask(asker, at, key.0, question).await
    }

    /// Asks the settlement server something in somebody's name.
    pub async fn ask_bank(&self, asker: u8, question: &bank::Question) -> Option<bank::Answer> {
        let (at, key) = (self.charter().address.clone(), self.charter().charter.server());
        match ask(asker, at, key.0, &bank::Asked::Other(question.clone())).await? {
            bank::Answered::Other(answer) => Some(answer),
            bank::Answered::Heads(_) => None,
        }
    }
}

async fn ask<Q: serde::Serialize, A: serde::Serialize + serde::de::DeserializeOwned>(
    asker: u8,
    at: String,
    key: [u8; 32],
    question: &Q,
) -> Option<A> {
    let limits = link::Limits {
        max_question_bytes: bank::MAX_QUESTION,
        max_answer_bytes: bank::MAX_ANSWER,
        ..link::Limits::default()
    };
    let identity = link::Identity::from_seed(person(asker).seed());
    let endpoint = link::Endpoint::client(&identity, limits).unwrap();
    let peer = link::Peer::new(endpoint, at, link::PeerKey(key));
    peer.request(question, Duration::from_secs(20)).await.ok()
}
