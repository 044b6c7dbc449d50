//! One accumulator alters its message: every part of every kind of message.

use auction::elgamal::CiphertextBytes;
use auction::group::{Point, PointBytes, ScalarBytes, basepoint};
use auction::messages::{Content, EntriesPart, OrderPart, StageProof};
use auction::proofs::ProofError;
use auction::proofs::entries::EntriesProof;
use auction::proofs::linear::LinearProof;
use auction::proofs::masked::{MaskedSum, MaskedVector};
use auction::proofs::placed::PlacedProof;
use auction::proofs::segments::SegmentsProof;
use auction::referee::FaultReason;
use curve25519_dalek::Scalar;

use crate::cheats::{Table, caught};
use crate::in_memory::Terms;

/// Three tests a round, so that parts can be swapped and left out.
fn terms() -> Terms {
    Terms { fan_out: 4, ..Terms::small() }
}

fn raise(point: &mut PointBytes) {
    *point = Point::sum(&[point.decode().unwrap(), basepoint()]).bytes();
}

fn lower(point: &mut PointBytes) {
    let lowered = point.decode().unwrap().value() - basepoint().value();
    *point = Point::from(lowered).bytes();
}

fn bump(scalar: &mut ScalarBytes) {
    *scalar = (&(scalar.decode().unwrap() + Scalar::ONE)).into();
}

fn negate(point: &mut PointBytes) {
    *point = Point::from(-point.decode().unwrap().value()).bytes();
}

fn is_proof(reason: &FaultReason) -> bool {
    matches!(reason, FaultReason::Proof { .. })
}

fn is_shape(reason: &FaultReason) -> bool {
    matches!(reason, FaultReason::Proof { .. } | FaultReason::Count { .. })
}

fn is_encoding(reason: &FaultReason) -> bool {
    matches!(reason, FaultReason::Encoding(_) | FaultReason::Proof { .. })
}

type Alter<T> = fn(&mut T);
type Expected = fn(&FaultReason) -> bool;

/// Lets each accumulator in turn make each of the alterations.
fn each<T>(
    at: (&str, usize),
    part: fn(&mut Content) -> &mut T,
    alterations: &[(Alter<T>, Expected)],
) {
    each_in(terms(), at, part, alterations);
}

fn each_in<T>(
    terms: Terms,
    at: (&str, usize),
    part: fn(&mut Content) -> &mut T,
    alterations: &[(Alter<T>, Expected)],
) {
    for (i, (alter, expected)) in alterations.iter().enumerate() {
        let reason = caught(terms, at, i % 3, |content| alter(part(content)));
        assert!(expected(&reason), "{at:?}, alteration {i}: {reason}");
    }
}

fn linear() -> Vec<(Alter<LinearProof>, Expected)> {
    vec![
        (|proof| bump(&mut proof.responses[0]), is_proof),
        (|proof| raise(&mut proof.first[0]), is_proof),
        (|proof| raise(proof.first.last_mut().unwrap()), is_proof),
        (|proof| proof.first.reverse(), is_proof),
        (|proof| _ = proof.first.pop(), is_proof),
        (|proof| proof.first.push(PointBytes([0; 32])), is_proof),
        (|proof| proof.responses.clear(), is_proof),
        (|proof| proof.responses.push(ScalarBytes([0; 32])), is_proof),
        (|proof| proof.responses[0] = ScalarBytes([0xff; 32]), is_encoding),
        (|proof| proof.first[0] = PointBytes([0xff; 32]), is_encoding),
    ]
}

fn ciphertext() -> Vec<(Alter<CiphertextBytes>, Expected)> {
    vec![
        (|c| raise(&mut c.a), is_proof),
        (|c| raise(&mut c.b), is_proof),
        (|c| negate(&mut c.b), is_proof),
        (|c| std::mem::swap(&mut c.a, &mut c.b), is_proof),
        (|c| c.a = PointBytes([0; 32]), is_proof),
        (|c| c.b = PointBytes([0; 32]), is_proof),
        (|c| c.b = PointBytes([0xff; 32]), is_encoding),
    ]
}

fn show(content: &mut Content) -> (&mut Option<OrderPart>, &mut Option<Box<EntriesPart>>) {
    let Content::Show { order, entries } = content else { panic!() };
    (order, entries)
}

fn entries(content: &mut Content) -> &mut EntriesPart {
    show(content).1.as_mut().unwrap()
}

fn whole(content: &mut Content) -> &mut EntriesProof {
    let StageProof::Whole(proof) = &mut entries(content).proof else { panic!() };
    proof
}

fn segments(content: &mut Content) -> &mut SegmentsProof {
    match &mut entries(content).proof {
        StageProof::Ladder { proof, .. } | StageProof::Segment(proof) => proof,
        StageProof::Placed { proof, .. } => &mut proof.blocks,
        StageProof::Whole(_) => panic!(),
    }
}

fn masked(content: &mut Content) -> &mut MaskedSum {
    let StageProof::Ladder { sum, .. } = &mut entries(content).proof else { panic!() };
    sum
}

#[test]
fn an_altered_ladder_or_block_is_caught() {
    // The first two show steps are the ladder's; the third is the winner's blocks.
    for nth in [1, 2, 3] {
        let at = ("show", nth);
        each(at, |content| entries(content).ciphertexts.last_mut().unwrap(), &ciphertext());
        each(
            at,
            entries,
            &[
                (|part| part.ciphertexts.swap(0, 1), is_proof),
                (|part| _ = part.ciphertexts.pop(), is_shape),
                (|part| part.ciphertexts.push(part.ciphertexts[0]), is_shape),
                (|part| part.ciphertexts.clear(), is_shape),
            ],
        );
        let reason = caught(terms(), at, 1, |content| *show(content).1 = None);
        assert!(matches!(reason, FaultReason::Count { got: 0, expected: 1, .. }), "{reason}");
    }
    each(
        ("show", 3),
        whole,
        &[
            (|proof| bump(&mut proof.vector[7]), is_proof),
            (|proof| bump(&mut proof.blinding), is_proof),
            (|proof| bump(&mut proof.randomness), is_proof),
            (|proof| raise(&mut proof.first[0]), is_proof),
            (|proof| raise(&mut proof.first[2]), is_proof),
            (|proof| _ = proof.vector.pop(), is_proof),
            (|proof| proof.vector.push(ScalarBytes([0; 32])), is_proof),
            (|proof| proof.vector[0] = ScalarBytes([0xff; 32]), is_encoding),
        ],
    );
}

#[test]
fn an_altered_ladder_of_one_stage_is_caught() {
    let terms = Terms { block: 12, fan_out: 4, ..Terms::small() };
    let at = ("show", 1);
    each_in(terms, at, |content| entries(content).ciphertexts.last_mut().unwrap(), &ciphertext());
    let alterations: [(Alter<EntriesProof>, Expected); 5] = [
        (|proof| bump(&mut proof.vector[7]), is_proof),
        (|proof| bump(&mut proof.blinding), is_proof),
        (|proof| bump(&mut proof.randomness), is_proof),
        (|proof| raise(&mut proof.first[0]), is_proof),
        (|proof| _ = proof.vector.pop(), is_proof),
    ];
    each_in(terms, at, whole, &alterations);
}

#[test]
fn an_altered_proof_against_segments_is_caught() {
    for nth in [1, 2] {
        each(
            ("show", nth),
            segments,
            &[
                (|proof| bump(&mut proof.vector[2]), is_proof),
                (|proof| bump(&mut proof.blindings[0]), is_proof),
                (|proof| bump(&mut proof.randomness), is_proof),
                (|proof| raise(&mut proof.first[0]), is_proof),
                (|proof| raise(&mut proof.joined[0]), is_proof),
                (|proof| raise(&mut proof.joined[1]), is_proof),
                (|proof| _ = proof.vector.pop(), is_proof),
                (|proof| _ = proof.first.pop(), is_proof),
                (|proof| _ = proof.blindings.pop(), is_proof),
                (|proof| proof.vector.push(ScalarBytes([0; 32])), is_proof),
                (|proof| proof.first.push(PointBytes([0; 32])), is_proof),
                (|proof| proof.vector[0] = ScalarBytes([0xff; 32]), is_encoding),
                (|proof| proof.first[0] = PointBytes([0xff; 32]), is_encoding),
            ],
        );
    }
}

#[test]
fn an_altered_masked_sum_is_caught() {
    each(
        ("show", 1),
        masked,
        &[
            (|sum| bump(&mut sum.vector.entries[0]), is_proof),
            (|sum| bump(sum.vector.entries.last_mut().unwrap()), is_proof),
            (|sum| sum.vector.entries.swap(3, 4), is_proof),
            (|sum| bump(&mut sum.blinding), is_proof),
            (|sum| raise(&mut sum.vector.masks[1]), is_proof),
            // The masks' sum is what it was.
            (|sum| sum.vector.masks.swap(0, 1), is_proof),
            (
                |sum| {
                    raise(&mut sum.vector.masks[0]);
                    lower(&mut sum.vector.masks[1]);
                },
                is_proof,
            ),
            (|sum| _ = sum.vector.entries.pop(), is_proof),
            (|sum| _ = sum.vector.masks.pop(), is_proof),
            (|sum| sum.vector.entries.push(ScalarBytes([0; 32])), is_proof),
            (|sum| sum.vector.masks.push(PointBytes([0; 32])), is_proof),
            (|sum| sum.vector.entries[0] = ScalarBytes([0xff; 32]), is_encoding),
            (|sum| sum.vector.masks[0] = PointBytes([0xff; 32]), is_encoding),
        ],
    );
}

/// Blocks of two, so that three bidders take more than one stage. Four stages find the price; the
/// fifth show step is the winner's first.
fn pairs() -> Terms {
    Terms { block: 2, ..Terms::small() }
}

#[test]
fn altered_entries_at_the_winner_level_are_caught() {
    fn placed(content: &mut Content) -> (&mut MaskedVector, &mut PlacedProof) {
        let StageProof::Placed { entries, proof } = &mut entries(content).proof else { panic!() };
        (entries, proof)
    }
    let at = ("show", 5);
    let shown: [(Alter<MaskedVector>, Expected); 8] = [
        (|shown| bump(&mut shown.entries[0]), is_proof),
        (|shown| shown.entries.swap(1, 2), is_proof),
        (|shown| raise(&mut shown.masks[1]), is_proof),
        (|shown| shown.masks.swap(0, 1), is_proof),
        (|shown| _ = shown.entries.pop(), is_proof),
        (|shown| _ = shown.masks.pop(), is_proof),
        (|shown| shown.entries.push(ScalarBytes([0; 32])), is_proof),
        (|shown| shown.masks[0] = PointBytes([0xff; 32]), is_encoding),
    ];
    each_in(pairs(), at, |content| placed(content).0, &shown);
    let proof: [(Alter<PlacedProof>, Expected); 6] = [
        (|proof| bump(&mut proof.vector[7]), is_proof),
        (|proof| bump(&mut proof.blinding), is_proof),
        (|proof| bump(&mut proof.tie), is_proof),
        (|proof| raise(&mut proof.opening), is_proof),
        (|proof| _ = proof.vector.pop(), is_proof),
        (|proof| proof.tie = ScalarBytes([0xff; 32]), is_encoding),
    ];
    each_in(pairs(), at, |content| placed(content).1, &proof);
    let alterations: [(Alter<SegmentsProof>, Expected); 6] = [
        (|proof| bump(&mut proof.vector[2]), is_proof),
        (|proof| bump(&mut proof.blindings[1]), is_proof),
        (|proof| bump(&mut proof.randomness), is_proof),
        (|proof| raise(&mut proof.first[0]), is_proof),
        (|proof| raise(&mut proof.joined[1]), is_proof),
        (|proof| _ = proof.first.pop(), is_proof),
    ];
    each_in(pairs(), at, segments, &alterations);
    each_in(pairs(), at, |content| &mut entries(content).ciphertexts[1], &ciphertext());
}

#[test]
fn a_proof_of_another_kind_than_is_due_is_caught() {
    // What each kind of proof is made for, in each other's place.
    let proof_at = |terms: Terms, nth: usize| {
        let mut table = Table::seated(terms, &[5, 9, 5], 42);
        table.until("show", nth);
        entries(&mut table.messages()[1].body.content).proof.clone()
    };
    let due = [(terms(), 1), (terms(), 2), (terms(), 3), (pairs(), 5)];
    let proofs = due.map(|(terms, nth)| proof_at(terms, nth));
    for (i, (terms, nth)) in due.into_iter().enumerate() {
        for (j, proof) in proofs.iter().enumerate().filter(|(j, _)| *j != i) {
            let reason = caught(terms, ("show", nth), 1, |content| {
                entries(content).proof = proof.clone();
            });
            let kind = |error: &ProofError| matches!(error, ProofError::Kind(_));
            assert!(
                matches!(&reason, FaultReason::Proof { error, .. } if kind(error)),
                "{i} {j}: {reason}"
            );
        }
    }
}

#[test]
fn an_altered_contribution_to_the_order_is_caught() {
    let at = ("show", 1);
    each(at, |content| &mut show(content).0.as_mut().unwrap().proof, &linear());
    each(
        at,
        |content| &mut show(content).0.as_mut().unwrap().point,
        &[
            (raise, is_proof),
            (negate, is_proof),
            (|point| *point = PointBytes([0; 32]), is_proof),
            (|point| *point = PointBytes([0xff; 32]), is_encoding),
        ],
    );
    let reason = caught(terms(), at, 2, |content| *show(content).0 = None);
    assert!(matches!(reason, FaultReason::Count { got: 0, expected: 1, .. }), "{reason}");
    // A contribution where none is due.
    let mut table = Table::seated(terms(), &[5, 9, 5], 42);
    table.until("show", 1);
    let mut first = table.messages();
    let part = show(&mut first[0].body.content).0.clone();
    let reason = caught(terms(), ("show", 2), 0, |content| *show(content).0 = part);
    assert!(matches!(reason, FaultReason::Count { got: 1, expected: 0, .. }), "{reason}");
}

#[test]
fn an_altered_product_is_caught() {
    let at = ("multiply", 1);
    fn products(content: &mut Content) -> &mut Vec<auction::messages::Product> {
        let Content::Multiply(products) = content else { panic!() };
        products
    }
    each(at, |content| &mut products(content)[2].ciphertext, &ciphertext());
    each(at, |content| &mut products(content)[0].proof, &linear());
    each(
        at,
        products,
        &[
            (|products| products.swap(0, 1), is_proof),
            (|products| products[0] = products[1].clone(), is_proof),
            (|products| _ = products.pop(), is_shape),
            (|products| products.push(products[0].clone()), is_shape),
        ],
    );
}

#[test]
fn an_altered_blind_is_caught() {
    let at = ("blind", 1);
    fn blinds(content: &mut Content) -> &mut Vec<auction::messages::Blinded> {
        let Content::Blind(blinds) = content else { panic!() };
        blinds
    }
    each(at, |content| &mut blinds(content)[1].ciphertext, &ciphertext());
    each(at, |content| &mut blinds(content)[2].proof, &linear());
    each(
        at,
        blinds,
        &[
            (|blinds| blinds.swap(0, 2), is_proof),
            (|blinds| blinds[0] = blinds[1].clone(), is_proof),
            (|blinds| _ = blinds.pop(), is_shape),
            (|blinds| blinds.push(blinds[0].clone()), is_shape),
        ],
    );
}

#[test]
fn an_altered_opening_is_caught() {
    for at in [("open", 1), ("open", 2), ("open", 3)] {
        fn opened(content: &mut Content) -> &mut auction::messages::Opened {
            let Content::Open(opened) = content else { panic!() };
            opened
        }
        each(at, |content| &mut opened(content).proof, &linear());
        each(
            at,
            opened,
            &[
                (|opened| raise(&mut opened.factors[0]), is_proof),
                (|opened| negate(opened.factors.last_mut().unwrap()), is_proof),
                (|opened| opened.factors[0] = PointBytes([0; 32]), is_proof),
                (|opened| opened.factors[0] = PointBytes([0xff; 32]), is_encoding),
                (|opened| _ = opened.factors.pop(), is_shape),
                (|opened| opened.factors.push(PointBytes([0; 32])), is_shape),
            ],
        );
    }
    // Errors of two factors that add up to nothing.
    let reason = caught(terms(), ("open", 1), 1, |content| {
        let Content::Open(opened) = content else { panic!() };
        opened.factors.swap(0, 1);
    });
    assert!(is_proof(&reason), "{reason}");
}

#[test]
fn a_message_of_another_kind_is_caught_at_every_step() {
    let steps = ["list", "show", "multiply", "blind", "open", "outcome"];
    let mut table = Table::seated(terms(), &[5, 9, 5], 42);
    let mut contents = vec![Content::Receipts(Vec::new()), Content::Multiply(Vec::new())];
    contents.push(Content::Show { order: None, entries: None });
    for step in steps {
        table.until(step, 1);
        contents.push(table.messages()[0].body.content.clone());
    }
    // A message of another kind in place of the outcome: see `outcomes.rs`.
    for step in &steps[..5] {
        let step = *step;
        for content in contents.iter().filter(|content| content.name() != step) {
            let reason = caught(terms(), (step, 1), 0, |due| *due = content.clone());
            let expected = FaultReason::Content { got: content.name(), expected: step };
            assert_eq!(reason, expected);
        }
    }
}
