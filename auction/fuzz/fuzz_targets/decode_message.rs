//! Round messages: refused, or equal to their own encoding; hashing and checking never panic.
#![no_main]

use auction::equivocation::Equivocation;
use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage, chain};
use auction::wire::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = decode::<RoundMessage>(bytes, MAX_MESSAGE_BYTES) {
        assert_eq!(encode(&message).as_deref(), Ok(bytes));
        let _ = chain(&message.body.context, &[message.clone()]);
    }
    if let Ok(evidence) = decode::<Equivocation>(bytes, MAX_MESSAGE_BYTES) {
        assert_eq!(encode(&evidence).as_deref(), Ok(bytes));
    }
});
