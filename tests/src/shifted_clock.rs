//! A clock that a test moves on from another process: the system's, and what a file says on top.

use std::path::{Path, PathBuf};

use auction::spec::Time;
use settlement::server::{Clock, SystemClock};

/// The system's clocks, shifted by the milliseconds that a file holds as text.
pub struct ShiftedClock(PathBuf);

impl ShiftedClock {
    /// A clock shifted by what `file` says, by nothing while there is none.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self(file)
    }

    /// Says by how much; for all clocks of this file.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn shift(file: &Path, ms: u64) {
        // Whole or not at all: it is read at any moment.
        let part = file.with_extension("new");
        std::fs::write(&part, ms.to_string()).unwrap();
        std::fs::rename(part, file).unwrap();
    }

    fn shifted(&self) -> u64 {
        std::fs::read_to_string(&self.0).map_or(0, |text| text.parse().unwrap())
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Time {
        Time(SystemClock.now().0 + self.shifted())
    }

    fn passed(&self) -> u64 {
        SystemClock.passed() + self.shifted()
    }
}
