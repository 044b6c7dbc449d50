//! Different words to different peers, words said before, and words of others.

use auction::equivocation::{Comparison, compare};
use auction::layout::Digest;
use auction::messages::{Body, Content, RoundMessage};
use auction::referee::{FaultReason, Offered, Referee, Refused};
use auction::step::Step;
use std::sync::Arc;

use crate::cheats::{Table, caught};
use crate::in_memory::Terms;

/// A second honest judge who has heard everything the table's judge has.
fn peer(table: &mut Table) -> Referee {
    let mut peer = Referee::new(Arc::clone(&table.auction), [3; 32]);
    let bids = auction::checking::verify_bids(&table.auction, table.bids.clone(), &mut table.rng);
    peer.supply(bids.into_iter().map(Result::unwrap));
    for message in table.judge.rounds().iter().flatten() {
        peer.offer(message.clone()).unwrap();
    }
    peer
}

/// Two messages of accumulator 2 that both pass: fresh masks or blinds make them differ, or, in
/// a list, a bid that is left out.
fn two_versions(table: &mut Table) -> (Vec<RoundMessage>, Vec<RoundMessage>) {
    let mut first = table.messages();
    let mut second = first.clone();
    second[2] = table.parties[2].message(&table.judge, &mut table.rng).unwrap().into_message();
    if first[2] == second[2] {
        table.alter(&mut second, 2, |content| match content {
            Content::List(list) => _ = list.pop(),
            other => panic!("{}", other.name()),
        });
    }
    first.truncate(3);
    (first, second)
}

#[test]
fn different_messages_to_different_peers_are_detected_by_the_hash_and_convicted() {
    for (step, nth) in [("list", 1), ("show", 1), ("multiply", 1), ("blind", 2), ("open", 1)] {
        let mut table = Table::seated(Terms::small(), &[4, 9, 9], 60);
        table.until(step, nth);
        let mut peer = peer(&mut table);
        let (to_us, to_them) = two_versions(&mut table);
        let round = usize::from(table.judge.round());
        for (ours, theirs) in to_us.iter().zip(&to_them) {
            table.judge.offer(ours.clone()).unwrap();
            peer.offer(theirs.clone()).unwrap();
        }
        assert_ne!(table.judge.previous(), peer.previous(), "{step}");
        // The peer, accumulator 1, goes on with what it saw.
        let theirs = table.parties[1].message(&peer, &mut table.rng).unwrap().into_message();
        let refused = table.judge.offer(theirs).unwrap_err();
        let claimed = *peer.previous();
        assert_eq!(refused, Refused::OtherHistory { accumulator: 1, claimed });
        // Each shows what it hashed.
        let (own, shown) = (&table.judge.rounds()[round], &peer.rounds()[round]);
        let Comparison::Equivocation(culprit, evidence) =
            compare(&table.auction, &claimed, own, shown)
        else {
            panic!("{step}: an honest peer was called a liar");
        };
        assert_eq!(culprit, 2, "{step}");
        assert_eq!(evidence.convict(&table.auction), Ok(2));
        // The evidence convinces on the wire too, and the referee of a late second version.
        let bytes = auction::wire::encode(&evidence).unwrap();
        let again: auction::equivocation::Equivocation =
            auction::wire::decode(&bytes, 1 << 20).unwrap();
        assert_eq!(again.convict(&table.auction), Ok(2));
        let late = table.judge.offer(to_them[2].clone()).unwrap_err();
        let Refused::Equivocation { accumulator: 2, .. } = late else { panic!("{late}") };
    }
}

#[test]
fn a_second_message_in_the_same_round_is_convicted_at_once() {
    let mut table = Table::seated(Terms::small(), &[4, 9], 61);
    table.until("blind", 1);
    let (first, second) = two_versions(&mut table);
    table.judge.offer(first[2].clone()).unwrap();
    assert_eq!(table.judge.offer(first[2].clone()), Ok(Offered::Duplicate));
    let Err(Refused::Equivocation { accumulator, round, messages }) =
        table.judge.offer(second[2].clone())
    else {
        panic!()
    };
    assert_eq!((accumulator, round), (2, table.judge.round()));
    let evidence = auction::equivocation::Equivocation::Messages(messages);
    assert_eq!(evidence.convict(&table.auction), Ok(2));
}

#[test]
fn a_false_claim_of_another_history_is_the_claimers_fault() {
    let mut table = Table::seated(Terms::small(), &[4, 9], 62);
    table.until("blind", 1);
    let round = usize::from(table.judge.round()) - 1;
    let honest = table.messages();
    let lie = Digest([0x77; 32]);
    let body = Body { previous: lie, ..honest[2].body.clone() };
    let message = body.sign(&table.identities[2]);
    let refused = table.judge.offer(message).unwrap_err();
    assert_eq!(refused, Refused::OtherHistory { accumulator: 2, claimed: lie });
    // It can show the true messages, which do not give the hash; or others that do.
    let own = table.judge.rounds()[round].clone();
    assert_eq!(compare(&table.auction, &lie, &own, &own), Comparison::FalseClaim);
    let context = *table.auction.context();
    let hash = |messages: &[RoundMessage]| auction::messages::chain(&context, messages);
    // A colleague's message altered: the hash fits, the signature does not.
    let mut forged = own.clone();
    forged[0].body.content = Content::Blind(Vec::new());
    assert_eq!(compare(&table.auction, &hash(&forged), &own, &forged), Comparison::FalseClaim);
    // A colleague's message of another round, well signed; too few, too many, out of order.
    let mut replayed = own.clone();
    replayed[0] = table.judge.rounds()[round - 1][0].clone();
    let others = [
        replayed,
        own[..2].to_vec(),
        [&own[..], &own[..1]].concat(),
        own[..].iter().rev().cloned().collect(),
    ];
    for shown in others {
        assert_eq!(compare(&table.auction, &hash(&shown), &own, &shown), Comparison::FalseClaim);
    }
    assert_eq!(compare(&table.auction, &hash(&own), &own, &own), Comparison::FalseClaim);
    // And its own second version convicts it all the same.
    let mut twice = own.clone();
    table.alter(&mut twice, 2, |content| *content = Content::Blind(Vec::new()));
    let Comparison::Equivocation(2, _) = compare(&table.auction, &hash(&twice), &own, &twice)
    else {
        panic!()
    };
}

#[test]
fn messages_of_other_rounds_auctions_and_senders_are_refused_and_change_nothing() {
    let mut table = Table::seated(Terms::small(), &[4, 9, 2], 63);
    let mut other = Table::seated(Terms::small(), &[4, 9, 2], 64);
    let mut before: Vec<RoundMessage> = Vec::new();
    while *table.judge.step() != Step::Complete {
        let (messages, elsewhere) = (table.messages(), other.messages());
        for message in &before {
            assert_eq!(table.judge.offer(message.clone()), Ok(Offered::Duplicate));
        }
        for message in &elsewhere {
            assert_eq!(table.judge.offer(message.clone()), Err(Refused::OtherContext));
        }
        let expected = table.judge.round();
        for (k, message) in messages.iter().enumerate() {
            let sign = |body: Body| body.sign(&table.identities[k]);
            let early = sign(Body { round: expected + 1, ..message.body.clone() });
            let refused = Refused::Early { got: expected + 1, expected };
            assert_eq!(table.judge.offer(early), Err(refused));
            // In another's name, or in nobody's.
            for name in [(k + 1) % 3, 3, 255] {
                let body = Body { accumulator: name as u8, ..message.body.clone() };
                assert_eq!(
                    table.judge.offer(body.sign(&table.identities[k])),
                    Err(Refused::NotAuthentic)
                );
            }
        }
        before = messages.clone();
        table.offer(messages).unwrap();
        other.offer(elsewhere).unwrap();
    }
    let expected = table.judge.round();
    let sign = |body: Body| body.sign(&table.identities[0]);
    let surplus = sign(Body { round: expected, ..before[0].body.clone() });
    assert_eq!(table.judge.offer(surplus), Err(Refused::Early { got: expected, expected }));
}

#[test]
fn what_was_said_before_elsewhere_or_by_a_colleague_is_caught_when_said_again() {
    let terms = Terms { fan_out: 4, ..Terms::small() };
    let steps =
        [("show", 1), ("show", 2), ("multiply", 1), ("blind", 1), ("blind", 2), ("open", 1)];
    for (step, nth) in steps {
        let mut table = Table::seated(terms, &[5, 9, 5], 42);
        table.until(step, nth);
        let now = table.messages();
        // A colleague's content, word for word.
        let copied = now[0].body.content.clone();
        let reason = caught(terms, (step, nth), 1, |content| *content = copied);
        assert!(matches!(reason, FaultReason::Proof { .. }), "{step} {nth}: {reason}");
        // The same accumulator's content of the same step of another auction.
        let mut other = Table::seated(terms, &[5, 9, 5], 43);
        other.until(step, nth);
        let elsewhere = other.messages()[1].body.content.clone();
        let reason = caught(terms, (step, nth), 1, |content| *content = elsewhere);
        assert!(matches!(reason, FaultReason::Proof { .. }), "{step} {nth}: {reason}");
    }
    // Its own content of an earlier round of the same kind.
    for (step, nth) in [("show", 2), ("multiply", 2), ("blind", 2), ("open", 2)] {
        let mut table = Table::seated(terms, &[5, 9, 5], 42);
        table.until(step, nth - 1);
        let before = table.messages()[1].body.content.clone();
        let reason = caught(terms, (step, nth), 1, |content| *content = before);
        let caught = matches!(reason, FaultReason::Proof { .. } | FaultReason::Count { .. });
        assert!(caught, "{step} {nth}: {reason}");
    }
}
