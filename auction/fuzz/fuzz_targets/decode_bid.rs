//! What bidders send: refused, or equal to its own encoding; its digest never panics.
#![no_main]

use auction::bid::{SealedBid, Submission};
use auction::shares::Share;
use auction::wire::{decode, encode};
use libfuzzer_sys::fuzz_target;

/// Longer than any submission: an explicit share of the most levels.
const LIMIT: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(submission) = decode::<Submission>(bytes, LIMIT) {
        assert_eq!(encode(&submission).as_deref(), Ok(bytes));
        let _ = submission.bid.digest();
        let bidder = submission.bid.bidder.decode();
        let _ = bidder.map(|key| submission.delivery.verify(&submission.bid.context, &key));
        if let Share::Explicit { entries, .. } = &submission.delivery.share {
            let share = &submission.delivery.share;
            let formed = share.clone().form(entries.len(), 3);
            assert!(formed.is_err() || share.expand(entries.len()).is_ok());
        }
    }
    if let Ok(bid) = decode::<SealedBid>(bytes, LIMIT) {
        assert_eq!(encode(&bid).as_deref(), Ok(bytes));
        let _ = bid.digest();
    }
});
