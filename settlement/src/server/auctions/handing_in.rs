//! Transcripts that somebody hands in, piece by piece, so that no payment waits for accumulators
//! that answer the server slowly or not at all. SETTLEMENT, section "An auction's payment", step 4.
//!
//! Anyone may. The sides of an auction (seller, house, accumulators, whoever is bonded) share
//! places with those of the same seller's other auctions alone; strangers have a few for all. A
//! place is lost to somebody who comes later only when it was had for a while, so that nobody is
//! kept from handing in by others who never come to an end; what is being verified keeps its place
//! until that is over, so that no more is verified, and kept on the disk, than there are places.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auction::keys::PublicKey;
use auction::layout::Digest;

use super::proving::NotProven;
use super::transcripts::Part;
use super::{Auctions, answered, aside, busy, declined, lock};
use crate::auctions::{AuctionState, Registered};
use crate::service::Answer;
use crate::service::auctions::{AuctionAnswer, AuctionDeclined, PIECE_BYTES, TranscriptPiece};

/// Transcripts on their way at a time, of the sides of one seller's auctions.
const PLACES_OF_A_SELLER: usize = 16;
/// The same of strangers, to all auctions.
const PLACES_OF_STRANGERS: usize = 8;
/// Bytes that those of one pool may come to have, in sum; a pool that has none takes any one.
const POOL_BYTES: u64 = 2 << 30;
/// So long a place cannot be lost.
const SHARE: Duration = Duration::from_secs(30);
/// Most keys of which it is remembered that what they handed in proved nothing.
const MAX_REFUSED: usize = 4096;

type Place = (Digest, PublicKey);

/// Transcripts on their way, and who has handed in what proved nothing.
#[derive(Debug, Default)]
pub(super) struct HandingIn {
    places: Mutex<HashMap<Place, Arc<Gathering>>>,
    refused: Mutex<Refusals>,
}

/// Why what somebody handed in proved nothing; of too many the oldest are forgotten.
#[derive(Debug, Default)]
struct Refusals {
    reasons: HashMap<Place, String>,
    /// The same, oldest first.
    order: VecDeque<Place>,
}

/// A transcript on its way.
#[derive(Debug)]
struct Gathering {
    pool: Pool,
    begun: Instant,
    total: u64,
    /// Held while the disk is written.
    part: Arc<tokio::sync::Mutex<Stage>>,
}

/// With whom somebody shares places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Sides(PublicKey),
    Strangers,
}

#[derive(Debug)]
enum Stage {
    Empty,
    Part(Part),
    /// All of it is there, and being verified.
    Whole,
}

/// What came of a piece.
enum Taken {
    /// So many bytes are there.
    Part(u64),
    /// That was the last.
    Whole(Part),
    /// The last came before.
    Before,
}

impl HandingIn {
    /// The place of somebody, had already or taken now; nothing where none is free.
    fn place(&self, place: Place, pool: Pool, total: u64, now: Instant) -> Option<Arc<Gathering>> {
        let mut places = lock(&self.places);
        match places.get(&place) {
            Some(had) if had.total == total => return Some(Arc::clone(had)),
            // One at a time: its place is free when that is over.
            Some(had) if had.is_held() => return None,
            _ => places.remove(&place),
        };
        while !has_room(&places, pool, total) {
            let of_pool = places.iter().filter(|(_, one)| one.pool == pool && !one.is_held());
            let (oldest, begun) =
                of_pool.map(|(place, one)| (*place, one.begun)).min_by_key(|(_, begun)| *begun)?;
            if now.saturating_duration_since(begun) < SHARE {
                return None;
            }
            places.remove(&oldest);
        }
        let part = Arc::new(tokio::sync::Mutex::new(Stage::Empty));
        let gathering = Arc::new(Gathering { pool, begun: now, total, part });
        places.insert(place, Arc::clone(&gathering));
        Some(gathering)
    }

    /// Gives up this very place of somebody's.
    fn leave(&self, place: &Place, gathering: &Arc<Gathering>) {
        let mut places = lock(&self.places);
        if places.get(place).is_some_and(|had| Arc::ptr_eq(had, gathering)) {
            places.remove(place);
        }
    }

    fn refuse(&self, place: Place, reason: String) {
        let mut refused = lock(&self.refused);
        if refused.reasons.insert(place, reason).is_none() {
            refused.order.push_back(place);
        }
        if refused.order.len() > MAX_REFUSED
            && let Some(oldest) = refused.order.pop_front()
        {
            refused.reasons.remove(&oldest);
        }
    }

    fn refusal(&self, place: &Place) -> Option<String> {
        lock(&self.refused).reasons.get(place).cloned()
    }

    /// Lets go of all that has to do with an auction.
    pub(super) fn forget(&self, auction: &Digest) {
        lock(&self.places).retain(|(of, _), _| of != auction);
        let mut refused = lock(&self.refused);
        refused.reasons.retain(|(of, _), _| of != auction);
        refused.order.retain(|(of, _)| of != auction);
    }
}

impl Gathering {
    /// Whether it is being written or verified: then its place is not lost.
    fn is_held(&self) -> bool {
        self.part.try_lock().map_or(true, |stage| matches!(*stage, Stage::Whole))
    }
}

/// A place that is given up at the end, whatever comes.
struct Leaving {
    auctions: Arc<Auctions>,
    place: Place,
    gathering: Arc<Gathering>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.auctions.handing_in.leave(&self.place, &self.gathering);
    }
}

fn has_room(places: &HashMap<Place, Arc<Gathering>>, pool: Pool, total: u64) -> bool {
    let most = match pool {
        Pool::Sides(_) => PLACES_OF_A_SELLER,
        Pool::Strangers => PLACES_OF_STRANGERS,
    };
    let taken = places.values().filter(|one| one.pool == pool);
    let (count, bytes) =
        taken.fold((0, 0u64), |(count, bytes), one| (count + 1, bytes.saturating_add(one.total)));
    count == 0 || (count < most && bytes.saturating_add(total) <= POOL_BYTES)
}

impl Auctions {
    /// Takes a piece of a transcript; after the last one verifies it, which goes on when the asker
    /// is gone.
    pub(super) async fn hand_in(
        self: &Arc<Self>,
        asker: PublicKey,
        piece: TranscriptPiece,
    ) -> Answer {
        let TranscriptPiece { auction, total, offset, bytes } = piece;
        let (registered, pool) = match self.takes_transcripts(asker, &auction) {
            Ok(found) => found,
            Err(answer) => return *answer,
        };
        let most = registered.spec().spec().most_transcript_bytes() as u64;
        if total > most {
            return declined(AuctionDeclined::TranscriptTooLong { got: total, most });
        }
        let end = offset.checked_add(bytes.len() as u64);
        let fits = (1..=PIECE_BYTES).contains(&bytes.len()) && end.is_some_and(|end| end <= total);
        if !fits {
            return declined(AuctionDeclined::Piece);
        }
        let place = (auction, asker);
        let Some(gathering) = self.handing_in.place(place, pool, total, Instant::now()) else {
            return busy();
        };
        let this = Arc::clone(self);
        // Whoever asked may be gone: a place in which all has come is left when it is verified.
        let task =
            tokio::spawn(
                async move { this.append(place, registered, gathering, offset, bytes).await },
            );
        task.await.unwrap_or(Answer::Unknown)
    }

    async fn append(
        self: &Arc<Self>,
        place: Place,
        registered: Arc<Registered>,
        gathering: Arc<Gathering>,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Answer {
        let (auction, total) = (place.0, gathering.total);
        let Ok(stage) = Arc::clone(&gathering.part).try_lock_owned() else { return busy() };
        let this = Arc::clone(self);
        let appended = aside(move || {
            let mut stage = stage;
            let mut part = match std::mem::replace(&mut *stage, Stage::Whole) {
                Stage::Empty => this.transcripts.begin(&auction)?,
                Stage::Part(part) => part,
                Stage::Whole => return Ok(Taken::Before),
            };
            // A piece that begins elsewhere than where the last one ended changes nothing.
            let appended = if part.length() == offset { part.append(&bytes) } else { Ok(()) };
            if appended.is_ok() && part.length() == total {
                return Ok(Taken::Whole(part));
            }
            let have = part.length();
            *stage = Stage::Part(part);
            appended.map(|()| Taken::Part(have))
        });
        match appended.await {
            Some(Ok(Taken::Whole(part))) => self.verify(place, registered, gathering, part).await,
            // It is being verified.
            Some(Ok(Taken::Before)) => busy(),
            Some(Ok(Taken::Part(have))) => answered(AuctionAnswer::Have(have)),
            Some(Err(error)) => {
                tracing::error!(%auction, %error, "a transcript cannot be written");
                self.handing_in.leave(&place, &gathering);
                declined(AuctionDeclined::Disk)
            }
            None => {
                self.handing_in.leave(&place, &gathering);
                Answer::Unknown
            }
        }
    }

    /// Whether a transcript of this auction is of use, and with whom the asker shares places. The
    /// cheap answers come first.
    fn takes_transcripts(
        &self,
        asker: PublicKey,
        auction: &Digest,
    ) -> Result<(Arc<Registered>, Pool), Box<Answer>> {
        let refused = |reason| Err(Box::new(declined(reason)));
        let (registered, is_side) = {
            let index = self.index();
            let Some(state) = index.auction(auction) else {
                return refused(AuctionDeclined::Unknown);
            };
            if state.decided().is_some() || self.proof(auction).is_some() {
                drop(index);
                return Err(Box::new(self.standing(auction)));
            }
            (Arc::clone(state.registered()), self.is_named(state, asker))
        };
        let closing = registered.closing();
        if self.clock.now() < closing && self.early_close(auction).is_none() {
            return refused(AuctionDeclined::NotClosed(closing));
        }
        if let Some(reason) = self.handing_in.refusal(&(*auction, asker)) {
            return refused(AuctionDeclined::Transcript(reason));
        }
        let seller = registered.spec().spec().seller;
        let pool = if is_side { Pool::Sides(seller) } else { Pool::Strangers };
        Ok((registered, pool))
    }

    /// Whether somebody has to do with an auction: by its terms or by a bond.
    fn is_named(&self, state: &AuctionState, asker: PublicKey) -> bool {
        let registered = state.registered();
        let spec = registered.spec().spec();
        let house = registered.settlement().fee.as_ref().map(|fee| fee.house);
        asker == spec.seller
            || Some(asker) == house
            || asker == self.charter.operator()
            || spec.accumulators.iter().any(|member| member.key == asker)
            || state.bond(&asker).is_some()
    }

    async fn verify(
        self: &Arc<Self>,
        place: Place,
        registered: Arc<Registered>,
        gathering: Arc<Gathering>,
        part: Part,
    ) -> Answer {
        let auction = place.0;
        let lane = match gathering.pool {
            Pool::Sides(seller) => seller,
            // Strangers wait for each other, and nobody for more than one of them.
            Pool::Strangers => self.charter.server(),
        };
        let _leaving = Leaving { auctions: Arc::clone(self), place, gathering };
        let turn = self.verifying.take_behind(lane);
        match self.prove(&registered, part, turn).await {
            Ok(_) => {
                self.hurry(&auction);
                self.standing(&auction)
            }
            Err(NotProven::Nothing(error)) => {
                let reason = error.to_string();
                self.handing_in.refuse(place, reason.clone());
                declined(AuctionDeclined::Transcript(reason))
            }
            Err(NotProven::Server) => declined(AuctionDeclined::Disk),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> PublicKey {
        PublicKey([n; 32])
    }

    const AUCTION: Digest = Digest([1; 32]);

    #[test]
    fn places_are_few_and_lost_only_after_a_while() {
        let handing_in = HandingIn::default();
        let begun = Instant::now();
        let take = |n: u8, pool, later: Duration| {
            handing_in.place((AUCTION, key(n)), pool, 100, begun + later).is_some()
        };
        let early = Duration::ZERO;
        for n in 0..8 {
            assert!(take(n, Pool::Strangers, Duration::from_millis(u64::from(n))));
        }
        assert!(!take(8, Pool::Strangers, early));
        // Who has a place keeps it, and sides have their own, by seller.
        assert!(take(0, Pool::Strangers, early));
        for n in 20..36 {
            assert!(take(n, Pool::Sides(key(1)), early));
        }
        assert!(!take(36, Pool::Sides(key(1)), early));
        assert!(take(37, Pool::Sides(key(2)), early));
        // After a while the oldest gives way, one for each that comes.
        assert!(take(8, Pool::Strangers, SHARE));
        assert!(!take(9, Pool::Strangers, SHARE));
        assert!(!lock(&handing_in.places).contains_key(&(AUCTION, key(0))));
        assert!(lock(&handing_in.places).contains_key(&(AUCTION, key(1))));
        handing_in.forget(&AUCTION);
        assert!(lock(&handing_in.places).is_empty());
    }

    #[test]
    fn a_pools_bytes_are_bounded_and_one_always_fits() {
        let handing_in = HandingIn::default();
        let now = Instant::now();
        let take =
            |n, total| handing_in.place((AUCTION, key(n)), Pool::Strangers, total, now).is_some();
        assert!(take(1, u64::MAX));
        assert!(!take(2, 1));
        // Another length of the same key is another transcript.
        assert!(take(1, POOL_BYTES - 1));
        assert!(take(2, 1));
        assert!(!take(3, 1));
    }

    #[test]
    fn refusals_are_remembered_and_bounded() {
        let handing_in = HandingIn::default();
        for n in 0..=MAX_REFUSED as u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&n.to_le_bytes());
            handing_in.refuse((AUCTION, PublicKey(bytes)), "no".to_owned());
        }
        let refused = lock(&handing_in.refused);
        assert_eq!((refused.reasons.len(), refused.order.len()), (MAX_REFUSED, MAX_REFUSED));
        drop(refused);
        // The oldest alone is forgotten.
        assert_eq!(handing_in.refusal(&(AUCTION, PublicKey([0; 32]))), None);
        let mut second = [0; 32];
        second[0] = 1;
        assert!(handing_in.refusal(&(AUCTION, PublicKey(second))).is_some());
        handing_in.forget(&AUCTION);
        assert_eq!(lock(&handing_in.refused).order.len(), 0);
    }

    #[test]
    fn what_is_being_verified_keeps_its_place_and_counts() {
        let handing_in = HandingIn::default();
        let begun = Instant::now();
        let take = |n: u8, total, later| {
            handing_in.place((AUCTION, key(n)), Pool::Strangers, total, begun + later)
        };
        let verifying: Vec<_> = (0..PLACES_OF_STRANGERS as u8)
            .map(|n| {
                let gathering = take(n, 100, Duration::ZERO).unwrap();
                *gathering.part.try_lock().unwrap() = Stage::Whole;
                gathering
            })
            .collect();
        // Not by naming another length, and not after a while.
        assert!(take(0, 99, Duration::ZERO).is_none());
        assert!(take(0, 100, Duration::ZERO).is_some());
        assert!(take(8, 1, 10 * SHARE).is_none());
        assert_eq!(lock(&handing_in.places).len(), PLACES_OF_STRANGERS);
        handing_in.leave(&(AUCTION, key(3)), &verifying[2]);
        assert!(take(8, 1, SHARE).is_none());
        handing_in.leave(&(AUCTION, key(3)), &verifying[3]);
        assert!(take(8, 1, SHARE).is_some());
    }
}
