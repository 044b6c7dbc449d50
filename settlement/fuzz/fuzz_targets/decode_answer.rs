//! What a settlement server answers, and what stands in its receipts: refused, or equal to its own
//! encoding; verifying never panics.
#![no_main]

use auction::keys::SecretKey;
use auction::wire::{decode, encode};
use libfuzzer_sys::fuzz_target;
use settlement::auctions::Attached;
use settlement::journal::Receipt;
use settlement::ledger::Charter;
use settlement::service::auctions::AuctionAnswer;
use settlement::service::{Answer, MAX_ANSWER};

fn charter() -> Charter {
    let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
    Charter::new(key(201), key(202), key(203), 1000).expect("three keys")
}

fuzz_target!(|bytes: &[u8]| {
    let charter = charter();
    read_attachment(bytes, &charter);
    let Ok(answer) = decode::<Answer>(bytes, MAX_ANSWER) else { return };
    assert_eq!(encode(&answer).as_deref(), Ok(bytes));
    match answer {
        Answer::Submitted(submitted) => {
            submitted.receipt.iter().for_each(|receipt| read_receipt(receipt, &charter));
        }
        Answer::Request(Some(standing)) => read_receipt(&standing.receipt, &charter),
        Answer::Head(head) => drop(head.verify(&charter)),
        Answer::Hello(hello) => {
            let _ = (hello.charter.charter(), hello.head.verify(&charter));
        }
        Answer::Auction(about) => {
            if let AuctionAnswer::Receipt(Some(receipt)) = *about {
                read_receipt(&receipt, &charter);
            }
        }
        _ => {}
    }
});

fn read_receipt(receipt: &Receipt, charter: &Charter) {
    if let Ok(proven) = receipt.verify(charter) {
        if let Some(attachment) = proven.attachment {
            read_attachment(&attachment, charter);
        }
    }
}

/// What rides with requests in the journal and in receipts.
fn read_attachment(bytes: &[u8], charter: &Charter) {
    let Ok(Some(attached)) = Attached::read_bytes(bytes) else { return };
    assert_eq!(attached.to_bytes(), bytes);
    if let Attached::Registration(registration) = attached {
        let _ = registration.verify(charter);
    }
}
