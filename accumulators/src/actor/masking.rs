//! Masks of the rounds' proofs, made before closing within limits of the whole node: as many auctions
//! make some at a time as there are threads, so that no bid of another waits behind more than that,
//! and all together hold so many bytes. Masks that were not made so are made when they are due.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auction::join::Auction;
use auction::party::{Made, Masks, PartySecret};
use tokio::sync::Semaphore;

use crate::limits::MASK_BYTES;
use crate::pool::{Computing, Pool};

/// What masks may take of a node.
pub(crate) struct MaskRoom {
    turns: Arc<Semaphore>,
    bytes: Arc<AtomicUsize>,
}

/// Bytes that an auction's masks take of their node until they are dropped.
pub(super) struct Held {
    bytes: usize,
    of: Arc<AtomicUsize>,
}

/// An auction's masks, some of them being made. What is made counts from when it is there.
pub(super) struct Masking {
    masks: Masks,
    pub(super) making: Option<Computing<(Made, Held)>>,
    held: Held,
}

impl MaskRoom {
    /// All of it, of a node with these threads.
    pub(crate) fn new(pool: &Pool) -> Self {
        Self { turns: Arc::new(Semaphore::new(pool.threads())), bytes: Arc::default() }
    }
}

impl Held {
    fn new(bytes: usize, of: &Arc<AtomicUsize>) -> Self {
        of.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, of: Arc::clone(of) }
    }

    /// So many from now on.
    fn set(&mut self, bytes: usize) {
        self.of.fetch_add(bytes, Ordering::Relaxed);
        self.of.fetch_sub(std::mem::replace(&mut self.bytes, bytes), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Masking {
    /// None yet, for the party with these secrets.
    pub(super) fn new(secret: &PartySecret, room: &MaskRoom) -> Self {
        Self { masks: Masks::new(secret), making: None, held: Held::new(0, &room.bytes) }
    }

    /// Begins to make some that the rounds with so many bids will need, if there is room; `settled`
    /// says whether they are likely to stay so many. Who finds none looks again whenever it looks at
    /// the clock.
    pub(super) fn begin(
        &mut self,
        auction: &Arc<Auction>,
        (bids, settled): (usize, bool),
        pool: &Pool,
        room: &MaskRoom,
    ) {
        self.drop_useless(auction, bids);
        if self.making.is_some() || room.bytes.load(Ordering::Relaxed) >= MASK_BYTES {
            return;
        }
        let Some(lacking) = self.masks.lacking(auction, bids, settled) else { return };
        let Ok(turn) = Arc::clone(&room.turns).try_acquire_owned() else { return };
        let (auction, bytes) = (Arc::clone(auction), Arc::clone(&room.bytes));
        self.making = Some(pool.begin(move || {
            let made = lacking.make(&auction, &mut rand::rng());
            let held = Held::new(made.bytes(), &bytes);
            drop(turn);
            (made, held)
        }));
    }

    /// Drops what was made for another number of bids, and its bytes are the node's again.
    pub(super) fn drop_useless(&mut self, auction: &Auction, bids: usize) {
        self.masks.drop_useless(auction, bids);
        self.held.set(self.masks.bytes());
    }

    /// Keeps what was made.
    pub(super) fn keep(&mut self, (made, held): (Made, Held)) {
        self.masks.keep(made);
        // What it took while it was made is part of what all take.
        self.held.set(self.masks.bytes());
        drop(held);
    }

    /// The masks, and what they take until that is dropped.
    pub(super) fn done(self) -> (Masks, Held) {
        (self.masks, self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Alarm;
    use crate::sample_terms::{keys, terms};

    /// An auction of two accumulators, and what the first keeps to itself.
    fn auction() -> (Arc<Auction>, PartySecret) {
        let keys = keys();
        let spec = terms(&keys, 100);
        let spec = spec.sign(&keys[2]).verify().unwrap();
        let rng = &mut rand::rng();
        let secrets = [PartySecret::generate(rng), PartySecret::generate(rng)];
        let join = |k: usize| secrets[k].join(spec.id(), k as u8, &keys[k], &mut rand::rng());
        let joins = vec![join(0), join(1)];
        let [secret, _] = secrets;
        (Arc::new(Auction::new(spec, joins).unwrap()), secret)
    }

    #[tokio::test]
    async fn masks_are_made_until_nothing_lacks_and_take_room_until_they_are_dropped() {
        let pool = Pool::start(&Alarm::new()).unwrap();
        let room = MaskRoom::new(&pool);
        let (auction, secret) = auction();
        let mut masking = Masking::new(&secret, &room);
        masking.begin(&auction, (0, true), &pool, &room);
        assert!(masking.making.is_none(), "no bid needs any");
        let mut made = 0;
        loop {
            masking.begin(&auction, (5, true), &pool, &room);
            let Some(making) = masking.making.take() else { break };
            let (masks, held) = making.await.unwrap();
            made += masks.bytes();
            assert_eq!(room.bytes.load(Ordering::Relaxed), made);
            masking.keep((masks, held));
        }
        assert!(masking.masks.lacking(&auction, 5, true).is_none());
        // A stage's vector alone has 32 bytes for each level.
        assert!(made > 64 * 32, "{made} bytes");
        assert_eq!(room.bytes.load(Ordering::Relaxed), made);
        let (masks, held) = masking.done();
        drop(masks);
        assert_eq!(room.bytes.load(Ordering::Relaxed), made);
        drop(held);
        assert_eq!(room.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_serves_one_number_of_bids_alone_is_made_when_they_are_settled_and_then_dropped() {
        let pool = Pool::start(&Alarm::new()).unwrap();
        let room = MaskRoom::new(&pool);
        let (auction, secret) = auction();
        let mut masking = Masking::new(&secret, &room);
        // Twelve bidders take two stages of blocks, eight but one.
        let mut before = 0;
        for (bids, settled) in [(12, false), (12, true), (13, true), (13, false), (8, true)] {
            loop {
                masking.begin(&auction, (bids, settled), &pool, &room);
                let Some(making) = masking.making.take() else { break };
                masking.keep(making.await.unwrap());
            }
            let now = masking.masks.bytes();
            assert_eq!(room.bytes.load(Ordering::Relaxed), now, "{bids} {settled}");
            match (bids, settled) {
                (12, true) => assert!(now > before),
                // One more in each of three vectors; the twelve's are gone.
                (13, true) => assert!(now > before && now < before + before / 4),
                (13, false) => assert_eq!(now, before, "they serve thirteen still"),
                (8, _) => assert!(now < before),
                _ => {}
            }
            before = now;
        }
    }

    #[tokio::test]
    async fn nobody_begins_beyond_the_bytes_or_the_threads_of_the_node() {
        let pool = Pool::start(&Alarm::new()).unwrap();
        let room = MaskRoom::new(&pool);
        let (auction, secret) = auction();
        let mut masking = Masking::new(&secret, &room);
        let other = Held::new(MASK_BYTES, &room.bytes);
        masking.begin(&auction, (5, true), &pool, &room);
        assert!(masking.making.is_none(), "the bytes are taken");
        drop(other);
        let turns = u32::try_from(pool.threads()).unwrap();
        let taken = Arc::clone(&room.turns).try_acquire_many_owned(turns).unwrap();
        masking.begin(&auction, (5, true), &pool, &room);
        assert!(masking.making.is_none(), "all threads make masks");
        drop(taken);
        masking.begin(&auction, (5, true), &pool, &room);
        let made = masking.making.take().unwrap().await.unwrap();
        masking.keep(made);
        assert_eq!(room.turns.available_permits(), pool.threads());
    }
}
