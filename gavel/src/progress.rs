//! Progress on standard error: a bar or a spinner on a terminal (elsewhere they are hidden),
//! and plain lines everywhere.

use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);
const BYTES_TEMPLATE: &str =
    "{msg:<11} {bar:32} {decimal_bytes} of {decimal_total_bytes}  {elapsed} of about {duration}";
const TEMPLATE: &str = "{msg:<11} {bar:32} {pos}/{len}  {elapsed} of about {duration}";

/// A line on standard error that is neither answer nor error.
pub(crate) fn note(text: &str) {
    // Whoever has closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Work that counts to a known end. Clones are the same bar.
#[derive(Clone)]
pub(crate) struct Counting(ProgressBar);

impl Counting {
    /// Begins; `what` says what is being done.
    pub(crate) fn new(what: &'static str, length: u64) -> Self {
        let [bar] = Self::several([what], length);
        bar
    }

    /// Begins work that counts bytes.
    pub(crate) fn bytes(what: &'static str, length: u64) -> Self {
        let counting = Self::new(what, length);
        // As below.
        if let Ok(style) = ProgressStyle::with_template(BYTES_TEMPLATE) {
            counting.0.set_style(style);
        }
        counting
    }

    /// Begins several works of one length, with a bar below the other.
    pub(crate) fn several<const N: usize>(what: [&'static str; N], length: u64) -> [Self; N] {
        let bars = MultiProgress::new();
        what.map(|what| {
            let bar = bars.add(ProgressBar::new(length));
            // A template of our own that does not parse leaves the default bar.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            bar.set_message(what);
            Self(bar)
        })
    }

    /// Starts the clock, unless something is done already.
    pub(crate) fn begin(&self) {
        if self.0.position() == 0 {
            self.0.reset_elapsed();
            self.0.reset_eta();
        }
    }

    /// So many more are done.
    pub(crate) fn add(&self, done: u64) {
        self.0.inc(done);
    }

    /// So many of so many are done.
    pub(crate) fn at(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }

    /// Clears the bar.
    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// Work of unknown length: a spinner that goes when dropped.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    /// Begins.
    pub(crate) fn new(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Writes a line that stays.
    pub(crate) fn above(&self, line: &str) {
        self.0.suspend(|| note(line));
    }

    /// Says what is going on now.
    pub(crate) fn say(&self, what: String) {
        self.0.set_message(what);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Waits for an answer of the accumulators, with a spinner.
pub(crate) async fn asking<T>(answer: impl Future<Output = T>) -> T {
    let _waiting = Waiting::new("asking the accumulators");
    answer.await
}
