//! The demonstration's accumulators.

use std::path::Path;

use auction::spec::Member;

use super::process::{Process, ProcessError};
use crate::exit::Failure;

/// Running accumulators.
pub(crate) struct Committee {
    processes: Vec<Process>,
    /// Under which keys and addresses they are asked.
    pub(crate) members: Vec<Member>,
}

impl Committee {
    /// Starts `count` accumulators, with their state in directories under `dir`.
    pub(crate) async fn start(dir: &Path, count: usize) -> Result<Self, Failure> {
        let mut processes = Vec::with_capacity(count);
        for number in 1..=count {
            let home = dir.join(format!("accumulator-{number}"));
            accumulators::init(&home, std::net::SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let name = format!("accumulator {number}");
            processes.push(Process::spawn(name, "accumulator", &home)?);
        }
        let mut members = Vec::with_capacity(count);
        for process in &mut processes {
            let listening = process.ready().await?;
            members.push(Member { key: listening.key, address: listening.address });
        }
        Ok(Self { processes, members })
    }

    /// Their process ids, for people.
    pub(crate) fn pids(&self) -> String {
        let ids = self.processes.iter().filter_map(Process::id);
        ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Why one of them does not run any more, if so.
    pub(crate) fn stopped(&mut self) -> Option<ProcessError> {
        self.processes.iter_mut().find_map(Process::stopped)
    }

    /// Asks all to end and waits until they have.
    pub(crate) async fn stop(mut self) {
        self.processes.iter_mut().for_each(Process::ask_to_end);
        for process in &mut self.processes {
            process.ended().await;
        }
    }
}
