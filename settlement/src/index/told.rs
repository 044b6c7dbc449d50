//! What a batch tells the index beside ids and places: what moved, and which entries a start must
//! see again.

use super::movements::{Line, What};
use crate::ledger::{
    AccountId, Action, Applied, Chain, Code, Ended, Ledger, Movement, Outcome, Part, Request,
};

/// What the committed chains of a batch did.
pub(crate) struct Told {
    /// What moved, in order.
    pub(crate) lines: Vec<Line>,
    /// The entries with an attachment, or about an escrow account.
    pub(crate) marked: Vec<u64>,
}

impl Told {
    /// Of a batch that was applied to this ledger.
    pub(crate) fn of<'a>(
        ledger: &Ledger,
        chains: impl Iterator<Item = (&'a Chain, &'a Outcome)>,
        applied: &Applied,
    ) -> Self {
        let mut told = Self { lines: Vec::with_capacity(chains.size_hint().0), marked: Vec::new() };
        for (chain, outcome) in chains {
            let Some(entry) = outcome.entry else { continue };
            if outcome.replies.iter().any(|reply| reply.code != Code::Done) {
                continue;
            }
            let mut marked = chain.attachment().is_some();
            for request in chain.requests().iter().map(|verified| verified.request()) {
                marked |= ledger.concerns_escrow(request);
                told.lines.extend(line(ledger, entry, request, applied));
            }
            if marked {
                told.marked.push(entry);
            }
        }
        told
    }
}

/// What a committed request moved; nothing where it only opened an account or used up an id.
fn line(ledger: &Ledger, entry: u64, request: &Request, applied: &Applied) -> Option<Line> {
    // They are in the entries' order, at most a chain's for each.
    let from = applied.ended.partition_point(|ended| ended.entry < entry);
    let of_entry = || applied.ended.iter().skip(from).take_while(|ended| ended.entry == entry);
    let held = |hold| {
        let ended = of_entry().find(|ended: &&Ended| ended.hold == hold);
        ended.map(|ended| ended.amount)
    };
    let operator = |currency| AccountId::of_owner(&ledger.charter().operator(), currency);
    let (debit, credit, amount, reference, what) = match request.action {
        Action::Post(Movement { debit, credit, amount, reference }) => {
            (debit, credit, amount.get(), reference, What::Post)
        }
        Action::Purchase(Movement { debit, credit, amount, reference }) => {
            (debit, credit, amount.get(), reference, What::Purchase)
        }
        Action::Correct { movement: Movement { debit, credit, amount, reference }, .. } => {
            (debit, credit, amount.get(), reference, What::Correct)
        }
        Action::Hold { movement: Movement { debit, credit, amount, reference }, timeout } => {
            (debit, credit, amount.get(), reference, What::Hold(timeout))
        }
        Action::PostHold { account, hold, part, reference } => {
            let held = held(hold)?;
            let amount = match part {
                Part::Whole => held,
                Part::Amount(amount) => amount,
            };
            (hold.account, account, amount, reference, What::PostHold(hold.id))
        }
        Action::VoidHold { account, hold, reference } => {
            (hold.account, account, held(hold)?, reference, What::VoidHold(hold.id))
        }
        Action::Deposit { owner, currency, amount, reference } => {
            let credit = AccountId::of_owner(&owner, currency);
            (operator(currency), credit, amount.get(), reference, What::Deposit)
        }
        Action::Withdraw { account, amount, reference } => {
            let currency = ledger.account(&account)?.currency;
            (account, operator(currency), amount.get(), reference, What::Withdraw)
        }
        Action::Cancel { .. } | Action::OpenEscrow { .. } => return None,
    };
    let (debit, credit) = (ledger.number_of(&debit)?, ledger.number_of(&credit)?);
    let (id, time) = (request.id, applied.now);
    Some(Line { entry, time, amount, reference, id, debit, credit, what })
}
