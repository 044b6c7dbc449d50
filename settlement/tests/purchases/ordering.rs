//! Offer and order, between customer and merchant.

use auction::spec::Time;
use settlement::goods::{GoodsError, check_file, unwatched};
use settlement::ledger::{Action, MAX_ORDER_AHEAD_MS, Movement, Request, Sum};
use settlement::purchases::{
    Delivery, HeldItem, NotOrdered, Order, OrderRefused, SignedOffer, VerifiedOffer,
};

use crate::world::*;

#[test]
fn an_order_needs_the_whole_of_the_offered_goods_on_the_disk() {
    let sold = sold(1);
    let offer = offer(&sold);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("goods");
    // Whatever is missing or altered, there is nothing to order by.
    std::fs::write(&path, &sold.encrypted[..sold.encrypted.len() - 1]).unwrap();
    let short = check_file(&path, &sold.goods, &mut unwatched);
    assert!(matches!(short, Err(GoodsError::CutOff { .. })), "{short:?}");
    for at in [0, 30, 80, sold.encrypted.len() - 1] {
        let mut altered = sold.encrypted.clone();
        altered[at] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert!(check_file(&path, &sold.goods, &mut unwatched).is_err(), "{at}");
    }
    // Other goods are none of this offer.
    let other = crate::world::sold(2);
    let by = signer(CUSTOMER);
    let times = (NOW, 1_000);
    let refused = Order::sign(&offer, &other.checked, &by, &charter(), id(1), times);
    assert_eq!(refused, Err(NotOrdered::OtherGoods));
    let held = Order::sign_for_held(&offer, &by, &charter(), id(1), times);
    assert_eq!(held, Err(NotOrdered::OtherGoods));
    assert!(Order::sign(&offer, &sold.checked, &by, &charter(), id(1), times).is_ok());
}

#[test]
fn an_order_is_signed_by_whom_the_offer_is_made_to_and_before_it_expires() {
    let sold = sold(1);
    let offer = offer(&sold);
    let sign =
        |by, now| Order::sign(&offer, &sold.checked, &signer(by), &charter(), id(1), (now, 1_000));
    let customer = signer(CUSTOMER).public();
    assert_eq!(sign(STRANGER, NOW), Err(NotOrdered::OtherCustomer(customer)));
    assert_eq!(sign(CUSTOMER, EXPIRES), Err(NotOrdered::Expired));
    let last = sign(CUSTOMER, Time(EXPIRES.0 - 1)).unwrap();
    assert_eq!(last.request().until, EXPIRES);
}

#[test]
fn an_order_is_good_for_a_day_and_until_the_offer_expires_at_most() {
    let sold = sold(1);
    let mut terms = terms(Delivery::Encrypted(sold.goods));
    terms.expires = Time(NOW.0 + 10 * MAX_ORDER_AHEAD_MS);
    let offer = signed(terms);
    let by = signer(CUSTOMER);
    let sign = |good_for| {
        let times = (NOW, good_for);
        Order::sign(&offer, &sold.checked, &by, &charter(), id(1), times).unwrap().request().until
    };
    assert_eq!(sign(5_000), Time(NOW.0 + 5_000));
    assert_eq!(sign(u64::MAX), Time(NOW.0 + MAX_ORDER_AHEAD_MS));
}

/// What a merchant says to a request of somebody's own making.
fn checked(offer: &VerifiedOffer, by: u8, request: Request) -> Result<(), OrderRefused> {
    let bytes = forged(by, None, request).as_bytes().to_vec();
    Order::decode(&bytes).unwrap().verify(offer, &charter(), NOW).map(|_| ())
}

#[test]
fn a_merchant_countersigns_only_what_he_offered() {
    let sold = sold(1);
    let offer = offer(&sold);
    let good = *ordered(&offer, &sold, 1).request();
    assert_eq!(checked(&offer, CUSTOMER, good), Ok(()));
    let Action::Purchase(movement) = good.action else { panic!("a purchase") };
    let with = |movement| Request { action: Action::Purchase(movement), ..good };
    let field = |request: Request, by: u8| match checked(&offer, by, request) {
        Err(OrderRefused::Field { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let cheaper = Movement { amount: Sum::new(PRICE - 1).unwrap(), ..movement };
    assert_eq!(field(with(cheaper), CUSTOMER), "amount");
    let elsewhere = Movement { credit: account(STRANGER), ..movement };
    assert_eq!(field(with(elsewhere), CUSTOMER), "credited account");
    let anothers = Movement { debit: account(STRANGER), ..movement };
    assert_eq!(field(with(anothers), CUSTOMER), "debited account");
    assert_eq!(field(good, STRANGER), "signer");
    let other = signed(settlement::purchases::OfferTerms { item: 8, ..offer.terms().clone() });
    let reference = other.offer().hash();
    assert_eq!(field(with(Movement { reference, ..movement }), CUSTOMER), "reference");
    let longer = Request { until: Time(EXPIRES.0 + 1), ..good };
    assert_eq!(field(longer, CUSTOMER), "time-out");
    assert_eq!(field(Request { action: Action::Post(movement), ..good }, CUSTOMER), "action");
    let late = ordered(&offer, &sold, 1).verify(&offer, &charter(), good.until);
    assert_eq!(late, Err(OrderRefused::OutOfTime));
    // For another ledger the signature does not hold.
    let order = ordered(&offer, &sold, 1);
    let elsewhere = order.verify(&offer, &charter_of(9), NOW);
    assert!(matches!(elsewhere, Err(OrderRefused::Signature(_))));
}

#[test]
fn every_altered_bit_of_offer_and_order_is_refused() {
    let sold = sold(1);
    let offer = offer(&sold);
    let bytes = offer.signed().to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let accepted =
            SignedOffer::decode(&altered).is_ok_and(|one| one.verify(&charter()).is_ok());
        assert!(!accepted, "bit {bit} of the offer");
    }
    let bytes = ordered(&offer, &sold, 1).as_bytes().to_vec();
    for bit in 0..8 * bytes.len() {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let accepted = Order::decode(&altered)
            .is_ok_and(|order| order.verify(&offer, &charter(), NOW).is_ok());
        assert!(!accepted, "bit {bit} of the order");
    }
}

#[test]
fn an_item_that_the_server_will_hold_is_ordered_without_goods() {
    let item = HeldItem { checksum: auction::layout::Digest([3; 32]), bytes: 9 };
    let offer = offer_held(item);
    let by = signer(CUSTOMER);
    let times = (NOW, 1_000);
    let order = Order::sign_for_held(&offer, &by, &charter(), id(1), times).unwrap();
    assert!(order.verify(&offer, &charter(), NOW).is_ok());
    let sold = sold(1);
    let refused = Order::sign(&offer, &sold.checked, &by, &charter(), id(1), times);
    assert_eq!(refused, Err(NotOrdered::OtherGoods));
}
