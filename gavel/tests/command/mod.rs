//! Running the `gavel` command.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub(crate) mod folder;
pub(crate) mod processes;

use std::process::{Command, Output};

/// Runs `gavel` with these arguments, away from the settings of whoever runs the tests.
pub(crate) fn gavel(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(arguments).env_remove("GAVEL_COMMITTEE").env_remove("GAVEL_WALLET");
    command.env_remove("GAVEL_LOG").env_remove("GAVEL_CHARTER").env_remove("GAVEL_ACCOUNT");
    command.env_remove("GAVEL_MERCHANT");
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

/// Runs `gavel` with this on its standard input.
pub(crate) fn gavel_with_input(arguments: &[&str], input: &str) -> Output {
    let (_dir, path) = file("input", input);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(arguments).env_remove("GAVEL_COMMITTEE").env_remove("GAVEL_WALLET");
    command.env_remove("GAVEL_CHARTER").env_remove("GAVEL_ACCOUNT");
    command.stdin(std::fs::File::open(path).unwrap()).output().unwrap()
}

/// The one JSON value on standard output.
pub(crate) fn json_of(output: &Output) -> serde_json::Value {
    let text = text_of(output);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error} in standard output:\n{text}\nstandard error:\n{}", said(output))
    })
}

/// Standard output.
pub(crate) fn text_of(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A file in a directory that goes when the first part is dropped.
pub(crate) fn file(name: &str, content: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}
