//! The winner's delivery secret in a file of its own: what a judge needs to open the sealed key
//! himself. It opens what was sealed in this one auction, and signs nothing.

use std::path::Path;

use settlement::sealed_key::OpeningKey;

use crate::exit::Failure;
use crate::private_file::{load_secret, store_secret};

/// Writes it for its owner alone.
pub(crate) fn write(path: &Path, key: &OpeningKey) -> Result<(), Failure> {
    store_secret(path, &key.to_bytes())
}

/// Reads it back.
pub(crate) fn load(path: &Path) -> Result<OpeningKey, Failure> {
    Ok(OpeningKey::from_bytes(&*load_secret(path)?))
}
