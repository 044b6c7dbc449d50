//! The stages of a purchase, up to the order. SETTLEMENT, section "Purchase of digital goods",
//! steps a to e.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;

use auction::spec::Time;
use rand::RngExt as _;
use settlement::goods::{CheckedGoods, GoodsError, check_file};
use settlement::ledger::{Charter, Code, Currency, RequestId};
use settlement::purchases::{Delivery, Order, OrderKey, PaidPurchase, VerifiedOffer};

use super::Customer;
use super::error::BuyError;
use super::folder::{Folder, FolderError};

/// A purchase on this machine's disk.
#[derive(Debug)]
pub struct Purchase {
    folder: Folder,
    charter: Charter,
}

/// Where a purchase is.
#[derive(Debug)]
pub enum Stage {
    /// Nothing was offered yet, or what was offered has expired before it was ordered.
    Fresh(Fresh),
    /// Offered, and not ordered.
    Offered(Offered),
    /// Ordered, and what became of it is not known here.
    Ordered(Ordered),
    /// Paid.
    Bought(Bought),
}

/// Nothing was offered yet.
#[derive(Debug)]
pub struct Fresh(Purchase);

/// Offered by the merchant, who signed it.
#[derive(Debug)]
pub struct Offered {
    pub(super) purchase: Purchase,
    pub(super) offer: VerifiedOffer,
    /// How many orders were refused under it, and why the last one was.
    pub(super) refused: u32,
    pub(super) last_refusal: Option<Code>,
}

/// Offered, and everything that is needed to order is here: the encrypted goods whole, checked
/// and flushed, or nothing, where the settlement server will hold the item.
#[derive(Debug)]
pub struct Fetched {
    offered: Offered,
    goods: Option<CheckedGoods>,
}

/// Ordered: the order is on this machine's disk.
#[derive(Debug)]
pub struct Ordered {
    pub(super) purchase: Purchase,
    pub(super) offer: VerifiedOffer,
    pub(super) number: u32,
    pub(super) order: Order,
    pub(super) key: OrderKey,
}

/// Paid, and the receipt is on this machine's disk.
#[derive(Debug)]
pub struct Bought {
    pub(super) purchase: Purchase,
    pub(super) receipt: settlement::purchases::PurchaseReceipt,
    pub(super) paid: PaidPurchase,
}

impl Purchase {
    /// Opens the purchase in a folder.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(folder: Folder, charter: &Charter) -> Self {
        Self { folder, charter: *charter }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Where the purchase is, at this time.
    ///
    /// # Errors
    /// [`BuyError`] when a file in its folder is damaged.
    pub fn resume(self, now: Time) -> Result<Stage, BuyError> {
        if let Some(receipt) = self.folder.receipt()? {
            let proved = receipt.verify(&self.charter);
            let from = "the settlement server";
            let paid = proved.map_err(|reason| BuyError::NotAPurchase { from, reason })?;
            return Ok(Stage::Bought(Bought { purchase: self, receipt, paid }));
        }
        let Some(offer) = self.folder.offer()? else { return Ok(Stage::Fresh(Fresh(self))) };
        let offer = offer.verify(&self.charter)?;
        let (refused, last_refusal) = match self.folder.last_order()? {
            Some((number, order, None)) => {
                let key = order.key().ok_or_else(|| damaged(&self.folder, "no purchase"))?;
                return Ok(Stage::Ordered(Ordered { purchase: self, offer, number, order, key }));
            }
            Some((number, _, Some(code))) => (number, Some(code)),
            None => (0, None),
        };
        if now >= offer.terms().expires {
            return Ok(Stage::Fresh(Fresh(self)));
        }
        Ok(Stage::Offered(Offered { purchase: self, offer, refused, last_refusal }))
    }
}

impl Fresh {
    /// The purchase.
    #[must_use]
    pub fn purchase(&self) -> &Purchase {
        &self.0
    }

    /// a and b Asks the merchant for an offer of this item, and keeps it.
    ///
    /// # Errors
    /// [`BuyError`]: the merchant does not answer, or his offer is not what was asked for.
    pub async fn inquire(
        self,
        customer: &Customer,
        item: u64,
        now: Time,
    ) -> Result<Offered, BuyError> {
        let Self(purchase) = self;
        // An offer that is over, if there is one.
        if purchase.folder.offer()?.is_some() {
            purchase.folder.forget_offer()?;
        }
        let inquiry = purchase.folder.inquiry()?;
        let offer = customer.shop.inquire(item, inquiry).await?;
        let offer = offer.verify(&purchase.charter)?.of(&customer.shop.account())?;
        let terms = offer.terms();
        let expected = |got: String, expected: String| {
            if got == expected { Ok(()) } else { Err(BuyError::OtherOffer { got, expected }) }
        };
        expected(format!("item {}", terms.item), format!("item {item}"))?;
        let currency = Currency::from(&customer.currency);
        expected(format!("{:?}", terms.currency), format!("{currency:?}"))?;
        let me = customer.signer.public();
        expected(format!("an offer to {}", terms.customer), format!("an offer to {me}"))?;
        if now >= terms.expires {
            return Err(BuyError::Expired);
        }
        purchase.folder.keep_offer(offer.signed())?;
        Ok(Offered { purchase, offer, refused: 0, last_refusal: None })
    }
}

impl Offered {
    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &VerifiedOffer {
        &self.offer
    }

    /// Why the last order under this offer was refused, if one was.
    #[must_use]
    pub fn last_refusal(&self) -> Option<Code> {
        self.last_refusal
    }

    /// The purchase.
    #[must_use]
    pub fn purchase(&self) -> &Purchase {
        &self.purchase
    }

    /// c and d Fetches the encrypted goods, from where an earlier attempt ended, checks them
    /// against the offer and flushes them. `progress` gets the bytes that are here.
    ///
    /// # Errors
    /// [`BuyError::Goods`] when they are not those of the offer: they are thrown away, and
    /// nothing was ordered.
    pub async fn fetch(
        self,
        customer: &Customer,
        mut progress: impl FnMut(u64),
    ) -> Result<Fetched, BuyError> {
        let Delivery::Encrypted(goods) = self.offer.terms().delivery else {
            return Ok(Fetched { offered: self, goods: None });
        };
        let path = self.purchase.folder.goods();
        let failed = |doing| {
            let path = path.clone();
            move |source| FolderError::File { doing, path, source }
        };
        let options = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let mut file = options.map_err(failed("write"))?;
        let mut have = file.metadata().map_err(failed("read"))?.len();
        let signed = self.offer.signed().to_bytes();
        while have < goods.bytes {
            progress(have);
            let piece = customer.shop.goods(&signed, have).await?;
            if piece.is_empty() || piece.len() as u64 > goods.bytes - have {
                return Err(BuyError::WrongAnswer("goods of another length"));
            }
            file.write_all(&piece).map_err(failed("write"))?;
            have += piece.len() as u64;
        }
        drop(file);
        progress(have);
        let at = path.clone();
        let checked = tokio::task::spawn_blocking(move || {
            check_file(&at, &goods, &mut |_| ControlFlow::Continue(()))
        });
        let checked = checked.await.unwrap_or(Err(GoodsError::Stopped));
        match checked {
            Ok(goods) => Ok(Fetched { offered: self, goods: Some(goods) }),
            Err(error) => {
                if error.is_fault_of_goods() {
                    std::fs::remove_file(&path).map_err(failed("remove"))?;
                }
                Err(BuyError::Goods(error))
            }
        }
    }
}

impl Fetched {
    /// What is offered.
    #[must_use]
    pub fn offer(&self) -> &VerifiedOffer {
        self.offered.offer()
    }

    /// e Signs an order, good for so many milliseconds, and keeps it: from now on the money may
    /// move.
    ///
    /// # Errors
    /// [`BuyError::NotOrdered`], and [`BuyError::Folder`]: then nothing was ordered.
    pub fn order(self, customer: &Customer, now: Time, good_for: u64) -> Result<Ordered, BuyError> {
        let Self { offered: Offered { purchase, offer, refused, .. }, goods } = self;
        let (signer, charter) = (&customer.signer, *purchase.charter());
        let id = fresh_id();
        let times = (now, good_for);
        let order = match &goods {
            Some(goods) => Order::sign(&offer, goods, signer, &charter, id, times)?,
            None => Order::sign_for_held(&offer, signer, &charter, id, times)?,
        };
        let key = order.key().ok_or_else(|| damaged(&purchase.folder, "no purchase"))?;
        let number = refused + 1;
        purchase.folder.keep_order(number, &order)?;
        Ok(Ordered { purchase, offer, number, order, key })
    }
}

fn damaged(folder: &Folder, reason: &str) -> FolderError {
    FolderError::Damaged { path: folder.path().to_owned(), reason: reason.to_owned() }
}

fn fresh_id() -> RequestId {
    loop {
        if let Some(id) = RequestId::new(rand::rng().random()) {
            return id;
        }
    }
}
