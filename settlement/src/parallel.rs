//! Work on many small things, shared among the cores where there are enough of both.

use std::sync::OnceLock;
use std::thread::available_parallelism;

/// Fewer things than this are worked on by one thread: starting another costs as much.
const WORTH_A_THREAD: usize = 1024;
/// Most threads for one list.
const MAX_THREADS: usize = 4;

/// Does `work` on each of `things`; the results are in the same order.
pub(crate) fn map<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let worth = things.len() / WORTH_A_THREAD;
    if worth < 2 || cores() < 2 {
        return things.iter().map(work).collect();
    }
    let threads = cores().min(MAX_THREADS).min(worth);
    let share = things.len().div_ceil(threads);
    let (first, rest) = things.split_at(share);
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = rest
            .chunks(share)
            .map(|chunk| (chunk, scope.spawn(move || chunk.iter().map(work).collect::<Vec<_>>())))
            .collect();
        let mut results = Vec::with_capacity(things.len());
        results.extend(first.iter().map(work));
        for (chunk, other) in others {
            match other.join() {
                Ok(done) => results.extend(done),
                // The panic comes again, on the caller's thread.
                Err(_) => results.extend(chunk.iter().map(work)),
            }
        }
        results
    })
}

/// Does both, at the same time where they are about so many things that it is worth a thread.
pub(crate) fn both<A: Send, B>(
    things: usize,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    if things < 2 * WORTH_A_THREAD || cores() < 2 {
        return (one(), other());
    }
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What the machine runs at a time. Asked once: to tell, the standard library reads the control
/// group's files, twenty system calls that took longer than the work of a small batch.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_those_of_one_thread_in_order() {
        for count in [0, 1, WORTH_A_THREAD, 2 * WORTH_A_THREAD, 5 * WORTH_A_THREAD + 7] {
            let things: Vec<usize> = (0..count).collect();
            let expected: Vec<usize> = things.iter().map(|thing| thing * 3).collect();
            assert_eq!(map(&things, |thing| thing * 3), expected);
        }
    }

    #[test]
    fn both_are_done_whether_or_not_they_are_worth_a_thread() {
        for things in [0, 2 * WORTH_A_THREAD] {
            let mut other = 0;
            assert_eq!(both(things, || 3, || other += 4), (3, ()));
            assert_eq!(other, 4);
        }
    }
}
