//! What other commands of this program say, asked as anybody would ask them.

use std::ffi::OsStr;
use std::process::Stdio;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::Command;

use crate::exit::Failure;

/// An answer of a command that checks something.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    /// Whether everything holds.
    pub(crate) holds: bool,
    /// The audit's: one for each currency.
    #[serde(default)]
    pub(crate) currencies: Vec<CurrencySum>,
    /// The judge's: whether all that was owed was shown, too.
    #[serde(default)]
    pub(crate) complete: bool,
}

/// What the accounts of a currency add up to.
#[derive(Debug, Deserialize)]
pub(crate) struct CurrencySum {
    /// Credits less debits, as people write it.
    pub(crate) sum: String,
}

/// Runs a command of this program with `--json` and reads its answer, whatever its exit code.
pub(crate) async fn ask<T: DeserializeOwned>(arguments: &[&OsStr]) -> Result<T, Failure> {
    let failed = |what: String| {
        let command = arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>();
        let what = format!("'gavel {} --json' {what}", command.join(" "));
        Failure::Payment(what, "this is a mistake in the program: report it")
    };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(arguments).arg("--json").stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        failed(format!("said nothing that can be read ({error}): {}", said.trim()))
    })
}
