//! The payment of an auction as one file of evidence. SETTLEMENT, section "Evidence".

use auction::evidence::{Evidence, Kind, Role, Ruling};
use auction::wire::MAX_ENCODED_BYTES;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::auction::{Case, DeliveryReceipts, Found, Judgement, judge};
use crate::journal::Receipt;
use crate::ledger::{Charter, CharterError};
use crate::sealed_key::OpeningKey;
use crate::service::CharterParts;

/// A case that whoever reads the file can judge alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentEvidence {
    /// Whose word counts.
    pub charter: CharterParts,
    /// The auction's transcript.
    pub transcript: Vec<u8>,
    /// The receipt of the decision.
    pub decision: Option<Receipt>,
    /// The receipt of the winner's order.
    pub order: Option<Receipt>,
    /// The winner's delivery secret, given away to show what was sealed to it.
    pub delivery: Option<GivenSecret>,
    /// Of physical goods: the receipt of the dispatch.
    pub dispatch: Option<Receipt>,
    /// That of the dispute.
    pub dispute: Option<Receipt>,
    /// That of the payout.
    pub payout: Option<Receipt>,
}

/// A delivery secret that its owner gives away. It opens what was sealed in one auction. Not
/// printed all the same.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenSecret(pub [u8; 32]);

impl std::fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GivenSecret(..)")
    }
}

impl Evidence for PaymentEvidence {
    const KIND: Kind = Kind::Payment;
    const MAX_BYTES: usize = MAX_ENCODED_BYTES;
}

impl PaymentEvidence {
    /// Judges the case.
    ///
    /// # Errors
    /// [`CharterError`] when the charter founds no ledger.
    pub fn judge<R: CryptoRng + ?Sized>(&self, rng: &mut R) -> Result<Ruling, CharterError> {
        let charter = self.charter.charter()?;
        let secret = self.delivery.as_ref().map(|secret| OpeningKey::from_bytes(&secret.0));
        let case = Case {
            charter: &charter,
            transcript: &self.transcript,
            decision: self.decision.as_ref(),
            order: self.order.as_ref(),
            goods: None,
            key_hash: None,
            delivery_secret: secret.as_ref(),
            delivery: DeliveryReceipts {
                dispatch: self.dispatch.as_ref(),
                dispute: self.dispute.as_ref(),
                payout: self.payout.as_ref(),
            },
        };
        Ok(ruling(&judge(&case, rng), &charter))
    }
}

/// A judgement as a ruling: what holds is proved, what the server's signatures disprove convicts
/// it, and the rest is open.
#[must_use]
pub fn ruling(judgement: &Judgement, charter: &Charter) -> Ruling {
    let server = charter.server();
    let mut about = vec![("Server", server.to_string())];
    about.extend(judgement.auction.map(|id| ("Auction", id.to_string())));
    let mut ruling = Ruling::about(about);
    for finding in &judgement.findings {
        let words = finding.words.clone();
        ruling = match finding.found {
            _ if finding.convicts_server => {
                let deed = format!("broken the rules of the payment: {words}");
                ruling.convict(Role::Server, server, deed)
            }
            Found::Holds | Found::NotOwed => ruling.prove(words),
            Found::Fails | Found::NotShown | Found::ToBeSeen => ruling.leave_open(words),
        };
    }
    ruling
}
