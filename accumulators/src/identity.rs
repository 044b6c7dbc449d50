//! A node's directory and its identity key.

use std::net::SocketAddr;
use std::path::Path;

use auction::keys::{PublicKey, SecretKey};
use zeroize::Zeroizing;

use crate::config::{CONFIG_FILE, Config};
use crate::error::NodeError;
use crate::private_file;

/// The name of the key file in a node's directory: the 32-byte seed as hexadecimal digits.
pub const IDENTITY_FILE: &str = "identity.key";

/// Makes a node in `dir`: the directory (mode 0700), a fresh identity (0600) and a
/// configuration that listens at `listen`. Returns the identity's public half, which committees
/// and specs name.
///
/// # Errors
/// [`NodeError::Exists`] when there is one already, [`NodeError::DirectoryOpen`] when others can
/// enter a directory that was there, [`NodeError::File`].
pub fn init(dir: &Path, listen: SocketAddr) -> Result<PublicKey, NodeError> {
    let (identity, config) = (dir.join(IDENTITY_FILE), dir.join(CONFIG_FILE));
    if identity.exists() || config.exists() {
        return Err(NodeError::Exists(dir.to_owned()));
    }
    private_file::make_dir(dir).map_err(NodeError::file("make", dir))?;
    refuse_open_directory(dir)?;
    let key = SecretKey::generate(&mut rand::rng());
    let text = Zeroizing::new(hex::encode(key.seed()) + "\n");
    private_file::create(&identity, text.as_bytes())
        .map_err(NodeError::file("write", &identity))?;
    private_file::create(&config, Config::template(listen).as_bytes())
        .map_err(NodeError::file("write", &config))?;
    Ok(key.public())
}

/// Refuses a directory that others than its owner can enter.
pub(crate) fn refuse_open_directory(dir: &Path) -> Result<(), NodeError> {
    let mode = private_file::open_to_others(dir).map_err(NodeError::file("read", dir))?;
    let open = |mode| Err(NodeError::DirectoryOpen { path: dir.to_owned(), mode });
    mode.map_or(Ok(()), open)
}

/// Reads the identity of the node in `dir`.
///
/// # Errors
/// [`NodeError::NoNode`], [`NodeError::KeyReadable`] when others can read the key file,
/// [`NodeError::BadKey`], [`NodeError::File`].
pub fn load_identity(dir: &Path) -> Result<SecretKey, NodeError> {
    let path = dir.join(IDENTITY_FILE);
    if !path.exists() {
        return Err(NodeError::NoNode(dir.to_owned()));
    }
    let mode = private_file::open_to_others(&path).map_err(NodeError::file("read", &path))?;
    if let Some(mode) = mode {
        return Err(NodeError::KeyReadable { path, mode });
    }
    let text = std::fs::read_to_string(&path).map_err(NodeError::file("read", &path))?;
    let text = Zeroizing::new(text);
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), seed.as_mut()).map_err(|_| NodeError::BadKey(path))?;
    Ok(SecretKey::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn a_node_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("node");
        assert!(matches!(load_identity(&dir), Err(NodeError::NoNode(_))));
        let key = init(&dir, listen()).unwrap();
        assert_eq!(load_identity(&dir).unwrap().public(), key);
        assert_eq!(Config::load(&dir).unwrap(), Config::new(listen()));
        assert!(matches!(init(&dir, listen()), Err(NodeError::Exists(_))));
        assert_eq!(load_identity(&dir).unwrap().public(), key);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("node");
        init(&node, listen()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&node), mode(&node.join(IDENTITY_FILE))), (0o700, 0o600));
        let readable = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(node.join(IDENTITY_FILE), readable).unwrap();
        let error = load_identity(&node).unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600 "), "{error}");
    }

    #[test]
    fn a_damaged_key_is_refused_without_being_shown() {
        let dir = tempfile::tempdir().unwrap();
        private_file::create(&dir.path().join(IDENTITY_FILE), b"c0ffee").unwrap();
        let error = load_identity(dir.path()).unwrap_err();
        assert!(matches!(error, NodeError::BadKey(_)));
        assert!(!error.to_string().contains("c0ffee"));
    }
}
