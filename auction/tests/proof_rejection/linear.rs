//! Linear relations: a key, equal exponents, a product.

use auction::group::{Point, PointBytes, ScalarBytes, basepoint};
use auction::layout::Label;
use auction::proofs::linear::{LinearProof, LinearStatement, Row};
use auction::proofs::{Binding, ProofError};
use auction::secret::SecretScalar;
use curve25519_dalek::Scalar;
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use crate::alterations::{Element, alterations, points, scalars};
use crate::{PLACE, batch, other_places, random_point};

/// True statements of every shape in use, with their witnesses: a key, equal exponents, and the
/// four rows of a product.
fn linear_statements(rng: &mut ChaCha20Rng) -> Vec<(LinearStatement, Vec<SecretScalar>)> {
    let [x, t, s, again] = [(); 4].map(|()| Scalar::random(rng));
    let [base, key, a, b] = [(); 4].map(|()| random_point(rng));
    let times = |point: &Point, scalar: &Scalar| Point::from(point.value() * scalar);
    let plus = |left: Point, right: Point| Point::sum(&[left, right]);
    let g = basepoint();
    let rows = vec![
        Row { image: times(&g, &t), terms: vec![(0, g)] },
        Row { image: plus(times(&key, &t), times(&g, &s)), terms: vec![(0, key), (1, g)] },
        Row { image: plus(times(&a, &s), times(&g, &again)), terms: vec![(1, a), (2, g)] },
        Row { image: plus(times(&b, &s), times(&key, &again)), terms: vec![(1, b), (2, key)] },
    ];
    let secrets = |scalars: &[Scalar]| scalars.iter().copied().map(SecretScalar::new).collect();
    let equal = |bases: &[Point]| {
        let pairs: Vec<_> = bases.iter().map(|base| (*base, times(base, &x))).collect();
        LinearStatement::equal_exponents(&pairs)
    };
    vec![
        (equal(&[g]), secrets(&[x])),
        (equal(&[g, base]), secrets(&[x])),
        (LinearStatement::new(3, rows), secrets(&[t, s, again])),
    ]
}

fn linear_check(
    statement: &LinearStatement,
    binding: Binding<'_>,
    proof: &LinearProof,
) -> Result<(), ProofError> {
    let mut batch = batch(1);
    statement.append(binding, proof, &mut batch)?;
    batch.check()
}

fn prove(
    (statement, witness): &(LinearStatement, Vec<SecretScalar>),
    rng: &mut ChaCha20Rng,
) -> LinearProof {
    statement.prove(PLACE.bind(Label::Blind), &witness.iter().collect::<Vec<_>>(), rng)
}

#[test]
fn a_linear_proof_with_anything_altered_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for case in linear_statements(&mut rng) {
        let proof = prove(&case, &mut rng);
        let binding = PLACE.bind(Label::Blind);
        assert_eq!(linear_check(&case.0, binding, &proof), Ok(()));
        let elements: Vec<Element> =
            points(&proof.first).chain(scalars(&proof.responses)).collect();
        let rows = proof.first.len();
        for (told, altered) in alterations(&elements, 1) {
            let proof = LinearProof {
                first: altered[..rows].iter().map(|e| e.point()).collect(),
                responses: altered[rows..].iter().map(|e| e.scalar()).collect(),
            };
            assert!(linear_check(&case.0, binding, &proof).is_err(), "{told}");
        }
    }
}

#[test]
fn a_linear_proof_of_another_length_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    for case in linear_statements(&mut rng) {
        let proof = prove(&case, &mut rng);
        let mut others = vec![proof.clone(); 6];
        others[0].first.pop();
        others[1].responses.pop();
        others[2].first.push(PointBytes([0; 32]));
        others[3].responses.push(ScalarBytes([0; 32]));
        others[4].first.clear();
        others[5].responses.clear();
        for other in others {
            let refused = linear_check(&case.0, PLACE.bind(Label::Blind), &other);
            assert!(matches!(refused, Err(ProofError::Shape { .. })), "{refused:?}");
        }
    }
}

#[test]
fn a_linear_proof_elsewhere_or_of_another_statement_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let cases = linear_statements(&mut rng);
    for (i, case) in cases.iter().enumerate() {
        let proof = prove(case, &mut rng);
        for place in other_places() {
            assert!(linear_check(&case.0, place.bind(Label::Blind), &proof).is_err(), "{place:?}");
        }
        for label in [Label::Open, Label::Multiply, Label::OrderProof, Label::JoinProof] {
            assert!(linear_check(&case.0, PLACE.bind(label), &proof).is_err(), "{label:?}");
        }
        for (j, (other, _)) in cases.iter().chain(&linear_statements(&mut rng)).enumerate() {
            let same = i == j;
            let held = linear_check(other, PLACE.bind(Label::Blind), &proof).is_ok();
            assert_eq!(held, same, "{i} {j}");
        }
    }
}

#[test]
fn a_false_statement_is_not_proved_by_its_own_prover() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let x = SecretScalar::random(&mut rng);
    let base = random_point(&mut rng);
    let image = |base: &Point, x: &Scalar| Point::from(base.value() * x);
    let key = image(&basepoint(), x.expose());
    // Unequal exponents, and an image that is nothing at all.
    for wrong in [image(&base, &(x.expose() + Scalar::ONE)), Point::sum(&[]), base] {
        let statement = LinearStatement::equal_exponents(&[(basepoint(), key), (base, wrong)]);
        let proof = statement.prove(PLACE.bind(Label::Blind), &[&x], &mut rng);
        assert!(linear_check(&statement, PLACE.bind(Label::Blind), &proof).is_err());
    }
}

#[test]
fn errors_that_would_cancel_under_one_weight_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let x = SecretScalar::random(&mut rng);
    let g = basepoint();
    let image = |base: &Point| Point::from(base.value() * x.expose());
    let minus = Point::from(-g.value());
    let raise = |proof: &mut LinearProof, by: Scalar| {
        proof.responses[0] = (&(proof.responses[0].decode().unwrap() + by)).into();
    };
    // Within a proof: the bases G and -G turn one error into two opposite ones.
    let both = LinearStatement::equal_exponents(&[(g, image(&g)), (minus, image(&minus))]);
    let mut proof = both.prove(PLACE.bind(Label::Blind), &[&x], &mut rng);
    raise(&mut proof, Scalar::ONE);
    assert!(linear_check(&both, PLACE.bind(Label::Blind), &proof).is_err());
    // Across two proofs of a batch: errors of opposite sign.
    let one = LinearStatement::equal_exponents(&[(g, image(&g))]);
    for by in [Scalar::ZERO, Scalar::ONE] {
        let mut batch = batch(1);
        for by in [by, -by] {
            let mut proof = one.prove(PLACE.bind(Label::Blind), &[&x], &mut rng);
            raise(&mut proof, by);
            one.append(PLACE.bind(Label::Blind), &proof, &mut batch).unwrap();
        }
        assert_eq!(batch.check().is_ok(), by == Scalar::ZERO);
    }
}

#[test]
fn the_challenge_hashes_every_image() {
    // The same masks and the same witness: the response moves only with the challenge. Were an
    // image left out, it could be chosen after the challenge.
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let x = SecretScalar::random(&mut rng);
    let [base, first, second, other] = [(); 4].map(|()| random_point(&mut rng));
    let respond = |images: [Point; 2]| {
        let statement =
            LinearStatement::equal_exponents(&[(basepoint(), images[0]), (base, images[1])]);
        let mut same = ChaCha20Rng::seed_from_u64(7);
        statement.prove(PLACE.bind(Label::Blind), &[&x], &mut same)
    };
    let proof = respond([first, second]);
    assert_eq!(respond([first, second]), proof);
    for images in [[other, second], [first, other], [second, first]] {
        let moved = respond(images);
        assert_eq!(moved.first, proof.first);
        assert_ne!(moved.responses, proof.responses);
    }
}

#[test]
fn a_response_and_the_first_messages_shifted_alike_are_refused() {
    // Every equation would still hold, were the challenge not moved by the first messages.
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let x = SecretScalar::random(&mut rng);
    let bases = [basepoint(), random_point(&mut rng)];
    let pairs = bases.map(|base| (base, Point::from(base.value() * x.expose())));
    let statement = LinearStatement::equal_exponents(&pairs);
    let mut proof = statement.prove(PLACE.bind(Label::Blind), &[&x], &mut rng);
    for (first, base) in proof.first.iter_mut().zip(bases) {
        *first = Point::sum(&[first.decode().unwrap(), base]).bytes();
    }
    proof.responses[0] = (&(proof.responses[0].decode().unwrap() + Scalar::ONE)).into();
    assert!(linear_check(&statement, PLACE.bind(Label::Blind), &proof).is_err());
}
