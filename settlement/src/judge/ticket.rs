//! A bond ticket that no bond stands behind: with it somebody bids who risks nothing. SETTLEMENT,
//! section "Evidence".
//!
//! A ticket proves that the server said so; that there is no bond, only the whole journal proves.
//! So the file alone is an accusation, which the server clears by the receipt of the bond's entry;
//! with the journal that one of its heads covers it is decided.

use auction::bid::{BondTicket, TicketError};
use auction::evidence::{Evidence, Kind, Role, Ruling};
use auction::spec::{SignedSpec, SpecError, VerifiedSpec};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use witness::{SignedHead, Unproven};

use crate::auctions::{Attached, History};
use crate::audit::{AuditError, Held, inquire_with};
use crate::journal::{Receipt, Storage};
use crate::ledger::{Charter, CharterError, Code};
use crate::service::CharterParts;

/// A ticket with what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketEvidence {
    /// Whose word counts.
    pub charter: CharterParts,
    /// The auction's terms.
    pub spec: SignedSpec,
    /// The ticket.
    pub ticket: BondTicket,
    /// A head of the journal in which there is no bond, signed at closing or later.
    pub head: Option<SignedHead>,
    /// The server's answer: the receipt of the bond.
    pub bond: Option<Receipt>,
}

impl Evidence for TicketEvidence {
    const KIND: Kind = Kind::Ticket;
    const MAX_BYTES: usize = 4 << 20;
}

/// Why the evidence proves nothing: whoever brings it is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadTicket {
    /// The charter founds no ledger.
    #[error(transparent)]
    Charter(#[from] CharterError),
    /// The terms do not verify.
    #[error("the terms in the evidence are invalid: {0}")]
    Spec(#[from] SpecError),
    /// The auction's payment is taken elsewhere.
    #[error("the auction's payment is taken by another server, or by none")]
    Elsewhere,
    /// The ticket is not this server's, for this auction.
    #[error("the ticket is none of this server for this auction: {0}")]
    Ticket(#[from] TicketError),
    /// The head is not the server's.
    #[error("the head in the evidence: {0}")]
    Head(Unproven),
    /// The journal cannot be audited.
    #[error("the journal cannot be judged by: {0}")]
    Journal(#[from] AuditError),
}

/// What a case turns out to be about.
struct Ground {
    charter: Charter,
    spec: VerifiedSpec,
}

impl TicketEvidence {
    fn ground(&self) -> Result<Ground, BadTicket> {
        let charter = self.charter.charter()?;
        let spec = self.spec.clone().verify()?;
        let terms = spec
            .spec()
            .settlement
            .as_ref()
            .filter(|terms| terms.server == charter.server() && terms.ledger == charter.id());
        let terms = terms.ok_or(BadTicket::Elsewhere)?;
        self.ticket.verify(&spec.id(), terms, &self.ticket.bidder)?;
        Ok(Ground { charter, spec })
    }

    /// Judges the ticket without a journal.
    ///
    /// # Errors
    /// [`BadTicket`].
    pub fn judge(&self) -> Result<Ruling, BadTicket> {
        let ground = self.ground()?;
        let ruling = self.ruling(&ground);
        Ok(if self.is_answered(&ground) {
            ruling.prove("the server shows the bond: the ticket is funded, and nothing is left")
        } else {
            ruling.leave_open(
                "whether a bond stands behind the ticket. The server clears itself by the receipt \
                 of the bond's entry; whoever has the journal that a head of the server covers \
                 finds out (gavel judge FILE --journal DIR)",
            )
        })
    }

    /// Judges the ticket by the server's journal, which the head in the evidence must cover.
    ///
    /// # Errors
    /// [`BadTicket`].
    pub fn judge_with<R: CryptoRng>(
        &self,
        journal: &mut impl Storage,
        rng: R,
    ) -> Result<Ruling, BadTicket> {
        let ground = self.ground()?;
        let Ground { charter, spec } = &ground;
        let ruling = self.ruling(&ground);
        let Some(signed) = self.head else {
            return Ok(ruling.leave_open(
                "whether a bond stands behind the ticket: the evidence has no head that says \
                 which journal is the server's",
            ));
        };
        let head = signed.verify(&charter.ledger_key()).map_err(BadTicket::Head)?;
        let mut history = History::new(*charter, |_: &auction::layout::Digest| None, rng);
        let held = Held { heads: &[signed], receipts: &[] };
        let (report, _) = inquire_with(journal, charter, &held, &mut history)?;
        let of_the_head = |wrong: &AuditError| {
            matches!(wrong, AuditError::Convicted { .. } | AuditError::Beginning { .. })
        };
        if report.misdeeds.iter().any(|misdeed| of_the_head(&misdeed.wrong))
            || !report.lost_heads.is_empty()
        {
            return Ok(ruling.leave_open(
                "whether a bond stands behind the ticket: the journal is not the one that the \
                 head in the evidence covers",
            ));
        }
        if history.has_bond(&self.ticket) {
            return Ok(ruling.prove("the journal holds the bond: the ticket is funded"));
        }
        if head.time < spec.spec().closing {
            return Ok(ruling.leave_open(
                "whether a bond stands behind the ticket: the head is from before closing, and \
                 the bond may have come after it",
            ));
        }
        // A later restore than the head has lost nothing that came before the head.
        let registered = history.registered_in(&spec.id());
        let before = report.restores.iter().filter(|restored| restored.epoch <= head.epoch);
        let may_have_lost_it = before.into_iter().any(|restored| {
            restored.time < spec.spec().closing
                && registered.is_none_or(|entry| entry < restored.kept)
        });
        if may_have_lost_it {
            return Ok(ruling.leave_open(
                "whether a bond stood behind the ticket: the server has stated that it was \
                 restored from a backup of before closing, and what came after that backup is \
                 lost. A receipt of the bond shows that it was held",
            ));
        }
        let key = self.ticket.bidder;
        let deed = format!(
            "signed a bond ticket for key {key}, and no such bond is in its journal of {} entries, \
             which its own head covers after closing",
            head.size
        );
        Ok(ruling.convict(Role::Server, charter.server(), deed))
    }

    fn ruling(&self, ground: &Ground) -> Ruling {
        let Ground { charter, spec } = ground;
        let about = [("Auction", spec.id().to_string()), ("Server", charter.server().to_string())];
        let cover = spec.spec().ladder.price(self.ticket.cover);
        let cover = cover.map_or_else(String::new, |price| {
            format!(" of {}", spec.spec().currency.display(price))
        });
        Ruling::about(about).prove(format!(
            "the server signed that a bond{cover} is held for auction key {}",
            self.ticket.bidder
        ))
    }

    /// Whether the server's receipt shows the bond.
    fn is_answered(&self, ground: &Ground) -> bool {
        let Ground { charter, spec } = ground;
        let Some(Ok(proven)) = self.bond.as_ref().map(|receipt| receipt.verify(charter)) else {
            return false;
        };
        let attached = proven.attachment.as_deref().map(Attached::read_bytes);
        let Some(Ok(Some(Attached::Bond(order)))) = attached else { return false };
        let journaled = matches!(
            proven.requests.as_slice(), [hold] if hold.as_bytes() == order.hold_bytes()
        );
        let held = proven.codes.iter().all(|code| *code == Code::Done);
        let bond = order.verify(spec, charter);
        journaled
            && held
            && bond.is_ok_and(|verified| {
                let bond = verified.bond();
                (bond.bidder, bond.cover) == (self.ticket.bidder, self.ticket.cover)
            })
    }
}
