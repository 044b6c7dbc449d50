//! What the rounds open is zero or noise, and no count can be read off the elements shown.

use std::collections::{HashMap, HashSet};

use auction::elgamal::{Ciphertext, CiphertextBytes};
use auction::group::{Point, PointBytes, ScalarBytes};
use auction::messages::{Content, RoundMessage, StageProof};
use auction::proofs::segments::SegmentsProof;
use auction::spec::Rule;
use auction::step::Step;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::{RistrettoPoint, Scalar};

use crate::cheats::Table;
use crate::in_memory::Terms;

/// Numbers that can be read off an element: far more than there are bids here.
const READABLE: i64 = 10_000;

/// `v G` for every readable number, negative ones and zero too.
struct Readable(HashMap<PointBytes, i64>);

impl Readable {
    fn new() -> Self {
        let mut point = RISTRETTO_BASEPOINT_POINT * -Scalar::from(READABLE.unsigned_abs());
        let mut table = HashMap::new();
        for v in -READABLE..=READABLE {
            table.insert(Point::from(point).bytes(), v);
            point += RISTRETTO_BASEPOINT_POINT;
        }
        Self(table)
    }

    fn read(&self, point: &RistrettoPoint) -> Option<i64> {
        self.0.get(&Point::from(*point).bytes()).copied()
    }
}

fn tables() -> Vec<Table> {
    // Blocks of two, and few bidders for the levels: all kinds of proofs of stages. No two draw alike.
    let in_segments = Terms { levels: 24, block: 2, ..Terms::small() };
    let table =
        |(terms, rule, seed)| Table::seated(Terms { rule, ..terms }, &[4, 9, 7, 7, 1, 9], seed);
    [
        (Terms::small(), Rule::FirstPrice, 8),
        (Terms::small(), Rule::SecondPrice, 9),
        (in_segments, Rule::FirstPrice, 10),
        (in_segments, Rule::SecondPrice, 11),
    ]
    .map(table)
    .into()
}

#[test]
fn an_opened_test_is_zero_or_no_number_that_can_be_read() {
    let readable = Readable::new();
    let (mut zeros, mut others, mut counts) = (0, 0, HashSet::new());
    for mut table in tables() {
        while *table.judge.step() != Step::Complete {
            // What all keys together would read before it is blinded: the counts themselves.
            if let Step::Blind(tests) = table.judge.step() {
                let key: Scalar = table.decryption.iter().sum();
                let plain = |test: &Ciphertext| test.b.value() - test.a.value() * key;
                counts.extend(tests.iter().map(|test| readable.read(&plain(test)).unwrap()));
            }
            let messages = table.messages();
            if let Step::Open(blinded) = table.judge.step() {
                for (i, blinded) in blinded.iter().enumerate() {
                    let factors: RistrettoPoint = messages
                        .iter()
                        .map(|message| {
                            let Content::Open(opened) = &message.body.content else { panic!() };
                            *opened.factors[i].decode().unwrap().value()
                        })
                        .sum();
                    match readable.read(&(blinded.b.value() - factors)) {
                        Some(0) => zeros += 1,
                        None => others += 1,
                        Some(v) => panic!("{v} was opened"),
                    }
                }
            }
            table.offer(messages).unwrap();
        }
    }
    assert!(zeros > 3 && others > 3, "{zeros} zeros and {others} others");
    assert!(counts.len() > 3, "the counts behind them can be read with all keys: {counts:?}");
}

/// The elements of a stage's proof.
fn proof_points(proof: &StageProof) -> Vec<PointBytes> {
    let segments = |proof: &SegmentsProof| [&proof.first[..], &proof.joined].concat();
    let masks = proof.masked().map(|vector| vector.masks.clone()).unwrap_or_default();
    let first = match proof {
        StageProof::Whole(proof) => proof.first.to_vec(),
        StageProof::Ladder { proof, .. } | StageProof::Segment(proof) => segments(proof),
        StageProof::Placed { proof, .. } => {
            [&segments(&proof.blocks)[..], &[proof.opening]].concat()
        }
    };
    [masks, first].concat()
}

/// The scalars of a stage's proof.
fn proof_scalars(proof: &StageProof) -> Vec<ScalarBytes> {
    let segments =
        |proof: &SegmentsProof| [&proof.vector[..], &proof.blindings, &[proof.randomness]].concat();
    let entries = proof.masked().map(|vector| vector.entries.clone()).unwrap_or_default();
    let responses = match proof {
        StageProof::Whole(proof) => {
            [&proof.vector[..], &[proof.blinding, proof.randomness]].concat()
        }
        StageProof::Ladder { sum, proof } => [&[sum.blinding][..], &segments(proof)].concat(),
        StageProof::Segment(proof) => segments(proof),
        StageProof::Placed { proof, .. } => {
            [&segments(&proof.blocks)[..], &[proof.tie], &proof.vector, &[proof.blinding]].concat()
        }
    };
    [entries, responses].concat()
}

/// The elements that a message shows.
fn points(message: &RoundMessage) -> Vec<PointBytes> {
    let both = |c: &CiphertextBytes| [c.a, c.b];
    match &message.body.content {
        Content::List(_) | Content::Receipts(_) | Content::Outcome(_) => Vec::new(),
        Content::Show { order, entries } => {
            let order = order.iter().flat_map(|o| [&[o.point][..], &o.proof.first].concat());
            let entries = entries.iter().flat_map(|e| {
                e.ciphertexts
                    .iter()
                    .flat_map(both)
                    .chain(proof_points(&e.proof))
                    .collect::<Vec<_>>()
            });
            order.chain(entries).collect()
        }
        Content::Multiply(products) => products
            .iter()
            .flat_map(|p| [&both(&p.ciphertext)[..], &p.proof.first].concat())
            .collect(),
        Content::Blind(blinds) => blinds
            .iter()
            .flat_map(|b| [&both(&b.ciphertext)[..], &b.proof.first].concat())
            .collect(),
        Content::Open(opened) => [&opened.factors[..], &opened.proof.first].concat(),
    }
}

/// The responses that a message shows.
fn scalars(message: &RoundMessage) -> Vec<ScalarBytes> {
    match &message.body.content {
        Content::List(_) | Content::Receipts(_) | Content::Outcome(_) => Vec::new(),
        Content::Show { order, entries } => {
            let order = order.iter().flat_map(|o| o.proof.responses.clone());
            let entries = entries.iter().flat_map(|e| proof_scalars(&e.proof));
            order.chain(entries).collect()
        }
        Content::Multiply(products) => {
            products.iter().flat_map(|p| p.proof.responses.clone()).collect()
        }
        Content::Blind(blinds) => blinds.iter().flat_map(|b| b.proof.responses.clone()).collect(),
        Content::Open(opened) => opened.proof.responses.clone(),
    }
}

#[test]
fn no_count_can_be_read_off_the_elements_shown_their_differences_or_their_sums() {
    let readable = Readable::new();
    for mut table in tables() {
        while *table.judge.step() != Step::Complete {
            let messages = table.messages();
            let shown: Vec<Vec<Point>> = messages
                .iter()
                .map(|m| points(m).iter().map(|p| p.decode().unwrap()).collect())
                .collect();
            let all: Vec<&Point> = shown.iter().flatten().collect();
            for (i, point) in all.iter().enumerate() {
                assert_eq!(readable.read(point.value()), None);
                for other in &all[..i] {
                    let difference = point.value() - other.value();
                    assert_eq!(readable.read(&difference), None, "{:?}", table.judge.step());
                }
            }
            // What stands at the same place in every accumulator's message, summed.
            for i in 0..shown[0].len() {
                let sum = Point::sum(shown.iter().map(|points| &points[i]));
                assert_eq!(readable.read(sum.value()), None);
            }
            table.offer(messages).unwrap();
        }
    }
}

#[test]
fn no_mask_serves_twice_and_no_response_is_small() {
    // Two proofs with one mask give the secret away: all first messages differ, and no two
    // responses differ by a number that could be a count.
    let mut firsts = HashSet::new();
    let mut responses: Vec<Scalar> = Vec::new();
    for mut table in tables() {
        while *table.judge.step() != Step::Complete {
            let messages = table.messages();
            for message in &messages {
                for point in points(message) {
                    assert!(firsts.insert(point), "an element came twice");
                }
                responses.extend(scalars(message).iter().map(|s| s.decode().unwrap()));
            }
            table.offer(messages).unwrap();
        }
    }
    assert!(firsts.len() > 300 && responses.len() > 300);
    responses.push(Scalar::ZERO);
    let mut sorted: Vec<[u8; 32]> = responses
        .iter()
        .map(|scalar| {
            let mut bytes = scalar.to_bytes();
            bytes.reverse();
            bytes
        })
        .collect();
    sorted.sort_unstable();
    // Neighbours of thousands of uniform scalars differ in their high half.
    assert!(sorted.windows(2).all(|pair| pair[0][..16] != pair[1][..16]));
}
