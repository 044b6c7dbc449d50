//! The real file system: lock, restart, and a backup taken while the journal is held.

use std::os::unix::fs::PermissionsExt as _;

use auction::spec::Time;
use settlement::audit::audit;
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Directory, Options, backup, restore};
use settlement::ledger::Ledger;

use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 4096 };

#[test]
fn a_journal_lives_in_a_directory_through_restarts_backup_and_restore() {
    let place = tempfile::tempdir().unwrap();
    let (home, away, back) =
        (place.path().join("home"), place.path().join("away"), place.path().join("back"));
    let open = |path: &std::path::Path| {
        let storage = Directory::open(path).unwrap();
        Bookkeeper::open(storage, charter(), server(), OPTIONS).unwrap()
    };
    let mut keeper = open(&home).serve_confirmed();
    let _ = keeper.submit(vec![deposit(1, 1, 100).into()], Time(1000)).unwrap();
    let _ = keeper.submit(vec![deposit(2, 2, 100).into()], Time(1000)).unwrap();
    for number in 10..60 {
        let _ = keeper.submit(vec![post(number, 1, 2, 1).into()], Time(1001)).unwrap();
        if number == 40 {
            keeper.snapshot().unwrap();
        }
    }
    keeper.flush().unwrap();
    assert!(Directory::open(&home).is_err(), "two processes hold one journal");
    let mut source = Directory::open_to_read(&home).unwrap();
    let mut target = Directory::open(&away).unwrap();
    let copied = backup(&mut source, &mut target, &charter(), keeper.flushed()).unwrap();
    assert_eq!((copied.batch, copied.audit.requests), (52, 52));
    let state = keeper.release(keeper.look(Ledger::to_bytes)).unwrap();
    drop(keeper);

    let opened = open(&home);
    assert_eq!(opened.ledger().to_bytes(), state);
    drop(opened);
    let restored = Directory::open(&back).unwrap();
    restore(&mut target, restored, &charter(), &server(), OPTIONS).unwrap();
    assert_eq!(open(&back).ledger().to_bytes(), state);
    let report = audit(&mut Directory::open_to_read(&back).unwrap(), &charter(), &[]).unwrap();
    assert_eq!((report.epoch, report.state), (1, copied.audit.state));

    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&home.join("segment-0000000001")), 0o600);
}
