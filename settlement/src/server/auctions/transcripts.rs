//! The transcripts that decided: on the disk before the decision is journaled, kept for audits.

use std::path::{Path, PathBuf};

use auction::layout::Digest;

use crate::server::error::ServerError;
use crate::server::files;
use crate::server::private_file;

/// The folder's name in a server's directory.
const FOLDER: &str = "transcripts";
const EXTENSION: &str = "transcript";

/// The folder of transcripts.
#[derive(Debug)]
pub(super) struct Transcripts(PathBuf);

impl Transcripts {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        Ok(Self(folder))
    }

    /// The transcript of an auction, if it is there.
    pub(super) fn load(&self, auction: &Digest) -> Result<Option<Vec<u8>>, ServerError> {
        let path = self.path(auction);
        files::read_if_there(&path).map_err(ServerError::file("read", &path))
    }

    /// Keeps a transcript; when this returns it is on the disk.
    pub(super) fn keep(&self, auction: &Digest, bytes: &[u8]) -> Result<(), ServerError> {
        let path = self.path(auction);
        files::write_whole(&path, bytes).map_err(ServerError::file("write", &path))
    }

    fn path(&self, auction: &Digest) -> PathBuf {
        files::of_id(&self.0, auction, EXTENSION)
    }
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
        transcripts.keep(&auction, b"words").unwrap();
        assert_eq!(transcripts.load(&auction).unwrap().unwrap(), b"words");
        assert_eq!(kept_transcript(dir.path(), &auction).unwrap(), b"words");
        assert_eq!(kept_transcript(dir.path(), &Digest([2; 32])), None);
    }
}
