//! Files of every size, and readers that give as little as they like.

use std::io::Read;
use std::ops::ControlFlow;

use settlement::goods::{
    CHUNK_BYTES, GoodsError, check, check_with_key, encrypted_length, measure, open, seal,
    unwatched,
};

use crate::seller::{file, key, sealed};

#[test]
fn files_of_every_size_come_back() {
    let chunk = CHUNK_BYTES;
    let sizes = [0, 1, 15, 16, 17, chunk - 1, chunk, chunk + 1, 2 * chunk, 7 * chunk + 3];
    for length in sizes {
        let (file, key) = (file(length), key(1));
        let (bytes, goods) = sealed(&file, &key);
        assert_eq!(encrypted_length(length as u64), Some(goods.bytes));
        let mut back = Vec::new();
        open(&bytes[..], &mut back, &key, &goods, &mut unwatched).unwrap();
        assert!(back == file, "{length}");
        check(&bytes[..], &goods, &mut unwatched).unwrap();
        check_with_key(&bytes[..], &key, &goods, &mut unwatched).unwrap();
        assert_eq!(measure(&bytes[..], &mut unwatched).unwrap(), goods);
    }
}

/// Gives at most a few bytes at a time, and is interrupted in between.
struct Hesitant<'a>(&'a [u8], u8);

impl Read for Hesitant<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1.wrapping_add(1);
        if self.1.is_multiple_of(5) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let some = bytes.len().min(1000 + usize::from(self.1));
        self.0.read(&mut bytes[..some])
    }
}

#[test]
fn how_a_reader_cuts_makes_no_difference() {
    let (file, key) = (file(150_000), key(1));
    let mut bytes = Vec::new();
    let (rng, hesitant) = (&mut rand::rng(), Hesitant(&file, 0));
    let goods = seal(hesitant, 150_000, &mut bytes, &key, rng, &mut unwatched).unwrap();
    let mut back = Vec::new();
    open(Hesitant(&bytes, 0), &mut back, &key, &goods, &mut unwatched).unwrap();
    assert!(back == file);
}

#[test]
fn a_file_that_changes_while_it_is_sealed_is_refused() {
    let (file, rng) = (file(100_000), &mut rand::rng());
    let mut seal = |length| seal(&file[..], length, std::io::sink(), &key(1), rng, &mut unwatched);
    assert!(seal(100_000).is_ok());
    assert!(matches!(seal(100_001), Err(GoodsError::FileShrank { length: 100_001 })));
    assert!(matches!(seal(99_999), Err(GoodsError::FileGrew { length: 99_999 })));
    assert!(matches!(seal(1 << 40), Err(GoodsError::TooLong { .. })));
    assert!(matches!(seal(u64::MAX), Err(GoodsError::TooLong { .. })));
}

#[test]
fn progress_counts_to_the_length_and_can_stop() {
    let (file, key) = (file(200_000), key(1));
    let (bytes, goods) = sealed(&file, &key);
    let mut told = Vec::new();
    let mut watch = |done| {
        told.push(done);
        ControlFlow::Continue(())
    };
    check(&bytes[..], &goods, &mut watch).unwrap();
    assert!(told.is_sorted() && told.len() == 4);
    assert_eq!(told.last(), Some(&goods.bytes));
    let mut out = Vec::new();
    let mut stop = |_| ControlFlow::Break(());
    assert!(matches!(
        open(&bytes[..], &mut out, &key, &goods, &mut stop),
        Err(GoodsError::Stopped)
    ));
    assert_eq!(out.len(), CHUNK_BYTES);
}

/// Fails after so many bytes.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let some = bytes.len().min(self.0);
        self.0 -= some;
        if some == 0 { Err(std::io::Error::other("torn cable")) } else { Ok(some) }
    }
}

impl std::io::Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let some = bytes.len().min(self.0);
        self.0 -= some;
        if some == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(some) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn troubles_of_our_own_are_not_blamed_on_the_goods() {
    let (file, key) = (file(100_000), key(1));
    let (bytes, goods) = sealed(&file, &key);
    let full = open(&bytes[..], Failing(70_000), &key, &goods, &mut unwatched).unwrap_err();
    assert!(matches!(full, GoodsError::Write(_)) && !full.is_fault_of_goods());
    let rng = &mut rand::rng();
    let torn = seal(Failing(70_000), 100_000, Failing(1_000_000), &key, rng, &mut unwatched);
    let torn = torn.unwrap_err();
    assert!(matches!(torn, GoodsError::Read(_)) && !torn.is_fault_of_goods());
    let torn = check(bytes[..90_000].chain(Failing(0)), &goods, &mut unwatched).unwrap_err();
    assert!(matches!(torn, GoodsError::Read(_)), "{torn}");
}
