//! What a merchant brings, altered in any bit on its way, or put together from two exchanges.

use settlement::purchases::{Delivered, Submission, decide};

use crate::world::*;

#[test]
fn every_altered_bit_of_a_submission_is_refused() {
    let sold = sold(1);
    let offer = offer(&sold);
    let order = countersigned(&offer, ordered(&offer, &sold, 1));
    let accepted = |order: Vec<u8>, offer: Vec<u8>| {
        let submission = Submission { order, offer };
        decide(submission, &Delivered::Key(key(1)), &charter(), &safe()).is_ok()
    };
    let (signed, offered) = (order.as_bytes().to_vec(), offer.offer().as_bytes().to_vec());
    assert!(accepted(signed.clone(), offered.clone()));
    for bit in 0..8 * signed.len() {
        let mut altered = signed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(altered, offered.clone()), "bit {bit} of the order");
    }
    for bit in 0..8 * offered.len() {
        let mut altered = offered.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(signed.clone(), altered), "bit {bit} of the offer");
    }
    for length in 0..signed.len() {
        assert!(!accepted(signed[..length].to_vec(), offered.clone()));
    }
    for length in 0..offered.len() {
        assert!(!accepted(signed.clone(), offered[..length].to_vec()));
    }
    assert!(!accepted([signed.as_slice(), &[0]].concat(), offered.clone()));
    assert!(!accepted(signed, [offered.as_slice(), &[0]].concat()));
}

#[test]
fn parts_of_two_purchases_make_none() {
    let (one, two) = (sold(1), sold(2));
    let offers = [offer(&one), offer(&two)];
    let orders = [
        countersigned(&offers[0], ordered(&offers[0], &one, 1)),
        countersigned(&offers[1], ordered(&offers[1], &two, 2)),
    ];
    for (order, offer, seed) in [(0, 0, 2), (0, 1, 1), (0, 1, 2), (1, 0, 1), (1, 0, 2), (1, 1, 1)] {
        let bought = decided(&orders[order], &offers[offer], key(seed));
        assert!(bought.is_err(), "order {order}, offer {offer}, key {seed}");
    }
    // The countersignature under one order, moved under the other.
    let bytes = |place: usize| orders[place].as_bytes();
    let split = |place: usize| bytes(place).split_at(bytes(place).len() - 97);
    let moved = [split(0).0, split(1).1].concat();
    let submission = Submission { order: moved, offer: offers[0].offer().as_bytes().to_vec() };
    assert!(decide(submission, &Delivered::Key(key(1)), &charter(), &safe()).is_err());
}
