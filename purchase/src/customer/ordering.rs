//! From the order to the goods: by way of the merchant, and where he does not answer, of the
//! settlement server. SETTLEMENT, section "Purchase of digital goods", steps e to h.

use std::fs::OpenOptions;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use auction::spec::Time;
use settlement::client::{self, ClientError};
use settlement::goods::{Existing, GoodsError, GoodsKey, checksum_of_item, open_file};
use settlement::ledger::{Action, Code, Request, SignedRequest};
use settlement::purchases::{
    Delivery, HeldItem, OrderKey, PaidPurchase, PurchaseReceipt, VerifiedOffer,
};
use settlement::server::files;

use super::Customer;
use super::error::BuyError;
use super::folder::FolderError;
use super::merchant::Said;
use super::stages::{Bought, Offered, Ordered};

/// How long a cancellation is good after it was signed, in milliseconds (an hour).
const CANCEL_GOOD_MS: u64 = 3_600_000;

/// What became of an order.
#[derive(Debug)]
pub enum Settled {
    /// Paid.
    Bought(Bought),
    /// Refused for good: the offer stands, and another order may be signed.
    Refused(Offered, Code),
    /// Not decided, for this reason. It may still be paid until its time-out: go on later, or
    /// cancel.
    Open(Ordered, String),
}

/// What became of a cancellation.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and taken apart")]
pub enum Cancelled {
    /// The order can never be paid.
    Done(Offered),
    /// It was paid before.
    TooLate(Bought),
}

impl Ordered {
    /// What was ordered.
    #[must_use]
    pub fn offer(&self) -> &VerifiedOffer {
        &self.offer
    }

    /// The purchase's name at the settlement server.
    #[must_use]
    pub fn key(&self) -> OrderKey {
        self.key
    }

    /// Until when it may be paid.
    #[must_use]
    pub fn until(&self) -> Time {
        self.order.request().until
    }

    /// e to h Brings the order to the merchant and hears what becomes of it; where he does not
    /// answer, or says no, the settlement server says what is true. An order that is out of time
    /// at `now` is cancelled, so that it is certain that nothing was paid.
    ///
    /// # Errors
    /// [`BuyError`] when the settlement server's answer proves nothing, or the disk fails.
    pub async fn settle(self, customer: &Customer, now: Time) -> Result<Settled, BuyError> {
        let said = customer.shop.order(&self.offer.signed().to_bytes(), &self.order).await;
        let reason = match said {
            Ok(Said::Paid(receipt)) => match self.proves(&receipt) {
                Ok(paid) => return Ok(Settled::Bought(self.bought(receipt, paid)?)),
                Err(error) => error.to_string(),
            },
            Ok(Said::Refused) => "the merchant says that it was refused".to_owned(),
            Ok(Said::Pending) => "the merchant has not heard from the settlement server".to_owned(),
            Err(error) => error.to_string(),
        };
        match self.ask_server(customer, reason).await? {
            Settled::Open(order, reason) if now >= order.until() => {
                match order.cancel(customer, now).await? {
                    Cancelled::Done(offered) => Ok(Settled::Refused(offered, Code::Expired)),
                    Cancelled::TooLate(bought) => {
                        tracing::debug!(reason, "paid at the last moment");
                        Ok(Settled::Bought(bought))
                    }
                }
            }
            settled => Ok(settled),
        }
    }

    /// What the settlement server says: it decides, whatever the merchant may tell. It is believed
    /// what it proves: who takes an order for refused signs another one.
    async fn ask_server(self, customer: &Customer, reason: String) -> Result<Settled, BuyError> {
        match customer.bank.purchase(self.key).await {
            Ok(Some(client::Bought::Paid(receipt, _))) => {
                let paid = self.proves(&receipt)?;
                Ok(Settled::Bought(self.bought(receipt, paid)?))
            }
            Ok(Some(client::Bought::Refused(code))) => {
                let offered = self.refused(code)?;
                Ok(Settled::Refused(offered, code))
            }
            Ok(None) => Ok(Settled::Open(self, reason)),
            Err(error @ (ClientError::Link(_) | ClientError::Busy | ClientError::Unknown)) => {
                let reason = format!("{reason}; the settlement server: {error}");
                Ok(Settled::Open(self, reason))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Cancels the order by the customer's signed word: afterwards it is known for good whether
    /// it was paid.
    ///
    /// # Errors
    /// [`BuyError::Settlement`] when the server does not answer: the order may still be paid.
    pub async fn cancel(self, customer: &Customer, now: Time) -> Result<Cancelled, BuyError> {
        let request = Request {
            id: self.key.id,
            until: Time(now.0.saturating_add(CANCEL_GOOD_MS)),
            action: Action::Cancel { account: self.key.account },
        };
        let word = SignedRequest::sign(&request, &customer.signer, self.purchase.charter());
        let decided = customer.bank.submit(&[word]).await?;
        match decided.results.first().map(|result| result.code) {
            // Its receipt shows this very word.
            Some(Code::Done) => Ok(Cancelled::Done(self.refused(Code::Cancelled)?)),
            // By another word, or decided before: the receipt of what decided it says so.
            Some(Code::Cancelled | Code::TooLateToCancel) => {
                match self.ask_server(customer, String::new()).await? {
                    Settled::Bought(bought) => Ok(Cancelled::TooLate(bought)),
                    Settled::Refused(offered, _) => Ok(Cancelled::Done(offered)),
                    Settled::Open(..) => {
                        Err(ClientError::WrongAnswer("an id that is decided and is not").into())
                    }
                }
            }
            Some(code) => Err(BuyError::Refused(code)),
            None => Err(ClientError::WrongAnswer("expected a result").into()),
        }
    }

    /// Whether a receipt proves this purchase, whoever gave it.
    fn proves(&self, receipt: &PurchaseReceipt) -> Result<PaidPurchase, BuyError> {
        let from = "the merchant or the settlement server";
        let paid = receipt.verify(self.purchase.charter());
        let paid = paid.map_err(|reason| BuyError::NotAPurchase { from, reason })?;
        if paid.key != self.key || paid.offer != *self.offer.offer() {
            return Err(BuyError::WrongAnswer("the receipt of another purchase"));
        }
        Ok(paid)
    }

    fn bought(self, receipt: PurchaseReceipt, paid: PaidPurchase) -> Result<Bought, BuyError> {
        self.purchase.folder().keep_receipt(&receipt)?;
        Ok(Bought { purchase: self.purchase, receipt, paid })
    }

    fn refused(self, code: Code) -> Result<Offered, BuyError> {
        let Self { purchase, offer, number, .. } = self;
        purchase.folder().keep_refusal(number, code)?;
        Ok(Offered { purchase, offer, refused: number, last_refusal: Some(code) })
    }
}

impl Bought {
    /// What was bought, for how much, and when.
    #[must_use]
    pub fn paid(&self) -> &PaidPurchase {
        &self.paid
    }

    /// The receipt, with the goods key where it is here.
    #[must_use]
    pub fn receipt(&self) -> &PurchaseReceipt {
        &self.receipt
    }

    /// Where the purchase's files are.
    #[must_use]
    pub fn purchase(&self) -> &super::stages::Purchase {
        &self.purchase
    }

    /// h Puts what was bought in its place, when all of it is what was offered: opened with the
    /// goods key, or fetched from the settlement server. `progress` gets the bytes that are done,
    /// and ends it when it breaks. May be repeated.
    ///
    /// # Errors
    /// [`BuyError::NoKey`] when nobody gives the key now, [`BuyError::DoesNotOpen`] when the goods
    /// are not what their key opens, [`BuyError::Out`] when they cannot be written.
    pub async fn deliver(
        mut self,
        customer: &Customer,
        out: &Path,
        existing: Existing,
        mut progress: impl FnMut(u64) -> ControlFlow<()> + Send + 'static,
    ) -> Result<Self, BuyError> {
        match self.paid.offer.terms().delivery {
            Delivery::Held(item) => {
                self.fetch_held(customer, &item, out, existing, &mut progress).await?;
            }
            Delivery::Encrypted(goods) => {
                if self.receipt.key().is_none() {
                    self.find_key(customer).await?;
                }
                let Some(key) = self.receipt.key() else { return Err(BuyError::NoKey) };
                let key = GoodsKey::from_bytes(key.expose());
                let (from, to) = (self.purchase.folder().goods(), out.to_owned());
                let opened = tokio::task::spawn_blocking(move || {
                    open_file(&from, &to, &key, &goods, existing, &mut progress)
                });
                opened.await.unwrap_or(Err(GoodsError::Stopped)).map_err(|error| {
                    if error.is_fault_of_goods() {
                        BuyError::DoesNotOpen(error)
                    } else {
                        BuyError::Out(error)
                    }
                })?;
            }
        }
        Ok(self)
    }

    /// Asks server and merchant for the goods key of a purchase that is paid.
    async fn find_key(&mut self, customer: &Customer) -> Result<(), BuyError> {
        let key = self.paid.key;
        let from_server = match customer.bank.purchase(key).await {
            Ok(Some(client::Bought::Paid(receipt, _))) => Some(receipt),
            _ => None,
        };
        let found = match from_server.filter(|receipt| receipt.key().is_some()) {
            Some(receipt) => Some(receipt),
            None => match customer.shop.sale(key).await {
                Ok(Said::Paid(receipt)) => Some(receipt),
                _ => None,
            },
        };
        let proves = |receipt: &PurchaseReceipt| {
            let proved = receipt.verify(self.purchase.charter());
            receipt.key().is_some() && proved.is_ok_and(|paid| paid.key == key)
        };
        let Some(receipt) = found.filter(proves) else { return Err(BuyError::NoKey) };
        self.purchase.folder().keep_receipt(&receipt)?;
        self.receipt = receipt;
        Ok(())
    }

    async fn fetch_held(
        &self,
        customer: &Customer,
        item: &HeldItem,
        out: &Path,
        existing: Existing,
        progress: &mut (impl FnMut(u64) -> ControlFlow<()> + Send),
    ) -> Result<(), BuyError> {
        let exists = || out.symlink_metadata().is_ok();
        if existing == Existing::Keep && exists() {
            return Err(BuyError::Out(GoodsError::Exists { path: out.to_owned() }));
        }
        let path = self.purchase.folder().goods();
        let failed = |doing| {
            let path = path.clone();
            move |source| FolderError::File { doing, path, source }
        };
        let options = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let mut file = options.map_err(failed("write"))?;
        let have = file.metadata().map_err(failed("read"))?.len();
        let told = |done| {
            // What has come stays, and the next attempt goes on from there.
            let _ = progress(done);
        };
        customer.bank.fetch_item(self.paid.key, item, have, &mut file, told).await?;
        file.sync_all().map_err(failed("flush"))?;
        drop(file);
        let read = std::fs::File::open(&path).map_err(failed("read"))?;
        let read = std::io::BufReader::with_capacity(1 << 17, read);
        let (got, bytes) =
            checksum_of_item(read, &mut |_| ControlFlow::Continue(())).map_err(BuyError::Out)?;
        if (got, bytes) != (item.checksum, item.bytes) {
            std::fs::remove_file(&path).map_err(failed("remove"))?;
            let expected = item.checksum;
            return Err(BuyError::DoesNotOpen(GoodsError::Checksum { got, expected }));
        }
        copy_into_place(&path, out, existing)
    }
}

/// Copies a file to its place, whole or not at all.
fn copy_into_place(from: &Path, to: &Path, existing: Existing) -> Result<(), BuyError> {
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| BuyError::Out(GoodsError::File { doing, path, source })
    };
    let part = to.with_extension(format!("{}.part", std::process::id()));
    std::fs::copy(from, &part).map_err(failed("write", &part))?;
    if existing == Existing::Keep && to.symlink_metadata().is_ok() {
        // Nobody needs the copy, whatever becomes of it.
        let _ = std::fs::remove_file(&part);
        return Err(BuyError::Out(GoodsError::Exists { path: to.to_owned() }));
    }
    files::flush_and_rename(&part, to).map_err(failed("keep", to))
}
