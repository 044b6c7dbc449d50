//! Files of evidence: written under names that say what they are about. SETTLEMENT, section
//! "Evidence".

use std::path::{Path, PathBuf};

use auction::evidence::Evidence;
use auction::transcript::TranscriptError;

use crate::exit::Failure;

/// Ending of the files.
pub(crate) const ENDING: &str = "evidence";

/// Writes evidence into `dir`, under this name. What is there under that name already is the same.
pub(crate) fn write(dir: &Path, name: &str, evidence: &impl Evidence) -> Result<PathBuf, Failure> {
    let path = dir.join(format!("{name}.{ENDING}"));
    write_to(&path, evidence)?;
    Ok(path)
}

/// Writes evidence to a file.
pub(crate) fn write_to(path: &Path, evidence: &impl Evidence) -> Result<(), Failure> {
    let bytes = evidence.to_file().map_err(TranscriptError::Wire)?;
    crate::auctions::export::write(path, &bytes)
}
