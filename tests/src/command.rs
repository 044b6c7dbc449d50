//! The `gavel` command, as a person or a program runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The command under test: what `GAVEL_UNDER_TEST` names, or built once in the profile and the
/// target directory of the running test.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("GAVEL_UNDER_TEST").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    // TARGET/PROFILE/deps/TEST
    let test = std::env::current_exe().unwrap();
    let profile_dir = test.parent().and_then(Path::parent).unwrap();
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => panic!("{} is no test of cargo", test.display()),
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "gavel", "--profile", profile, "--target-dir"])
        .arg(profile_dir.parent().unwrap())
        .current_dir(workspace)
        .status()
        .unwrap();
    assert!(built.success(), "gavel does not build");
    profile_dir.join(format!("gavel{}", std::env::consts::EXE_SUFFIX))
}

/// What a run of the command left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub said: String,
}

impl Ran {
    /// The same, of a run that did what it was asked.
    ///
    /// # Panics
    /// When it did not.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// The one JSON value on standard output.
    ///
    /// # Panics
    /// When there is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        assert_eq!(self.text.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The command with these words, in a directory that is also its home, away from the settings of
/// whoever runs the tests.
#[must_use]
pub fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(words).current_dir(dir).env("HOME", dir).stdin(Stdio::null());
    for setting in ["GAVEL_COMMITTEE", "GAVEL_WALLET", "GAVEL_LOG", "RUST_LOG"] {
        command.env_remove(setting);
    }
    command
}

/// Runs the command and waits until it ends.
///
/// # Panics
/// When it cannot be run, or says what is not text.
#[must_use]
pub fn gavel(dir: &Path, words: &[&str]) -> Ran {
    let output = command(dir, words).output().unwrap();
    Ran {
        code: output.status.code(),
        text: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}
