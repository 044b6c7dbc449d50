//! Ids that have left memory: the ledger answers as one that forgets nothing, whatever becomes of
//! the index, and the index follows from the journal alone.

use auction::layout::Digest;
use auction::spec::Time;
use proptest::prelude::*;
use settlement::audit::{AuditError, Held, Misdeed, inquire};
use settlement::bookkeeper::{Bookkeeper, Opened};
use settlement::journal::{JournalError, Options, Storage};
use settlement::ledger::{
    AccountId, Action, Chain, Code, HoldKey, Ledger, Outcome, Part, RequestId, VerifiedRequest,
    Window, correction_id,
};

use crate::disk::Disk;
use crate::people::*;

const OPTIONS: Options = Options { segment_bytes: 8 << 10 };

fn open(disk: &Disk, index: &Disk, window: Window) -> Opened<Disk> {
    let index = Box::new(index.clone());
    Bookkeeper::open_with(disk.clone(), index, charter(), server(), OPTIONS, window).unwrap()
}

/// What a person asks for, by numbers.
#[derive(Debug, Clone)]
struct Draft {
    kind: u8,
    person: u8,
    id: u8,
    amount: u8,
    hold: u8,
    attached: bool,
}

fn draft() -> impl Strategy<Value = Draft> {
    (0u8..16, 1u8..3, 1u8..40, 1u8..40, 1u8..40, any::<bool>()).prop_map(
        |(kind, person, id, amount, hold, attached)| Draft {
            kind,
            person,
            id,
            amount,
            hold,
            attached,
        },
    )
}

impl Draft {
    fn request(&self, now: u64) -> VerifiedRequest {
        let (me, you) = (account(self.person), account(3 - self.person));
        let amount = u64::from(self.amount);
        let reference = Digest([self.amount; 32]);
        let theirs = HoldKey { account: you, id: id(u128::from(self.hold)) };
        let action = match self.kind {
            0..=3 => Action::Post(movement(me, you, amount)),
            4..=6 => {
                let timeout = Time(now + u64::from(self.hold));
                Action::Hold { movement: movement(me, you, amount), timeout }
            }
            7 | 8 => {
                let part = if self.amount > 20 { Part::Whole } else { Part::Amount(amount) };
                Action::PostHold { account: me, hold: theirs, part, reference }
            }
            9 | 10 => Action::VoidHold { account: me, hold: theirs, reference },
            11 => Action::Cancel { account: me },
            12 | 13 => Action::Purchase(movement(me, you, amount)),
            _ => {
                let part = u32::from(self.hold);
                let movement = movement(you, me, amount);
                let action = Action::Correct { currency: eur(), movement, part };
                return by(&charter(), 202, 0, action);
            }
        };
        by(&charter(), self.person, self.id.into(), action)
    }

    fn chain(&self, now: u64) -> Chain {
        let attachment = self.attached.then(|| vec![self.amount; 5]);
        Chain::new(vec![self.request(now)], attachment).unwrap()
    }
}

fn codes(outcomes: &[Outcome]) -> Vec<(Code, Option<u64>, bool)> {
    let replies = outcomes.iter().flat_map(|outcome| outcome.replies.iter());
    replies.map(|reply| (reply.code, reply.entry, reply.repeated)).collect()
}

/// Every id that the oracle knows is known to the keeper, with a receipt that holds.
fn same_ids(keeper: &mut Bookkeeper<Disk>, oracle: &Ledger) {
    let numbers = (1..40).map(id);
    let mut all: Vec<(AccountId, RequestId)> =
        numbers.flat_map(|number| [(account(1), number), (account(2), number)]).collect();
    let reference = movement(account(1), account(2), 1).reference;
    all.extend((1..40).map(|part| (operator(), correction_id(&reference, part))));
    for (owner, number) in all {
        let expected = oracle.record(&owner, number);
        let found = keeper.record(&owner, number).unwrap();
        let found = keeper.release(found).unwrap();
        let what = |record: &settlement::ledger::Record| {
            (record.content, record.entry, record.code, record.fate)
        };
        assert_eq!(found.as_ref().map(what), expected.map(what));
        let receipt = keeper.receipt(&owner, number).unwrap();
        let receipt = keeper.release(receipt).unwrap();
        assert_eq!(receipt.as_ref().map(|one| one.number), expected.map(|one| one.entry));
        if let Some(receipt) = receipt {
            let proven = receipt.verify(&charter()).unwrap();
            assert!(proven.requests.iter().any(|one| one.request().id == number));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_ledger_that_forgets_answers_as_one_that_does_not(
        batches in proptest::collection::vec(proptest::collection::vec(draft(), 1..7), 1..28),
        (least, leave) in (1usize..12, 1usize..6),
        snapshot_every in 1usize..9,
        fates in proptest::collection::vec(0u8..9, 28),
    ) {
        let window = Window { least, leave };
        let (mut disk, mut index) = (Disk::new(), Disk::new());
        let mut oracle = Ledger::new(charter());
        let mut keeper = open(&disk, &index, window).serve_confirmed();
        let funds = vec![deposit(1, 1, 200).into(), deposit(2, 2, 200).into()];
        let _ = keeper.submit(funds.clone(), Time(1000)).unwrap();
        oracle.apply(&funds, Time(1000));
        for (place, (drafts, fate)) in batches.iter().zip(fates).enumerate() {
            let now = 1000 + 3 * place as u64;
            let batch: Vec<Chain> = drafts.iter().map(|draft| draft.chain(now)).collect();
            let unflushed = keeper.submit(batch.clone(), Time(now)).unwrap();
            keeper.flush().unwrap();
            let outcomes = keeper.release(unflushed).unwrap();
            let expected = oracle.apply(&batch, Time(now)).outcomes;
            prop_assert_eq!(codes(&outcomes), codes(&expected));
            prop_assert_eq!(
                outcomes.iter().map(|one| one.entry).collect::<Vec<_>>(),
                expected.iter().map(|one| one.entry).collect::<Vec<_>>()
            );
            if place % snapshot_every == 0 {
                keeper.snapshot().unwrap();
            }
            // Now and then it starts again, and something has become of the index.
            let of_now = keeper.look(Ledger::to_bytes);
            let of_now = keeper.release(of_now).unwrap();
            match fate {
                0 => index = Disk::new(),
                1 => index = index.flushed_alone(),
                2 => index = index.crashed(place as u64),
                3 => {
                    let names = index.names();
                    if let Some(name) = names.get(place % names.len().max(1)) {
                        index = index.without(name);
                    }
                }
                4 => disk = disk.flushed_alone(),
                _ => continue,
            }
            drop(keeper);
            let opened = open(&disk, &index, window);
            prop_assert_eq!(opened.ledger().digest(), oracle.digest());
            prop_assert_eq!(opened.ledger().to_bytes(), of_now);
            keeper = opened.serve_confirmed();
            same_ids(&mut keeper, &oracle);
        }
        same_ids(&mut keeper, &oracle);
        let root = keeper.head();
        let root = keeper.release(root).unwrap().head.root;
        // There was nothing to correct, which the audit says; the rest is as it must be.
        let (audited, _) = inquire(&mut disk.clone(), &charter(), &Held::default()).unwrap();
        let expected = |one: &Misdeed| matches!(one.wrong, AuditError::Correction { .. });
        prop_assert!(audited.misdeeds.iter().all(expected), "{:?}", audited.misdeeds);
        prop_assert_eq!((audited.root, audited.state), (root, oracle.digest()));
    }
}

/// Payments of one person, one a batch, with a snapshot at the end of all.
fn paid(disk: &Disk, index: &Disk, payments: std::ops::Range<u128>) {
    let window = Window { least: 4, leave: 2 };
    let mut keeper = open(disk, index, window).serve_confirmed();
    for number in payments {
        let batch = match number {
            0 => vec![deposit(1, 1, 900).into(), deposit(2, 2, 900).into()],
            _ => vec![post(100 + number, 1, 2, 1).into()],
        };
        let _ = keeper.submit(batch, Time(1000)).unwrap();
    }
    keeper.snapshot().unwrap();
}

#[test]
fn an_index_that_is_there_spares_the_start_the_history_and_one_that_is_not_is_made_anew() {
    let (disk, index) = (Disk::new(), Disk::new());
    let window = Window { least: 4, leave: 2 };
    paid(&disk, &index, 0..40);
    let opened = open(&disk, &index, window);
    assert_eq!((opened.report().snapshot, opened.report().indexed), (Some(40), Some(40)));
    assert_eq!(opened.report().replayed, 0);
    let state = opened.ledger().to_bytes();
    drop(opened);
    // Every file of it that is missing or damaged costs the replay of all, and nothing else.
    for name in index.names() {
        let length = index.clone().length(&name).unwrap() as usize;
        let flipped = [0, 40, length / 3, length / 2, length - 40, length - 1]
            .map(|byte| index.flipped(&name, 8 * byte.min(length - 1) + byte % 8));
        for hurt in flipped.into_iter().chain([index.without(&name)]) {
            let opened = open(&disk, &hurt, window);
            assert_eq!(opened.ledger().to_bytes(), state, "{name}");
            let mut keeper = opened.serve_confirmed();
            // A bit of what is read only when it is asked for shows itself then.
            let asked: Result<Vec<_>, _> =
                (101..140).map(|number| keeper.receipt(&account(1), id(number))).collect();
            drop(keeper);
            if asked.is_err() {
                let again = open(&disk, &hurt, window);
                assert_eq!(again.report().indexed, None, "{name} was not distrusted");
            }
            let mut keeper = open(&disk, &hurt, window).serve_confirmed();
            for number in 101..140 {
                let receipt = keeper.receipt(&account(1), id(number)).unwrap();
                assert!(keeper.release(receipt).unwrap().is_some(), "{name}");
            }
        }
    }
}

#[test]
fn a_line_that_is_damaged_stops_one_server_and_not_the_next_one_too() {
    let (disk, index) = (Disk::new(), Disk::new());
    let window = Window { least: 4, leave: 2 };
    paid(&disk, &index, 0..40);
    // One bit of every movement.
    let lines = 0..index.clone().length("index-movements").unwrap() as usize / 152;
    let mut hurt = index.clone();
    for line in lines {
        hurt = hurt.flipped("index-movements", 8 * (152 * line + 30));
    }
    let pay = |number| vec![post(number, 1, 2, 1).into()];
    let mut keeper = open(&disk, &hurt, window).serve_confirmed();
    let mut number = 200;
    let stopped = loop {
        number += 1;
        assert!(number < 210, "nobody looked at a line");
        match keeper.submit(pay(number), Time(1000)) {
            Ok(answer) => drop((keeper.flush().unwrap(), keeper.release(answer).unwrap())),
            Err(error) => break error,
        }
    };
    assert!(matches!(stopped, JournalError::Index { .. }), "{stopped:?}");
    drop(keeper);
    let opened = open(&disk, &hurt, window);
    assert_eq!(opened.report().indexed, None);
    let mut keeper = opened.serve_confirmed();
    for number in number..220 {
        let answer = keeper.submit(pay(number), Time(1000)).unwrap();
        keeper.flush().unwrap();
        assert_eq!(keeper.release(answer).unwrap()[0].replies[0].code, Code::Done);
    }
}

#[test]
fn an_index_of_another_window_is_made_anew_and_no_id_is_lost_between_the_two() {
    let (disk, index) = (Disk::new(), Disk::new());
    paid(&disk, &index, 0..40);
    let state = open(&disk, &index, Window { least: 4, leave: 2 }).ledger().digest();
    for window in [Window { least: 2, leave: 1 }, Window::ALL, Window { least: 9, leave: 4 }] {
        // Once without a snapshot of its own, and once with.
        for indexed in [None, Some(40)] {
            let opened = open(&disk, &index, window);
            assert_eq!(opened.report().indexed, indexed);
            assert_eq!(opened.ledger().digest(), state);
            let mut keeper = opened.serve_confirmed();
            for number in 101..140 {
                let known = keeper.record(&account(1), id(number)).unwrap();
                assert!(keeper.release(known).unwrap().is_some(), "{number} with {window:?}");
            }
            keeper.snapshot().unwrap();
        }
    }
}

#[test]
fn an_index_of_another_history_is_not_believed() {
    let (disk, index) = (Disk::new(), Disk::new());
    let window = Window { least: 4, leave: 2 };
    paid(&disk, &index, 0..20);
    // The same journal as of earlier, which then went on differently.
    let (older, other) = (Disk::new(), Disk::new());
    paid(&older, &other, 0..10);
    let mut shorter = open(&older, &index, window).serve_confirmed();
    for number in 60..72u128 {
        let _ = shorter.submit(vec![post(100 + number, 1, 2, 1).into()], Time(1000)).unwrap();
    }
    shorter.flush().unwrap();
    drop(shorter);
    for index in [index.clone(), index.crashed(3)] {
        let mut keeper = open(&older, &index, window).serve_confirmed();
        let lost = keeper.record(&account(1), id(115)).unwrap();
        assert!(keeper.release(lost).unwrap().is_none(), "an id of the other history");
        let own = keeper.record(&account(1), id(161)).unwrap();
        assert!(keeper.release(own).unwrap().is_some());
    }
}

#[test]
fn damage_that_shows_itself_while_it_serves_stops_it_and_is_never_checkpointed() {
    let (disk, index) = (Disk::new(), Disk::new());
    let window = Window { least: 4, leave: 2 };
    paid(&disk, &index, 0..40);
    let mut keeper = open(&disk, &index, window).serve_confirmed();
    // The places of all entries, under the server's feet.
    let mut under = index.clone();
    let length = under.length("index-entries").unwrap();
    for byte in 0..length {
        under.write_at("index-entries", byte, &[0xff]).unwrap();
    }
    under.flush("index-entries").unwrap();
    assert!(matches!(keeper.receipt(&account(1), id(101)), Err(JournalError::Fault { .. })));
    let refused = keeper.submit(vec![post(900, 1, 2, 1).into()], Time(1000));
    assert!(matches!(refused, Err(JournalError::Fault { .. })));
    assert!(keeper.idle().is_err() && keeper.snapshot().is_err());
    drop(keeper);
    let opened = open(&disk, &index, window);
    assert_eq!(opened.report().indexed, None);
    let mut keeper = opened.serve_confirmed();
    for number in 101..140 {
        let receipt = keeper.receipt(&account(1), id(number)).unwrap();
        assert!(keeper.release(receipt).unwrap().is_some(), "{number}");
    }
    let paid = keeper.submit(vec![post(900, 1, 2, 1).into()], Time(1000)).unwrap();
    keeper.flush().unwrap();
    assert_eq!(keeper.release(paid).unwrap()[0].replies[0].code, Code::Done);
}

#[test]
fn a_full_disk_keeps_what_the_index_could_not_write_in_memory() {
    let (disk, mut index) = (Disk::new(), Disk::new());
    index.limit(Some(0));
    let window = Window { least: 4, leave: 2 };
    let mut keeper = open(&disk, &index, window).serve_confirmed();
    let funds = vec![deposit(1, 1, 900).into(), deposit(2, 2, 900).into()];
    let _ = keeper.submit(funds, Time(1000)).unwrap();
    for number in 0..30 {
        let _ = keeper.submit(vec![post(100 + number, 1, 2, 1).into()], Time(1000)).unwrap();
        keeper.snapshot().unwrap();
    }
    let conflict = keeper.submit(vec![post(101, 1, 2, 7).into()], Time(1000)).unwrap();
    keeper.flush().unwrap();
    assert_eq!(keeper.release(conflict).unwrap()[0].replies[0].code, Code::IdConflict);
    assert!(!index.list().unwrap().contains(&"index-checkpoint".to_owned()));
    index.limit(None);
    keeper.snapshot().unwrap();
    drop(keeper);
    let opened = open(&disk, &index, window);
    assert_eq!(opened.report().indexed, opened.report().snapshot);
    assert!(opened.report().snapshot.is_some());
    let mut keeper = opened.serve_confirmed();
    let old = keeper.record(&account(1), id(101)).unwrap();
    assert!(keeper.release(old).unwrap().is_some());
}
