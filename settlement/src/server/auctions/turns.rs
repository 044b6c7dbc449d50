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
    sellers: Mutex<HashMap<PublicKey, Arc<Lane>>>,
}

/// The turns of one seller.
#[derive(Debug)]
struct Lane {
    turns: Arc<Semaphore>,
    /// Of those who wait behind others one alone stands among them.
    behind: Arc<Semaphore>,
}

/// A turn; over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _behind: Option<OwnedSemaphorePermit>,
    _seller: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
    _lane: Arc<Lane>,
}

impl Turns {
    /// `all` turns at a time, and `of_a_seller` of them of one seller.
    pub(super) fn new(all: usize, of_a_seller: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_a_seller, sellers: Mutex::default() }
    }

    /// Waits for a turn.
    pub(super) async fn take(&self, seller: PublicKey) -> Turn {
        self.take_of(self.lane(seller), None).await
    }

    /// The same behind all of this seller's that come by [`Turns::take`]: however many wait here,
    /// each of those waits for one of them at most.
    pub(super) async fn take_behind(&self, seller: PublicKey) -> Turn {
        let lane = self.lane(seller);
        let behind = permit(Arc::clone(&lane.behind)).await;
        self.take_of(lane, Some(behind)).await
    }

    fn lane(&self, seller: PublicKey) -> Arc<Lane> {
        let mut sellers = lock(&self.sellers);
        // Those who wait or have a turn hold a copy.
        sellers.retain(|_, lane| Arc::strong_count(lane) > 1);
        let semaphore = |turns| Arc::new(Semaphore::new(turns));
        let lane = || Arc::new(Lane { turns: semaphore(self.of_a_seller), behind: semaphore(1) });
        Arc::clone(sellers.entry(seller).or_insert_with(lane))
    }

    async fn take_of(&self, lane: Arc<Lane>, behind: Option<OwnedSemaphorePermit>) -> Turn {
        let own = permit(Arc::clone(&lane.turns)).await;
        let all = permit(Arc::clone(&self.all)).await;
        Turn { _behind: behind, _seller: own, _all: all, _lane: lane }
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
    async fn who_waits_behind_keeps_the_others_waiting_for_one_turn_at_most() {
        let turns = Arc::new(Turns::new(4, 1));
        let running = turns.take_behind(seller(1)).await;
        let mut behind = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let turns = Arc::clone(&turns);
            behind.spawn(async move { turns.take_behind(seller(1)).await });
        }
        assert!(waits(&turns, 1).await);
        let first = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take(seller(1)).await }
        });
        while lock(&turns.sellers).values().all(|lane| Arc::strong_count(lane) < 19) {
            tokio::task::yield_now().await;
        }
        drop(running);
        let before = first.await.unwrap();
        assert!(behind.try_join_next().is_none());
        drop(before);
        assert!(behind.join_next().await.is_some());
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
