//! `gavel goods`: files, encrypted so that they can be sold. SETTLEMENT, section "Goods format".

mod check;
pub(crate) mod key_file;
mod open;
mod seal;
mod watched;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use auction::layout::Digest;
use clap::Subcommand;
use settlement::goods::GoodsError;

use crate::exit::Failure;

/// What to do with goods.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Encrypt a file under a fresh key, to sell it.
    Seal(seal::Arguments),
    /// Decrypt goods with their key.
    Open(open::Arguments),
    /// Check encrypted goods and say what an auction has to name of them.
    Check(check::Arguments),
}

/// Runs the command.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Seal(arguments) => seal::run(arguments).await,
        Command::Open(arguments) => open::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
    }
}

/// A checksum on the command line.
fn checksum(text: &str) -> Result<Digest, &'static str> {
    Digest::from_hex(text)
        .ok_or("expected a checksum: the 64 hexadecimal digits that the auction names")
}

/// A file beside `path`, with a longer name.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("goods")).to_owned();
    name.push(extension);
    path.with_file_name(name)
}

/// Goods that are to be read: a file, and its length in bytes.
fn length_of(path: &Path) -> Result<u64, Failure> {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.map_err(|source| Failure::input("read", path, source))?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(failure(path, GoodsError::NotAFile { path: path.to_owned() }))
}

/// What went wrong with the goods in file `path`.
fn failure(path: &Path, error: GoodsError) -> Failure {
    match error {
        GoodsError::Stopped => Failure::Interrupted,
        GoodsError::File { doing: "read", path, source } => Failure::input("read", &path, source),
        GoodsError::File { doing, path, source } => Failure::file(doing, &path, source),
        GoodsError::Exists { .. } => {
            Failure::usage(error.to_string(), "name another file with --out")
        }
        GoodsError::NotAFile { .. } => {
            Failure::usage(error.to_string(), "name a file; pack a directory into an archive first")
        }
        source => Failure::Goods { path: path.display().to_string(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_goods_and_key_follow_from_the_files() {
        assert_eq!(beside(Path::new("a/vase.pdf"), ".goods"), Path::new("a/vase.pdf.goods"));
        assert_eq!(beside(Path::new("vase"), ".key"), Path::new("vase.key"));
    }
}
