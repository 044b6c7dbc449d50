//! The rules of a purchase: never without what was bought, never without both signatures.

use auction::spec::Time;
use settlement::ledger::{
    Action, Chain, Class, Code, Fate, Ledger, MAX_ORDER_AHEAD_MS, Request, VerifiedRequest,
};

use crate::people::*;

fn code_with_goods(ledger: &mut Ledger, request: &VerifiedRequest, now: u64) -> Code {
    apply_chain(ledger, with_goods(request), now).code
}

#[test]
fn a_purchase_moves_the_money_once_with_what_was_bought() {
    let mut ledger = started();
    let order = purchase(10, 1, 2, 30);
    let first = apply_chain(&mut ledger, with_goods(&order), 1001);
    assert_eq!((first.code, first.balances.unwrap().available()), (Code::Done, 70));
    assert_eq!(ledger.attachment(first.entry.unwrap()).unwrap(), {
        with_goods(&order).attachment().unwrap().digest()
    });
    let again = apply_chain(&mut ledger, with_goods(&order), 1002);
    assert_eq!((again.code, again.repeated, again.entry), (Code::Done, true, first.entry));
    assert_eq!(balances(&ledger, 2).available(), 130);
    // With another key, or with none, it is still the one purchase.
    let other = Chain::new(vec![order.clone()], Some(b"other".to_vec())).unwrap();
    assert_eq!(apply_chain(&mut ledger, other, 1003).code, Code::AttachmentConflict);
    assert_eq!(code(&mut ledger, &order, 1003), Code::AttachmentConflict);
    assert_eq!(balances(&ledger, 1).available(), 70);
}

#[test]
fn an_order_without_its_goods_or_tied_to_something_else_leaves_no_trace() {
    let mut ledger = started();
    let order = purchase(10, 1, 2, 30);
    let goods = Some(b"goods".to_vec());
    let tied = |others: Vec<VerifiedRequest>| Chain::new(others, goods.clone()).unwrap();
    let chains = [
        Chain::from(order.clone()),
        tied(vec![order.clone(), post(11, 2, 1, 5)]),
        tied(vec![post(11, 2, 1, 5), order.clone()]),
        tied(vec![order.clone(), purchase(12, 1, 2, 1)]),
    ];
    let before = ledger.to_bytes();
    for chain in chains {
        let applied = ledger.apply(std::slice::from_ref(&chain), Time(1001));
        let codes: Vec<_> = applied.outcomes[0].replies.iter().map(|reply| reply.code).collect();
        assert!(codes.contains(&Code::WithoutGoods), "{codes:?}");
        assert!(codes.iter().all(|code| code.class() == Class::Again), "{codes:?}");
        assert!(!applied.effective);
        assert_eq!(ledger.to_bytes(), before);
    }
    assert_eq!(code_with_goods(&mut ledger, &order, 1002), Code::Done);
}

#[test]
fn a_refusal_is_the_same_with_the_goods_and_without() {
    // The journal keeps it without them, and replay must find the same.
    for chain in [with_goods(&purchase(10, 1, 2, 500)), Chain::from(purchase(10, 1, 2, 500))] {
        let mut ledger = started();
        assert_eq!(apply_chain(&mut ledger, chain, 1001).code, Code::InsufficientFunds);
        assert_eq!(ledger.record(&account(1), id(10)).unwrap().fate, Fate::Refused);
        let again = with_goods(&purchase(10, 1, 2, 500));
        assert_eq!(apply_chain(&mut ledger, again, 1002).code, Code::InsufficientFunds);
    }
}

#[test]
fn only_who_is_paid_countersigns_and_nobody_else_spoils_the_id() {
    let mut ledger = started();
    let charter = charter();
    // More than there is: to who is paid that is final, to others it is not said.
    let action = Action::Purchase(movement(account(1), account(2), 500));
    let request = Request { id: id(10), until: UNTIL, action };
    for stranger in [1, 3, 202, 203] {
        let order = countersigned(&charter, 1, Some(stranger), request);
        assert_eq!(code_with_goods(&mut ledger, &order, 1001), Code::NotPayee);
        assert!(ledger.record(&account(1), id(10)).is_none());
    }
    let stolen = countersigned(&charter, 3, Some(2), request);
    assert_eq!(code_with_goods(&mut ledger, &stolen, 1001), Code::NotOwner);
    let order = countersigned(&charter, 1, Some(2), request);
    assert_eq!(code_with_goods(&mut ledger, &order, 1001), Code::InsufficientFunds);
    assert_eq!(code(&mut ledger, &deposit(5, 1, 1_000), 1002), Code::Done);
    assert_eq!(code_with_goods(&mut ledger, &order, 1003), Code::InsufficientFunds);
}

#[test]
fn a_purchase_is_between_two_owners() {
    let mut ledger = started();
    let charter = charter();
    let open = Action::OpenEscrow { subject: auction::layout::Digest([7; 32]), currency: eur() };
    assert_eq!(code(&mut ledger, &by(&charter, 203, 1, open), 1001), Code::Done);
    for (number, from, payee, movement, expected) in [
        (20, 1, 203, movement(account(1), escrow(), 5), Code::NotPayee),
        (21, 203, 1, movement(escrow(), account(1), 5), Code::NotPayee),
        (22, 1, 202, movement(account(1), operator(), 5), Code::NotPayee),
        (23, 202, 1, movement(operator(), account(1), 5), Code::NotPayee),
        (24, 1, 3, movement(account(1), account(3), 5), Code::UnknownCredit),
    ] {
        let request = Request { id: id(number), until: UNTIL, action: Action::Purchase(movement) };
        let order = countersigned(&charter, from, Some(payee), request);
        assert_eq!(code_with_goods(&mut ledger, &order, 1002), expected, "{number}");
    }
}

#[test]
fn an_order_is_good_for_a_day_at_most_and_not_at_its_end() {
    let until = |number: u128, until: u64| {
        let action = Action::Purchase(movement(account(1), account(2), 1));
        crate::people::until(&charter(), 1, number, Time(until), action)
    };
    let mut ledger = started();
    let now = 2_000;
    let longest = until(10, now + MAX_ORDER_AHEAD_MS);
    let longer = until(11, now + MAX_ORDER_AHEAD_MS + 1);
    assert_eq!(code_with_goods(&mut ledger, &longest, now), Code::Done);
    assert_eq!(code_with_goods(&mut ledger, &longer, now), Code::UntilTooFar);
    // Final: whoever brings it again later gets the same answer.
    assert_eq!(code_with_goods(&mut ledger, &longer, now + 1), Code::UntilTooFar);
    assert_eq!(code_with_goods(&mut ledger, &until(12, now + 10), now + 9), Code::Done);
    assert_eq!(code_with_goods(&mut ledger, &until(13, now + 10), now + 10), Code::Expired);
}

#[test]
fn cancelling_and_buying_race_to_one_result() {
    let cancel = by(&charter(), 1, 10, Action::Cancel { account: account(1) });
    let order = purchase(10, 1, 2, 30);
    for (batch, codes, left) in [
        (
            [with_goods(&order), Chain::from(cancel.clone())],
            [Code::Done, Code::TooLateToCancel],
            70,
        ),
        ([Chain::from(cancel.clone()), with_goods(&order)], [Code::Done, Code::Cancelled], 100),
    ] {
        let mut ledger = started();
        let applied = ledger.apply(&batch, Time(1001));
        let got: Vec<_> = applied.outcomes.iter().map(|one| one.replies[0].code).collect();
        assert_eq!(got, codes);
        assert_eq!(balances(&ledger, 1).available(), left);
        let fate = ledger.record(&account(1), id(10)).unwrap().fate;
        assert_eq!(fate, if left == 70 { Fate::Committed } else { Fate::Cancelled });
    }
}

#[test]
fn two_orders_with_one_id_are_one_purchase() {
    let mut ledger = started();
    let batch = [purchase(10, 1, 2, 30), purchase(10, 1, 2, 31)];
    let applied = ledger.apply(&batch.each_ref().map(with_goods), Time(1001));
    let got: Vec<_> = applied.outcomes.iter().map(|one| one.replies[0].code).collect();
    assert_eq!(got, [Code::Done, Code::IdConflict]);
    // Countersigned once more, with other bytes, it is still the same order.
    assert_eq!(balances(&ledger, 1).available(), 70);
}
