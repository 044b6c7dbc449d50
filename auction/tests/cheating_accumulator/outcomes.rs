//! False words in place of the outcome: the rounds before decide it, so they change nothing and
//! name their speakers.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::messages::{Content, Listed};
use auction::money::Amount;
use auction::outcome::Outcome;
use auction::prices::Level;
use auction::referee::Refused;
use auction::step::Step;
use auction::transcript::Transcript;

use crate::cheats::Table;
use crate::in_memory::Terms;

fn at_the_outcome() -> (Table, Outcome) {
    let mut table = Table::seated(Terms::small(), &[5, 9, 5], 85);
    table.until("outcome", 1);
    let outcome = *table.judge.outcome().unwrap();
    (table, outcome)
}

/// Lets the accumulators of `liars` say `false_word`, leaves `silent` out, and checks that the
/// outcome stands and exactly the liars are named, by the judge and by an outsider.
fn stands(liars: &[usize], silent: &[usize], false_word: &Content) {
    let (mut table, outcome) = at_the_outcome();
    let mut messages = table.messages();
    for k in liars {
        table.alter(&mut messages, *k, |content| *content = false_word.clone());
    }
    messages.retain(|message| !silent.contains(&usize::from(message.body.accumulator)));
    table.offer(messages).unwrap();
    assert_eq!(table.judge.waiting_for(), silent);
    assert_eq!(table.judge.outcome(), Some(&outcome));
    let honest: Vec<usize> = (0..3).filter(|k| !liars.contains(k) && !silent.contains(k)).collect();
    assert_eq!(table.judge.signers(), (honest.clone(), liars.to_vec()));
    let bytes = Transcript::of(&table.judge).unwrap().to_bytes().unwrap();
    let verdict = Transcript::from_bytes(&bytes).unwrap().verify(None, &mut table.rng).unwrap();
    assert_eq!(verdict.outcome, outcome);
    assert_eq!((verdict.signed_by, verdict.false_signers), (honest, liars.to_vec()));
}

#[test]
fn a_false_outcome_changes_nothing_and_names_its_signer() {
    let alterations: [fn(&mut Outcome); 8] = [
        |outcome| outcome.sale = None,
        |outcome| outcome.sale.as_mut().unwrap().level = Level(8),
        |outcome| outcome.sale.as_mut().unwrap().price = Amount(1),
        |outcome| outcome.sale.as_mut().unwrap().winner = PublicKey([9; 32]),
        |outcome| outcome.tie = !outcome.tie,
        |outcome| outcome.bids += 1,
        |outcome| outcome.set = Digest([1; 32]),
        |outcome| outcome.transcript = Digest([1; 32]),
    ];
    let (_, honest) = at_the_outcome();
    for (i, alter) in alterations.into_iter().enumerate() {
        let mut outcome = honest;
        alter(&mut outcome);
        let word = Content::Outcome(outcome);
        stands(&[i % 3], &[], &word);
        stands(&[i % 3], &[(i + 1) % 3], &word);
    }
}

#[test]
fn all_together_cannot_sign_another_outcome_into_being() {
    let (table, mut outcome) = at_the_outcome();
    let winner = outcome.sale.unwrap().winner;
    let loser = table.bids.iter().map(|bid| bid.bidder).find(|key| *key != winner).unwrap();
    outcome.sale.as_mut().unwrap().winner = loser;
    stands(&[0, 1, 2], &[], &Content::Outcome(outcome));
    stands(&[0, 2], &[1], &Content::Outcome(outcome));
}

#[test]
fn a_message_of_another_kind_is_no_signature() {
    stands(&[1], &[], &Content::List(Vec::new()));
    stands(&[0, 1], &[2], &Content::Blind(Vec::new()));
}

#[test]
fn a_long_word_of_another_kind_does_not_lengthen_the_proof() {
    let (mut table, outcome) = at_the_outcome();
    let bytes = |table: &Table| Transcript::of(&table.judge).unwrap().to_bytes().unwrap();
    let before = bytes(&table).len();
    let listed = Listed { bid: Digest([7; 32]), complete: true };
    for complete in [false, true] {
        let (mut table, _) = at_the_outcome();
        let mut messages = table.messages();
        for k in [0, 2] {
            let long = Content::List(vec![listed; 10_000]);
            table.alter(&mut messages, k, |content| *content = long.clone());
        }
        let silent = if complete { None } else { Some(0) };
        messages.retain(|message| Some(usize::from(message.body.accumulator)) != silent);
        table.offer(messages).unwrap();
        let file = bytes(&table);
        assert!(file.len() < before + 1_000, "{} bytes, not {before}", file.len());
        let verdict = Transcript::from_bytes(&file).unwrap().verify(None, &mut table.rng).unwrap();
        assert_eq!((verdict.outcome, verdict.signed_by), (outcome, vec![1]));
    }
    // Where all others lie so, nobody has signed, and the rounds before still prove it.
    let mut messages = table.messages();
    for k in 0..3 {
        let long = Content::List(vec![listed; 10_000]);
        table.alter(&mut messages, k, |content| *content = long.clone());
    }
    table.offer(messages).unwrap();
    let file = Transcript::from_bytes(&bytes(&table)).unwrap();
    assert_eq!(file.verify(None, &mut table.rng).unwrap().outcome, outcome);
}

#[test]
fn a_second_word_convicts() {
    let (mut table, mut outcome) = at_the_outcome();
    let mut messages = table.messages();
    table.offer(messages.clone()).unwrap();
    assert_eq!(*table.judge.step(), Step::Complete);
    outcome.bids += 1;
    table.alter(&mut messages, 1, |content| *content = Content::Outcome(outcome));
    let refused = table.judge.offer(messages.remove(1));
    assert!(matches!(refused, Err(Refused::Equivocation { accumulator: 1, .. })), "{refused:?}");
}
