//! A server's directory and its three keys.

use std::net::SocketAddr;
use std::path::Path;

use auction::keys::SecretKey;
use zeroize::Zeroizing;

use super::error::ServerError;
use super::private_file;
use crate::charter_file::{CHARTER_FILE, CharterFile};
use crate::config::{CONFIG_FILE, Config};
use crate::ledger::Charter;

/// The key that signs heads and receipts, and identifies the server to its clients: the 32-byte
/// seed as hexadecimal digits, as in every key file.
pub const SERVER_KEY_FILE: &str = "server.key";
/// The key that owns every escrow account.
pub const POSTINGS_KEY_FILE: &str = "postings.key";
/// The key that signs deposits and withdrawals. The running server does not need it: keep it
/// elsewhere.
pub const OPERATOR_KEY_FILE: &str = "operator.key";
/// Holds that may expire in one batch, in a charter that `init` makes.
pub const EXPIRIES_PER_BATCH: u32 = 1024;

/// Makes a server in `dir`: the directory (mode 0700), three fresh keys (0600), a configuration
/// that listens at `listen`, and the charter that clients are given. Move the operator's key to a
/// safe place: whoever holds it makes deposits.
///
/// # Errors
/// [`ServerError::Exists`] when there is one already, [`ServerError::DirectoryOpen`] when others
/// can enter a directory that was there, [`ServerError::File`].
pub fn init(dir: &Path, listen: SocketAddr) -> Result<CharterFile, ServerError> {
    let names = [SERVER_KEY_FILE, POSTINGS_KEY_FILE, OPERATOR_KEY_FILE, CONFIG_FILE, CHARTER_FILE];
    if names.iter().any(|name| dir.join(name).exists()) {
        return Err(ServerError::Exists(dir.to_owned()));
    }
    private_file::make_dir(dir).map_err(ServerError::file("make", dir))?;
    refuse_open_directory(dir)?;
    let make = |name: &str| {
        let path = dir.join(name);
        let key = SecretKey::generate(&mut rand::rng());
        let text = Zeroizing::new(hex::encode(key.seed()) + "\n");
        private_file::create(&path, text.as_bytes()).map_err(ServerError::file("write", &path))?;
        Ok::<_, ServerError>(key.public())
    };
    let server = make(SERVER_KEY_FILE)?;
    let postings = make(POSTINGS_KEY_FILE)?;
    let operator = make(OPERATOR_KEY_FILE)?;
    let charter = Charter::new(server, operator, postings, EXPIRIES_PER_BATCH);
    // Three keys of 256 random bits are sound and differ.
    let charter = charter.map_err(|_| ServerError::Died("the random number generator"))?;
    let file = CharterFile { address: listen.to_string(), charter };
    let write = |name: &str, text: String| {
        let path = dir.join(name);
        private_file::create(&path, text.as_bytes()).map_err(ServerError::file("write", &path))
    };
    write(CHARTER_FILE, file.to_toml())?;
    write(CONFIG_FILE, Config::template(listen))?;
    Ok(file)
}

/// Refuses a directory that others than its owner can enter.
pub(super) fn refuse_open_directory(dir: &Path) -> Result<(), ServerError> {
    let mode = private_file::open_to_others(dir).map_err(ServerError::file("read", dir))?;
    let open = |mode| Err(ServerError::DirectoryOpen { path: dir.to_owned(), mode });
    mode.map_or(Ok(()), open)
}

/// Reads a key of the server in `dir`.
///
/// # Errors
/// [`ServerError::NoServer`], [`ServerError::KeyReadable`] when others can read the file,
/// [`ServerError::BadKey`], [`ServerError::File`].
pub fn load_key(dir: &Path, name: &str) -> Result<SecretKey, ServerError> {
    let path = dir.join(name);
    if !dir.join(CONFIG_FILE).exists() {
        return Err(ServerError::NoServer(dir.to_owned()));
    }
    let mode = private_file::open_to_others(&path).map_err(ServerError::file("read", &path))?;
    if let Some(mode) = mode {
        return Err(ServerError::KeyReadable { path, mode });
    }
    let text = std::fs::read_to_string(&path).map_err(ServerError::file("read", &path))?;
    let text = Zeroizing::new(text);
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut()).map_err(|_| ServerError::BadKey(path))?;
    Ok(SecretKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn listen() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn a_server_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("server");
        assert!(matches!(load_key(&dir, SERVER_KEY_FILE), Err(ServerError::NoServer(_))));
        let file = init(&dir, listen()).unwrap();
        assert_eq!(load_key(&dir, SERVER_KEY_FILE).unwrap().public(), file.charter.server());
        assert_eq!(load_key(&dir, OPERATOR_KEY_FILE).unwrap().public(), file.charter.operator());
        assert_eq!(load_key(&dir, POSTINGS_KEY_FILE).unwrap().public(), file.charter.postings());
        assert_eq!(Config::load(&dir).unwrap(), Config::new(listen()));
        assert_eq!(CharterFile::load(&dir.join(CHARTER_FILE)).unwrap(), file);
        assert!(matches!(init(&dir, listen()), Err(ServerError::Exists(_))));
        assert_eq!(CharterFile::load(&dir.join(CHARTER_FILE)).unwrap(), file);
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_damaged_is_refused_unseen() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("server");
        init(&dir, listen()).unwrap();
        let path = dir.join(SERVER_KEY_FILE);
        let readable = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(&path, readable).unwrap();
        let error = load_key(&dir, SERVER_KEY_FILE).err().unwrap().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600 "), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "c0ffee").unwrap();
        let error = load_key(&dir, SERVER_KEY_FILE).err().unwrap();
        assert!(matches!(error, ServerError::BadKey(_)));
        assert!(!error.to_string().contains("c0ffee"));
    }
}
