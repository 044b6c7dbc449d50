//! How a command fails, what to do about it, and the exit code that says so to programs.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;

use accumulators::NodeError;
use auction::evidence::NotEvidence;
use auction::money::MoneyError;
use auction::prices::LadderError;
use auction::transcript::TranscriptError;
use bidder::{ClientError, WalletError};
use purchase::customer::BuyError;
use purchase::merchant::MerchantError;
use settlement::goods::GoodsError;
use settlement::judge::evidence::BadEvidence;
use settlement::server::ServerError;

use crate::demo::bids_file::BidsFileError;
use crate::demo::ladder::LadderChoiceError;
use crate::demo::process::ProcessError;
use crate::progress::note;

/// Refused by an accumulator, failed verification, or failed on the way.
const FAILED: u8 = 1;
/// The command line, or a file that it names, is wrong; nothing was done.
const USAGE: u8 = 2;
/// Interrupted from the keyboard, as shells count it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum Failure {
    /// A file cannot be read or written.
    #[error("cannot {doing} {path}: {source}")]
    File { doing: &'static str, path: String, source: std::io::Error },
    /// A file that the command line names cannot be read.
    #[error("cannot {doing} {path}: {source}")]
    #[diagnostic(help("check the name of the file and who may read it"))]
    Input { doing: &'static str, path: String, source: std::io::Error },
    /// A file that the command line names is not what it should be.
    #[error("{path}: {source}")]
    #[diagnostic(help("name a file that 'gavel auction export' wrote"))]
    NoTranscriptFile { path: String, source: TranscriptError },
    /// The bids of a demonstration.
    #[error("the bids cannot be read: {0}")]
    #[diagnostic(help("write one bid a line under the header 'bidder,price', such as: Ann,12.50"))]
    BidsFile(#[from] BidsFileError),
    /// The prices of a demonstration.
    #[error("the prices do not make an auction: {0}")]
    #[diagnostic(help("{}", .0.help()))]
    LadderChoice(#[from] LadderChoiceError),
    /// The committee file.
    #[error(transparent)]
    #[diagnostic(help(
        "each operator prints the lines for it with 'gavel accumulator show'; name the file with \
         --committee or GAVEL_COMMITTEE"
    ))]
    Committee(#[from] bidder::CommitteeError),
    /// Money on the command line or in a file.
    #[error("{what}: {source}")]
    Money { what: String, source: MoneyError },
    /// The ladder on the command line.
    #[error("the prices do not make an auction: {0}")]
    #[diagnostic(help("give --min, --tick and --levels, or --prices with a file of prices"))]
    Ladder(#[from] LadderError),
    /// An argument that does not fit the others.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Usage { what: String, help: String },
    /// A key file without a key.
    #[error("{path} is no key file: expected 64 hexadecimal digits")]
    #[diagnostic(help("name another file; 'gavel auction new' makes one where there is none"))]
    NotAKey { path: String },
    /// A key file that others may read.
    #[error("others may read {path} (mode {mode:03o}), which holds a secret key")]
    #[diagnostic(help("run: chmod 600 {path}"))]
    KeyOpen { path: String, mode: u32 },
    /// An accumulator's process.
    #[error(transparent)]
    #[diagnostic(help("the logs are in the accumulators' directories; --keep DIR leaves them"))]
    Process(#[from] ProcessError),
    /// An accumulator's directory.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The accumulators.
    #[error(transparent)]
    #[diagnostic(help("{}", client_help(.0)))]
    Client(#[from] ClientError),
    /// A transcript that proves nothing.
    #[error("not verified: {0}")]
    Transcript(#[from] TranscriptError),
    /// Evidence that proves nothing.
    #[error("not verified: {0}")]
    Evidence(#[from] BadEvidence),
    /// An auction without an outcome.
    #[error("the auction ended without an outcome: {0}")]
    NoOutcome(String),
    /// A bid was not taken by all.
    #[error("{0}")]
    #[diagnostic(help("{1}"))]
    Bid(String, &'static str),
    /// The settlement server refused, or a payment cannot go on.
    #[error("{0}")]
    #[diagnostic(help("{1}"))]
    Payment(String, &'static str),
    /// The settlement server.
    #[error(transparent)]
    #[diagnostic(help("{}", settlement_help(.0)))]
    Settlement(#[from] settlement::client::ClientError),
    /// A purchase that does not go on.
    #[error(transparent)]
    #[diagnostic(help("{}", buy_help(.0)))]
    Buy(#[from] purchase::customer::BuyError),
    /// A merchant's directory, or what he sells.
    #[error(transparent)]
    Merchant(#[from] purchase::merchant::MerchantError),
    /// A journal that does not hold.
    #[error("not sound: {0}")]
    #[diagnostic(help(
        "keep the files: this is the server's fault, or of whoever damaged the copy"
    ))]
    Audit(#[from] settlement::audit::AuditError),
    /// A copy of a journal.
    #[error("there is no good copy: {0}")]
    #[diagnostic(help("remove what was begun, and copy again to another place"))]
    Backup(#[from] settlement::journal::BackupError),
    /// A journal in a database.
    #[error("cannot {doing} the journal in its database: {source}")]
    #[diagnostic(help(
        "the settings name the database, and no password: that comes from the file of passfile= \
         or PGPASSFILE, or from PGPASSWORD"
    ))]
    Database { doing: &'static str, source: std::io::Error },
    /// A settlement server's directory.
    #[error(transparent)]
    Server(#[from] settlement::server::ServerError),
    /// The charter file.
    #[error("{path}: {what}")]
    #[diagnostic(help(
        "the operator of the settlement server prints the file with 'gavel settlement show'; name \
         it with --charter or GAVEL_CHARTER"
    ))]
    Charter { path: String, what: String },
    /// Encrypted goods, or sealing and opening them.
    #[error("{path}: {source}")]
    #[diagnostic(help("{}", goods_help(source)))]
    Goods { path: String, source: GoodsError },
    /// Placing a bid.
    #[error(transparent)]
    Place(#[from] bidder::PlaceError),
    /// The wallet.
    #[error(transparent)]
    #[diagnostic(help("{}", wallet_help(.0)))]
    Wallet(#[from] WalletError),
    /// An answer that is no JSON; never of the types that are written.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(serde_json::Error),
    /// Standard output is closed.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// No threads or timers to be had.
    #[error("the operating system gives no threads: {0}")]
    Runtime(std::io::Error),
    /// Stopped from the keyboard or by the system.
    #[error("interrupted")]
    Interrupted,
    /// Said on standard output already.
    #[error("failed")]
    Said,
}

impl From<NotEvidence> for Failure {
    fn from(error: NotEvidence) -> Self {
        BadEvidence::from(error).into()
    }
}

impl Failure {
    /// The failure to do something with a file.
    pub(crate) fn file(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { doing, path: path.display().to_string(), source }
    }

    /// The failure to read a file that the command line names.
    pub(crate) fn input(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Input { doing, path: path.display().to_string(), source }
    }

    /// This failure, once `said` has told programs about it on standard output; whether that
    /// could be written does not change what failed.
    pub(crate) fn after(self, said: &Result<(), Self>) -> Self {
        if said.is_ok() { Self::Said } else { self }
    }

    /// An argument that does not fit.
    pub(crate) fn usage(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { what: what.into(), help: help.into() }
    }

    fn code(&self) -> u8 {
        match self {
            Self::BidsFile(_)
            | Self::LadderChoice(_)
            | Self::Committee(_)
            | Self::Money { .. }
            | Self::Ladder(_)
            | Self::Usage { .. }
            | Self::Input { .. }
            | Self::NoTranscriptFile { .. }
            | Self::NotAKey { .. }
            | Self::KeyOpen { .. }
            | Self::Charter { .. }
            | Self::Wallet(
                WalletError::Missing(_) | WalletError::Kind { .. } | WalletError::Several { .. },
            )
            | Self::Server(
                ServerError::NoServer(_) | ServerError::BadKey(_) | ServerError::Config { .. },
            )
            | Self::Node(NodeError::NoNode(_) | NodeError::BadKey(_) | NodeError::Config { .. })
            | Self::Merchant(
                MerchantError::NoMerchant(_)
                | MerchantError::BadKey(_)
                | MerchantError::Config { .. }
                | MerchantError::NoItem(_)
                | MerchantError::Offer(_),
            ) => USAGE,
            Self::Interrupted => INTERRUPTED,
            Self::File { .. }
            | Self::Database { .. }
            | Self::Process(_)
            | Self::Node(_)
            | Self::Client(_)
            | Self::Transcript(_)
            | Self::Evidence(_)
            | Self::NoOutcome(_)
            | Self::Bid(..)
            | Self::Payment(..)
            | Self::Audit(_)
            | Self::Server(_)
            | Self::Backup(_)
            | Self::Settlement(_)
            | Self::Buy(_)
            | Self::Merchant(_)
            | Self::Goods { .. }
            | Self::Place(_)
            | Self::Wallet(_)
            | Self::Json(_)
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Said => FAILED,
        }
    }
}

fn client_help(error: &ClientError) -> &'static str {
    if error.is_not_ended() {
        return "there is a transcript once the auction has ended: 'gavel auction watch ID' waits \
                for that";
    }
    "check the committee file, that the accumulators run ('gavel accumulator run') and that UDP \
     reaches them"
}

fn settlement_help(error: &settlement::client::ClientError) -> &'static str {
    use settlement::client::ClientError as Error;
    match error {
        Error::Link(_) => {
            "check the charter file, that the server runs ('gavel settlement run') and that UDP \
             reaches it"
        }
        Error::Busy | Error::Unknown => "run the command again: it does nothing twice",
        Error::Declined(_) => "check the account, the key and the charter file",
        Error::Unanswered(_) => "run it again; 'gavel settlement witness' keeps what it says",
        Error::Convicted(_) => {
            "do not trust this server: 'gavel settlement witness' writes the evidence down"
        }
        Error::Auction(_) => {
            "check the auction and the key that asks; 'gavel settle' says how the payment stands"
        }
        Error::Purchase(_) => "check the order's id, the account and the charter file",
        Error::Restored => "run the command again with the receipts that you hold",
        _ => "do not trust this server until its operator has explained it",
    }
}

fn buy_help(error: &BuyError) -> &'static str {
    match error {
        BuyError::Link(_) | BuyError::Busy => {
            "nothing is lost: run the same command again; if the merchant stays away, an order that \
             is paid is delivered by the settlement server all the same"
        }
        BuyError::Declined(_) => {
            "'gavel offer list --merchant FILE' shows what the merchant offers"
        }
        BuyError::WrongAnswer(_)
        | BuyError::NoOffer(_)
        | BuyError::Offer(_)
        | BuyError::OtherOffer { .. } => "do not buy from this merchant until he has explained it",
        BuyError::Expired => "run the command again with --merchant and --item, for another offer",
        BuyError::Goods(_) => {
            "run it again; where they come from the merchant so, do not buy from him"
        }
        BuyError::NotOrdered(_) => "run the command again; check this machine's clock",
        BuyError::Refused(_) => {
            "'gavel account balance' shows what is available; the same command orders again"
        }
        BuyError::Settlement(error) => settlement_help(error),
        BuyError::NotAPurchase { .. } => {
            "keep the purchase's folder: it shows whose fault this is; tell the settlement server's \
             operator"
        }
        BuyError::NoKey => "the receipt is in the purchase's folder: 'gavel judge' reads it",
        BuyError::DoesNotOpen(_) => {
            "'gavel judge --receipt .. --goods ..' on the files in the purchase's folder proves it \
             to others"
        }
        BuyError::Out(_) => "give another --out, or see to the disk; the goods are paid and kept",
        BuyError::Folder(_) => "see to the disk and to the purchase's folder, then run it again",
    }
}

fn goods_help(error: &GoodsError) -> &'static str {
    match error {
        GoodsError::WrongKey { .. } => {
            "name the key file that was written when these goods were sealed; bought goods have \
             theirs in the receipt"
        }
        GoodsError::NotGoods => "name the file that 'gavel goods seal' wrote",
        GoodsError::Version { .. } => "a newer gavel may read them",
        GoodsError::FileShrank { .. } | GoodsError::FileGrew { .. } => {
            "run it again when nothing writes to the file"
        }
        GoodsError::TooLong { .. } => "split the file",
        GoodsError::Read(_) | GoodsError::Write(_) => "see to the disk, then run it again",
        _ => {
            "fetch the goods again; where they come from their seller so, do not pay for them: \
             they are not what was promised"
        }
    }
}

fn wallet_help(error: &WalletError) -> &'static str {
    match error {
        WalletError::Missing(_) => {
            "'gavel bid' makes it with the first bid; name another one with --wallet or \
             GAVEL_WALLET"
        }
        WalletError::Several { .. } => "name the bid that is meant: gavel bid BIDDIGEST --retry",
        WalletError::NoSuchBid(_) => "'gavel bids' lists the bids of the wallet",
        _ => "name another directory with --wallet or GAVEL_WALLET",
    }
}

/// Says what went wrong, if anything, and turns it into the exit code.
pub(crate) fn finish(result: Result<(), Failure>) -> ExitCode {
    let failure = match result {
        Ok(()) => return ExitCode::SUCCESS,
        // Whoever reads our output has seen enough, as `head` does.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(failure) => failure,
    };
    let code = failure.code();
    if !matches!(failure, Failure::Said) {
        show_plainly();
        note(&format!("{:?}", miette::Report::new(failure)));
    }
    ExitCode::from(code)
}

/// Lines are broken for terminals alone: elsewhere a program may look for words in them.
fn show_plainly() {
    let terminal = std::io::stderr().is_terminal();
    let options = move || {
        let options = miette::MietteHandlerOpts::new()
            // Our errors say their causes themselves.
            .without_cause_chain()
            .break_words(false)
            .wrap_lines(terminal);
        if terminal { options } else { options.unicode(false).color(false) }
    };
    // Set once, here; a second time would leave the first, which is the same.
    let _ = miette::set_hook(Box::new(move |_| Box::new(options().build())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use miette::Diagnostic as _;

    #[test]
    fn what_failed_stays_when_nobody_reads_it() {
        let failed = || Failure::from(TranscriptError::NotATranscript);
        assert!(matches!(failed().after(&Ok(())), Failure::Said));
        let closed = Failure::Output(std::io::ErrorKind::BrokenPipe.into());
        assert!(matches!(failed().after(&Err(closed)), Failure::Transcript(_)));
    }

    #[test]
    fn several_bids_are_named_in_words_with_a_remedy() {
        let id = |byte| auction::layout::Digest([byte; 32]);
        let several = WalletError::Several { auction: id(1), bids: vec![id(2), id(3)] };
        let failure = Failure::from(several);
        assert!(!failure.to_string().contains("Digest"), "{failure}");
        assert!(failure.help().unwrap().to_string().contains("gavel bid BIDDIGEST --retry"));
        let missing = Failure::from(WalletError::Missing("w".into()));
        assert_eq!(missing.code(), 2);
        assert!(missing.help().unwrap().to_string().contains("'gavel bid' makes it"));
    }

    #[test]
    fn wrong_input_and_failed_work_have_different_codes() {
        let input = Failure::from(BidsFileError::NoHeader);
        assert_eq!(input.code(), 2);
        assert!(input.help().unwrap().to_string().contains("bidder,price"));
        let work = Failure::from(TranscriptError::NotATranscript);
        assert_eq!(work.code(), 1);
        assert!(work.to_string().starts_with("not verified: not a transcript"));
    }
}
