//! How many new auctions are looked at in a minute.

use std::time::Instant;

/// As many tokens as come in a minute, of which each announcement takes one.
#[derive(Debug)]
pub(crate) struct Bucket {
    a_minute: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(a_minute: u32, now: Instant) -> Self {
        let a_minute = f64::from(a_minute);
        Self { a_minute, tokens: a_minute, filled: now }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let minutes = now.saturating_duration_since(self.filled).as_secs_f64() / 60.0;
        self.tokens = (self.tokens + minutes * self.a_minute).min(self.a_minute);
        self.filled = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tokens_run_out_and_come_back() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, start);
        assert!((0..3).all(|_| bucket.take(start)));
        assert!(!bucket.take(start));
        let later = start + Duration::from_secs(21);
        assert!(bucket.take(later));
        assert!(!bucket.take(later));
        // No more than a minute's are ever saved up.
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..9).filter(|_| bucket.take(much_later)).count(), 3);
    }
}
