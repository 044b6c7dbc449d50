//! The demonstration's accumulators: each a process of its own, started as a person starts it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use auction::spec::Member;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use crate::exit::Failure;

/// How long an accumulator may take to listen.
const START: Duration = Duration::from_secs(30);
/// How long an accumulator may take to end by itself.
const STOP: Duration = Duration::from_secs(5);
/// Longest ready line of an accumulator, in bytes.
const READY_LINE: u64 = 4096;
/// How much of a dead accumulator's log is shown, in bytes.
const LOG_TAIL: usize = 2000;
/// Where an accumulator's words go, in its directory.
const LOG_FILE: &str = "log";

/// Running accumulators. They end when this is dropped, and also when this process is killed:
/// each watches its standard input, the other end of which is here.
pub(crate) struct Committee {
    processes: Vec<Process>,
    /// Under which keys and addresses they are asked.
    pub(crate) members: Vec<Member>,
}

/// Why an accumulator of the demonstration does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    #[error("cannot start accumulator {number}: {source}")]
    Start { number: usize, source: std::io::Error },
    #[error("accumulator {number} did not listen within {START:?}; its log ends: {log}")]
    Silent { number: usize, log: String },
    #[error("accumulator {number} stopped unexpectedly; its log ends: {log}")]
    Stopped { number: usize, log: String },
    #[error("accumulator {number} began with '{line}', expected its key and address")]
    NotReady { number: usize, line: String },
}

struct Process {
    number: usize,
    child: Child,
    input: Option<ChildStdin>,
    log: PathBuf,
}

/// The line with which `gavel accumulator run --json` begins.
#[derive(Deserialize)]
struct Ready {
    key: String,
    address: String,
}

impl Committee {
    /// Starts `count` accumulators, with their state in directories under `dir`.
    pub(crate) async fn start(dir: &Path, count: usize) -> Result<Self, Failure> {
        let mut processes = Vec::with_capacity(count);
        for number in 1..=count {
            let home = dir.join(format!("accumulator-{number}"));
            accumulators::init(&home, std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
            processes.push(Process::spawn(number, &home)?);
        }
        let mut members = Vec::with_capacity(count);
        for process in &mut processes {
            members.push(process.ready().await?);
        }
        Ok(Self { processes, members })
    }

    /// Their process ids, for people.
    pub(crate) fn pids(&self) -> String {
        let ids = self.processes.iter().filter_map(|process| process.child.id());
        ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Waits until one of them stops, which none should, and says which.
    pub(crate) async fn one_stops(&mut self) -> ProcessError {
        loop {
            for process in &mut self.processes {
                if !matches!(process.child.try_wait(), Ok(None)) {
                    return ProcessError::Stopped {
                        number: process.number,
                        log: process.log_tail(),
                    };
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Asks all to end and waits until they have.
    pub(crate) async fn stop(mut self) {
        for process in &mut self.processes {
            process.input.take();
        }
        for process in &mut self.processes {
            if tokio::time::timeout(STOP, process.child.wait()).await.is_err() {
                tracing::warn!(number = process.number, "accumulator does not end by itself");
                // It may just have ended, which is as good.
                let _ = process.child.kill().await;
            }
        }
    }
}

impl Process {
    fn spawn(number: usize, home: &Path) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start { number, source };
        let log = home.join(LOG_FILE);
        let log_file = std::fs::File::create(&log).map_err(failed)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command
            .args(["accumulator", "run", "--json", "--while-stdin", "--dir"])
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true);
        // A Ctrl-C is for the demonstration, which then ends them in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let input = child.stdin.take();
        Ok(Self { number, child, input, log })
    }

    /// Waits for the line that says key and address.
    async fn ready(&mut self) -> Result<Member, ProcessError> {
        let number = self.number;
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            let mut output = BufReader::new(output.take(READY_LINE));
            match tokio::time::timeout(START, output.read_line(&mut line)).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return Err(ProcessError::Stopped { number, log: self.log_tail() }),
                Err(_) => return Err(ProcessError::Silent { number, log: self.log_tail() }),
            }
        }
        let member = serde_json::from_str::<Ready>(&line).ok().and_then(|ready| {
            let key = auction::keys::PublicKey::from_hex(&ready.key)?;
            Some(Member { key, address: ready.address })
        });
        member.ok_or(ProcessError::NotReady { number, line: line.trim().to_owned() })
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = log.split_at(log.len().saturating_sub(LOG_TAIL)).1;
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}
