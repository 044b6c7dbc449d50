//! A server of the demonstration: a process of its own, started as a person starts it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use auction::keys::PublicKey;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);
/// How long a server may take to end by itself.
const STOP: Duration = Duration::from_secs(5);
/// Longest ready line of a server, in bytes.
const READY_LINE: u64 = 4096;
/// How much of a dead server's log is shown, in bytes.
const LOG_TAIL: usize = 2000;
/// Where a server's words go, in its directory.
const LOG_FILE: &str = "log";

/// Why a server of the demonstration does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("cannot start {name}: {source}")]
    Start { name: String, source: std::io::Error },
    #[error("{name} did not listen within 30 seconds; its log ends: {log}")]
    Silent { name: String, log: String },
    #[error("{name} stopped unexpectedly; its log ends: {log}")]
    Stopped { name: String, log: String },
    #[error("{name} began with '{line}', expected its key and address")]
    NotReady { name: String, line: String },
}

/// A running server. It ends when this is dropped, and also when this process is killed: it
/// watches its standard input, the other end of which is here.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    log: PathBuf,
}

/// Who answers where.
pub(crate) struct Listening {
    pub(crate) key: PublicKey,
    pub(crate) address: String,
}

/// The line with which a server that is run with `--json` begins.
#[derive(Deserialize)]
struct Ready {
    key: String,
    address: String,
}

impl Process {
    /// Starts `gavel KIND run` on a directory that was set up.
    pub(crate) fn spawn(name: String, kind: &str, home: &Path) -> Result<Self, ProcessError> {
        Self::spawn_at(name, kind, "--dir", home)
    }

    /// The same where the directory has another name.
    pub(crate) fn spawn_at(
        name: String,
        kind: &str,
        option: &str,
        home: &Path,
    ) -> Result<Self, ProcessError> {
        let log = home.join(LOG_FILE);
        let started = std::fs::File::create(&log).and_then(|log_file| {
            let mut command = Command::new(std::env::current_exe()?);
            command
                .args([kind, "run", "--json", "--while-stdin", option])
                .arg(home)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(log_file)
                .kill_on_drop(true);
            // A Ctrl-C is for the demonstration, which then ends them in order.
            #[cfg(unix)]
            command.process_group(0);
            command.spawn()
        });
        match started {
            Ok(mut child) => Ok(Self { input: child.stdin.take(), name, child, log }),
            Err(source) => Err(ProcessError::Start { name, source }),
        }
    }

    /// Waits for the line that says key and address.
    pub(crate) async fn ready(&mut self) -> Result<Listening, ProcessError> {
        let name = || self.name.clone();
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            let mut output = BufReader::new(output.take(READY_LINE));
            match tokio::time::timeout(START, output.read_line(&mut line)).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return Err(ProcessError::Stopped { name: name(), log: self.log_tail() }),
                Err(_) => return Err(ProcessError::Silent { name: name(), log: self.log_tail() }),
            }
        }
        let listening = serde_json::from_str::<Ready>(&line).ok().and_then(|ready| {
            Some(Listening { key: PublicKey::from_hex(&ready.key)?, address: ready.address })
        });
        listening.ok_or(ProcessError::NotReady { name: name(), line: line.trim().to_owned() })
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Why it does not run any more, if so.
    pub(crate) fn stopped(&mut self) -> Option<ProcessError> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => {
                Some(ProcessError::Stopped { name: self.name.clone(), log: self.log_tail() })
            }
        }
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        self.input.take();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) {
        if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
            tracing::warn!(name = self.name, "does not end by itself");
            // It may just have ended, which is as good.
            let _ = self.child.kill().await;
        }
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = log.split_at(log.len().saturating_sub(LOG_TAIL)).1;
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}
