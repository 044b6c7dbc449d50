//! A file of signed heads, one a line: what a witness keeps, and an audit is held to.

use std::io::Write as _;
use std::path::Path;

use auction::wire::{decode, encode};
use settlement::journal::SignedHead;

use crate::exit::Failure;

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Longest head, in bytes.
const MAX_HEAD_BYTES: usize = 1024;

/// The heads of a file, in its order; their signatures are not verified.
pub(super) fn read(path: &Path) -> Result<Vec<SignedHead>, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        let what = format!("{} is longer than {MAX_BYTES} bytes", path.display());
        return Err(Failure::usage(what, "name a file that 'gavel settlement head' wrote"));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let lines = (1u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let heads = lines.map(|(number, line)| {
        let bytes = hex::decode(line.trim()).ok();
        bytes.and_then(|bytes| decode(&bytes, MAX_HEAD_BYTES).ok()).ok_or_else(|| {
            let what = format!("{}, line {number}: no signed head", path.display());
            Failure::usage(what, "name a file that 'gavel settlement head' wrote")
        })
    });
    heads.collect()
}

/// The line of a head.
pub(super) fn line(head: &SignedHead) -> Result<String, Failure> {
    // Of fixed length, so it always encodes.
    let bytes = encode(head).map_err(|error| Failure::Payment(error.to_string(), "report this"))?;
    Ok(hex::encode(bytes))
}

/// Adds a head; when this returns, it is on the disk.
pub(super) fn append(path: &Path, head: &SignedHead) -> Result<(), Failure> {
    let failed = |source| Failure::file("write", path, source);
    let mut file =
        std::fs::OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
    writeln!(file, "{}", line(head)?).and_then(|()| file.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::Signature;
    use auction::layout::Digest;
    use auction::spec::Time;
    use settlement::journal::Head;

    #[test]
    fn heads_are_read_as_they_were_added_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("heads");
        let head = |size| SignedHead {
            head: Head { epoch: 0, since: 0, size, root: Digest([7; 32]), time: Time(5) },
            signature: Signature([9; 64]),
        };
        append(&path, &head(1)).unwrap();
        append(&path, &head(2)).unwrap();
        assert_eq!(read(&path).unwrap(), [head(1), head(2)]);
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("nonsense\n");
        std::fs::write(&path, text).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 3"));
    }
}
