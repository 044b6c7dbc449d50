//! What a merchant sells: for each item a file with what is said of it and a copy of the item
//! itself, so that what was quoted cannot change afterwards. Commands change it while the
//! merchant runs.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::spec::Time;
use serde::{Deserialize, Serialize};
use settlement::goods::{checksum_of_item, encrypted_length, unwatched};
use settlement::ledger::Sum;
use settlement::purchases::{MAX_DESCRIPTION_BYTES, OfferError, is_harmless};
use settlement::server::{files, private_file};

use super::error::MerchantError;

const FOLDER: &str = "items";
const TERMS: &str = "toml";
const CONTENT: &str = "item";
const LOCK: &str = "lock";
/// Longest file with what is said of an item, in bytes.
const MAX_TERMS_BYTES: usize = 8 << 10;

/// A merchant's catalogue.
#[derive(Debug, Clone)]
pub struct Catalogue(PathBuf);

/// How the customers of an item get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemDelivery {
    /// Encrypted by the merchant; the settlement server gives the key (case 2).
    Encrypted,
    /// From the settlement server, in the clear (case 3).
    Held,
}

/// An item of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its number, never used again.
    pub number: u64,
    /// What it is.
    pub description: String,
    /// The price, in minor units of the account's currency.
    pub price: Sum,
    /// How customers get it.
    pub delivery: ItemDelivery,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its checksum in the clear.
    pub checksum: Digest,
    /// Since when it is not offered any more.
    pub withdrawn: Option<Time>,
}

/// What a merchant says of something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// What it is.
    pub description: String,
    /// The price, in minor units of the account's currency.
    pub price: Sum,
    /// How customers get it.
    pub delivery: ItemDelivery,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    number: u64,
    description: String,
    price: u64,
    delivery: ItemDelivery,
    bytes: u64,
    checksum: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<u64>,
}

impl Catalogue {
    /// Opens the catalogue of the merchant in `dir`.
    ///
    /// # Errors
    /// [`MerchantError::File`].
    pub fn open(dir: &Path) -> Result<Self, MerchantError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(MerchantError::file("make", &folder))?;
        Ok(Self(folder))
    }

    /// Copies a file into the catalogue and offers it from now on.
    ///
    /// # Errors
    /// [`MerchantError`]: the file cannot be read or is too long, or the description is none.
    pub fn add(&self, file: &Path, new: &NewItem) -> Result<CatalogueItem, MerchantError> {
        let described = (1..=MAX_DESCRIPTION_BYTES).contains(&new.description.len())
            && new.description.chars().all(is_harmless);
        if !described {
            let expected = "1 to 1024 bytes without control characters";
            return Err(OfferError::Field { field: "description", expected }.into());
        }
        let _lock = self.lock()?;
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let content = self.content(number);
        let part = content.with_extension("part");
        copy(file, &part)?;
        let copied = File::open(&part).map_err(MerchantError::file("read", &part))?;
        let (checksum, bytes) = checksum_of_item(io::BufReader::new(copied), &mut unwatched)?;
        if encrypted_length(bytes).is_none() {
            files::remove(&part).map_err(MerchantError::file("remove", &part))?;
            return Err(settlement::goods::GoodsError::TooLong { length: bytes }.into());
        }
        files::flush_and_rename(&part, &content).map_err(MerchantError::file("keep", &content))?;
        let NewItem { description, price, delivery } = new.clone();
        let item = CatalogueItem {
            number,
            description,
            price,
            delivery,
            bytes,
            checksum,
            withdrawn: None,
        };
        self.write(&item)?;
        Ok(item)
    }

    /// Offers an item no more. Its copy stays: it is the merchant's proof of what he delivered,
    /// and offers that are out are good until they expire.
    ///
    /// # Errors
    /// [`MerchantError::NoItem`], [`MerchantError::File`].
    pub fn withdraw(&self, number: u64, now: Time) -> Result<CatalogueItem, MerchantError> {
        let _lock = self.lock()?;
        let item = self.item(number)?;
        let withdrawn = item.withdrawn.or(Some(now));
        let item = CatalogueItem { withdrawn, ..item };
        self.write(&item)?;
        Ok(item)
    }

    /// Changes an item's price; offers that are out keep theirs.
    ///
    /// # Errors
    /// As [`Catalogue::withdraw`].
    pub fn reprice(&self, number: u64, price: Sum) -> Result<CatalogueItem, MerchantError> {
        let _lock = self.lock()?;
        let item = CatalogueItem { price, ..self.item(number)? };
        self.write(&item)?;
        Ok(item)
    }

    /// An item, withdrawn ones too.
    ///
    /// # Errors
    /// [`MerchantError::NoItem`], [`MerchantError::File`], [`MerchantError::Item`].
    pub fn item(&self, number: u64) -> Result<CatalogueItem, MerchantError> {
        let path = self.terms(number);
        let read = files::read_if_there(&path).map_err(MerchantError::file("read", &path))?;
        let bytes = read.ok_or(MerchantError::NoItem(number))?;
        parse(&bytes, number).map_err(|reason| MerchantError::Item { path, reason })
    }

    /// All items, withdrawn ones too, in order of number.
    ///
    /// # Errors
    /// [`MerchantError::File`], [`MerchantError::Item`].
    pub fn items(&self) -> Result<Vec<CatalogueItem>, MerchantError> {
        self.numbers()?.into_iter().map(|number| self.item(number)).collect()
    }

    /// Items that are offered, from a number on, at most so many.
    pub(super) fn page(&self, from: u64, most: usize) -> Result<Vec<CatalogueItem>, MerchantError> {
        let mut page = Vec::new();
        for number in self.numbers()?.into_iter().filter(|number| *number >= from) {
            let item = self.item(number)?;
            if item.withdrawn.is_none() {
                page.push(item);
            }
            if page.len() == most {
                break;
            }
        }
        Ok(page)
    }

    /// Opens the copy of an item.
    pub(super) fn open_content(&self, number: u64) -> Result<File, MerchantError> {
        let path = self.content(number);
        File::open(&path).map_err(MerchantError::file("read", &path))
    }

    fn numbers(&self) -> Result<Vec<u64>, MerchantError> {
        let unreadable = MerchantError::file("read", &self.0);
        let listed: io::Result<Vec<_>> = std::fs::read_dir(&self.0).and_then(Iterator::collect);
        let paths = listed.map_err(unreadable)?.into_iter().map(|entry| entry.path());
        let number = |path: PathBuf| {
            let named = path.extension().is_some_and(|ending| ending == TERMS);
            path.file_stem()?.to_str()?.parse().ok().filter(|_| named)
        };
        let mut numbers: Vec<u64> = paths.filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn write(&self, item: &CatalogueItem) -> Result<(), MerchantError> {
        let path = self.terms(item.number);
        let terms = Terms {
            number: item.number,
            description: item.description.clone(),
            price: item.price.get(),
            delivery: item.delivery,
            bytes: item.bytes,
            checksum: item.checksum.to_string(),
            withdrawn: item.withdrawn.map(|time| time.0),
        };
        let text = toml::to_string(&terms).map_err(|error| MerchantError::Item {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        files::write_whole(&path, text.as_bytes()).map_err(MerchantError::file("write", &path))
    }

    /// One command changes the catalogue at a time.
    fn lock(&self) -> Result<File, MerchantError> {
        let path = self.0.join(LOCK);
        let failed = MerchantError::file("lock", &path);
        let locked = || {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        locked().map_err(failed)
    }

    fn terms(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number}.{TERMS}"))
    }

    fn content(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number}.{CONTENT}"))
    }
}

/// Copies what is to be sold, for the merchant alone.
fn copy(from: &Path, to: &Path) -> Result<(), MerchantError> {
    let read = || MerchantError::file("read", from);
    // Before it is opened: that would wait for the other end of a pipe.
    if !std::fs::metadata(from).map_err(read())?.is_file() {
        let other = io::Error::other("it is not a file with a length");
        return Err(read()(other));
    }
    let mut source = File::open(from).map_err(read())?;
    files::remove(to).map_err(MerchantError::file("remove", to))?;
    private_file::create(to, &[]).map_err(MerchantError::file("create", to))?;
    let failed = || MerchantError::file("write", to);
    let mut target = File::options().write(true).open(to).map_err(failed())?;
    io::copy(&mut source, &mut target).map_err(failed())?;
    Ok(())
}

fn parse(bytes: &[u8], number: u64) -> Result<CatalogueItem, String> {
    if bytes.len() > MAX_TERMS_BYTES {
        return Err(format!("got {} bytes, expected at most {MAX_TERMS_BYTES}", bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let terms: Terms = toml::from_str(text).map_err(|error| error.to_string())?;
    let checksum = Digest::from_hex(&terms.checksum).ok_or("the checksum is none")?;
    let price = Sum::new(terms.price).ok_or("the price is zero")?;
    if terms.number != number {
        return Err(format!("got number {}, expected {number}", terms.number));
    }
    let Terms { description, delivery, bytes, withdrawn, .. } = terms;
    let withdrawn = withdrawn.map(Time);
    Ok(CatalogueItem { number, description, price, delivery, bytes, checksum, withdrawn })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(price: u64) -> NewItem {
        NewItem {
            description: "a \"photograph\"".to_owned(),
            price: Sum::new(price).unwrap(),
            delivery: ItemDelivery::Encrypted,
        }
    }

    #[test]
    fn items_get_numbers_and_stay_what_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        assert!(catalogue.items().unwrap().is_empty());
        let file = dir.path().join("photo");
        std::fs::write(&file, b"first").unwrap();
        let first = catalogue.add(&file, &new(5)).unwrap();
        // What happens to the original changes nothing.
        std::fs::write(&file, b"second").unwrap();
        let second = catalogue.add(&file, &new(6)).unwrap();
        assert_eq!((first.number, second.number, first.bytes), (1, 2, 5));
        assert_ne!(first.checksum, second.checksum);
        let mut content = String::new();
        io::Read::read_to_string(&mut catalogue.open_content(1).unwrap(), &mut content).unwrap();
        assert_eq!(content, "first");
        assert_eq!(catalogue.items().unwrap(), [first.clone(), second.clone()]);
        let dearer = catalogue.reprice(2, Sum::new(9).unwrap()).unwrap();
        assert_eq!(catalogue.item(2).unwrap(), dearer);
        let gone = catalogue.withdraw(1, Time(77)).unwrap();
        assert_eq!(gone.withdrawn, Some(Time(77)));
        assert_eq!(catalogue.withdraw(1, Time(99)).unwrap().withdrawn, Some(Time(77)));
        assert_eq!(catalogue.page(0, 9).unwrap(), std::slice::from_ref(&dearer));
        assert!(catalogue.page(3, 9).unwrap().is_empty());
        // A number is never given twice.
        let third = catalogue.add(&file, &new(7)).unwrap();
        assert_eq!(third.number, 3);
        assert_eq!(catalogue.page(0, 1).unwrap(), [dearer]);
    }

    #[test]
    fn what_cannot_be_offered_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        let missing = catalogue.add(&dir.path().join("none"), &new(5));
        assert!(matches!(missing, Err(MerchantError::File { .. })));
        assert!(catalogue.add(dir.path(), &new(5)).is_err());
        let file = dir.path().join("photo");
        std::fs::write(&file, b"first").unwrap();
        for description in ["", "\u{1b}[2J", &"x".repeat(1025)] {
            let item = NewItem { description: description.to_owned(), ..new(5) };
            assert!(matches!(catalogue.add(&file, &item), Err(MerchantError::Offer(_))));
        }
        assert!(matches!(catalogue.item(1), Err(MerchantError::NoItem(1))));
        assert!(matches!(catalogue.withdraw(1, Time(1)), Err(MerchantError::NoItem(1))));
        std::fs::write(dir.path().join("items/7.toml"), "number = 8").unwrap();
        assert!(matches!(catalogue.item(7), Err(MerchantError::Item { .. })));
    }
}
