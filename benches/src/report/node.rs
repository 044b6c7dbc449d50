//! An accumulator of a measurement: the node itself, in a process of its own, with a clock that
//! the measurement sets.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accumulators::{Clock, Node, SystemClock};
use auction::spec::Time;
use tokio::sync::oneshot;

/// What the process says once it listens.
pub(crate) const READY: &str = "ready";

/// The operating system's clock, put forward.
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Time {
        Time(SystemClock.now().0 + self.0.load(Ordering::Relaxed))
    }
}

/// Serves the node in `dir` until standard input ends. Each line of it says anew by how many
/// milliseconds the clock is ahead.
pub(crate) fn serve(dir: &Path, ahead: u64) {
    let clock = Arc::new(Ahead(AtomicU64::new(ahead)));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (stop, stopped) = oneshot::channel::<()>();
    runtime.block_on(async {
        let node = Node::open_with_clock(dir, Arc::clone(&clock) as Arc<dyn Clock>);
        let node = node.expect("a node that opens");
        writeln!(std::io::stdout(), "{READY}").expect("somebody who waits for the node");
        std::thread::spawn(move || {
            for line in std::io::stdin().lines() {
                let ahead = line.ok().and_then(|line| line.trim().parse().ok());
                clock.0.store(ahead.expect("milliseconds"), Ordering::Relaxed);
            }
            // The node may have ended by itself.
            let _ = stop.send(());
        });
        node.run(async { drop(stopped.await) }).await.expect("a node that serves");
    });
}
