//! Why a node does not start or run. Always the operator's to mend; peers never cause one.

use std::io;
use std::path::PathBuf;

use crate::store::StoreError;

/// Why a node does not start or run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// `init` over a node that exists.
    #[error("{0} holds an accumulator already; its key is its identity, so it is not overwritten")]
    Exists(PathBuf),
    /// No node there.
    #[error("{0} holds no accumulator: make one with init")]
    NoNode(PathBuf),
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
    /// Others can read the identity.
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
    /// Others can enter the node's directory.
    #[error(
        "{path} can be entered by others (mode {mode:03o}), and it holds secrets; run: \
         chmod 700 {path}"
    )]
    DirectoryOpen {
        /// The node's directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A part of the running node died, by a defect. Started again, the node goes on from what is
    /// on the disk.
    #[error("{0} died, so the node has ended: start it again, and report what its log says")]
    Died(&'static str),
    /// The key file holds no key.
    #[error("{0} is not an identity: expected 64 hexadecimal digits")]
    BadKey(PathBuf),
    /// The configuration is wrong.
    #[error("{path} is wrong: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process serves this directory.
    #[error("{0} is in use: another accumulator process runs on it")]
    InUse(PathBuf),
    /// The store is damaged or the disk fails.
    #[error("the store of {path} cannot be used: {source}")]
    Store {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
    /// The network.
    #[error(transparent)]
    Link(#[from] link::LinkError),
}

impl NodeError {
    /// The `map_err` for a file that could not be read or written.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
