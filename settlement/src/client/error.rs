//! Why a client has no answer, whose fault it is and what to do.

use link::LinkError;
use witness::ServerEvidence;

use crate::journal::{SignedHead, Unproven};
use crate::purchases::NotAPurchase;
use crate::service::Declined;
use crate::service::auctions::AuctionDeclined;
use crate::service::purchases::PurchaseDeclined;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The network, or the server's identity.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The server has too much to do. Nothing was done.
    #[error("the server is busy: try again later")]
    Busy,
    /// The server stopped while it had the requests.
    #[error(
        "whether the requests were decided is unknown, the server stopped: send the same again, \
         which is safe, or ask for them by id"
    )]
    Unknown,
    /// The server does not answer this.
    #[error(transparent)]
    Declined(#[from] Declined),
    /// The server does not do this for the auction.
    #[error(transparent)]
    Auction(#[from] AuctionDeclined),
    /// The server does not do this about the purchase.
    #[error(transparent)]
    Purchase(#[from] PurchaseDeclined),
    /// The server's fault: its receipt proves no purchase.
    #[error("the server sent something that proves no purchase: {0}; keep it and ask its operator")]
    NotAPurchase(#[from] NotAPurchase),
    /// A file of goods on this side.
    #[error("the goods cannot be read or written here: {0}")]
    File(std::io::Error),
    /// The server's fault: what it sent proves nothing.
    #[error("the server sent something that proves nothing: {0}; keep it and ask its operator")]
    Unproven(#[from] Unproven),
    /// The server's fault: its answer is to something else.
    #[error("the server's answer does not fit the question: {0}; ask its operator")]
    WrongAnswer(&'static str),
    /// The server has another charter than the file.
    #[error("the server keeps another ledger than the charter file says: ask its operator")]
    WrongCharter,
    /// The server's own words contradict each other. What is inside convinces others too.
    #[error("the server's own words convict it: {}", deed(.0))]
    Convicted(Box<ServerEvidence>),
    /// The server does not show that its history continues the one that it showed before.
    #[error(
        "the server has not shown that its head over {} entries continues the one over {}: ask \
         again, and let a witness ask", .0[1].head.size, .0[0].head.size
    )]
    Unanswered(Box<[SignedHead; 2]>),
    /// The server was restored from a backup that lacks what an older head covers.
    #[error(
        "the server was restored from a backup and lacks entries: submit receipted requests again"
    )]
    Restored,
}

fn deed(evidence: &ServerEvidence) -> String {
    match evidence.convict() {
        Ok(Some(contradiction)) => format!("it has {contradiction}"),
        Ok(None) => "it owes an answer".to_owned(),
        Err(error) => error.to_string(),
    }
}
