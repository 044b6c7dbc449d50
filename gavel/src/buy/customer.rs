//! Whom to buy from, and who buys.

use std::path::PathBuf;
use std::time::Duration;

use auction::keys::SecretKey;
use clap::Args;
use link::{Endpoint, Identity, Limits};
use purchase::customer::{Customer, Shop};
use purchase::merchant_file::{MerchantFile, MerchantFileError};

use crate::account::directory::Account;
use crate::exit::Failure;

/// How long whoever only looks waits for a merchant.
const LOOK: Duration = Duration::from_secs(20);

/// Which merchant.
#[derive(Debug, Clone, Args)]
pub(crate) struct MerchantArgument {
    /// File that says where the merchant is and whose account is paid: 'gavel merchant show'
    /// prints it, and the merchant gives it to his customers.
    #[arg(long, value_name = "FILE", env = "GAVEL_MERCHANT", hide_env_values = true)]
    pub(crate) merchant: Option<PathBuf>,
}

impl MerchantArgument {
    /// The merchant of the file.
    pub(crate) fn load(&self) -> Result<MerchantFile, Failure> {
        let Some(path) = &self.merchant else {
            return Err(Failure::usage(
                "which merchant is meant?",
                "name the file that he gives to his customers with --merchant or GAVEL_MERCHANT",
            ));
        };
        MerchantFile::load(path).map_err(|error| match error {
            MerchantFileError::Read { path, source } => Failure::input("read", &path, source),
            MerchantFileError::Wrong(what) => {
                Failure::usage(format!("{}: {what}", path.display()), "ask the merchant for it")
            }
        })
    }
}

/// Works with a customer, who takes his leave afterwards, also after a failure.
pub(super) async fn with_customer<T>(
    account: &Account,
    merchant: &MerchantFile,
    patience: Duration,
    work: impl AsyncFnOnce(&Customer) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let Account { key, charter, currency } = account;
    let customer = Customer::new(key, currency.clone(), charter, merchant, patience)?;
    let result = work(&customer).await;
    customer.leave().await;
    result
}

/// Asks a merchant in nobody's name.
pub(crate) async fn as_anyone<T>(
    merchant: &MerchantFile,
    work: impl AsyncFnOnce(&Shop) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let key = SecretKey::generate(&mut rand::rng());
    let limits = Limits { max_answer_bytes: purchase::service::MAX_ANSWER, ..Limits::default() };
    let endpoint = Endpoint::client(&Identity::from_seed(key.seed()), limits)
        .map_err(|error| Failure::from(purchase::customer::BuyError::from(error)))?;
    let result = work(&Shop::over(endpoint.clone(), merchant, LOOK)).await;
    endpoint.close().await;
    result
}
