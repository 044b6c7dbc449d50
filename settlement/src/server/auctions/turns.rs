//! Turns at something that takes long: so many at a time, and of each seller fewer, so that his
//! auctions do not keep those of others waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use auction::keys::PublicKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::lock;

/// Who waits first waits for the turn of his own seller's other auctions, and then in one queue
/// with everybody, in which each seller therefore stands no more often than he may have turns.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    of_a_seller: usize,
    sellers: Mutex<HashMap<PublicKey, Arc<Semaphore>>>,
}

/// A turn; over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _seller: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Turns {
    /// `all` turns at a time, and `of_a_seller` of them of one seller.
    pub(super) fn new(all: usize, of_a_seller: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_a_seller, sellers: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, seller: PublicKey) -> Turn {
        let own = {
            let mut sellers = lock(&self.sellers);
            // Those who wait or have a turn hold a copy.
            sellers.retain(|_, turns| Arc::strong_count(turns) > 1);
            let turns = || Arc::new(Semaphore::new(self.of_a_seller));
            Arc::clone(sellers.entry(seller).or_insert_with(turns))
        };
        Turn { _seller: permit(own).await, _all: permit(Arc::clone(&self.all)).await }
    }
}

/// The semaphores are never closed.
async fn permit(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    match semaphore.acquire_owned().await {
        Ok(permit) => permit,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn seller(n: u8) -> PublicKey {
        PublicKey([n; 32])
    }

    async fn waits(turns: &Turns, n: u8) -> bool {
        timeout(Duration::from_millis(20), turns.take(seller(n))).await.is_err()
    }

    #[tokio::test]
    async fn one_seller_with_many_auctions_does_not_keep_another_waiting() {
        let turns = Arc::new(Turns::new(4, 2));
        let first = turns.take(seller(1)).await;
        let _second = turns.take(seller(1)).await;
        // A thousand more of his wait, and none of them in the common queue.
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let turns = Arc::clone(&turns);
            waiting.spawn(async move { turns.take(seller(1)).await });
        }
        assert!(waits(&turns, 1).await);
        let other = turns.take(seller(2)).await;
        let _third = turns.take(seller(3)).await;
        // All four are taken now, and the next who waited gets the one that comes free.
        assert!(waits(&turns, 4).await);
        drop(other);
        let _fourth = turns.take(seller(4)).await;
        drop(first);
        assert!(waiting.join_next().await.is_some());
        assert_eq!(lock(&turns.sellers).len(), 3);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_who_is_gone() {
        let turns = Turns::new(2, 1);
        for n in 0..100 {
            drop(turns.take(seller(n)).await);
        }
        assert_eq!(lock(&turns.sellers).len(), 1);
    }
}
