//! The settlement server under load, killed (SIGKILL) at random instants on a storage that loses
//! what was not flushed: every acknowledged transfer is there, every account equals the oracle's,
//! and who sends the same bytes again and again has moved his money once.
#![expect(unreachable_pub, reason = "helpers of one test binary, grouped by file")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bank;
mod oracle;
mod payer;

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use settlement::audit::audit;
use settlement::journal::Directory;
use settlement::server::JOURNAL_DIRECTORY;
use tests::seeds::seeded;
use tests::settlement_server::SettlementServer;
use tokio::task::JoinSet;

use bank::{Bank, PEOPLE};
use oracle::Oracle;
use payer::{Load, pay};

const KILLS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_instants_it_keeps_what_it_acknowledged() {
    let mut rng = seeded("killed_at_random_instants_it_keeps_what_it_acknowledged");
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_settlement_server");
    let mut server = SettlementServer::init(program, folder.path(), "snapshot_every = 100\n");
    server.start();
    let bank = Arc::new(Bank::of(&server));
    bank.fund().await;

    let load = Arc::new(Load::default());
    let mut payers = JoinSet::new();
    for person in 0..PEOPLE {
        let seed = rng.random();
        payers.spawn(pay(person, seed, Arc::clone(&bank), Arc::clone(&load)));
    }
    for kill in 0..KILLS {
        // Some while it reads its journal back, the others under load, each somewhere in the
        // course of a few answers.
        if kill > 0 && rng.random_ratio(1, 5) {
            drop(server.begin());
        } else {
            if kill > 0 {
                server.start();
            }
            load.answers(rng.random_range(0..40)).await;
        }
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..20_000))).await;
        server.kill();
    }
    server.start();
    load.end();
    let mut heard = Vec::new();
    while let Some(ended) = payers.join_next().await {
        heard.push(ended.unwrap());
    }
    let oracle = Oracle::of(&bank, &heard).await;
    oracle.check(&bank, &heard).await;

    // Nothing is waited for: the journal that a last kill leaves is audited from its first byte.
    server.kill();
    let mut storage = Directory::open(&server.dir().join(JOURNAL_DIRECTORY)).unwrap();
    let report = audit(&mut storage, &bank.file.charter, &oracle.heads).unwrap();
    assert!(report.entries >= oracle.decided);
    assert_eq!(report.lost_heads, Vec::<u64>::new());
    eprintln!("{} kills, {oracle}", KILLS);
}
