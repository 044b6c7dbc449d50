//! `gavel auction verify`: the check of an outsider. PROTOCOL section 9.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use auction::dispute::AccumulatorEvidence;
use auction::evidence::{EvidenceFile, Kind, NotEvidence, Role};
use auction::layout::Digest;
use auction::transcript::{MAX_TRANSCRIPT_BYTES, Transcript, TranscriptError, Verdict};
use clap::Args;
use serde::Serialize;
use settlement::judge::evidence::BadEvidence;

use crate::arguments::AuctionId;
use crate::aside::aside;
use crate::exit::Failure;
use crate::output::{self, columns, count};
use crate::payment_terms::{self, PaymentView};
use crate::progress::Waiting;
use crate::terms::{prices, printable};
use crate::time;

const EXAMPLES: &str = "Examples:
  gavel auction verify sale.transcript
  gavel auction verify sale.transcript --id 5d41... --json

Nothing is asked of anybody: the file is enough. Of an auction that a fault has stopped it says who
broke which rule (exit code 1: there is no outcome); a file of evidence that 'gavel bids --check'
wrote it checks as well ('gavel judge' judges every kind of evidence). Give --id where you know which auction you mean;
without it the file proves the outcome of whatever auction it is of.";

/// Arguments of `gavel auction verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The transcript file, or a file of evidence.
    file: PathBuf,
    /// The auction that it must be of.
    #[arg(long, value_name = "ID")]
    id: Option<AuctionId>,
    /// Print one JSON object, also when the transcript proves nothing.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Verified {
    verified: bool,
    auction: String,
    title: String,
    rule: String,
    bids: u32,
    /// The winner's key in this auction; null without a sale.
    winner: Option<String>,
    price: Option<String>,
    currency: String,
    level: Option<u32>,
    tie: bool,
    signed_by: Vec<usize>,
    false_signers: Vec<usize>,
    omissions: Vec<String>,
    /// The payment's terms, where a settlement server takes it.
    payment: Option<PaymentView>,
}

#[derive(Serialize)]
struct NotVerified {
    verified: bool,
    reason: String,
    /// Accumulators that the transcript convicts of a fault.
    culprits: Vec<usize>,
}

#[derive(Serialize)]
struct Convicted {
    verified: bool,
    auction: String,
    title: String,
    accumulator: usize,
    key: String,
    wrong: String,
}

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let bytes = read(&arguments.file)?;
    if EvidenceFile::is_one(&bytes) {
        return convict(&arguments, &bytes);
    }
    let waiting = Waiting::new("verifying every bid and every round");
    let checked = check(bytes, arguments.id.map(|AuctionId(id)| id)).await;
    drop(waiting);
    match checked {
        Ok(verdict) => {
            output::either(arguments.json, &Verified::of(&verdict), || in_words(&verdict))
        }
        Err(error) if arguments.json => {
            let culprits = match &error {
                TranscriptError::Fault(fault) => fault.culprits.iter().map(|(k, _)| *k).collect(),
                _ => Vec::new(),
            };
            let view = NotVerified { verified: false, reason: error.to_string(), culprits };
            Err(Failure::from(error).after(&output::json(&view)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says whom a file of evidence convicts.
fn convict(arguments: &Arguments, bytes: &[u8]) -> Result<(), Failure> {
    let judged = convicted(arguments, bytes);
    let view = match judged {
        Ok(view) => view,
        Err(failure) if arguments.json => {
            let (reason, culprits) = (failure.to_string(), Vec::new());
            let said = output::json(&NotVerified { verified: false, reason, culprits });
            return Err(failure.after(&said));
        }
        Err(failure) => return Err(failure),
    };
    output::either(arguments.json, &view, || {
        let culprit = view.accumulator;
        let rows = [
            ("Auction", view.auction.clone()),
            ("Title", printable(&view.title)),
            ("Convicted", format!("accumulator {culprit}, {}", view.key)),
            ("Wrong", format!("it has {}", view.wrong)),
        ];
        format!("Verified: the evidence convicts accumulator {culprit}.\n{}", columns(&rows))
    })
}

fn convicted(arguments: &Arguments, bytes: &[u8]) -> Result<Convicted, Failure> {
    let file = EvidenceFile::open(bytes)?;
    if file.kind() != Kind::Accumulator {
        let what = "this is no evidence against an accumulator";
        return Err(Failure::usage(what, "'gavel judge FILE' judges every kind of evidence"));
    }
    let evidence: AccumulatorEvidence = file.read()?;
    let spec = evidence.setting.spec.clone().verify().map_err(TranscriptError::Spec)?;
    let expected = arguments.id.map(|AuctionId(id)| id);
    if let Some(expected) = expected.filter(|expected| *expected != spec.id()) {
        return Err(TranscriptError::OtherAuction { got: spec.id(), expected }.into());
    }
    let ruling = evidence.judge().map_err(BadEvidence::from)?;
    // Whoever is convicted by two words of an accumulator is one.
    let (accumulator, conviction) = ruling
        .convicted
        .first()
        .and_then(|conviction| match conviction.role {
            Role::Accumulator(k) => Some((k, conviction)),
            _ => None,
        })
        .ok_or(BadEvidence::File(NotEvidence::Other))?;
    Ok(Convicted {
        verified: true,
        auction: spec.id().to_string(),
        title: spec.spec().title.clone(),
        accumulator,
        key: conviction.key.to_string(),
        wrong: conviction.deed.clone(),
    })
}

/// Reads a transcript file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |source| Failure::input("read", path, source);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_TRANSCRIPT_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Verifies the bytes of a transcript file, away from the tasks that wait for the network.
pub(crate) async fn check(
    bytes: Vec<u8>,
    expected: Option<Digest>,
) -> Result<Verdict, TranscriptError> {
    let work = move || Transcript::from_bytes(&bytes)?.verify(expected.as_ref(), &mut rand::rng());
    aside(work).await
}

impl Verified {
    fn of(verdict: &Verdict) -> Self {
        let (spec, outcome) = (verdict.auction.spec(), &verdict.outcome);
        let sale = outcome.sale.as_ref();
        Self {
            verified: true,
            auction: verdict.auction.id().to_string(),
            title: spec.title.clone(),
            rule: spec.rule.to_string(),
            bids: outcome.bids,
            winner: sale.map(|sale| sale.winner.to_string()),
            price: sale.map(|sale| spec.currency.format(sale.price)),
            currency: spec.currency.code(),
            level: sale.map(|sale| sale.level.0),
            tie: outcome.tie,
            signed_by: verdict.signed_by.clone(),
            false_signers: verdict.false_signers.clone(),
            omissions: verdict.omissions.iter().map(ToString::to_string).collect(),
            payment: PaymentView::of(spec),
        }
    }
}

fn in_words(verdict: &Verdict) -> String {
    let (spec, outcome) = (verdict.auction.spec(), &verdict.outcome);
    let mut rows = vec![
        ("Auction", verdict.auction.id().to_string()),
        ("Title", printable(&spec.title)),
        ("Rule", spec.rule.to_string()),
        ("Prices", prices(&spec.currency, &spec.ladder)),
        ("Bids", outcome.bids.to_string()),
    ];
    match &outcome.sale {
        None => rows.push(("Sale", "none".to_owned())),
        Some(sale) => rows.extend([
            ("Winner", sale.winner.to_string()),
            ("Price", spec.currency.display(sale.price)),
            ("Tie", if outcome.tie { "yes, at the top" } else { "no" }.to_owned()),
        ]),
    }
    rows.extend(payment_terms::rows(spec, time::now()));
    let everybody = verdict.auction.accumulators();
    rows.push(("Signed by", format!("{} of {everybody} accumulators", verdict.signed_by.len())));
    for k in &verdict.false_signers {
        let said = format!("accumulator {k} signed something else; the rounds decide all the same");
        rows.push(("False word", said));
    }
    for omission in &verdict.omissions {
        rows.push(("Omission", format!("{omission}; it counts all the same")));
    }
    let bids = count(u64::from(outcome.bids), "bid");
    format!("Verified: the terms, {bids} and every round hold.\n{}", columns(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_that_are_no_transcript_are_not_verified() {
        let checked = check(b"gavel".to_vec(), None).await;
        assert_eq!(checked.err(), Some(TranscriptError::NotATranscript));
    }
}
