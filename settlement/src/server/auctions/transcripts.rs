//! The transcripts that decided: on the disk before the decision is journaled, kept for audits.
//! And those on their way, which gather in files of their own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use auction::layout::Digest;

use crate::server::error::ServerError;
use crate::server::files;
use crate::server::private_file;

/// The folder's name in a server's directory.
const FOLDER: &str = "transcripts";
const EXTENSION: &str = "transcript";
/// Of a transcript on its way: nobody goes on with it after a start.
const PART: &str = "part";

/// The folder of transcripts.
#[derive(Debug)]
pub(super) struct Transcripts {
    folder: PathBuf,
    /// Tells those on their way apart.
    begun: AtomicU64,
}

/// A transcript on its way, in a file that goes when this is dropped.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Transcripts {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        remove_parts(&folder).map_err(ServerError::file("clean", &folder))?;
        Ok(Self { folder, begun: AtomicU64::new(0) })
    }

    /// The transcript of an auction, if it is there.
    pub(super) fn load(&self, auction: &Digest) -> Result<Option<Vec<u8>>, ServerError> {
        let path = self.path(auction);
        files::read_if_there(&path).map_err(ServerError::file("read", &path))
    }

    /// Begins a transcript.
    pub(super) fn begin(&self, auction: &Digest) -> Result<Part, ServerError> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{auction}.{number}.{PART}"));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true).mode(0o600);
        let made = options.open(&path).map_err(ServerError::file("make", &path));
        Ok(Part { file: made?, path, length: 0 })
    }

    /// Keeps a transcript; when this returns it is on the disk.
    pub(super) fn keep(&self, auction: &Digest, part: &Part) -> Result<(), ServerError> {
        let path = self.path(auction);
        files::flush_and_rename(&part.path, &path).map_err(ServerError::file("write", &path))
    }

    fn path(&self, auction: &Digest) -> PathBuf {
        files::of_id(&self.folder, auction, EXTENSION)
    }
}

impl Part {
    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes to the end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), ServerError> {
        if let Err(error) = self.file.write_all(bytes) {
            // What came of it is cut off, so that the same piece fits again.
            let _ = self.file.set_len(self.length);
            return Err(ServerError::file("write", &self.path)(error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// All of it.
    pub(super) fn read(&self) -> Result<Vec<u8>, ServerError> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.map_err(ServerError::file("read", &self.path))?;
        Ok(bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it was kept it is not there any more, and otherwise nobody needs it.
        let _ = fs::remove_file(&self.path);
    }
}

fn remove_parts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == PART) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The transcript that decided an auction, from the directory of a server: for an audit, see
/// [`crate::auctions::History`]. Nothing, where there is none or it cannot be read.
#[must_use]
pub fn kept_transcript(dir: &Path, auction: &Digest) -> Option<Vec<u8>> {
    files::read_if_there(&files::of_id(&dir.join(FOLDER), auction, EXTENSION)).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let auction = Digest([1; 32]);
        let transcripts = Transcripts::open(dir.path()).unwrap();
        assert_eq!(transcripts.load(&auction).unwrap(), None);
        let mut part = transcripts.begin(&auction).unwrap();
        part.append(b"wor").unwrap();
        part.append(b"ds").unwrap();
        assert_eq!((part.length(), part.read().unwrap()), (5, b"words".to_vec()));
        transcripts.keep(&auction, &part).unwrap();
        drop(part);
        assert_eq!(transcripts.load(&auction).unwrap().unwrap(), b"words");
        assert_eq!(kept_transcript(dir.path(), &auction).unwrap(), b"words");
        assert_eq!(kept_transcript(dir.path(), &Digest([2; 32])), None);
    }

    #[test]
    fn nothing_stays_of_what_did_not_come_whole() {
        let dir = tempfile::tempdir().unwrap();
        let auction = Digest([1; 32]);
        let transcripts = Transcripts::open(dir.path()).unwrap();
        let count = || fs::read_dir(dir.path().join(FOLDER)).unwrap().count();
        let part = transcripts.begin(&auction).unwrap();
        let killed = transcripts.begin(&auction).unwrap();
        assert_eq!(count(), 2);
        drop(part);
        assert_eq!(count(), 1);
        std::mem::forget(killed);
        drop(Transcripts::open(dir.path()).unwrap());
        assert_eq!(count(), 0);
    }
}
