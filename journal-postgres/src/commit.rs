//! One transaction of a flush, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::join;

use crate::files::{Batch, Piece};
use crate::lease::{holder, millis, renew};
use crate::schema;
use crate::session::{Prepared, Session};
use crate::trouble::Trouble;

/// Random, one for each flush: by it its row is known again.
pub(crate) type WriteId = [u8; 16];

/// What a transaction writes, the same however often it is tried.
pub(crate) struct Write {
    pub(crate) seq: i64,
    pub(crate) id: WriteId,
    pub(crate) fencing: i64,
    /// For so long the lease is renewed by the way.
    pub(crate) term: Duration,
    pub(crate) batch: Batch,
}

/// Tries it. With `asks` it may have been tried before: then its row is looked for first, and
/// where it stands there is nothing to be done.
///
/// Whatever became of an earlier try, no two can stand: `seq` is unique. An earlier one that is
/// still under way holds the lease's row, which this waits for, and then the database takes this
/// one back, since it does not see what came between; a later try finds the row.
pub(crate) async fn attempt(
    session: &Session,
    prepared: &Prepared,
    write: &Write,
    asks: bool,
) -> Result<(), Trouble> {
    if asks && stands(session, write).await? {
        // It may stand here and not on a standby yet, where its commit was cut off while it waited
        // for that. A commit after it waits for everything before.
        return renew(session, write.fencing, write.term).await;
    }
    let client = &session.client;
    let Write { seq, id, fencing, batch, .. } = write;
    let (term, id) = (millis(write.term), &id[..]);
    let Columns { files, starts, parts, bytes } = Columns::of(&batch.pieces);
    // In one go, in this order; the commit waits until it is known that all of them were good.
    let begin = client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE");
    let lease_with: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [fencing, &term];
    let lease = client.execute(&prepared.renew, &lease_with);
    let append_with: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [seq, &id, fencing];
    let append = client.execute(&prepared.append, &append_with);
    let pieces_with: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [seq, &files, &starts, &parts, &bytes];
    let pieces = client.execute(&prepared.pieces, &pieces_with);
    let (begun, renewed, appended, written) = join!(biased; begin, lease, append, pieces);
    begun?;
    if renewed? != 1 {
        client.batch_execute("ROLLBACK").await?;
        return Err(Trouble::Fenced(holder(session).await?));
    }
    if appended? != 1 {
        client.batch_execute("ROLLBACK").await?;
        return Err(gap(session, write).await?);
    }
    written?;
    write_files(session, batch).await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}

/// Whether the row of a write is there; an error where its number is another's.
async fn stands(session: &Session, write: &Write) -> Result<bool, Trouble> {
    let row = session.client.query_opt(schema::FIND, &[&write.seq]).await?;
    let id: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
    match id {
        None => Ok(false),
        Some(id) if id == write.id => Ok(true),
        Some(_) => Err(Trouble::Taken(write.seq)),
    }
}

/// Why a row did not go in at last + 1.
async fn gap(session: &Session, write: &Write) -> Result<Trouble, Trouble> {
    let last: i64 = session.client.query_one(schema::LAST, &[]).await?.try_get(0)?;
    if last >= write.seq {
        // Of another, or this one's own, which the next try finds.
        return Ok(Trouble::TakenBack(format!("row {} is there already", write.seq)));
    }
    Ok(Trouble::Forgotten(last + 1))
}

async fn write_files(session: &Session, batch: &Batch) -> Result<(), Trouble> {
    let client = &session.client;
    for id in &batch.removed {
        client.execute(schema::REMOVE_PIECES, &[id]).await?;
        client.execute(schema::REMOVE_FILE, &[id]).await?;
    }
    for file in &batch.files {
        // No file is longer than an i64 says: see `Files::write`.
        let (length, written) = (file.length as i64, file.written as i64);
        client.execute(schema::FILE, &[&file.id, &file.name, &length, &written]).await?;
    }
    Ok(())
}

/// Pieces as the columns of a table.
#[derive(Default)]
struct Columns<'a> {
    files: Vec<i64>,
    starts: Vec<i64>,
    parts: Vec<i32>,
    bytes: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(pieces: &'a [(i64, Arc<Piece>)]) -> Self {
        let mut columns = Self::default();
        for (part, (file, piece)) in (0..).zip(pieces) {
            columns.files.push(*file);
            columns.starts.push(piece.start as i64);
            columns.parts.push(part);
            columns.bytes.push(&piece.bytes);
        }
        columns
    }
}
