//! The journal's recovery suite on a database: the process dies at a call, and what is read back
//! is a prefix of the history that holds everything acknowledged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use journal_postgres::{Database, Taking, Target};
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{Directory, JournalError, Options};
use settlement::ledger::Window;

use crate::guarded::Guarded;
use crate::people::*;
use crate::server::Postgres;
use crate::work::Work;

const OPTIONS: Options = Options { segment_bytes: 2048 };

/// A database, which outlives processes, and a directory for each one's index.
struct Place {
    server: Postgres,
    name: String,
    target: Target,
    indices: tempfile::TempDir,
    starts: AtomicU64,
}

impl Place {
    fn new() -> Self {
        let server = Postgres::start();
        let (name, target) = server.journal();
        let indices = tempfile::tempdir().unwrap();
        Self { server, name, target, indices, starts: AtomicU64::new(0) }
    }

    /// As if nothing had ever been in it.
    fn clear(&self) {
        self.server.sql(&self.name, "DROP SCHEMA gavel CASCADE");
        Database::make(&self.target).unwrap();
    }

    /// Starts a process that dies at its call of that number. Its index is lost with it.
    fn open(
        &self,
        dies: u64,
        calls: &Arc<AtomicU64>,
    ) -> Result<Opened<Guarded<Database>>, JournalError> {
        let inner = Database::open(&self.target, Taking::IfFree).unwrap();
        // It and all later calls do nothing.
        let calls = Arc::clone(calls);
        let storage =
            Guarded::new(inner, move |_| match calls.fetch_add(1, Ordering::SeqCst) + 1 >= dies {
                true => Err(io::Error::other("dead")),
                false => Ok(()),
            });
        let index =
            self.indices.path().join(self.starts.fetch_add(1, Ordering::SeqCst).to_string());
        let files = Directory::open(&index).unwrap();
        let window = Window { least: 4, leave: 2 };
        Bookkeeper::open_with(storage, Box::new(files), charter(), server(), OPTIONS, window)
    }
}

/// Does the work in a process that dies at a call; the last batch acknowledged, and the calls.
fn run(place: &Place, work: &Work, dies: u64, beside: bool) -> (u64, u64) {
    let (calls, mut acknowledged) = (Arc::new(AtomicU64::new(0)), 0);
    let opened = place.open(dies, &calls);
    let check = |_| ();
    let _ = opened.and_then(|opened| {
        if beside {
            work.try_run_beside(opened, &mut acknowledged, check)
        } else {
            work.try_run(opened, &mut acknowledged, check)
        }
    });
    (acknowledged, calls.load(Ordering::SeqCst))
}

fn every_call(beside: bool, step: usize) {
    let (place, work) = (Place::new(), Work::new());
    let (acknowledged, calls) = run(&place, &work, u64::MAX, beside);
    assert_eq!(acknowledged, work.batches.len() as u64);
    for dies in (1..=calls).step_by(step) {
        place.clear();
        let (acknowledged, _) = run(&place, &work, dies, beside);
        let what = format!("dead at call {dies}");
        let opened = place.open(u64::MAX, &Arc::default());
        let opened = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
        work.verify(&opened, acknowledged, &what);
        work.verify_ids(opened, &what);
        if !beside {
            // And it goes on to the end from there.
            let (last, _) = run(&place, &work, u64::MAX, false);
            assert_eq!(last.max(acknowledged), work.batches.len() as u64, "{what}");
        }
    }
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_death_at_any_call_loses_nothing_acknowledged() {
    every_call(false, 5);
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn a_death_while_helpers_flush_loses_nothing_acknowledged() {
    every_call(true, 9);
}
