//! A ledger written the slow and obvious way: all balances are sums over a list of all that ever
//! moved, and a chain is tried on a copy.

use std::collections::BTreeMap;

use settlement::ledger::{
    AccountId, Action, Authority, Balances, Code, HoldKey, Movement, Part, Request, VerifiedRequest,
};

use crate::people::{escrow, eur, operator};

/// What a hold has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HoldState {
    Live,
    Posted,
    Voided,
    Expired,
}

#[derive(Clone)]
struct Hold {
    key: HoldKey,
    credit: AccountId,
    amount: u64,
    timeout: u64,
    state: HoldState,
}

#[derive(Clone)]
struct Decided {
    content: [u8; 32],
    code: Code,
    cancels: bool,
    attached: bool,
}

/// The oracle. It is told with each request whether its signer owns the account.
#[derive(Clone)]
pub struct Oracle {
    accounts: Vec<AccountId>,
    moved: Vec<(AccountId, AccountId, u64)>,
    holds: Vec<Hold>,
    decided: BTreeMap<(AccountId, u128), Decided>,
    now: u64,
    sweeps: usize,
}

impl Oracle {
    pub fn new(sweeps: usize) -> Self {
        Self {
            accounts: Vec::new(),
            moved: Vec::new(),
            holds: Vec::new(),
            decided: BTreeMap::new(),
            now: 0,
            sweeps,
        }
    }

    /// Time passes, and due holds are swept: the earliest first, then the oldest.
    pub fn begin(&mut self, clock: u64) {
        self.now = self.now.max(clock);
        for _ in 0..self.sweeps {
            let now = self.now;
            let due = self.holds.iter_mut().filter(|hold| hold.state == HoldState::Live);
            let first = due.filter(|hold| hold.timeout <= now).min_by_key(|hold| hold.timeout);
            let Some(hold) = first else { break };
            hold.state = HoldState::Expired;
        }
    }

    /// A chain of these requests, with or without goods attached: always the same goods.
    pub fn chain(&mut self, requests: &[(VerifiedRequest, bool)], attached: bool) -> Vec<Code> {
        let known: Vec<_> = requests
            .iter()
            .map(|(request, owned)| self.known(request, attached).filter(|_| *owned))
            .collect();
        if known.iter().all(Option::is_some) {
            return known.into_iter().flatten().collect();
        }
        if known.iter().any(Option::is_some) {
            return known.into_iter().map(|code| code.unwrap_or(Code::ChainPartlyKnown)).collect();
        }
        let mut copy = self.clone();
        for (place, (request, owned)) in requests.iter().enumerate() {
            let code = copy.single(request, *owned, attached);
            if code != Code::Done {
                let mut codes = vec![Code::ChainFailed; requests.len()];
                codes[place] = code;
                let postings = requests.iter().any(|(request, _)| by_postings(request));
                if is_final(code) && !postings {
                    // What the request would have met without the chain before it.
                    let alone = self.clone().single(request, *owned, false);
                    if is_final(alone) {
                        self.decide(request, alone, false);
                        codes[place] = alone;
                    } else {
                        codes[place] = Code::RefusedInChain;
                    }
                }
                return codes;
            }
        }
        let purchase = requests.iter().position(|(request, _)| is_purchase(request));
        if let Some(place) = purchase.filter(|_| !attached || requests.len() > 1) {
            let mut codes = vec![Code::ChainFailed; requests.len()];
            codes[place] = Code::WithoutGoods;
            return codes;
        }
        *self = copy;
        vec![Code::Done; requests.len()]
    }

    fn known(&self, request: &VerifiedRequest, attached: bool) -> Option<Code> {
        let decided =
            self.decided.get(&(signing(request.request()), request.request().id.get()))?;
        let other = decided.code == Code::Done && decided.attached != attached;
        let code = if other { Code::AttachmentConflict } else { decided.code };
        (decided.content == request.content().0).then_some(code)
    }

    fn decide(&mut self, request: &VerifiedRequest, code: Code, attached: bool) {
        let cancels = matches!(request.request().action, Action::Cancel { .. });
        let decided = Decided { content: request.content().0, code, cancels, attached };
        self.decided.insert((signing(request.request()), request.request().id.get()), decided);
    }

    fn single(&mut self, verified: &VerifiedRequest, owned: bool, attached: bool) -> Code {
        let request = verified.request();
        let account = signing(request);
        let opens = matches!(request.action, Action::Deposit { .. } | Action::OpenEscrow { .. });
        if !opens && !self.accounts.contains(&account) {
            return Code::UnknownAccount;
        }
        if !owned {
            return Code::NotOwner;
        }
        if let Some(decided) = self.decided.get(&(account, request.id.get())) {
            return match (decided.content == verified.content().0, &request.action) {
                (true, _) => Code::IdConflict,
                (false, _) if decided.cancels => Code::Cancelled,
                (false, Action::Cancel { .. }) => Code::TooLateToCancel,
                (false, _) => Code::IdConflict,
            };
        }
        if self.now >= request.until.0 {
            return Code::Expired;
        }
        let code = self.act(verified);
        if code == Code::Done {
            self.decide(verified, code, attached);
        }
        code
    }

    fn act(&mut self, verified: &VerifiedRequest) -> Code {
        let request = verified.request();
        match request.action {
            Action::Deposit { owner, currency, amount, .. } => {
                let target = AccountId::of_owner(&owner, currency);
                for account in [operator(), target] {
                    if !self.accounts.contains(&account) {
                        self.accounts.push(account);
                    }
                }
                self.moved.push((operator(), target, amount.get()));
                Code::Done
            }
            Action::Withdraw { account, amount, .. } => {
                self.pay(account, operator(), amount.get(), false)
            }
            Action::Correct { movement: Movement { debit, credit, amount, .. }, .. } => {
                if self.accounts.contains(&debit) {
                    self.pay(debit, credit, amount.get(), false)
                } else {
                    Code::UnknownDebit
                }
            }
            Action::Post(Movement { debit, credit, amount, .. }) => {
                self.pay(debit, credit, amount.get(), true)
            }
            Action::Purchase(Movement { credit, .. }) if !self.accounts.contains(&credit) => {
                Code::UnknownCredit
            }
            Action::Purchase(Movement { debit, credit, amount, .. }) => {
                let two_owners =
                    ![debit, credit].iter().any(|id| [operator(), escrow()].contains(id));
                match verified.authority() {
                    Authority::OwnerAndPayee { payee, .. }
                        if two_owners && AccountId::of_owner(&payee, eur()) == credit =>
                    {
                        self.pay(debit, credit, amount.get(), true)
                    }
                    _ => Code::NotPayee,
                }
            }
            Action::Hold { movement, timeout } => self.hold(request, &movement, timeout.0),
            Action::PostHold { account, hold, part, .. } => self.resolve(account, hold, Some(part)),
            Action::VoidHold { account, hold, .. } => self.resolve(account, hold, None),
            Action::Cancel { .. } => Code::Done,
            Action::OpenEscrow { .. } if self.accounts.contains(&escrow()) => Code::AlreadyOpen,
            Action::OpenEscrow { .. } => {
                self.accounts.push(escrow());
                Code::Done
            }
        }
    }

    fn payable(&self, debit: AccountId, credit: AccountId, amount: u64) -> Code {
        if !self.accounts.contains(&credit) {
            return Code::UnknownCredit;
        }
        if debit == operator() || self.balances(&debit).available() >= i128::from(amount) {
            return Code::Done;
        }
        let waits =
            self.holds.iter().any(|hold| hold.state == HoldState::Live && hold.timeout <= self.now);
        let own = self.holds.iter().any(|h| h.state == HoldState::Live && h.key.account == debit);
        if waits && own { Code::Sweeping } else { Code::InsufficientFunds }
    }

    fn pay(&mut self, debit: AccountId, credit: AccountId, amount: u64, plain: bool) -> Code {
        if plain && credit == operator() {
            return Code::ToOperator;
        }
        let code = self.payable(debit, credit, amount);
        if code == Code::Done {
            self.moved.push((debit, credit, amount));
        }
        code
    }

    fn hold(&mut self, request: &Request, movement: &Movement, timeout: u64) -> Code {
        if timeout <= self.now {
            return Code::HoldTimeout;
        }
        if movement.credit == operator() {
            return Code::ToOperator;
        }
        let code = self.payable(movement.debit, movement.credit, movement.amount.get());
        if code == Code::Done {
            self.holds.push(Hold {
                key: HoldKey { account: movement.debit, id: request.id },
                credit: movement.credit,
                amount: movement.amount.get(),
                timeout,
                state: HoldState::Live,
            });
        }
        code
    }

    fn resolve(&mut self, account: AccountId, key: HoldKey, part: Option<Part>) -> Code {
        let now = self.now;
        let Some(hold) = self.holds.iter_mut().find(|hold| hold.key == key) else {
            return Code::HoldUnknown;
        };
        match hold.state {
            HoldState::Posted => return Code::HoldPosted,
            HoldState::Voided => return Code::HoldVoided,
            HoldState::Expired => return Code::HoldExpired,
            HoldState::Live if hold.credit != account => return Code::HoldElsewhere,
            HoldState::Live if hold.timeout <= now => return Code::HoldExpired,
            HoldState::Live => {}
        }
        let amount = match part {
            None => 0,
            Some(Part::Whole) => hold.amount,
            Some(Part::Amount(amount)) => amount,
        };
        if amount > hold.amount {
            return Code::AboveHold;
        }
        hold.state = if part.is_some() { HoldState::Posted } else { HoldState::Voided };
        let moved = (hold.key.account, hold.credit, amount);
        self.moved.push(moved);
        Code::Done
    }

    pub fn accounts(&self) -> &[AccountId] {
        &self.accounts
    }

    pub fn balances(&self, account: &AccountId) -> Balances {
        let mut sums = Balances::default();
        for (debit, credit, amount) in &self.moved {
            sums.debits_posted += if debit == account { u128::from(*amount) } else { 0 };
            sums.credits_posted += if credit == account { u128::from(*amount) } else { 0 };
        }
        for hold in self.holds.iter().filter(|hold| hold.state == HoldState::Live) {
            let amount = u128::from(hold.amount);
            sums.debits_pending += if hold.key.account == *account { amount } else { 0 };
            sums.credits_pending += if hold.credit == *account { amount } else { 0 };
        }
        sums
    }
}

/// The account whose owner signs.
fn signing(request: &Request) -> AccountId {
    match request.action {
        Action::Post(movement) | Action::Hold { movement, .. } | Action::Purchase(movement) => {
            movement.debit
        }
        Action::PostHold { account, .. }
        | Action::VoidHold { account, .. }
        | Action::Cancel { account }
        | Action::Withdraw { account, .. } => account,
        Action::Deposit { .. } | Action::Correct { .. } => operator(),
        Action::OpenEscrow { .. } => escrow(),
    }
}

fn is_purchase(request: &VerifiedRequest) -> bool {
    matches!(request.request().action, Action::Purchase(_))
}

/// The refusals of the postings module's chains are never final.
fn by_postings(request: &VerifiedRequest) -> bool {
    request.authority() == Authority::Postings
}

/// Refusals that depend on the state, listed apart from the ledger's own table.
fn is_final(code: Code) -> bool {
    [
        Code::UnknownCredit,
        Code::UnknownDebit,
        Code::InsufficientFunds,
        Code::HoldUnknown,
        Code::HoldPosted,
        Code::HoldVoided,
        Code::HoldExpired,
        Code::AboveHold,
        Code::HoldTimeout,
    ]
    .contains(&code)
}
