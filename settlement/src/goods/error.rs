//! Why goods were not sealed, opened or found good.

use std::io;
use std::path::PathBuf;

use auction::layout::Digest;
use auction::settlement_terms::MAX_GOODS_BYTES;

/// Why goods were not sealed, opened or found good. [`GoodsError::is_fault_of_goods`] tells
/// goods that are not what was promised from troubles of our own.
#[derive(Debug, thiserror::Error)]
pub enum GoodsError {
    /// Reading failed.
    #[error("reading failed: {0}")]
    Read(#[source] io::Error),
    /// Writing failed.
    #[error("writing failed: {0}")]
    Write(#[source] io::Error),
    /// Something else failed with a file.
    #[error("cannot {doing} {}: {source}", .path.display())]
    File {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is in the way.
    #[error("{} exists already and is not overwritten", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A directory, pipe or device in place of a file.
    #[error("{} is not a file with a length", .path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The watcher stopped it.
    #[error("stopped before the end")]
    Stopped,
    /// The file is too long to be goods.
    #[error(
        "the file is too long: got {length} bytes, expected at most {MAX_GOODS_BYTES} once encrypted"
    )]
    TooLong {
        /// Bytes of the file.
        length: u64,
    },
    /// The file that was to be sealed has fewer bytes than was said.
    #[error("the file got shorter than {length} bytes while it was being sealed")]
    FileShrank {
        /// Bytes expected.
        length: u64,
    },
    /// The file that was to be sealed has more bytes than was said.
    #[error("the file got longer than {length} bytes while it was being sealed")]
    FileGrew {
        /// Bytes expected.
        length: u64,
    },
    /// No goods file at all.
    #[error("not encrypted goods: the file does not begin as they do")]
    NotGoods,
    /// Goods of a version that is not known here.
    #[error("the goods have format version {got}, expected 1")]
    Version {
        /// The header's.
        got: u16,
    },
    /// A header with a length that goods cannot have.
    #[error("the header of the goods says a file of {got} bytes, more than goods may have")]
    TooLongByHeader {
        /// The header's.
        got: u64,
    },
    /// A header that no sealing makes.
    #[error("the header of the goods has chunks of {got} bytes, expected 65536")]
    ChunkBytes {
        /// The header's.
        got: u32,
    },
    /// The goods end too early.
    #[error("the goods are cut off: expected at least {expected} bytes")]
    CutOff {
        /// Length by the header, or the least there is where even that is not whole.
        expected: u64,
    },
    /// Something follows the last chunk.
    #[error("the goods go on after their end: expected {expected} bytes")]
    GoesOn {
        /// Length by the header.
        expected: u64,
    },
    /// Goods of another length than was promised.
    #[error("the goods have another length: got {got} bytes, expected {expected}")]
    Length {
        /// Length by the header.
        got: u64,
        /// Length promised.
        expected: u64,
    },
    /// Goods under another key than was promised.
    #[error("the goods are sealed under another key: got key hash {got}, expected {expected}")]
    SealedUnderOther {
        /// The header's key hash.
        got: Digest,
        /// The one promised.
        expected: Digest,
    },
    /// The key is not the one of these goods.
    #[error("this key is not the one of these goods: got key hash {got}, expected {expected}")]
    WrongKey {
        /// The hash of the key at hand.
        got: Digest,
        /// The one promised.
        expected: Digest,
    },
    /// A chunk that its tag refuses.
    #[error("the goods are damaged or were not made under their key: chunk {chunk} does not open")]
    Damaged {
        /// Its number, from 0.
        chunk: u32,
    },
    /// Other goods than were promised.
    #[error("these are not the goods that were promised: got checksum {got}, expected {expected}")]
    Checksum {
        /// Of what was read.
        got: Digest,
        /// The one promised.
        expected: Digest,
    },
}

impl GoodsError {
    /// Whether the goods, or the key to them, are not what they should be: the fault of whoever
    /// supplied them, and no reason to try again.
    #[must_use]
    pub fn is_fault_of_goods(&self) -> bool {
        match self {
            Self::NotGoods
            | Self::Version { .. }
            | Self::TooLongByHeader { .. }
            | Self::ChunkBytes { .. }
            | Self::CutOff { .. }
            | Self::GoesOn { .. }
            | Self::Length { .. }
            | Self::SealedUnderOther { .. }
            | Self::WrongKey { .. }
            | Self::Damaged { .. }
            | Self::Checksum { .. } => true,
            Self::Read(_)
            | Self::Write(_)
            | Self::File { .. }
            | Self::Exists { .. }
            | Self::NotAFile { .. }
            | Self::Stopped
            | Self::TooLong { .. }
            | Self::FileShrank { .. }
            | Self::FileGrew { .. } => false,
        }
    }
}
