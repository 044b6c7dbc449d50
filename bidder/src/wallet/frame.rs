//! The frame of a file that is written once: which format it is, and that it is whole.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Names a format, its version last.
pub(super) type Magic = [u8; 8];

/// Length of the SHA-256 that ends a file.
const CHECKSUM_BYTES: usize = 32;

/// The file of a body.
pub(super) fn wrap(magic: &Magic, body: &[u8]) -> Zeroizing<Vec<u8>> {
    // Room for everything at once: a buffer that grows leaves copies behind.
    let length = magic.len() + body.len() + CHECKSUM_BYTES;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(body);
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// The body of a file.
pub(super) fn unwrap<'a>(magic: &Magic, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let body = bytes.strip_prefix(magic).ok_or("not of this kind, or of another version")?;
    let end = body.len().checked_sub(CHECKSUM_BYTES).ok_or("it is cut short")?;
    let (body, checksum) = body.split_at(end);
    let whole = Sha256::new().chain_update(magic).chain_update(body).finalize();
    if whole[..] == *checksum { Ok(body) } else { Err("its checksum is wrong".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_with_any_byte_changed_or_missing_is_refused() {
        let bytes = wrap(b"gavelXX\x01", b"body");
        assert_eq!(unwrap(b"gavelXX\x01", &bytes).unwrap(), b"body");
        assert!(unwrap(b"gavelXX\x02", &bytes).is_err());
        for at in 0..bytes.len() {
            let mut altered = bytes.to_vec();
            altered[at] ^= 1;
            assert!(unwrap(b"gavelXX\x01", &altered).is_err(), "byte {at}");
            assert!(unwrap(b"gavelXX\x01", &bytes[..at]).is_err(), "{at} bytes");
        }
    }
}
