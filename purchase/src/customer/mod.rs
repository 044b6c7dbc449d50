//! The customer's side of a purchase: one folder for each, in which everything is written down
//! before it is said, so that a purchase can be gone on with after a kill at any instant, and
//! nothing is ever ordered twice.
//!
//! A purchase is where its folder says it is ([`Purchase::resume`]): [`Fresh`], [`Offered`],
//! [`Fetched`] (only then can it be ordered), [`Ordered`], [`Bought`]. Each step consumes the one
//! before.

mod error;
mod folder;
mod merchant;
mod ordering;
mod stages;

use auction::keys::SecretKey;
use auction::money::Currency;
use link::{Endpoint, Identity, Limits};
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::layout::Signer;
use settlement::service::{MAX_ANSWER as MAX_BANK_ANSWER, MAX_QUESTION as MAX_BANK_QUESTION};
use std::time::Duration;

pub use error::BuyError;
pub use folder::{Folder, FolderError};
pub use merchant::Shop;
pub use ordering::{Cancelled, Settled};
pub use stages::{Bought, Fetched, Fresh, Offered, Ordered, Purchase, Stage};

use crate::merchant_file::MerchantFile;

/// Who buys: an account, its settlement server, and a merchant.
pub struct Customer {
    pub(crate) signer: Signer,
    pub(crate) currency: Currency,
    pub(crate) bank: Client,
    pub(crate) shop: Shop,
    endpoint: Endpoint,
}

impl Customer {
    /// A customer who asks in the name of the key that owns his account. Must be called within a
    /// tokio runtime. A question to merchant or server is given up after `patience`.
    ///
    /// # Errors
    /// [`BuyError::Link`] when no socket can be bound.
    pub fn new(
        key: &SecretKey,
        currency: Currency,
        charter: &CharterFile,
        merchant: &MerchantFile,
        patience: Duration,
    ) -> Result<Self, BuyError> {
        let limits = Limits {
            max_question_bytes: MAX_BANK_QUESTION,
            max_answer_bytes: MAX_BANK_ANSWER,
            ..Limits::default()
        };
        let endpoint = Endpoint::client(&Identity::from_seed(key.seed()), limits)?;
        Ok(Self {
            signer: Signer::new(key),
            currency,
            bank: Client::over(endpoint.clone(), charter).with_deadline(patience),
            shop: Shop::over(endpoint.clone(), merchant, patience),
            endpoint,
        })
    }

    /// The merchant.
    #[must_use]
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The settlement server.
    #[must_use]
    pub fn bank(&self) -> &Client {
        &self.bank
    }

    /// Takes leave of both.
    pub async fn leave(&self) {
        self.endpoint.close().await;
    }
}
