//! Well-made lies: an accumulator that proves, as well as anyone can, sums, entries and products
//! that are not those of the sealed bids.

use auction::elgamal::Ciphertext;
use auction::group::{Point, ScalarBytes};
use auction::join::Auction;
use auction::layout::{Label, Layout};
use auction::messages::{Blinded, Content, EntriesPart, Opened, Product, StageProof};
use auction::proofs::Place;
use auction::proofs::commitment::commit_run;
use auction::proofs::entries::{EntriesMask, EntriesWitness};
use auction::proofs::joined::JoinedMask;
use auction::proofs::masked::{MaskedVector, SegmentsMask, VectorMask};
use auction::proofs::opening::OpeningStatement;
use auction::proofs::segments::SegmentsProofMask;
use auction::referee::{FaultReason, statements};
use auction::secret::{SecretScalar, SecretVector};
use auction::shares::{ShareSum, SummedShare};
use auction::step::{Against, Masked, Shown, Step};
use curve25519_dalek::{RistrettoPoint, Scalar};
use rand::SeedableRng as _;
use rand::rngs::ChaCha20Rng;

use crate::cheats::Table;
use crate::in_memory::Terms;

const LIAR: usize = 1;

/// How a ladder's or a stage's ciphertexts are made.
#[derive(Clone, Copy)]
pub(crate) struct Lie<'a> {
    /// What is added to each entry.
    pub(crate) added: &'a [Scalar],
    /// Whether the vector that is claimed to open agrees with the ciphertexts.
    pub(crate) consistent: bool,
    /// Whether the ciphertexts have no randomness.
    pub(crate) bare: bool,
}

fn summed(table: &Table, k: usize, digests: &[auction::layout::Digest]) -> SummedShare {
    let levels = table.auction.levels();
    let mut sum = ShareSum::new(levels);
    for digest in digests {
        sum.add(&table.shares[k][digest].expand(levels).unwrap()).unwrap();
    }
    sum.finish()
}

/// The entries part of accumulator `k` for the step that is due, made from its shares, with a lie.
///
/// Returned with the randomness of its ciphertexts.
pub(crate) fn entries_part(
    table: &mut Table,
    k: usize,
    lie: Lie<'_>,
) -> (EntriesPart, SecretVector) {
    let Step::Show { shown: Some(shown), .. } = table.judge.step().clone() else { panic!() };
    let tally = table.judge.tally().unwrap();
    let digest = |bid: &auction::checking::CountedBid| bid.digest();
    let mut parts: Vec<SummedShare> = match &shown {
        Shown::Ladder { .. } => {
            vec![summed(table, k, &tally.bids().iter().map(digest).collect::<Vec<_>>())]
        }
        Shown::Blocks { blocks, .. } => blocks
            .iter()
            .map(|b| summed(table, k, &tally.at(*b).map(digest).collect::<Vec<_>>()))
            .collect(),
    };
    let place_of = |i: usize| match &shown {
        Shown::Ladder { levels, .. } => (0, levels[i].index()),
        Shown::Blocks { level, .. } => (i, level.index()),
    };
    let truth: Vec<Scalar> =
        (0..shown.count()).map(place_of).map(|(p, j)| parts[p].vector.expose()[j]).collect();
    let told: Vec<Scalar> = truth.iter().zip(lie.added).map(|(t, a)| t + a).collect();
    if lie.consistent {
        for (i, told) in told.iter().enumerate() {
            let (part, level) = place_of(i);
            let mut vector = parts[part].vector.expose().to_vec();
            vector[level] = *told;
            parts[part].vector = SecretVector::new(vector);
        }
    }
    let randomness = match lie.bare {
        true => SecretVector::new(vec![Scalar::ZERO; told.len()]),
        false => SecretVector::random(told.len(), &mut table.rng),
    };
    let key = *table.auction.key();
    let ciphertexts: Vec<Ciphertext> = told
        .iter()
        .zip(randomness.expose())
        .map(|(told, t)| Ciphertext::encrypt(&key, told, t))
        .collect();
    let prover = table.identities[k].public();
    let place = Place {
        context: table.auction.context(),
        prover: &prover,
        round: table.judge.round(),
        previous: table.judge.previous(),
    };
    let made = (&ciphertexts[..], &randomness);
    let proof = match &shown {
        Shown::Ladder { against: Against::Masked(Masked { opened: Some(_), .. }), .. } => {
            segment_proof(table, k, &place, &parts[0].vector, &shown, made)
        }
        Shown::Ladder { .. } => {
            ladder_proof(&table.auction, &place, tally.sums()[k], &parts[0], &shown, made)
        }
        Shown::Blocks { .. } => {
            let statement = statements::entries(tally, k, &key, &shown, &ciphertexts);
            let weights = statement.weights(&place);
            let opened = weighted(&parts, &weights);
            let (generators, levels) = (table.auction.generators(), table.auction.levels());
            let mask = EntriesMask::generate(generators, &key, levels, &mut table.rng);
            let witness = EntriesWitness {
                vector: &opened.vector,
                blinding: &opened.blinding,
                randomness: &randomness,
            };
            StageProof::Whole(statement.prove(&place, &weights, &witness, Box::new(mask)))
        }
    };
    let ciphertexts = ciphertexts.iter().map(Ciphertext::bytes).collect();
    (EntriesPart { ciphertexts, proof }, randomness)
}

/// The proof of a ladder's first stage, from a sum that may not be the one committed to.
fn ladder_proof(
    auction: &Auction,
    place: &Place<'_>,
    committed: Point,
    opened: &SummedShare,
    shown: &Shown,
    (ciphertexts, randomness): (&[Ciphertext], &SecretVector),
) -> StageProof {
    let Against::Masked(masked) = shown.against() else { panic!() };
    let segments = &masked.segments;
    let rng = &mut ChaCha20Rng::seed_from_u64(shown.count() as u64);
    let mut mask = || {
        let blindings = SecretVector::random(segments.len(), rng);
        SegmentsMask::generate(auction.generators(), segments, blindings, rng)
    };
    let (sum, known, opened) = mask().show_sum(place, &committed, opened);
    let fresh = mask();
    let joined = JoinedMask::generate(auction.key(), rng);
    let statement = statements::segments(auction.key(), &known, masked, shown, ciphertexts);
    let weights = statement.weights(place);
    let fresh = SegmentsProofMask { segments: fresh, joined };
    let proof = statement.prove(place, &weights, &opened, randomness, fresh);
    StageProof::Ladder { sum, proof }
}

/// The proof of a later stage, as if the vector that accumulator `k` showed under its mask had been
/// this one: with the mask that it would then have, and the blindings that it has.
fn segment_proof(
    table: &Table,
    k: usize,
    place: &Place<'_>,
    vector: &SecretVector,
    shown: &Shown,
    (ciphertexts, randomness): (&[Ciphertext], &SecretVector),
) -> StageProof {
    let (auction, context) = (&table.auction, table.auction.context());
    let Against::Masked(masked) = shown.against() else { panic!() };
    let (generators, segments) = (auction.generators(), &masked.segments);
    let said = table.judge.rounds().iter().find_map(|round| match &round[k].body.content {
        Content::Show { entries: Some(part), .. } => Some(&part.proof),
        _ => None,
    });
    let StageProof::Ladder { sum, proof } = said.unwrap() else { panic!() };
    let blinding = |b| {
        let mut layout = Layout::new(Label::SegmentBlinding, context);
        layout.fixed(&table.seeds[k]).fixed(&proof.joined[0].0).count(b).scalar()
    };
    let blindings: Vec<Scalar> = (0..segments.len()).map(blinding).collect();
    let mask = |(shown, entry): (&ScalarBytes, &Scalar)| shown.decode().unwrap() - entry;
    let mask: Vec<Scalar> = sum.vector.entries.iter().zip(vector.expose()).map(mask).collect();
    let runs = segments.entries(0..segments.len()).zip(&blindings);
    let commitment = |(run, rho): (std::ops::Range<usize>, &Scalar)| {
        Point::from(commit_run(generators, run.start, &mask[run], rho)).bytes()
    };
    let masks = runs.map(commitment).collect();
    let as_if = MaskedVector { masks, entries: sum.vector.entries.clone() };
    let blindings = SecretVector::new(blindings);
    let mask = VectorMask::recall(generators, segments, &as_if, vector, blindings).unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(77);
    let fresh = SecretVector::random(segments.len(), rng);
    let fresh = SegmentsProofMask {
        segments: SegmentsMask::generate(generators, segments, fresh, rng),
        joined: JoinedMask::generate(auction.key(), rng),
    };
    let known = &table.judge.masked()[k];
    let statement = statements::segments(auction.key(), known, masked, shown, ciphertexts);
    let weights = statement.weights(place);
    StageProof::Segment(statement.prove(place, &weights, &mask, randomness, fresh))
}

/// The sum of what the blocks open to, each under its weight.
fn weighted(parts: &[SummedShare], weights: &[Scalar]) -> SummedShare {
    let entry = |j: usize| -> Scalar {
        parts.iter().zip(weights).map(|(part, weight)| part.vector.expose()[j] * weight).sum()
    };
    let vector = (0..parts[0].vector.expose().len()).map(entry).collect();
    let blindings = parts.iter().zip(weights).map(|(part, w)| part.blinding.expose() * w);
    SummedShare { vector: SecretVector::new(vector), blinding: SecretScalar::new(blindings.sum()) }
}

fn say(table: &mut Table, part: EntriesPart) -> Vec<auction::messages::RoundMessage> {
    let mut messages = table.messages();
    table.alter(&mut messages, LIAR, |content| {
        let Content::Show { entries, .. } = content else { panic!() };
        *entries = Some(Box::new(part));
    });
    messages
}

fn scalars(numbers: [i64; 3]) -> Vec<Scalar> {
    let scalar = |n: i64| {
        let size = Scalar::from(n.unsigned_abs());
        if n < 0 { -size } else { size }
    };
    numbers.into_iter().map(scalar).collect()
}

fn table(nth: usize) -> Table {
    let mut table = Table::seated(Terms { fan_out: 4, ..Terms::small() }, &[5, 9, 5], 80);
    table.until("show", nth);
    table
}

#[test]
fn the_truth_made_by_the_kit_passes() {
    // Otherwise the refusals below would say nothing.
    for nth in [1, 2, 3] {
        let mut table = table(nth);
        let (part, _) = entries_part(
            &mut table,
            LIAR,
            Lie { added: &scalars([0, 0, 0]), consistent: true, bare: false },
        );
        let messages = say(&mut table, part);
        table.offer(messages).unwrap();
    }
}

#[test]
fn an_altered_sum_is_caught_however_well_it_is_proved() {
    // The ladder's stages and the winner's: a bid more, a bid less, a bid moved, errors that
    // cancel, and a sum that hides everything.
    for nth in [1, 2, 3] {
        for lie in [[1, 0, 0], [0, 0, -1], [1, -1, 0], [1, 1, 1], [-2, 1, 1], [1_000_000, 0, 0]] {
            for consistent in [true, false] {
                let mut table = table(nth);
                let Step::Show { shown: Some(shown), .. } = table.judge.step() else { panic!() };
                if lie.iter().take(shown.count()).all(|added| *added == 0) {
                    // The ladder's second stage shows two levels.
                    continue;
                }
                let added = scalars(lie);
                let made = Lie { added: &added, consistent, bare: false };
                let (part, _) = entries_part(&mut table, LIAR, made);
                let messages = say(&mut table, part);
                let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
                assert_eq!(culprit, LIAR);
                assert!(matches!(reason, FaultReason::Proof { .. }), "{lie:?}: {reason}");
            }
        }
    }
}

/// Products of accumulator `k` whose true numbers are raised by `raise`, proved with the true
/// randomness of its ciphertexts.
fn products(table: &mut Table, k: usize, raise: Scalar, randomness: &SecretVector) -> Content {
    let Step::Multiply(due) = table.judge.step().clone() else { panic!() };
    let digests: Vec<_> = table.bids.iter().map(auction::bid::SealedBid::digest).collect();
    let truth = summed(table, k, &digests);
    let prover = table.identities[k].public();
    let key = *table.auction.key();
    let mut said = Vec::new();
    for of in &due {
        // The first stage of twelve levels in four parts shows levels 4, 7 and 10.
        let level = 3 + 3 * of.shown;
        let s = SecretScalar::new(truth.vector.expose()[level] + raise);
        let t = SecretScalar::new(randomness.expose()[of.shown]);
        let again = SecretScalar::random(&mut table.rng);
        let times =
            |point: &RistrettoPoint, mask: RistrettoPoint| (point * s.expose() + mask).into();
        let product = Ciphertext {
            a: times(of.less_one.a.value(), RistrettoPoint::mul_base(again.expose())),
            b: times(of.less_one.b.value(), key.value() * again.expose()),
        };
        let place = Place {
            context: table.auction.context(),
            prover: &prover,
            round: table.judge.round(),
            previous: table.judge.previous(),
        };
        let proof = statements::multiply(&key, k, of, &product).prove(
            place.bind(Label::Multiply),
            &[&t, &s, &again],
            &mut table.rng,
        );
        said.push(Product { ciphertext: product.bytes(), proof });
    }
    Content::Multiply(said)
}

#[test]
fn a_product_with_another_number_is_caught_however_well_it_is_proved() {
    for raise in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE] {
        let mut table = table(1);
        let honest = Lie { added: &scalars([0, 0, 0]), consistent: true, bare: false };
        let (part, randomness) = entries_part(&mut table, LIAR, honest);
        let messages = say(&mut table, part);
        table.offer(messages).unwrap();
        let product = products(&mut table, LIAR, raise, &randomness);
        let mut messages = table.messages();
        table.alter(&mut messages, LIAR, |content| *content = product);
        if raise == Scalar::ZERO {
            table.offer(messages).unwrap();
            continue;
        }
        let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
        assert_eq!(culprit, LIAR);
        assert!(matches!(reason, FaultReason::Proof { part: "multiply", .. }), "{reason}");
    }
}

#[test]
fn decryption_factors_whose_errors_add_up_to_nothing_are_caught_however_well_proved() {
    // One proof covers all factors of a round, joined under weights: a wrong factor whose error
    // another takes back, proved with the true key over the very statement that is judged.
    for errors in [[1, -1, 0], [0, 5, -5], [-2, 1, 1], [0, 0, 0]] {
        let mut table = table(1);
        table.until("open", 1);
        let Step::Open(blinded) = table.judge.step().clone() else { panic!() };
        let secret = SecretScalar::new(table.decryption[LIAR]);
        let factors: Vec<Point> = blinded
            .iter()
            .zip(scalars(errors))
            .map(|(blinded, error)| {
                let wrong = RistrettoPoint::mul_base(&error);
                (blinded.a.value() * secret.expose() + wrong).into()
            })
            .collect();
        let prover = table.identities[LIAR].public();
        let place = Place {
            context: table.auction.context(),
            prover: &prover,
            round: table.judge.round(),
            previous: table.judge.previous(),
        };
        let key = table.auction.keys()[LIAR];
        let statement = OpeningStatement { key, blinded: &blinded, factors: &factors };
        let proof = statement.prove(&place, &secret, &mut table.rng);
        let factors = factors.iter().map(Point::bytes).collect();
        let mut messages = table.messages();
        let said = Content::Open(Opened { factors, proof });
        table.alter(&mut messages, LIAR, |content| *content = said);
        if errors == [0, 0, 0] {
            table.offer(messages).unwrap();
            continue;
        }
        let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
        assert_eq!(culprit, LIAR);
        assert!(matches!(reason, FaultReason::Proof { part: "open", .. }), "{reason}");
    }
}

/// Blinds of accumulator `k` with the given `r`, one a test, each with a good proof.
pub(crate) fn blinds(table: &mut Table, k: usize, r: &[Scalar]) -> Content {
    let Step::Blind(tests) = table.judge.step().clone() else { panic!() };
    let prover = table.identities[k].public();
    let mut said = Vec::new();
    for (test, r) in tests.iter().zip(r) {
        let blinded = Ciphertext { a: (test.a.value() * r).into(), b: (test.b.value() * r).into() };
        let place = Place {
            context: table.auction.context(),
            prover: &prover,
            round: table.judge.round(),
            previous: table.judge.previous(),
        };
        let secret = SecretScalar::new(*r);
        let proof = statements::blind(test, &blinded).prove(
            place.bind(Label::Blind),
            &[&secret],
            &mut table.rng,
        );
        said.push(Blinded { ciphertext: blinded.bytes(), proof });
    }
    Content::Blind(said)
}

#[test]
fn a_blind_of_zero_by_one_accumulator_changes_no_answer() {
    let mut table = table(1);
    table.until("blind", 1);
    let blind = blinds(&mut table, LIAR, &[Scalar::ZERO; 3]);
    let mut messages = table.messages();
    table.alter(&mut messages, LIAR, |content| *content = blind);
    table.offer(messages).unwrap();
    while *table.judge.step() != Step::Complete {
        table.play();
    }
    assert_eq!(table.judge.outcome().unwrap().sale.unwrap().level.0, 5);
}
