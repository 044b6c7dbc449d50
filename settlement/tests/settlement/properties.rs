//! Random histories: the ledger answers and counts as the oracle does, repeats change nothing,
//! and replay from the journal gives the same state to the byte.

use auction::layout::Digest;
use auction::spec::Time;
use proptest::prelude::*;
use settlement::audit::{AuditError, Held, Misdeed, inquire};
use settlement::bookkeeper::Bookkeeper;
use settlement::journal::{Options, Storage};
use settlement::ledger::{
    AccountId, Action, Chain, Charter, Class, Code, HoldKey, Ledger, Outcome, Part, Request,
    VerifiedRequest, correction_id,
};

use crate::disk::Disk;
use crate::oracle::Oracle;
use crate::people::*;

/// A request by numbers: kind, who signs, whom it is for, id, amount, hold's id, time-outs.
#[derive(Debug, Clone)]
struct Draft {
    kind: u8,
    person: u8,
    other: u8,
    id: u8,
    amount: u8,
    hold: u8,
    ahead: u16,
    wrong_signer: bool,
    wrong_payee: bool,
}

fn draft() -> impl Strategy<Value = Draft> {
    let wrong = proptest::bool::weighted(0.03);
    let wrongs = (wrong, proptest::bool::weighted(0.1));
    (0u8..21, 1u8..4, 1u8..4, 1u8..16, 0u8..60, 1u8..16, 0u16..400, wrongs).prop_map(
        |(kind, person, other, id, amount, hold, ahead, (wrong_signer, wrong_payee))| Draft {
            kind,
            person,
            other,
            id,
            amount,
            hold,
            ahead,
            wrong_signer,
            wrong_payee,
        },
    )
}

#[derive(Debug, Clone)]
struct Moment {
    step: i16,
    together: bool,
    chains: Vec<Drafts>,
}

/// A chain: its requests, and whether goods are attached.
#[derive(Debug, Clone)]
struct Drafts {
    requests: Vec<Draft>,
    attached: bool,
}

fn history() -> impl Strategy<Value = Vec<Moment>> {
    let chain = prop_oneof![
        4 => proptest::collection::vec(draft(), 1),
        1 => proptest::collection::vec(draft(), 2..4),
    ];
    let chain = (chain, proptest::bool::weighted(0.7))
        .prop_map(|(requests, attached)| Drafts { requests, attached });
    let chains = proptest::collection::vec(chain, 0..6);
    let moment = (-50i16..150, any::<bool>(), chains);
    let moment = moment.prop_map(|(step, together, chains)| Moment { step, together, chains });
    proptest::collection::vec(moment, 1..25)
}

impl Draft {
    /// The request, and whether its signer owns the signing account.
    fn request(&self, charter: &Charter, clock: u64) -> (VerifiedRequest, bool) {
        let me = account(self.person);
        let other = if self.other == self.person { escrow() } else { account(self.other) };
        let amount = u64::from(self.amount).max(1);
        let hold = HoldKey { account: account(self.other), id: id(u128::from(self.hold)) };
        let reference = Digest([5; 32]);
        let timeout = Time((clock + u64::from(self.ahead)).saturating_sub(20));
        let part =
            if self.amount == 0 { Part::Whole } else { Part::Amount(u64::from(self.amount) / 2) };
        let action = match self.kind {
            0 | 1 => deposit_action(self.other, amount),
            2..=4 => Action::Post(movement(me, other, amount)),
            5..=7 => Action::Hold { movement: movement(me, other, amount), timeout },
            8 => Action::PostHold { account: me, hold, part, reference },
            9 => Action::VoidHold { account: me, hold, reference },
            10 => Action::Cancel { account: me },
            12 => Action::OpenEscrow { subject: Digest([7; 32]), currency: eur() },
            13 => Action::PostHold { account: escrow(), hold, part, reference },
            14 => Action::VoidHold { account: escrow(), hold, reference },
            15 => Action::Post(movement(escrow(), me, amount)),
            16..=18 => Action::Purchase(movement(me, other, amount)),
            19 => Action::Purchase(movement(escrow(), me, amount)),
            20 => {
                let part = u32::from(self.id % 3);
                Action::Correct { currency: eur(), movement: movement(other, me, amount), part }
            }
            _ => Action::Withdraw { account: me, amount: sum(amount), reference },
        };
        let owner = match self.kind {
            0 | 1 | 20 => 202,
            12..=15 | 19 => 203,
            _ => self.person,
        };
        let wrong = self.wrong_signer && self.kind > 1 && ![12, 20].contains(&self.kind);
        let signer = if wrong { 99 } else { owner };
        let until_time = Time((clock + u64::from(self.ahead) + 30).saturating_sub(25));
        // The id of a correction follows from it.
        let id = match action {
            Action::Correct { movement, part, .. } => correction_id(&movement.reference, part),
            _ => id(u128::from(self.id)),
        };
        let request = Request { id, until: until_time, action };
        let second = match self.kind {
            11 => Some(202),
            16..=19 if self.wrong_payee => Some(99),
            16..=18 => Some(self.other),
            19 => Some(self.person),
            _ => None,
        };
        (countersigned(charter, signer, second, request), !wrong)
    }
}

impl Drafts {
    fn requests(&self, charter: &Charter, clock: u64) -> Vec<(VerifiedRequest, bool)> {
        self.requests.iter().map(|draft| draft.request(charter, clock)).collect()
    }
}

fn chain_of(requests: &[(VerifiedRequest, bool)], attached: bool) -> Chain {
    let goods = attached.then(|| b"goods".to_vec());
    Chain::new(requests.iter().map(|(request, _)| request.clone()).collect(), goods).unwrap()
}

fn codes_of(outcome: &Outcome) -> Vec<Code> {
    outcome.replies.iter().map(|reply| reply.code).collect()
}

/// Whether every member is decided for good: then the same again is a repeat.
fn is_decided(outcome: &Outcome) -> bool {
    outcome.replies.iter().all(|reply| {
        reply.entry.is_some() && matches!(reply.code.class(), Class::Done | Class::Final)
    })
}

fn compare(ledger: &Ledger, oracle: &Oracle) {
    ledger.check().unwrap();
    let mut known: Vec<AccountId> = ledger.accounts().iter().map(|one| one.id).collect();
    let mut expected = oracle.accounts().to_vec();
    known.sort_unstable();
    expected.sort_unstable();
    assert_eq!(known, expected);
    for account in ledger.accounts() {
        assert_eq!(account.balances, oracle.balances(&account.id), "{}", account.id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn the_ledger_agrees_with_the_oracle(history in history(), sweeps in 1usize..5) {
        let charter = charter_with(sweeps as u32);
        let (mut ledger, mut oracle) = (Ledger::new(charter), Oracle::new(sweeps));
        let mut clock: u64 = 1000;
        for moment in &history {
            clock = clock.saturating_add_signed(i64::from(moment.step));
            let chains = moment.chains.iter().map(|drafts| {
                (drafts.requests(&charter, clock), drafts.attached)
            });
            let chains: Vec<_> = chains.collect();
            // All chains in one batch, or each in its own.
            let size = if moment.together { chains.len().max(1) } else { 1 };
            for requests in chains.chunks(size) {
                let before = oracle.clone();
                oracle.begin(clock);
                let expected: Vec<_> = requests
                    .iter()
                    .map(|(requests, attached)| oracle.chain(requests, *attached))
                    .collect();
                let batch: Vec<_> = requests
                    .iter()
                    .map(|(requests, attached)| chain_of(requests, *attached))
                    .collect();
                let applied = ledger.apply(&batch, Time(clock));
                if !applied.effective {
                    oracle = before;
                }
                let codes: Vec<Vec<_>> = applied.outcomes.iter().map(codes_of).collect();
                prop_assert_eq!(&codes, &expected, "{:?}", moment);
                compare(&ledger, &oracle);

                // The same again changes nothing and answers the same, where it was decided.
                let decided = applied.outcomes.iter().all(is_decided);
                if decided {
                    let mut copy = ledger.clone();
                    let again = copy.apply(&batch, Time(0));
                    let repeated: Vec<Vec<_>> = again.outcomes.iter().map(codes_of).collect();
                    prop_assert_eq!(&repeated, &codes);
                    if again.expired.is_empty() {
                        prop_assert_eq!(copy.to_bytes(), ledger.to_bytes());
                    }
                }
            }
        }
        let bytes = ledger.to_bytes();
        let read = Ledger::from_bytes(&bytes, charter).unwrap();
        prop_assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn replay_gives_the_same_state_to_the_byte(
        history in history(),
        snapshot_every in 1usize..8,
    ) {
        let charter = charter_with(3);
        let disk = Disk::new();
        let open = |disk: Disk| {
            let options = Options { segment_bytes: 8 << 10 };
            Bookkeeper::open(disk, charter, server(), options).unwrap()
        };
        let mut bookkeeper = open(disk.clone()).serve_confirmed();
        let mut clock: u64 = 1000;
        for (place, moment) in history.iter().enumerate() {
            clock = clock.saturating_add_signed(i64::from(moment.step));
            let chains = moment.chains.iter().map(|drafts| {
                chain_of(&drafts.requests(&charter, clock), drafts.attached)
            });
            let unflushed = bookkeeper.submit(chains.collect(), Time(clock)).unwrap();
            bookkeeper.flush().unwrap();
            bookkeeper.release(unflushed).unwrap();
            if place % snapshot_every == 0 {
                bookkeeper.snapshot().unwrap();
            }
        }
        let live = bookkeeper.look(Ledger::to_bytes);
        let live = bookkeeper.release(live).unwrap();
        prop_assert_eq!(open(disk.flushed_alone()).ledger().to_bytes(), live.clone());
        // And without any snapshot.
        let mut bare = disk.flushed_alone();
        for name in bare.names() {
            if name.starts_with("snapshot-") {
                bare.remove(&name).unwrap();
            }
        }
        let opened = open(bare.clone());
        prop_assert_eq!(opened.report().snapshot, None);
        prop_assert_eq!(opened.ledger().to_bytes(), live);
        drop(opened);
        let (audited, _) = inquire(&mut bare, &charter, &Held::default()).unwrap();
        prop_assert!(!audited.tail);
        // There was nothing to correct.
        let expected = |one: &Misdeed| matches!(one.wrong, AuditError::Correction { .. });
        prop_assert!(audited.misdeeds.iter().all(expected), "{:?}", audited.misdeeds);
    }
}
