//! The numbered results of requests.

macro_rules! codes {
    ($($(#[doc = $text:literal])+ $name:ident = $number:literal, $class:ident;)+) => {
        /// What became of a request. The numbers are part of the protocol and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code {
            $($(#[doc = $text])+ $name = $number,)+
        }

        impl Code {
            /// Every code, in order of number.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code of a number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// How lasting this result is.
            #[must_use]
            pub fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                }
            }
        }
    };
}

/// How lasting a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Committed.
    Done,
    /// Depends on the state at that moment: stored under its id and final. The same intent needs
    /// a new id.
    Final,
    /// Can never become anything else, so nothing is stored.
    Lasting,
    /// Nothing was decided about the id: the same bytes may be sent again.
    Again,
}

codes! {
    /// Committed.
    Done = 1, Done;
    /// The id stands for another content of the same signing account.
    IdConflict = 2, Lasting;
    /// The id was cancelled by its owner before it was used.
    Cancelled = 3, Lasting;
    /// The id to be cancelled is already decided.
    TooLateToCancel = 4, Lasting;
    /// Another member of its chain was refused.
    ChainFailed = 5, Again;
    /// Some members of the chain are already decided and others are not.
    ChainPartlyKnown = 6, Again;
    /// The chain is decided, with another attachment.
    AttachmentConflict = 7, Lasting;
    /// `now` has reached the request's own time-out.
    Expired = 8, Lasting;
    /// The request's own time-out is too far away.
    UntilTooFar = 9, Final;
    /// The signing account does not exist (yet).
    UnknownAccount = 10, Again;
    /// The key that signed does not own the account.
    NotOwner = 11, Lasting;
    /// The account to be credited does not exist.
    UnknownCredit = 12, Final;
    /// The two accounts are in different currencies.
    OtherCurrency = 13, Lasting;
    /// Money goes to the operator by withdrawal alone.
    ToOperator = 14, Lasting;
    /// Debits, holds counted, would exceed credits.
    InsufficientFunds = 15, Final;
    /// Funds are short while due holds wait to be swept: ask again after the next batches.
    Sweeping = 16, Again;
    /// No such hold.
    HoldUnknown = 17, Final;
    /// The hold is in favour of another account.
    HoldElsewhere = 18, Lasting;
    /// The hold was posted before.
    HoldPosted = 19, Final;
    /// The hold was voided before.
    HoldVoided = 20, Final;
    /// The hold has expired.
    HoldExpired = 21, Final;
    /// More than was held.
    AboveHold = 22, Final;
    /// The hold's time-out is past or too far away.
    HoldTimeout = 23, Final;
    /// A balance or a counter is at its end.
    Overflow = 24, Final;
    /// The escrow account is open already, by another request.
    AlreadyOpen = 25, Lasting;
    /// The currency is kept with another number of decimals.
    OtherDecimals = 26, Lasting;
    /// The journal's disk is nearly full: only settlements, voids and expiries go on.
    StorageScarce = 27, Again;
    /// Refused only because of what its own chain did before it; alone it might be good.
    RefusedInChain = 28, Again;
    /// The account to be debited by a correction does not exist.
    UnknownDebit = 29, Final;
    /// The key that countersigned a purchase does not own the account to be credited, or one of
    /// the two accounts is no owner's.
    NotPayee = 30, Lasting;
    /// A purchase that would be good, without what was bought beside it or not alone in its chain:
    /// it is brought to the server as a purchase, with the goods key.
    WithoutGoods = 31, Again;
    /// The time is over in which what a restore has lost is taken back.
    ReadmissionOver = 32, Lasting;
}

impl Code {
    /// The code's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fixed_and_read_back() {
        for (place, code) in Code::ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), place + 1, "{code:?}");
            assert_eq!(Code::from_number(code.number()), Some(*code));
        }
        assert_eq!(Code::from_number(0), None);
        assert_eq!(Code::from_number(33), None);
    }
}
