//! The real settlement server in a process of its own, on a storage that forgets what was not
//! flushed and with a clock that a test moves on. Ends when its input does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a command answers on its standard output")]

use std::path::PathBuf;
use std::sync::Arc;

use settlement::server::{INDEX_DIRECTORY, JOURNAL_DIRECTORY, Server, Start};
use tests::forgetful::Forgetful;
use tests::shifted_clock::ShiftedClock;

/// `settlement_server DIRECTORY CLOCK`: serves what `init` made in the directory; the clock file
/// says by how many milliseconds its clock is ahead.
fn main() {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let (dir, clock) = (words.next().unwrap(), words.next().unwrap());
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let open = |name: &str| Forgetful::open(&dir.join(name)).unwrap();
        let (journal, index) = (open(JOURNAL_DIRECTORY), open(INDEX_DIRECTORY));
        // The operator's word: a test moves the clock on by more than an hour.
        let start = Start { clock: Arc::new(ShiftedClock::new(clock)), confirm_clock: true };
        let server = Server::open_on(&dir, journal, index, start).unwrap();
        println!("{}", server.local_addr().unwrap());
        server.run(std::future::pending()).await.unwrap();
    });
}
