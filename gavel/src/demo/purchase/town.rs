//! The demonstration's processes: a settlement server, a merchant, and a customer's commands, with
//! a relay on each link between them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auction::keys::SecretKey;
use auction::money::{Amount, Currency};
use purchase::merchant_file::MerchantFile;
use purchase::relay::{BeforeServer, Relay, Sides};
use purchase::service as shop;
use serde::Deserialize;
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::client::Client;
use settlement::ledger::{self, AccountId, Sum};
use settlement::server::{SERVER_KEY_FILE, load_key};
use settlement::service as bank;

use super::links::{Link, Links};
use crate::account::directory::KEY_FILE;
use crate::charter::with_server;
use crate::demo::bank::Bank;
use crate::demo::command;
use crate::demo::process::Process;
use crate::exit::Failure;
use crate::private_file::load_key as load_owner;

/// What everybody has at the beginning.
pub(super) const FUNDS: &str = "200.00";
/// What the picture costs.
pub(super) const PRICE: &str = "12.50";
/// The item's number in the merchant's catalogue.
const ITEM: &str = "1";

/// Everybody.
pub(super) struct Town {
    pub(super) bank: Bank,
    merchant: Process,
    dir: PathBuf,
    pub(super) currency: Currency,
    customer: SecretKey,
    shop: MerchantFile,
    pub(super) links: Links,
    _relays: Vec<Relay>,
}

/// What `gavel buy` says.
#[derive(Debug, Deserialize)]
pub(super) struct BuySaid {
    pub(super) state: String,
    pub(super) goods_match: Option<bool>,
}

#[derive(Deserialize)]
struct Made {
    owner: String,
}

impl Town {
    /// Starts server and merchant, and opens everybody's account.
    pub(super) async fn found(dir: &Path, picture: &[u8]) -> Result<Self, Failure> {
        let wrong = |source| Failure::Money { what: "the demonstration".to_owned(), source };
        let currency = Currency::new("EUR", 2).map_err(wrong)?;
        let bank = Bank::start(dir).await?;
        let links = Links::default();
        let server_key = load_key(&bank.dir, SERVER_KEY_FILE)?;
        let (customer, merchant) =
            (account(dir, "ann", &bank).await?, account(dir, "shop", &bank).await?);
        fund(&bank, &currency, &[&customer, &merchant]).await?;
        // From here on everybody finds the server behind a relay of his own.
        let behind = |asker: &SecretKey, link| {
            let at = bank.charter.address.clone();
            let sides = Sides { asked: &server_key, at, asker };
            Relay::start::<bank::Asked<bank::Question>, bank::Answered<bank::Answer>, _>(
                &sides,
                Arc::new(BeforeServer(links.line(link))),
            )
        };
        let started = |relay: Result<Relay, link::LinkError>| {
            relay.map_err(|error| Failure::from(settlement::client::ClientError::from(error)))
        };
        let merchants = started(behind(&merchant, Link::MerchantsBank))?;
        let customers = started(behind(&customer, Link::CustomersBank))?;
        for (name, relay) in [("ann", &customers), ("shop", &merchants)] {
            let address = relay.address().to_string();
            let path = dir.join(name).join(CHARTER_FILE);
            let file = CharterFile { address, ..bank.charter.clone() };
            std::fs::write(&path, file.to_toml())
                .map_err(|source| Failure::file("write", &path, source))?;
        }
        let (process, shop) = open_shop(dir, picture).await?;
        let identity = purchase::merchant::load_identity(&dir.join("shop").join("merchant"))?;
        let sides = Sides { asked: &identity, at: shop.address.clone(), asker: &customer };
        let relay = Relay::start::<shop::Question, shop::Answer, _>(&sides, links.line(Link::Shop));
        let relay = started(relay)?;
        let path = dir.join("shop.toml");
        let file = MerchantFile { address: relay.address().to_string(), ..shop.clone() };
        std::fs::write(&path, file.to_toml())
            .map_err(|source| Failure::file("write", &path, source))?;
        Ok(Self {
            bank,
            merchant: process,
            dir: dir.to_owned(),
            currency,
            customer,
            shop,
            links,
            _relays: vec![merchants, customers, relay],
        })
    }

    /// The processes' ids, for people.
    pub(super) fn pids(&self) -> (String, String) {
        let merchant = self.merchant.id().map(|id| id.to_string()).unwrap_or_default();
        (self.bank.pid(), merchant)
    }

    /// Runs `gavel buy` as the customer; nothing where it says nothing, because it failed early.
    pub(super) async fn buy(&self, name: &str, patience: &str) -> Option<BuySaid> {
        let word = |text: &str| OsString::from(text);
        let mut words = vec![word("buy"), word("--account"), self.dir.join("ann").into()];
        words.extend([word("--merchant"), self.dir.join("shop.toml").into()]);
        words.extend(
            ["--item", ITEM, "--purchase", name, "--yes", "--patience", patience].map(word),
        );
        let out = self.out(name);
        if !out.exists() {
            words.extend([word("--out"), out.into()]);
        }
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        command::ask(&words).await.ok()
    }

    /// Where a purchase's picture is written.
    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.svg"))
    }

    /// A purchase's folder on the customer's disk.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.dir.join("ann").join("purchases").join(name)
    }

    /// What the customer has at the server, asked directly.
    pub(super) async fn balance(&self) -> Result<Amount, Failure> {
        let account = self.account();
        let available = with_server(&self.customer, &self.bank.charter, async |client| {
            Ok(client.account(account).await?.balances.available())
        });
        Ok(Amount(u64::try_from(available.await?).unwrap_or_default()))
    }

    /// What server and merchant say of an order, asked directly, past the relays.
    pub(super) async fn told(&self, id: ledger::RequestId) -> Result<(bool, MerchantHas), Failure> {
        let key = settlement::purchases::OrderKey { account: self.account(), id };
        let paid = with_server(&self.customer, &self.bank.charter, async |client: &Client| {
            Ok(matches!(client.purchase(key).await?, Some(settlement::client::Bought::Paid(..))))
        });
        let question = shop::Question::Sale(key.account, key.id);
        Ok((paid.await?, MerchantHas::of(&self.ask_merchant(&question).await?)))
    }

    async fn ask_merchant(&self, question: &shop::Question) -> Result<shop::Answer, Failure> {
        let failed = |error| Failure::from(purchase::customer::BuyError::Link(error));
        let limits = link::Limits { max_answer_bytes: shop::MAX_ANSWER, ..link::Limits::default() };
        let identity = link::Identity::from_seed(self.customer.seed());
        let endpoint = link::Endpoint::client(&identity, limits).map_err(failed)?;
        let key = link::PeerKey(self.shop.identity.0);
        let peer = link::Peer::new(endpoint.clone(), self.shop.address.clone(), key);
        let answer = peer.request(question, std::time::Duration::from_secs(30)).await;
        endpoint.close().await;
        answer.map_err(failed)
    }

    fn account(&self) -> AccountId {
        AccountId::of_owner(&self.customer.public(), ledger::Currency::from(&self.currency))
    }

    /// Ends the processes in order.
    pub(super) async fn stop(mut self) {
        self.merchant.ask_to_end();
        self.merchant.ended().await;
        self.bank.stop().await;
    }
}

/// What a merchant has of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MerchantHas {
    Nothing,
    Order,
    Receipt,
}

impl MerchantHas {
    fn of(answer: &shop::Answer) -> Self {
        match answer {
            shop::Answer::Paid(_) => Self::Receipt,
            shop::Answer::Pending => Self::Order,
            _ => Self::Nothing,
        }
    }
}

async fn account(dir: &Path, name: &str, bank: &Bank) -> Result<SecretKey, Failure> {
    let charter = dir.join("charter.toml");
    std::fs::write(&charter, bank.charter.to_toml())
        .map_err(|source| Failure::file("write", &charter, source))?;
    let home = dir.join(name);
    let words: [&OsStr; 6] = [
        "account".as_ref(),
        "open".as_ref(),
        "--account".as_ref(),
        home.as_os_str(),
        "--charter".as_ref(),
        charter.as_os_str(),
    ];
    let made: Made = command::ask(&words).await?;
    let key = load_owner(&home.join(KEY_FILE))?;
    debug_assert_eq!(made.owner, key.public().to_string());
    Ok(key)
}

async fn fund(bank: &Bank, currency: &Currency, people: &[&SecretKey]) -> Result<(), Failure> {
    let wrong = |source| Failure::Money { what: "the demonstration".to_owned(), source };
    let funds = currency.parse(FUNDS).map_err(wrong)?;
    let Some(funds) = Sum::new(funds.0) else { return Ok(()) };
    let owners: Vec<_> = people.iter().map(|key| key.public()).collect();
    with_server(bank.operator(), &bank.charter, async |client| {
        bank.pay_in(client, &owners, ledger::Currency::from(currency), funds, |_| {}).await
    })
    .await
}

/// Makes the merchant, offers the picture and starts the process.
async fn open_shop(dir: &Path, picture: &[u8]) -> Result<(Process, MerchantFile), Failure> {
    let home = dir.join("shop");
    let item = dir.join("picture.svg");
    std::fs::write(&item, picture).map_err(|source| Failure::file("write", &item, source))?;
    let here = home.as_os_str();
    let init: [&OsStr; 6] = [
        "merchant".as_ref(),
        "init".as_ref(),
        "--account".as_ref(),
        here,
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
    ];
    let _: serde_json::Value = command::ask(&init).await?;
    let price = format!("{PRICE} EUR");
    let add: [&OsStr; 9] = [
        "offer".as_ref(),
        "add".as_ref(),
        item.as_os_str(),
        "--account".as_ref(),
        here,
        "--price".as_ref(),
        price.as_ref(),
        "--description".as_ref(),
        "A picture of a blue vase".as_ref(),
    ];
    let _: serde_json::Value = command::ask(&add).await?;
    let mut process = Process::spawn_at("the merchant".to_owned(), "merchant", "--account", &home)?;
    let listening = process.ready().await?;
    let account = load_owner(&home.join(KEY_FILE))?.public();
    let file = MerchantFile { address: listening.address, identity: listening.key, account };
    Ok((process, file))
}
