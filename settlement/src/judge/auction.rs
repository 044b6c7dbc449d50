//! The judge of an auction's payment: from files alone, without asking anybody, what was ordered,
//! what was delivered and that it was paid, or what fails and whose fault it is. SETTLEMENT,
//! section "An auction's payment", step 7.

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::money::Amount;
use auction::settlement_terms::Goods;
use auction::transcript::{Transcript, TranscriptError, Verdict};
use rand::CryptoRng;

use crate::auctions::payment::Payment;
use crate::auctions::postings::sale_requests;
use crate::auctions::{Attached, Bond, RegistrationRefused, SaleRecord};
use crate::journal::{Proven, Receipt};
use crate::ledger::{Action, Authority, Charter, Code, Part, SignedRequest};

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
}

/// One thing that the judge looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub found: Found,
    /// In words: what is proved, or what is wrong and whose fault it is.
    pub words: String,
}

/// What a finding is about, in the order in which things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What the seller offered, and that its key was in escrow before.
    Offered,
    /// Who won, at which price.
    Sold,
    /// What the winner ordered.
    Ordered,
    /// What was paid, from whom to whom.
    Paid,
    /// That the goods are those that were offered.
    Goods,
    /// That the key is the one that was offered.
    Key,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Proved.
    Holds,
    /// Disproved, or not proved by what was brought to prove it.
    Fails,
    /// Nothing was brought for it.
    NotShown,
    /// There is no sale, so nothing is owed.
    NotOwed,
    /// Proved as far as files can; the rest a person must see. Of purchases alone.
    ToBeSeen,
}

/// All findings, in the order of [`Subject`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The auction, where the transcript could be read.
    pub auction: Option<Digest>,
    /// Who won, at which price, where the transcript proves it.
    pub sale: Option<(PublicKey, Amount)>,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether nothing fails and whatever was owed was shown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let settled = |found: Found| matches!(found, Found::Holds | Found::NotOwed);
        self.findings.iter().all(|finding| settled(finding.found))
    }

    /// Whether something was brought that does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.found == Found::Fails)
    }

    fn add(&mut self, subject: Subject, found: Found, words: impl Into<String>) {
        self.findings.push(Finding { subject, found, words: words.into() });
    }
}

/// What the transcript alone gives.
struct Trial {
    verdict: Verdict,
    payment: Payment,
}

/// Judges a case. `rng` weighs the equations of the transcript's proofs.
pub fn judge<R: CryptoRng + ?Sized>(case: &Case<'_>, rng: &mut R) -> Judgement {
    let mut judgement = Judgement { auction: None, sale: None, findings: Vec::new() };
    let Some(trial) = begin(case, &mut judgement, rng) else { return judgement };
    let sale = trial.verdict.outcome.sale;
    judgement.sale = sale.map(|sale| (sale.winner, sale.price));
    let record = match decision_of(case, &trial) {
        Some(Ok((proven, attached))) => Some((proven, attached)),
        Some(Err(words)) => {
            judgement.add(Subject::Paid, Found::Fails, words);
            None
        }
        None => None,
    };
    match sale {
        None => judge_no_sale(case, record, &trial, &mut judgement),
        Some(sale) => {
            judge_order(case, &trial, &sale.winner, record.as_ref(), &mut judgement);
            if let Some((proven, attached)) = record {
                judge_payment(&trial, case.charter, &proven, attached, &mut judgement);
            } else if case.decision.is_none() {
                judgement.add(Subject::Paid, Found::NotShown, "no receipt of a sale was brought");
            }
            judge_delivery(case, &trial, &mut judgement);
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
                "the seller signed the terms, and the settlement server signed that it held the \
                 goods and their key before anybody joined",
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
fn decision_of(case: &Case<'_>, trial: &Trial) -> Option<Result<(Proven, Attached), String>> {
    let receipt = case.decision?;
    Some(match proven(receipt, case.charter) {
        Err(words) => Err(words),
        Ok(proven) => match attached(&proven) {
            Some(attached) if auction_of(&attached) == Some(trial.payment.id()) => {
                Ok((proven, attached))
            }
            Some(_) | None => Err("the receipt is of something else than this auction".to_owned()),
        },
    })
}

/// A receipt whose path, head and every signature hold, and whose requests were all committed.
fn proven(receipt: &Receipt, charter: &Charter) -> Result<Proven, String> {
    let proven = receipt.verify(charter).map_err(|error| format!("the receipt: {error}"))?;
    if let Some(code) = proven.codes.iter().find(|code| **code != Code::Done) {
        return Err(format!("the receipt is of a refusal ({code:?}): nothing was moved"));
    }
    for request in &proven.requests {
        let verified = request.clone().verify(charter);
        verified.map_err(|error| {
            format!("the server journaled a request that nobody signed so: {error}")
        })?;
    }
    Ok(proven)
}

fn attached(proven: &Proven) -> Option<Attached> {
    Attached::read_bytes(proven.attachment.as_deref()?).ok()?
}

fn auction_of(attached: &Attached) -> Option<Digest> {
    match attached {
        Attached::Registration(_) => None,
        Attached::Bond(order) => Some(order.terms().auction),
        Attached::Sale(record) => Some(record.auction),
        Attached::NoSale(record) => Some(record.auction),
        Attached::Void(record) => Some(record.auction),
    }
}

fn judge_no_sale(
    case: &Case<'_>,
    record: Option<(Proven, Attached)>,
    trial: &Trial,
    judgement: &mut Judgement,
) {
    let transcript = trial.verdict.outcome.transcript;
    match record {
        Some((_, Attached::NoSale(record))) if record.transcript == transcript => {
            let words = "the server decided so: nothing was paid, nothing is owed";
            judgement.add(Subject::Paid, Found::NotOwed, words);
        }
        Some((_, Attached::Void(_))) => {
            let words = "the server decided at V that the auction is void: nothing was paid";
            judgement.add(Subject::Paid, Found::NotOwed, words);
        }
        Some(_) => {
            let words = "the server settled something that the transcript does not show";
            judgement.add(Subject::Paid, Found::Fails, words);
        }
        None if case.decision.is_none() => {
            judgement.add(Subject::Paid, Found::NotOwed, "nothing was sold, so nothing is owed");
        }
        None => {}
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
        Err(words) => return judgement.add(Subject::Ordered, Found::Fails, words),
    };
    if bond.bidder != *winner {
        let words = "the order is that of another bidder than the winner";
        return judgement.add(Subject::Ordered, Found::Fails, words);
    }
    if let Some((_, Attached::Sale(record))) = decision
        && (record.hold != bond.hold || record.delivery != bond.delivery)
    {
        let words = "the server took the price from another hold than the winner's, or sealed \
                     the key to another than his";
        return judgement.add(Subject::Ordered, Found::Fails, words);
    }
    let words = "the owner of the account ordered the goods at the price that this auction gives, \
                 and the key that won countersigned";
    judgement.add(Subject::Ordered, Found::Holds, words);
}

fn order_of(receipt: &Receipt, charter: &Charter, trial: &Trial) -> Result<Bond, String> {
    let proven = proven(receipt, charter)?;
    let Some(Attached::Bond(order)) = attached(&proven) else {
        return Err("the receipt is of something else than an order".to_owned());
    };
    let journaled = matches!(
        proven.requests.as_slice(), [hold] if hold.as_bytes() == order.hold_bytes()
    );
    if !journaled {
        return Err("the server held something else than was ordered".to_owned());
    }
    let verified = order.verify(trial.payment.spec(), charter);
    verified.map(|verified| verified.bond().clone()).map_err(|error| error.to_string())
}

fn judge_payment(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    attached: Attached,
    judgement: &mut Judgement,
) {
    let (found, words) = match attached {
        Attached::Sale(record) => match wrong_in_sale(trial, charter, proven, &record) {
            None => (
                Found::Holds,
                "the price was taken from the winner's bond and paid to the seller, less the \
                 fee, and the sealed key went with it in one entry"
                    .to_owned(),
            ),
            Some(wrong) => {
                (Found::Fails, format!("the server's sale is not the transcript's: {wrong}"))
            }
        },
        Attached::Void(_) if proven.time >= trial.payment.decided_by() => (
            Found::Fails,
            "the server decided at V that the auction is void. A complete transcript counts only \
             if the server had it before V: whether it was kept from it, this does not show"
                .to_owned(),
        ),
        Attached::Void(_) => {
            (Found::Fails, "the server decided before V that the auction is void".to_owned())
        }
        Attached::NoSale(_) | Attached::Bond(_) | Attached::Registration(_) => {
            (Found::Fails, "the server's receipt shows no sale, and there was one".to_owned())
        }
    };
    judgement.add(Subject::Paid, found, words);
}

/// What in a sale differs from what the transcript and the spec give.
fn wrong_in_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    record: &SaleRecord,
) -> Option<&'static str> {
    let outcome = &trial.verdict.outcome;
    let payment = &trial.payment;
    let fee = |price| payment.settlement().fee.map_or(Amount(0), |fee| fee.at(price));
    let goods = payment.goods();
    let expected = sale_requests(payment, record);
    let by_postings = |request: &SignedRequest| {
        let verified = request.clone().verify(charter);
        verified.is_ok_and(|verified| verified.authority() == Authority::Postings)
    };
    let requests = proven.requests.iter().map(SignedRequest::request);
    let taken = proven.requests.first().is_some_and(|first| {
        matches!(first.request().action,
            Action::PostHold { part: Part::Amount(amount), .. } if amount == record.price.0)
    });
    let sale = outcome.sale?;
    [
        ("another winner", record.winner == sale.winner),
        ("another price", record.price == sale.price && taken),
        ("another fee", record.fee == fee(sale.price)),
        ("another transcript", record.transcript == outcome.transcript),
        ("other goods", record.checksum == goods.checksum && record.key_hash == goods.key_hash),
        ("other movements of money", requests.eq(&expected)),
        ("movements that the server did not sign", proven.requests.iter().all(by_postings)),
        ("a decision after V", proven.time < payment.decided_by()),
        (
            "a decision before closing without the seller's word",
            proven.time >= payment.closing()
                || record.early_close.is_some_and(|word| word.verify(payment.spec()).is_ok()),
        ),
    ]
    .into_iter()
    .find_map(|(what, holds)| (!holds).then_some(what))
}

fn judge_delivery(case: &Case<'_>, trial: &Trial, judgement: &mut Judgement) {
    let expected = trial.payment.goods();
    let (found, words) = match case.goods {
        None => (Found::NotShown, "no goods were brought"),
        Some(goods) if goods == expected => {
            (Found::Holds, "the encrypted goods are those that the seller offered")
        }
        Some(_) => (Found::Fails, "the encrypted goods are not those that the seller offered"),
    };
    judgement.add(Subject::Goods, found, words);
    if let Some(hash) = case.key_hash {
        let (found, words) = if hash == expected.key_hash {
            (Found::Holds, "the key is the one that was in escrow")
        } else {
            (Found::Fails, "the key is not the one that was in escrow")
        };
        judgement.add(Subject::Key, found, words);
    }
}
