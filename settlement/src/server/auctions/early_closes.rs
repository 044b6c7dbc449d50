//! Sellers' words that closed auctions before their closing time: on the disk before they are
//! taken, until the decision holds them. SETTLEMENT, section "An auction's payment", step 2.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use auction::layout::Digest;
use auction::spec::EarlyClose;
use auction::wire::{decode, encode};

use super::lock;
use crate::server::error::ServerError;
use crate::server::{files, private_file};

/// The folder's name in a server's directory.
const FOLDER: &str = "closed-early";
const EXTENSION: &str = "word";
/// Longest word, in bytes.
const MAX_WORD: usize = 1024;

/// The words that are kept.
#[derive(Debug)]
pub(super) struct EarlyCloses {
    folder: PathBuf,
    /// Those on the disk, each verified before it came there.
    words: Mutex<HashMap<Digest, EarlyClose>>,
}

impl EarlyCloses {
    /// Opens the folder of the server in `dir`. What lies in it is taken with
    /// [`EarlyCloses::load`].
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        Ok(Self { folder, words: Mutex::default() })
    }

    /// Takes the words on the disk that `holds` of undecided auctions, and removes the others.
    pub(super) fn load(&self, holds: impl Fn(&EarlyClose) -> bool) -> Result<(), ServerError> {
        let found = files::ids_in(&self.folder, EXTENSION);
        for auction in found.map_err(ServerError::file("read", &self.folder))? {
            let path = self.path(&auction);
            let bytes = files::read_if_there(&path).map_err(ServerError::file("read", &path))?;
            let word = bytes.and_then(|bytes| decode::<EarlyClose>(&bytes, MAX_WORD).ok());
            match word.filter(|word| word.auction == auction && holds(word)) {
                Some(word) => drop(lock(&self.words).insert(auction, word)),
                None => files::remove(&path).map_err(ServerError::file("remove", &path))?,
            }
        }
        Ok(())
    }

    /// Keeps a word that was verified; when this returns it is on the disk.
    pub(super) fn keep(&self, word: EarlyClose) -> Result<(), ServerError> {
        let path = self.path(&word.auction);
        let bytes = encode(&word).map_err(std::io::Error::other);
        let written = bytes.and_then(|bytes| files::write_whole(&path, &bytes));
        written.map_err(ServerError::file("write", &path))?;
        lock(&self.words).insert(word.auction, word);
        Ok(())
    }

    /// The word that closed an auction.
    pub(super) fn get(&self, auction: &Digest) -> Option<EarlyClose> {
        lock(&self.words).get(auction).copied()
    }

    /// The auctions that were closed by a word and are not decided.
    pub(super) fn auctions(&self) -> Vec<Digest> {
        lock(&self.words).keys().copied().collect()
    }

    /// Forgets the word for an auction that is decided: its record holds it.
    pub(super) fn forget(&self, auction: &Digest) -> Result<(), ServerError> {
        let path = self.path(auction);
        files::remove(&path).map_err(ServerError::file("remove", &path))?;
        lock(&self.words).remove(auction);
        Ok(())
    }

    fn path(&self, auction: &Digest) -> PathBuf {
        files::of_id(&self.folder, auction, EXTENSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    #[test]
    fn a_word_lasts_until_it_is_forgotten_and_others_do_not_last() {
        let dir = tempfile::tempdir().unwrap();
        let seller = SecretKey::from_seed(&[1; 32]);
        let word = |n: u8| EarlyClose::sign(Digest([n; 32]), &seller);
        let words = EarlyCloses::open(dir.path()).unwrap();
        words.keep(word(1)).unwrap();
        words.keep(word(2)).unwrap();
        std::fs::write(words.path(&Digest([3; 32])), b"no word").unwrap();
        std::fs::copy(words.path(&Digest([1; 32])), words.path(&Digest([4; 32]))).unwrap();
        let words = EarlyCloses::open(dir.path()).unwrap();
        assert_eq!(words.get(&Digest([1; 32])), None);
        words.load(|word| word.auction != Digest([2; 32])).unwrap();
        assert_eq!(words.get(&Digest([1; 32])), Some(word(1)));
        assert_eq!(words.auctions(), [Digest([1; 32])]);
        assert_eq!(std::fs::read_dir(&words.folder).unwrap().count(), 1);
        words.forget(&Digest([1; 32])).unwrap();
        words.forget(&Digest([1; 32])).unwrap();
        assert_eq!(words.get(&Digest([1; 32])), None);
        assert_eq!(std::fs::read_dir(&words.folder).unwrap().count(), 0);
    }
}
