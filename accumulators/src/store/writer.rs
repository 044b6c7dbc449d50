//! The one thread that writes.

use std::sync::Arc;

use redb::{Database, DatabaseError, Durability};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::batch::{Operation, Table};
use crate::limits::STORE_GROUP;

/// A batch on its way, with where to say that it is on the disk; or a question.
pub(super) enum Request {
    Write { operations: Arc<Vec<Operation>>, done: oneshot::Sender<Result<(), StoreError>> },
    Read(Reading),
}

/// What is to be done with the database, or with the reason why there is none.
pub(super) type Reading = Box<dyn FnOnce(Result<&Database, StoreError>) + Send>;

type Write = (Arc<Vec<Operation>>, oneshot::Sender<Result<(), StoreError>>);

/// Opens the database again after a failure of the disk.
pub(super) type Reopen = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// Writes until all senders are gone.
pub(super) fn run(database: Database, reopen: &Reopen, mut requests: mpsc::Receiver<Request>) {
    let mut database = Some(database);
    while let Some(first) = requests.blocking_recv() {
        let (mut group, mut reading) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Write { operations, done } => group.push((operations, done)),
                Request::Read(asked) => reading = Some(asked),
            }
            // What waits to be written goes before a question, so many as are asked.
            let more = reading.is_none() && group.len() < STORE_GROUP;
            next = if more { requests.try_recv().ok() } else { None };
        }
        if !group.is_empty() {
            let result = write_group(&mut database, reopen, &group);
            if let Err(error) = &result {
                tracing::error!(%error, batches = group.len(), "nothing can be stored");
            }
            for (_, done) in group {
                // Who waited may be gone.
                let _ = done.send(result.clone());
            }
        }
        if let Some(reading) = reading {
            read(&mut database, reopen, reading);
        }
    }
}

/// After a failure the database counts as lost until it is opened anew, which repairs it.
fn write_group(
    database: &mut Option<Database>,
    reopen: &Reopen,
    group: &[Write],
) -> Result<(), StoreError> {
    let open = taken(database, reopen)?;
    commit(&open, group)?;
    *database = Some(open);
    Ok(())
}

fn read(database: &mut Option<Database>, reopen: &Reopen, reading: Reading) {
    match taken(database, reopen) {
        Ok(open) => {
            reading(Ok(&open));
            *database = Some(open);
        }
        Err(error) => reading(Err(error)),
    }
}

fn taken(database: &mut Option<Database>, reopen: &Reopen) -> Result<Database, StoreError> {
    database.take().map_or_else(|| reopen().map_err(StoreError::database), Ok)
}

fn commit(database: &Database, group: &[Write]) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(StoreError::database)?;
    transaction.set_durability(Durability::Immediate).map_err(StoreError::database)?;
    for operation in group.iter().flat_map(|(operations, _)| operations.iter()) {
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
