//! Which auctions a server takes.

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::{Amount, Currency};
use auction::prices::{Level, PriceLadder};
use auction::settlement_terms::{EscrowReceipt, Fee, Settlement};
use auction::spec::{Spec, Time};
use settlement::auctions::{AcceptableSpec, Registered, Registration, RegistrationRefused};
use settlement::ledger::{AccountId, Action, Code, MAX_AHEAD_MS};
use settlement::sealed_key::{Purpose, SealedKey};

use crate::in_memory;
use crate::world::goods::{escrow_key, goods_key, seal_to};
use crate::world::{
    CLOSING, Setting, World, charter, house, key, operator, postings_key, seller, server, spec,
};

fn checked(change: impl FnOnce(&mut Spec), now: u64) -> Result<(), RegistrationRefused> {
    signed_by(&seller(), change, now)
}

fn signed_by(
    seller: &SecretKey,
    change: impl FnOnce(&mut Spec),
    now: u64,
) -> Result<(), RegistrationRefused> {
    let world = World::unregistered(&Setting::default());
    let mut terms = spec(&Setting::default(), &world.identities);
    change(&mut terms);
    terms.seller = seller.public();
    let unescrowed = terms.sign(seller).verify_before_escrow()?;
    let exists = |account: &AccountId| world.ledger.account(account).is_some();
    AcceptableSpec::check(unescrowed, &charter(), exists, Time(now)).map(|_| ())
}

fn with(change: impl FnOnce(&mut Settlement)) -> Result<(), RegistrationRefused> {
    checked(|spec| change(spec.settlement.as_mut().unwrap()), 1_000)
}

#[test]
fn a_spec_must_name_this_server_and_ledger() {
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|terms| terms.server = key(9).public()), Err(RegistrationRefused::NotHere));
    assert_eq!(with(|terms| terms.ledger = Digest([9; 32])), Err(RegistrationRefused::NotHere));
    assert_eq!(checked(|spec| spec.settlement = None, 1_000), Err(RegistrationRefused::NotHere));
}

#[test]
fn seller_and_house_must_have_accounts_in_the_currency_and_its_decimals() {
    let missing = |refused: &Result<(), RegistrationRefused>, whom: &str| matches!(refused, Err(RegistrationRefused::NoAccount { who, .. }) if *who == whom);
    assert!(missing(&signed_by(&key(9), |_| {}, 1_000), "the seller"));
    let nobody = |terms: &mut Settlement| terms.fee.as_mut().unwrap().house = key(9).public();
    assert!(missing(&with(nobody), "the house"));
    for currency in [Currency::new("EUR", 3), Currency::new("CHF", 2)] {
        let refused = checked(|spec| spec.currency = currency.unwrap(), 1_000);
        assert!(missing(&refused, "the seller"));
    }
    assert_eq!(with(|terms| terms.fee = None), Ok(()));
}

#[test]
fn the_servers_own_keys_are_paid_by_nobody() {
    for authority in [server(), operator(), postings_key()] {
        let refused = signed_by(&authority, |_| {}, 1_000);
        assert!(matches!(refused, Err(RegistrationRefused::Authority { .. })), "{refused:?}");
        let fee = Fee { house: authority.public(), flat: Amount(0), per_ten_thousand: 1 };
        let refused = with(|terms| terms.fee = Some(fee));
        assert!(matches!(refused, Err(RegistrationRefused::Authority { .. })), "{refused:?}");
    }
}

#[test]
fn closing_lies_ahead_and_the_bonds_end_within_what_a_hold_may_last() {
    assert_eq!(checked(|_| {}, CLOSING - 1), Ok(()));
    for now in [CLOSING, CLOSING + 1, u64::MAX] {
        let (closing, now) = (Time(CLOSING), Time(now));
        let refused = checked(|_| {}, now.0);
        assert_eq!(refused, Err(RegistrationRefused::Closed { closing, now }));
    }
    let later = |by: u64| {
        checked(
            |spec| {
                spec.opening.0 += by;
                spec.closing.0 += by;
                spec.last.0 += by;
                spec.settlement.as_mut().unwrap().held_until.0 += by;
            },
            1_000,
        )
    };
    assert_eq!(later(MAX_AHEAD_MS + 1_000 - crate::world::T), Ok(()));
    assert_eq!(later(MAX_AHEAD_MS + 1_001 - crate::world::T), Err(RegistrationRefused::TooFar));
}

#[test]
fn a_bond_of_nothing_is_no_cover() {
    let free = |covers: Vec<Level>| {
        checked(
            |spec| {
                spec.ladder = PriceLadder::Even { min: Amount(0), tick: Amount(50), levels: 6 };
                let terms = spec.settlement.as_mut().unwrap();
                (terms.covers, terms.fee) = (covers, None);
            },
            1_000,
        )
    };
    assert_eq!(free(vec![Level(1), Level(6)]), Err(RegistrationRefused::ZeroCover));
    assert_eq!(free(vec![Level(2), Level(6)]), Ok(()));
}

fn registration(world: &World) -> Registration {
    let unescrowed = world.spec.signed().clone().verify_before_escrow().unwrap();
    let spec = AcceptableSpec::check(unescrowed, &charter(), |_| true, Time(1_000)).unwrap();
    let sealed = seal_to(&escrow_key(), Purpose::Escrow, &spec.id());
    spec.register(&server(), escrow_key(), sealed)
}

#[test]
fn the_registration_holds_the_receipt_that_accumulators_ask_for() {
    let world = World::unregistered(&Setting::default());
    let registration = registration(&world);
    let registered: Registered = registration.clone().verify(&charter()).unwrap();
    assert_eq!(registered.spec(), &world.spec);
    assert_eq!(registered.seller(), AccountId::of_owner(&seller().public(), crate::world::eur()));
    assert_eq!(
        registered.house(),
        Some(AccountId::of_owner(&house().public(), crate::world::eur()))
    );
    let receipt = EscrowReceipt::sign(&world.auction(), &key(9));
    let wrong = Registration { spec: registration.spec.with_escrow(receipt), ..registration };
    assert!(wrong.verify(&charter()).is_err());
}

#[test]
fn an_auction_is_registered_once_and_not_after_closing() {
    let mut world = World::unregistered(&Setting::default());
    assert!(world.index.auction(&world.auction()).is_none());
    world.register_at(1_000).unwrap();
    let first = world.state().entry();
    // The same again, sealed anew: the first stands.
    let registration = registration(&world);
    let registered = registration.clone().verify(&charter()).unwrap();
    let (auction, mut rng) = (world.auction(), in_memory::rng(32));
    let sealed =
        SealedKey::seal(&goods_key(), &escrow_key(), Purpose::Escrow, &auction, &mut rng).unwrap();
    assert_ne!(sealed, registration.key);
    let other = Registration { key: sealed, ..registration };
    let again = world.postings.open(&registered, other).unwrap();
    assert_eq!(world.code(again.clone(), 1_100), Code::AttachmentConflict);
    assert_eq!(world.state().entry(), first);
    let escrow_key = |one: &Registered| one.key_in_escrow().unwrap().escrow_key.clone();
    assert_eq!(escrow_key(world.state().registered()), escrow_key(&registered));
    let mut late = World::unregistered(&Setting::default());
    assert_eq!(late.code(again, CLOSING), Code::Expired);
}

#[test]
fn an_escrow_account_is_nobodys_but_the_postings_modules() {
    let world = World::unregistered(&Setting::default());
    let (subject, currency) = (world.auction(), crate::world::eur());
    let action = Action::OpenEscrow { subject, currency };
    let request =
        settlement::ledger::Request { id: crate::world::id(1), until: Time(CLOSING), action };
    let signer = settlement::layout::Signer::new(&seller());
    let signed = settlement::ledger::SignedRequest::sign(&request, &signer, &charter());
    assert!(signed.verify(&charter()).is_err());
}
