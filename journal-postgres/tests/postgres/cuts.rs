//! The connection is cut at a commit, before it and after it, and the database dies: what became
//! of it is found out by id.

use journal_postgres::{Database, Taking, Target, Times};
use settlement::journal::Storage as _;
use std::time::Duration;

use crate::load;
use crate::proxy::{Cut, Proxy};
use crate::server::{Postgres, url};

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_commit_whose_connection_is_cut_stands_once() {
    let server = Postgres::start();
    for cut in [Cut::Before, Cut::Answer, Cut::Late] {
        let name = server.database();
        let proxy = Proxy::before(server.socket());
        let target = Target::parse(&url(proxy.socket(), &name)).unwrap();
        let mut storage = Database::open(&target, Taking::IfFree).unwrap();
        for number in 0..4u8 {
            let file = format!("file{number}");
            storage.create(&file).unwrap();
            storage.write_at(&file, 0, &[number + 1; 9]).unwrap();
            if number == 2 {
                proxy.cut_after(0, cut);
            }
            storage.flush(&file).unwrap();
        }
        assert!(proxy.is_done(), "{cut:?}");
        drop(storage);
        let rows =
            server.sql(&name, "SELECT string_agg(seq::text, ',' ORDER BY seq) FROM gavel.journal");
        assert_eq!(rows, ["1,2,3,4"], "{cut:?}");
        assert_eq!(server.sql(&name, "SELECT count(*) FROM gavel.piece"), ["4"], "{cut:?}");
    }
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn payments_go_on_through_cuts_and_nobody_hears_of_them() {
    let server = Postgres::start();
    for (cut, passed) in [(Cut::Before, 3), (Cut::Answer, 5), (Cut::Late, 4)] {
        let name = server.database();
        let proxy = Proxy::before(server.socket());
        let target = Target::parse(&url(proxy.socket(), &name)).unwrap();
        let running = load::start(&server, load::take(&target, Taking::IfFree));
        proxy.cut_after(passed, cut);
        let known = load::acknowledged(load::pay(&running));
        assert!(proxy.is_done(), "{cut:?}");
        assert_eq!(known.len() as u128, load::PAYMENTS, "{cut:?}");
        assert!(running.stop().is_ok(), "{cut:?}");
        load::verify(&server, load::take(&target, Taking::IfFree), &known);
    }
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_database_that_is_killed_amid_a_load_and_comes_back_has_all_that_was_acknowledged() {
    let mut server = Postgres::start();
    let (name, target) = server.journal();
    let load::Amid { running, answers, gate } =
        load::amid(&server, &name, load::take(&target, Taking::IfFree));
    server.kill();
    drop(gate);
    server.go();
    let known = load::acknowledged(answers);
    let stopped = running.stop();
    // It came back soon enough for the writer to find out and go on.
    assert!(stopped.is_ok(), "{:?}", stopped.err());
    drop(stopped);
    assert_eq!(known.len() as u128, load::PAYMENTS);
    load::verify(&server, load::take(&target, Taking::IfFree), &known);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn where_it_cannot_be_found_out_the_journal_stops_and_the_next_start_knows() {
    let mut server = Postgres::start();
    let (name, target) = server.journal();
    let times = Times { resolve: Duration::from_millis(300), ..Times::default() };
    let storage = Database::open_with(&target, Taking::IfFree, times).unwrap();
    let load::Amid { running, answers, gate } = load::amid(&server, &name, storage);
    server.kill();
    drop(gate);
    let known = load::acknowledged(answers);
    assert!((known.len() as u128) < load::PAYMENTS);
    assert!(matches!(running.stop(), Err(Some(_))));
    server.go();
    // It died with the database, and could not let go of its lease.
    assert!(Database::open(&target, Taking::IfFree).is_err());
    load::verify(&server, load::take(&target, Taking::FromAnybody), &known);
}
