//! An account's movements, as its owner is shown them.

use crate::bookkeeper::Moved;
use crate::index::What;
use crate::ledger::{AccountId, HoldKey};
use crate::service::{Movement, MovementKind, Page, Side};

/// The page that shows these movements, of `total`, to the owner of `account`.
pub(super) fn page(account: &AccountId, total: u64, moved: &[Moved]) -> Page {
    Page { total, movements: moved.iter().map(|moved| show(account, moved)).collect() }
}

fn show(account: &AccountId, Moved { line, debit, credit, operator }: &Moved) -> Movement {
    let (debit, credit) = (*debit, *credit);
    let (side, other) =
        if debit == *account { (Side::Debit, credit) } else { (Side::Credit, debit) };
    let hold = |id| HoldKey { account: debit, id };
    let (kind, signed_by) = match line.what {
        What::Post => (MovementKind::Post, debit),
        What::Hold(timeout) => (MovementKind::Hold { timeout }, debit),
        What::PostHold(id) => (MovementKind::PostHold(hold(id)), credit),
        What::VoidHold(id) => (MovementKind::VoidHold(hold(id)), credit),
        What::Deposit => (MovementKind::Deposit, debit),
        What::Withdraw => (MovementKind::Withdraw, debit),
        What::Purchase => (MovementKind::Purchase, debit),
        What::Correct => (MovementKind::Correct, *operator),
    };
    let (entry, time, amount) = (line.entry, line.time, line.amount);
    let (id, reference) = (line.id, line.reference);
    Movement { entry, time, kind, side, amount, other, signed_by, id, reference }
}
