//! An account's directory: the owner's key, the currency, and a copy of the charter.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::money::Currency;
use clap::Args;
use settlement::charter_file::{CHARTER_FILE, CharterFile};
use settlement::layout::Signer;
use settlement::ledger::{self, AccountId};

use crate::charter;
use crate::exit::Failure;
use crate::private_file::{check_private, load_key, load_or_create_key, store_key};

/// The owner's secret key.
pub(crate) const KEY_FILE: &str = "owner.key";
/// The currency, written last: where it is, the account is whole.
const CURRENCY_FILE: &str = "currency";

/// Whose money.
#[derive(Debug, Clone, Args)]
pub(crate) struct AccountArgument {
    /// Directory of your account, that 'gavel account open' made.
    #[arg(long, value_name = "DIR", env = "GAVEL_ACCOUNT", hide_env_values = true)]
    pub(crate) account: PathBuf,
}

impl AccountArgument {
    /// Opens the account.
    pub(crate) fn open(&self) -> Result<Account, Failure> {
        Account::open(&self.account)
    }
}

/// A person's account: whose key signs, where, in what currency.
pub(crate) struct Account {
    /// Erased when dropped.
    pub(crate) key: SecretKey,
    pub(crate) charter: CharterFile,
    pub(crate) currency: Currency,
}

impl Account {
    /// Makes the directory, or finishes one that was begun.
    pub(crate) fn create(
        dir: &Path,
        charter_file: &Path,
        currency: Currency,
        key: Option<&Path>,
    ) -> Result<Self, Failure> {
        let charter = charter::load(charter_file)?;
        if dir.join(CURRENCY_FILE).exists() {
            return Err(Failure::Payment(
                format!("{} holds an account already", dir.display()),
                "name another directory with --account; 'gavel account balance' shows this one",
            ));
        }
        let imported = key.map(load_key).transpose()?;
        key.map_or(Ok(()), check_private)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| Failure::file("create", dir, source))?;
        let file = dir.join(KEY_FILE);
        let key = match imported {
            Some(key) if !file.exists() => store_key(&file, key)?,
            Some(_) | None => load_or_create_key(&file)?,
        };
        write(&dir.join(CHARTER_FILE), &charter.to_toml())?;
        let line = format!("{}/{}\n", currency.code(), currency.decimals());
        write(&dir.join(CURRENCY_FILE), &line)?;
        Ok(Self { key, charter, currency })
    }

    /// Opens the directory; refuses a key that others may read.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(CURRENCY_FILE);
        let text = std::fs::read_to_string(&path).map_err(|_| {
            Failure::usage(
                format!("{} holds no account", dir.display()),
                "'gavel account open' makes one; name its directory with --account or \
                 GAVEL_ACCOUNT",
            )
        })?;
        let currency = text
            .trim()
            .split_once('/')
            .and_then(|(code, decimals)| Currency::new(code, decimals.parse().ok()?).ok());
        let currency = currency.ok_or_else(|| {
            let what = format!("{}: got '{}'", path.display(), text.trim());
            Failure::usage(what, "expected a currency and its decimals, such as EUR/2")
        })?;
        let file = dir.join(KEY_FILE);
        let key = load_key(&file)?;
        check_private(&file)?;
        Ok(Self { key, charter: charter::load(&dir.join(CHARTER_FILE))?, currency })
    }

    /// The account's currency as the ledger names it.
    pub(crate) fn ledger_currency(&self) -> ledger::Currency {
        ledger::Currency::from(&self.currency)
    }

    /// The account's id.
    pub(crate) fn id(&self) -> AccountId {
        AccountId::of_owner(&self.key.public(), self.ledger_currency())
    }

    /// The owner's key, ready to sign.
    pub(crate) fn signer(&self) -> Signer {
        Signer::new(&self.key)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::file("write", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use settlement::ledger::Charter;

    fn charter_file(dir: &Path) -> PathBuf {
        let [server, operator, postings] =
            [1, 2, 3].map(|seed| SecretKey::from_seed(&[seed; 32]).public());
        let charter = Charter::new(server, operator, postings, 7).unwrap();
        let path = dir.join("given.toml");
        let file = CharterFile { address: "127.0.0.1:1".to_owned(), charter };
        std::fs::write(&path, file.to_toml()).unwrap();
        path
    }

    #[test]
    fn an_account_is_made_once_and_opened_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let temporary = tempfile::tempdir().unwrap();
        let (dir, charter) = (temporary.path().join("ann"), charter_file(temporary.path()));
        let eur = Currency::new("EUR", 2).unwrap();
        let made = Account::create(&dir, &charter, eur.clone(), None).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&dir.join(KEY_FILE))), (0o700, 0o600));
        let opened = Account::open(&dir).unwrap();
        assert_eq!((opened.id(), opened.currency.clone()), (made.id(), eur.clone()));
        assert!(Account::create(&dir, &charter, eur.clone(), None).is_err());
        // One that was begun is finished, with the key that it has.
        std::fs::remove_file(dir.join(CURRENCY_FILE)).unwrap();
        assert!(Account::open(&dir).is_err());
        assert_eq!(Account::create(&dir, &charter, eur, None).unwrap().id(), made.id());
        std::fs::set_permissions(dir.join(KEY_FILE), std::fs::Permissions::from_mode(0o640))
            .unwrap();
        assert!(matches!(Account::open(&dir), Err(Failure::KeyOpen { .. })));
    }

    #[test]
    fn a_key_that_is_there_can_own_the_account() {
        let temporary = tempfile::tempdir().unwrap();
        let (dir, charter) = (temporary.path().join("shop"), charter_file(temporary.path()));
        let seller = temporary.path().join("seller.key");
        let key = load_or_create_key(&seller).unwrap();
        let jpy = Currency::new("JPY", 0).unwrap();
        let made = Account::create(&dir, &charter, jpy, Some(&seller)).unwrap();
        assert_eq!(made.key.public(), key.public());
        assert_eq!(Account::open(&dir).unwrap().key.public(), key.public());
    }
}
