//! Somebody's desk: a directory with a committee file, accumulators of others, and nothing but
//! the command.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Ran, command, gavel};
use crate::process::free_address;

/// A desk, and the accumulators as their operators made and started them. All goes when this is
/// dropped.
pub struct Desk {
    running: Vec<Option<Running>>,
    folder: TempDir,
}

/// A process that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Desk {
    /// Makes, shows and starts accumulators, and writes the committee file.
    ///
    /// # Panics
    /// When a command does not do what it should.
    #[must_use]
    pub fn new(accumulators: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Self { running: Vec::new(), folder };
        let file: String = (0..accumulators).map(|k| desk.add(k)).collect();
        std::fs::write(desk.path("committee.toml"), file).unwrap();
        desk
    }

    /// What operator `k` does; his lines for the committee file.
    fn add(&mut self, k: usize) -> String {
        let home = self.home(k);
        std::fs::create_dir(&home).unwrap();
        let listen = free_address().to_string();
        let init = ["accumulator", "init", "--dir", "accumulator", "--listen", &listen];
        let made = gavel(&home, &init).done();
        let show = ["accumulator", "show", "--dir", "accumulator"];
        let shown = gavel(&home, &show).done();
        let key = shown.text.split('"').nth(1).unwrap();
        assert!(made.text.contains(key), "{made:?}");
        assert_eq!(gavel(&home, &init).code, Some(1), "an identity is overwritten");
        let json = gavel(&home, &[&show[..], &["--json"]].concat()).done().json();
        assert_eq!((&json["key"], &json["address"]), (&key.into(), &listen.into()));
        self.running.push(None);
        self.start(k);
        shown.text
    }

    fn home(&self, k: usize) -> PathBuf {
        self.path(&format!("operator-{k}"))
    }

    /// Starts an accumulator.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&mut self, k: usize) {
        self.running[k] = Some(Running(run(&self.home(k))));
    }

    /// Kills an accumulator.
    pub fn stop(&mut self, k: usize) {
        self.running[k] = None;
    }

    /// A file on the desk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command at the desk.
    ///
    /// # Panics
    /// As [`gavel`].
    #[must_use]
    pub fn gavel(&self, words: &[&str]) -> Ran {
        gavel(self.folder.path(), words)
    }

    /// What a command that does what it was asked answers to programs.
    ///
    /// # Panics
    /// When it does not do it.
    #[must_use]
    pub fn json(&self, words: &[&str]) -> Value {
        self.gavel(&[words, &["--json"]].concat()).done().json()
    }

    /// Announces the README's auction; its id.
    ///
    /// # Panics
    /// When it cannot be announced.
    #[must_use]
    pub fn announce(&self) -> String {
        let new = self.gavel(
            &[
                &["auction", "new", "--committee", "committee.toml", "--title", "Blue vase"][..],
                &["--currency", "EUR", "--min", "50", "--tick", "0.50", "--levels", "400"],
                &["--closing", "2h", "--seller-key", "seller.key"],
            ]
            .concat(),
        );
        let new = new.done();
        new.text.split_whitespace().find(|word| word.len() == 64).unwrap().to_owned()
    }

    /// Bids out of a wallet.
    ///
    /// # Panics
    /// When the bid does not count.
    pub fn bid(&self, id: &str, price: &str, wallet: &str) -> Value {
        self.json(&["bid", id, "--price", price, "--yes", "--wallet", wallet])
    }
}

fn run(home: &Path) -> Child {
    let mut child = command(home, &["accumulator", "run", "--dir", "accumulator"])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(home.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("listens on"), "{line}");
    child
}
