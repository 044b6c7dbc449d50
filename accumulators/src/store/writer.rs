//! The one thread that writes.

use std::sync::Arc;

use redb::{Database, DatabaseError, Durability};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::batch::{Operation, Table};
use crate::limits::STORE_GROUP;

/// A batch on its way, with where to say that it is on the disk.
pub(super) struct Request {
    pub(super) operations: Arc<Vec<Operation>>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// Opens the database again after a failure of the disk.
pub(super) type Reopen = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// Writes until all senders are gone.
pub(super) fn run(database: Database, reopen: &Reopen, mut requests: mpsc::Receiver<Request>) {
    let mut database = Some(database);
    while let Some(first) = requests.blocking_recv() {
        let mut group = vec![first];
        while group.len() < STORE_GROUP
            && let Ok(next) = requests.try_recv()
        {
            group.push(next);
        }
        let result = write_group(&mut database, reopen, &group);
        if let Err(error) = &result {
            tracing::error!(%error, batches = group.len(), "nothing can be stored");
        }
        for request in group {
            // Who waited may be gone.
            let _ = request.done.send(result.clone());
        }
    }
}

/// After a failure the database counts as lost until it is opened anew, which repairs it.
fn write_group(
    database: &mut Option<Database>,
    reopen: &Reopen,
    group: &[Request],
) -> Result<(), StoreError> {
    let open = match database.take() {
        Some(open) => open,
        None => reopen().map_err(StoreError::database)?,
    };
    commit(&open, group)?;
    *database = Some(open);
    Ok(())
}

fn commit(database: &Database, group: &[Request]) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(StoreError::database)?;
    transaction.set_durability(Durability::Immediate).map_err(StoreError::database)?;
    for operation in group.iter().flat_map(|request| request.operations.iter()) {
        let apply = |table: Table| transaction.open_table(table.definition());
        match operation {
            Operation::Put(table, key, value) => {
                let mut table = apply(*table).map_err(StoreError::database)?;
                table.insert(&key[..], &value[..]).map_err(StoreError::database)?;
            }
            Operation::Delete(table, key) => {
                let mut table = apply(*table).map_err(StoreError::database)?;
                table.remove(&key[..]).map_err(StoreError::database)?;
            }
            Operation::Clear(table, first, next) => {
                let mut table = apply(*table).map_err(StoreError::database)?;
                let rows = &first[..]..&next[..];
                table.retain_in::<&[u8], _>(rows, |_, _| false).map_err(StoreError::database)?;
            }
        }
    }
    transaction.commit().map_err(StoreError::database)
}
