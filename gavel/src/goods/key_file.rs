//! Files with a goods key: 64 hexadecimal digits, for their owner alone.

use std::path::Path;

use settlement::goods::GoodsKey;

use crate::exit::Failure;
use crate::private_file;

/// Reads a key file that nobody else may read.
pub(crate) fn load(path: &Path) -> Result<GoodsKey, Failure> {
    let bytes = private_file::load_secret(path).map_err(|failure| match failure {
        Failure::NotAKey { path } => Failure::usage(
            format!("{path} is no goods key file: expected 64 hexadecimal digits"),
            "name the file that 'gavel goods seal' wrote beside the goods",
        ),
        failure => failure,
    })?;
    private_file::check_private(path)?;
    Ok(GoodsKey::from_bytes(&bytes))
}

/// Makes a file with a fresh key; a key that exists is never lost to another one.
pub(super) fn create(path: &Path) -> Result<GoodsKey, Failure> {
    let key = GoodsKey::generate(&mut rand::rng());
    private_file::store_secret(path, key.expose()).map_err(|failure| match failure {
        Failure::File { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Failure::usage(
                format!("{} exists already: every sealing has its own key", path.display()),
                "name another file with --key",
            )
        }
        failure => failure,
    })?;
    Ok(key)
}
