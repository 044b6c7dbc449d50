//! Which auctions of physical goods a server takes, and who may bid in them.

use auction::keys::{PublicKey, SecretKey};
use auction::physical_terms::{PhysicalTerms, Side};
use auction::settlement_terms::{Delivery, EscrowReceipt};
use auction::spec::{SpecError, Time, UnescrowedSpec};
use ed25519_dalek::VerifyingKey;
use settlement::auctions::{
    AcceptablePhysical, AcceptableSpec, BondKeys, BondOrder, BondRefused, PhysicalRegistration,
    Registered, RegistrationRefused,
};
use settlement::ledger::{AccountId, MAX_AHEAD_MS};

use crate::world::goods::{delivery_of, escrow_key, seal_to};
use crate::world::physical::{T4, arbiter, dispatcher, setting, terms};
use crate::world::{
    CLOSING, Setting, World, account_key, bidder, charter, eur, id, key, operator, postings_key,
    seller, server, spec,
};
use auction::prices::Level;
use settlement::sealed_key::Purpose;
use std::sync::Arc;

/// A spec on these terms, signed by its seller.
fn unescrowed(terms: PhysicalTerms) -> Result<UnescrowedSpec, SpecError> {
    let identities: Vec<_> = (0..2).map(|k| Arc::new(key(220 + k))).collect();
    let mut spec = spec(&setting(Side::Winner), &identities);
    spec.settlement.as_mut().unwrap().delivery = Delivery::Physical(terms);
    spec.sign(&seller()).verify_before_escrow()
}

fn check(terms: PhysicalTerms, now: u64) -> Result<(), RegistrationRefused> {
    let spec = unescrowed(terms).unwrap();
    AcceptablePhysical::check(spec, &charter(), |_| true, Time(now)).map(|_| ())
}

#[test]
fn physical_goods_are_registered_without_a_key() {
    let world = World::new(&setting(Side::Winner));
    let registered = world.state().registered();
    assert!(registered.key_in_escrow().is_none() && registered.goods().is_none());
    assert_eq!(registered.physical(), Some(&terms(Side::Winner)));
    assert!(world.spec.signed().clone().verify().is_ok());
    world.audit(None).unwrap();
}

#[test]
fn neither_kind_is_registered_as_the_other() {
    let physical = unescrowed(terms(Side::Winner)).unwrap();
    let all = |_: &AccountId| true;
    let refused = AcceptableSpec::check(physical.clone(), &charter(), all, Time(1_000));
    assert_eq!(refused.unwrap_err(), RegistrationRefused::Physical);
    let digital = World::unregistered(&Setting::default());
    let digital = digital.spec.signed().clone().verify_before_escrow().unwrap();
    let refused = AcceptablePhysical::check(digital.clone(), &charter(), all, Time(1_000));
    assert_eq!(refused.unwrap_err(), RegistrationRefused::Digital);
    // Nor is a journal believed that says so.
    let receipt = EscrowReceipt::sign(&digital.id(), &server());
    let wrong = PhysicalRegistration { spec: digital.signed().clone().with_escrow(receipt) };
    assert_eq!(wrong.verify(&charter()), Err(RegistrationRefused::Digital));
    let receipt = EscrowReceipt::sign(&physical.id(), &server());
    let wrong = settlement::auctions::Registration {
        spec: physical.signed().clone().with_escrow(receipt),
        escrow_key: escrow_key(),
        key: seal_to(&escrow_key(), Purpose::Escrow, &physical.id()),
    };
    assert_eq!(wrong.verify(&charter()), Err(RegistrationRefused::Physical));
}

#[test]
fn accounts_times_and_server_are_checked() {
    check(terms(Side::Seller), CLOSING - 1).unwrap();
    let closed = RegistrationRefused::Closed { closing: Time(CLOSING), now: Time(CLOSING) };
    assert_eq!(check(terms(Side::Seller), CLOSING), Err(closed));
    let sellers = AccountId::of_owner(&seller().public(), eur());
    let spec = unescrowed(terms(Side::Winner)).unwrap();
    let refused =
        AcceptablePhysical::check(spec.clone(), &charter(), |one| *one != sellers, Time(1_000));
    assert!(matches!(refused, Err(RegistrationRefused::NoAccount { who: "the seller", .. })));
    let elsewhere = settlement::ledger::Charter::new(
        server().public(),
        operator().public(),
        postings_key().public(),
        7,
    );
    let refused = AcceptablePhysical::check(spec, &elsewhere.unwrap(), |_| true, Time(1_000));
    assert_eq!(refused.unwrap_err(), RegistrationRefused::NotHere);
}

#[test]
fn t4_is_within_what_the_ledger_takes() {
    // A closing as far ahead as is needed, and everything after it as late as a spec may be.
    let identities: Vec<_> = (0..2).map(|k| Arc::new(key(220 + k))).collect();
    let far = |ahead: u64| {
        let mut spec = spec(&setting(Side::Winner), &identities);
        let moved = |time: Time| Time(time.0 + ahead);
        (spec.closing, spec.last) = (moved(spec.closing), moved(spec.last));
        let settlement = spec.settlement.as_mut().unwrap();
        settlement.held_until = moved(settlement.held_until);
        let Delivery::Physical(terms) = &mut settlement.delivery else { panic!("physical") };
        terms.dispatched_by = moved(terms.dispatched_by);
        terms.disputed_by = moved(terms.disputed_by);
        terms.awarded_by = moved(terms.awarded_by);
        let spec = spec.sign(&seller()).verify_before_escrow().unwrap();
        AcceptablePhysical::check(spec, &charter(), |_| true, Time(1_000)).map(|_| ())
    };
    let most = MAX_AHEAD_MS + 1_000 - T4;
    assert_eq!(far(most), Ok(()));
    assert_eq!(far(most + 1), Err(RegistrationRefused::TooFar));
}

/// A point of order two added to a key: the dalek library takes it, and verifiers may differ.
fn with_torsion(key: &PublicKey) -> PublicKey {
    let mut order_two = [0xff; 32];
    (order_two[0], order_two[31]) = (0xec, 0x7f);
    let torsion = VerifyingKey::from_bytes(&order_two).unwrap().to_edwards();
    let good = VerifyingKey::from_bytes(&key.0).unwrap().to_edwards();
    PublicKey((good + torsion).compress().to_bytes())
}

#[test]
fn nobody_who_keeps_the_ledger_dispatches_or_decides() {
    let good = terms(Side::Winner);
    for authority in [operator(), postings_key()] {
        let authority = authority.public();
        for (who, terms) in [
            ("the dispatcher", PhysicalTerms { dispatcher: authority, ..good }),
            ("the arbiter", PhysicalTerms { arbiter: authority, ..good }),
        ] {
            let refused = RegistrationRefused::Authority { who, key: authority };
            assert_eq!(check(terms, 1_000), Err(refused));
        }
    }
    // The server's key and the seller's are refused by everybody, in the spec itself.
    for key in [server(), seller()] {
        assert!(unescrowed(PhysicalTerms { dispatcher: key.public(), ..good }).is_err());
        assert!(unescrowed(PhysicalTerms { arbiter: key.public(), ..good }).is_err());
    }
    let mixed = with_torsion(&good.arbiter);
    let refused = RegistrationRefused::BadKey { who: "the arbiter", key: mixed };
    assert_eq!(check(PhysicalTerms { arbiter: mixed, ..good }, 1_000), Err(refused));
}

#[test]
fn dispatcher_and_arbiter_do_not_bid_under_those_keys() {
    let world = World::new(&setting(Side::Winner));
    let order = |account: &SecretKey, bidder: &SecretKey| {
        let keys = BondKeys { account, bidder, delivery: &delivery_of(bidder) };
        BondOrder::sign(&world.spec, &charter(), Level(6), keys, id(5)).map(|_| ())
    };
    assert_eq!(order(&account_key(0), &bidder(0)), Ok(()));
    for judge in [dispatcher(), arbiter()] {
        let owns = order(&judge, &bidder(0));
        assert!(matches!(owns, Err(BondRefused::Field { field: "account's key", .. })), "{owns:?}");
        let bids = order(&account_key(0), &judge);
        assert!(matches!(bids, Err(BondRefused::Field { field: "auction key", .. })), "{bids:?}");
    }
    let registered: &Registered = world.state().registered();
    assert_eq!(registered.seller(), AccountId::of_owner(&seller().public(), eur()));
}
