//! A settlement server: a directory, and the process that serves it whenever it runs.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use auction::keys::SecretKey;
use settlement::charter_file::CharterFile;
use settlement::config::CONFIG_FILE;
use settlement::server::{OPERATOR_KEY_FILE, init, load_key};

use crate::process::free_address;
use crate::shifted_clock::ShiftedClock;

/// A settlement server on a storage that forgets what was not flushed. Its process is killed when
/// this is dropped.
pub struct SettlementServer {
    program: PathBuf,
    dir: PathBuf,
    clock: PathBuf,
    log: PathBuf,
    file: CharterFile,
    child: Option<Child>,
}

impl SettlementServer {
    /// Makes a server in `folder`. `program` is the binary `settlement_server` of this package;
    /// `more` are lines of its configuration.
    ///
    /// # Panics
    /// When the directory cannot be made.
    #[must_use]
    pub fn init(program: &str, folder: &Path, more: &str) -> Self {
        let (dir, listen) = (folder.join("settlement"), free_address());
        let file = init(&dir, listen).unwrap();
        let config = format!("listen = \"{listen}\"\nsegment_mib = 1\n{more}");
        std::fs::write(dir.join(CONFIG_FILE), config).unwrap();
        let (clock, log) = (folder.join("settlement.clock"), folder.join("settlement.log"));
        Self { program: program.into(), dir, clock, log, file, child: None }
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What its clients are given.
    #[must_use]
    pub fn charter_file(&self) -> &CharterFile {
        &self.file
    }

    /// The key that makes deposits.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn operator(&self) -> SecretKey {
        load_key(&self.dir, OPERATOR_KEY_FILE).unwrap()
    }

    /// Moves its clock on, to so many milliseconds after the system's.
    pub fn shift(&self, ms: u64) {
        ShiftedClock::shift(&self.clock, ms);
    }

    /// Starts a process and waits until it serves.
    ///
    /// # Panics
    /// When one runs already, or it does not come to serve.
    pub fn start(&mut self) {
        let ready = self.begin();
        let mut line = String::new();
        BufReader::new(ready).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), self.file.address, "its log: {}", self.log_tail());
    }

    /// Starts a process; on what this returns a line comes when it serves. It ends with the test,
    /// however that ends, since its input does.
    ///
    /// # Panics
    /// When one runs already, or none can be started.
    pub fn begin(&mut self) -> std::process::ChildStdout {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut child = Command::new(&self.program)
            .args([&self.dir, &self.clock])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let ready = child.stdout.take().unwrap();
        self.child = Some(child);
        ready
    }

    /// Kills its process where it stands (SIGKILL), and waits until it is gone.
    ///
    /// # Panics
    /// When none runs, or it has ended by itself.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself, its log: {}", self.log_tail());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Resident memory of its process in bytes; nothing where the system does not tell.
    ///
    /// # Panics
    /// When none runs.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        crate::process::memory_of(self.child.as_ref().unwrap().id())
    }

    fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for SettlementServer {
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
