//! Sealed secrets, and the keys whose destruction erases them. PROTOCOL section 4.
//!
//! Databases and disks keep old versions of what they stored. So secrets lie in the database
//! only sealed (XChaCha20-Poly1305) under a random key of the auction, which has a file of its
//! own: once that is overwritten and gone, no copy of a sealed row says anything.

use std::io;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use auction::party::PartySecret;
use auction::shares::{ExplicitEntries, Share};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::Rng as _;
use zeroize::Zeroizing;

use super::StoreError;
use crate::private_file;

const NONCE_BYTES: usize = 24;

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The party's secrets.
    Party,
    /// The share of a bid.
    Share,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Party => "party secret",
            Self::Share => "share",
        }
    }
}

/// The key that one auction's secrets are sealed under.
#[derive(Clone)]
pub(crate) struct StorageKey {
    auction: Digest,
    key: Zeroizing<[u8; 32]>,
}

impl StorageKey {
    /// A fresh key.
    pub(crate) fn generate(auction: Digest) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(key.as_mut());
        Self { auction, key }
    }

    /// Seals the party's secrets.
    pub(crate) fn seal_party(&self, secret: &PartySecret) -> Result<Vec<u8>, StoreError> {
        self.seal(Kind::Party, &Digest::default(), secret.to_bytes().as_ref())
    }

    /// Opens the party's secrets.
    pub(crate) fn open_party(&self, sealed: &[u8]) -> Result<PartySecret, StoreError> {
        let plain = self.open(Kind::Party, &Digest::default(), sealed)?;
        let bytes: Option<&[u8; 64]> = plain.as_slice().try_into().ok();
        let damaged = StoreError::Sealed(Kind::Party.name());
        bytes.and_then(PartySecret::from_bytes).ok_or(damaged)
    }

    /// Seals the share of a bid.
    pub(crate) fn seal_share(&self, bid: &Digest, share: &Share) -> Result<Vec<u8>, StoreError> {
        self.seal(Kind::Share, bid, &share_bytes(share))
    }

    /// Opens the share of a bid.
    pub(crate) fn open_share(&self, bid: &Digest, sealed: &[u8]) -> Result<Share, StoreError> {
        let plain = self.open(Kind::Share, bid, sealed)?;
        share_from(&plain).ok_or(StoreError::Sealed(Kind::Share.name()))
    }

    fn seal(&self, kind: Kind, of: &Digest, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let aad = self.bound(kind, of);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| StoreError::Sealed(kind.name()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn open(
        &self,
        kind: Kind,
        of: &Digest,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let wrong = || StoreError::Sealed(kind.name());
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong)?;
        let aad = self.bound(kind, of);
        let plain = self
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad })
            .map_err(|_| wrong())?;
        Ok(Zeroizing::new(plain))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }

    /// A sealed value opens as what it was sealed, in its auction and for its bid alone.
    fn bound(&self, kind: Kind, of: &Digest) -> Vec<u8> {
        let kind = [match kind {
            Kind::Party => 1,
            Kind::Share => 2,
        }];
        [b"gavel accumulator store 1", &self.auction.0[..], &kind, &of.0].concat()
    }
}

/// The folder of storage keys in a node's directory.
#[derive(Debug, Clone)]
pub(crate) struct Vault(PathBuf);

impl Vault {
    /// The folder in `dir`, made when it is not there.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let folder = dir.join("keys");
        private_file::make_dir(&folder)?;
        Ok(Self(folder))
    }

    /// Keeps a fresh key, down to the disk.
    pub(crate) fn keep(&self, key: &StorageKey) -> Result<(), StoreError> {
        let path = self.path(&key.auction);
        private_file::create(&path, key.key.as_ref()).map_err(failed(&path))
    }

    /// Finds a key again.
    pub(crate) fn find(&self, auction: Digest) -> Result<StorageKey, StoreError> {
        let path = self.path(&auction);
        let bytes = Zeroizing::new(std::fs::read(&path).map_err(failed(&path))?);
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(StoreError::Sealed("storage key"));
        }
        key.copy_from_slice(&bytes);
        Ok(StorageKey { auction, key })
    }

    /// Destroys a key, and with it everything sealed under it. One that is gone is fine.
    pub(crate) fn destroy(&self, auction: &Digest) -> Result<(), StoreError> {
        let path = self.path(auction);
        private_file::erase(&path).map_err(failed(&path))
    }

    /// Destroys the keys of auctions that `known` does not know: of joins that a kill cut off
    /// before they were stored.
    pub(crate) fn sweep(&self, known: impl Fn(&Digest) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.0)? {
            let path = entry?.path();
            let id = path.file_stem().and_then(|stem| Digest::from_hex(stem.to_str()?));
            if id.is_some_and(|id| !known(&id)) {
                private_file::erase(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, auction: &Digest) -> PathBuf {
        self.0.join(format!("{auction}.key"))
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::File { path, reason: error.to_string() }
}

/// A share as bytes, in memory that is cleared: one byte says which form it has.
fn share_bytes(share: &Share) -> Zeroizing<Vec<u8>> {
    match share {
        Share::Seed(seed) => {
            let mut bytes = Zeroizing::new(Vec::with_capacity(33));
            bytes.push(0);
            bytes.extend_from_slice(seed);
            bytes
        }
        Share::Explicit { entries, blinding } => {
            let entries = entries.as_bytes();
            let mut bytes = Zeroizing::new(Vec::with_capacity(33 + entries.len()));
            bytes.push(1);
            bytes.extend_from_slice(blinding);
            bytes.extend_from_slice(entries);
            bytes
        }
    }
}

fn share_from(bytes: &[u8]) -> Option<Share> {
    let (form, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first_chunk::<32>()?;
    match form {
        0 if rest.is_empty() => Some(Share::Seed(*first)),
        1 => {
            let entries = ExplicitEntries::from_bytes(rest)?;
            Some(Share::Explicit { entries, blinding: *first })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_as_what_it_was_and_for_its_place_alone() {
        let (one, two) = (Digest([1; 32]), Digest([2; 32]));
        let key = StorageKey::generate(one);
        let entries = ExplicitEntries::new(vec![[3; 17], [4; 17]]);
        for share in [Share::Seed([5; 32]), Share::Explicit { entries, blinding: [6; 32] }] {
            let sealed = key.seal_share(&two, &share).unwrap();
            assert_eq!(key.open_share(&two, &sealed).unwrap(), share);
            assert!(key.open_share(&one, &sealed).is_err());
            assert!(key.open_party(&sealed).is_err());
            let mut elsewhere = key.clone();
            elsewhere.auction = two;
            assert!(elsewhere.open_share(&two, &sealed).is_err());
            assert!(StorageKey::generate(one).open_share(&two, &sealed).is_err());
            for at in [0, NONCE_BYTES, sealed.len() - 1] {
                let mut altered = sealed.clone();
                altered[at] ^= 1;
                assert!(key.open_share(&two, &altered).is_err());
            }
            assert!(key.open_share(&two, &sealed[..10]).is_err());
        }
        let secret = PartySecret::generate(&mut rand::rng());
        let sealed = key.seal_party(&secret).unwrap();
        assert_eq!(*key.open_party(&sealed).unwrap().to_bytes(), *secret.to_bytes());
    }

    #[test]
    fn a_destroyed_key_is_not_found_and_strays_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(dir.path()).unwrap();
        let ids = [1, 2, 3].map(|i| Digest([i; 32]));
        for id in ids {
            vault.keep(&StorageKey::generate(id)).unwrap();
        }
        assert!(vault.keep(&StorageKey::generate(ids[0])).is_err());
        vault.destroy(&ids[0]).unwrap();
        vault.destroy(&ids[0]).unwrap();
        vault.sweep(|id| *id == ids[2]).unwrap();
        assert!(vault.find(ids[0]).is_err());
        assert!(vault.find(ids[1]).is_err());
        assert!(vault.find(ids[2]).is_ok());
    }
}
