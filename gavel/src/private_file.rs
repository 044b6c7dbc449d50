//! Files that hold a secret: made for their owner alone, never overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use auction::keys::SecretKey;
use zeroize::Zeroizing;

use crate::exit::Failure;

/// Hexadecimal digits of a seed.
const DIGITS: usize = 64;

/// Reads a key file that nobody else may read, or makes one with a fresh key where there is none.
pub(crate) fn load_or_create_key(path: &Path) -> Result<SecretKey, Failure> {
    match load_key(path) {
        Err(Failure::Input { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create_key(path)
        }
        read => {
            let key = read?;
            check_private(path)?;
            Ok(key)
        }
    }
}

/// Refuses a key file that others than its owner may read or write.
pub(crate) fn check_private(path: &Path) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(path);
        let metadata = metadata.map_err(|source| Failure::input("read key file", path, source))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::KeyOpen { path: path.display().to_string(), mode });
        }
    }
    Ok(())
}

/// Reads a key file: 64 hexadecimal digits.
pub(crate) fn load_key(path: &Path) -> Result<SecretKey, Failure> {
    Ok(SecretKey::from_seed(&*load_secret(path)?))
}

/// Reads the 32 bytes that a key file holds as 64 hexadecimal digits.
pub(crate) fn load_secret(path: &Path) -> Result<Zeroizing<[u8; DIGITS / 2]>, Failure> {
    let unreadable = |source| Failure::input("read key file", path, source);
    // Room for all that is read: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * DIGITS));
    let file = File::open(path).map_err(unreadable)?;
    file.take(2 * DIGITS as u64).read_to_string(&mut text).map_err(unreadable)?;
    let mut seed = Zeroizing::new([0; DIGITS / 2]);
    hex::decode_to_slice(text.trim(), seed.as_mut())
        .map_err(|_| Failure::NotAKey { path: path.display().to_string() })?;
    Ok(seed)
}

fn create_key(path: &Path) -> Result<SecretKey, Failure> {
    store_key(path, SecretKey::generate(&mut rand::rng()))
}

/// Writes a key into a file that does not exist yet.
pub(crate) fn store_key(path: &Path, key: SecretKey) -> Result<SecretKey, Failure> {
    store_secret(path, key.seed())?;
    Ok(key)
}

/// Writes 32 bytes, as 64 hexadecimal digits, into a file that does not exist yet.
pub(crate) fn store_secret(path: &Path, secret: &[u8; DIGITS / 2]) -> Result<(), Failure> {
    let uncreated = |source| Failure::file("create key file", path, source);
    let mut text = Zeroizing::new([0; DIGITS + 1]);
    text[DIGITS] = b'\n';
    // 32 bytes are 64 digits, so it fits.
    let _ = hex::encode_to_slice(secret, &mut text[..DIGITS]);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(uncreated)?;
    file.write_all(text.as_ref()).and_then(|()| file.sync_all()).map_err(uncreated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seller.key");
        let made = load_or_create_key(&path).unwrap();
        let read = load_or_create_key(&path).unwrap();
        assert_eq!(made.public(), read.public());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let open = std::fs::Permissions::from_mode(0o640);
            std::fs::set_permissions(&path, open).unwrap();
            let refused = load_or_create_key(&path);
            assert!(matches!(refused, Err(Failure::KeyOpen { mode: 0o640, .. })));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seller.key");
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(load_or_create_key(&path), Err(Failure::NotAKey { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }
}
