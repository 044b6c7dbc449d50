//! The judge of an auction's payment: from files alone, without asking anybody, what was ordered,
//! what was delivered and that it was paid, or what fails and whose fault it is. SETTLEMENT,
//! section "An auction's payment", step 6; "Physical goods", step 8.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::settlement_terms::Goods;
use auction::transcript::{Transcript, TranscriptError, Verdict};
use rand::CryptoRng;

use super::decided::{
    named_transcript, wrong_in_digital_sale, wrong_in_no_sale, wrong_in_physical_sale,
    wrong_in_void,
};
use super::epochs::in_one_history;
use super::findings::Wrong;
use super::physical;
use crate::auctions::payment::Payment;
use crate::auctions::{Attached, Bond, RegistrationRefused, SaleRecord};
use crate::journal::{Proven, Receipt};
use crate::ledger::{Charter, Code};
use crate::sealed_key::{OpeningKey, Purpose};

pub use super::findings::{Finding, Found, Judgement, Subject};

/// What somebody brings before the judge. What is left out is not judged, and said to be so.
pub struct Case<'a> {
    /// Whose word counts.
    pub charter: &'a Charter,
    /// The auction's transcript; the spec with its signatures is in it.
    pub transcript: &'a [u8],
    /// The receipt of the decision.
    pub decision: Option<&'a Receipt>,
    /// The receipt of the winner's order.
    pub order: Option<&'a Receipt>,
    /// What the encrypted goods were found to be ([`crate::goods::measure`]).
    pub goods: Option<Goods>,
    /// The hash of the key that opened them for whoever brings the case.
    pub key_hash: Option<Digest>,
    /// The winner's delivery secret: with it the judge opens the sealed key himself.
    pub delivery_secret: Option<&'a OpeningKey>,
    /// What was said of physical goods after the sale.
    pub delivery: DeliveryReceipts<'a>,
}

/// Receipts of what was said of physical goods, and of the payout.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryReceipts<'a> {
    /// Of the dispatch.
    pub dispatch: Option<&'a Receipt>,
    /// Of the dispute.
    pub dispute: Option<&'a Receipt>,
    /// Of the payout.
    pub payout: Option<&'a Receipt>,
}

/// What the transcript alone gives.
pub(super) struct Trial {
    pub(super) verdict: Verdict,
    pub(super) payment: Payment,
}

/// Judges a case. `rng` weighs the equations of the transcript's proofs.
pub fn judge<R: CryptoRng + ?Sized>(case: &Case<'_>, rng: &mut R) -> Judgement {
    let mut judgement = Judgement { auction: None, sale: None, findings: Vec::new() };
    let Some(trial) = begin(case, &mut judgement, rng) else { return judgement };
    let sale = trial.verdict.outcome.sale;
    judgement.sale = sale.map(|sale| (sale.winner, sale.price));
    let record = match decision_of(case, &trial) {
        Some(Ok((proven, attached))) => Some((proven, attached)),
        Some(Err(wrong)) => {
            judgement.fail(Subject::Paid, wrong);
            None
        }
        None => None,
    };
    match sale {
        None => judge_no_sale(case, record, &trial, &mut judgement),
        Some(sale) => {
            judge_order(case, &trial, &sale.winner, record.as_ref(), &mut judgement);
            if let Some((proven, attached)) = &record {
                judge_payment(&trial, case.charter, proven, attached, &mut judgement);
            } else if case.decision.is_none() {
                judgement.add(Subject::Paid, Found::NotShown, "no receipt of a sale was brought");
            }
            let attached = record.as_ref().map(|(_, attached)| attached);
            match trial.payment.goods() {
                Some(goods) => {
                    let sealed = match attached {
                        Some(Attached::Sale(record)) => Some(record),
                        _ => None,
                    };
                    judge_delivery(case, &goods, sealed, &mut judgement);
                }
                None => {
                    let paid = match attached {
                        Some(Attached::PhysicalSale(facts)) => Some(facts),
                        _ => None,
                    };
                    physical::judge(case, &trial, &sale.winner, paid, &mut judgement);
                }
            }
        }
    }
    judgement.findings.sort_by_key(|finding| finding.subject);
    judgement
}

/// The offer and the outcome, from the transcript.
fn begin<R: CryptoRng + ?Sized>(
    case: &Case<'_>,
    judgement: &mut Judgement,
    rng: &mut R,
) -> Option<Trial> {
    let read = Transcript::from_bytes(case.transcript);
    let verdict = match read.and_then(|transcript| transcript.verify(None, rng)) {
        Ok(verdict) => verdict,
        Err(error) => {
            let subject = match error {
                TranscriptError::Spec(_) => Subject::Offered,
                _ => Subject::Sold,
            };
            let words = format!("the transcript proves nothing: {error}");
            judgement.add(subject, Found::Fails, words);
            return None;
        }
    };
    judgement.auction = Some(verdict.auction.id());
    match Payment::of(verdict.auction.verified_spec().clone(), case.charter) {
        Ok(payment) => {
            judgement.add(
                Subject::Offered,
                Found::Holds,
                if payment.goods().is_some() {
                    "the seller signed the terms, and the settlement server signed that it held \
                     the goods and their key before anybody joined"
                } else {
                    "the seller signed the terms, and the settlement server signed that it had \
                     registered the auction before anybody joined. The goods themselves nobody \
                     but the seller had"
                },
            );
            let words = match verdict.outcome.sale {
                Some(sale) => format!("the transcript proves that key {} won", sale.winner),
                None => "the transcript proves that nothing was sold".to_owned(),
            };
            judgement.add(Subject::Sold, Found::Holds, words);
            Some(Trial { verdict, payment })
        }
        Err(error) => {
            let words = match error {
                RegistrationRefused::NotHere => {
                    "the auction's payment is taken by another server, or by none".to_owned()
                }
                error => error.to_string(),
            };
            judgement.add(Subject::Offered, Found::Fails, words);
            None
        }
    }
}

/// The decision that a receipt proves, if one was brought; in words why it proves nothing.
fn decision_of(case: &Case<'_>, trial: &Trial) -> Option<Result<(Proven, Attached), Wrong>> {
    let receipt = case.decision?;
    Some(match proven(receipt, case.charter) {
        Err(wrong) => Err(wrong),
        Ok(proven) => match attached(&proven) {
            Some(attached) if attached.auction() == trial.payment.id() => {
                let this = trial.verdict.outcome.transcript;
                match named_transcript(&attached).filter(|named| *named != this) {
                    Some(named) => Err(by_another_run(&named)),
                    None => Ok((proven, attached)),
                }
            }
            Some(_) | None => {
                Err(Wrong::brought("the receipt is of something else than this auction"))
            }
        },
    })
}

/// Of two runs the first that was shown decides: the server had no part in making two.
fn by_another_run(named: &Digest) -> Wrong {
    Wrong::Brought(format!(
        "the server decided by another run of the auction than the one that was brought: its \
         transcript is {named}, and the server has to show it. If both are complete, an \
         accumulator has signed two messages of one round, and the two convict it (kind 1)"
    ))
}

/// A receipt whose path, head and every signature hold, and whose requests were all committed.
pub(super) fn proven(receipt: &Receipt, charter: &Charter) -> Result<Proven, Wrong> {
    let proven =
        receipt.verify(charter).map_err(|error| Wrong::Brought(format!("the receipt: {error}")))?;
    if let Some(code) = proven.codes.iter().find(|code| **code != Code::Done) {
        let words = format!("the receipt is of a refusal ({code:?}): nothing was moved");
        return Err(Wrong::Brought(words));
    }
    for request in &proven.requests {
        let verified = request.clone().verify(charter);
        verified.map_err(|error| {
            let words = format!("the server journaled a request that nobody signed so: {error}");
            Wrong::Servers(words)
        })?;
    }
    Ok(proven)
}

pub(super) fn attached(proven: &Proven) -> Option<Attached> {
    Attached::read_bytes(proven.attachment.as_deref()?).ok()?
}

fn judge_no_sale(
    case: &Case<'_>,
    record: Option<(Proven, Attached)>,
    trial: &Trial,
    judgement: &mut Judgement,
) {
    let Some((proven, attached)) = record else {
        if case.decision.is_none() {
            judgement.add(Subject::Paid, Found::NotOwed, "nothing was sold, so nothing is owed");
        }
        return;
    };
    let wrong = match &attached {
        Attached::NoSale(record) => wrong_in_no_sale(trial, case.charter, &proven, record),
        Attached::Void(_) => wrong_in_void(&trial.payment, case.charter, &proven),
        _ => Some("it settled something that the transcript does not show"),
    };
    match (wrong, &attached) {
        (Some(wrong), _) => {
            let words = format!("the server's decision is not the transcript's: {wrong}");
            judgement.fail(Subject::Paid, Wrong::Servers(words));
        }
        (None, Attached::Void(_)) => {
            let words = "the server decided at V that the auction is void: nothing was paid";
            judgement.add(Subject::Paid, Found::NotOwed, words);
        }
        (None, _) => {
            let words = "the server decided so: nothing was paid, nothing is owed";
            judgement.add(Subject::Paid, Found::NotOwed, words);
        }
    }
}

/// What the winner ordered, and that the sale was made from that order.
fn judge_order(
    case: &Case<'_>,
    trial: &Trial,
    winner: &PublicKey,
    decision: Option<&(Proven, Attached)>,
    judgement: &mut Judgement,
) {
    let Some(receipt) = case.order else {
        let words = "no receipt of the winner's order was brought; his ticket in the transcript \
                     says that the server held one";
        return judgement.add(Subject::Ordered, Found::NotShown, words);
    };
    let bond = match order_of(receipt, case.charter, trial) {
        Ok(bond) => bond,
        Err(wrong) => return judgement.fail(Subject::Ordered, wrong),
    };
    if bond.bidder != *winner {
        let words = "the order is that of another bidder than the winner";
        return judgement.add(Subject::Ordered, Found::Fails, words);
    }
    let same = match decision {
        Some((_, Attached::Sale(record))) => {
            record.hold == bond.hold && record.delivery == bond.delivery
        }
        Some((_, Attached::PhysicalSale(sale))) => sale.hold == bond.hold,
        _ => true,
    };
    if !same {
        let words = "the server took the price from another hold than the winner's, or sealed \
                     the key to another than his";
        let kept = case.decision.is_none_or(|decision| in_one_history(decision, receipt));
        // A restore may have lost the order that is shown, and another have been made since.
        let wrong = if kept { Wrong::servers(words) } else { Wrong::brought(words) };
        return judgement.fail(Subject::Ordered, wrong);
    }
    let words = "the owner of the account ordered the goods at the price that this auction gives, \
                 and the key that won countersigned";
    judgement.add(Subject::Ordered, Found::Holds, words);
}

fn order_of(receipt: &Receipt, charter: &Charter, trial: &Trial) -> Result<Bond, Wrong> {
    let proven = proven(receipt, charter)?;
    let Some(Attached::Bond(order)) = attached(&proven) else {
        return Err(Wrong::brought("the receipt is of something else than an order"));
    };
    let journaled = matches!(
        proven.requests.as_slice(), [hold] if hold.as_bytes() == order.hold_bytes()
    );
    if !journaled {
        return Err(Wrong::servers("the server held something else than was ordered"));
    }
    if order.terms().auction != trial.payment.id() {
        return Err(Wrong::brought("the order is one for another auction"));
    }
    // The server journaled it as an order for this auction: then it had to be one.
    let verified = order.verify(trial.payment.spec(), charter);
    verified
        .map(|verified| verified.bond().clone())
        .map_err(|error| Wrong::Servers(format!("the server took a wrong order: {error}")))
}

fn judge_payment(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    attached: &Attached,
    judgement: &mut Judgement,
) {
    let payment = &trial.payment;
    match attached {
        Attached::Sale(record) => {
            let right = "the price was taken from the winner's bond and paid to the seller, less \
                         the fee, and the sealed key went with it in one entry";
            let wrong = wrong_in_digital_sale(trial, charter, proven, record);
            judge_sale(wrong, right, judgement);
        }
        Attached::PhysicalSale(facts) => {
            let right = "the price was taken from the winner's bond into the escrow account";
            let wrong = wrong_in_physical_sale(trial, charter, proven, facts);
            judge_sale(wrong, right, judgement);
        }
        Attached::Void(_) => match wrong_in_void(payment, charter, proven) {
            Some(wrong) => {
                let words = format!("the server decided that the auction is void: {wrong}");
                judgement.fail(Subject::Paid, Wrong::Servers(words));
            }
            None => {
                let words = "the server decided at V that the auction is void. A complete \
                             transcript counts only if the server had it before V: whether it was \
                             kept from it, this does not show";
                judgement.fail(Subject::Paid, Wrong::brought(words));
            }
        },
        Attached::NoSale(_) => {
            let words = "the server decided that nothing was sold, and there was a sale";
            judgement.fail(Subject::Paid, Wrong::servers(words));
        }
        Attached::Bond(_)
        | Attached::Registration(_)
        | Attached::PhysicalRegistration(_)
        | Attached::Word(_)
        | Attached::Payout(_) => {
            judgement.fail(Subject::Paid, Wrong::brought("the receipt is of no decision"));
        }
    }
}

fn judge_sale(wrong: Option<&str>, right: &str, judgement: &mut Judgement) {
    match wrong {
        None => judgement.add(Subject::Paid, Found::Holds, right),
        Some(wrong) => {
            let words = format!("the server's sale is not the transcript's: {wrong}");
            judgement.fail(Subject::Paid, Wrong::Servers(words));
        }
    }
}

fn judge_delivery(
    case: &Case<'_>,
    expected: &Goods,
    sealed: Option<&SaleRecord>,
    judgement: &mut Judgement,
) {
    let (found, words) = match case.goods {
        None => (Found::NotShown, "no goods were brought"),
        Some(goods) if goods == *expected => {
            (Found::Holds, "the encrypted goods are those that the seller offered")
        }
        Some(_) => (Found::Fails, "the encrypted goods are not those that the seller offered"),
    };
    judgement.add(Subject::Goods, found, words);
    if let Some((secret, record)) = case.delivery_secret.zip(sealed) {
        judge_sealed_key(secret, record, &expected.key_hash, judgement);
    }
    if let Some(hash) = case.key_hash {
        let (found, words) = if hash == expected.key_hash {
            (Found::Holds, "the key is the one that was in escrow")
        } else {
            (Found::Fails, "the key is not the one that was in escrow")
        };
        judgement.add(Subject::Key, found, words);
    }
}

/// Opens the sealed key with the winner's secret: what the server sealed to that key under its own
/// signature is what it delivered.
fn judge_sealed_key(
    secret: &OpeningKey,
    record: &SaleRecord,
    expected: &Digest,
    judgement: &mut Judgement,
) {
    if secret.sealing_key() != record.delivery {
        let words = "the delivery secret is not that of the key which the sale names: it proves \
                     nothing";
        return judgement.add(Subject::Key, Found::NotShown, words);
    }
    let opened = record.key.open(secret, Purpose::Delivery, &record.auction);
    match opened.map(|key| key.hash() == *expected) {
        Ok(true) => {
            let words = "the server sealed the key that was in escrow to the winner's delivery key";
            judgement.add(Subject::Key, Found::Holds, words);
        }
        Ok(false) | Err(_) => {
            let words = "what the server sealed to the winner's delivery key is not the key that \
                         was in escrow: the winner paid and got garbage";
            judgement.fail(Subject::Key, Wrong::servers(words));
        }
    }
}
