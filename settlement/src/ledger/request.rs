//! What can be asked of the ledger, and the one encoding of it that is signed and kept.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Time;

use super::correction::correction_id;
use super::ids::{AccountId, Currency, RequestId, Sum};
use crate::bytes::Reader;
use crate::layout::may_own;

/// A request: its id among those of the signing account, the moment until which it is good
/// (`now < until`), and what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Made by the client.
    pub id: RequestId,
    /// Good while `now < until`.
    pub until: Time,
    /// What is asked for.
    pub action: Action,
}

/// From which account to which, how much, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The account that gives; its owner signs.
    pub debit: AccountId,
    /// The account that gets.
    pub credit: AccountId,
    /// Minor units.
    pub amount: Sum,
    /// What it is for: opaque to the ledger (the hash of an order, of what a correction unwinds).
    pub reference: Digest,
}

/// Names a hold: the account that is held, and the id that its owner gave the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldKey {
    /// The debited account.
    pub account: AccountId,
    /// The hold's id.
    pub id: RequestId,
}

/// How much of a hold is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// So many minor units, zero included; the rest is released.
    Amount(u64),
}

/// What is asked for, and thereby who must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Moves money now. Signed by the owner of the debited account.
    Post(Movement),
    /// Sets money aside until it is posted, voided or `timeout` is reached (`now < timeout`).
    /// Signed by the owner of the debited account.
    Hold {
        /// What is set aside, and for whom.
        movement: Movement,
        /// When it is released by itself.
        timeout: Time,
    },
    /// Takes what was held. Signed by the owner of the account that the hold is in favour of.
    PostHold {
        /// The account that the hold is in favour of.
        account: AccountId,
        /// The hold.
        hold: HoldKey,
        /// How much of it.
        part: Part,
        /// What for.
        reference: Digest,
    },
    /// Gives up a hold. Signed like `PostHold`: whoever made a hold cannot take it back.
    VoidHold {
        /// The account that the hold is in favour of.
        account: AccountId,
        /// The hold.
        hold: HoldKey,
        /// What for.
        reference: Digest,
    },
    /// Makes the id unusable, where it is not decided yet. Signed by the account's owner.
    Cancel {
        /// The account whose id it is.
        account: AccountId,
    },
    /// Money comes in, from the operator's account to that of `owner`, which is opened by its
    /// first deposit. Signed by the operator.
    Deposit {
        /// The account's first owner.
        owner: PublicKey,
        /// The account's currency.
        currency: Currency,
        /// Minor units.
        amount: Sum,
        /// What for.
        reference: Digest,
    },
    /// Money goes out, to the operator's account. Signed by the owner and the operator.
    Withdraw {
        /// The account that gives.
        account: AccountId,
        /// Minor units.
        amount: Sum,
        /// What for.
        reference: Digest,
    },
    /// Opens the escrow account for a subject. Signed by the postings module.
    OpenEscrow {
        /// What the escrow is for: an auction id.
        subject: Digest,
        /// Its currency.
        currency: Currency,
    },
    /// Moves money back along a movement that was not rightful. Signed by the operator; whether it
    /// was so, an audit says: the ledger knows what signatures and funds allow, and no more.
    Correct {
        /// The currency of both accounts.
        currency: Currency,
        /// Back from who got the money to who gave it; its reference names the movement
        /// ([`super::correction_reference`]).
        movement: Movement,
        /// Which part of it, from 0: what could not be moved back at once is another part. With
        /// the reference it gives the request's id ([`super::correction_id`]).
        part: u32,
    },
    /// Buys: moves money now, from one owner's account to another's, in a chain of its own and
    /// only with what was bought attached. Signed by the owner of the debited account and
    /// countersigned by that of the credited one. `until` lies at most
    /// [`super::MAX_ORDER_AHEAD_MS`] ahead, and the reference is the hash of the offer.
    Purchase(Movement),
}

/// Why bytes are no request that could ever be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not the encoding of a request.
    #[error("not a request: bytes are missing, too many or not canonical")]
    Malformed,
    /// An id that must not be used.
    #[error("request id is reserved, expected neither 0 nor all ones")]
    ReservedId,
    /// Nothing to move.
    #[error("amount is zero, expected at least 1")]
    ZeroAmount,
    /// An account cannot pay itself.
    #[error("debit and credit are one account, expected two")]
    SameAccount,
    /// A currency that is none.
    #[error("not a currency: expected three capital letters and at most 9 decimals")]
    BadCurrency,
    /// A correction under another id than its own.
    #[error("the id is not the one that follows from what the correction corrects")]
    CorrectionId,
    /// A key that may not own an account.
    #[error("key {0} may not own an account: of small order, with torsion or not canonical")]
    BadOwner(PublicKey),
}

const POST: u8 = 1;
const HOLD: u8 = 2;
const POST_HOLD: u8 = 3;
const VOID_HOLD: u8 = 4;
const CANCEL: u8 = 5;
const DEPOSIT: u8 = 6;
const WITHDRAW: u8 = 7;
const OPEN_ESCROW: u8 = 8;
const PURCHASE: u8 = 9;
const CORRECT: u8 = 10;

impl Request {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.action.tag());
        out.extend_from_slice(&self.id.get().to_le_bytes());
        out.extend_from_slice(&self.until.0.to_le_bytes());
        match &self.action {
            Action::Post(movement) | Action::Purchase(movement) => movement.encode(out),
            Action::Hold { movement, timeout } => {
                movement.encode(out);
                out.extend_from_slice(&timeout.0.to_le_bytes());
            }
            Action::PostHold { account, hold, part, reference } => {
                encode_resolution(out, account, hold, reference);
                match part {
                    Part::Whole => out.push(0),
                    Part::Amount(amount) => {
                        out.push(1);
                        out.extend_from_slice(&amount.to_le_bytes());
                    }
                }
            }
            Action::VoidHold { account, hold, reference } => {
                encode_resolution(out, account, hold, reference);
            }
            Action::Cancel { account } => out.extend_from_slice(&account.0.0),
            Action::Deposit { owner, currency, amount, reference } => {
                out.extend_from_slice(&owner.0);
                out.extend_from_slice(&currency.to_bytes());
                out.extend_from_slice(&amount.get().to_le_bytes());
                out.extend_from_slice(&reference.0);
            }
            Action::Withdraw { account, amount, reference } => {
                out.extend_from_slice(&account.0.0);
                out.extend_from_slice(&amount.get().to_le_bytes());
                out.extend_from_slice(&reference.0);
            }
            Action::OpenEscrow { subject, currency } => {
                out.extend_from_slice(&subject.0);
                out.extend_from_slice(&currency.to_bytes());
            }
            Action::Correct { currency, movement, part } => {
                out.extend_from_slice(&currency.to_bytes());
                movement.encode(out);
                out.extend_from_slice(&part.to_le_bytes());
            }
        }
    }

    /// Reads one request and checks all that can be checked without a ledger. A deposit's key
    /// is looked at only where it comes from outside: `check_owner` costs a multiplication.
    pub(crate) fn decode(reader: &mut Reader<'_>, check_owner: bool) -> Result<Self, RequestError> {
        let malformed = RequestError::Malformed;
        let tag = reader.u8().ok_or(malformed)?;
        let id = RequestId::new(reader.u128().ok_or(malformed)?).ok_or(RequestError::ReservedId)?;
        let until = Time(reader.u64().ok_or(malformed)?);
        let action = match tag {
            POST => Action::Post(Movement::decode(reader)?),
            HOLD => Action::Hold {
                movement: Movement::decode(reader)?,
                timeout: Time(reader.u64().ok_or(malformed)?),
            },
            POST_HOLD => {
                let (account, hold, reference) = decode_resolution(reader)?;
                let part = match reader.u8() {
                    Some(0) => Part::Whole,
                    Some(1) => Part::Amount(reader.u64().ok_or(malformed)?),
                    _ => return Err(malformed),
                };
                Action::PostHold { account, hold, part, reference }
            }
            VOID_HOLD => {
                let (account, hold, reference) = decode_resolution(reader)?;
                Action::VoidHold { account, hold, reference }
            }
            CANCEL => Action::Cancel { account: AccountId(reader.digest().ok_or(malformed)?) },
            DEPOSIT => decode_deposit(reader, check_owner)?,
            WITHDRAW => Action::Withdraw {
                account: AccountId(reader.digest().ok_or(malformed)?),
                amount: decode_sum(reader)?,
                reference: reader.digest().ok_or(malformed)?,
            },
            OPEN_ESCROW => Action::OpenEscrow {
                subject: reader.digest().ok_or(malformed)?,
                currency: decode_currency(reader)?,
            },
            PURCHASE => Action::Purchase(Movement::decode(reader)?),
            CORRECT => decode_correction(reader, id)?,
            _ => return Err(malformed),
        };
        Ok(Self { id, until, action })
    }
}

impl Action {
    /// The accounts that it names by their ids, at most two, and not that of a hold.
    pub(crate) fn accounts(&self) -> [Option<AccountId>; 2] {
        match self {
            Self::Post(movement)
            | Self::Hold { movement, .. }
            | Self::Purchase(movement)
            | Self::Correct { movement, .. } => [Some(movement.debit), Some(movement.credit)],
            Self::PostHold { account, .. }
            | Self::VoidHold { account, .. }
            | Self::Cancel { account }
            | Self::Withdraw { account, .. } => [Some(*account), None],
            Self::Deposit { .. } | Self::OpenEscrow { .. } => [None, None],
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Self::Post(_) => POST,
            Self::Hold { .. } => HOLD,
            Self::PostHold { .. } => POST_HOLD,
            Self::VoidHold { .. } => VOID_HOLD,
            Self::Cancel { .. } => CANCEL,
            Self::Deposit { .. } => DEPOSIT,
            Self::Withdraw { .. } => WITHDRAW,
            Self::OpenEscrow { .. } => OPEN_ESCROW,
            Self::Correct { .. } => CORRECT,
            Self::Purchase(_) => PURCHASE,
        }
    }
}

impl Movement {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.debit.0.0);
        out.extend_from_slice(&self.credit.0.0);
        out.extend_from_slice(&self.amount.get().to_le_bytes());
        out.extend_from_slice(&self.reference.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, RequestError> {
        let malformed = RequestError::Malformed;
        let debit = AccountId(reader.digest().ok_or(malformed)?);
        let credit = AccountId(reader.digest().ok_or(malformed)?);
        let amount = decode_sum(reader)?;
        let reference = reader.digest().ok_or(malformed)?;
        if debit == credit {
            return Err(RequestError::SameAccount);
        }
        Ok(Self { debit, credit, amount, reference })
    }
}

fn encode_resolution(out: &mut Vec<u8>, account: &AccountId, hold: &HoldKey, reference: &Digest) {
    out.extend_from_slice(&account.0.0);
    out.extend_from_slice(&hold.account.0.0);
    out.extend_from_slice(&hold.id.get().to_le_bytes());
    out.extend_from_slice(&reference.0);
}

fn decode_resolution(
    reader: &mut Reader<'_>,
) -> Result<(AccountId, HoldKey, Digest), RequestError> {
    let malformed = RequestError::Malformed;
    let account = AccountId(reader.digest().ok_or(malformed)?);
    let held = AccountId(reader.digest().ok_or(malformed)?);
    let id = RequestId::new(reader.u128().ok_or(malformed)?).ok_or(RequestError::ReservedId)?;
    let reference = reader.digest().ok_or(malformed)?;
    Ok((account, HoldKey { account: held, id }, reference))
}

fn decode_deposit(reader: &mut Reader<'_>, check_owner: bool) -> Result<Action, RequestError> {
    let malformed = RequestError::Malformed;
    let owner = reader.key().ok_or(malformed)?;
    if check_owner && !may_own(&owner) {
        return Err(RequestError::BadOwner(owner));
    }
    let currency = decode_currency(reader)?;
    let amount = decode_sum(reader)?;
    let reference = reader.digest().ok_or(malformed)?;
    Ok(Action::Deposit { owner, currency, amount, reference })
}

fn decode_correction(reader: &mut Reader<'_>, id: RequestId) -> Result<Action, RequestError> {
    let currency = decode_currency(reader)?;
    let movement = Movement::decode(reader)?;
    let part = reader.u32().ok_or(RequestError::Malformed)?;
    if id != correction_id(&movement.reference, part) {
        return Err(RequestError::CorrectionId);
    }
    Ok(Action::Correct { currency, movement, part })
}

fn decode_sum(reader: &mut Reader<'_>) -> Result<Sum, RequestError> {
    let amount = reader.u64().ok_or(RequestError::Malformed)?;
    Sum::new(amount).ok_or(RequestError::ZeroAmount)
}

fn decode_currency(reader: &mut Reader<'_>) -> Result<Currency, RequestError> {
    let bytes = reader.array().ok_or(RequestError::Malformed)?;
    Currency::from_bytes(bytes).ok_or(RequestError::BadCurrency)
}
