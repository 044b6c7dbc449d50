//! What comes at the settlement server's port: refused, or equal to its own encoding; reading and
//! verifying what is inside never panics.
#![no_main]

use auction::keys::SecretKey;
use auction::spec::Time;
use auction::wire::{decode, encode};
use libfuzzer_sys::fuzz_target;
use settlement::auctions::AcceptableSpec;
use settlement::ledger::{Charter, SignedRequest};
use settlement::service::auctions::AuctionQuestion;
use settlement::service::{MAX_QUESTION, Question};

fn charter() -> Charter {
    let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
    Charter::new(key(201), key(202), key(203), 1000).expect("three keys")
}

fuzz_target!(|bytes: &[u8]| {
    let charter = charter();
    // The bytes of a signed request, which are never decoded by anything else.
    read_request(bytes, &charter);
    let Ok(question) = decode::<Question>(bytes, MAX_QUESTION) else { return };
    assert_eq!(encode(&question).as_deref(), Ok(bytes));
    match question {
        Question::Submit(requests) => {
            requests.iter().for_each(|request| read_request(request, &charter));
        }
        Question::Auction(about) => match *about {
            AuctionQuestion::Deposit(signed) => {
                if let Ok(spec) = signed.verify_before_escrow() {
                    let _ = AcceptableSpec::accounts(&spec);
                    let _ = AcceptableSpec::check(spec, &charter, |_| true, Time(1_000));
                }
            }
            AuctionQuestion::Bond(order) => {
                let _ = order.terms().reference();
                read_request(order.hold_bytes(), &charter);
            }
            _ => {}
        },
        _ => {}
    }
});

fn read_request(bytes: &[u8], charter: &Charter) {
    if let Ok(request) = SignedRequest::decode(bytes) {
        assert_eq!(request.as_bytes(), bytes);
        let mut again = Vec::new();
        request.request().encode(&mut again);
        assert!(bytes.starts_with(&again));
        let _ = request.verify(charter);
    }
}
