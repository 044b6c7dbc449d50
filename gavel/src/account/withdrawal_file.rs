//! The file of a withdrawal: the owner's signed request, on its way to the operator.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use settlement::ledger::{MAX_REQUEST_BYTES, SignedRequest};

use crate::exit::Failure;

/// First line of the file.
const FIRST_LINE: &str = "gavel withdrawal 1";
/// Longest file, in bytes.
const MAX_BYTES: u64 = 2 * MAX_REQUEST_BYTES as u64 + 64;

/// Writes a file that does not exist yet: each file is one withdrawal.
pub(super) fn write(path: &Path, request: &SignedRequest) -> Result<(), Failure> {
    let failed = |source| Failure::file("write", path, source);
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| {
            if source.kind() == std::io::ErrorKind::AlreadyExists {
                let what = format!("{} is there already", path.display());
                Failure::usage(what, "each withdrawal has a file of its own: name another")
            } else {
                failed(source)
            }
        })?;
    let text = format!("{FIRST_LINE}\n{}\n", hex::encode(request.as_bytes()));
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads a file; what it asks for is not verified.
pub(super) fn read(path: &Path) -> Result<SignedRequest, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let bytes = text.strip_prefix(FIRST_LINE).and_then(|rest| hex::decode(rest.trim()).ok());
    bytes.and_then(|bytes| SignedRequest::decode(&bytes).ok()).ok_or_else(|| {
        let what = format!("{} is no withdrawal", path.display());
        Failure::usage(what, "name a file that 'gavel account withdraw --out' wrote")
    })
}
