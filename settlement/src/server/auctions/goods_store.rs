//! The encrypted goods: received piece by piece, kept until T and a while longer.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use auction::layout::Digest;
use auction::settlement_terms::Goods;

use crate::goods::{self, GoodsError, GoodsKey};
use crate::server::error::ServerError;
use crate::server::pieces::Pieces;
use crate::service::auctions::PIECE_BYTES;

/// The folder's name in a server's directory.
const FOLDER: &str = "goods";
const WHOLE: &str = "goods";

/// The folder of encrypted goods.
#[derive(Debug, Clone)]
pub(super) struct GoodsStore(Pieces);

impl GoodsStore {
    /// Opens the folder of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        Pieces::open(dir, FOLDER, WHOLE).map(Self)
    }

    /// How many bytes of an auction's goods are there.
    pub(super) fn received(&self, auction: &Digest) -> io::Result<u64> {
        self.0.received(auction)
    }

    /// Appends a piece that begins where the last one ended, and says how many bytes are there.
    /// A piece that begins elsewhere changes nothing.
    pub(super) fn append(&self, auction: &Digest, offset: u64, bytes: &[u8]) -> io::Result<u64> {
        self.0.append(auction, offset, bytes)
    }

    /// Throws away what was received of goods that are not kept yet.
    pub(super) fn discard(&self, auction: &Digest) -> io::Result<()> {
        self.0.throw_away(auction)
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
        let failed = |doing| move |(path, source)| GoodsError::File { doing, path, source };
        let file = self.0.read_back(auction).map_err(failed("read"))?;
        if let Err(error) = goods::check_with_key(file, key, expected, progress) {
            let short = self.received(auction).is_ok_and(|have| have < expected.bytes);
            // A wrong key says nothing of the goods, and what is not whole may become so.
            let of_key = matches!(error, GoodsError::WrongKey { .. });
            if error.is_fault_of_goods() && !of_key && !short {
                let _ = self.0.throw_away(auction);
            }
            return Err(error);
        }
        self.0.keep(auction).map_err(failed("keep"))
    }

    /// A piece of the goods from `offset` on, and their length; nothing where there are none.
    pub(super) fn read(&self, auction: &Digest, offset: u64) -> io::Result<Option<(u64, Vec<u8>)>> {
        self.0.read(auction, offset, PIECE_BYTES)
    }

    /// Removes the goods that `is_kept` does not want, and deposits that nobody went on with.
    pub(super) fn sweep(&self, is_kept: impl Fn(&Digest) -> bool) -> io::Result<()> {
        self.0.sweep(is_kept)
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
