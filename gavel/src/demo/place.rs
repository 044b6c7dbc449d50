//! Where the demonstration keeps its files.

use std::path::{Path, PathBuf};

use auction::layout::Digest;
use tempfile::TempDir;

use crate::exit::Failure;

/// Digits of the auction id in the name of a transcript.
const SHORT: usize = 8;

/// The directory of a demonstration, removed when this is dropped unless it is kept.
pub(crate) struct Place {
    dir: Dir,
    transcript: Option<PathBuf>,
}

enum Dir {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Place {
    /// Makes the directory. One that is kept must be empty, so that nothing is overwritten.
    pub(crate) fn new(keep: Option<&Path>, transcript: Option<&Path>) -> Result<Self, Failure> {
        let dir = match keep {
            Some(dir) => Dir::Kept(empty(dir)?),
            None => {
                let temporary = tempfile::Builder::new().prefix("gavel-").tempdir();
                let parent = std::env::temp_dir();
                Dir::Temporary(
                    temporary
                        .map_err(|source| Failure::file("make a directory in", &parent, source))?,
                )
            }
        };
        Ok(Self { dir, transcript: transcript.map(Path::to_owned) })
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &Path {
        match &self.dir {
            Dir::Kept(dir) => dir,
            Dir::Temporary(dir) => dir.path(),
        }
    }

    /// Where the transcript of an auction is written. It stays.
    pub(crate) fn transcript(&self, auction: &Digest) -> PathBuf {
        match (&self.transcript, &self.dir) {
            (Some(path), _) => path.clone(),
            (None, Dir::Kept(dir)) => dir.join("transcript.gavel"),
            (None, Dir::Temporary(_)) => {
                let short: String = auction.to_string().chars().take(SHORT).collect();
                std::env::temp_dir().join(format!("gavel-{short}.transcript"))
            }
        }
    }
}

fn empty(dir: &Path) -> Result<PathBuf, Failure> {
    let failed = |source| Failure::file("make directory", dir, source);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    // The accumulators' keys are in it.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        let what = format!("{} is not empty", dir.display());
        return Err(Failure::usage(what, "name a new directory: --keep DIR"));
    }
    Ok(dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_place_goes_and_its_transcript_stays() {
        let place = Place::new(None, None).unwrap();
        let (dir, transcript) = (place.dir().to_owned(), place.transcript(&Digest([0xab; 32])));
        assert!(dir.is_dir());
        assert!(!transcript.starts_with(&dir));
        assert!(transcript.ends_with("gavel-abababab.transcript"));
        drop(place);
        assert!(!dir.exists());
    }

    #[test]
    fn a_kept_place_is_new_or_empty() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let place = Place::new(Some(&dir), None).unwrap();
        let transcript = place.transcript(&Digest::default());
        assert_eq!(transcript, dir.join("transcript.gavel"));
        drop(place);
        std::fs::write(&transcript, "").unwrap();
        assert!(matches!(Place::new(Some(&dir), None), Err(Failure::Usage { .. })));
        let named = Place::new(Some(&parent.path().join("c")), Some(Path::new("t"))).unwrap();
        assert_eq!(named.transcript(&Digest::default()), Path::new("t"));
    }
}
