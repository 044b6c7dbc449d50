//! Audit, backup and restore over a database, also while it is being written.

use journal_postgres::{Database, Taking};
use settlement::audit::audit;
use settlement::journal::{Directory, backup, restore};
use settlement::ledger::Ledger;

use crate::load::{self, OPTIONS};
use crate::people::*;
use crate::server::Postgres;

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_journal_is_audited_backed_up_and_restored_between_database_and_directory() {
    let server_of_rows = Postgres::start();
    let (_, target) = server_of_rows.journal();
    let running = load::start(&server_of_rows, load::take(&target, Taking::IfFree));
    let known = load::acknowledged(load::pay(&running));
    assert_eq!(known.len() as u128, load::PAYMENTS);
    let mut keeper = running.stop().ok().unwrap();
    keeper.snapshot().unwrap();
    let place = tempfile::tempdir().unwrap();
    // While the writer has it.
    let mut source = Database::open_to_read(&target).unwrap();
    let mut copy = Directory::open(place.path()).unwrap();
    let copied = backup(&mut source, &mut copy, &charter(), keeper.flushed()).unwrap();
    assert_eq!(copied.audit.requests as u128, load::PAYMENTS + 2);
    let report = audit(&mut source, &charter(), &[]).unwrap();
    assert_eq!((report.root, report.state), (copied.audit.root, copied.audit.state));
    let state = keeper.release(keeper.look(Ledger::to_bytes)).unwrap();
    drop(keeper);
    assert_eq!(
        load::open(&server_of_rows, load::take(&target, Taking::IfFree)).ledger().to_bytes(),
        state
    );

    // Into another database, which begins another epoch.
    let (_, away) = server_of_rows.journal();
    let taken = load::take(&away, Taking::IfFree);
    restore(&mut copy, taken, &charter(), &server(), OPTIONS).unwrap();
    let report = audit(&mut Database::open_to_read(&away).unwrap(), &charter(), &[]).unwrap();
    assert_eq!((report.epoch, report.requests), (1, copied.audit.requests));
    assert_eq!(
        load::open(&server_of_rows, load::take(&away, Taking::IfFree)).ledger().to_bytes(),
        state
    );
    // Where something is already, nothing is restored to.
    let taken = load::take(&away, Taking::IfFree);
    assert!(restore(&mut copy, taken, &charter(), &server(), OPTIONS).is_err());
}
