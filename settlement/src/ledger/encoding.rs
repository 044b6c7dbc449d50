//! The whole state in one canonical form: equal histories give equal bytes. Snapshots keep it,
//! and its hash is what a replay is compared by.

use std::collections::BTreeMap;

use auction::layout::Digest;
use auction::spec::Time;

use super::account::{Account, AccountIndex, Accounts, Balances, Kind};
use super::code::Code;
use super::holds::{Holds, LiveHold};
use super::ids::{AccountId, Charter, Currency, RequestId};
use super::records::{Fate, Record, RecordIndex, Records, Window};
use super::{Attached, Ledger};
use crate::bytes::Reader;
use crate::layout::{Label, Statement};

/// Bytes that are no ledger of this charter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the state of this ledger: bytes are missing, too many or contradict one another")]
pub struct NotALedger;

impl Ledger {
    /// The hash of the state: time, accounts, live holds, and how many entries and ids there are.
    /// What those say is under the root of the journal's tree; how many of them are in memory
    /// makes no difference here.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut statement = Statement::new(Label::State, &self.charter.id());
        let mut out = Vec::with_capacity(256 + self.accounts.list().len() * 133);
        self.encode_accounts(&mut out);
        put(&mut out, self.records.count());
        self.encode_holds(&mut out);
        for (record, _) in self.holds.live() {
            let record = self.records.at(record);
            out.extend_from_slice(&record.id.get().to_le_bytes());
            out.extend_from_slice(&record.content.0);
        }
        statement.fixed(&out);
        statement.hash()
    }

    /// The whole state, canonically.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = 128 + self.accounts.list().len() * 133 + self.records.kept() * 70;
        let mut out = Vec::with_capacity(size + self.holds.len() * 28);
        self.encode_accounts(&mut out);
        put(&mut out, self.records.before());
        put(&mut out, self.records.kept() as u64);
        for (index, record) in self.records.list() {
            put(&mut out, index.0);
            out.extend_from_slice(&record.account.0.to_le_bytes());
            out.extend_from_slice(&record.id.get().to_le_bytes());
            out.extend_from_slice(&record.content.0);
            put(&mut out, record.entry);
            out.extend_from_slice(&[record.code.number(), record.fate as u8]);
        }
        self.encode_holds(&mut out);
        put(&mut out, self.attachments.len() as u64);
        for (entry, Attached { digest, records }) in &self.attachments {
            put(&mut out, *entry);
            out.extend_from_slice(&digest.0);
            out.push(*records);
        }
        out
    }

    fn encode_accounts(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.charter.id().0);
        put(out, self.time.0);
        put(out, self.entries);
        put(out, self.accounts.list().len() as u64);
        for account in self.accounts.list() {
            encode_account(account, out);
        }
    }

    fn encode_holds(&self, out: &mut Vec<u8>) {
        put(out, self.holds.len() as u64);
        for (record, hold) in self.holds.live() {
            put(out, record.0);
            for index in [hold.debit.0, hold.credit.0] {
                out.extend_from_slice(&index.to_le_bytes());
            }
            put(out, hold.amount);
            put(out, hold.timeout.0);
        }
    }

    /// Reads a state back, that of a ledger which keeps everything in memory.
    ///
    /// # Errors
    /// [`NotALedger`] when the bytes are not exactly what [`Ledger::to_bytes`] gives.
    pub fn from_bytes(bytes: &[u8], charter: Charter) -> Result<Self, NotALedger> {
        Self::read_back(bytes, charter, Window::ALL)
    }

    /// The same of any window: what is too many for it leaves after the next batch.
    pub(crate) fn read_back(
        bytes: &[u8],
        charter: Charter,
        window: Window,
    ) -> Result<Self, NotALedger> {
        Self::read(&mut Reader::new(bytes), charter, window)
            .filter(|ledger| ledger.check().is_ok())
            .ok_or(NotALedger)
    }

    fn read(reader: &mut Reader<'_>, charter: Charter, window: Window) -> Option<Self> {
        if reader.digest()? != charter.id() {
            return None;
        }
        let time = Time(reader.u64()?);
        let entries = reader.u64()?;
        let mut accounts = Accounts::default();
        for _ in 0..reader.u64()? {
            let account = decode_account(reader)?;
            accounts.may_open(account.currency).ok()?;
            if accounts.find(&account.id).is_some() {
                return None;
            }
            accounts.open(account);
        }
        let account_at =
            |index: u32| ((index as usize) < accounts.list().len()).then_some(AccountIndex(index));
        let records = read_records(reader, window, account_at, entries)?;
        let mut holds = Holds::default();
        for _ in 0..reader.u64()? {
            let record = RecordIndex(reader.u64()?);
            let (debit, credit) = (account_at(reader.u32()?)?, account_at(reader.u32()?)?);
            let hold =
                LiveHold { debit, credit, amount: reader.u64()?, timeout: Time(reader.u64()?) };
            if !records.has(record) || holds.get(record).is_some() {
                return None;
            }
            holds.begin(record, hold);
        }
        let mut attachments = BTreeMap::new();
        for _ in 0..reader.u64()? {
            let entry = reader.u64()?;
            let attached = Attached { digest: reader.digest()?, records: reader.u8()? };
            attachments.insert(entry, attached);
        }
        let new = Self::with_window(charter, window);
        let ledger = Self { time, entries, accounts, records, holds, attachments, ..new };
        reader.is_empty().then_some(ledger)
    }
}

fn read_records(
    reader: &mut Reader<'_>,
    window: Window,
    account_at: impl Fn(u32) -> Option<AccountIndex>,
    entries: u64,
) -> Option<Records> {
    let mut records = Records::new(window);
    let (before, count) = (reader.u64()?, reader.u64()?);
    // Each takes 70 bytes, so that a hostile count reserves nothing.
    records.reserve(usize::try_from(count).ok()?.min(reader.left() / 70));
    let mut next = before;
    for _ in 0..count {
        let index = RecordIndex(reader.u64()?);
        let record = decode_record(reader, &account_at)?;
        if records.find(record.account, record.id).is_some() || record.entry >= entries {
            return None;
        }
        if index.0 >= before {
            if index.0 != next {
                return None;
            }
            next += 1;
        } else if records.has(index) || next != before {
            return None;
        }
        records.restore(before, index, record);
    }
    Some(records)
}

fn put(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn encode_account(account: &Account, out: &mut Vec<u8>) {
    out.extend_from_slice(&account.id.0.0);
    out.extend_from_slice(&account.owner.0);
    out.extend_from_slice(&account.currency.to_bytes());
    out.push(account.kind as u8);
    let Balances { debits_posted, debits_pending, credits_posted, credits_pending } =
        account.balances;
    for balance in [debits_posted, debits_pending, credits_posted, credits_pending] {
        out.extend_from_slice(&balance.to_le_bytes());
    }
}

fn decode_account(reader: &mut Reader<'_>) -> Option<Account> {
    Some(Account {
        id: AccountId(reader.digest()?),
        owner: reader.key()?,
        currency: Currency::from_bytes(reader.array()?)?,
        kind: Kind::from_number(reader.u8()?)?,
        balances: Balances {
            debits_posted: reader.u128()?,
            debits_pending: reader.u128()?,
            credits_posted: reader.u128()?,
            credits_pending: reader.u128()?,
        },
    })
}

fn decode_record(
    reader: &mut Reader<'_>,
    account_at: impl Fn(u32) -> Option<AccountIndex>,
) -> Option<Record> {
    Some(Record {
        account: account_at(reader.u32()?)?,
        id: RequestId::new(reader.u128()?)?,
        content: reader.digest()?,
        entry: reader.u64()?,
        code: Code::from_number(reader.u8()?)?,
        fate: Fate::from_number(reader.u8()?)?,
    })
}
