//! Silence proves nothing and hides nobody: who has not spoken is known, and an unfinished
//! transcript decides nothing.

use auction::step::Step;
use auction::transcript::{Transcript, TranscriptError};

use crate::cheats::Table;
use crate::in_memory::Terms;

#[test]
fn who_has_not_spoken_is_named_in_every_round() {
    let mut table = Table::seated(Terms::small(), &[3, 9, 5, 9], 90);
    let mut round = 0;
    while *table.judge.step() != Step::Complete {
        let messages = table.messages();
        let silent = round % 3;
        assert_eq!(table.judge.waiting_for(), [0, 1, 2]);
        for message in messages.iter().rev().filter(|m| usize::from(m.body.accumulator) != silent) {
            table.judge.offer(message.clone()).unwrap();
            assert!(table.judge.waiting_for().contains(&silent));
        }
        assert_eq!(table.judge.waiting_for(), [silent], "round {round}");
        let decided = table.judge.outcome().is_some();
        let mut transcript = table.transcript();
        let said = |k| table.judge.received(k).cloned();
        transcript.rounds.push((0..3).filter_map(said).collect());
        match transcript.verify(None, &mut table.rng) {
            Ok(verdict) => {
                assert!(decided, "round {round}");
                assert!(!verdict.signed_by.contains(&silent));
                assert_eq!(verdict.signed_by.len(), 2);
            }
            Err(TranscriptError::Incomplete { round: at, waiting }) => {
                assert!(!decided);
                assert_eq!((usize::from(at), waiting), (round, vec![silent]));
            }
            Err(other) => panic!("{other}"),
        }
        table.judge.offer(messages[silent].clone()).unwrap();
        round += 1;
    }
    assert_eq!(table.judge.waiting_for(), Vec::<usize>::new());
}

#[test]
fn a_transcript_cut_anywhere_decides_nothing_until_the_last_answer() {
    let mut table = Table::seated(Terms::small(), &[3, 9, 5, 9], 91);
    while *table.judge.step() != Step::Complete {
        table.play();
    }
    let whole = Transcript::of(&table.judge).unwrap();
    let rounds = whole.rounds.len();
    for kept in 0..rounds {
        let mut cut = whole.clone();
        cut.rounds.truncate(kept);
        match cut.verify(None, &mut table.rng) {
            // Only the signatures of the outcome are missing: the rounds prove it.
            Ok(verdict) => assert_eq!((kept, verdict.signed_by), (rounds - 1, vec![])),
            Err(TranscriptError::Incomplete { round, waiting }) => {
                assert_eq!((usize::from(round), waiting), (kept, vec![0, 1, 2]));
            }
            Err(other) => panic!("{other}"),
        }
        // One message missing in the middle, the rest kept.
        let mut holed = whole.clone();
        holed.rounds[kept].remove(1);
        let verdict = holed.verify(None, &mut table.rng);
        assert_eq!(verdict.is_ok(), kept + 1 == rounds, "{kept}");
    }
}

#[test]
fn nothing_is_added_to_a_transcript() {
    let mut table = Table::seated(Terms::small(), &[3, 9], 92);
    while *table.judge.step() != Step::Complete {
        table.play();
    }
    let whole = Transcript::of(&table.judge).unwrap();
    for round in 0..whole.rounds.len() {
        let mut longer = whole.clone();
        let message = longer.rounds[round][2].clone();
        longer.rounds[round].push(message);
        assert!(longer.verify(None, &mut table.rng).is_err(), "{round}");
        let mut longer = whole.clone();
        longer.rounds.insert(round, whole.rounds[round].clone());
        assert!(longer.verify(None, &mut table.rng).is_err(), "{round}");
    }
    let mut longer = whole.clone();
    longer.rounds.push(Vec::new());
    let round = whole.rounds.len();
    assert_eq!(longer.verify(None, &mut table.rng).err(), Some(TranscriptError::Shape { round }));
    // One auction has one form: not another order, and not all rounds in one.
    let mut turned = whole.clone();
    turned.rounds[1].reverse();
    let refused = Some(TranscriptError::Shape { round: 1 });
    assert_eq!(turned.verify(None, &mut table.rng).err(), refused);
    let mut flat = whole.clone();
    flat.rounds = vec![whole.rounds.concat()];
    let refused = Some(TranscriptError::Shape { round: 0 });
    assert_eq!(flat.verify(None, &mut table.rng).err(), refused);
    for (bids, shown) in [(vec![0], 1), (vec![0, 1, 1], 3), (vec![1, 0], 2)] {
        let mut other = whole.clone();
        other.bids = bids.iter().map(|i| whole.bids[*i].clone()).collect();
        let refused = other.verify(None, &mut table.rng).unwrap_err();
        match refused {
            TranscriptError::Fault(fault) => assert_eq!(fault.culprits, []),
            other => assert_eq!(other, TranscriptError::Bids { got: shown, expected: 2 }),
        }
    }
}
