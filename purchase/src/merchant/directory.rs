//! A merchant's directory: identity, secret, configuration.

use std::net::SocketAddr;
use std::path::Path;

use auction::keys::{PublicKey, SecretKey};
use rand::Rng as _;
use settlement::server::private_file;
use zeroize::Zeroizing;

use super::config::{CONFIG_FILE, Config};
use super::error::MerchantError;

/// The key that the link knows the merchant by: the 32-byte seed as hexadecimal digits.
pub const IDENTITY_FILE: &str = "identity.key";
/// What the goods keys of all his quotes follow from: 32 bytes as hexadecimal digits.
pub const SECRET_FILE: &str = "goods.key";

/// Makes a merchant in `dir`: the directory (mode 0700), a fresh identity and a fresh secret
/// (0600), and a configuration that listens at `listen`.
///
/// # Errors
/// [`MerchantError::Exists`] when there is one already, [`MerchantError::Readable`] when others
/// can enter a directory that was there, [`MerchantError::File`].
pub fn init(dir: &Path, listen: SocketAddr) -> Result<PublicKey, MerchantError> {
    let names = [IDENTITY_FILE, SECRET_FILE, CONFIG_FILE];
    if names.iter().any(|name| dir.join(name).exists()) {
        return Err(MerchantError::Exists(dir.to_owned()));
    }
    private_file::make_dir(dir).map_err(MerchantError::file("make", dir))?;
    refuse_open_directory(dir)?;
    let write = |name: &str, content: &[u8]| {
        let path = dir.join(name);
        private_file::create(&path, content).map_err(MerchantError::file("write", &path))
    };
    let mut secret = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(secret.as_mut());
    write(SECRET_FILE, Zeroizing::new(hex::encode(secret.as_ref()) + "\n").as_bytes())?;
    let key = SecretKey::generate(&mut rand::rng());
    write(IDENTITY_FILE, Zeroizing::new(hex::encode(key.seed()) + "\n").as_bytes())?;
    // The settings last: without them there is no merchant.
    write(CONFIG_FILE, Config::template(listen).as_bytes())?;
    Ok(key.public())
}

/// Refuses a directory that others than its owner can enter.
pub(super) fn refuse_open_directory(dir: &Path) -> Result<(), MerchantError> {
    let mode = private_file::open_to_others(dir).map_err(MerchantError::file("read", dir))?;
    let open = |mode| Err(MerchantError::Readable { path: dir.to_owned(), mode });
    mode.map_or(Ok(()), open)
}

/// The identity of the merchant in `dir`.
///
/// # Errors
/// [`MerchantError::NoMerchant`], [`MerchantError::Readable`], [`MerchantError::BadKey`],
/// [`MerchantError::File`].
pub fn load_identity(dir: &Path) -> Result<SecretKey, MerchantError> {
    Ok(SecretKey::from_seed(&*load(dir, IDENTITY_FILE)?))
}

/// The secret of the merchant in `dir`.
pub(super) fn load_secret(dir: &Path) -> Result<Zeroizing<[u8; 32]>, MerchantError> {
    load(dir, SECRET_FILE)
}

fn load(dir: &Path, name: &str) -> Result<Zeroizing<[u8; 32]>, MerchantError> {
    let path = dir.join(name);
    if !dir.join(CONFIG_FILE).exists() {
        return Err(MerchantError::NoMerchant(dir.to_owned()));
    }
    let mode = private_file::open_to_others(&path).map_err(MerchantError::file("read", &path))?;
    if let Some(mode) = mode {
        return Err(MerchantError::Readable { path, mode });
    }
    let text = std::fs::read_to_string(&path).map_err(MerchantError::file("read", &path))?;
    let text = Zeroizing::new(text);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut()).map_err(|_| MerchantError::BadKey(path))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_merchant_is_made_once_and_his_secrets_are_his_own() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("shop");
        let listen = "127.0.0.1:0".parse().unwrap();
        assert!(matches!(load_identity(&dir), Err(MerchantError::NoMerchant(_))));
        let key = init(&dir, listen).unwrap();
        assert_eq!(load_identity(&dir).unwrap().public(), key);
        assert_ne!(*load_secret(&dir).unwrap(), *load(&dir, IDENTITY_FILE).unwrap());
        assert!(matches!(init(&dir, listen), Err(MerchantError::Exists(_))));
        let path = dir.join(SECRET_FILE);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_secret(&dir), Err(MerchantError::Readable { mode: 0o640, .. })));
        std::fs::write(&path, "c0ffee").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = load_secret(&dir).unwrap_err();
        assert!(matches!(error, MerchantError::BadKey(_)) && !error.to_string().contains("c0ffee"));
    }
}
