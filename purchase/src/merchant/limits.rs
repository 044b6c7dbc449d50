//! What one customer may ask of a merchant, and all together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use auction::keys::PublicKey;

/// Quotes of one customer in a minute.
pub const QUOTES_A_MINUTE_OF_A_CUSTOMER: u32 = 60;
/// Bytes that are encrypted for one customer's quotes in a minute (1 GiB): each quote encrypts
/// its item once. A longer item is quoted to whoever has asked for nothing for a while.
pub const QUOTED_BYTES_A_MINUTE_OF_A_CUSTOMER: u64 = 1 << 30;
/// Quotes that wait for a processor; more are answered with busy.
pub const MAX_WAITING_QUOTES: usize = 64;
/// Sales that are not decided yet, in all and of one customer.
pub const MAX_OPEN_SALES: usize = 4096;
/// See [`MAX_OPEN_SALES`].
pub const MAX_OPEN_SALES_OF_A_CUSTOMER: usize = 32;
/// Customers whose use is remembered; more are answered with busy.
const MAX_CUSTOMERS: usize = 4096;

/// What customers have used in the last minute.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<HashMap<PublicKey, Budget>>);

#[derive(Debug)]
struct Budget {
    quotes: Bucket,
    bytes: Bucket,
}

/// As much as comes in a minute. It may be overdrawn once, and then nothing is given until that
/// has come back.
#[derive(Debug)]
struct Bucket {
    a_minute: f64,
    left: f64,
    filled: Instant,
}

impl Bucket {
    fn new(a_minute: f64, now: Instant) -> Self {
        Self { a_minute, left: a_minute, filled: now }
    }

    fn fill(&mut self, now: Instant) {
        let minutes = now.saturating_duration_since(self.filled).as_secs_f64() / 60.0;
        self.left = (self.left + minutes * self.a_minute).min(self.a_minute);
        self.filled = now;
    }

    fn is_full(&self) -> bool {
        self.left >= self.a_minute
    }
}

impl Budgets {
    /// Takes a quote of an item of so many bytes out of a customer's budget, if it is not used up.
    pub(super) fn take(&self, customer: &PublicKey, bytes: u64, now: Instant) -> bool {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= MAX_CUSTOMERS && !budgets.contains_key(customer) {
            budgets.retain(|_, budget| {
                budget.quotes.fill(now);
                budget.bytes.fill(now);
                !(budget.quotes.is_full() && budget.bytes.is_full())
            });
            if budgets.len() >= MAX_CUSTOMERS {
                return false;
            }
        }
        let budget = budgets.entry(*customer).or_insert_with(|| Budget {
            quotes: Bucket::new(f64::from(QUOTES_A_MINUTE_OF_A_CUSTOMER), now),
            bytes: Bucket::new(QUOTED_BYTES_A_MINUTE_OF_A_CUSTOMER as f64, now),
        });
        budget.quotes.fill(now);
        budget.bytes.fill(now);
        let enough = budget.quotes.left >= 1.0 && budget.bytes.left > 0.0;
        if enough {
            budget.quotes.left -= 1.0;
            budget.bytes.left -= bytes as f64;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auction::keys::SecretKey;

    use super::*;

    fn customer(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    #[test]
    fn a_customers_quotes_run_out_and_come_back_and_are_his_alone() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        let taken = (0..200).filter(|_| budgets.take(&customer(1), 10, start)).count();
        assert_eq!(taken, QUOTES_A_MINUTE_OF_A_CUSTOMER as usize);
        assert!(budgets.take(&customer(2), 10, start));
        assert!(budgets.take(&customer(1), 10, start + Duration::from_secs(2)));
    }

    #[test]
    fn a_long_item_uses_the_bytes_of_many_minutes() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        let five = 5 * QUOTED_BYTES_A_MINUTE_OF_A_CUSTOMER;
        assert!(budgets.take(&customer(1), five, start));
        assert!(!budgets.take(&customer(1), 1, start + Duration::from_secs(200)));
        assert!(budgets.take(&customer(1), 1, start + Duration::from_secs(245)));
    }

    #[test]
    fn customers_who_ask_for_nothing_are_forgotten() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        let key = |number: usize| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
            PublicKey(seed)
        };
        assert!((0..MAX_CUSTOMERS).all(|number| budgets.take(&key(number), 1, start)));
        assert!(!budgets.take(&key(MAX_CUSTOMERS), 1, start));
        let later = start + Duration::from_secs(60);
        assert!(budgets.take(&key(MAX_CUSTOMERS), 1, later));
    }
}
