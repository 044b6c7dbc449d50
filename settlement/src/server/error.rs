//! Why a server does not start or run. Always the operator's to mend; clients never cause one.

use std::io;
use std::path::PathBuf;

use crate::bookkeeper::ClockDoubt;
use crate::charter_file::CharterFileError;
use crate::clock::Drifted;
use crate::journal::JournalError;

/// Why a server does not start or run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// `init` over a server that exists.
    #[error(
        "{0} holds a settlement server already; its keys own a ledger, so nothing is overwritten"
    )]
    Exists(PathBuf),
    /// No server there.
    #[error("{0} holds no settlement server: make one with init")]
    NoServer(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others can read a key.
    #[error(
        "{path} can be read by others (mode {mode:03o}), so its key may be known to them; run: \
         chmod 600 {path}"
    )]
    KeyReadable {
        /// The key file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Others can enter the server's directory.
    #[error(
        "{path} can be entered by others (mode {mode:03o}), and it holds secrets; run: \
         chmod 700 {path}"
    )]
    DirectoryOpen {
        /// The server's directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key file holds no key.
    #[error("{0} is not a key: expected 64 hexadecimal digits")]
    BadKey(PathBuf),
    /// A key is not the one that the charter names.
    #[error("{0} is not the key that the charter names: put the right file back")]
    OtherKey(PathBuf),
    /// The configuration is wrong.
    #[error("{path} is wrong: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The charter is wrong.
    #[error(transparent)]
    Charter(#[from] CharterFileError),
    /// Another process serves this directory.
    #[error("{0} is in use: another settlement server runs on it")]
    InUse(PathBuf),
    /// The configuration keeps the journal in a database, which [`Server::open`] does not know.
    ///
    /// [`Server::open`]: super::Server::open
    #[error("{0} keeps its journal in a database: 'gavel settlement run' opens it there")]
    JournalElsewhere(PathBuf),
    /// The journal is damaged, or its disk fails.
    #[error("the journal cannot be used: {0}")]
    Journal(#[from] JournalError),
    /// The clock cannot be believed at a start.
    #[error("{0}; if the clock is right, start once with the clock confirmed")]
    Clock(#[from] ClockDoubt),
    /// The clock was set while the server ran. Nothing was applied with it.
    #[error("the server has ended because of its clock: {0}; start it with the clock confirmed")]
    ClockDrifted(Drifted),
    /// A part of the running server died, by a defect. Started again, it goes on from what is on
    /// the disk.
    #[error("{0} died, so the server has ended: start it again, and report what its log says")]
    Died(&'static str),
    /// The network.
    #[error(transparent)]
    Link(#[from] link::LinkError),
}

impl ServerError {
    /// The `map_err` for a file that could not be read or written.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
