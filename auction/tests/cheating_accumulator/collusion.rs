//! All accumulators together: they know every secret of one another, and still cannot make the
//! referee believe another outcome.

use auction::group::PointBytes;
use auction::messages::{Content, RoundMessage};
use auction::prices::Level;
use auction::referee::FaultReason;
use auction::spec::Rule;
use auction::step::Step;
use curve25519_dalek::{RistrettoPoint, Scalar};

use crate::cheats::Table;
use crate::in_memory::Terms;
use crate::lies::{Lie, blinds, entries_part};

fn table() -> Table {
    Table::seated(Terms { fan_out: 4, ..Terms::small() }, &[5, 9, 5], 85)
}

fn all_say(table: &mut Table, say: impl FnMut(&mut Table, usize) -> Content) -> Vec<RoundMessage> {
    let mut messages = table.messages();
    let contents: Vec<Content> = (0..3).scan(say, |say, k| Some(say(table, k))).collect();
    for (k, content) in contents.into_iter().enumerate() {
        table.alter(&mut messages, k, |due| *due = content);
    }
    messages
}

fn named(culprits: &[(usize, FaultReason)]) -> Vec<usize> {
    culprits.iter().map(|(k, _)| *k).collect()
}

#[test]
fn blinds_that_add_up_to_zero_convict_all() {
    // Each blind is well proved; their sum would make every count look like zero.
    let r = |test: u64| {
        let first = [Scalar::from(17 + test), Scalar::from(99u64)];
        [first[0], first[1], -(first[0] + first[1])]
    };
    // For all tests, for one among honest ones, and with no blinding at all.
    for cancelled in [&[0, 1, 2][..], &[1], &[2]] {
        for zero in [false, true] {
            let mut table = table();
            table.until("blind", 1);
            let messages = all_say(&mut table, |table, k| {
                let own = |test: usize| match (cancelled.contains(&test), zero) {
                    (true, true) => Scalar::ZERO,
                    (true, false) => r(test as u64)[k],
                    (false, _) => Scalar::from(1_000 + k as u64),
                };
                blinds(table, k, &[own(0), own(1), own(2)])
            });
            let fault = table.stopped_by(messages);
            assert_eq!(fault.culprits, [0, 1, 2].map(|k| (k, FaultReason::BlindsCancel)));
        }
    }
}

#[test]
fn known_blinds_that_do_not_cancel_still_give_the_right_answer() {
    let mut table = table();
    while *table.judge.step() != Step::Complete {
        let Step::Blind(tests) = table.judge.step() else {
            table.play();
            continue;
        };
        let count = tests.len();
        let messages = all_say(&mut table, |table, k| {
            blinds(table, k, &vec![Scalar::from(k as u64 + 1); count])
        });
        table.offer(messages).unwrap();
    }
    let outcome = table.judge.outcome().unwrap();
    assert_eq!((outcome.sale.unwrap().level, outcome.tie), (Level(5), false));
}

#[test]
fn shares_moved_from_one_sum_to_another_convict_those_who_moved_them() {
    // The total is right, and each of the two sums is not that of its commitment.
    for nth in [1, 3] {
        let mut table = table();
        table.until("show", nth);
        let one = [Scalar::ONE, Scalar::ZERO, Scalar::ZERO];
        let mut messages = table.messages();
        for (k, sign) in [(0, Scalar::ONE), (2, -Scalar::ONE)] {
            let added = one.map(|entry| entry * sign);
            let lie = Lie { added: &added, consistent: true, bare: false };
            let (part, _) = entries_part(&mut table, k, lie);
            table.alter(&mut messages, k, |content| {
                let Content::Show { entries, .. } = content else { panic!() };
                *entries = Some(Box::new(part));
            });
        }
        let fault = table.stopped_by(messages);
        assert_eq!(named(&fault.culprits), [0, 2]);
    }
}

#[test]
fn ciphertexts_without_randomness_do_not_make_a_false_zero() {
    // All three encrypt without randomness: the tested ciphertext is (0, v G), so that whatever
    // multiple of it is opened, the neutral element stands for A', as it does when blinds cancel.
    let mut table =
        Table::seated(Terms { rule: Rule::FirstPrice, ..Terms::small() }, &[5, 9, 5], 86);
    let zeros = [Scalar::ZERO; 3];
    table.until("show", 1);
    let mut messages = table.messages();
    for k in 0..3 {
        let lie = Lie { added: &zeros, consistent: true, bare: true };
        let (part, _) = entries_part(&mut table, k, lie);
        table.alter(&mut messages, k, |content| {
            let Content::Show { entries, .. } = content else { panic!() };
            *entries = Some(Box::new(part));
        });
    }
    table.offer(messages).unwrap();
    let Step::Blind(tests) = table.judge.step() else { panic!() };
    assert!(tests.iter().all(|test| test.a.is_identity() && !test.b.is_identity()));
    let count = tests.len();
    let messages =
        all_say(&mut table, |table, k| blinds(table, k, &vec![Scalar::from(k as u64 + 1); count]));
    let fault = table.stopped_by(messages);
    assert_eq!(fault.culprits, [0, 1, 2].map(|k| (k, FaultReason::BlindsCancel)));
}

#[test]
fn answers_bent_together_convict_all_who_bent_them() {
    // Together they choose factors that add up to B' (so: zero), or that do not.
    for zero in [true, false] {
        let mut table = table();
        table.until("open", 1);
        let Step::Open(blinded) = table.judge.step().clone() else { panic!() };
        let keys = table.decryption.clone();
        let messages = all_say(&mut table, |table, k| {
            let mut honest = table.messages()[k].body.content.clone();
            let Content::Open(opened) = &mut honest else { panic!() };
            for (factor, blinded) in opened.factors.iter_mut().zip(&blinded) {
                // A third of B' each, or one more than the truth.
                let third = Scalar::from(3u64).invert();
                let bent = match zero {
                    true => blinded.b.value() * third,
                    false => blinded.a.value() * keys[k] + RistrettoPoint::mul_base(&Scalar::ONE),
                };
                *factor = PointBytes(bent.compress().to_bytes());
            }
            honest
        });
        let fault = table.stopped_by(messages);
        assert_eq!(named(&fault.culprits), [0, 1, 2]);
        let proofs = |(_, why): &(usize, FaultReason)| matches!(why, FaultReason::Proof { .. });
        assert!(fault.culprits.iter().all(proofs));
    }
}

#[test]
fn two_cheats_in_one_round_are_both_named() {
    let mut table = table();
    table.until("blind", 1);
    let mut messages = table.messages();
    table.alter(&mut messages, 0, |content| {
        let Content::Blind(blinds) = content else { panic!() };
        blinds.pop();
    });
    table.alter(&mut messages, 2, |content| *content = Content::List(Vec::new()));
    let fault = table.stopped_by(messages);
    assert!(matches!(
        fault.culprits.as_slice(),
        [(0, FaultReason::Count { .. }), (2, FaultReason::Content { .. })]
    ));
}
