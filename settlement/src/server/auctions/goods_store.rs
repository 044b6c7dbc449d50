//! The encrypted goods: received piece by piece, kept until T and a while longer.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use auction::layout::Digest;
use auction::settlement_terms::Goods;

use super::files;
use crate::goods::{self, GoodsError, GoodsKey};
use crate::server::error::ServerError;
use crate::server::private_file;
use crate::service::auctions::PIECE_BYTES;

/// The folder's name in a server's directory.
const FOLDER: &str = "goods";
const PART: &str = "part";
const WHOLE: &str = "goods";
/// A deposit that nobody goes on with is thrown away after so long.
const PART_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The folder of encrypted goods.
#[derive(Debug, Clone)]
pub(super) struct GoodsStore(PathBuf);

impl GoodsStore {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        Ok(Self(folder))
    }

    /// How many bytes of an auction's goods are there.
    pub(super) fn received(&self, auction: &Digest) -> io::Result<u64> {
        for extension in [WHOLE, PART] {
            match fs::metadata(files::of_auction(&self.0, auction, extension)) {
                Ok(found) => return Ok(found.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }

    /// Appends a piece that begins where the last one ended, and says how many bytes are there.
    /// A piece that begins elsewhere changes nothing.
    pub(super) fn append(&self, auction: &Digest, offset: u64, bytes: &[u8]) -> io::Result<u64> {
        let have = self.received(auction)?;
        if have != offset || files::of_auction(&self.0, auction, WHOLE).exists() {
            return Ok(have);
        }
        let path = files::of_auction(&self.0, auction, PART);
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        if let Err(error) = file.write_all(bytes) {
            // What came of it is cut off, so that the next piece fits.
            let _ = file.set_len(have);
            return Err(error);
        }
        Ok(have + bytes.len() as u64)
    }

    /// Throws away what was received of goods that are not kept yet.
    pub(super) fn discard(&self, auction: &Digest) -> io::Result<()> {
        files::remove(&files::of_auction(&self.0, auction, PART))
    }

    /// Checks the goods against spec and key, and keeps them; when this returns they are on the
    /// disk. Takes time.
    ///
    /// # Errors
    /// [`GoodsError`]; what was received is thrown away where it is not the spec's goods.
    pub(super) fn keep(
        &self,
        auction: &Digest,
        key: &GoodsKey,
        expected: &Goods,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), GoodsError> {
        let whole = files::of_auction(&self.0, auction, WHOLE);
        let part = files::of_auction(&self.0, auction, PART);
        let path = if whole.exists() { &whole } else { &part };
        let unreadable = |source| GoodsError::File { doing: "read", path: path.clone(), source };
        let file = File::open(path).map_err(unreadable)?;
        let buffered = io::BufReader::with_capacity(1 << 17, file);
        if let Err(error) = goods::check_with_key(buffered, key, expected, progress) {
            let short = self.received(auction).is_ok_and(|have| have < expected.bytes);
            // A wrong key says nothing of the goods, and what is not whole may become so.
            let of_key = matches!(error, GoodsError::WrongKey { .. });
            if error.is_fault_of_goods() && !of_key && !short && *path == part {
                let _ = files::remove(&part);
            }
            return Err(error);
        }
        if *path == part {
            let failed = |source| GoodsError::File { doing: "keep", path: part.clone(), source };
            files::flush_and_rename(&part, &whole).map_err(failed)?;
        }
        Ok(())
    }

    /// A piece of the goods from `offset` on, and their length; nothing where there are none.
    pub(super) fn read(&self, auction: &Digest, offset: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut file = match File::open(files::of_auction(&self.0, auction, WHOLE)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let total = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset.min(total)))?;
        let mut bytes = Vec::new();
        file.take(PIECE_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(Some((total, bytes)))
    }

    /// Removes the goods that `is_kept` does not want, and deposits that nobody went on with.
    pub(super) fn sweep(&self, is_kept: impl Fn(&Digest) -> bool) -> io::Result<()> {
        for auction in files::auctions_in(&self.0, WHOLE)? {
            if !is_kept(&auction) {
                files::remove(&files::of_auction(&self.0, &auction, WHOLE))?;
            }
        }
        for auction in files::auctions_in(&self.0, PART)? {
            let path = files::of_auction(&self.0, &auction, PART);
            let touched = fs::metadata(&path)?.modified()?;
            let age = SystemTime::now().duration_since(touched).unwrap_or_default();
            if age > PART_KEPT {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goods::{seal, unwatched};

    fn encrypted(key: &GoodsKey) -> (Vec<u8>, Goods) {
        let plaintext = vec![7; 300_000];
        let mut out = Vec::new();
        let length = plaintext.len() as u64;
        let goods =
            seal(plaintext.as_slice(), length, &mut out, key, &mut rand::rng(), &mut unwatched);
        (out, goods.unwrap())
    }

    #[test]
    fn goods_come_in_pieces_in_order_and_are_kept_once_checked() {
        let dir = tempfile::tempdir().unwrap();
        let (store, auction) = (GoodsStore::open(dir.path()).unwrap(), Digest([1; 32]));
        let key = GoodsKey::generate(&mut rand::rng());
        let (bytes, goods) = encrypted(&key);
        assert_eq!(store.received(&auction).unwrap(), 0);
        assert_eq!(store.append(&auction, 0, &bytes[..1000]).unwrap(), 1000);
        // The same again, and one from further on, change nothing.
        assert_eq!(store.append(&auction, 0, &bytes[..1000]).unwrap(), 1000);
        assert_eq!(store.append(&auction, 2000, &bytes[2000..3000]).unwrap(), 1000);
        // What is not whole is refused and stays.
        assert!(store.keep(&auction, &key, &goods, &mut unwatched).is_err());
        assert_eq!(store.received(&auction).unwrap(), 1000);
        assert_eq!(store.append(&auction, 1000, &bytes[1000..]).unwrap(), goods.bytes);
        // A wrong key costs nothing that was received; nor is what is another auction's thrown away.
        store.discard(&Digest([2; 32])).unwrap();
        let other = GoodsKey::generate(&mut rand::rng());
        assert!(store.keep(&auction, &other, &goods, &mut unwatched).is_err());
        assert!(store.read(&auction, 0).unwrap().is_none());
        store.keep(&auction, &key, &goods, &mut unwatched).unwrap();
        store.keep(&auction, &key, &goods, &mut unwatched).unwrap();
        let mut back = Vec::new();
        while (back.len() as u64) < goods.bytes {
            let (total, piece) = store.read(&auction, back.len() as u64).unwrap().unwrap();
            assert_eq!(total, goods.bytes);
            assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
            back.extend(piece);
        }
        assert_eq!(back, bytes);
        assert_eq!(store.read(&auction, u64::MAX).unwrap().unwrap(), (goods.bytes, vec![]));
        store.sweep(|_| true).unwrap();
        assert_eq!(store.received(&auction).unwrap(), goods.bytes);
        store.sweep(|_| false).unwrap();
        assert_eq!(store.received(&auction).unwrap(), 0);
    }

    #[test]
    fn goods_that_are_not_the_specs_are_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let (store, auction) = (GoodsStore::open(dir.path()).unwrap(), Digest([1; 32]));
        let key = GoodsKey::generate(&mut rand::rng());
        let (mut bytes, goods) = encrypted(&key);
        bytes[200_000] ^= 1;
        store.append(&auction, 0, &bytes).unwrap();
        assert!(store.keep(&auction, &key, &goods, &mut unwatched).is_err());
        assert_eq!(store.received(&auction).unwrap(), 0);
    }
}
