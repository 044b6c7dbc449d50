//! Bids that wait for their check: bounded in number and bytes.

use std::collections::VecDeque;

use auction::bid::Submission;
use auction::layout::Digest;
use auction::shares::Share;

use super::Reply;
use crate::limits::{BATCH, WAITING_BYTES};

/// A bid on its way.
pub(crate) struct Incoming {
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

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Box<Incoming>>,
    bytes: usize,
}

impl Queue {
    /// Lets a bid wait, unless as many as `most` are waiting or `under_check`.
    pub(super) fn push(
        &mut self,
        incoming: Box<Incoming>,
        under_check: usize,
        most: usize,
    ) -> Result<(), Box<Incoming>> {
        let bytes = self.bytes + incoming.length();
        if self.waiting.len() + under_check >= most || bytes > WAITING_BYTES {
            return Err(incoming);
        }
        self.bytes = bytes;
        self.waiting.push_back(incoming);
        Ok(())
    }

    /// How many bids wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes the next batch to check; those who asked and are gone are passed over.
    pub(super) fn batch(&mut self) -> Vec<Incoming> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(incoming) = self.waiting.pop_front()
        {
            self.bytes -= incoming.length();
            if !incoming.reply.is_closed() {
                batch.push(*incoming);
            }
        }
        batch
    }

    /// Takes all that wait.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Box<Incoming>> + '_ {
        self.bytes = 0;
        self.waiting.drain(..)
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

    /// A bid whose share alone looks like one, of `entries` entries.
    fn incoming(entries: usize) -> (Box<Incoming>, oneshot::Receiver<Answer>) {
        let (key, id) = (SecretKey::from_seed(&[1; 32]), Digest::default());
        let entries = ExplicitEntries::new(vec![[0; 17]; entries]);
        let share = Share::Explicit { entries, blinding: [0; 32] };
        let bid = auction::wire::decode(&BID, BID.len()).unwrap();
        let delivery = ShareDelivery::sign(&id, id, 0, share, &key);
        let (reply, answered) = oneshot::channel();
        let submission = Submission { bid, delivery };
        let bytes = BID.to_vec();
        (Box::new(Incoming { submission, digest: id, bytes, reply }), answered)
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
        assert_eq!((queue.waiting.len(), queue.bytes), (0, 0));
    }
}
