//! The escrow keys: one file an auction, destroyed with its decision, so that the goods key of an
//! auction in which nothing was sold is gone although the journal stays.

use std::path::{Path, PathBuf};

use auction::layout::Digest;
use zeroize::Zeroizing;

use crate::sealed_key::OpeningKey;
use crate::server::error::ServerError;
use crate::server::files;
use crate::server::private_file;

/// The folder's name in a server's directory.
const FOLDER: &str = "vault";
const EXTENSION: &str = "key";

/// The folder of escrow keys.
#[derive(Debug)]
pub(super) struct Vault(PathBuf);

impl Vault {
    /// Opens the vault of the server in `dir`.
    pub(super) fn open(dir: &Path) -> Result<Self, ServerError> {
        let folder = dir.join(FOLDER);
        private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
        Ok(Self(folder))
    }

    /// The escrow key of an auction, made and on the disk where there was none.
    pub(super) fn key_for(&self, auction: &Digest) -> Result<OpeningKey, ServerError> {
        if let Some(key) = self.load(auction)? {
            return Ok(key);
        }
        let key = OpeningKey::generate(&mut rand::rng());
        let path = self.path(auction);
        let bytes = key.to_bytes();
        files::write_whole(&path, bytes.as_ref()).map_err(ServerError::file("write", &path))?;
        Ok(key)
    }

    /// The escrow key of an auction, if it is there.
    pub(super) fn load(&self, auction: &Digest) -> Result<Option<OpeningKey>, ServerError> {
        let path = self.path(auction);
        let read = files::read_if_there(&path).map_err(ServerError::file("read", &path))?;
        let Some(bytes) = read.map(Zeroizing::new) else { return Ok(None) };
        let bytes: Result<&[u8; 32], _> = bytes.as_slice().try_into();
        let key = bytes.map_err(|_| ServerError::BadKey(path))?;
        Ok(Some(OpeningKey::from_bytes(key)))
    }

    /// Destroys the escrow key of an auction, if it is there.
    pub(super) fn destroy(&self, auction: &Digest) -> Result<(), ServerError> {
        let path = self.path(auction);
        files::erase(&path).map_err(ServerError::file("erase", &path))
    }

    /// The auctions whose keys are there.
    pub(super) fn auctions(&self) -> Result<Vec<Digest>, ServerError> {
        files::ids_in(&self.0, EXTENSION).map_err(ServerError::file("read", &self.0))
    }

    fn path(&self, auction: &Digest) -> PathBuf {
        files::of_id(&self.0, auction, EXTENSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lasts_until_it_is_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let auction = Digest([1; 32]);
        let vault = Vault::open(dir.path()).unwrap();
        let made = vault.key_for(&auction).unwrap().sealing_key();
        let vault = Vault::open(dir.path()).unwrap();
        assert_eq!(vault.key_for(&auction).unwrap().sealing_key(), made);
        assert_eq!(vault.load(&auction).unwrap().unwrap().sealing_key(), made);
        assert_ne!(vault.key_for(&Digest([2; 32])).unwrap().sealing_key(), made);
        assert_eq!(private_file::open_to_others(&vault.path(&auction)).unwrap(), None);
        vault.destroy(&auction).unwrap();
        vault.destroy(&auction).unwrap();
        assert!(vault.load(&auction).unwrap().is_none());
        assert_eq!(vault.auctions().unwrap(), [Digest([2; 32])]);
        assert_ne!(vault.key_for(&auction).unwrap().sealing_key(), made);
    }
}
