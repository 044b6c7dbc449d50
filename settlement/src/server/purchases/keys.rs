//! The keys of the safe: files of their own in the vault, which no backup holds unless it is
//! asked for.

use std::path::{Path, PathBuf};

use auction::layout::Digest;
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::layout::{Label, Statement};
use crate::purchases::Safe;
use crate::server::error::ServerError;
use crate::server::{files, private_file};

/// The folder in a server's directory.
const FOLDER: &str = "vault";
const PREFIX: &str = "purchases-";
const ENDING: &str = "key";

/// The safe of the server in `dir`, whose keys are there: to audit what it has sealed.
///
/// # Errors
/// [`ServerError::File`], [`ServerError::BadKey`]; nothing where there is no key at all.
pub fn open_safe(dir: &Path) -> Result<Option<Safe>, ServerError> {
    Ok(Safe::new(load(&dir.join(FOLDER))?))
}

/// The safe of the server in `dir`, with a first key made and on the disk where there was none.
/// What was sealed under a key that is lost is lost here; the merchants have those goods keys.
pub(super) fn open_or_make_safe(dir: &Path) -> Result<Safe, ServerError> {
    let folder = dir.join(FOLDER);
    private_file::make_dir(&folder).map_err(ServerError::file("make", &folder))?;
    if let Some(safe) = Safe::new(load(&folder)?) {
        return Ok(safe);
    }
    let mut secret = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(secret.as_mut());
    let path = folder.join(name_of(&secret));
    files::write_whole(&path, secret.as_ref()).map_err(ServerError::file("write", &path))?;
    tracing::info!(path = %path.display(), "a key for the goods keys of purchases was made");
    // There is one.
    Safe::new(vec![secret]).ok_or(ServerError::BadKey(path))
}

/// A name that tells keys apart, so that one that was lost can be put back beside a newer one.
fn name_of(secret: &[u8; 32]) -> String {
    let mut statement = Zeroizing::new(Statement::new(Label::PurchaseKey, &Digest::default()));
    statement.fixed(secret);
    format!("{PREFIX}{}.{ENDING}", hex::encode(&statement.hash().0[..8]))
}

/// All keys, in order of their names.
fn load(folder: &Path) -> Result<Vec<Zeroizing<[u8; 32]>>, ServerError> {
    let unreadable = ServerError::file("read", folder);
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?,
    };
    let is_key = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(PREFIX) && path.extension().is_some_and(|one| one == ENDING)
    };
    let mut paths: Vec<PathBuf> = listed.into_iter().map(|entry| entry.path()).collect();
    paths.retain(is_key);
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).map_err(ServerError::file("read", &path))?;
        let bytes = Zeroizing::new(bytes);
        let secret: Result<[u8; 32], _> = bytes.as_slice().try_into();
        secret.map(Zeroizing::new).map_err(|_| ServerError::BadKey(path))
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goods::GoodsKey;

    #[test]
    fn keys_are_made_once_and_a_lost_one_can_be_put_back() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open_safe(dir.path()).unwrap().is_none());
        let order = Digest([1; 32]);
        let key = GoodsKey::from_bytes(&[7; 32]);
        let sealed = open_or_make_safe(dir.path()).unwrap().seal(&order, &key);
        let again = open_or_make_safe(dir.path()).unwrap();
        assert!(again.open(&order, &sealed, &key.hash()).is_ok());
        assert!(open_safe(dir.path()).unwrap().is_some());

        let folder = dir.path().join(FOLDER);
        let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
        assert_eq!(private_file::open_to_others(&file).unwrap(), None);
        let kept = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let newer = open_or_make_safe(dir.path()).unwrap();
        assert!(newer.open(&order, &sealed, &key.hash()).is_err());
        std::fs::write(&file, kept).unwrap();
        let both = open_or_make_safe(dir.path()).unwrap();
        assert!(both.open(&order, &sealed, &key.hash()).is_ok());
        let later = newer.seal(&order, &key);
        assert!(both.open(&order, &later, &key.hash()).is_ok());
        std::fs::write(&file, b"short").unwrap();
        assert!(matches!(open_safe(dir.path()), Err(ServerError::BadKey(_))));
    }
}
