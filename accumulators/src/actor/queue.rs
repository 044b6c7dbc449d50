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
            Share::Explicit { entries, .. } => 32 * (entries.len() + 1),
        };
        // Digest, number and signature of the share.
        self.bytes.len() + share + 97
    }
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Incoming>,
    bytes: usize,
}

impl Queue {
    /// Lets a bid wait, unless as many as `most` are waiting or `under_check`.
    pub(super) fn push(
        &mut self,
        incoming: Incoming,
        under_check: usize,
        most: usize,
    ) -> Result<(), Incoming> {
        let bytes = self.bytes + incoming.length();
        if self.waiting.len() + under_check >= most || bytes > WAITING_BYTES {
            return Err(incoming);
        }
        self.bytes = bytes;
        self.waiting.push_back(incoming);
        Ok(())
    }

    /// Takes the next batch to check; those who asked and are gone are passed over.
    pub(super) fn batch(&mut self) -> Vec<Incoming> {
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(incoming) = self.waiting.pop_front()
        {
            self.bytes -= incoming.length();
            if !incoming.reply.is_closed() {
                batch.push(incoming);
            }
        }
        batch
    }

    /// Takes all that wait.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Incoming> + '_ {
        self.bytes = 0;
        self.waiting.drain(..)
    }
}
