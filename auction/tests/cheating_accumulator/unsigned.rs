//! Messages altered on their way: any byte of any message, and the referee takes nothing.

use auction::messages::{MAX_MESSAGE_BYTES, RoundMessage};
use auction::referee::{Offered, Refused};
use auction::step::Step;
use auction::wire::{decode, encode};
use rand::RngExt as _;

use crate::cheats::Table;
use crate::in_memory::Terms;

#[test]
fn a_message_with_any_byte_altered_is_refused_and_the_auction_goes_on() {
    let mut table = Table::seated(Terms::small(), &[4, 9, 9], 70);
    let mut tried = 0;
    while *table.judge.step() != Step::Complete {
        let messages = table.messages();
        // Another accumulator's message each round, so that all kinds of all come up.
        let message = &messages[usize::from(table.judge.round()) % 3];
        let bytes = encode(message).unwrap();
        assert_eq!(decode::<RoundMessage>(&bytes, MAX_MESSAGE_BYTES).as_ref(), Ok(message));
        for at in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << table.rng.random_range(0..8);
            let Ok(altered) = decode::<RoundMessage>(&altered, MAX_MESSAGE_BYTES) else {
                continue;
            };
            tried += 1;
            let answer = table.judge.offer(altered);
            let refused = matches!(answer, Err(Refused::NotAuthentic | Refused::OtherContext));
            assert!(refused, "byte {at} of a {}: {answer:?}", message.body.content.name());
        }
        for (k, message) in messages.into_iter().enumerate() {
            let expected = if k == 2 { Offered::Complete } else { Offered::Kept };
            assert_eq!(table.judge.offer(message), Ok(expected));
        }
    }
    assert!(tried > 1_000, "only {tried} alterations decoded");
    assert!(table.judge.outcome().unwrap().tie);
}
