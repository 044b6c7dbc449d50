//! Accumulators and a settlement server, each a process of its own. They end with the test,
//! however that ends: their input does.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{gavel, said, text_of};
use serde_json::Value;

/// A running process that ends when its input does.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Process {
    /// Starts `gavel GROUP run` on a directory and waits until it listens.
    pub(crate) fn run(group: &str, dir: &Path) -> Self {
        Self::run_at(group, "--dir", dir)
    }

    /// The same where the directory has another name.
    pub(crate) fn run_at(group: &str, option: &str, dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gavel"))
            .args([group, "run", "--json", "--while-stdin", option])
            .arg(dir)
            .env_remove("GAVEL_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.join("test.log")).unwrap())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let log = std::fs::read_to_string(dir.join("test.log")).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap_or_else(|_| panic!("{log}"));
        assert_eq!(ready["key"].as_str().unwrap().len(), 64);
        Self(child)
    }

    /// Kills it at once, as a power failure does.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
    }
}

/// Makes what `gavel GROUP init` makes, listening on any port of this machine.
pub(crate) fn init(group: &str, dir: &Path) {
    let dir = dir.to_str().unwrap();
    let made = gavel(&[group, "init", "--dir", dir, "--listen", "127.0.0.1:0"]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
}

/// Starts three accumulators and writes the file that names them.
pub(crate) fn committee(dir: &Path) -> (Vec<Process>, PathBuf) {
    let mut lines = String::new();
    let running = (1..=3).map(|number| {
        let node = dir.join(format!("node-{number}"));
        init("accumulator", &node);
        let process = Process::run("accumulator", &node);
        let shown = gavel(&["accumulator", "show", "--dir", node.to_str().unwrap()]);
        lines.push_str(&text_of(&shown));
        process
    });
    let running = running.collect();
    let file = dir.join("committee.toml");
    std::fs::write(&file, lines).unwrap();
    (running, file)
}
