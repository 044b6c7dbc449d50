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
use crate::auctions::postings::{no_sale_request, sale_requests, void_request};
use crate::auctions::{Attached, Bond, NoSaleRecord, RegistrationRefused, SaleRecord};
use crate::journal::{Proven, Receipt};
use crate::ledger::{Action, Authority, Charter, Code, Part, Request, SignedRequest};
use crate::sealed_key::{OpeningKey, Purpose};

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
    pub delivery: Option<&'a OpeningKey>,
}

/// One thing that the judge looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub found: Found,
    /// Whether the server's own signatures prove the wrong against it.
    pub convicts_server: bool,
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

    /// Whether the server's own signatures prove something against it.
    #[must_use]
    pub fn convicts_server(&self) -> bool {
        self.findings.iter().any(|finding| finding.convicts_server)
    }

    /// Whether something was brought that does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.found == Found::Fails)
    }

    fn add(&mut self, subject: Subject, found: Found, words: impl Into<String>) {
        self.findings.push(Finding { subject, found, convicts_server: false, words: words.into() });
    }

    /// Something that fails, and whether by the server's own signatures.
    fn fail(&mut self, subject: Subject, wrong: Wrong) {
        let (convicts_server, words) = match wrong {
            Wrong::Brought(words) => (false, words),
            Wrong::Servers(words) => (true, words),
        };
        self.findings.push(Finding { subject, found: Found::Fails, convicts_server, words });
    }
}

/// What does not hold, in words.
enum Wrong {
    /// What was brought proves nothing, or nothing against anybody.
    Brought(String),
    /// The server signed what it must not sign.
    Servers(String),
}

impl Wrong {
    fn brought(words: impl Into<String>) -> Self {
        Self::Brought(words.into())
    }

    fn servers(words: impl Into<String>) -> Self {
        Self::Servers(words.into())
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
            let sealed = record.as_ref().and_then(|(_, attached)| match attached {
                Attached::Sale(record) => Some(record.clone()),
                _ => None,
            });
            if let Some((proven, attached)) = record {
                judge_payment(&trial, case.charter, &proven, attached, &mut judgement);
            } else if case.decision.is_none() {
                judgement.add(Subject::Paid, Found::NotShown, "no receipt of a sale was brought");
            }
            judge_delivery(case, &trial, sealed.as_ref(), &mut judgement);
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
fn decision_of(case: &Case<'_>, trial: &Trial) -> Option<Result<(Proven, Attached), Wrong>> {
    let receipt = case.decision?;
    Some(match proven(receipt, case.charter) {
        Err(wrong) => Err(wrong),
        Ok(proven) => match attached(&proven) {
            Some(attached) if auction_of(&attached) == Some(trial.payment.id()) => {
                Ok((proven, attached))
            }
            Some(_) | None => {
                Err(Wrong::brought("the receipt is of something else than this auction"))
            }
        },
    })
}

/// A receipt whose path, head and every signature hold, and whose requests were all committed.
fn proven(receipt: &Receipt, charter: &Charter) -> Result<Proven, Wrong> {
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
    let Some((proven, attached)) = record else {
        if case.decision.is_none() {
            judgement.add(Subject::Paid, Found::NotOwed, "nothing was sold, so nothing is owed");
        }
        return;
    };
    let wrong = match &attached {
        Attached::NoSale(record) => wrong_in_no_sale(trial, case.charter, &proven, record),
        Attached::Void(_) => wrong_in_void(trial, case.charter, &proven),
        Attached::Sale(_) | Attached::Bond(_) | Attached::Registration(_) => {
            Some("it settled something that the transcript does not show")
        }
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

/// What in the decision that nothing is sold differs from what it must be: its requests as they
/// are signed, not only its record.
fn wrong_in_no_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    record: &NoSaleRecord,
) -> Option<&'static str> {
    let payment = &trial.payment;
    let early = record.early_close.is_some_and(|word| word.verify(payment.spec()).is_ok());
    first_failing([
        ("another transcript", record.transcript == trial.verdict.outcome.transcript),
        ("requests of another kind", is_exactly(proven, charter, &[no_sale_request(payment)])),
        ("a decision after V", proven.time < payment.decided_by()),
        (
            "a decision before closing without the seller's word",
            proven.time >= payment.closing() || early,
        ),
    ])
}

/// The same of the decision that the auction is void.
fn wrong_in_void(trial: &Trial, charter: &Charter, proven: &Proven) -> Option<&'static str> {
    let payment = &trial.payment;
    first_failing([
        ("a void decision before V", proven.time >= payment.decided_by()),
        ("requests of another kind", is_exactly(proven, charter, &[void_request(payment)])),
    ])
}

/// Whether the receipt's requests are exactly these, each signed by the postings module.
fn is_exactly(proven: &Proven, charter: &Charter, expected: &[Request]) -> bool {
    let by_postings = |request: &SignedRequest| {
        let verified = request.clone().verify(charter);
        verified.is_ok_and(|verified| verified.authority() == Authority::Postings)
    };
    proven.requests.iter().map(SignedRequest::request).eq(expected)
        && proven.requests.iter().all(by_postings)
}

fn first_failing<const N: usize>(rules: [(&'static str, bool); N]) -> Option<&'static str> {
    rules.into_iter().find_map(|(what, holds)| (!holds).then_some(what))
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
    if let Some((_, Attached::Sale(record))) = decision
        && (record.hold != bond.hold || record.delivery != bond.delivery)
    {
        let words = "the server took the price from another hold than the winner's, or sealed \
                     the key to another than his";
        return judgement.fail(Subject::Ordered, Wrong::servers(words));
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
    attached: Attached,
    judgement: &mut Judgement,
) {
    let fail = |judgement: &mut Judgement, wrong| judgement.fail(Subject::Paid, wrong);
    match attached {
        Attached::Sale(record) => match wrong_in_sale(trial, charter, proven, &record) {
            None => {
                let words = "the price was taken from the winner's bond and paid to the seller, \
                             less the fee, and the sealed key went with it in one entry";
                judgement.add(Subject::Paid, Found::Holds, words);
            }
            Some(wrong) => {
                let words = format!("the server's sale is not the transcript's: {wrong}");
                fail(judgement, Wrong::Servers(words));
            }
        },
        Attached::Void(_) => match wrong_in_void(trial, charter, proven) {
            Some(wrong) => {
                let words = format!("the server decided that the auction is void: {wrong}");
                fail(judgement, Wrong::Servers(words));
            }
            None => {
                let words = "the server decided at V that the auction is void. A complete \
                             transcript counts only if the server had it before V: whether it was \
                             kept from it, this does not show";
                fail(judgement, Wrong::brought(words));
            }
        },
        Attached::NoSale(_) => {
            let words = "the server decided that nothing was sold, and there was a sale";
            fail(judgement, Wrong::servers(words));
        }
        Attached::Bond(_) | Attached::Registration(_) => {
            fail(judgement, Wrong::brought("the receipt is of no decision"));
        }
    }
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
    let requests = proven.requests.iter().map(SignedRequest::request);
    let taken = proven.requests.first().is_some_and(|first| {
        matches!(first.request().action,
            Action::PostHold { part: Part::Amount(amount), .. } if amount == record.price.0)
    });
    let sale = outcome.sale?;
    first_failing([
        ("another winner", record.winner == sale.winner),
        ("another price", record.price == sale.price && taken),
        ("another fee", record.fee == fee(sale.price)),
        ("another transcript", record.transcript == outcome.transcript),
        ("other goods", record.checksum == goods.checksum && record.key_hash == goods.key_hash),
        ("other movements of money", requests.eq(&expected)),
        ("movements that the postings module did not sign", is_exactly(proven, charter, &expected)),
        ("a decision after V", proven.time < payment.decided_by()),
        (
            "a decision before closing without the seller's word",
            proven.time >= payment.closing()
                || record.early_close.is_some_and(|word| word.verify(payment.spec()).is_ok()),
        ),
    ])
}

fn judge_delivery(
    case: &Case<'_>,
    trial: &Trial,
    sealed: Option<&SaleRecord>,
    judgement: &mut Judgement,
) {
    let expected = trial.payment.goods();
    let (found, words) = match case.goods {
        None => (Found::NotShown, "no goods were brought"),
        Some(goods) if goods == expected => {
            (Found::Holds, "the encrypted goods are those that the seller offered")
        }
        Some(_) => (Found::Fails, "the encrypted goods are not those that the seller offered"),
    };
    judgement.add(Subject::Goods, found, words);
    if let Some((secret, record)) = case.delivery.zip(sealed) {
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
