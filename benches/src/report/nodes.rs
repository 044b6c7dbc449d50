//! The accumulators of a measurement, as processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::machine::{peak_memory, processor_seconds};
use super::node::READY;

/// What an operator allows who expects a crowd.
const SETTINGS: &str = "max_auctions = 2000\nmax_connections = 4096\n\
    max_connections_per_address = 4096\nmax_announcements_per_minute = 1000000\n";
/// How long no bid has come before nodes make the last of their masks, and a second more.
const QUIET: Duration = Duration::from_secs(6);
/// How long nodes are left alone before it is looked whether they still work.
const LOOK: Duration = Duration::from_millis(300);
/// Processor seconds in that time with which a node counts as idle.
const IDLE: f64 = 0.02;

/// Running accumulators; killed when dropped.
pub(crate) struct Nodes {
    processes: Vec<Process>,
    /// Their directories, where these are copies.
    _copies: Option<TempDir>,
}

struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Nodes {
    /// Serves these directories themselves.
    pub(crate) fn start(dirs: &[PathBuf], listen: &[SocketAddr], ahead: u64) -> Self {
        Self { processes: start_all(dirs, listen, ahead, None), _copies: None }
    }

    /// Serves copies of these directories, which stay as they are; on one core, if that is named.
    pub(crate) fn start_copies(
        dirs: &[PathBuf],
        listen: &[SocketAddr],
        ahead: u64,
        core: Option<usize>,
    ) -> Self {
        let folder = dirs.first().and_then(|dir| dir.parent()).expect("a directory to copy");
        let copies = tempfile::tempdir_in(folder).expect("room for copies");
        let copied: Vec<PathBuf> =
            (0..dirs.len()).map(|k| copies.path().join(k.to_string())).collect();
        for (from, to) in dirs.iter().zip(&copied) {
            copy(from, to);
        }
        let processes = start_all(&copied, listen, ahead, core);
        Self { processes, _copies: Some(copies) }
    }

    /// Sets all clocks.
    pub(crate) fn set_clocks(&mut self, ahead: u64) {
        for process in &mut self.processes {
            let input = process.input.as_mut().expect("a running node");
            writeln!(input, "{ahead}").expect("a running node");
        }
    }

    /// Waits until they have nothing left to do: masks of proofs are made ahead of time, the last of
    /// them when no bid has come for five seconds.
    pub(crate) fn settle(&self) {
        sleep(QUIET);
        let all = || self.processes.iter().map(|process| processor_seconds(process.child.id()));
        let mut before: Vec<f64> = all().collect();
        loop {
            sleep(LOOK);
            let now: Vec<f64> = all().collect();
            if now.iter().zip(&before).all(|(now, before)| now - before <= IDLE) {
                return;
            }
            before = now;
        }
    }

    /// Processor seconds that they have used.
    pub(crate) fn processor_seconds(&self) -> f64 {
        self.processes.iter().map(|process| processor_seconds(process.child.id())).sum()
    }

    /// Most memory that one of them ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let each = self.processes.iter().map(|process| peak_memory(process.child.id()));
        each.max().unwrap_or(0)
    }

    /// Lets them end by themselves.
    pub(crate) fn stop(mut self) {
        for process in &mut self.processes {
            process.input.take();
        }
        for process in &mut self.processes {
            process.child.wait().expect("a child process");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_all(
    dirs: &[PathBuf],
    listen: &[SocketAddr],
    ahead: u64,
    core: Option<usize>,
) -> Vec<Process> {
    let mut processes = Vec::new();
    for (dir, listen) in dirs.iter().zip(listen) {
        let config = format!("listen = \"{listen}\"\n{SETTINGS}");
        fs::write(dir.join(accumulators::CONFIG_FILE), config).expect("a configuration");
        let program = std::env::current_exe().expect("this program");
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.arg("accumulator").arg(dir).arg(ahead.to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child process");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        processes.push((Process { child, input }, output));
    }
    let ready = |(process, mut output): (Process, BufReader<ChildStdout>)| {
        let mut line = String::new();
        output.read_line(&mut line).expect("the node's word");
        assert_eq!(line.trim(), READY, "an accumulator of the measurement does not start");
        process
    };
    processes.into_iter().map(ready).collect()
}

/// Copies a directory with its modes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("room for copies");
    let mode = fs::metadata(from).expect("a directory to copy").permissions();
    fs::set_permissions(to, mode).expect("a directory of this user");
    for entry in fs::read_dir(from).expect("a directory to copy") {
        let entry = entry.expect("a directory to copy");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file's type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("room for copies");
        }
    }
}
