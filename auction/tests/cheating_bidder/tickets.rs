//! Bond tickets: missing, unexpected, forged, of another, or of another cover.

use auction::bid::{BondTicket, TicketError, TicketField};
use auction::keys::{PublicKey, SecretKey};
use auction::layout::Digest;
use auction::prices::Level;
use auction::receipts::Reason;
use auction::sealing::{SealError, seal};
use auction::settlement_terms::{Delivery, EscrowReceipt, Goods, SHORTEST_BOND_MS, Settlement};
use auction::spec::{SpecError, Time};
use rand::rngs::ChaCha20Rng;

use crate::forge::{numbers, seal_vector, sign_again};
use crate::in_memory::{Committee, Terms, rng};
use crate::{committee, public_part, refused};

/// An auction with bonds that cover level 5 or level 9, and its settlement server.
struct Bonded {
    committee: Committee,
    server: SecretKey,
    terms: Settlement,
}

impl Bonded {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let server = SecretKey::generate(rng);
        let terms = Settlement {
            server: server.public(),
            ledger: Digest([1; 32]),
            address: "127.0.0.1:1".to_owned(),
            covers: vec![Level(5), Level(9)],
            held_until: Time(2_000 + SHORTEST_BOND_MS),
            fee: None,
            delivery: Delivery::Digital(Goods {
                key_hash: Digest([2; 32]),
                checksum: Digest([3; 32]),
                bytes: 100,
            }),
        };
        let committee = Committee::bonded(Terms::small(), terms.clone(), &server, rng);
        Self { committee, server, terms }
    }

    fn ticket(&self, bidder: PublicKey, cover: u32) -> BondTicket {
        let auction = self.committee.auction.id();
        BondTicket::sign(auction, bidder, Level(cover), self.terms.held_until, &self.server)
    }
}

fn ticket_reason(error: TicketError) -> Option<Reason> {
    Some(Reason::Ticket(error))
}

#[test]
fn a_bonded_bid_passes_up_to_its_cover() {
    let mut rng = rng(30);
    let bonded = Bonded::new(&mut rng);
    let auction = &bonded.committee.auction;
    for (level, cover) in [(1, 5), (5, 5), (5, 9), (9, 9)] {
        let bidder = SecretKey::generate(&mut rng);
        let ticket = bonded.ticket(bidder.public(), cover);
        let sealed = seal(auction, Level(level), &bidder, Some(ticket), &mut rng).unwrap();
        for (k, submission) in sealed.into_iter().enumerate() {
            let said = crate::said(&bonded.committee, k, vec![submission], &mut rng);
            assert!(said[0].is_ok(), "{said:?}");
        }
    }
    let bidder = SecretKey::generate(&mut rng);
    let ticket = bonded.ticket(bidder.public(), 5);
    let refused = seal(auction, Level(6), &bidder, Some(ticket), &mut rng);
    assert_eq!(refused, Err(SealError::NotCovered { cover: 5 }));
}

#[test]
fn a_bid_above_its_cover_is_refused_whatever_its_maker_proves() {
    let mut rng = rng(31);
    let bonded = Bonded::new(&mut rng);
    let auction = &bonded.committee.auction;
    for (level, cover) in [(6, 5), (12, 5), (10, 9)] {
        for claimed in [1, cover] {
            let bidder = SecretKey::generate(&mut rng);
            let ticket = bonded.ticket(bidder.public(), cover);
            let vector: Vec<i64> = (1..=12).map(|j| i64::from(j <= level)).collect();
            let vector = numbers(&vector);
            let forged =
                seal_vector(auction, &vector, Level(claimed), &bidder, Some(ticket), &mut rng);
            let reason = public_part(&bonded.committee, &forged[0], &mut rng);
            assert!(matches!(reason, Some(Reason::NotALevel(_))), "{reason:?}");
        }
    }
}

#[test]
fn a_missing_or_unexpected_ticket_is_refused() {
    let mut rng = rng(32);
    let bonded = Bonded::new(&mut rng);
    let plain = committee(&mut rng);
    let bidder = SecretKey::generate(&mut rng);
    let ticket = bonded.ticket(bidder.public(), 9);

    let mut bad =
        seal(&bonded.committee.auction, Level(3), &bidder, Some(ticket.clone()), &mut rng)
            .unwrap()
            .remove(0);
    bad.bid.ticket = None;
    sign_again(&mut bad, &bidder);
    let reason = public_part(&bonded.committee, &bad, &mut rng);
    assert_eq!(reason, ticket_reason(TicketError::Missing));

    let mut bad = seal(&plain.auction, Level(3), &bidder, None, &mut rng).unwrap().remove(0);
    bad.bid.ticket = Some(ticket);
    sign_again(&mut bad, &bidder);
    let reason = refused(&plain, 0, bad, &mut rng);
    assert_eq!(reason, ticket_reason(TicketError::Unexpected));
}

#[test]
fn a_ticket_of_another_or_forged_is_refused() {
    let mut rng = rng(33);
    let bonded = Bonded::new(&mut rng);
    let auction = &bonded.committee.auction;
    let bidder = SecretKey::generate(&mut rng);
    let key = bidder.public();
    let honest = bonded.ticket(key, 9);
    let sealed = seal(auction, Level(3), &bidder, Some(honest.clone()), &mut rng).unwrap();
    let other_key = SecretKey::generate(&mut rng);
    let until = bonded.terms.held_until;
    let later = Time(until.0 + 1);
    let sign = BondTicket::sign;
    let (id, cover) = (auction.id(), Level(9));
    let elsewhere = Digest([3; 32]);
    let mut forged = honest.clone();
    forged.signature.0[1] ^= 1;
    let other = |field| TicketError::Other(field);
    let cases = [
        (sign(id, key, cover, until, &other_key), other(TicketField::Server)),
        (sign(elsewhere, key, cover, until, &bonded.server), other(TicketField::Auction)),
        (bonded.ticket(other_key.public(), 9), other(TicketField::Bidder)),
        (bonded.ticket(key, 8), other(TicketField::Cover)),
        (bonded.ticket(key, 12), other(TicketField::Cover)),
        (sign(id, key, cover, later, &bonded.server), other(TicketField::Time)),
        (forged, TicketError::Signature),
        // The right fields, altered after signing or signed by another.
        (BondTicket { cover: Level(5), ..honest.clone() }, TicketError::Signature),
        (
            BondTicket { server: bonded.terms.server, ..sign(id, key, cover, until, &other_key) },
            TicketError::Signature,
        ),
    ];
    for (ticket, error) in cases {
        let mut bad = sealed[1].clone();
        bad.bid.ticket = Some(ticket);
        sign_again(&mut bad, &bidder);
        let reason = public_part(&bonded.committee, &bad, &mut rng);
        assert_eq!(reason, ticket_reason(error));
    }
    // A second valid ticket of the same key, with which the bid was not proved.
    let mut bad = sealed[1].clone();
    bad.bid.ticket = Some(bonded.ticket(key, 5));
    sign_again(&mut bad, &bidder);
    let reason = public_part(&bonded.committee, &bad, &mut rng);
    assert!(matches!(reason, Some(Reason::NotALevel(_))), "{reason:?}");
}

#[test]
fn no_accumulator_joins_before_the_goods_key_is_in_escrow() {
    let mut rng = rng(34);
    let bonded = Bonded::new(&mut rng);
    let spec = bonded.committee.auction.spec().clone();
    let id = spec.id();
    let sign = || spec.clone().sign(&bonded.committee.seller);
    assert!(sign().verify_before_escrow().is_ok());
    assert_eq!(sign().verify().unwrap_err(), SpecError::NoEscrow);
    let elsewhere = EscrowReceipt::sign(&Digest([9; 32]), &bonded.server);
    assert_eq!(sign().with_escrow(elsewhere).verify().unwrap_err(), SpecError::Escrow);
    let by_another = EscrowReceipt::sign(&id, &SecretKey::generate(&mut rng));
    assert_eq!(sign().with_escrow(by_another).verify().unwrap_err(), SpecError::Escrow);
    let good = EscrowReceipt::sign(&id, &bonded.server);
    assert_eq!(sign().with_escrow(good).verify().unwrap().id(), id);
    let plain = committee(&mut rng).auction.spec().clone().sign(&bonded.committee.seller);
    assert!(plain.with_escrow(good).verify().is_err());
}
