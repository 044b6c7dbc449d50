//! One-of-many proofs: that a commitment is to a level of the ladder, within the bond's cover.

use auction::bid::{BondTicket, ticket_digest};
use auction::group::{Generators, Point, PointBytes, ScalarBytes};
use auction::keys::SecretKey;
use auction::layout::{Digest, Label};
use auction::prices::Level;
use auction::proofs::membership::{MembershipProof, MembershipStatement};
use auction::proofs::{Binding, Place, ProofError};
use auction::secret::SecretScalar;
use auction::spec::Time;
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use crate::alterations::{Element, alterations, points, scalars};
use crate::{PLACE, batch, other_places};

const LEVELS: usize = 20;
const COVER: Level = Level(20);

fn binding() -> Binding<'static> {
    PLACE.bind(Label::Membership)
}

fn table() -> std::sync::Arc<Generators> {
    Generators::for_levels(LEVELS)
}

/// `value + rho H` for a sum of level generators.
fn commitment(value: RistrettoPoint, rho: &SecretScalar) -> Point {
    (value + table().blinding().value() * rho.expose()).into()
}

fn level_point(level: u32) -> RistrettoPoint {
    table().levels(LEVELS)[level as usize - 1]
}

fn check(
    commitment: &Point,
    cover: Level,
    binding: Binding<'_>,
    proof: &MembershipProof,
) -> Result<(), ProofError> {
    let mut batch = batch(LEVELS);
    MembershipStatement { commitments: &[*commitment], cover }
        .append(binding, proof, &mut batch)?;
    batch.check()
}

fn proved(level: u32, cover: Level, rng: &mut ChaCha20Rng) -> (Point, MembershipProof) {
    let rho = SecretScalar::random(rng);
    let commitment = commitment(level_point(level), &rho);
    let statement = MembershipStatement { commitments: &[commitment], cover };
    let proof = statement.prove(binding(), &table(), Level(level), &rho, rng);
    assert_eq!(check(&commitment, cover, binding(), &proof), Ok(()));
    (commitment, proof)
}

#[test]
fn a_proof_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (commitment, proof) = proved(7, COVER, &mut rng);
    let (digits, entries) = (proof.digits.len(), proof.entries.len());
    let elements: Vec<Element> = points(&proof.bits)
        .chain(points(&proof.digits))
        .chain(scalars(&proof.entries))
        .chain(scalars(&[proof.bits_blinding, proof.blinding]))
        .collect();
    for (told, altered) in alterations(&elements, 3) {
        let points: Vec<PointBytes> = altered[..2 + digits].iter().map(|e| e.point()).collect();
        let scalars: Vec<ScalarBytes> = altered[2 + digits..].iter().map(|e| e.scalar()).collect();
        let altered = MembershipProof {
            bits: [points[0], points[1]],
            digits: points[2..].to_vec(),
            entries: scalars[..entries].to_vec(),
            bits_blinding: scalars[entries],
            blinding: scalars[entries + 1],
        };
        assert!(check(&commitment, COVER, binding(), &altered).is_err(), "{told}");
    }
}

#[test]
fn a_proof_of_another_length_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (commitment, proof) = proved(7, COVER, &mut rng);
    let mut others = vec![proof.clone(); 6];
    others[0].digits.pop();
    others[1].digits.push(proof.digits[0]);
    others[2].digits.clear();
    others[3].entries.pop();
    others[4].entries.push(ScalarBytes([0; 32]));
    others[5].entries.clear();
    for other in others {
        let refused = check(&commitment, COVER, binding(), &other);
        assert!(matches!(refused, Err(ProofError::Shape { .. })), "{refused:?}");
    }
}

#[test]
fn a_proof_of_another_bidder_auction_or_ticket_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (commitment, proof) = proved(7, COVER, &mut rng);
    for place in other_places() {
        let refused = check(&commitment, COVER, place.bind(Label::Membership), &proof);
        assert!(refused.is_err(), "{place:?}");
    }
    assert!(check(&commitment, COVER, PLACE.bind(Label::Entries), &proof).is_err());
    let other = Point::sum(&[commitment, level_point(1).into()]);
    assert!(check(&other, COVER, binding(), &proof).is_err());
}

#[test]
fn every_field_of_a_ticket_is_in_the_digest_that_a_proof_is_bound_to() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let server = SecretKey::generate(&mut rng);
    let bidder = SecretKey::generate(&mut rng).public();
    let sign = |auction, bidder, cover, until, server: &SecretKey| {
        BondTicket::sign(Digest([auction; 32]), bidder, Level(cover), Time(until), server)
    };
    let other_server = SecretKey::generate(&mut rng);
    let tickets = [
        Some(sign(1, bidder, 5, 10, &server)),
        Some(sign(2, bidder, 5, 10, &server)),
        Some(sign(1, SecretKey::generate(&mut rng).public(), 5, 10, &server)),
        Some(sign(1, bidder, 9, 10, &server)),
        Some(sign(1, bidder, 5, 11, &server)),
        Some(sign(1, bidder, 5, 10, &other_server)),
        tickets_signature_altered(sign(1, bidder, 5, 10, &server)),
        None,
    ];
    let digests: Vec<Digest> = tickets.iter().map(|t| ticket_digest(t.as_ref())).collect();
    let rho = SecretScalar::random(&mut rng);
    let commitment = commitment(level_point(3), &rho);
    let statement = MembershipStatement { commitments: &[commitment], cover: COVER };
    for (i, made) in digests.iter().enumerate() {
        let at = |previous| Place { previous, ..PLACE }.bind(Label::Membership);
        let proof = statement.prove(at(made), &table(), Level(3), &rho, &mut rng);
        for (j, shown) in digests.iter().enumerate() {
            assert_eq!(check(&commitment, COVER, at(shown), &proof).is_ok(), i == j, "{i} {j}");
        }
    }
}

fn tickets_signature_altered(mut ticket: BondTicket) -> Option<BondTicket> {
    ticket.signature.0[40] ^= 1;
    Some(ticket)
}

#[test]
fn a_proof_under_another_cover_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    // Covers of the same shape of proof, and of others.
    for made in [12, 16, 20] {
        let (commitment, proof) = proved(7, Level(made), &mut rng);
        for shown in 1..=20 {
            let held = check(&commitment, Level(shown), binding(), &proof).is_ok();
            assert_eq!(held, shown == made, "made for {made}, shown for {shown}");
        }
    }
}

#[test]
fn no_prover_proves_a_level_above_the_cover_or_none() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let rho = SecretScalar::random(&mut rng);
    let combine = |weights: &[(u32, i64)]| {
        let term = |(level, weight): &(u32, i64)| {
            let size = Scalar::from(weight.unsigned_abs());
            level_point(*level) * if *weight < 0 { -size } else { size }
        };
        weights.iter().map(term).sum::<RistrettoPoint>()
    };
    // What a dishonest prover might claim to be a level: nothing, one above the cover, its
    // negative, twice a level, the sum of two, a difference of two, a gap.
    let values: [&[(u32, i64)]; 7] = [
        &[],
        &[(13, 1)],
        &[(7, -1)],
        &[(7, 2)],
        &[(3, 1), (4, 1)],
        &[(9, 1), (3, -1)],
        &[(9, 1), (7, -1), (5, 1)],
    ];
    for value in values {
        let commitment = commitment(combine(value), &rho);
        let statement = MembershipStatement { commitments: &[commitment], cover: Level(12) };
        for claimed in 1..=12 {
            let proof = statement.prove(binding(), &table(), Level(claimed), &rho, &mut rng);
            let refused = check(&commitment, Level(12), binding(), &proof);
            assert!(refused.is_err(), "{value:?} as {claimed}");
        }
    }
}

#[test]
fn errors_that_would_cancel_under_one_weight_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let raise = |scalar: &mut ScalarBytes, by: Scalar| {
        *scalar = (&(scalar.decode().unwrap() + by)).into();
    };
    // Within a proof: both equations end in H, so the two blindings' errors are opposite.
    let (commitment, mut proof) = proved(7, COVER, &mut rng);
    raise(&mut proof.bits_blinding, Scalar::ONE);
    raise(&mut proof.blinding, -Scalar::ONE);
    assert!(check(&commitment, COVER, binding(), &proof).is_err());
    // Across two proofs of a batch.
    for by in [Scalar::ZERO, Scalar::ONE] {
        let mut batch = batch(LEVELS);
        for by in [by, -by] {
            let (commitment, mut proof) = proved(7, COVER, &mut rng);
            raise(&mut proof.blinding, by);
            let statement = MembershipStatement { commitments: &[commitment], cover: COVER };
            statement.append(binding(), &proof, &mut batch).unwrap();
        }
        assert_eq!(batch.check().is_ok(), by == Scalar::ZERO);
    }
}

#[test]
fn the_same_sum_in_other_parts_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(17);
    let rho = SecretScalar::random(&mut rng);
    let whole = commitment(level_point(7), &rho);
    let part = |i: usize| Point::from(table().levels(LEVELS)[i] * Scalar::from(5u64));
    let rest = |part: &Point| Point::from(whole.value() - part.value());
    let made = [part(0), rest(&part(0))];
    let proof = MembershipStatement { commitments: &made, cover: COVER }.prove(
        binding(),
        &table(),
        Level(7),
        &rho,
        &mut rng,
    );
    let [first, second] = made;
    let other = [part(1), rest(&part(1))];
    let held = |commitments: &[Point]| {
        let mut batch = batch(LEVELS);
        let statement = MembershipStatement { commitments, cover: COVER };
        statement.append(binding(), &proof, &mut batch).and_then(|()| batch.check())
    };
    assert_eq!(held(&made), Ok(()));
    for shown in [vec![second, first], other.to_vec(), vec![whole], vec![first], vec![]] {
        assert_eq!(held(&shown), Err(ProofError::DoesNotHold), "{shown:?}");
    }
}

#[test]
fn the_challenge_hashes_the_commitment() {
    // The same masks: the response for the bits moves with the challenge alone. A commitment
    // left out of it could be chosen after the challenge.
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let rho = SecretScalar::random(&mut rng);
    let respond = |value| {
        let commitment = commitment(value, &rho);
        let statement = MembershipStatement { commitments: &[commitment], cover: COVER };
        let mut same = ChaCha20Rng::seed_from_u64(9);
        statement.prove(binding(), &table(), Level(7), &rho, &mut same)
    };
    let [one, again, other] = [7, 7, 8].map(|level| respond(level_point(level)));
    assert_eq!(one, again);
    assert_eq!((one.bits, &one.digits), (other.bits, &other.digits));
    assert_ne!(one.bits_blinding, other.bits_blinding);
}

#[test]
fn a_response_and_a_first_message_shifted_alike_are_refused() {
    // Every equation would still hold, were the challenge not moved by the first messages.
    let mut rng = ChaCha20Rng::seed_from_u64(10);
    let (commitment, honest) = proved(7, COVER, &mut rng);
    let shift = |point: &mut PointBytes| {
        *point = Point::sum(&[point.decode().unwrap(), *table().blinding()]).bytes();
    };
    let bump = |scalar: &mut ScalarBytes, by: Scalar| {
        *scalar = (&(scalar.decode().unwrap() + by)).into();
    };
    let mut proof = honest.clone();
    shift(&mut proof.bits[0]);
    bump(&mut proof.bits_blinding, Scalar::ONE);
    assert!(check(&commitment, COVER, binding(), &proof).is_err());
    let mut proof = honest;
    shift(&mut proof.digits[0]);
    bump(&mut proof.blinding, -Scalar::ONE);
    assert!(check(&commitment, COVER, binding(), &proof).is_err());
}
