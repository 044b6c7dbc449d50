//! The ledger's numbered refusals in words, with what to do.

use settlement::ledger::Code;

use crate::exit::Failure;

const ANOTHER: &str = "give another --reference, or another --id";

/// The failure that a code other than `Done` is.
pub(crate) fn refused(what: &str, code: Code) -> Failure {
    let (why, help) = words(code);
    Failure::Payment(format!("{what} was refused: {why}"), help)
}

/// Why, and what to do.
pub(crate) fn words(code: Code) -> (&'static str, &'static str) {
    let again = "run the command again";
    let report = "this should not happen: tell the operator of the settlement server";
    match code {
        Code::Done => ("it is done", again),
        Code::InsufficientFunds => (
            "there is not enough money in the account",
            "'gavel account balance' shows what is available; bonds and other holds count against \
             it",
        ),
        Code::Sweeping => ("bonds that are over are being given back", again),
        Code::UnknownAccount => (
            "the account does not exist yet",
            "an account exists from its first deposit: ask the operator for one",
        ),
        Code::UnknownCredit => (
            "the account that is to be paid does not exist",
            "it exists from its first deposit; check the key and the currency",
        ),
        Code::UnknownDebit => ("the account that is to give does not exist", report),
        Code::NotOwner => (
            "the key that signed does not own the account",
            "use the directory that 'gavel account open' made",
        ),
        Code::OtherCurrency => (
            "the two accounts are in different currencies",
            "open an account in that currency: gavel account open --currency",
        ),
        Code::OtherDecimals => (
            "the ledger keeps this currency with another number of decimals",
            "give --decimals as the ledger has it",
        ),
        Code::ToOperator => {
            ("money goes to the operator by withdrawal alone", "use 'gavel account withdraw'")
        }
        Code::IdConflict => ("its id stands for another request", ANOTHER),
        Code::Cancelled => ("its id was cancelled", ANOTHER),
        Code::TooLateToCancel => ("what was to be cancelled is already decided", report),
        Code::Expired => (
            "its time is over, by the server's clock",
            "sign again; if that does not help, check this machine's clock",
        ),
        Code::UntilTooFar | Code::HoldTimeout => (
            "its time lies too far ahead, or is over, by the server's clock",
            "check this machine's clock",
        ),
        Code::StorageScarce => (
            "the server is short of disk and settles only what is open",
            "tell the operator of the settlement server",
        ),
        Code::Overflow => ("a balance or a counter is at its end", report),
        Code::HoldUnknown
        | Code::HoldElsewhere
        | Code::HoldPosted
        | Code::HoldVoided
        | Code::HoldExpired
        | Code::AboveHold => ("what was set aside is not there any more", report),
        Code::NotPayee | Code::WithoutGoods => (
            "an order is brought by its merchant, with both signatures and the goods key",
            "use 'gavel buy', and let the merchant bring the order",
        ),
        Code::ReadmissionOver => (
            "what a restore has lost is taken back for seven days, and those are over",
            "settle it with whom it concerns: the receipt stays good as evidence",
        ),
        Code::ChainFailed
        | Code::ChainPartlyKnown
        | Code::AttachmentConflict
        | Code::RefusedInChain
        | Code::AlreadyOpen => ("what it hangs together with was refused", report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miette::Diagnostic as _;

    #[test]
    fn every_refusal_says_why_and_what_to_do() {
        for code in Code::ALL {
            let failure = refused("the payment", *code);
            assert!(failure.to_string().starts_with("the payment was refused: "));
            assert!(!failure.help().unwrap().to_string().is_empty());
        }
        let broke = refused("the bond", Code::InsufficientFunds).to_string();
        assert_eq!(broke, "the bond was refused: there is not enough money in the account");
    }
}
