//! One accumulator: a directory, and the process that serves it whenever it runs.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use auction::keys::SecretKey;
use auction::spec::Member;
use rand::RngExt as _;
use serde_json::Value;

use crate::command::command;

/// Ports that no socket gets by chance, as those of the operating system's choice do: nobody
/// takes the place of a node that does not run at the moment.
const PORTS: std::ops::Range<u16> = 10_000..30_000;

/// An accumulator. Its process is killed when this is dropped.
pub struct Accumulator {
    dir: PathBuf,
    log: PathBuf,
    level: &'static str,
    member: Member,
    child: Option<Child>,
}

impl Accumulator {
    /// Makes the directory `name` in `folder`, and the log `name.log` beside it. `level` is what
    /// is logged.
    ///
    /// # Panics
    /// When the directory cannot be made.
    #[must_use]
    pub fn init(folder: &Path, name: &str, level: &'static str) -> Self {
        let (dir, address) = (folder.join(name), free_address());
        let key = accumulators::init(&dir, address).unwrap();
        let member = Member { key, address: address.to_string() };
        Self { dir, log: folder.join(format!("{name}.log")), level, member, child: None }
    }

    /// Its key and address.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its words go, those of all its processes one after the other.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its identity.
    ///
    /// # Panics
    /// When its key file cannot be read.
    #[must_use]
    pub fn identity(&self) -> SecretKey {
        accumulators::load_identity(&self.dir).unwrap()
    }

    /// The id of its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Starts a process. It ends with the test, however that ends, since its input does.
    ///
    /// # Panics
    /// When one runs already, or cannot be started.
    pub fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.dir.display());
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = command(&self.dir, &["accumulator", "run", "--json", "--while-stdin"])
            .arg("--dir")
            .arg(&self.dir)
            .env("GAVEL_LOG", self.level)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        self.child = Some(child);
        let ready: Value = serde_json::from_str(&ready)
            .unwrap_or_else(|error| panic!("{error}: '{ready}', its log: {}", self.log_tail()));
        assert_eq!(ready["key"], self.member.key.to_string());
    }

    /// Kills its process where it stands, frozen or not (SIGKILL), and waits until it is gone.
    ///
    /// # Panics
    /// When none runs.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Kills its process and starts another.
    ///
    /// # Panics
    /// As [`Accumulator::kill`] and [`Accumulator::start`].
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Keeps its process from running (SIGSTOP).
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets its process run again (SIGCONT).
    ///
    /// # Panics
    /// When it does not run.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Whether its process still runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Resident memory of its process in bytes; nothing where the system does not tell.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        memory_of(self.pid())
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Accumulator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the log of {} ends:\n{}", self.dir.display(), self.log_tail());
        }
    }
}

/// Resident memory of a process in bytes; nothing where the system does not tell.
pub(crate) fn memory_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// An address on this machine that nobody uses.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_address() -> SocketAddr {
    let mut rng = rand::rng();
    let candidates = (0..1000).map(|_| SocketAddr::from(([127, 0, 0, 1], rng.random_range(PORTS))));
    candidates.into_iter().find(|address| UdpSocket::bind(address).is_ok()).unwrap()
}
