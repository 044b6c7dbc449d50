//! Keys, and requests made easily.

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::spec::Time;
use settlement::layout::Signer;
use settlement::ledger::{
    AccountId, Action, Balances, Chain, Charter, Code, Currency, HoldKey, Ledger, Movement, Part,
    Reply, Request, RequestId, SignedRequest, Sum, VerifiedRequest, correction_id,
};

/// Until when requests are good unless a test says otherwise.
pub const UNTIL: Time = Time(10_000_000);

pub fn signer(seed: u8) -> Signer {
    Signer::new(&SecretKey::from_seed(&[seed; 32]))
}

pub fn server() -> Signer {
    signer(201)
}

pub fn charter() -> Charter {
    charter_with(1000)
}

pub fn charter_with(expiries: u32) -> Charter {
    let [server, operator, postings] = [201, 202, 203].map(|seed| signer(seed).public());
    Charter::new(server, operator, postings, expiries).unwrap()
}

pub fn eur() -> Currency {
    Currency::from_bytes(*b"EUR\x02").unwrap()
}

pub fn account(person: u8) -> AccountId {
    AccountId::of_owner(&signer(person).public(), eur())
}

pub fn operator() -> AccountId {
    account(202)
}

pub fn escrow() -> AccountId {
    AccountId::of_escrow(&Digest([7; 32]), eur())
}

pub fn id(number: u128) -> RequestId {
    RequestId::new(number).unwrap()
}

pub fn sum(amount: u64) -> Sum {
    Sum::new(amount).unwrap()
}

pub fn movement(debit: AccountId, credit: AccountId, amount: u64) -> Movement {
    Movement { debit, credit, amount: sum(amount), reference: Digest([1; 32]) }
}

/// Signs as person `seed` and verifies.
pub fn by(charter: &Charter, seed: u8, number: u128, action: Action) -> VerifiedRequest {
    until(charter, seed, number, UNTIL, action)
}

pub fn until(
    charter: &Charter,
    seed: u8,
    number: u128,
    until: Time,
    action: Action,
) -> VerifiedRequest {
    let id = match action {
        Action::Correct { movement, part, .. } => correction_id(&movement.reference, part),
        _ => id(number),
    };
    let second = match action {
        Action::Withdraw { .. } => Some(202),
        Action::Purchase(movement) => (1..=3).find(|person| account(*person) == movement.credit),
        _ => None,
    };
    countersigned(charter, seed, second, Request { id, until, action })
}

/// Signs as person `seed`, and as another beside it, and verifies.
pub fn countersigned(
    charter: &Charter,
    seed: u8,
    second: Option<u8>,
    request: Request,
) -> VerifiedRequest {
    let signed = SignedRequest::sign(&request, &signer(seed), charter);
    let signed = match second {
        Some(second) => signed.countersign(&signer(second), charter),
        None => signed,
    };
    signed.verify(charter).unwrap()
}

pub fn deposit(number: u128, person: u8, amount: u64) -> VerifiedRequest {
    by(&charter(), 202, number, deposit_action(person, amount))
}

pub fn deposit_action(person: u8, amount: u64) -> Action {
    let owner = signer(person).public();
    Action::Deposit { owner, currency: eur(), amount: sum(amount), reference: Digest([2; 32]) }
}

pub fn post(number: u128, from: u8, to: u8, amount: u64) -> VerifiedRequest {
    by(&charter(), from, number, Action::Post(movement(account(from), account(to), amount)))
}

pub fn hold(number: u128, from: u8, to: u8, amount: u64, timeout: u64) -> VerifiedRequest {
    let movement = movement(account(from), account(to), amount);
    by(&charter(), from, number, Action::Hold { movement, timeout: Time(timeout) })
}

pub fn hold_of(person: u8, number: u128) -> HoldKey {
    HoldKey { account: account(person), id: id(number) }
}

pub fn post_hold(number: u128, to: u8, hold: HoldKey, part: Part) -> VerifiedRequest {
    let reference = Digest([3; 32]);
    by(&charter(), to, number, Action::PostHold { account: account(to), hold, part, reference })
}

pub fn void_hold(number: u128, to: u8, hold: HoldKey) -> VerifiedRequest {
    let reference = Digest([4; 32]);
    by(&charter(), to, number, Action::VoidHold { account: account(to), hold, reference })
}

pub fn purchase(number: u128, from: u8, to: u8, amount: u64) -> VerifiedRequest {
    by(&charter(), from, number, Action::Purchase(movement(account(from), account(to), amount)))
}

/// A purchase as it must come: alone, with what was bought.
pub fn with_goods(request: &VerifiedRequest) -> Chain {
    Chain::new(vec![request.clone()], Some(b"goods".to_vec())).unwrap()
}

/// Applies one chain alone and answers with the reply to its first request.
pub fn apply_chain(ledger: &mut Ledger, chain: Chain, now: u64) -> Reply {
    let applied = ledger.apply(&[chain], Time(now));
    ledger.check().unwrap();
    applied.outcomes[0].replies[0]
}

/// Applies one request alone.
pub fn apply(ledger: &mut Ledger, request: &VerifiedRequest, now: u64) -> Reply {
    apply_chain(ledger, Chain::from(request.clone()), now)
}

/// Applies one request alone and answers with its code.
pub fn code(ledger: &mut Ledger, request: &VerifiedRequest, now: u64) -> Code {
    apply(ledger, request, now).code
}

pub fn balances(ledger: &Ledger, person: u8) -> Balances {
    ledger.account(&account(person)).unwrap().balances
}

/// A ledger in which persons 1 and 2 have 100 each, at time 1000.
pub fn started() -> Ledger {
    let mut ledger = Ledger::new(charter());
    assert_eq!(code(&mut ledger, &deposit(1, 1, 100), 1000), Code::Done);
    assert_eq!(code(&mut ledger, &deposit(2, 2, 100), 1000), Code::Done);
    ledger
}
