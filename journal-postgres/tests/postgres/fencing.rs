//! Two writers: the one before is fenced out, and nothing that it wrote afterwards stands.

use std::io::ErrorKind;
use std::time::Duration;

use journal_postgres::{Database, Taking, Times};
use settlement::journal::Storage as _;

use crate::load;
use crate::server::Postgres;

/// A lease that runs out while one waits for it.
const SHORT: Times = Times {
    lease: Duration::from_millis(600),
    answer: Duration::from_secs(10),
    resolve: Duration::from_secs(20),
};

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_server_that_lost_its_lease_amid_a_load_tells_nobody_that_anything_stands() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let load::Amid { running, answers, gate } =
        load::amid(&server, &name, load::take(&target, Taking::IfFree));
    // Some are through; then another takes over.
    let second = load::take(&target, Taking::FromAnybody);
    drop(gate);
    let rows = server.sql(&name, "SELECT count(*) FROM gavel.journal");
    let known = load::acknowledged(answers);
    assert!(known.len() < usize::try_from(load::PAYMENTS).unwrap(), "all were through before");
    let error = running.stop().err().flatten().unwrap().to_string();
    assert!(error.contains("taken this journal's lease"), "{error}");
    // Nothing of the first one came after the second one took over.
    assert_eq!(server.sql(&name, "SELECT count(*) FROM gavel.journal"), rows);
    let of_others = "SELECT count(*) FROM gavel.journal WHERE fencing <> 1";
    assert_eq!(server.sql(&name, of_others), ["0"]);
    load::verify(&server, second, &known);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_fresh_lease_is_refused_says_whose_it_is_and_runs_out_by_itself() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let first = Database::open_with(&target, Taking::IfFree, SHORT).unwrap();
    let error = Database::open(&target, Taking::IfFree).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let said = error.to_string();
    let process = format!("process {}", std::process::id());
    assert!(said.contains(&process) && said.contains("--take-lease"), "{said}");
    // Kept fresh though nothing is written: longer than it would last.
    std::thread::sleep(SHORT.lease * 2);
    assert!(Database::open(&target, Taking::IfFree).is_err());
    // Let go of at an end in order.
    drop(first);
    let second = Database::open_with(&target, Taking::IfFree, SHORT).unwrap();
    // Of a process that died without a word it runs out.
    std::mem::forget(second);
    server.sql(&name, "UPDATE gavel.lease SET until = clock_timestamp() - interval '1 s'");
    let mut third = Database::open(&target, Taking::IfFree).unwrap();
    third.create("a").unwrap();
    third.flush_directory().unwrap();
    assert_eq!(server.sql(&name, "SELECT max(fencing) FROM gavel.journal"), ["3"]);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn an_idle_server_hears_that_it_was_fenced_out() {
    let server = Postgres::start();
    let (_, target) = server.journal();
    let mut first = Database::open_with(&target, Taking::IfFree, SHORT).unwrap();
    first.create("a").unwrap();
    first.flush_directory().unwrap();
    let _second = Database::open(&target, Taking::FromAnybody).unwrap();
    // Until its next renewal.
    while first.sound().is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(first.sound().unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert!(first.write_at("a", 0, b"x").is_err() && first.flush("a").is_err());
    // Nor does it show what may be old.
    assert!(first.read_at("a", 0, &mut [0]).is_ok_and(|read| read == 0));
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn two_who_take_it_at_once_do_not_both_have_it() {
    let server = Postgres::start();
    let (_, target) = server.journal();
    let opened: Vec<_> = std::thread::scope(|scope| {
        let tries: Vec<_> =
            (0..6).map(|_| scope.spawn(|| Database::open(&target, Taking::IfFree))).collect();
        tries.into_iter().map(|opened| opened.join().unwrap()).collect()
    });
    assert_eq!(opened.iter().filter(|opened| opened.is_ok()).count(), 1);
}
