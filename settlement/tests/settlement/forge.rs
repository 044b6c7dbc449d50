//! What a dishonest server, or a fault that CRCs do not see, can write.

use auction::layout::Digest;
use settlement::journal::Storage as _;
use settlement::layout::{Label, Statement};
use sha2::{Digest as _, Sha256};

use crate::disk::Disk;

const NAME: &str = "segment-0000000001";
const SEGMENT_HEADER: usize = 128;
const HEADER: usize = 136;

/// A bit of the request's signature is altered, and everything around it made to fit.
pub fn with_altered_signature(disk: &Disk) -> Disk {
    // The entry ends with the request's second-signature flag and the code.
    forge(disk, true, |record| record[record.len() - 2 - 10] ^= 1)
}

/// The request is said to have been refused, and everything around it made to fit.
pub fn with_altered_code(disk: &Disk) -> Disk {
    forge(disk, true, |record| record[record.len() - 1] = 15)
}

/// The request is altered and the CRCs fit, but the chain does not.
pub fn with_broken_chain(disk: &Disk) -> Disk {
    forge(disk, false, |record| record[record.len() - 2 - 10] ^= 1)
}

/// Alters the first record of a journal that holds one batch with one entry of one request.
fn forge(disk: &Disk, fit_chain: bool, alter: impl Fn(&mut [u8])) -> Disk {
    let forged = disk.flushed_alone();
    let mut bytes = forged.bytes(NAME);
    let number =
        |at: usize, record: &[u8]| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
    let body = number(64, &bytes[SEGMENT_HEADER..]) as usize;
    let end = SEGMENT_HEADER + HEADER + body;
    let record = &mut bytes[SEGMENT_HEADER..end];
    alter(record);
    if fit_chain {
        let mut leaf = Sha256::new();
        leaf.update([0]);
        leaf.update(&record[24..32]);
        leaf.update(&record[40..48]);
        leaf.update(&record[HEADER + 4..]);
        let before = Digest(record[72..104].try_into().unwrap());
        let mut chain = Statement::new(Label::Chain, &before);
        chain.u64(1).u64(0);
        for at in [24, 32, 40, 48] {
            chain.u64(number(at, record));
        }
        chain.u64(1).u64(0).fixed(&leaf.finalize());
        record[104..136].copy_from_slice(&chain.hash().0);
    }
    let crc = crc32fast::hash(&record[HEADER..]);
    record[12..16].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&record[12..HEADER]);
    record[8..12].copy_from_slice(&crc.to_le_bytes());
    // Nothing after it: the marks belong to the old chain.
    bytes[end.next_multiple_of(8)..].fill(0);
    forged.clone().write_at(NAME, 0, &bytes).unwrap();
    forged.clone().flush(NAME).unwrap();
    forged
}
