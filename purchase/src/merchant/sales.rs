//! The merchant's sales: on the disk before anything is said of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auction::wire::{decode, encode};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use settlement::ledger::{AccountId, MAX_ATTACHMENT_BYTES, RequestId};
use settlement::purchases::OrderKey;

use super::error::MerchantError;

/// The sales' name in a merchant's directory.
pub const SALES_FILE: &str = "sales.redb";
/// All sales, by account and id of the order.
const SALES: TableDefinition<'_, &[u8; 48], &[u8]> = TableDefinition::new("sales");
/// Those that are not decided yet.
const OPEN: TableDefinition<'_, &[u8; 48], ()> = TableDefinition::new("open");
/// Longest row, in bytes: a receipt.
const MAX_ROW: usize = 2 * MAX_ATTACHMENT_BYTES;

/// One sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sale {
    /// The offer, signed.
    pub(super) offer: Vec<u8>,
    /// The order, with both signatures.
    pub(super) order: Vec<u8>,
    /// What became of it.
    pub(super) state: SaleState,
}

/// What became of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SaleState {
    /// On its way to the settlement server.
    Open,
    /// Paid: the receipt, without the goods key, which follows from the offer.
    Paid(Vec<u8>),
    /// Refused for good, with this code of the ledger.
    Refused(u8),
}

/// The table of sales. Clones are the same table.
#[derive(Clone)]
pub(super) struct Sales {
    database: Arc<Database>,
    path: PathBuf,
}

impl Sales {
    /// Opens the sales of the merchant in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, MerchantError> {
        let path = dir.join(SALES_FILE);
        let database = match Database::create(&path) {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(MerchantError::InUse(dir.to_owned()));
            }
            opened => opened.map_err(|error| wrong(&path, error))?,
        };
        let sales = Self { database: Arc::new(database), path };
        let begin = sales.database.begin_write().map_err(sales.failed())?;
        begin.open_table(SALES).map_err(sales.failed())?;
        begin.open_table(OPEN).map_err(sales.failed())?;
        begin.commit().map_err(sales.failed())?;
        Ok(sales)
    }

    /// A sale.
    pub(super) fn get(&self, key: &OrderKey) -> Result<Option<Sale>, MerchantError> {
        let read = self.database.begin_read().map_err(self.failed())?;
        let table = read.open_table(SALES).map_err(self.failed())?;
        let row = table.get(&bytes_of(key)).map_err(self.failed())?;
        row.map(|row| decode(row.value(), MAX_ROW).map_err(MerchantError::Row)).transpose()
    }

    /// Writes a sale down; when this returns it is on the disk. Waits for the disk.
    pub(super) fn put(&self, key: &OrderKey, sale: &Sale) -> Result<(), MerchantError> {
        let row = encode(sale).map_err(MerchantError::Row)?;
        let write = self.database.begin_write().map_err(self.failed())?;
        {
            let mut table = write.open_table(SALES).map_err(self.failed())?;
            table.insert(&bytes_of(key), row.as_slice()).map_err(self.failed())?;
            let mut open = write.open_table(OPEN).map_err(self.failed())?;
            if sale.state == SaleState::Open {
                open.insert(&bytes_of(key), ()).map_err(self.failed())?;
            } else {
                open.remove(&bytes_of(key)).map_err(self.failed())?;
            }
        }
        write.commit().map_err(self.failed())
    }

    /// Forgets a sale; when this returns it is gone from the disk. Waits for the disk.
    pub(super) fn remove(&self, key: &OrderKey) -> Result<(), MerchantError> {
        let write = self.database.begin_write().map_err(self.failed())?;
        {
            let mut table = write.open_table(SALES).map_err(self.failed())?;
            table.remove(&bytes_of(key)).map_err(self.failed())?;
            let mut open = write.open_table(OPEN).map_err(self.failed())?;
            open.remove(&bytes_of(key)).map_err(self.failed())?;
        }
        write.commit().map_err(self.failed())
    }

    /// The sales that are not decided yet.
    pub(super) fn undecided(&self) -> Result<Vec<OrderKey>, MerchantError> {
        let read = self.database.begin_read().map_err(self.failed())?;
        let table = read.open_table(OPEN).map_err(self.failed())?;
        let mut keys = Vec::new();
        for row in table.iter().map_err(self.failed())? {
            let (key, ()) = row.map(|(key, _)| (key, ())).map_err(self.failed())?;
            keys.extend(key_of(key.value()));
        }
        Ok(keys)
    }

    fn failed<E: Into<redb::Error>>(&self) -> impl FnOnce(E) -> MerchantError + use<'_, E> {
        |error| wrong(&self.path, error)
    }
}

fn wrong(path: &Path, error: impl Into<redb::Error>) -> MerchantError {
    MerchantError::Sales { path: path.to_owned(), source: Box::new(error.into()) }
}

fn bytes_of(key: &OrderKey) -> [u8; 48] {
    let mut bytes = [0; 48];
    let (account, id) = bytes.split_at_mut(32);
    account.copy_from_slice(&key.account.0.0);
    id.copy_from_slice(&key.id.get().to_le_bytes());
    bytes
}

fn key_of(bytes: &[u8; 48]) -> Option<OrderKey> {
    let (account, id) = bytes.split_first_chunk::<32>()?;
    let id = RequestId::new(u128::from_le_bytes(id.try_into().ok()?))?;
    Some(OrderKey { account: AccountId(auction::layout::Digest(*account)), id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> OrderKey {
        let account = AccountId(auction::layout::Digest([3; 32]));
        OrderKey { account, id: RequestId::new(number).unwrap() }
    }

    #[test]
    fn sales_last_and_the_open_ones_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let sales = Sales::open(dir.path()).unwrap();
        assert!(matches!(Sales::open(dir.path()), Err(MerchantError::InUse(_))));
        let open = Sale { offer: vec![1], order: vec![2], state: SaleState::Open };
        for number in 1..=3 {
            sales.put(&key(number), &open).unwrap();
        }
        let paid = Sale { state: SaleState::Paid(vec![9]), ..open.clone() };
        sales.put(&key(2), &paid).unwrap();
        let refused = Sale { state: SaleState::Refused(15), ..open.clone() };
        sales.put(&key(3), &refused).unwrap();
        drop(sales);
        let sales = Sales::open(dir.path()).unwrap();
        assert_eq!(sales.undecided().unwrap(), [key(1)]);
        assert_eq!(sales.get(&key(1)).unwrap(), Some(open));
        assert_eq!(sales.get(&key(2)).unwrap(), Some(paid));
        assert_eq!(sales.get(&key(3)).unwrap(), Some(refused));
        assert_eq!(sales.get(&key(4)).unwrap(), None);
        sales.remove(&key(1)).unwrap();
        sales.remove(&key(4)).unwrap();
        assert_eq!(sales.undecided().unwrap(), []);
        assert_eq!(sales.get(&key(1)).unwrap(), None);
    }
}
