//! What the operating system tells: processor time, memory, other load, cores.

use std::fs::read_to_string;
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Ticks of the kernel's clock in a second, as Linux shows them to programs.
const TICKS: f64 = 100.0;

/// Cores of this machine that may be used.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The processor's name.
pub(crate) fn processor() -> String {
    let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

/// Processor seconds of a process, its children that have ended included.
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    let stat = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the parenthesis may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks =
        |place| fields.split_whitespace().nth(place).and_then(|text| text.parse::<f64>().ok());
    (11..15).filter_map(ticks).sum::<f64>() / TICKS
}

/// Most memory that a process ever had, in bytes.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Processor seconds that were not idle, of all cores, everybody's.
fn busy_seconds() -> f64 {
    let stat = read_to_string("/proc/stat").unwrap_or_default();
    let all = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = all.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    // User, nice, system; then idle and waiting; interrupts; what the host took.
    let of = |place: usize| ticks.get(place).copied().unwrap_or(0.0);
    (of(0) + of(1) + of(2) + of(5) + of(6) + of(7)) / TICKS
}

/// Watches what others do with this machine.
pub(crate) struct Watch {
    since: Instant,
    busy: f64,
    own: f64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let own = processor_seconds(std::process::id());
        Self { since: Instant::now(), busy: busy_seconds(), own }
    }

    /// Cores that other programs had since the start. Processes that this one started count as
    /// its own once they have ended.
    pub(crate) fn others(&self) -> f64 {
        let own = processor_seconds(std::process::id()) - self.own;
        let busy = busy_seconds() - self.busy;
        ((busy - own) / self.since.elapsed().as_secs_f64()).max(0.0)
    }
}

/// Keeps this process on one core until dropped.
pub(crate) struct Pinned {
    all: String,
}

/// Keeps all threads of this process on `core`; nothing where that cannot be had.
pub(crate) fn pin(core: usize) -> Option<Pinned> {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    let all = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let all = all.trim().to_owned();
    taskset(&core.to_string()).then_some(Pinned { all })
}

impl Drop for Pinned {
    fn drop(&mut self) {
        taskset(&self.all);
    }
}

fn taskset(cores: &str) -> bool {
    let pid = std::process::id().to_string();
    let mut command = Command::new("taskset");
    command.args(["-a", "-c", "-p", cores, &pid]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_this_process() {
        let before = processor_seconds(std::process::id());
        let mut hash = 1u64;
        while processor_seconds(std::process::id()) <= before {
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        std::hint::black_box(hash);
        assert!(peak_memory(std::process::id()) > 1 << 20);
        assert!(busy_seconds() > 0.0);
    }
}
