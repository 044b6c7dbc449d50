//! The files as they are in memory: names, lengths, and what was written and is in no row yet.
//! Pure; the database is elsewhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::Arc;

/// Longest piece, in bytes: what one row holds.
pub(crate) const MAX_PIECE_BYTES: usize = 1 << 20;

/// Bytes of a file, in a row or on the way to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

/// What a row says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) length: u64,
    /// From here on there are no pieces.
    pub(crate) written: u64,
}

/// What one transaction brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) removed: Vec<i64>,
    pub(crate) files: Vec<Entry>,
    /// Each with its file, in the order of their writes.
    pub(crate) pieces: Vec<(i64, Arc<Piece>)>,
}

/// A file's bytes that are in no row yet, and what a reader must know beside them.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) id: i64,
    pub(crate) length: u64,
    /// Another number after every write.
    pub(crate) version: u64,
    /// In the order of their writes.
    pub(crate) pieces: Vec<Arc<Piece>>,
}

struct File {
    entry: Entry,
    version: u64,
    /// Pieces that are in no row, each with the flight that takes it to one.
    unsaved: Vec<(u64, Arc<Piece>)>,
}

/// All files.
#[derive(Default)]
pub(crate) struct Files {
    names: BTreeMap<String, i64>,
    files: HashMap<i64, File>,
    next: i64,
    version: u64,
    /// The number of the next transaction of this process.
    flight: u64,
    /// Whose row is not as it is here.
    dirty: HashSet<i64>,
    /// Files with pieces that no transaction was given yet.
    fresh: HashSet<i64>,
    /// Whose rows are to go.
    removed: Vec<i64>,
    fresh_bytes: usize,
}

impl Files {
    /// Those that the rows say are there.
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let mut files = Self { next: 1, ..Self::default() };
        for entry in entries {
            files.next = files.next.max(entry.id + 1);
            files.insert(entry);
        }
        files
    }

    fn insert(&mut self, entry: Entry) {
        self.version += 1;
        self.names.insert(entry.name.clone(), entry.id);
        let file = File { version: self.version, unsaved: Vec::new(), entry };
        self.files.insert(file.entry.id, file);
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    fn named(&mut self, name: &str) -> io::Result<&mut File> {
        let id = self.names.get(name).copied();
        id.and_then(|id| self.files.get_mut(&id)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(crate) fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.named(name)?.entry.length)
    }

    pub(crate) fn create(&mut self, name: &str) -> io::Result<()> {
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = self.next;
        self.next += 1;
        self.dirty.insert(id);
        self.insert(Entry { id, name: name.to_owned(), length: 0, written: 0 });
        Ok(())
    }

    /// Writes all of it. Zeros after everything that was written only make the file longer: a
    /// spare segment takes no room.
    pub(crate) fn write(&mut self, name: &str, start: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = start.checked_add(bytes.len() as u64).filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(io::ErrorKind::FileTooLarge)?;
        self.version += 1;
        let (version, flight) = (self.version, self.flight);
        let file = self.named(name)?;
        file.version = version;
        let id = file.entry.id;
        let mut changed = end > file.entry.length;
        file.entry.length = file.entry.length.max(end);
        let zeros = start >= file.entry.written && bytes.iter().all(|byte| *byte == 0);
        if !zeros {
            if end > file.entry.written {
                // All of the file at once, so that the next write need not say so again.
                file.entry.written = file.entry.length;
                changed = true;
            }
            file.add(flight, start, bytes);
            self.fresh.insert(id);
            self.fresh_bytes += bytes.len();
        }
        if changed {
            self.dirty.insert(id);
        }
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.named(from)?;
        if from == to {
            return Ok(());
        }
        if self.names.contains_key(to) {
            self.remove(to)?;
        }
        let file = self.named(from)?;
        file.entry.name = to.to_owned();
        let id = file.entry.id;
        self.names.remove(from);
        self.names.insert(to.to_owned(), id);
        self.dirty.insert(id);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> io::Result<()> {
        let id = self.named(name)?.entry.id;
        self.names.remove(name);
        self.files.remove(&id);
        self.dirty.remove(&id);
        self.fresh.remove(&id);
        self.removed.push(id);
        Ok(())
    }

    /// Bytes that no transaction was given yet, about.
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.fresh_bytes
    }

    /// Takes all that is in no row yet, for the next transaction; nothing where there is nothing.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.dirty.is_empty() && self.fresh.is_empty() && self.removed.is_empty() {
            return None;
        }
        let mut batch = Batch { removed: std::mem::take(&mut self.removed), ..Batch::default() };
        for id in std::mem::take(&mut self.dirty) {
            batch.files.extend(self.files.get(&id).map(|file| file.entry.clone()));
        }
        for id in std::mem::take(&mut self.fresh) {
            let unsaved = self.files.get(&id).map_or(&[][..], |file| &file.unsaved);
            let taken = unsaved.iter().filter(|(flight, _)| *flight == self.flight);
            batch.pieces.extend(taken.map(|(_, piece)| (id, Arc::clone(piece))));
        }
        self.flight += 1;
        self.fresh_bytes = 0;
        Some(batch)
    }

    /// What was taken last is in rows now.
    pub(crate) fn saved(&mut self, batch: &Batch) {
        let flight = self.flight;
        for (id, _) in &batch.pieces {
            if let Some(file) = self.files.get_mut(id) {
                file.unsaved.retain(|(taken, _)| *taken >= flight);
            }
        }
    }

    /// What a reader of `length` bytes from `start` on must lay over what the rows say.
    pub(crate) fn view(&mut self, name: &str, start: u64, length: usize) -> io::Result<View> {
        let file = self.named(name)?;
        let end = start.saturating_add(length as u64);
        let meets =
            |piece: &Piece| piece.start < end && piece.start + piece.bytes.len() as u64 > start;
        let pieces = file.unsaved.iter().map(|(_, piece)| piece).filter(|piece| meets(piece));
        Ok(View {
            id: file.entry.id,
            length: file.entry.length,
            version: file.version,
            pieces: pieces.cloned().collect(),
        })
    }
}

impl File {
    /// Adds bytes to what is in no row: to the last piece where they go on from it.
    fn add(&mut self, flight: u64, mut start: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let last = self.unsaved.last_mut().filter(|(of, piece)| {
                let end = piece.start + piece.bytes.len() as u64;
                *of == flight && end == start && piece.bytes.len() < MAX_PIECE_BYTES
            });
            let held = last.as_ref().map_or(0, |(_, piece)| piece.bytes.len());
            let (now, rest) = bytes.split_at(bytes.len().min(MAX_PIECE_BYTES - held));
            match last {
                Some((_, piece)) => Arc::make_mut(piece).bytes.extend_from_slice(now),
                None => {
                    let piece = Piece { start, bytes: now.to_vec() };
                    self.unsaved.push((flight, Arc::new(piece)));
                }
            }
            start += now.len() as u64;
            bytes = rest;
        }
    }
}

/// Lays a piece over `buffer`, whose first byte is at `start` of the file.
pub(crate) fn lay(piece: &Piece, start: u64, buffer: &mut [u8]) {
    // Bytes of the piece before the buffer, and of the buffer before the piece: one is 0.
    let skipped = usize::try_from(start.saturating_sub(piece.start)).unwrap_or(usize::MAX);
    let before = usize::try_from(piece.start.saturating_sub(start)).unwrap_or(usize::MAX);
    let source = piece.bytes.get(skipped..).unwrap_or_default();
    let target = buffer.get_mut(before..).unwrap_or_default();
    for (to, from) in target.iter_mut().zip(source) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &mut Files, name: &str, start: u64, length: usize) -> Vec<u8> {
        let view = files.view(name, start, length).unwrap();
        let mut buffer = vec![0; length];
        view.pieces.iter().for_each(|piece| lay(piece, start, &mut buffer));
        buffer
    }

    #[test]
    fn zeros_ahead_are_a_length_and_zeros_over_bytes_are_bytes() {
        let mut files = Files::new(Vec::new());
        files.create("spare").unwrap();
        files.write("spare", 0, &[0; 1000]).unwrap();
        let batch = files.take().unwrap();
        assert_eq!((batch.pieces.len(), batch.files[0].length), (0, 1000));
        files.saved(&batch);
        assert_eq!(files.take(), None);
        files.write("spare", 10, b"header").unwrap();
        files.write("spare", 12, &[0; 2]).unwrap();
        assert_eq!(read(&mut files, "spare", 9, 9), b"\0he\0\0er\0\0");
        let batch = files.take().unwrap();
        // The whole file counts as written, so that what comes is pieces alone.
        assert_eq!((batch.pieces.len(), batch.files[0].written), (2, 1000));
        files.write("spare", 16, b"more").unwrap();
        let more = files.take().unwrap();
        assert_eq!((more.pieces.len(), more.files.len()), (1, 0));
    }

    #[test]
    fn writes_in_a_row_share_pieces_and_no_piece_is_too_long() {
        let mut files = Files::new(Vec::new());
        files.create("a").unwrap();
        for place in 0..5u64 {
            files.write("a", place * 3, b"abc").unwrap();
        }
        files.write("a", 15, &vec![7; MAX_PIECE_BYTES]).unwrap();
        let batch = files.take().unwrap();
        let lengths: Vec<usize> = batch.pieces.iter().map(|(_, piece)| piece.bytes.len()).collect();
        assert_eq!(lengths, [MAX_PIECE_BYTES, 15]);
        // What is on its way can be read, and is not written into again.
        files.write("a", 15 + MAX_PIECE_BYTES as u64, b"next").unwrap();
        assert_eq!(batch.pieces[1].1.bytes.len(), 15);
        assert_eq!(read(&mut files, "a", 13 + MAX_PIECE_BYTES as u64, 6), b"\x07\x07next");
        files.saved(&batch);
        let left = files.view("a", 0, 2 * MAX_PIECE_BYTES).unwrap().pieces;
        assert_eq!(left.iter().map(|piece| piece.bytes.len()).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn names_move_and_what_came_and_went_between_flushes_is_only_removed() {
        let entry = |id, name: &str| Entry { id, name: name.to_owned(), length: 5, written: 5 };
        let mut files = Files::new(vec![entry(3, "a"), entry(4, "b")]);
        files.create("c").unwrap();
        assert_eq!(files.create("c").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        files.write("c", 0, b"x").unwrap();
        files.remove("c").unwrap();
        files.rename("a", "b").unwrap();
        let batch = files.take().unwrap();
        assert_eq!((batch.removed, batch.pieces.len()), (vec![5, 4], 0));
        assert_eq!(batch.files, [entry(3, "b")]);
        assert_eq!(files.list(), ["b"]);
        assert!(files.length("a").is_err() && files.rename("a", "c").is_err());
        assert!(files.write("b", u64::MAX - 1, b"xyz").is_err());
    }

    #[test]
    fn pieces_are_laid_where_they_belong() {
        let piece = Piece { start: 10, bytes: b"abcd".to_vec() };
        for (start, expected) in
            [(8, b"--abcd"), (10, b"abcd--"), (12, b"cd----"), (14, b"------"), (4, b"------")]
        {
            let mut buffer = *b"------";
            lay(&piece, start, &mut buffer);
            assert_eq!(&buffer, expected, "{start}");
        }
        let mut buffer = *b"------";
        lay(&piece, 6, &mut buffer);
        assert_eq!(&buffer, b"----ab");
    }
}
