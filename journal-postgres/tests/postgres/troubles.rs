//! A database that is full, read-only, forgetful, or not to be trusted with money.

use std::io::ErrorKind;

use journal_postgres::{Database, Taking, Target};
use settlement::journal::{JournalError, Storage as _};

use crate::load;
use crate::server::Postgres;

/// The database's word that it is full, in place of a full disk.
const FULL: &str = "
    CREATE FUNCTION gavel.no_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON gavel.piece FOR EACH STATEMENT
    EXECUTE FUNCTION gavel.no_room()";

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_full_database_stops_the_journal_and_nothing_is_half_there() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let load::Amid { running, answers, gate } =
        load::amid(&server, &name, load::take(&target, Taking::IfFree));
    server.sql(&name, FULL);
    drop(gate);
    let known = load::acknowledged(answers);
    assert!((known.len() as u128) < load::PAYMENTS);
    let error = running.stop().err().flatten().unwrap();
    let full = |error: &JournalError| {
        matches!(error, JournalError::Disk { kind: ErrorKind::StorageFull, .. })
    };
    assert!(full(&error) && error.to_string().contains("no room"), "{error}");
    server.sql(&name, "DROP TRIGGER no_room ON gavel.piece");
    load::verify(&server, load::take(&target, Taking::FromAnybody), &known);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_database_that_takes_no_writes_is_said_to_be_one() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    storage.create("a").unwrap();
    server
        .sql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE application_name = 'gavel settlement'";
    server.sql("postgres", others);
    let error = storage.flush("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
    assert!(error.to_string().contains("standby"), "{error}");
    let error = Database::open(&target, Taking::FromAnybody).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);
    assert!(Database::open_to_read(&target).is_ok());
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_database_that_has_lost_what_it_acknowledged_is_not_written_any_more() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    for file in ["a", "b"] {
        storage.create(file).unwrap();
        storage.flush_directory().unwrap();
    }
    // As a standby that was behind has it.
    server.sql(&name, "DELETE FROM gavel.journal WHERE seq = 2");
    storage.create("c").unwrap();
    let error = storage.flush_directory().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("lost row 2"), "{error}");
    assert_eq!(server.sql(&name, "SELECT max(seq) FROM gavel.journal"), ["1"]);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn another_writer_s_row_is_never_written_over() {
    let server = Postgres::start();
    let (name, target) = server.journal();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    // Somebody writes by hand, who knows nothing of leases.
    server.sql(
        &name,
        "INSERT INTO gavel.journal (seq, id, fencing) VALUES (1, decode(repeat('07', 16), 'hex'), 1)",
    );
    storage.create("a").unwrap();
    let error = storage.flush_directory().unwrap_err();
    assert!(error.to_string().contains("row 1 is there already"), "{error}");
    assert_eq!(server.sql(&name, "SELECT count(*) FROM gavel.file"), ["0"]);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn what_does_not_keep_what_it_acknowledges_and_what_holds_no_journal_is_refused() {
    let server = Postgres::start();
    let target = Target::parse(&server.url("postgres")).unwrap();
    let error = Database::open(&target, Taking::IfFree).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("init"), "{error}");
    let (name, target) = server.journal();
    // Made, and empty still: that is no harm. With a row it is somebody's journal.
    Database::make(&target).unwrap();
    let mut storage = Database::open(&target, Taking::IfFree).unwrap();
    storage.create("a").unwrap();
    storage.flush_directory().unwrap();
    drop(storage);
    assert_eq!(Database::make(&target).unwrap_err().kind(), ErrorKind::AlreadyExists);
    // Switched off for the database, it is switched on for the session.
    server.sql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    drop(Database::open(&target, Taking::IfFree).unwrap());
    for setting in ["full_page_writes", "fsync"] {
        server.sql("postgres", &format!("ALTER SYSTEM SET {setting} = off"));
        server.sql("postgres", "SELECT pg_reload_conf()");
        // The reload takes its time.
        while server.sql("postgres", &format!("SHOW {setting}")) != ["off"] {
            std::thread::yield_now();
        }
        let error = Database::open(&target, Taking::IfFree).err().unwrap().to_string();
        assert!(error.contains(&format!("{setting} = off")), "{error}");
        server.sql("postgres", &format!("ALTER SYSTEM RESET {setting}"));
        server.sql("postgres", "SELECT pg_reload_conf()");
        while server.sql("postgres", &format!("SHOW {setting}")) != ["on"] {
            std::thread::yield_now();
        }
    }
}
