//! Transcript files: refused, or equal to their own encoding; verifying never panics.
#![no_main]

use auction::transcript::Transcript;
use libfuzzer_sys::fuzz_target;
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transcript) = Transcript::from_bytes(bytes) {
        assert_eq!(transcript.to_bytes().as_deref(), Ok(bytes));
        let _ = transcript.verify(None, &mut ChaCha20Rng::seed_from_u64(1));
    }
});
