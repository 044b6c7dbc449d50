//! Where a purchase is kept: a folder in the account's directory, with a copy of the merchant's
//! file.

use std::path::{Path, PathBuf};

use purchase::customer::Folder;
use purchase::merchant_file::MerchantFile;
use settlement::server::files;

use super::customer::MerchantArgument;
use crate::exit::Failure;

/// In the account's directory.
const PURCHASES: &str = "purchases";
const MERCHANT: &str = "merchant.toml";
const RECEIPT: &str = "receipt";
/// Longest name of a purchase.
const MAX_NAME: usize = 64;

/// Which purchase.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl Place {
    /// The purchase of a name, in an account's directory.
    pub(super) fn named(account: &Path, name: &str) -> Result<Self, Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let good = (1..=MAX_NAME).contains(&name.len())
            && name.chars().all(plain)
            && !name.starts_with('.');
        if !good {
            let what = format!("'{name}' is no name of a purchase");
            return Err(Failure::usage(what, "use letters, digits, '-', '_' and '.'"));
        }
        Ok(Self { path: account.join(PURCHASES).join(name), name: name.to_owned() })
    }

    /// The purchase of an item from a merchant: the same each time, or with `again` the first
    /// that is not paid yet.
    pub(super) fn of_item(
        account: &Path,
        merchant: &MerchantFile,
        item: u64,
        again: bool,
    ) -> Result<Self, Failure> {
        let name = format!("{}-{item}", &merchant.account.to_string()[..8]);
        let first = Self::named(account, &name)?;
        if !again || !first.is_paid() {
            return Ok(first);
        }
        let mut number = 2u32;
        loop {
            let next = Self::named(account, &format!("{name}-{number}"))?;
            if !next.is_paid() {
                return Ok(next);
            }
            number += 1;
        }
    }

    fn is_paid(&self) -> bool {
        self.path.join(RECEIPT).exists()
    }

    /// Locks the folder, and makes it where there is none.
    pub(super) fn open(&self) -> Result<Folder, Failure> {
        Ok(Folder::open(&self.path).map_err(purchase::customer::BuyError::from)?)
    }

    /// The merchant, as the command names him or as the folder remembers him.
    pub(super) fn merchant(&self, argument: &MerchantArgument) -> Result<MerchantFile, Failure> {
        let kept = self.path.join(MERCHANT);
        if argument.merchant.is_some() || !kept.exists() {
            return argument.load();
        }
        MerchantArgument { merchant: Some(kept) }.load()
    }

    /// Remembers him.
    pub(super) fn keep_merchant(&self, merchant: &MerchantFile) -> Result<(), Failure> {
        let path = self.path.join(MERCHANT);
        files::write_whole(&path, merchant.to_toml().as_bytes())
            .map_err(|source| Failure::file("write", &path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    #[test]
    fn a_purchase_has_one_place_and_another_only_when_it_is_paid() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretKey::from_seed(&[1; 32]).public();
        let file = MerchantFile { address: "a:1".to_owned(), identity: key, account: key };
        let place = |again| Place::of_item(dir.path(), &file, 7, again).unwrap();
        assert_eq!(place(false).path, place(true).path);
        let first = place(false);
        drop(first.open().unwrap());
        first.keep_merchant(&file).unwrap();
        let none = MerchantArgument { merchant: None };
        assert_eq!(first.merchant(&none).unwrap(), file);
        std::fs::write(first.path.join(RECEIPT), b"").unwrap();
        assert_eq!(place(false).path, first.path);
        let second = place(true);
        assert!(second.name.ends_with("-7-2"));
        assert!(second.merchant(&none).is_err());
        for wrong in ["", "..", ".x", "a/b", &"x".repeat(65)] {
            assert!(Place::named(dir.path(), wrong).is_err(), "{wrong}");
        }
    }
}
