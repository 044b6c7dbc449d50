//! From order to receipt: written down, countersigned, and brought to the settlement server until
//! that has decided, however often either side dies on the way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auction::keys::PublicKey;
use auction::spec::Time;
use settlement::client::{Bought, Client, ClientError};
use settlement::layout::Signer;
use settlement::ledger::{Class, Code, SignedRequest};
use settlement::purchases::{Order, OrderKey, PurchaseReceipt, SignedOffer, VerifiedOffer};
use settlement::server::Clock;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use super::error::MerchantError;
use super::limits::{MAX_OPEN_SALES, MAX_OPEN_SALES_OF_A_CUSTOMER};
use super::quoting::Quoting;
use super::sales::{Sale, SaleState, Sales};
use crate::service::Declined;

/// Sales that are brought to the settlement server at a time.
const SUBMISSIONS: usize = 64;
/// First pause before a sale is brought again; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a sale is brought again after its order's time-out, in milliseconds (a day): the
/// answer then is for good, one way or the other.
const GIVEN_UP_MS: u64 = 24 * 3600 * 1000;

/// Sells what is ordered.
pub(super) struct Selling {
    sales: Sales,
    bank: Client,
    quoting: Arc<Quoting>,
    signer: Arc<Signer>,
    clock: Arc<dyn Clock>,
    places: Semaphore,
    /// The sales that are under way.
    running: Mutex<HashMap<OrderKey, Running>>,
    /// Orders that are being written down.
    taking: Mutex<HashMap<OrderKey, PublicKey>>,
}

struct Running {
    customer: PublicKey,
    state: watch::Receiver<SaleState>,
    /// The customer asks again: perhaps the settlement server is back.
    hurry: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Why an order is not taken.
pub(super) enum NotTaken {
    /// Too many are under way.
    Busy,
    /// It cannot be taken.
    Declined(Declined),
}

impl Selling {
    pub(super) fn new(
        sales: Sales,
        bank: Client,
        quoting: Arc<Quoting>,
        signer: Arc<Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, MerchantError> {
        Ok(Arc::new(Self {
            sales,
            bank,
            quoting,
            signer,
            clock,
            places: Semaphore::new(SUBMISSIONS),
            running: Mutex::default(),
            taking: Mutex::default(),
        }))
    }

    /// Goes on with what was not decided when the merchant stopped.
    pub(super) fn resume(self: &Arc<Self>) {
        let undecided = match self.sales.undecided() {
            Ok(undecided) => undecided,
            Err(error) => return tracing::error!(%error, "open sales cannot be read"),
        };
        if !undecided.is_empty() {
            tracing::info!(sales = undecided.len(), "going on with open sales");
        }
        for key in undecided {
            match self.sales.get(&key) {
                Ok(Some(sale)) => drop(self.start(key, &sale)),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "an open sale cannot be read"),
            }
        }
    }

    /// Ends all that is under way; it is on the disk.
    pub(super) fn stop(&self) {
        for (_, running) in self.running().drain() {
            running.task.abort();
        }
    }

    /// e and f Takes an order: what is returned is on the disk, and its state can be watched.
    pub(super) async fn take(
        self: &Arc<Self>,
        offer: VerifiedOffer,
        order: &[u8],
        now: Time,
    ) -> Result<watch::Receiver<SaleState>, NotTaken> {
        let refused = |reason: String| NotTaken::Declined(Declined::Order(reason));
        let order = Order::decode(order).map_err(|error| refused(error.to_string()))?;
        let key = order.key().ok_or_else(|| refused("it is no purchase".to_owned()))?;
        if let Some(known) = self.known(&key, &order).await? {
            return Ok(known);
        }
        if now >= offer.terms().expires {
            return Err(NotTaken::Declined(Declined::Expired));
        }
        let charter = *self.quoting.charter();
        let verified = order.verify(&offer, &charter, now);
        let verified = verified.map_err(|error| refused(error.to_string()))?;
        // Nobody's money is taken for what cannot be delivered.
        self.quoting.goods_of(&offer).map_err(NotTaken::Declined)?;
        let Some(_taking) = self.reserve(key, offer.terms().customer) else {
            return Err(NotTaken::Busy);
        };
        let countersigned = verified.countersign(&self.signer, &charter);
        let sale = Sale {
            offer: offer.signed().to_bytes(),
            order: countersigned.as_bytes().to_vec(),
            state: SaleState::Open,
        };
        self.write(key, sale.clone()).await?;
        Ok(self.start(key, &sale))
    }

    /// The state of a sale, by its order's name: for its customer alone.
    pub(super) async fn state(
        self: &Arc<Self>,
        key: OrderKey,
        customer: &PublicKey,
    ) -> Result<Option<(VerifiedOffer, SaleState)>, NotTaken> {
        let Some(sale) = self.read(key).await? else { return Ok(None) };
        let offer = self.quoting.own_offer(customer, &sale.offer);
        Ok(offer.ok().map(|offer| (offer, sale.state)))
    }

    /// What is known of an order that came before.
    async fn known(
        self: &Arc<Self>,
        key: &OrderKey,
        order: &Order,
    ) -> Result<Option<watch::Receiver<SaleState>>, NotTaken> {
        let Some(sale) = self.read(*key).await? else { return Ok(None) };
        let same = SignedRequest::decode(&sale.order)
            .is_ok_and(|known| known.request() == order.request());
        if !same {
            return Err(NotTaken::Declined(Declined::IdTaken));
        }
        Ok(Some(self.start(*key, &sale)))
    }

    /// Watches a sale, which goes on if it is not decided.
    fn start(self: &Arc<Self>, key: OrderKey, sale: &Sale) -> watch::Receiver<SaleState> {
        let mut running = self.running();
        if let Some(known) = running.get(&key) {
            known.hurry.notify_one();
            return known.state.clone();
        }
        let (told, state) = watch::channel(sale.state.clone());
        let offer = SignedOffer::decode(&sale.offer).ok();
        let offer = offer.and_then(|offer| offer.verify(self.quoting.charter()).ok());
        if let (SaleState::Open, Some(offer)) = (&sale.state, offer) {
            let customer = offer.terms().customer;
            let (this, sale, hurry) = (Arc::clone(self), sale.clone(), Arc::new(Notify::new()));
            let hurried = Arc::clone(&hurry);
            let task =
                tokio::spawn(async move { this.sell(key, &offer, sale, told, &hurried).await });
            running.insert(key, Running { customer, state: state.clone(), hurry, task });
        }
        state
    }

    /// f Brings a sale to the settlement server until that has decided.
    async fn sell(
        self: Arc<Self>,
        key: OrderKey,
        offer: &VerifiedOffer,
        sale: Sale,
        told: watch::Sender<SaleState>,
        hurry: &Notify,
    ) {
        let mut pause = FIRST_PAUSE;
        while told.borrow().clone() == SaleState::Open {
            match self.bring(offer, &sale).await {
                Ok(decided) if is_nobodys(&decided) => {
                    // Keys cost nothing: of those without an account nothing is kept. Should one
                    // come to be, the same order is taken anew.
                    if self.forget(key).await.is_ok() {
                        told.send_replace(decided);
                        break;
                    }
                }
                Ok(decided) => {
                    let decided = Sale { state: decided, ..sale.clone() };
                    if self.write(key, decided.clone()).await.is_ok() {
                        told.send_replace(decided.state);
                        break;
                    }
                }
                Err(reason) => {
                    tracing::info!(account = %key.account, id = key.id.get(), %reason, "not sold yet");
                    if self.clock.now().0 > offer.terms().expires.0.saturating_add(GIVEN_UP_MS) {
                        tracing::error!(account = %key.account, id = key.id.get(), "given up");
                        break;
                    }
                }
            }
            let hurried = async {
                hurry.notified().await;
                tokio::time::sleep(FIRST_PAUSE).await;
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = hurried => {}
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        self.running().remove(&key);
    }

    /// One attempt: what the settlement server has decided, or why it has not.
    async fn bring(&self, offer: &VerifiedOffer, sale: &Sale) -> Result<SaleState, String> {
        let Ok(_place) = self.places.acquire().await else { return Err("stopping".to_owned()) };
        let order = SignedRequest::decode(&sale.order).map_err(|error| error.to_string())?;
        let (item, goods) = self.quoting.goods_of(offer).map_err(|gone| gone.to_string())?;
        let bought = match goods {
            Some((key, _)) => self.bank.buy(&order, offer.offer(), &key).await,
            None => {
                let content = self.quoting.catalogue().open_content(item.number);
                let mut content = content.map_err(|error| error.to_string())?;
                self.bank.buy_held(&order, offer.offer(), &mut content, |_| {}).await
            }
        };
        match bought {
            Ok(Bought::Paid(receipt, _)) => {
                let bytes = receipt.without_key().to_bytes().map_err(|error| error.to_string())?;
                Ok(SaleState::Paid(bytes.to_vec()))
            }
            Ok(Bought::Refused(code)) => match code.class() {
                Class::Final | Class::Lasting => Ok(SaleState::Refused(code.number())),
                // Whoever orders has had money before: who has no account holds no place.
                Class::Again if code == Code::UnknownAccount => {
                    Ok(SaleState::Refused(code.number()))
                }
                Class::Again | Class::Done => Err(format!("the ledger says {code:?}")),
            },
            Err(ClientError::Declined(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A place for an order, where there is one, until it is under way.
    fn reserve(self: &Arc<Self>, key: OrderKey, customer: PublicKey) -> Option<Taking> {
        let running = self.running();
        let mut taking = lock(&self.taking);
        let known = running.values().map(|one| one.customer).chain(taking.values().copied());
        let own = known.filter(|one| *one == customer).count();
        let room = running.len() + taking.len() < MAX_OPEN_SALES
            && own < MAX_OPEN_SALES_OF_A_CUSTOMER
            && !taking.contains_key(&key);
        if !room {
            return None;
        }
        taking.insert(key, customer);
        Some(Taking { selling: Arc::clone(self), key })
    }

    async fn write(self: &Arc<Self>, key: OrderKey, sale: Sale) -> Result<(), NotTaken> {
        let sales = self.sales.clone();
        let written = tokio::task::spawn_blocking(move || sales.put(&key, &sale)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(disk(&error)),
            Err(_) => Err(NotTaken::Busy),
        }
    }

    async fn forget(self: &Arc<Self>, key: OrderKey) -> Result<(), NotTaken> {
        let sales = self.sales.clone();
        match tokio::task::spawn_blocking(move || sales.remove(&key)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(disk(&error)),
            Err(_) => Err(NotTaken::Busy),
        }
    }

    async fn read(self: &Arc<Self>, key: OrderKey) -> Result<Option<Sale>, NotTaken> {
        let sales = self.sales.clone();
        match tokio::task::spawn_blocking(move || sales.get(&key)).await {
            Ok(Ok(sale)) => Ok(sale),
            Ok(Err(error)) => Err(disk(&error)),
            Err(_) => Err(NotTaken::Busy),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<OrderKey, Running>> {
        lock(&self.running)
    }
}

/// An order that is being written down: no other of its name is meanwhile.
struct Taking {
    selling: Arc<Selling>,
    key: OrderKey,
}

impl Drop for Taking {
    fn drop(&mut self) {
        lock(&self.selling.taking).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Changed in single steps: a panic leaves none half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an order is of somebody who has no account.
fn is_nobodys(state: &SaleState) -> bool {
    *state == SaleState::Refused(Code::UnknownAccount.number())
}

/// The receipt of a paid sale.
pub(super) fn receipt_of(bytes: &[u8]) -> Option<PurchaseReceipt> {
    PurchaseReceipt::from_bytes(bytes).ok()
}

/// The code of a refused sale.
pub(super) fn code_of(number: u8) -> Option<Code> {
    Code::from_number(number)
}

fn disk(error: &MerchantError) -> NotTaken {
    tracing::error!(%error, "a sale cannot be read or written");
    NotTaken::Declined(Declined::Disk)
}
