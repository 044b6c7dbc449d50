//! Reading: what the rows say, under what is in no row yet.

use std::io;

use crate::files::{MAX_PIECE_BYTES, Piece, View, lay};
use crate::schema;
use crate::session::Session;
use crate::shared::Shared;
use crate::trouble::Trouble;

/// Most bytes that are read at once.
const MAX_READ_BYTES: usize = 4 << 20;
/// Fewest: entries are read in a few small reads, which lie beside each other.
const AHEAD_BYTES: usize = 64 << 10;

/// What one handle reads with.
#[derive(Default)]
pub(crate) struct Reading {
    session: Option<Session>,
    ahead: Option<Ahead>,
}

/// What was read last.
struct Ahead {
    file: i64,
    version: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Reading {
    /// Reads into `buffer` as much as one question brings.
    pub(crate) fn read(
        &mut self,
        shared: &Shared,
        name: &str,
        start: u64,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let most = buffer.len().clamp(AHEAD_BYTES, MAX_READ_BYTES);
        // Before the rows: what is saved between the two is in both.
        let view = shared.files()?.view(name, start, most)?;
        let left = usize::try_from(view.length.saturating_sub(start)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left).min(MAX_READ_BYTES);
        if wanted == 0 {
            return Ok(0);
        }
        let known = self.ahead.as_ref().and_then(|ahead| ahead.part(&view, start, wanted));
        if let (Some(known), Some(buffer)) = (known, buffer.get_mut(..wanted)) {
            buffer.copy_from_slice(known);
            return Ok(wanted);
        }
        let mut bytes = vec![0; most.min(left)];
        for piece in self.rows(shared, view.id, start, bytes.len())? {
            lay(&piece, start, &mut bytes);
        }
        view.pieces.iter().for_each(|piece| lay(piece, start, &mut bytes));
        for (to, from) in buffer.iter_mut().zip(bytes.iter().take(wanted)) {
            *to = *from;
        }
        // Another process's writes do not show in the version.
        let kept = shared.writes() && bytes.len() <= AHEAD_BYTES;
        let ahead = || Ahead { file: view.id, version: view.version, start, bytes };
        self.ahead = kept.then(ahead);
        Ok(wanted)
    }

    /// Reads once more over a fresh connection where the old one is lost.
    fn rows(
        &mut self,
        shared: &Shared,
        file: i64,
        start: u64,
        length: usize,
    ) -> io::Result<Vec<Piece>> {
        shared.sound()?;
        let fresh = self.session.is_none();
        match self.rows_once(shared, file, start, length) {
            Err(trouble) if trouble.passes() && !fresh => {
                self.session = None;
                Ok(self.rows_once(shared, file, start, length)?)
            }
            other => Ok(other?),
        }
    }

    fn rows_once(
        &mut self,
        shared: &Shared,
        file: i64,
        start: u64,
        length: usize,
    ) -> Result<Vec<Piece>, Trouble> {
        let (known, target) = (self.session.clone(), shared.target.clone());
        let writes = shared.writes();
        let read = async move {
            let session = match known {
                Some(session) => session,
                None => Session::connect(target, false).await?,
            };
            let pieces = pieces(&session, file, start, length, writes).await?;
            Ok((session, pieces))
        };
        let (session, pieces) = shared.worker.wait(shared.times.answer, read)?;
        self.session = Some(session);
        Ok(pieces)
    }
}

/// The pieces of a file that lie in `length` bytes from `start` on.
async fn pieces(
    session: &Session,
    file: i64,
    start: u64,
    length: usize,
    alone: bool,
) -> Result<Vec<Piece>, Trouble> {
    let end = start.saturating_add(length as u64);
    let (start, end, longest) = (start as i64, end as i64, MAX_PIECE_BYTES as i64);
    let rows = session.client.query(schema::READ, &[&file, &start, &end, &longest]).await?;
    // Whoever writes beside this may have removed the file, its pieces first to be missed.
    if !alone && session.client.query_opt(schema::IS_FILE, &[&file]).await?.is_none() {
        return Err(Trouble::Refused("the file was removed while it was read".to_owned()));
    }
    let mut pieces = Vec::with_capacity(rows.len());
    for row in rows {
        let start: i64 = row.try_get(0)?;
        pieces.push(Piece { start: start.unsigned_abs(), bytes: row.try_get(1)? });
    }
    Ok(pieces)
}

impl Ahead {
    /// `length` bytes of the file from `start` on, where all of them were read and still hold.
    fn part(&self, view: &View, start: u64, length: usize) -> Option<&[u8]> {
        if (self.file, self.version) != (view.id, view.version) {
            return None;
        }
        let from = usize::try_from(start.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }
}
