//! The threads that check signatures: they take no time from the network, and the network none
//! from them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::alarm::Alarm;

type Job = Box<dyn FnOnce() + Send>;

/// As many threads as the machine runs at a time. They end when this is dropped.
pub(super) struct Checkers(SyncSender<Job>);

/// So many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Checkers {
    /// Starts the threads; at most `most` jobs wait for them.
    pub(super) fn start(most: usize, alarm: &Alarm) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(most.max(1));
        let queue = Arc::new(Mutex::new(queue));
        let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for _ in 0..count {
            let (queue, alarm) = (Arc::clone(&queue), alarm.clone());
            std::thread::Builder::new()
                .name("check".to_owned())
                .spawn(move || work(&queue, &alarm))?;
        }
        Ok(Self(jobs))
    }

    /// Queues a job.
    pub(super) fn begin(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Full> {
        self.0.try_send(Box::new(job)).map_err(|_| Full)
    }
}

fn work(queue: &Mutex<Receiver<Job>>, alarm: &Alarm) {
    struct OnPanic<'a>(&'a Alarm);
    impl Drop for OnPanic<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.raise("a thread that checks signatures");
            }
        }
    }
    let _watch = OnPanic(alarm);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_are_done_and_too_many_are_refused() {
        let checkers = Checkers::start(1, &Alarm::new()).unwrap();
        let (go_on, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let (told, done) = channel();
        let mut taken = 0;
        // The threads block, one more waits, and then it is full.
        while taken < 1000 {
            let (wait, told) = (wait.clone(), told.clone());
            let job = move || {
                let _ = wait.lock().unwrap().recv();
                told.send(()).unwrap();
            };
            match checkers.begin(job) {
                Ok(()) => taken += 1,
                Err(Full) => break,
            }
        }
        assert!(taken < 1000);
        drop(go_on);
        for _ in 0..taken {
            done.recv().unwrap();
        }
    }

    #[tokio::test]
    async fn a_panic_raises_the_alarm() {
        let alarm = Alarm::new();
        let checkers = Checkers::start(8, &alarm).unwrap();
        checkers.begin(|| panic!("a test of a panic")).unwrap();
        assert_eq!(alarm.raised().await, "a thread that checks signatures");
    }
}
