//! The judge of physical goods: dispatched, disputed, paid out, as far as receipts show it.
//! SETTLEMENT, section "Physical goods", step 8.

use auction::keys::PublicKey;
use auction::spec::Time;

use super::auction::{Case, Trial, attached, proven};
use super::decided::{by_postings, moves_exactly};
use super::epochs::in_one_history;
use super::findings::{Found, Judgement, Subject, Wrong};
use crate::auctions::physical::requests::{note_request, payout_requests};
use crate::auctions::physical::{
    Ground, Heard, InEscrow, PayoutRecord, Place, Saying, Stage, Times,
};
use crate::auctions::{Attached, SaleFacts};
use crate::journal::{Proven, Receipt};
use crate::ledger::Charter;

/// What the judge goes by.
struct Delivery<'a> {
    charter: &'a Charter,
    trial: &'a Trial,
    winner: &'a PublicKey,
    times: Times,
    /// The sale's receipt and record, if they were brought and name this transcript.
    sale: Option<(&'a Receipt, &'a SaleFacts)>,
}

/// A payout as its receipt shows it, not judged yet.
struct Claimed<'a> {
    receipt: &'a Receipt,
    proven: Proven,
    record: PayoutRecord,
}

/// Judges what came after a sale of physical goods; `sale` is its record, if a receipt of it was
/// brought that names this transcript.
pub(super) fn judge(
    case: &Case<'_>,
    trial: &Trial,
    winner: &PublicKey,
    sale: Option<&SaleFacts>,
    judgement: &mut Judgement,
) {
    let Some(terms) = trial.payment.physical() else { return };
    let (charter, times, sale) = (case.charter, Times::of(terms), case.decision.zip(sale));
    let delivery = Delivery { charter, trial, winner, times, sale };
    let payout = case.delivery.payout.map(|receipt| delivery.payout(receipt));
    let claimed = payout.as_ref().and_then(|payout| payout.as_ref().ok());
    let rests_on = claimed.map(|claimed| delivery.rests_on(claimed));
    let before = claimed.map(|claimed| claimed.receipt);
    let mut stage = Stage::Sold;
    for place in [Place::Dispatch, Place::Dispute] {
        let (receipt, reached, subject, what) = match place {
            Place::Dispute => {
                (case.delivery.dispute, Stage::Disputed, Subject::Disputed, "dispute")
            }
            _ => (case.delivery.dispatch, Stage::Dispatched, Subject::Dispatched, "dispatch"),
        };
        match receipt.map(|receipt| delivery.word(receipt, place, before)) {
            Some(Ok(())) => {
                stage = reached;
                judgement.add(subject, Found::Holds, said(place));
            }
            Some(Err(wrong)) => judgement.fail(subject, wrong),
            None if rests_on.is_some_and(|rests_on| rests_on < reached) => {
                let words = format!("the payout rests on no {what}");
                judgement.add(subject, Found::NotOwed, words);
            }
            None => {
                let words = format!("no receipt of a {what} was brought");
                judgement.add(subject, Found::NotShown, words);
            }
        }
    }
    match payout {
        None => {
            let words = "no receipt of a payout was brought: the price may be in escrow yet";
            judgement.add(Subject::PaidOut, Found::NotShown, words);
        }
        Some(Err(wrong)) => judgement.fail(Subject::PaidOut, wrong),
        Some(Ok(claimed)) => delivery.judge_payout(&claimed, stage, judgement),
    }
}

impl<'a> Delivery<'a> {
    /// Checks a word that a receipt shows to be in the journal: signed, in time, and before a
    /// payout that stands there.
    fn word(&self, receipt: &Receipt, place: Place, payout: Option<&Receipt>) -> Result<(), Wrong> {
        let proven = proven(receipt, self.charter)?;
        let Some(Attached::Word(word)) = attached(&proven) else {
            return Err(Wrong::brought("the receipt is of something else than a word"));
        };
        let payment = &self.trial.payment;
        if word.auction() != payment.id() {
            return Err(Wrong::brought("the receipt is of a word on another auction"));
        }
        let until = match (place, word.saying()) {
            (Place::Dispatch, Saying::Dispatched { .. }) => self.times.dispatched_by(),
            (Place::Dispute, Saying::Disputed { .. }) => self.times.disputed_by(),
            _ => return Err(Wrong::brought("the receipt is of another word")),
        };
        word.verify(payment, self.winner).map_err(|error| {
            let words = format!("the server journaled a word: {error}");
            // By another run another may have won, and the word be his.
            let as_won = place == Place::Dispatch || self.is_after_the_sale(receipt);
            if as_won { Wrong::Servers(words) } else { Wrong::Brought(words) }
        })?;
        if proven.time >= until {
            return Err(Wrong::servers("the server took the word after its time"));
        }
        match payout {
            Some(payout) if !in_one_history(payout, receipt) => {
                let words = "the word and the payout are in different epochs: a restore may have \
                             lost the one before the other was made";
                return Err(Wrong::brought(words));
            }
            Some(payout) if receipt.number > payout.number => {
                return Err(Wrong::servers("the server took the word after it had paid out"));
            }
            _ => {}
        }
        if !moves_exactly(&proven, &[note_request(payment, place, until)])
            || !by_postings(&proven, self.charter)
        {
            return Err(Wrong::servers("the server journaled something else beside the word"));
        }
        Ok(())
    }

    /// Whether a receipt belongs to the sale that was brought, and not to one that a restore has
    /// put in its place.
    fn is_after_the_sale(&self, receipt: &Receipt) -> bool {
        self.sale.is_some_and(|(sale, _)| in_one_history(sale, receipt))
    }

    /// The stage that a payout presupposes.
    fn rests_on(&self, claimed: &Claimed<'_>) -> Stage {
        match claimed.record.ground {
            Ground::Undispatched => Stage::Sold,
            Ground::Undisputed => Stage::Dispatched,
            Ground::Awarded(_) | Ground::Unawarded => Stage::Disputed,
            Ground::Received(_) if claimed.proven.time < self.times.dispatched_by() => Stage::Sold,
            Ground::Received(_) if claimed.proven.time < self.times.disputed_by() => {
                Stage::Dispatched
            }
            Ground::Received(_) => Stage::Disputed,
        }
    }

    fn payout(&self, receipt: &'a Receipt) -> Result<Claimed<'a>, Wrong> {
        let proven = proven(receipt, self.charter)?;
        match attached(&proven) {
            Some(Attached::Payout(record)) if record.auction == self.trial.payment.id() => {
                Ok(Claimed { receipt, proven, record })
            }
            _ => {
                let words = "the receipt is of something else than a payout of this auction";
                Err(Wrong::brought(words))
            }
        }
    }

    /// What a payout proves. `shown` is the stage that the other receipts prove; where the payout
    /// itself rests on a later one, that one is presupposed, and missing receipts are said to be.
    fn judge_payout(&self, claimed: &Claimed<'_>, shown: Stage, judgement: &mut Judgement) {
        let Some((_, sale)) = self.sale else {
            let words = "without the receipt of the sale it is not shown what was to be paid out";
            return judgement.add(Subject::PaidOut, Found::NotShown, words);
        };
        let stage = shown.max(self.rests_on(claimed));
        let in_escrow = InEscrow { sale, times: self.times, stage };
        match self.wrong_in_payout(in_escrow, &claimed.proven, &claimed.record) {
            Some(wrong) if !self.is_after_the_sale(claimed.receipt) => {
                let words = format!(
                    "the payout does not fit the sale, and the two are in different epochs: a \
                     restore may have lost the one before the other was made: {wrong}"
                );
                judgement.fail(Subject::PaidOut, Wrong::Brought(words));
            }
            Some(wrong) => {
                let words = format!("the server paid out what it must not: {wrong}");
                judgement.fail(Subject::PaidOut, Wrong::Servers(words));
            }
            None => judgement.add(Subject::PaidOut, Found::Holds, right(&claimed.record.ground)),
        }
    }

    fn wrong_in_payout(
        &self,
        in_escrow: InEscrow<'_>,
        proven: &Proven,
        record: &PayoutRecord,
    ) -> Option<String> {
        let decided = self.decided(in_escrow, record, proven.time);
        if let Err(wrong) = decided {
            return Some(wrong);
        }
        let until = proven.requests.first().map_or(proven.time, |first| first.request().until);
        let expected = payout_requests(&self.trial.payment, in_escrow.sale, record, until);
        if !moves_exactly(proven, &expected) {
            return Some("other movements of money than it says".to_owned());
        }
        let signed = by_postings(proven, self.charter);
        (!signed).then(|| "movements that the server did not sign".to_owned())
    }

    /// Whether terms, words and time give this payout.
    fn decided(
        &self,
        in_escrow: InEscrow<'_>,
        record: &PayoutRecord,
        time: Time,
    ) -> Result<(), String> {
        let payout = match record.ground.word() {
            None => in_escrow.due(time).map_err(|error| error.to_string())?,
            Some(word) => {
                let verified = word.clone().verify(&self.trial.payment, self.winner);
                let verified = verified.map_err(|error| error.to_string())?;
                match in_escrow.hear(&verified, time).map_err(|error| error.to_string())? {
                    Heard::PaidOut(payout) => payout,
                    Heard::Noted(_) | Heard::Again { .. } => {
                        return Err("on a word that moves no money".to_owned());
                    }
                }
            }
        };
        if payout.record() == record {
            Ok(())
        } else {
            Err("to other sides, or other parts, than terms and words give".to_owned())
        }
    }
}

/// What a word in the journal proves, and what it does not.
fn said(place: Place) -> &'static str {
    match place {
        Place::Dispute => {
            "the key that won signed that the goods have not come, or are not what was offered, \
             and the journal had it before T3. Whether that is so, this does not prove"
        }
        Place::Dispatch | Place::Payout => {
            "the dispatcher named in the terms signed that the goods are on their way, and the \
             journal had it before T2. What was sent, and whether it arrived, this does not prove"
        }
    }
}

/// What a right payout proves, and what it does not.
fn right(ground: &Ground) -> &'static str {
    match ground {
        Ground::Undispatched => {
            "T2 had come, and the whole price went back to the winner. That no dispatch had come \
             before, the server says: an audit of its journal shows it"
        }
        Ground::Received(_) => {
            "the key that won signed that the goods have come, and the price went to the seller, \
             less the fee"
        }
        Ground::Undisputed => {
            "T3 had come, and the price went to the seller, less the fee. That nobody had \
             disputed, the server says: an audit of its journal shows it"
        }
        Ground::Awarded(_) => {
            "the arbiter named in the terms signed how the price is divided, and it was divided \
             so. Whether that is just, nobody can judge from files"
        }
        Ground::Unawarded => {
            "T4 had come, and the price went to the side that the terms name. That the arbiter \
             had said nothing, the server says: an audit of its journal shows it"
        }
    }
}
