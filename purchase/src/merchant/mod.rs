//! The merchant: a process with an identity, a catalogue and an account that is paid.
//!
//! It quotes, encrypts what is asked for, takes orders, countersigns them and brings them to the
//! settlement server by itself until each is decided. A quote is not remembered: the offer that
//! the merchant signed comes back with every further question, and the goods key follows from it
//! and a secret. An order is on the disk before it is answered or submitted.

mod catalogue;
mod config;
mod counter;
mod directory;
mod error;
mod limits;
mod quoting;
mod sales;
mod selling;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auction::keys::SecretKey;
use auction::money::Currency;
use link::{Endpoint, Identity, Limits};
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::layout::Signer;
use settlement::server::Clock;

pub use catalogue::{Catalogue, CatalogueItem, ItemDelivery, NewItem};
pub use config::{CONFIG_FILE, Config};
pub use directory::{IDENTITY_FILE, SECRET_FILE, init, load_identity};
pub use error::MerchantError;
pub use limits::{
    MAX_OPEN_SALES, MAX_OPEN_SALES_OF_A_CUSTOMER, MAX_WAITING_QUOTES,
    QUOTED_BYTES_A_MINUTE_OF_A_CUSTOMER, QUOTES_A_MINUTE_OF_A_CUSTOMER,
};
pub use sales::SALES_FILE;

use crate::merchant_file::MerchantFile;
use crate::service::{MAX_ANSWER, MAX_QUESTION};
use counter::Counter;
use quoting::Quoting;
use sales::Sales;
use selling::Selling;

/// Time for an answer: a quote encrypts the whole item once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Whose account is paid, and where.
pub struct Account {
    /// Owns it.
    pub key: SecretKey,
    /// Its currency.
    pub currency: Currency,
    /// The settlement server that keeps it.
    pub charter: CharterFile,
}

/// Writes the encrypted goods of an offer of the merchant in `dir`, as its customer got them: with
/// offer, receipt and key they prove what was delivered. They are made again from the item's copy.
///
/// # Errors
/// [`MerchantError::NotOurs`], [`MerchantError::NoItem`] where the item is not there any more or is
/// another, [`MerchantError::Goods`] when they cannot be written.
pub fn write_goods(
    dir: &Path,
    account: &Account,
    offer: settlement::purchases::SignedOffer,
    to: &mut impl std::io::Write,
) -> Result<(), MerchantError> {
    let signer = Arc::new(Signer::new(&account.key));
    let charter = account.charter.charter;
    let offer = offer.verify(&charter).and_then(|offer| offer.of(&signer.public()));
    let offer = offer.map_err(MerchantError::NotOurs)?;
    let (catalogue, secret) = (Catalogue::open(dir)?, directory::load_secret(dir)?);
    let quoting = Quoting::new(catalogue, secret, signer, charter, &account.currency, 0);
    quoting.write_goods(&offer, to)
}

/// A merchant, opened and not yet running.
pub struct Merchant {
    endpoint: Endpoint,
    counter: Arc<Counter>,
    file: MerchantFile,
}

impl Merchant {
    /// Opens the merchant that [`init`] made in `dir` and binds its address. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// [`MerchantError`]: what the merchant has to mend.
    pub fn open(
        dir: &Path,
        account: Account,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MerchantError> {
        let config = Config::load(dir)?;
        directory::refuse_open_directory(dir)?;
        let identity = load_identity(dir)?;
        let secret = directory::load_secret(dir)?;
        let sales = Sales::open(dir)?;
        let catalogue = Catalogue::open(dir)?;
        let Account { key, currency, charter } = account;
        let signer = Arc::new(Signer::new(&key));
        let owner = signer.public();
        let bank = Client::connect(&key, &charter)?;
        let quoting = Arc::new(Quoting::new(
            catalogue,
            secret,
            Arc::clone(&signer),
            charter.charter,
            &currency,
            config.offer_ms(),
        ));
        let selling = Selling::new(sales, bank, Arc::clone(&quoting), signer, Arc::clone(&clock))?;
        let limits = Limits {
            max_connections: config.max_connections,
            max_connections_per_ip: config.max_connections_per_address,
            max_question_bytes: MAX_QUESTION,
            max_answer_bytes: MAX_ANSWER,
            answer_timeout: ANSWER_TIMEOUT,
            ..Limits::default()
        };
        let endpoint =
            Endpoint::bind(config.listen, &Identity::from_seed(identity.seed()), limits)?;
        let file = MerchantFile {
            address: endpoint.local_addr()?.to_string(),
            identity: identity.public(),
            account: owner,
        };
        let counter = Arc::new(Counter::new(quoting, selling, clock));
        Ok(Self { endpoint, counter, file })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// [`MerchantError::Link`] when the operating system does not tell.
    pub fn local_addr(&self) -> Result<SocketAddr, MerchantError> {
        Ok(self.endpoint.local_addr()?)
    }

    /// What its customers are given, with the address that it listens on.
    #[must_use]
    pub fn file(&self) -> &MerchantFile {
        &self.file
    }

    /// Sells until `shutdown` completes. Dropping the future is a kill: what was taken is on the
    /// disk, and another [`Merchant::open`] goes on from there.
    ///
    /// # Errors
    /// [`MerchantError::Link`]; nothing a customer does ends it.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), MerchantError> {
        let (address, identity) = (self.local_addr()?, self.file.identity);
        tracing::info!(%identity, %address, "selling");
        self.counter.selling().resume();
        let served = self.endpoint.serve(Arc::clone(&self.counter), shutdown).await;
        self.counter.selling().stop();
        Ok(served?)
    }
}
