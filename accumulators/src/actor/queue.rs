//! Bids that wait for their check: bounded in number and bytes, and shared out fairly among those
//! who send them.

use std::collections::{HashMap, VecDeque};

use auction::bid::Submission;
use auction::layout::Digest;
use auction::shares::Share;
use link::PeerKey;

use super::Reply;
use crate::limits::{BATCH, WAITING_BYTES};

/// A bid on its way.
pub(crate) struct Incoming {
    /// Who sends it.
    pub(crate) peer: PeerKey,
    /// What the bidder sent.
    pub(crate) submission: Submission,
    /// The bid's digest.
    pub(crate) digest: Digest,
    /// The sealed bid, encoded.
    pub(crate) bytes: Vec<u8>,
    /// Where the answer goes.
    pub(crate) reply: Reply,
}

impl Incoming {
    /// Length of the submission in bytes.
    pub(crate) fn length(&self) -> usize {
        let share = match &self.submission.delivery.share {
            Share::Seed(_) => 32,
            Share::Explicit { entries, .. } => entries.as_bytes().len() + 32,
        };
        // Digest, number and signature of the share.
        self.bytes.len() + share + 97
    }
}

/// The queue. Peers take turns, however much each of them has waiting; and where there is no room
/// for one more, whoever has most waiting loses his last to one who has less.
#[derive(Default)]
pub(super) struct Queue {
    waiting: HashMap<PeerKey, Own>,
    /// Each peer who has something waiting, once; the first is next.
    turns: VecDeque<PeerKey>,
    count: usize,
    bytes: usize,
}

/// What one peer has waiting.
#[derive(Default)]
struct Own {
    bids: VecDeque<Box<Incoming>>,
    bytes: usize,
}

/// Which limit was reached.
#[derive(Clone, Copy)]
enum Scarce {
    Number,
    Bytes,
}

impl Queue {
    /// Lets a bid wait, unless as many as `most` are waiting or `under_check` and nobody has more
    /// waiting than its peer. Who loses his place is told that the node is busy.
    pub(super) fn push(
        &mut self,
        incoming: Box<Incoming>,
        under_check: usize,
        most: usize,
    ) -> Result<(), Box<Incoming>> {
        let length = incoming.length();
        loop {
            let scarce = if self.count + under_check >= most {
                Scarce::Number
            } else if self.bytes + length > WAITING_BYTES {
                Scarce::Bytes
            } else {
                break;
            };
            if !self.displace(scarce, incoming.peer, length) {
                return Err(incoming);
            }
        }
        let own = self.waiting.entry(incoming.peer).or_default();
        if own.bids.is_empty() {
            self.turns.push_back(incoming.peer);
        }
        own.bytes += length;
        (self.count, self.bytes) = (self.count + 1, self.bytes + length);
        own.bids.push_back(incoming);
        Ok(())
    }

    /// Takes the last bid from who has most waiting, if that is more than `peer` would have.
    fn displace(&mut self, scarce: Scarce, peer: PeerKey, length: usize) -> bool {
        let has = |own: &Own| match scarce {
            Scarce::Number => own.bids.len(),
            Scarce::Bytes => own.bytes,
        };
        let would_have = self.waiting.get(&peer).map_or(0, has)
            + match scarce {
                Scarce::Number => 1,
                Scarce::Bytes => length,
            };
        let richest = self.waiting.iter().max_by_key(|(_, own)| has(own));
        let Some((richest, _)) = richest.filter(|(_, own)| has(own) > would_have) else {
            return false;
        };
        // Its reply goes with it, which says busy.
        self.take(*richest, VecDeque::pop_back).is_some()
    }

    /// Takes one bid of a peer.
    fn take(
        &mut self,
        peer: PeerKey,
        which: fn(&mut VecDeque<Box<Incoming>>) -> Option<Box<Incoming>>,
    ) -> Option<Box<Incoming>> {
        let own = self.waiting.get_mut(&peer)?;
        let taken = which(&mut own.bids)?;
        let length = taken.length();
        own.bytes -= length;
        (self.count, self.bytes) = (self.count - 1, self.bytes - length);
        if own.bids.is_empty() {
            self.waiting.remove(&peer);
            self.turns.retain(|waiting| *waiting != peer);
        }
        Some(taken)
    }

    /// How many bids wait.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Takes the next batch to check; those who asked and are gone are passed over.
    pub(super) fn batch(&mut self) -> Vec<Incoming> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(peer) = self.turns.front().copied()
        {
            self.turns.rotate_left(1);
            let Some(incoming) = self.take(peer, VecDeque::pop_front) else { break };
            if !incoming.reply.is_closed() {
                batch.push(*incoming);
            }
        }
        batch
    }

    /// Takes all that wait.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<Incoming>> + '_ {
        self.turns.clear();
        (self.count, self.bytes) = (0, 0);
        self.waiting.drain().flat_map(|(_, own)| own.bids)
    }
}

#[cfg(test)]
mod tests {
    use auction::bid::ShareDelivery;
    use auction::keys::SecretKey;
    use auction::shares::ExplicitEntries;
    use link::service::Answer;
    use tokio::sync::oneshot;

    use super::*;

    /// A bid of a peer whose share alone looks like one, of `entries` entries.
    fn incoming_of(n: u8, entries: usize) -> (Box<Incoming>, oneshot::Receiver<Answer>) {
        let (key, id) = (SecretKey::from_seed(&[1; 32]), Digest::default());
        let entries = ExplicitEntries::new(vec![[0; 17]; entries]);
        let share = Share::Explicit { entries, blinding: [0; 32] };
        let bid = auction::wire::decode(&BID, BID.len()).unwrap();
        let delivery = ShareDelivery::sign(&id, id, 0, share, &key);
        let (reply, answered) = oneshot::channel();
        let submission = Submission { bid, delivery };
        let bytes = BID.to_vec();
        let peer = PeerKey([n; 32]);
        (Box::new(Incoming { peer, submission, digest: id, bytes, reply }), answered)
    }

    fn incoming(entries: usize) -> (Box<Incoming>, oneshot::Receiver<Answer>) {
        incoming_of(1, entries)
    }

    /// Context, bidder, no commitments; a proof of zeros; no ticket; a signature of zeros.
    const BID: [u8; 32 + 32 + 8 + 64 + 8 + 8 + 64 + 1 + 64] = [0; _];

    #[test]
    fn the_queue_is_bounded_in_number() {
        let mut queue = Queue::default();
        let mut asked = Vec::new();
        for under_check in [0, 1] {
            let (bid, answered) = incoming(1);
            asked.push(answered);
            assert!(queue.push(bid, under_check, 3).is_ok());
        }
        assert!(queue.push(incoming(1).0, 1, 3).is_err());
        assert_eq!(queue.batch().len(), 2);
        assert!(queue.push(incoming(1).0, 2, 3).is_ok());
        assert!(queue.push(incoming(1).0, 2, 3).is_err());
    }

    #[test]
    fn the_queue_is_bounded_in_bytes() {
        let mut queue = Queue::default();
        let (large, _answered) = incoming(1 << 20);
        let fits = WAITING_BYTES / large.length();
        let mut asked = Vec::new();
        for _ in 0..fits {
            let (bid, answered) = incoming(1 << 20);
            asked.push(answered);
            assert!(queue.push(bid, 0, usize::MAX).is_ok());
        }
        assert!(queue.push(large, 0, usize::MAX).is_err());
        assert_eq!(queue.drain().count(), fits);
        assert!(queue.push(incoming(1 << 20).0, 0, usize::MAX).is_ok());
    }

    #[test]
    fn who_asked_and_is_gone_is_passed_over() {
        let mut queue = Queue::default();
        let (bid, _answered) = incoming(1);
        assert!(queue.push(incoming(1).0, 0, 9).is_ok());
        assert!(queue.push(bid, 0, 9).is_ok());
        assert_eq!(queue.batch().len(), 1);
        assert_eq!((queue.waiting.len(), queue.count, queue.bytes), (0, 0, 0));
    }

    #[test]
    fn peers_take_turns_whatever_each_has_waiting() {
        let mut queue = Queue::default();
        let mut asked = Vec::new();
        for n in [[1; 300].as_slice(), &[2, 2, 3]].concat() {
            let (bid, answered) = incoming_of(n, 1);
            asked.push(answered);
            assert!(queue.push(bid, 0, 1_000).is_ok());
        }
        let batch = queue.batch();
        let first: Vec<u8> = batch.iter().take(6).map(|bid| bid.peer.0[0]).collect();
        assert_eq!(first, [1, 2, 3, 1, 2, 1]);
        assert_eq!((batch.len(), queue.len()), (BATCH, 303 - BATCH));
    }

    #[test]
    fn a_full_queue_has_room_for_who_has_less_waiting() {
        let mut queue = Queue::default();
        let mut asked = Vec::new();
        let mut push = |queue: &mut Queue, n| {
            let (bid, answered) = incoming_of(n, 1);
            asked.push(answered);
            queue.push(bid, 0, 4).is_ok()
        };
        assert!((0..4).all(|_| push(&mut queue, 1)));
        assert!(!push(&mut queue, 1));
        // Two others get in, until each has as much as the one who was first.
        assert!(push(&mut queue, 2) && push(&mut queue, 2));
        assert!(!push(&mut queue, 2));
        assert!(push(&mut queue, 3));
        assert!(!push(&mut queue, 1) && !push(&mut queue, 3));
        // Whoever lost his place, or got none, was told so: his answer was let go.
        let closed = |answered: &mut oneshot::Receiver<Answer>| {
            answered.try_recv() == Err(oneshot::error::TryRecvError::Closed)
        };
        let told = asked.iter_mut().filter_map(|answered| closed(answered).then_some(())).count();
        assert_eq!(told, asked.len() - 4);
        let mut of: Vec<u8> = queue.batch().iter().map(|bid| bid.peer.0[0]).collect();
        of.sort_unstable();
        assert_eq!(of.len(), 4);
        assert!(of.starts_with(&[1]) && of.ends_with(&[3]), "{of:?}");
    }

    #[test]
    fn long_bids_of_one_do_not_keep_out_those_of_others() {
        let mut queue = Queue::default();
        let mut asked = Vec::new();
        let fits = WAITING_BYTES / incoming(1 << 20).0.length();
        for _ in 0..fits {
            let (bid, answered) = incoming_of(1, 1 << 20);
            asked.push(answered);
            assert!(queue.push(bid, 0, usize::MAX).is_ok());
        }
        assert!(queue.push(incoming_of(1, 1 << 20).0, 0, usize::MAX).is_err());
        assert!(queue.push(incoming_of(2, 1 << 20).0, 0, usize::MAX).is_ok());
        assert_eq!(queue.len(), fits);
    }
}
