//! What in a server's decision differs from what the transcript and the spec give: its requests as
//! they are signed, not only its record.
//!
//! Only a decision that names this transcript is held to it. Of two complete transcripts of one
//! auction, which a corrupt accumulator can make, the first that the server was shown decides.

use auction::layout::Digest;
use auction::money::Amount;

use super::auction::Trial;
use crate::auctions::payment::Payment;
use crate::auctions::physical::requests::physical_sale_request;
use crate::auctions::postings::{no_sale_request, sale_requests, void_request};
use crate::auctions::{Attached, NoSaleRecord, SaleFacts, SaleRecord};
use crate::journal::Proven;
use crate::ledger::{Action, Authority, Charter, Part, Request, SignedRequest};

/// The transcript that a decision says it was made by; none where it was made by none.
pub(super) fn named_transcript(attached: &Attached) -> Option<Digest> {
    match attached {
        Attached::Sale(record) => Some(record.transcript),
        Attached::PhysicalSale(facts) => Some(facts.transcript),
        Attached::NoSale(record) => Some(record.transcript),
        Attached::Void(_)
        | Attached::Bond(_)
        | Attached::Registration(_)
        | Attached::PhysicalRegistration(_)
        | Attached::Word(_)
        | Attached::Payout(_) => None,
    }
}

/// What in the decision that nothing is sold differs from what it must be: its requests as they
/// are signed, not only its record.
pub(super) fn wrong_in_no_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    record: &NoSaleRecord,
) -> Option<&'static str> {
    let payment = &trial.payment;
    let early = record.early_close.is_some_and(|word| word.verify(payment.spec()).is_ok());
    first_failing([
        ("requests of another kind", is_exactly(proven, charter, &[no_sale_request(payment)])),
        ("a decision after V", proven.time < payment.decided_by()),
        (
            "a decision before closing without the seller's word",
            proven.time >= payment.closing() || early,
        ),
    ])
}

/// The same of the decision that the auction is void.
pub(super) fn wrong_in_void(
    payment: &Payment,
    charter: &Charter,
    proven: &Proven,
) -> Option<&'static str> {
    first_failing([
        ("a void decision before V", proven.time >= payment.decided_by()),
        ("requests of another kind", is_exactly(proven, charter, &[void_request(payment)])),
    ])
}

/// Whether the receipt's requests are exactly these, each signed by the postings module.
fn is_exactly(proven: &Proven, charter: &Charter, expected: &[Request]) -> bool {
    moves_exactly(proven, expected) && by_postings(proven, charter)
}

fn first_failing<const N: usize>(rules: [(&'static str, bool); N]) -> Option<&'static str> {
    rules.into_iter().find_map(|(what, holds)| (!holds).then_some(what))
}

/// What in the sale of a file differs from what the transcript and the spec give.
pub(super) fn wrong_in_digital_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    record: &SaleRecord,
) -> Option<&'static str> {
    let payment = &trial.payment;
    let same = payment.goods().is_some_and(|goods| {
        record.checksum == goods.checksum && record.key_hash == goods.key_hash
    });
    if !same {
        return Some("other goods");
    }
    wrong_in_sale(trial, charter, proven, &record.facts(), &sale_requests(payment, record))
}

/// The same of a sale of goods that are sent.
pub(super) fn wrong_in_physical_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    facts: &SaleFacts,
) -> Option<&'static str> {
    if trial.payment.physical().is_none() {
        return Some("other goods");
    }
    let expected = [physical_sale_request(&trial.payment, facts)];
    wrong_in_sale(trial, charter, proven, facts, &expected)
}

fn wrong_in_sale(
    trial: &Trial,
    charter: &Charter,
    proven: &Proven,
    facts: &SaleFacts,
    expected: &[Request],
) -> Option<&'static str> {
    let outcome = &trial.verdict.outcome;
    let payment = &trial.payment;
    let fee = |price| payment.settlement().fee.map_or(Amount(0), |fee| fee.at(price));
    let taken = proven.requests.first().is_some_and(|first| {
        matches!(first.request().action,
            Action::PostHold { part: Part::Amount(amount), .. } if amount == facts.price.0)
    });
    let sale = outcome.sale?;
    first_failing([
        ("another winner", facts.winner == sale.winner),
        ("another price", facts.price == sale.price && taken),
        ("another fee", facts.fee == fee(sale.price)),
        ("other movements of money", moves_exactly(proven, expected)),
        ("movements that the postings module did not sign", by_postings(proven, charter)),
        ("a decision after V", proven.time < payment.decided_by()),
        (
            "a decision before closing without the seller's word",
            proven.time >= payment.closing()
                || facts.early_close.is_some_and(|word| word.verify(payment.spec()).is_ok()),
        ),
    ])
}

/// Whether an entry holds exactly these requests.
pub(super) fn moves_exactly(proven: &Proven, expected: &[Request]) -> bool {
    proven.requests.iter().map(SignedRequest::request).eq(expected)
}

/// Whether the postings module signed all of an entry.
pub(super) fn by_postings(proven: &Proven, charter: &Charter) -> bool {
    proven.requests.iter().all(|request| {
        let verified = request.clone().verify(charter);
        verified.is_ok_and(|verified| verified.authority() == Authority::Postings)
    })
}
