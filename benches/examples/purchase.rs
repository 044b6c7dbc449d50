//! Purchases a second through the real settlement server, over QUIC on loopback, merchants and
//! customers on the same machine: SETTLEMENT, section "Purchase of digital goods", steps f to h.
//! `cargo run --release -p benches --example purchase [merchants] [purchases]`
//!
//! Offers, orders and countersignatures are made before the clock starts. Each merchant has a
//! socket and a connection of its own, brings one order with its goods key, checks the receipt,
//! and brings the next. The server compares order and offer, checks both signatures and the key,
//! decides, flushes, and answers with a receipt. Afterwards, on a clock of their own, as many
//! customers ask for receipt and goods key, and check them.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example that reports figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::spec::Time;
use settlement::charter_file::CharterFile;
use settlement::client::{Bought, Client};
use settlement::config::CONFIG_FILE;
use settlement::goods::GoodsKey;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Charter, Currency, Request, RequestId, SignedRequest, Sum,
};
use settlement::purchases::order::action;
use settlement::purchases::{Delivery, Offer, OfferTerms, OrderKey, QuoteId};
use settlement::server::{
    Clock as _, OPERATOR_KEY_FILE, Server, Start, SystemClock, init, load_key,
};
use tokio::runtime::Runtime;
use tokio::sync::{Barrier, oneshot};
use tokio::task::JoinSet;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number =
        |otherwise| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (merchants, purchases): (usize, usize) = (number(32), number(20_000));
    let dir = tempfile::tempdir().expect("room for a journal");
    let bank = Bank::open(&dir.path().join("server"));
    bank.fund(&(0..2 * merchants).map(key).collect::<Vec<_>>());
    let each = purchases.div_ceil(merchants);
    let deals = (0..merchants).map(|pair| made(pair, each, &bank.file.charter)).collect();

    let outside = Runtime::new().expect("a runtime");
    let (took, waited, deals) = outside.block_on(sell(&bank.file, deals));
    tell("paid, with the key kept, each merchant checking its receipts", took, waited);
    let (took, waited) = outside.block_on(collect(&bank.file, deals));
    tell("receipts with their keys given to customers, who check them", took, waited);
    outside.shutdown_background();
    bank.close();
}

fn tell(what: &str, took: f64, mut waited: Vec<Duration>) {
    waited.sort_unstable();
    let at = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{} {what}: {:.0}/s; p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        waited.len(),
        waited.len() as f64 / took,
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// What a merchant brings.
struct Deal {
    offer: Offer,
    order: SignedRequest,
    key: GoodsKey,
    name: OrderKey,
}

/// A merchant's sales to one customer of his own.
fn made(pair: usize, each: usize, charter: &Charter) -> Vec<Deal> {
    let (merchant, customer) = (Signer::new(&key(2 * pair)), Signer::new(&key(2 * pair + 1)));
    let account = AccountId::of_owner(&customer.public(), eur());
    let until = Time(SystemClock.now().0 + 20 * 3600 * 1000);
    let deal = |number: u64| {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let key = GoodsKey::from_bytes(&bytes);
        let goods = Goods { key_hash: key.hash(), checksum: Digest(bytes), bytes: 1 << 20 };
        let offer = Offer::new(OfferTerms {
            server: charter.server(),
            ledger: charter.id(),
            merchant: merchant.public(),
            customer: customer.public(),
            currency: eur(),
            price: Sum::new(1 + number % 1000).expect("not zero"),
            expires: until,
            item: 1,
            quote: QuoteId([7; 16]),
            delivery: Delivery::Encrypted(goods),
            description: "a photograph of a vase, 4000 by 3000 points".to_owned(),
        });
        let offer = offer.expect("an offer");
        let id = RequestId::new(1000 + u128::from(number)).expect("not reserved");
        let request = Request { id, until, action: action(&offer) };
        let order = SignedRequest::sign(&request, &customer, charter);
        let order = order.countersign(&merchant, charter);
        Deal { offer, order, key, name: OrderKey { account, id } }
    };
    (0..each as u64).map(deal).collect()
}

/// Each merchant brings its orders, one after the other.
async fn sell(file: &CharterFile, deals: Vec<Vec<Deal>>) -> (f64, Vec<Duration>, Vec<Vec<Deal>>) {
    let start = Arc::new(Barrier::new(deals.len() + 1));
    let mut sellers = JoinSet::new();
    for (pair, deals) in deals.into_iter().enumerate() {
        let (start, file) = (Arc::clone(&start), file.clone());
        sellers.spawn(async move {
            let client = Client::connect(&key(2 * pair), &file).expect("a socket");
            client.head().await.expect("an answer");
            start.wait().await;
            let mut waited = Vec::with_capacity(deals.len());
            for deal in &deals {
                let asked = Instant::now();
                let bought = client.buy(&deal.order, &deal.offer, &deal.key).await;
                assert!(matches!(bought.expect("an answer"), Bought::Paid(..)));
                waited.push(asked.elapsed());
            }
            (pair, waited, deals)
        });
    }
    start.wait().await;
    let begun = Instant::now();
    let mut sold = sellers.join_all().await;
    let took = begun.elapsed().as_secs_f64();
    sold.sort_by_key(|(pair, ..)| *pair);
    let (waited, deals): (Vec<_>, Vec<_>) =
        sold.into_iter().map(|(_, waited, deals)| (waited, deals)).unzip();
    (took, waited.concat(), deals)
}

/// Each customer asks for what it bought, one after the other.
async fn collect(file: &CharterFile, deals: Vec<Vec<Deal>>) -> (f64, Vec<Duration>) {
    let start = Arc::new(Barrier::new(deals.len() + 1));
    let mut customers = JoinSet::new();
    for (pair, deals) in deals.into_iter().enumerate() {
        let (start, file) = (Arc::clone(&start), file.clone());
        customers.spawn(async move {
            let client = Client::connect(&key(2 * pair + 1), &file).expect("a socket");
            client.head().await.expect("an answer");
            start.wait().await;
            let mut waited = Vec::with_capacity(deals.len());
            for deal in &deals {
                let asked = Instant::now();
                let bought = client.purchase(deal.name).await.expect("an answer");
                let given = matches!(&bought, Some(Bought::Paid(receipt, _))
                    if receipt.key().is_some_and(|key| *key == deal.key));
                assert!(given, "expected a receipt with its key");
                waited.push(asked.elapsed());
            }
            waited
        });
    }
    start.wait().await;
    let begun = Instant::now();
    let waited = customers.join_all().await.concat();
    (begun.elapsed().as_secs_f64(), waited)
}

/// A running server.
struct Bank {
    file: CharterFile,
    operator: SecretKey,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Bank {
    fn open(dir: &Path) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        init(dir, listen).expect("a new server");
        let config = format!("listen = \"{listen}\"\nmax_connections_per_address = 1024\n");
        std::fs::write(dir.join(CONFIG_FILE), config).expect("a configuration");
        let operator = load_key(dir, OPERATOR_KEY_FILE).expect("the operator's key");
        let runtime = Runtime::new().expect("a runtime");
        let (stop, stopped) = oneshot::channel();
        let (file, ended) = runtime.block_on(async {
            let server = Server::open(dir, Start::default()).expect("a server");
            let address = server.local_addr().expect("an address").to_string();
            let file = CharterFile { address, ..server.charter_file().clone() };
            let serving = server.run(async { drop(stopped.await) });
            (file, tokio::spawn(async { serving.await.expect("an orderly end") }))
        });
        Self { file, operator, runtime, stop, ended }
    }

    fn fund(&self, people: &[SecretKey]) {
        let deposits = people.iter().zip(1u128..).map(|(person, number)| {
            let action = Action::Deposit {
                owner: person.public(),
                currency: eur(),
                amount: Sum::new(1 << 40).expect("not zero"),
                reference: Digest::default(),
            };
            let until = Time(SystemClock.now().0 + 3600 * 1000);
            let id = RequestId::new(number).expect("not reserved");
            let request = Request { id, until, action };
            SignedRequest::sign(&request, &Signer::new(&self.operator), &self.file.charter)
        });
        let deposits: Vec<_> = deposits.collect();
        self.runtime.block_on(async {
            let teller = Client::connect(&self.operator, &self.file).expect("a socket");
            for some in deposits.chunks(64) {
                assert!(teller.submit(some).await.expect("an answer").is_done());
            }
        });
    }

    fn close(self) {
        // It may have ended, which the next line tells.
        let _ = self.stop.send(());
        self.runtime.block_on(self.ended).expect("an orderly end");
    }
}

fn key(number: usize) -> SecretKey {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::from_seed(&seed)
}

fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").expect("a currency")
}
