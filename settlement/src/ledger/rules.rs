//! The rules of each request: who may, when, and what then changes. Everything is checked before
//! anything is changed.

use auction::spec::Time;

use super::account::{Account, AccountIndex, Balances, Kind};
use super::apply::{Moment, Refusal, Step};
use super::code::Code;
use super::holds::LiveHold;
use super::ids::{AccountId, Currency, Sum};
use super::records::{Fate, Record, RecordIndex};
use super::request::{Action, HoldKey, Movement, Part, Request};
use super::signed::{Authority, VerifiedRequest};
use super::{Ledger, MAX_AHEAD_MS, MAX_ORDER_AHEAD_MS};

/// What a request decides, once every check has passed.
struct Decision {
    account: AccountIndex,
    fate: Fate,
    hold: Option<LiveHold>,
    ended: Option<(HoldKey, u64)>,
}

impl Decision {
    fn committed(account: AccountIndex) -> Self {
        Self { account, fate: Fate::Committed, hold: None, ended: None }
    }
}

impl Ledger {
    /// Applies one request, or finds out what was decided about it, or refuses it.
    pub(super) fn step(
        &mut self,
        verified: &VerifiedRequest,
        moment: Moment<'_>,
        entry: u64,
    ) -> Result<Step, Refusal> {
        let account = self.owned_account(verified)?;
        let request = verified.request();
        // The id comes first: a conflict is never shown as a lack of funds.
        if let Some(account) = account
            && let Some(index) = self.records.find(account, request.id)
        {
            let record = self.records.at(index);
            return match already_decided(record, verified) {
                None => {
                    let known = Some((record.code, record.entry));
                    Ok(Step { account, known, ended: None })
                }
                Some(code) => Err(Refusal { code, account: None }),
            };
        }
        let good = good_at(request, moment.judged());
        let good = good.and_then(|()| self.stays_outside_escrow(request, moment));
        let decided = good.and_then(|()| self.decide(verified, account, moment));
        let Decision { account, fate, hold, ended } =
            decided.map_err(|code| Refusal { code, account })?;
        let record = Record {
            id: request.id,
            content: verified.content(),
            entry,
            code: Code::Done,
            fate,
            account,
        };
        let index = self.insert_record(record);
        if let Some(hold) = hold {
            self.begin_hold(index, hold);
        }
        Ok(Step { account, known: None, ended })
    }

    /// The signing account, once it is known to belong to who signed; `None` where the request
    /// itself is to open it.
    fn owned_account(&self, verified: &VerifiedRequest) -> Result<Option<AccountIndex>, Refusal> {
        let index = self.accounts.find(&verified.signing_account(&self.charter));
        let Some(index) = index else {
            let action = &verified.request().action;
            let opens = matches!(action, Action::Deposit { .. } | Action::OpenEscrow { .. });
            // Not kept: whoever has no account must not be able to fill the disk.
            let refusal = Refusal { code: Code::UnknownAccount, account: None };
            return if opens { Ok(None) } else { Err(refusal) };
        };
        if self.accounts.at(index).owner == self.key_of(verified.authority()) {
            Ok(Some(index))
        } else {
            Err(Refusal { code: Code::NotOwner, account: None })
        }
    }

    fn decide(
        &mut self,
        verified: &VerifiedRequest,
        account: Option<AccountIndex>,
        moment: Moment<'_>,
    ) -> Result<Decision, Code> {
        let now = moment.now;
        match (&verified.request().action, account) {
            (Action::Deposit { owner, currency, amount, .. }, operator) => {
                let target = AccountId::of_owner(owner, *currency);
                let template = |id, owner, kind| Account {
                    id,
                    owner,
                    currency: *currency,
                    kind,
                    balances: Balances::default(),
                };
                let owned = template(target, *owner, Kind::Owner);
                let id = AccountId::of_owner(&self.charter.operator(), *currency);
                let theirs = template(id, self.charter.operator(), Kind::Operator);
                self.deposit(operator, theirs, owned, *amount, now)
            }
            (Action::OpenEscrow { subject, currency }, None) => {
                self.accounts.may_open(*currency)?;
                let index = self.open_account(Account {
                    id: AccountId::of_escrow(subject, *currency),
                    owner: self.charter.postings(),
                    currency: *currency,
                    kind: Kind::Escrow,
                    balances: Balances::default(),
                });
                Ok(Decision::committed(index))
            }
            (_, None) => Err(Code::UnknownAccount),
            (Action::OpenEscrow { .. }, Some(_)) => Err(Code::AlreadyOpen),
            (Action::Cancel { .. }, Some(account)) => {
                Ok(Decision { fate: Fate::Cancelled, ..Decision::committed(account) })
            }
            (Action::Post(movement), Some(debit)) => {
                let credit = self.movement(debit, movement, now)?;
                self.post(debit, credit, movement.amount.get());
                Ok(Decision::committed(debit))
            }
            (Action::Purchase(movement), Some(debit)) => {
                // Before the funds: their lack is final for the id, and only who is paid may ask.
                self.check_parties(debit, movement, verified.authority())?;
                let credit = self.movement(debit, movement, now)?;
                self.post(debit, credit, movement.amount.get());
                Ok(Decision::committed(debit))
            }
            (Action::Hold { movement, timeout }, Some(debit)) => {
                self.hold(debit, movement, *timeout, moment)
            }
            (Action::PostHold { hold, part, .. }, Some(account)) => {
                self.resolve(account, hold, Some(*part), moment)
            }
            (Action::VoidHold { hold, .. }, Some(account)) => {
                self.resolve(account, hold, None, moment)
            }
            (Action::Correct { currency, movement, .. }, Some(operator)) => {
                self.correct(operator, *currency, movement, now)
            }
            (Action::Withdraw { amount, .. }, Some(debit)) => {
                let currency = self.accounts.at(debit).currency;
                let operator = AccountId::of_owner(&self.charter.operator(), currency);
                let credit = self.accounts.find(&operator).ok_or(Code::UnknownCredit)?;
                if credit == debit {
                    return Err(Code::ToOperator);
                }
                self.check_funds(debit, credit, amount.get(), now)?;
                self.post(debit, credit, amount.get());
                Ok(Decision::committed(debit))
            }
        }
    }

    fn deposit(
        &mut self,
        operator: Option<AccountIndex>,
        operators: Account,
        owned: Account,
        amount: Sum,
        now: Time,
    ) -> Result<Decision, Code> {
        if owned.id == operators.id {
            return Err(Code::ToOperator);
        }
        self.accounts.may_open(owned.currency)?;
        let debit = operator.unwrap_or_else(|| self.open_account(operators));
        self.accounts.may_open(owned.currency)?;
        let found = self.accounts.find(&owned.id);
        let credit = found.unwrap_or_else(|| self.open_account(owned));
        self.check_funds(debit, credit, amount.get(), now)?;
        self.post(debit, credit, amount.get());
        Ok(Decision::committed(debit))
    }

    /// Moves money back, on the operator's word, between any two accounts of a currency.
    fn correct(
        &mut self,
        operator: AccountIndex,
        currency: Currency,
        movement: &Movement,
        now: Time,
    ) -> Result<Decision, Code> {
        let debit = self.accounts.find(&movement.debit).ok_or(Code::UnknownDebit)?;
        let credit = self.accounts.find(&movement.credit).ok_or(Code::UnknownCredit)?;
        if [debit, credit].iter().any(|one| self.accounts.at(*one).currency != currency) {
            return Err(Code::OtherCurrency);
        }
        self.check_funds(debit, credit, movement.amount.get(), now)?;
        self.post(debit, credit, movement.amount.get());
        Ok(Decision::committed(operator))
    }

    /// Checks a movement between two accounts and answers with the credited one.
    fn movement(
        &self,
        debit: AccountIndex,
        movement: &Movement,
        now: Time,
    ) -> Result<AccountIndex, Code> {
        let credit = self.credited(debit, movement)?;
        self.check_funds(debit, credit, movement.amount.get(), now)?;
        Ok(credit)
    }

    /// The account that a movement credits, if money may go there.
    fn credited(&self, debit: AccountIndex, movement: &Movement) -> Result<AccountIndex, Code> {
        let credit = self.accounts.find(&movement.credit).ok_or(Code::UnknownCredit)?;
        let (from, to) = (self.accounts.at(debit), self.accounts.at(credit));
        if from.currency != to.currency {
            return Err(Code::OtherCurrency);
        }
        if to.kind == Kind::Operator {
            return Err(Code::ToOperator);
        }
        Ok(credit)
    }

    /// What concerns an escrow account does not come back after a restore. That is refused before
    /// it comes here, too; but the account may be opened in between.
    fn stays_outside_escrow(&self, request: &Request, moment: Moment<'_>) -> Result<(), Code> {
        if moment.readmitted.is_some() && self.concerns_escrow(request) {
            return Err(Code::UnknownCredit);
        }
        Ok(())
    }

    /// Checks that a purchase is between two owners, and that who is paid has countersigned.
    fn check_parties(
        &self,
        debit: AccountIndex,
        movement: &Movement,
        authority: Authority,
    ) -> Result<(), Code> {
        let credit = self.accounts.find(&movement.credit).ok_or(Code::UnknownCredit)?;
        let (from, to) = (self.accounts.at(debit), self.accounts.at(credit));
        let paid = matches!(authority, Authority::OwnerAndPayee { payee, .. } if payee == to.owner);
        if paid && from.kind == Kind::Owner && to.kind == Kind::Owner {
            Ok(())
        } else {
            Err(Code::NotPayee)
        }
    }

    fn check_funds(
        &self,
        debit: AccountIndex,
        credit: AccountIndex,
        amount: u64,
        now: Time,
    ) -> Result<(), Code> {
        let from = self.accounts.at(debit);
        self.accounts.at(credit).has_room(amount)?;
        match from.covers(amount) {
            // Due holds that wait to be swept count as expired: no final word before they are.
            Err(Code::InsufficientFunds)
                if from.balances.debits_pending > 0
                    && self.holds.next_due().is_some_and(|due| due <= now) =>
            {
                Err(Code::Sweeping)
            }
            other => other,
        }
    }

    fn hold(
        &mut self,
        debit: AccountIndex,
        movement: &Movement,
        timeout: Time,
        moment: Moment<'_>,
    ) -> Result<Decision, Code> {
        let judged = moment.judged();
        if timeout <= judged || timeout.0 - judged.0 > MAX_AHEAD_MS {
            return Err(Code::HoldTimeout);
        }
        if timeout <= moment.now {
            // It came back after its time-out: nothing is set aside any more, and what was taken
            // from it can come back.
            self.credited(debit, movement)?;
            return Ok(Decision { fate: Fate::HoldExpired, ..Decision::committed(debit) });
        }
        let credit = self.movement(debit, movement, moment.now)?;
        let amount = movement.amount.get();
        let mut from = self.accounts.at(debit).balances;
        from.debits_pending += u128::from(amount);
        self.set_balances(debit, from);
        let mut to = self.accounts.at(credit).balances;
        to.credits_pending += u128::from(amount);
        self.set_balances(credit, to);
        let hold = LiveHold { debit, credit, amount, timeout };
        Ok(Decision { fate: Fate::Held, hold: Some(hold), ..Decision::committed(debit) })
    }

    /// Posts a hold (`part`) or voids it (`None`), once, by who it is in favour of.
    fn resolve(
        &mut self,
        account: AccountIndex,
        key: &HoldKey,
        part: Option<Part>,
        moment: Moment<'_>,
    ) -> Result<Decision, Code> {
        let index = self
            .accounts
            .find(&key.account)
            .and_then(|holder| self.records.find(holder, key.id))
            .ok_or(Code::HoldUnknown)?;
        let fate = self.records.at(index).fate;
        let hold = match fate {
            Fate::Held => self.holds.get(index).ok_or(Code::HoldUnknown)?,
            Fate::HoldExpired => self.expired(index, moment).ok_or(Code::HoldExpired)?,
            Fate::HoldPosted => return Err(Code::HoldPosted),
            Fate::HoldVoided => return Err(Code::HoldVoided),
            Fate::Refused | Fate::Committed | Fate::Cancelled => return Err(Code::HoldUnknown),
        };
        if hold.credit != account {
            return Err(Code::HoldElsewhere);
        }
        if moment.judged() >= hold.timeout {
            return Err(Code::HoldExpired);
        }
        let taken = match part {
            None => 0,
            Some(Part::Whole) => hold.amount,
            Some(Part::Amount(amount)) if amount > hold.amount => return Err(Code::AboveHold),
            Some(Part::Amount(amount)) => amount,
        };
        if fate == Fate::Held {
            self.release(&hold, taken);
            self.end_hold(index);
        } else if taken > 0 {
            // What it held was released long ago: it is taken from what there is now.
            self.check_funds(hold.debit, hold.credit, taken, moment.now)?;
            self.post(hold.debit, hold.credit, taken);
        }
        self.set_fate(index, if part.is_some() { Fate::HoldPosted } else { Fate::HoldVoided });
        Ok(Decision { ended: Some((*key, hold.amount)), ..Decision::committed(account) })
    }

    /// A hold that has expired, as it was, for a chain that came back and brings the request that
    /// made it.
    fn expired(&self, index: RecordIndex, moment: Moment<'_>) -> Option<LiveHold> {
        let made = moment.readmitted?.hold(&self.records.at(index).content)?;
        let Action::Hold { movement, timeout } = made.request().action else { return None };
        let debit = self.accounts.find(&movement.debit)?;
        let credit = self.accounts.find(&movement.credit)?;
        Some(LiveHold { debit, credit, amount: movement.amount.get(), timeout })
    }

    /// Moves `amount` from one account to another, both checked.
    fn post(&mut self, debit: AccountIndex, credit: AccountIndex, amount: u64) {
        let mut from = self.accounts.at(debit).balances;
        from.debits_posted += u128::from(amount);
        self.set_balances(debit, from);
        let mut to = self.accounts.at(credit).balances;
        to.credits_posted += u128::from(amount);
        self.set_balances(credit, to);
    }

    /// Ends a hold's claim on both accounts; `taken` of it, at most all, is moved.
    pub(super) fn release(&mut self, hold: &LiveHold, taken: u64) {
        let mut from = self.accounts.at(hold.debit).balances;
        from.debits_pending -= u128::from(hold.amount);
        from.debits_posted += u128::from(taken);
        self.set_balances(hold.debit, from);
        let mut to = self.accounts.at(hold.credit).balances;
        to.credits_pending -= u128::from(hold.amount);
        to.credits_posted += u128::from(taken);
        self.set_balances(hold.credit, to);
    }
}

/// Good while `now < until`.
fn good_at(request: &Request, now: Time) -> Result<(), Code> {
    let most =
        if let Action::Purchase(_) = request.action { MAX_ORDER_AHEAD_MS } else { MAX_AHEAD_MS };
    if now >= request.until {
        Err(Code::Expired)
    } else if request.until.0 - now.0 > most {
        Err(Code::UntilTooFar)
    } else {
        Ok(())
    }
}

/// What is wrong with using a decided id again; nothing, if it is the same request.
fn already_decided(record: &Record, verified: &VerifiedRequest) -> Option<Code> {
    let cancels = matches!(verified.request().action, Action::Cancel { .. });
    if record.content == verified.content() {
        None
    } else if record.fate == Fate::Cancelled {
        Some(Code::Cancelled)
    } else if cancels {
        Some(Code::TooLateToCancel)
    } else {
        Some(Code::IdConflict)
    }
}
