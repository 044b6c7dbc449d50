//! What everybody must have: the plain sums over what the server says was done, request by
//! request, and that this is what everybody was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use settlement::journal::SignedHead;
use settlement::ledger::{AccountId, Action, Code, Fate, HoldKey, Part, RequestId};
use tests::sale::PATIENCE;

use crate::bank::{BEGUN_WITH, Bank, PEOPLE, account};
use crate::payer::Payer;

/// Money of one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    posted: i128,
    held: u128,
    /// Lines of its history.
    lines: u64,
}

pub struct Oracle {
    sums: BTreeMap<AccountId, Sums>,
    /// What the debited account's owner asked for and got, by account.
    done: BTreeMap<u8, BTreeSet<RequestId>>,
    /// Requests that the journal decided on.
    pub decided: u64,
    refused: u64,
    acknowledged: u64,
    /// Heads that somebody was given.
    pub heads: Vec<SignedHead>,
}

impl Oracle {
    /// Asks the server about every request, and compares with what was heard of it.
    pub async fn of(bank: &Bank, payers: &[Payer]) -> Self {
        let begun = Sums { posted: i128::from(BEGUN_WITH), held: 0, lines: 1 };
        let mut oracle = Self {
            sums: (0..PEOPLE).map(|person| (account(person), begun)).collect(),
            done: BTreeMap::new(),
            decided: 0,
            refused: 0,
            acknowledged: 0,
            heads: Vec::new(),
        };
        let mut taken = Vec::new();
        let mut holds = BTreeMap::new();
        for Payer { person, asked } in payers {
            let client = bank.client(*person, PATIENCE);
            for one in asked {
                let request = one.request.request();
                let status = client.status(account(*person), request.id).await.unwrap();
                if let Some(heard) = &one.heard {
                    let status = status.as_ref().unwrap_or_else(|| panic!("lost: {request:?}"));
                    let entry = status.receipt.receipt().number;
                    assert_eq!((status.code, entry), (heard.code, heard.entry), "{request:?}");
                    oracle.acknowledged += 1;
                    oracle.heads.extend(heard.head);
                }
                let Some(status) = status else { continue };
                let proven = &status.receipt.proven().requests;
                assert_eq!(*proven, std::slice::from_ref(&one.request));
                oracle.decided += 1;
                if status.code != Code::Done {
                    assert_eq!(
                        (status.code, status.fate),
                        (Code::InsufficientFunds, Fate::Refused)
                    );
                    oracle.refused += 1;
                    continue;
                }
                oracle.done.entry(*person).or_default().insert(request.id);
                match request.action {
                    Action::Post(moved) => {
                        oracle.add(moved.debit, moved.credit, moved.amount.get());
                    }
                    Action::Hold { movement, .. } => {
                        let hold = HoldKey { account: movement.debit, id: request.id };
                        holds.insert(hold, movement);
                    }
                    Action::PostHold { hold, part: Part::Amount(amount), .. } => {
                        taken.push((hold, amount));
                    }
                    ref other => panic!("{other:?}"),
                }
            }
        }
        for (hold, amount) in taken {
            let movement = holds.remove(&hold).unwrap();
            oracle.add(movement.debit, movement.credit, amount);
            oracle.line(movement.debit, movement.credit);
        }
        for movement in holds.values() {
            oracle.sums.get_mut(&movement.debit).unwrap().held += u128::from(movement.amount.get());
            oracle.line(movement.debit, movement.credit);
        }
        oracle
    }

    fn add(&mut self, debit: AccountId, credit: AccountId, amount: u64) {
        self.sums.get_mut(&debit).unwrap().posted -= i128::from(amount);
        self.sums.get_mut(&credit).unwrap().posted += i128::from(amount);
        self.line(debit, credit);
    }

    fn line(&mut self, debit: AccountId, credit: AccountId) {
        self.sums.get_mut(&debit).unwrap().lines += 1;
        self.sums.get_mut(&credit).unwrap().lines += 1;
    }

    /// Compares every account with the sums, and every history: each request that was done is in
    /// it once, however often it was sent.
    pub async fn check(&self, bank: &Bank, payers: &[Payer]) {
        assert!(self.acknowledged > 0 && self.refused > 0, "{self}");
        for person in 0..PEOPLE {
            let client = bank.client(person, PATIENCE);
            let balances = client.account(account(person)).await.unwrap().balances;
            let mut own = Vec::new();
            let (mut lines, mut total) = (0, 1);
            while lines < total {
                let page = client.history(account(person), lines).await.unwrap();
                total = page.total;
                lines += page.movements.len() as u64;
                let signed = page.movements.iter();
                own.extend(
                    signed.filter(|line| line.signed_by == account(person)).map(|line| line.id),
                );
            }
            let has =
                Sums { posted: balances.posted(), held: balances.debits_pending, lines: total };
            assert_eq!(has, self.sums[&account(person)], "person {person}");
            assert!(balances.available() >= 0, "person {person}: {balances:?}");
            let once: BTreeSet<RequestId> = own.iter().copied().collect();
            assert_eq!(own.len(), once.len(), "person {person}: something was done twice");
            assert_eq!(Some(&once), self.done.get(&person), "person {person}");
            let heads = payers.iter().filter(|payer| payer.person == person);
            let last = heads.flat_map(|payer| &payer.asked).filter_map(|one| one.heard.as_ref());
            if let Some(head) = last.filter_map(|heard| heard.head).next_back() {
                client.continues(&head).await.unwrap();
            }
        }
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decided, refused, acknowledged, .. } = self;
        write!(f, "{decided} requests decided, {refused} refused, {acknowledged} acknowledged")
    }
}
