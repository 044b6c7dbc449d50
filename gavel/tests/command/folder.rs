//! A folder of everybody's files, and commands in the words of their help.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::{gavel, gavel_with_input, json_of, said, text_of};

/// The folder; it goes when it is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// The words of a command; names after `@` are files of the folder, `~` stands for a blank.
    fn words(&self, line: &str) -> Vec<String> {
        let word = |word: &str| match word.replace('~', " ").strip_prefix('@') {
            Some(name) => self.at(name),
            None => word.replace('~', " "),
        };
        line.split_whitespace().map(word).collect()
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        gavel(&self.words(line).iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Output {
        gavel_with_input(&self.words(line).iter().map(String::as_str).collect::<Vec<_>>(), input)
    }

    /// Runs a command that does what it is asked.
    pub(crate) fn json(&self, line: &str) -> Value {
        self.json_with(line, 0)
    }

    /// Runs a command that ends with this exit code.
    pub(crate) fn json_with(&self, line: &str, code: i32) -> Value {
        let output = self.run(&format!("{line} --json"));
        assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
        json_of(&output)
    }

    /// Writes what `gavel settlement show` says of the server in one folder into the charter file
    /// of all, and of these accounts.
    pub(crate) fn show_charter(&self, server: &str, accounts: &[&str]) {
        let shown = self.run(&format!("settlement show --dir @{server}"));
        assert_eq!(shown.status.code(), Some(0), "{}", said(&shown));
        std::fs::write(self.path("charter.toml"), text_of(&shown)).unwrap();
        for account in accounts.iter().map(|name| self.path(name)).filter(|path| path.exists()) {
            std::fs::write(account.join("charter.toml"), text_of(&shown)).unwrap();
        }
    }

    /// What an account has available, as people write it.
    pub(crate) fn available(&self, name: &str) -> String {
        let balance = self.json(&format!("account balance --account @{name}"));
        balance["available"].as_str().unwrap().to_owned()
    }

    /// Opens an account (`more` follows the command's own words) and lets money in; gives the
    /// owner's key.
    pub(crate) fn account(&self, name: &str, more: &str, amount: &str) -> String {
        let open = format!("account open --account @{name} --charter @charter.toml{more}");
        let owner = self.json(&open)["owner"].as_str().unwrap().to_owned();
        let done = self.json(&deposit(&owner, amount));
        assert_eq!((&done["repeated"], &done["amount"]), (&false.into(), &amount.into()));
        owner
    }
}

/// The operator of the server in `pay` lets money in.
pub(crate) fn deposit(owner: &str, amount: &str) -> String {
    format!(
        "account deposit --operator-key @pay/operator.key --charter @charter.toml --to {owner} \
         --amount {amount}~EUR"
    )
}
