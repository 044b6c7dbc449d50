//! Files that come piece by piece and are kept once somebody has found them good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auction::layout::Digest;

use super::error::ServerError;
use super::{files, private_file};

const PART: &str = "part";
/// What nobody goes on with is thrown away after so long.
const PART_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const READ_AHEAD: usize = 1 << 17;

/// A folder of such files, each under an id.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    folder: PathBuf,
    /// The ending of those that were found good.
    whole: &'static str,
}

impl Pieces {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path, folder: &str, whole: &'static str) -> Result<Self, ServerError> {
        let folder = dir.join(folder);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        Ok(Self { folder, whole })
    }

    /// How many bytes are there.
    pub(super) fn received(&self, id: &Digest) -> io::Result<u64> {
        for extension in [self.whole, PART] {
            match fs::metadata(files::of_id(&self.folder, id, extension)) {
                Ok(found) => return Ok(found.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }

    /// Whether it was found good.
    pub(super) fn is_whole(&self, id: &Digest) -> bool {
        files::of_id(&self.folder, id, self.whole).exists()
    }

    /// Appends a piece that begins where the last one ended, and says how many bytes are there.
    /// A piece that begins elsewhere changes nothing.
    pub(super) fn append(&self, id: &Digest, offset: u64, bytes: &[u8]) -> io::Result<u64> {
        let have = self.received(id)?;
        if have != offset || self.is_whole(id) {
            return Ok(have);
        }
        let path = files::of_id(&self.folder, id, PART);
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(bytes) {
            // What came of it is cut off, so that the next piece fits.
            let _ = file.set_len(have);
            return Err(error);
        }
        Ok(have + bytes.len() as u64)
    }

    /// Has what is there looked at, whether it was found good before or not, and says where it
    /// lies.
    ///
    /// # Errors
    /// The operating system's, with the file.
    pub(super) fn read_back(&self, id: &Digest) -> Result<BufReader<File>, (PathBuf, io::Error)> {
        let extension = if self.is_whole(id) { self.whole } else { PART };
        let path = files::of_id(&self.folder, id, extension);
        match File::open(&path) {
            Ok(file) => Ok(BufReader::with_capacity(READ_AHEAD, file)),
            Err(error) => Err((path, error)),
        }
    }

    /// Keeps what was found good; when this returns it is on the disk.
    ///
    /// # Errors
    /// The operating system's, with the file.
    pub(super) fn keep(&self, id: &Digest) -> Result<(), (PathBuf, io::Error)> {
        if self.is_whole(id) {
            return Ok(());
        }
        let part = files::of_id(&self.folder, id, PART);
        let whole = files::of_id(&self.folder, id, self.whole);
        files::flush_and_rename(&part, &whole).map_err(|error| (part, error))
    }

    /// Throws away what was received and not found good.
    pub(super) fn throw_away(&self, id: &Digest) -> io::Result<()> {
        files::remove(&files::of_id(&self.folder, id, PART))
    }

    /// Removes what was found good.
    pub(super) fn remove(&self, id: &Digest) -> io::Result<()> {
        files::remove(&files::of_id(&self.folder, id, self.whole))
    }

    /// At most `most` bytes of what was found good, from `offset` on, and its length; nothing
    /// where there is none.
    pub(super) fn read(
        &self,
        id: &Digest,
        offset: u64,
        most: usize,
    ) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut file = match File::open(files::of_id(&self.folder, id, self.whole)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let total = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset.min(total)))?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(Some((total, bytes)))
    }

    /// Removes what `is_kept` does not want, and what nobody went on with.
    pub(super) fn sweep(&self, is_kept: impl Fn(&Digest) -> bool) -> io::Result<()> {
        for id in files::ids_in(&self.folder, self.whole)? {
            if !is_kept(&id) {
                files::remove(&files::of_id(&self.folder, &id, self.whole))?;
            }
        }
        for id in files::ids_in(&self.folder, PART)? {
            let path = files::of_id(&self.folder, &id, PART);
            let touched = fs::metadata(&path)?.modified()?;
            let age = SystemTime::now().duration_since(touched).unwrap_or_default();
            if age > PART_KEPT {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}
