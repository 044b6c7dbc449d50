//! Transcript files: one an auction, for ever.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use link::service::TRANSCRIPT_CHUNK;

use crate::private_file::{self, Pieces};

/// The folder of transcripts in a node's directory.
#[derive(Debug, Clone)]
pub(crate) struct Transcripts(PathBuf);

impl Transcripts {
    /// The folder in `dir`, made when it is not there.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let folder = dir.join("transcripts");
        private_file::make_dir(&folder)?;
        Ok(Self(folder))
    }

    /// Where an auction's transcript is, or will be.
    pub(crate) fn path(&self, auction: &Digest) -> PathBuf {
        self.0.join(format!("{auction}.gavel"))
    }

    /// Keeps a transcript, down to the disk, in whole or not at all.
    pub(crate) fn keep(
        &self,
        auction: &Digest,
        write: impl FnOnce(&mut Pieces) -> io::Result<()>,
    ) -> io::Result<()> {
        private_file::replace(&self.path(auction), write)
    }

    /// The length of a transcript, and its bytes from `offset` on, at most one chunk; nothing
    /// when there is none.
    pub(crate) fn read(&self, auction: &Digest, offset: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut file = match File::open(self.path(auction)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let total = file.metadata()?.len();
        let mut bytes = Vec::new();
        if offset < total {
            file.seek(SeekFrom::Start(offset))?;
            file.take(TRANSCRIPT_CHUNK as u64).read_to_end(&mut bytes)?;
        }
        Ok(Some((total, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_transcript_is_read_in_chunks_from_any_place() {
        let dir = tempfile::tempdir().unwrap();
        let transcripts = Transcripts::open(dir.path()).unwrap();
        let id = Digest([7; 32]);
        assert_eq!(transcripts.read(&id, 0).unwrap(), None);
        let whole: Vec<u8> = (0..TRANSCRIPT_CHUNK + 10).map(|i| i as u8).collect();
        transcripts.keep(&id, |file| file.write_all(&whole)).unwrap();
        let total = whole.len() as u64;
        let (told, first) = transcripts.read(&id, 0).unwrap().unwrap();
        assert_eq!((told, first.len()), (total, TRANSCRIPT_CHUNK));
        let (_, rest) = transcripts.read(&id, first.len() as u64).unwrap().unwrap();
        assert_eq!([first, rest].concat(), whole);
        assert_eq!(transcripts.read(&id, total).unwrap(), Some((total, Vec::new())));
        assert_eq!(transcripts.read(&id, u64::MAX).unwrap(), Some((total, Vec::new())));
    }
}
