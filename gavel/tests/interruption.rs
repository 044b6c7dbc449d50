//! A demonstration that is stopped half-way leaves no process behind.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod command;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use command::file;

/// How often a process is looked for before it is said to stay.
const LOOKS: usize = 200;

/// A demonstration that has more to do than the test takes, with its accumulators' processes.
struct Demonstration {
    child: Child,
    accumulators: Vec<u32>,
    /// Keep the file of bids and the directory for temporary files.
    _bids: tempfile::TempDir,
    temporary: tempfile::TempDir,
}

fn begin() -> Demonstration {
    let rows: String = (1..=5000).map(|row| format!("b{row},{row}\n")).collect();
    let (bids, path) = file("bids.csv", &format!("bidder,price\n{rows}"));
    let temporary = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["demo", "--bids", &path])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("processes"))).unwrap();
    let accumulators = line.split_once("processes ").unwrap().1.split(", ");
    let accumulators: Vec<u32> = accumulators.map(|id| id.trim().parse().unwrap()).collect();
    assert_eq!(accumulators.len(), 3);
    assert!(accumulators.iter().all(|id| runs(*id)));
    Demonstration { child, accumulators, _bids: bids, temporary }
}

fn runs(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Dead but not yet waited for, by whoever inherits it, counts as ended.
    !state.is_empty() && !state.contains(") Z ")
}

fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

fn all_end(accumulators: &[u32]) {
    for _ in 0..LOOKS {
        if !accumulators.iter().any(|id| runs(*id)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("accumulators {accumulators:?} stay");
}

#[test]
fn interrupted_it_ends_its_accumulators_and_removes_its_files() {
    let mut demonstration = begin();
    send("-INT", demonstration.child.id());
    let status = demonstration.child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(!demonstration.accumulators.iter().any(|id| runs(*id)));
    let left: Vec<_> = std::fs::read_dir(demonstration.temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn killed_its_accumulators_end_by_themselves() {
    let mut demonstration = begin();
    send("-KILL", demonstration.child.id());
    demonstration.child.wait().unwrap();
    all_end(&demonstration.accumulators);
    assert!(Path::new("/proc/self").exists(), "no processes can be seen here");
}
