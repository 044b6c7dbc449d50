//! A settlement server whose journal is in a PostgreSQL database, through commands alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, dead_code, reason = "a server that other tests share")]

mod command;
#[path = "../../journal-postgres/tests/postgres/server.rs"]
mod server;

use std::path::Path;

use command::processes::Process;
use command::{gavel, json_of, said, text_of};
use settlement::server::OPERATOR_KEY_FILE;

const OWNER: &str = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";

/// Runs a command that must do what it is asked.
fn done(arguments: &[&str]) -> serde_json::Value {
    let output = gavel(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
    json_of(&output)
}

/// Runs a command that must fail; what it says.
fn refused(arguments: &[&str]) -> String {
    let output = gavel(arguments);
    assert!(!output.status.success(), "{arguments:?}");
    // Words, wherever the lines break.
    said(&output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lets money in at the server of a directory, with the operator's key of that or another.
fn pay_in((dir, keys): (&Path, &Path), charter: &str, reference: &str) {
    let key = keys.join(OPERATOR_KEY_FILE);
    let key = key.to_str().unwrap();
    let shown = gavel(&["settlement", "show", "--dir", dir.to_str().unwrap()]);
    std::fs::write(charter, text_of(&shown)).unwrap();
    let words = ["account", "deposit", "--json", "--charter", charter, "--operator-key", key];
    let what = ["--to", OWNER, "--amount", "10.00 EUR", "--reference", reference];
    done(&[&words[..], &what[..]].concat());
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_server_on_a_database_is_made_run_audited_backed_up_and_restored() {
    let postgres = server::Postgres::start();
    // As an operator would: an empty database.
    for name in ["pay", "away"] {
        postgres.sql("postgres", &format!("CREATE DATABASE {name}"));
    }
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (dir, charter, url) = (path("pay"), path("charter.toml"), postgres.url("pay"));
    let listen = ["--listen", "127.0.0.1:0"];
    let init = |dir: &str, url: &str| {
        let words = ["settlement", "init", "--dir", dir, "--journal", url, "--json"];
        gavel(&[&words[..], &listen[..]].concat())
    };
    // A password in the URL is refused and stands nowhere; so is a database that is not there.
    let secret = init(&dir, "postgres://gavel:hunter2@localhost/pay");
    assert_eq!(secret.status.code(), Some(2));
    assert!(!said(&secret).contains("hunter2") && said(&secret).contains("PGPASSFILE"));
    assert_eq!(init(&dir, &postgres.url("missing")).status.code(), Some(1));
    assert!(!Path::new(&dir).exists());
    assert_eq!(init(&dir, &url).status.code(), Some(0));

    let running = Process::run("settlement", Path::new(&dir));
    let keys = Path::new(&dir);
    pay_in((keys, keys), &charter, "one");
    // A copy of the directory is another server, and the lease is this one's.
    let twin = path("twin");
    std::fs::create_dir(&twin).unwrap();
    for file in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), Path::new(&twin).join(file.file_name())).unwrap();
        }
    }
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&twin, open).unwrap();
    let said = refused(&["settlement", "run", "--dir", &twin]);
    assert!(said.contains("has this journal's lease until") && said.contains("--take-lease"));
    let backup = path("backup");
    let copied = done(&["settlement", "backup", "--dir", &dir, "--to", &backup, "--json"]);
    assert_eq!((copied["entries"].as_u64(), copied["audited"].as_bool()), (Some(1), Some(true)));
    running.kill();

    // Killed, it has let go of nothing: its lease is taken by the operator's word.
    let words = ["settlement", "run", "--dir", &twin, "--take-lease", "--while-stdin", "--json"];
    let taken = gavel(&words);
    assert_eq!(taken.status.code(), Some(0), "{}", command::said(&taken));
    let running = Process::run("settlement", Path::new(&twin));
    pay_in((Path::new(&twin), keys), &charter, "two");
    let audited = done(&["settlement", "audit", "--dir", &twin, "--json"]);
    assert_eq!((&audited["holds"], &audited["entries"]), (&true.into(), &2.into()));
    let words = ["settlement", "audit", "--journal", &url, "--charter", &charter, "--json"];
    assert_eq!(done(&words)["root"], audited["root"]);
    drop(running);

    // The copy is files, and its settings say so.
    let audited = done(&["settlement", "audit", "--dir", &backup, "--json"]);
    assert_eq!(audited["entries"], 1);
    let home = path("home");
    let restore = ["settlement", "restore", "--from", &backup, "--dir"];
    let said = refused(&[&restore[..], &[&home, "--journal", &url]].concat());
    assert!(said.contains("holds a journal already"), "{said}");
    let away = postgres.url("away");
    let fresh = path("fresh");
    done(&[&restore[..], &[&fresh, "--journal", &away, "--json"]].concat());
    let audited = done(&["settlement", "audit", "--dir", &fresh, "--json"]);
    assert_eq!((&audited["entries"], &audited["epoch"]), (&1.into(), &1.into()));
    let running = Process::run("settlement", Path::new(&fresh));
    // The operator's key was in no backup.
    pay_in((Path::new(&fresh), keys), &charter, "three");
    drop(running);
    assert!(!Path::new(&fresh).join("journal").exists());
}
