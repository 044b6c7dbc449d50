//! Whom to trust with payments: the charter file, and a client of the server that it names.

use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use clap::Args;
use link::{Endpoint, Identity, Limits};
use settlement::charter_file::{CharterFile, CharterFileError};
use settlement::client::{Client, ClientError};
use settlement::service::{MAX_ANSWER, MAX_QUESTION};

use crate::exit::Failure;

/// Which settlement server.
#[derive(Debug, Clone, Args)]
pub(crate) struct CharterArgument {
    /// File that says where the settlement server is and whose word counts: 'gavel settlement
    /// show' prints it, and the operator gives it to everyone.
    #[arg(
        long,
        value_name = "FILE",
        env = "GAVEL_CHARTER",
        default_value = "charter.toml",
        hide_env_values = true
    )]
    pub(crate) charter: PathBuf,
}

impl CharterArgument {
    /// The charter of the file.
    pub(crate) fn load(&self) -> Result<CharterFile, Failure> {
        load(&self.charter)
    }
}

/// Reads a charter file.
pub(crate) fn load(path: &Path) -> Result<CharterFile, Failure> {
    CharterFile::load(path).map_err(|error| match error {
        CharterFileError::Read { path, source } => Failure::input("read", &path, source),
        CharterFileError::Wrong(what) => {
            Failure::Charter { path: path.display().to_string(), what }
        }
    })
}

/// Works with a client that asks in the name of `key`, and takes its leave afterwards, also
/// after a failure.
pub(crate) async fn with_server<T>(
    key: &SecretKey,
    file: &CharterFile,
    work: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let limits = Limits {
        max_question_bytes: MAX_QUESTION,
        max_answer_bytes: MAX_ANSWER,
        ..Limits::default()
    };
    let endpoint = Endpoint::client(&Identity::from_seed(key.seed()), limits)
        .map_err(|error| Failure::from(ClientError::from(error)))?;
    let client = Client::over(endpoint.clone(), file);
    let result = work(&client).await;
    endpoint.close().await;
    result
}

/// Works with a client that asks in nobody's name.
pub(crate) async fn with_server_as_anyone<T>(
    file: &CharterFile,
    work: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    with_server(&SecretKey::generate(&mut rand::rng()), file, work).await
}

/// Waits for an answer of the settlement server, with a spinner.
pub(crate) async fn asking<T>(answer: impl Future<Output = T>) -> T {
    let _waiting = crate::progress::Waiting::new("asking the settlement server");
    answer.await
}
