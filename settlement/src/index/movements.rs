//! Every account's movements, in order: a line for each on the disk, which both accounts share.
//!
//! A line names, for either side, the line before it of that account, and one further back: the
//! skew-binary jumps of Myers ("An applicative random-access stack", 1983), by which the line of
//! any number is reached in logarithmically many steps from the last one. So an account costs
//! sixteen bytes of memory, however much it moved.

use auction::layout::Digest;
use auction::spec::Time;

use super::log::Log;
use crate::bytes::Reader;
use crate::journal::{JournalError, Storage};
use crate::ledger::RequestId;

pub(super) const NAME: &str = "index-movements";
/// Width of a line in bytes; the last four are a CRC.
pub(super) const LINE_BYTES: usize = 152;

/// Bytes of lines that stay in memory: an account that moves often finds there where its next line
/// jumps to, which was a read for every other line.
const KEEP_BYTES: usize = 1 << 20;

/// What moved, between two accounts named by their order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The journal entry, and its time.
    pub(crate) entry: u64,
    pub(crate) time: Time,
    /// Minor units.
    pub(crate) amount: u64,
    pub(crate) reference: Digest,
    pub(crate) id: RequestId,
    pub(crate) debit: u32,
    pub(crate) credit: u32,
    pub(crate) what: What,
}

/// What kind of movement it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Post,
    /// Until when, unless it ends before.
    Hold(Time),
    /// The hold's id; it is the debited account's.
    PostHold(RequestId),
    VoidHold(RequestId),
    Deposit,
    Withdraw,
    Purchase,
    /// By the operator.
    Correct,
}

/// An account's place in a line: how many lines of its own come before, and where the last of
/// those and one further back lie; the first line names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Side {
    ordinal: u64,
    previous: u64,
    jump: u64,
}

/// An account's movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Account {
    pub(super) count: u64,
    /// The last line, the one that it jumps to, and the one that that jumps to; of no account
    /// without one.
    pub(super) last: u64,
    pub(super) jump: u64,
    pub(super) beyond: u64,
}

/// Which line of an account the one of this number jumps to; the first to itself. Written as a sum
/// of numbers of the form `2^k - 1`, the largest first, a jump spans the last of them.
fn jump_of(ordinal: u64) -> u64 {
    let (mut rest, mut span) = (ordinal, 0);
    while rest > 0 {
        // The largest of that form that is not above it.
        span = u64::MAX >> (rest + 1).leading_zeros() >> 1;
        rest -= span;
    }
    ordinal - span
}

/// All movements.
#[derive(Debug)]
pub(crate) struct Movements {
    lines: Log<LINE_BYTES>,
    /// By the accounts' order of opening.
    accounts: Vec<Account>,
}

impl Movements {
    pub(super) fn new() -> Self {
        Self::open(0, Vec::new())
    }

    pub(super) fn open(lines: u64, accounts: Vec<Account>) -> Self {
        Self { lines: Log::keeping(KEEP_BYTES, NAME, lines), accounts }
    }

    pub(super) fn len(&self) -> u64 {
        self.lines.len()
    }

    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    pub(super) fn kept(&self) -> usize {
        self.lines.kept() + self.accounts.len() * size_of::<Account>()
    }

    pub(super) fn spill(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        self.lines.spill(storage)
    }

    pub(super) fn flush(&mut self, storage: &mut dyn Storage) -> Result<(), JournalError> {
        self.lines.flush(storage)
    }

    /// How many movements an account has.
    pub(crate) fn count(&self, account: u32) -> u64 {
        self.accounts.get(account as usize).map_or(0, |account| account.count)
    }

    /// Appends a movement.
    pub(crate) fn push(
        &mut self,
        storage: &mut dyn Storage,
        line: &Line,
    ) -> Result<(), JournalError> {
        let number = self.lines.len();
        let (debit, next_debit) = self.next(storage, line.debit, number)?;
        let (credit, next_credit) = self.next(storage, line.credit, number)?;
        self.lines.push(&encode(line, debit, credit));
        for (account, next) in [(line.debit, next_debit), (line.credit, next_credit)] {
            let place = account as usize;
            if self.accounts.len() <= place {
                self.accounts.resize(place + 1, Account::default());
            }
            if let Some(account) = self.accounts.get_mut(place) {
                *account = next;
            }
        }
        Ok(())
    }

    /// The place of an account in the line that comes next, and what it has after that.
    fn next(
        &self,
        storage: &mut dyn Storage,
        account: u32,
        number: u64,
    ) -> Result<(Side, Account), JournalError> {
        let known = self.accounts.get(account as usize).copied().unwrap_or_default();
        let Account { count, last, jump, beyond } = known;
        let next = Account { count: count + 1, last: number, ..known };
        if count == 0 {
            let side = Side { ordinal: 0, previous: number, jump: number };
            return Ok((side, Account { jump: number, beyond: number, ..next }));
        }
        let side = Side { ordinal: count, previous: last, jump: last };
        // A jump goes to the line before, or where that one's second jump leads.
        if jump_of(count) + 1 == count {
            return Ok((side, Account { jump: last, beyond: jump, ..next }));
        }
        let (_, far) = self.line(storage, beyond, account)?;
        let side = Side { jump: beyond, ..side };
        Ok((side, Account { jump: beyond, beyond: far.jump, ..next }))
    }

    /// The movements of an account from number `from` on, at most `most`, oldest first.
    pub(crate) fn page(
        &self,
        storage: &mut dyn Storage,
        account: u32,
        from: u64,
        most: u64,
    ) -> Result<Vec<Line>, JournalError> {
        let known = self.accounts.get(account as usize).copied();
        let Account { count, last, .. } = known.unwrap_or_default();
        let end = from.saturating_add(most).min(count);
        if from >= end {
            return Ok(Vec::new());
        }
        let mut page = Vec::new();
        let (mut line, mut side) = self.line(storage, last, account)?;
        // Back to the last of the page.
        while side.ordinal >= end {
            let back = if jump_of(side.ordinal) + 1 >= end { side.jump } else { side.previous };
            (line, side) = self.line(storage, back, account)?;
        }
        loop {
            page.push(line);
            if side.ordinal <= from {
                break;
            }
            (line, side) = self.line(storage, side.previous, account)?;
        }
        page.reverse();
        Ok(page)
    }

    /// A line, and the place of an account in it.
    fn line(
        &self,
        storage: &mut dyn Storage,
        number: u64,
        account: u32,
    ) -> Result<(Line, Side), JournalError> {
        let damaged = |what| JournalError::Index { name: NAME.to_owned(), what };
        let bytes = self.lines.get(storage, number)?.ok_or(damaged("a line is missing"))?;
        let (line, debit, credit) = decode(&bytes).ok_or(damaged("a line is damaged"))?;
        match account {
            _ if account == line.debit => Ok((line, debit)),
            _ if account == line.credit => Ok((line, credit)),
            _ => Err(damaged("a line is of other accounts")),
        }
    }
}

fn encode(line: &Line, debit: Side, credit: Side) -> [u8; LINE_BYTES] {
    let mut bytes = [0; LINE_BYTES];
    let (content, crc) = bytes.split_at_mut(LINE_BYTES - 4);
    let mut rest = &mut *content;
    let mut put = |field: &[u8]| {
        // The fields take 145 bytes of 148.
        let (place, after) = std::mem::take(&mut rest).split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    };
    for value in [line.entry, line.time.0, line.amount] {
        put(&value.to_le_bytes());
    }
    put(&line.reference.0);
    put(&line.id.get().to_le_bytes());
    put(&line.debit.to_le_bytes());
    put(&line.credit.to_le_bytes());
    let (kind, more): (u8, u128) = match line.what {
        What::Post => (1, 0),
        What::Hold(timeout) => (2, timeout.0.into()),
        What::PostHold(id) => (3, id.get()),
        What::VoidHold(id) => (4, id.get()),
        What::Deposit => (5, 0),
        What::Withdraw => (6, 0),
        What::Purchase => (7, 0),
        What::Correct => (8, 0),
    };
    put(&[kind]);
    put(&more.to_le_bytes());
    for side in [debit, credit] {
        for value in [side.ordinal, side.previous, side.jump] {
            put(&value.to_le_bytes());
        }
    }
    crc.copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; LINE_BYTES]) -> Option<(Line, Side, Side)> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut reader = Reader::new(content);
    let (entry, time, amount) = (reader.u64()?, Time(reader.u64()?), reader.u64()?);
    let (reference, id) = (reader.digest()?, RequestId::new(reader.u128()?)?);
    let (debit, credit) = (reader.u32()?, reader.u32()?);
    let (kind, more) = (reader.u8()?, reader.u128()?);
    let what = match kind {
        1 => What::Post,
        2 => What::Hold(Time(u64::try_from(more).ok()?)),
        3 => What::PostHold(RequestId::new(more)?),
        4 => What::VoidHold(RequestId::new(more)?),
        5 => What::Deposit,
        6 => What::Withdraw,
        7 => What::Purchase,
        8 => What::Correct,
        _ => return None,
    };
    let mut side =
        || Some(Side { ordinal: reader.u64()?, previous: reader.u64()?, jump: reader.u64()? });
    let (first, second) = (side()?, side()?);
    Some((Line { entry, time, amount, reference, id, debit, credit, what }, first, second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::memory::Memory;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    fn line(number: u64, debit: u32, credit: u32, what: What) -> Line {
        let id = RequestId::new(u128::from(number) + 1).unwrap();
        let (time, reference) = (Time(number + 5), Digest([number as u8; 32]));
        Line { entry: number, time, amount: number * 3, reference, id, debit, credit, what }
    }

    fn some_what(rng: &mut StdRng) -> What {
        let id = RequestId::new(rng.random_range(1..1 << 100)).unwrap();
        match rng.random_range(0..8) {
            0 => What::Hold(Time(rng.random())),
            1 => What::PostHold(id),
            2 => What::VoidHold(id),
            3 => What::Deposit,
            4 => What::Withdraw,
            5 => What::Purchase,
            6 => What::Correct,
            _ => What::Post,
        }
    }

    #[test]
    fn pages_are_those_of_a_list_kept_for_each_account() {
        let mut rng = StdRng::seed_from_u64(3);
        let mut storage = Memory::default();
        let mut movements = Movements::new();
        let mut expected: Vec<Vec<Line>> = vec![Vec::new(); 6];
        for number in 0..3000 {
            // Some accounts move often; a withdrawal may name one account twice.
            let debit = rng.random_range(0..6u32).min(rng.random_range(0..6));
            let credit = rng.random_range(0..6u32).min(rng.random_range(0..6));
            let line = line(number, debit, credit, some_what(&mut rng));
            movements.push(&mut storage, &line).unwrap();
            expected[debit as usize].push(line);
            if credit != debit {
                expected[credit as usize].push(line);
            }
            if number % 1000 == 999 {
                movements.flush(&mut storage).unwrap();
                movements = Movements::open(movements.len(), movements.accounts.clone());
            }
        }
        for (account, lines) in (0u32..).zip(&expected) {
            assert_eq!(movements.count(account), lines.len() as u64);
            for _ in 0..60 {
                let from = rng.random_range(0..=lines.len() + 2);
                let most = rng.random_range(0..40);
                let page = movements.page(&mut storage, account, from as u64, most).unwrap();
                let of: Vec<Line> = lines.iter().skip(from).take(most as usize).copied().collect();
                assert_eq!(page, of, "account {account} from {from}");
            }
        }
        assert!(movements.page(&mut storage, 9, 0, 10).unwrap().is_empty());
    }

    #[test]
    fn any_line_is_a_few_steps_away() {
        let mut storage = Memory::default();
        let mut movements = Movements::new();
        let mut most = 0;
        for number in 0..5000 {
            movements.push(&mut storage, &line(number, 0, 1, What::Post)).unwrap();
            // Jumps alone, to the first line.
            let (mut at, mut steps) = (movements.accounts[0].last, 0);
            loop {
                let (_, side) = movements.line(&mut storage, at, 0).unwrap();
                assert_eq!(side.ordinal, at);
                assert_eq!(side.jump, jump_of(side.ordinal));
                if side.ordinal == 0 {
                    break;
                }
                (at, steps) = (side.jump, steps + 1);
            }
            most = most.max(steps);
        }
        assert!(most <= 13, "{most} steps");
    }

    #[test]
    fn a_damaged_line_is_not_shown() {
        let bytes = encode(&line(7, 1, 2, What::Post), Side::default(), Side::default());
        assert!(decode(&bytes).is_some());
        for bit in 0..LINE_BYTES * 8 {
            let mut altered = bytes;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&altered).is_none(), "bit {bit}");
        }
    }
}
