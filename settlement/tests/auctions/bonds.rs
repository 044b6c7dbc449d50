//! Orders: every field, every key, and what two of them may not do.

use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::prices::Level;
use auction::spec::Time;
use auction::wire::{decode, encode};
use settlement::auctions::{BondKeys, BondOrder, BondRefused};
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Code, HoldKey, Movement, Part, Request, SignedRequest, Sum,
};
use settlement::sealed_key::SealingKey;

use crate::world::goods::delivery_of;
use crate::world::{
    CLOSING, RICH, Setting, T, World, account, account_key, bidder, charter, eur, id, key,
    operator, postings_key, server,
};

/// An order whose hold or terms were changed and signed again with the right keys.
struct Forged {
    terms: (Digest, PublicKey, Level, SealingKey),
    request: Request,
    signer: SecretKey,
    bidder: SecretKey,
    charter: Charter,
    /// Whether the reference is made to fit the terms.
    refer: bool,
}

type Change = fn(&mut Forged);

impl Forged {
    fn new(world: &World) -> Self {
        let order = world.order(0, 6);
        let request = *SignedRequest::decode(order.hold_bytes()).unwrap().request();
        let terms = order.terms();
        Self {
            terms: (terms.auction, terms.bidder, terms.cover, terms.delivery.clone()),
            request,
            signer: account_key(0),
            bidder: bidder(0),
            charter: charter(),
            refer: true,
        }
    }

    fn movement(&mut self) -> &mut Movement {
        let Action::Hold { movement, .. } = &mut self.request.action else { panic!("no hold") };
        movement
    }

    /// Signs as a client of one's own making would, past every check of ours.
    fn order(mut self) -> BondOrder {
        let (auction, bidder, cover, delivery) = self.terms.clone();
        let terms = settlement::auctions::BondTerms { auction, bidder, cover, delivery };
        if self.refer && matches!(self.request.action, Action::Hold { .. }) {
            self.movement().reference = terms.reference();
        }
        let signed = SignedRequest::sign(&self.request, &Signer::new(&self.signer), &self.charter);
        let content = signed.clone().verify(&self.charter).map(|verified| verified.content());
        let content = content.unwrap_or_default();
        let reference = terms.reference();
        let countersignature =
            BondOrder::countersign(&self.charter, &reference, &content, &self.bidder);
        BondOrder::of_parts(terms, signed.as_bytes().to_vec(), countersignature)
    }

    fn refused(self, world: &World) -> BondRefused {
        let order = self.order();
        // It travels, and is refused where it arrives.
        let order: BondOrder = decode(&encode(&order).unwrap(), 4096).unwrap();
        order.verify(&world.spec, &charter()).unwrap_err()
    }
}

fn field_of(refused: &BondRefused) -> &'static str {
    match refused {
        BondRefused::Field { field, .. } => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_forged_without_a_change_is_a_good_one() {
    let world = World::new(&Setting::default());
    let order = Forged::new(&world).order();
    assert_eq!(order, world.order(0, 6));
    assert!(order.verify(&world.spec, &charter()).is_ok());
}

#[test]
fn every_field_of_the_hold_must_fit_the_auction() {
    let world = World::new(&Setting::default());
    let cases: [(&str, Change); 11] = [
        ("account", |f| f.movement().debit = account(&account_key(1))),
        ("credited account", |f| f.movement().credit = account(&account_key(1))),
        ("credited account", |f| {
            f.movement().credit = AccountId::of_escrow(&Digest([1; 32]), eur());
        }),
        ("amount", |f| f.movement().amount = Sum::new(1_249).unwrap()),
        ("amount", |f| f.movement().amount = Sum::new(1_251).unwrap()),
        ("amount", |f| f.terms.2 = Level(4)),
        ("time-out of the hold", |f| set_timeout(f, T - 1)),
        ("time-out of the hold", |f| set_timeout(f, T + 1)),
        ("time-out", |f| f.request.until = Time(CLOSING + 1)),
        ("reference", |f| {
            f.refer = false;
            f.movement().reference = Digest([1; 32]);
        }),
        ("hold", |f| f.request.action = Action::Post(*f.movement())),
    ];
    for (field, change) in cases {
        let mut forged = Forged::new(&world);
        change(&mut forged);
        assert_eq!(field_of(&forged.refused(&world)), field);
    }
    let mut earlier = Forged::new(&world);
    earlier.request.until = Time(CLOSING - 1);
    assert!(earlier.order().verify(&world.spec, &charter()).is_ok());
}

fn set_timeout(forged: &mut Forged, at: u64) {
    let Action::Hold { timeout, .. } = &mut forged.request.action else { panic!("no hold") };
    *timeout = Time(at);
}

#[test]
fn covers_are_those_of_the_spec() {
    let world = World::new(&Setting::default());
    for level in [0, 1, 3, 5, 7, u32::MAX] {
        let mut forged = Forged::new(&world);
        forged.terms.2 = Level(level);
        assert_eq!(forged.refused(&world), BondRefused::Cover(Level(level)));
    }
}

#[test]
fn an_order_is_good_for_one_auction_server_and_ledger() {
    let world = World::new(&Setting::default());
    let other = World::new(&Setting { nonce: 2, ..Setting::default() });
    let order = world.order(0, 6);
    let (got, expected) = (world.auction(), other.auction());
    assert_eq!(
        order.clone().verify(&other.spec, &charter()),
        Err(BondRefused::OtherAuction { got, expected })
    );
    // Terms of the other auction around the hold of this one.
    let mut mixed = Forged::new(&world);
    mixed.terms.0 = other.auction();
    let mixed = mixed.order().verify(&other.spec, &charter()).unwrap_err();
    assert_eq!(field_of(&mixed), "credited account");
    // Another server with the same operator; and the same server with another ledger.
    let elsewhere = |server: u8, postings: u8| {
        let [server, postings] = [server, postings].map(|seed| key(seed).public());
        Charter::new(server, operator().public(), postings, 1000).unwrap()
    };
    for charter in [elsewhere(77, 203), elsewhere(201, 78)] {
        assert!(order.clone().verify(&world.spec, &charter).is_err());
        let mut forged = Forged::new(&world);
        forged.charter = charter;
        assert!(matches!(forged.refused(&world), BondRefused::Unsigned(_)));
    }
}

#[test]
fn the_keys_must_be_those_that_signed_and_fit_to_sign() {
    let world = World::new(&Setting::default());
    let mut forged = Forged::new(&world);
    forged.bidder = bidder(1);
    assert_eq!(forged.refused(&world), BondRefused::Countersignature);
    let mut forged = Forged::new(&world);
    forged.signer = account_key(1);
    assert_eq!(field_of(&forged.refused(&world)), "account");

    let weak = |bytes: [u8; 32]| PublicKey(bytes);
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for bad in [weak(neutral), weak([0; 32]), server().public(), operator().public()] {
        let mut forged = Forged::new(&world);
        forged.terms.1 = bad;
        assert_eq!(field_of(&forged.refused(&world)), "auction key");
    }
    let mut same = Forged::new(&world);
    same.terms.1 = account_key(0).public();
    same.bidder = account_key(0);
    assert_eq!(field_of(&same.refused(&world)), "auction key");
    let mut unsealable = Forged::new(&world);
    unsealable.terms.3 = SealingKey::from_bytes([0; 32]);
    assert_eq!(field_of(&unsealable.refused(&world)), "delivery key");
}

#[test]
fn the_servers_own_accounts_are_no_bonds() {
    let world = World::new(&Setting::default());
    // The operator's account may be below zero: a bond of it is a ticket without funds.
    for owner in [operator(), server()] {
        let mut forged = Forged::new(&world);
        forged.movement().debit = account(&owner);
        forged.signer = owner;
        assert_eq!(field_of(&forged.refused(&world)), "account's key");
    }
    let mut forged = Forged::new(&world);
    forged.movement().debit = account(&postings_key());
    forged.signer = postings_key();
    assert_eq!(field_of(&forged.refused(&world)), "hold");
}

#[test]
fn every_altered_bit_is_refused() {
    let world = World::new(&Setting::default());
    let bytes = encode(&world.order(0, 6)).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let Ok(order) = decode::<BondOrder>(&altered, 4096) else { continue };
        assert!(order.verify(&world.spec, &charter()).is_err(), "bit {bit}");
    }
}

#[test]
fn a_signature_stolen_from_another_order_is_nothing() {
    let world = World::new(&Setting::default());
    let order = world.order(0, 6);
    // Of the same keys, and of others.
    let cheaper = world.order_with(&account_key(0), &bidder(0), 4, 1_000);
    let again = world.order_with(&account_key(0), &bidder(0), 6, 1_001);
    let of_others = world.order(1, 6);
    for other in [cheaper, again, of_others] {
        let part = |terms: &BondOrder, hold: &BondOrder, signature: &BondOrder| {
            let hold = hold.hold_bytes().to_vec();
            BondOrder::of_parts(terms.terms().clone(), hold, signature.countersignature())
        };
        let mixed = [
            part(&order, &order, &other),
            part(&order, &other, &order),
            part(&other, &order, &order),
            part(&other, &other, &order),
        ];
        // Where both have the same terms, one with the other's terms is itself.
        let mixed: Vec<BondOrder> =
            mixed.into_iter().filter(|mixed| *mixed != order && *mixed != other).collect();
        assert!(mixed.len() >= 2);
        for (place, mixed) in mixed.into_iter().enumerate() {
            assert!(mixed.verify(&world.spec, &charter()).is_err(), "{place}");
        }
        assert!(other.verify(&world.spec, &charter()).is_ok());
    }
}

#[test]
fn the_same_order_twice_is_one_bond_and_one_ticket() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    let ticket = |world: &World| world.state().bond(&bidder(0).public()).unwrap().ticket(&server());
    let first = ticket(&world);
    world.bond(0, 6);
    assert_eq!(ticket(&world), first);
    assert_eq!(world.has(account(&account_key(0))).1, 1_250);
    assert_eq!(world.state().bonds(), 1);
    let terms = world.spec.spec().settlement.clone().unwrap();
    first.verify(&world.auction(), &terms, &bidder(0).public()).unwrap();
    assert_eq!((first.cover, first.held_until), (Level(6), Time(T)));
}

#[test]
fn one_account_may_hold_several_bonds_and_not_more_than_it_has() {
    let mut world = World::new(&Setting::default());
    let rest = RICH - 2 * 1_250;
    let everything = Movement {
        debit: account(&account_key(0)),
        credit: account(&account_key(1)),
        amount: Sum::new(rest).unwrap(),
        reference: Digest::default(),
    };
    let spent = Chain::from(world.signed(&account_key(0), 1, Action::Post(everything)));
    assert_eq!(world.code(spent, 1_400), Code::Done);
    for (i, expected) in [Code::Done, Code::Done, Code::InsufficientFunds].into_iter().enumerate() {
        let order = world.order_with(&account_key(0), &key(150 + i as u8), 6, 50 + i as u128);
        assert_eq!(world.hold(order, 1_500), expected);
    }
    assert_eq!(world.state().bonds(), 2);
}

#[test]
fn the_first_bond_of_a_key_stands() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    // Another account, or the same, for the same auction key: a server takes neither.
    let second = world.order_with(&account_key(1), &bidder(0), 4, 9);
    assert_eq!(world.hold(second, 1_600), Code::Done);
    let bond = world.state().bond(&bidder(0).public()).unwrap().bond();
    assert_eq!((bond.owner, bond.cover), (account_key(0).public(), Level(6)));
    // An audit convicts it; its holds come back all the same.
    let misdeed = world.audit(None).unwrap_err();
    assert_eq!(misdeed, settlement::auctions::Misdeed::SecondBond(bidder(0).public()));
    let void = world.void(crate::world::V);
    assert_eq!(world.code(void, crate::world::V), Code::Done);
    world.release_all(crate::world::V);
    assert_eq!(world.ledger.live_holds(), 0);
}

#[test]
fn no_bond_at_closing() {
    let mut world = World::new(&Setting::default());
    let (late, early) = (world.order(0, 6), world.order(1, 6));
    assert_eq!(world.hold(early, CLOSING - 1), Code::Done);
    assert_eq!(world.hold(late, CLOSING), Code::Expired);
    assert_eq!(world.state().bonds(), 1);
}

#[test]
fn an_owner_can_neither_void_nor_post_his_own_bond() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    let hold = HoldKey { account: account(&account_key(0)), id: id(1_000) };
    let reference = Digest::default();
    for (number, holder) in [(1, account(&account_key(0))), (2, world.escrow())] {
        let void = Action::VoidHold { account: holder, hold, reference };
        let post = Action::PostHold { account: holder, hold, part: Part::Whole, reference };
        for (step, action) in [void, post].into_iter().enumerate() {
            let number = number * 10 + step as u128;
            let chain = Chain::from(world.signed(&account_key(0), number, action));
            let code = world.code(chain, 1_600);
            assert!(matches!(code, Code::NotOwner | Code::HoldElsewhere), "{code:?}");
        }
    }
    // Nor can he spend it, nor cancel it.
    let cancel = Action::Cancel { account: account(&account_key(0)) };
    let chain = Chain::from(world.signed(&account_key(0), 1_000, cancel));
    assert_eq!(world.code(chain, 1_600), Code::TooLateToCancel);
    assert_eq!(world.has(account(&account_key(0))).1, 1_250);
    assert!(world.state().is_live(&hold));
    world.audit(None).unwrap();
}

#[test]
fn money_sent_to_the_escrow_account_without_an_order_buys_nothing() {
    let mut world = World::new(&Setting::default());
    world.bond(0, 6);
    world.bond(1, 6);
    let stray = Movement {
        debit: account(&account_key(2)),
        credit: world.escrow(),
        amount: Sum::new(7).unwrap(),
        reference: Digest::default(),
    };
    let (post, hold) = (Action::Post(stray), Action::Hold { movement: stray, timeout: Time(T) });
    assert!(world.index.is_stray(&post) && world.index.is_stray(&hold));
    assert!(!world.index.is_stray(&Action::Post(Movement { credit: account(&key(9)), ..stray })));
    for (number, action) in [(5, post), (6, hold)] {
        let chain = Chain::from(world.signed(&account_key(2), number, action));
        assert_eq!(world.code(chain, 1_600), Code::Done);
    }
    assert_eq!(world.state().bonds(), 2);
    let bytes = world.run(&[(0, 2), (1, 5)]);
    let sale = world.decision(&bytes, 5_000);
    assert_eq!(world.code(sale, 5_000), Code::Done);
    world.release_all(5_001);
    // The hold comes back; what was posted stays where its owner sent it, and harms nobody.
    assert_eq!(world.has(world.escrow()), (7, 0));
    assert_eq!(world.ledger.live_holds(), 0);
    world.audit(Some(bytes)).unwrap();
}

#[test]
fn signing_refuses_what_the_server_would_refuse() {
    let world = World::new(&Setting::default());
    let (own, delivery) = (bidder(0), delivery_of(&bidder(0)));
    let keys = BondKeys { account: &own, bidder: &own, delivery: &delivery };
    let signed = BondOrder::sign(&world.spec, &charter(), Level(6), keys, id(1));
    assert_eq!(field_of(&signed.unwrap_err()), "auction key");
}
