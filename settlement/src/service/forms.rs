//! How the ledger's and the journal's values travel. Never what is hashed or signed.

use auction::layout::Digest;
use auction::spec::Time;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::whole;
use crate::journal::{Receipt, SignedHead};
use crate::ledger::{AccountId, Balances, Code, Currency, Fate, HoldKey, Kind, RequestId};

/// Fields that travel one after the other.
macro_rules! travels {
    ($form:ident of $type:literal $value:ident {
        $($(#[$how:meta])* $field:ident: $kind:ty),+ $(,)?
    }) => {
        #[derive(Serialize, Deserialize)]
        #[serde(remote = $type)]
        struct $form { $($(#[$how])* $field: $kind),+ }

        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $form::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $form::deserialize(deserializer)
            }
        }
    };
}

travels! { ReceiptForm of "Receipt" Receipt {
    number: u64,
    batch: u64,
    time: Time,
    #[serde(with = "whole::bytes")]
    entry: Vec<u8>,
    head: SignedHead,
    #[serde(with = "whole::digests")]
    path: Vec<Digest>,
} }
travels! { BalancesForm of "Balances" Balances {
    debits_posted: u128, debits_pending: u128, credits_posted: u128, credits_pending: u128,
} }
travels! { HoldKeyForm of "HoldKey" HoldKey { account: AccountId, id: RequestId } }

/// What travels as something simpler, of which not every value is one.
macro_rules! travels_as {
    ($value:ident as $simple:ty, $expected:literal, $to:expr, $from:expr) => {
        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let to: fn(&Self) -> $simple = $to;
                to(self).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let from: fn($simple) -> Option<Self> = $from;
                from(<$simple>::deserialize(deserializer)?)
                    .ok_or_else(|| D::Error::custom($expected))
            }
        }
    };
}

travels_as!(AccountId as Digest, "not an account", |id| id.0, |digest| Some(Self(digest)));
travels_as!(RequestId as u128, "the request id is reserved", |id| id.get(), Self::new);
travels_as!(Currency as [u8; 4], "not a currency", |one| one.to_bytes(), Self::from_bytes);
travels_as!(Code as u8, "not a result's code", |code| code.number(), Self::from_number);
travels_as!(Kind as u8, "not a kind of account", |kind| *kind as u8, |number| {
    [Self::Owner, Self::Operator, Self::Escrow].into_iter().find(|kind| *kind as u8 == number)
});
travels_as!(Fate as u8, "not a request's fate", |fate| *fate as u8, |number| {
    let all = [
        Self::Refused,
        Self::Committed,
        Self::Held,
        Self::HoldPosted,
        Self::HoldVoided,
        Self::HoldExpired,
        Self::Cancelled,
    ];
    all.into_iter().find(|fate| *fate as u8 == number)
});

#[cfg(test)]
mod tests {
    use auction::keys::Signature;
    use auction::wire::{decode, encode};

    use crate::journal::Head;

    use super::*;

    fn there_and_back<T: Serialize + serde::de::DeserializeOwned + PartialEq>(value: &T) -> bool {
        decode::<T>(&encode(value).unwrap(), 1 << 16).unwrap() == *value
    }

    #[test]
    fn values_travel_there_and_back_and_reserved_ones_do_not() {
        let head = Head { epoch: 1, since: 1, size: 2, root: Digest([3; 32]), time: Time(4) };
        let head = SignedHead { head, signature: Signature([5; 64]) };
        let (entry, path) = (vec![6; 7], vec![Digest([8; 32])]);
        let receipt = Receipt { number: 1, batch: 2, time: Time(3), entry, head, path };
        assert!(there_and_back(&receipt));
        let balances = Balances { debits_posted: u128::MAX, ..Balances::default() };
        assert!(there_and_back(&balances));
        let account = AccountId(Digest([9; 32]));
        assert!(there_and_back(&HoldKey { account, id: RequestId::new(1).unwrap() }));
        assert!(there_and_back(&Currency::from_bytes(*b"EUR\x02").unwrap()));
        assert!(Code::ALL.iter().all(there_and_back));
        assert!([Kind::Owner, Kind::Operator, Kind::Escrow].iter().all(there_and_back));
        assert!([Fate::Refused, Fate::HoldExpired, Fate::Cancelled].iter().all(there_and_back));
        for reserved in [0, u128::MAX] {
            assert!(decode::<RequestId>(&encode(&reserved).unwrap(), 16).is_err());
        }
        assert!(decode::<Code>(&[0], 1).is_err());
        assert!(decode::<Code>(&[200], 1).is_err());
        assert!(decode::<Kind>(&[4], 1).is_err());
        assert!(decode::<Fate>(&[8], 1).is_err());
        assert!(decode::<Currency>(b"eur\x02", 4).is_err());
    }
}
