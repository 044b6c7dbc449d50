//! What became of a bid: whether it won, by the verified transcript and not by anybody's word.

use std::path::Path;

use auction::dispute::AccumulatorEvidence;
use auction::transcript::{Transcript, Verdict};
use bidder::{BidRecord, Client, Proof};
use serde::Serialize;

use crate::evidence;
use crate::exit::Failure;
use crate::progress::Waiting;
use crate::terms::printable;
use crate::time;

/// What became of a bid.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fate {
    /// `won`, `lost`, `not counted`, `stopped` or `unknown`.
    pub(crate) fate: &'static str,
    /// The same in words.
    pub(crate) words: String,
    /// Files with evidence against accumulators.
    pub(crate) evidence: Vec<String>,
}

impl Fate {
    fn new(fate: &'static str, words: impl Into<String>) -> Self {
        Self { fate, words: words.into(), evidence: Vec::new() }
    }
}

/// A transcript that proves an outcome, and what it proves; or why there is none.
pub(crate) enum Found {
    Outcome(Box<Transcript>, Box<Verdict>),
    Nothing(Fate),
}

/// Fetches the transcript of a bid's auction from its accumulators and verifies it.
pub(crate) async fn fetch(client: &Client, record: &BidRecord) -> Found {
    let _waiting = Waiting::new("fetching and verifying the transcript");
    let proof = client.proof(record.members(), &record.auction_id(), |_, _| ()).await;
    Found::Nothing(match proof {
        Ok(Proof::Outcome { bytes, verdict }) => match Transcript::from_bytes(&bytes) {
            Ok(transcript) => return Found::Outcome(Box::new(transcript), verdict),
            Err(error) => Fate::new("unknown", error.to_string()),
        },
        Ok(Proof::Fault { fault, .. }) => {
            Fate::new("stopped", format!("the auction was stopped: {fault}"))
        }
        Err(error) if error.is_not_ended() && time::now() < record.spec().last => {
            Fate::new("unknown", "no outcome yet")
        }
        Err(error) if error.is_not_ended() => {
            Fate::new("unknown", "its last time has passed and nobody shows an outcome: it is void")
        }
        Err(error) => Fate::new("unknown", printable(&error.to_string())),
    })
}

/// What became of a bid by a verified transcript; evidence of a broken receipt goes to `dir`.
pub(crate) fn of(
    record: &BidRecord,
    transcript: &Transcript,
    verdict: &Verdict,
    dir: &Path,
) -> Result<Fate, Failure> {
    let (auction, digest) = (&verdict.auction, record.digest());
    if *auction.context() != record.context() {
        return other_joins(record, verdict, dir);
    }
    if transcript.bids.iter().any(|bid| bid.digest() == digest) {
        let currency = &auction.spec().currency;
        return Ok(match &verdict.outcome.sale {
            Some(sale) if sale.winner == record.bidder() => {
                Fate::new("won", format!("won at {}", currency.display(sale.price)))
            }
            Some(sale) => {
                let price = currency.display(sale.price);
                Fate::new("lost", format!("not the winner; sold at {price}"))
            }
            None => Fate::new("lost", "not the winner; there was no sale"),
        });
    }
    let receipts = record.collected().receipts.iter().flatten().count();
    let of = auction.accumulators();
    if receipts < of {
        return Ok(Fate::new(
            "not counted",
            format!("not counted: it had {receipts} of {of} receipts"),
        ));
    }
    let mut fate = Fate::new("not counted", String::new());
    let mut culprits = Vec::new();
    let lists = transcript.rounds.first().map_or(&[][..], Vec::as_slice);
    let omissions = AccumulatorEvidence::omissions(&record.collected().receipts, auction, lists);
    for (culprit, omission) in omissions {
        let path = evidence::write(dir, &format!("{digest}.accumulator-{culprit}"), &omission)?;
        fate.evidence.push(path.display().to_string());
        culprits.push(culprit.to_string());
    }
    if culprits.is_empty() {
        fate.words = "not counted; the receipts in the wallet convict nobody".to_owned();
        return Ok(fate);
    }
    fate.words = format!(
        "not counted although it had all receipts: accumulators {} gave a receipt and left the \
         bid out; the evidence is written",
        culprits.join(", ")
    );
    Ok(fate)
}

/// The bid was sealed for joins that the transcript does not have: somebody signed two.
fn other_joins(record: &BidRecord, verdict: &Verdict, dir: &Path) -> Result<Fate, Failure> {
    let mut fate = Fate::new("not counted", "not counted: it was sealed for other joins");
    let Ok(own) = record.auction() else { return Ok(fate) };
    for (culprit, joins) in AccumulatorEvidence::two_joins(&verdict.auction, own.joins()) {
        let name = format!("{}.accumulator-{culprit}", record.digest());
        let path = evidence::write(dir, &name, &joins)?;
        fate.evidence.push(path.display().to_string());
        fate.words.push_str(&format!("; accumulator {culprit} signed two joins"));
    }
    Ok(fate)
}
