//! Names of things in the ledger: accounts, requests, currencies, the ledger itself.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money;
use witness::LedgerKey;

use crate::layout::{Label, Statement, may_own};

/// A currency as an account carries it: ISO 4217 code and digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// Width of the encoding in bytes.
    pub const BYTES: usize = 4;

    /// Reads an encoded currency; `None` where `auction::money` would not make it.
    #[must_use]
    pub fn from_bytes([a, b, c, decimals]: [u8; Self::BYTES]) -> Option<Self> {
        let code = [a, b, c];
        let sound = code.iter().all(u8::is_ascii_uppercase) && decimals <= money::MAX_DECIMALS;
        sound.then_some(Self { code, decimals })
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [a, b, c] = self.code;
        [a, b, c, self.decimals]
    }

    /// Whether both are spelled with the same letters, whatever their decimals.
    #[must_use]
    pub fn same_code(self, other: Self) -> bool {
        self.code == other.code
    }
}

impl From<&money::Currency> for Currency {
    fn from(currency: &money::Currency) -> Self {
        let mut code = [0; 3];
        for (place, byte) in code.iter_mut().zip(currency.code().bytes()) {
            *place = byte;
        }
        Self { code, decimals: currency.decimals() }
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", String::from_utf8_lossy(&self.code), self.decimals)
    }
}

/// Names an account: the hash of its first owner's key, or of what it is an escrow for, and its
/// currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub Digest);

impl AccountId {
    /// The account that `owner` has in `currency`.
    #[must_use]
    pub fn of_owner(owner: &PublicKey, currency: Currency) -> Self {
        let mut statement = Statement::new(Label::OwnerAccount, &Digest::default());
        statement.fixed(&owner.0).fixed(&currency.to_bytes());
        Self(statement.hash())
    }

    /// The escrow account for `subject` (an auction id) in `currency`.
    #[must_use]
    pub fn of_escrow(subject: &Digest, currency: Currency) -> Self {
        let mut statement = Statement::new(Label::EscrowAccount, subject);
        statement.fixed(&currency.to_bytes());
        Self(statement.hash())
    }
}

impl std::fmt::Debug for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a request among those of one signing account. Made by the client; 0 and all-ones are
/// reserved and cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u128);

impl RequestId {
    /// An id, unless it is one of the two reserved.
    #[must_use]
    pub fn new(id: u128) -> Option<Self> {
        (id != 0 && id != u128::MAX).then_some(Self(id))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u128 {
        self.0
    }
}

/// An amount of money in minor units that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sum(u64);

impl Sum {
    /// A sum, unless it is zero.
    #[must_use]
    pub fn new(minor_units: u64) -> Option<Self> {
        (minor_units != 0).then_some(Self(minor_units))
    }

    /// Minor units.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// Who has which authority in a ledger. Its hash is the ledger id, which is part of everything
/// that is signed, so that no request is good at another server or ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charter {
    server: PublicKey,
    operator: PublicKey,
    postings: PublicKey,
    expiries_per_batch: u32,
    id: Digest,
}

/// Why keys cannot found a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CharterError {
    /// A key that must not sign.
    #[error("key {0} is of small order, has a torsion part or is not canonical: make another")]
    BadKey(PublicKey),
    /// Two authorities in one hand.
    #[error("key {0} has two authorities, expected three different keys")]
    SameKey(PublicKey),
    /// No hold would ever expire.
    #[error("got 0 expiries a batch, expected at least 1")]
    NoExpiries,
}

impl Charter {
    /// Founds a ledger: the server's key signs heads and receipts, the operator's deposits, the
    /// postings module's what leaves an escrow account. At most `expiries_per_batch` due holds
    /// are swept at the start of a batch.
    ///
    /// # Errors
    /// [`CharterError`] when a key may not sign, or two are the same.
    pub fn new(
        server: PublicKey,
        operator: PublicKey,
        postings: PublicKey,
        expiries_per_batch: u32,
    ) -> Result<Self, CharterError> {
        for key in [server, operator, postings] {
            if !may_own(&key) {
                return Err(CharterError::BadKey(key));
            }
        }
        if server == operator || server == postings {
            return Err(CharterError::SameKey(server));
        }
        if operator == postings {
            return Err(CharterError::SameKey(operator));
        }
        if expiries_per_batch == 0 {
            return Err(CharterError::NoExpiries);
        }
        let mut statement = Statement::new(Label::Ledger, &Digest::default());
        statement.fixed(&server.0).fixed(&operator.0).fixed(&postings.0);
        statement.fixed(&expiries_per_batch.to_le_bytes());
        Ok(Self { server, operator, postings, expiries_per_batch, id: statement.hash() })
    }

    /// The ledger id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.id
    }

    /// Whose heads those of this ledger are.
    #[must_use]
    pub fn ledger_key(&self) -> LedgerKey {
        LedgerKey { server: self.server, ledger: self.id }
    }

    /// The key that signs heads and receipts.
    #[must_use]
    pub fn server(&self) -> PublicKey {
        self.server
    }

    /// The key that signs deposits and, with the owner's, withdrawals.
    #[must_use]
    pub fn operator(&self) -> PublicKey {
        self.operator
    }

    /// The key that owns every escrow account.
    #[must_use]
    pub fn postings(&self) -> PublicKey {
        self.postings
    }

    /// Most due holds that are swept at the start of one batch.
    #[must_use]
    pub fn expiries_per_batch(&self) -> usize {
        usize::try_from(self.expiries_per_batch).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auction::keys::SecretKey;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    #[test]
    fn reserved_ids_and_zero_sums_cannot_be_made() {
        assert!(RequestId::new(0).is_none());
        assert!(RequestId::new(u128::MAX).is_none());
        assert!(RequestId::new(1).is_some());
        assert!(Sum::new(0).is_none());
    }

    #[test]
    fn accounts_differ_by_owner_currency_and_use() {
        let eur = Currency::from_bytes(*b"EUR\x02").unwrap();
        let jpy = Currency::from_bytes(*b"JPY\x00").unwrap();
        let one = AccountId::of_owner(&key(1), eur);
        assert_ne!(one, AccountId::of_owner(&key(2), eur));
        assert_ne!(one, AccountId::of_owner(&key(1), jpy));
        assert_ne!(one, AccountId::of_escrow(&Digest(key(1).0), eur));
        assert!(Currency::from_bytes(*b"eur\x02").is_none());
        assert!(Currency::from_bytes(*b"EUR\x0a").is_none());
        let money = auction::money::Currency::new("EUR", 2).unwrap();
        assert_eq!(Currency::from(&money), eur);
    }

    #[test]
    fn a_charter_keeps_its_authorities_apart() {
        let good = Charter::new(key(1), key(2), key(3), 10).unwrap();
        assert_ne!(good.id(), Charter::new(key(4), key(2), key(3), 10).unwrap().id());
        assert_eq!(Charter::new(key(1), key(2), key(2), 1), Err(CharterError::SameKey(key(2))));
        assert_eq!(Charter::new(key(1), key(1), key(2), 1), Err(CharterError::SameKey(key(1))));
        assert_eq!(Charter::new(key(1), key(2), key(3), 0), Err(CharterError::NoExpiries));
        let zero = PublicKey([0; 32]);
        assert_eq!(Charter::new(zero, key(2), key(3), 1), Err(CharterError::BadKey(zero)));
    }
}
