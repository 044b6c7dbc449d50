//! Every account's movements, as they follow from the journal: in memory, about 150 bytes each,
//! built anew at every start.

use std::collections::HashMap;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;

use crate::ledger::{
    AccountId, Action, Charter, Code, Entry, HoldKey, Movement as Moved, Part, Request, RequestId,
};
use crate::service::{MAX_PAGE, Movement, MovementKind, Page, Side};

/// All movements, and which of them are each account's.
#[derive(Default)]
pub(crate) struct History {
    names: Vec<AccountId>,
    places: HashMap<AccountId, u32>,
    lines: Vec<Line>,
    /// For each account the places of its lines.
    of_account: Vec<Vec<u32>>,
    /// What holds that are not resolved yet have set aside: its line.
    held: HashMap<(u32, RequestId), u32>,
    /// The operator's account in the currency of each account that got a deposit: every
    /// withdrawal goes there.
    outside: HashMap<u32, u32>,
}

struct Line {
    entry: u64,
    time: Time,
    amount: u64,
    reference: Digest,
    id: RequestId,
    debit: u32,
    credit: u32,
    what: What,
}

enum What {
    Post,
    Purchase,
    Hold(Time),
    /// The hold's id; it is the debited account's.
    PostHold(RequestId),
    VoidHold(RequestId),
    Deposit,
    Withdraw,
    /// By the operator's account.
    Correct(AccountId),
}

impl History {
    /// Learns what an entry moved. Entries must come in order, each once.
    pub(crate) fn learn(&mut self, number: u64, time: Time, entry: &Entry, charter: &Charter) {
        if entry.codes.iter().any(|code| *code != Code::Done) {
            return;
        }
        for request in entry.chain.requests() {
            self.learn_request(number, time, request.request(), &charter.operator());
        }
    }

    fn learn_request(&mut self, entry: u64, time: Time, request: &Request, operator: &PublicKey) {
        let id = request.id;
        let simple = |this: &mut Self, moved: &Moved, what| Line {
            entry,
            time,
            amount: moved.amount.get(),
            reference: moved.reference,
            id,
            debit: this.place(moved.debit),
            credit: this.place(moved.credit),
            what,
        };
        let line = match request.action {
            Action::Post(moved) => simple(self, &moved, What::Post),
            Action::Purchase(moved) => simple(self, &moved, What::Purchase),
            Action::Hold { movement, timeout } => {
                let line = simple(self, &movement, What::Hold(timeout));
                self.held.insert((line.debit, id), self.next());
                line
            }
            Action::PostHold { account, hold, part, reference } => {
                let Some(held) = self.resolve(&hold) else { return };
                let amount = match part {
                    Part::Whole => held,
                    Part::Amount(amount) => amount,
                };
                let (debit, credit) = (self.place(hold.account), self.place(account));
                let what = What::PostHold(hold.id);
                Line { entry, time, amount, reference, id, debit, credit, what }
            }
            Action::VoidHold { account, hold, reference } => {
                let Some(amount) = self.resolve(&hold) else { return };
                let (debit, credit) = (self.place(hold.account), self.place(account));
                let what = What::VoidHold(hold.id);
                Line { entry, time, amount, reference, id, debit, credit, what }
            }
            Action::Deposit { owner, currency, amount, reference } => {
                let debit = AccountId::of_owner(operator, currency);
                let credit = AccountId::of_owner(&owner, currency);
                let moved = Moved { debit, credit, amount, reference };
                let line = simple(self, &moved, What::Deposit);
                self.outside.insert(line.credit, line.debit);
                line
            }
            Action::Withdraw { account, amount, reference } => {
                let debit = self.place(account);
                let credit = self.outside.get(&debit).copied().unwrap_or(debit);
                let amount = amount.get();
                Line { entry, time, amount, reference, id, debit, credit, what: What::Withdraw }
            }
            Action::Correct { currency, movement, .. } => {
                let by = AccountId::of_owner(operator, currency);
                simple(self, &movement, What::Correct(by))
            }
            Action::Cancel { .. } | Action::OpenEscrow { .. } => return,
        };
        self.add(line);
    }

    fn add(&mut self, line: Line) {
        let next = self.next();
        let (debit, credit) = (line.debit, line.credit);
        self.lines.push(line);
        for account in [Some(debit), (credit != debit).then_some(credit)].into_iter().flatten() {
            if let Some(lines) = self.of_account.get_mut(account as usize) {
                lines.push(next);
            }
        }
    }

    /// What a hold has set aside, once.
    fn resolve(&mut self, hold: &HoldKey) -> Option<u64> {
        let debit = self.place(hold.account);
        let line = self.held.remove(&(debit, hold.id))?;
        self.lines.get(line as usize).map(|line| line.amount)
    }

    /// The number that the next line gets. The ledger holds at most as many records.
    fn next(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    fn place(&mut self, account: AccountId) -> u32 {
        *self.places.entry(account).or_insert_with(|| {
            self.names.push(account);
            self.of_account.push(Vec::new());
            // As for lines.
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Movements of an account from number `from` on, at most `limit` and [`MAX_PAGE`].
    pub(crate) fn page(&self, account: &AccountId, from: u64, limit: u32) -> Page {
        let Some(place) = self.places.get(account).copied() else {
            return Page { total: 0, movements: Vec::new() };
        };
        let lines = self.of_account.get(place as usize).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let most = limit.min(MAX_PAGE) as usize;
        let shown = lines.iter().skip(from).take(most);
        let movements = shown.filter_map(|line| self.show(*line, place)).collect();
        Page { total: lines.len() as u64, movements }
    }

    fn show(&self, line: u32, for_account: u32) -> Option<Movement> {
        let line = self.lines.get(line as usize)?;
        let name = |place: u32| self.names.get(place as usize).copied();
        let (debit, credit) = (name(line.debit)?, name(line.credit)?);
        let (side, other) =
            if line.debit == for_account { (Side::Debit, credit) } else { (Side::Credit, debit) };
        let hold = |id| HoldKey { account: debit, id };
        let (kind, signed_by) = match line.what {
            What::Post => (MovementKind::Post, debit),
            What::Purchase => (MovementKind::Purchase, debit),
            What::Hold(timeout) => (MovementKind::Hold { timeout }, debit),
            What::PostHold(id) => (MovementKind::PostHold(hold(id)), credit),
            What::VoidHold(id) => (MovementKind::VoidHold(hold(id)), credit),
            What::Deposit => (MovementKind::Deposit, debit),
            What::Withdraw => (MovementKind::Withdraw, debit),
            What::Correct(by) => (MovementKind::Correct, by),
        };
        let Line { entry, time, amount, reference, id, .. } = *line;
        Some(Movement { entry, time, kind, side, amount, other, signed_by, id, reference })
    }
}
