//! The one judge of evidence files: whatever the kind, a ruling. SETTLEMENT, section "Evidence".

use auction::dispute::{AccumulatorEvidence, BadDispute, RefusalEvidence, ShareEvidence};
use auction::evidence::{EvidenceFile, Kind, NotEvidence, Ruling};
use rand::CryptoRng;
use witness::ServerEvidence;
use witness::evidence::BadWords;

use super::payment::PaymentEvidence;
use super::ticket::{BadTicket, TicketEvidence};
use crate::journal::Storage;
use crate::ledger::CharterError;

/// Why evidence proves nothing: whoever brings it is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadEvidence {
    /// It is none, or damaged.
    #[error(transparent)]
    File(#[from] NotEvidence),
    /// Of a dispute between bidder and accumulator.
    #[error(transparent)]
    Dispute(#[from] BadDispute),
    /// Of a server's history.
    #[error(transparent)]
    Words(#[from] BadWords),
    /// Of a bond ticket.
    #[error(transparent)]
    Ticket(#[from] BadTicket),
    /// Of a payment.
    #[error("the charter in the evidence: {0}")]
    Charter(#[from] CharterError),
}

/// Judges a file of evidence. A journal, where there is one, is looked at for a ticket alone.
///
/// # Errors
/// [`BadEvidence`].
pub fn judge_file<S: Storage, R: CryptoRng>(
    bytes: &[u8],
    journal: Option<&mut S>,
    mut rng: R,
) -> Result<Ruling, BadEvidence> {
    let file = EvidenceFile::open(bytes)?;
    Ok(match file.kind() {
        Kind::Accumulator => file.read::<AccumulatorEvidence>()?.judge()?,
        Kind::Share => file.read::<ShareEvidence>()?.judge(&mut rng)?,
        Kind::Refusal => file.read::<RefusalEvidence>()?.judge(&mut rng)?,
        Kind::History => file.read::<ServerEvidence>()?.judge()?,
        Kind::Ticket => {
            let evidence = file.read::<TicketEvidence>()?;
            match journal {
                Some(journal) => evidence.judge_with(journal, rng)?,
                None => evidence.judge()?,
            }
        }
        Kind::Payment => file.read::<PaymentEvidence>()?.judge(&mut rng)?,
    })
}
