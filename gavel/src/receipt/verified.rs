//! Who won, by the transcript and not by anybody's word; and that the receipt is what it gives.

use std::path::PathBuf;

use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::spec::Member;
use auction::transcript::Verdict;
use bidder::{Patience, Proof};
use clap::Args;
use settlement::judge::auction::{Case, Found, judge};
use settlement::ledger::Charter;

use super::file::Receipts;
use crate::aside::aside;
use crate::auctions::verify;
use crate::exit::Failure;
use crate::farewell::with_client;
use crate::progress::Waiting;

/// Where the transcript comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct Source {
    /// The auction's transcript, as 'gavel auction export' wrote it [default: fetched from the
    /// accumulators].
    #[arg(long, value_name = "FILE", conflicts_with = "unverified")]
    transcript: Option<PathBuf>,
    /// Believe the settlement server's word for who won, where no transcript is to be had.
    #[arg(long)]
    unverified: bool,
}

/// What a transcript proves, and its bytes.
pub(super) struct Outcome {
    bytes: Vec<u8>,
    verdict: Box<Verdict>,
}

impl Outcome {
    /// Who won; nobody, where nothing was sold.
    pub(super) fn winner(&self) -> Option<PublicKey> {
        self.verdict.outcome.sale.map(|sale| sale.winner)
    }

    /// Checks that a receipt is of what the transcript gives.
    pub(super) async fn check(self, charter: Charter, receipts: Receipts) -> Result<(), Failure> {
        let waiting = Waiting::new("comparing the receipt with the transcript");
        let judged = aside(move || {
            let case = Case {
                charter: &charter,
                transcript: &self.bytes,
                decision: receipts.decision.as_ref(),
                order: receipts.order.as_ref(),
                goods: None,
                key_hash: None,
                delivery_secret: None,
                delivery: receipts.delivery(),
            };
            judge(&case, &mut rand::rng())
        });
        let judgement = judged.await;
        drop(waiting);
        let fails = judgement.findings.into_iter().find(|finding| finding.found == Found::Fails);
        match fails {
            None => Ok(()),
            Some(finding) => Err(Failure::Payment(
                finding.words,
                "keep the receipt and the transcript: 'gavel judge' says the same to anybody",
            )),
        }
    }
}

/// What the transcript of an auction proves; nothing, where the server's word is to suffice.
pub(super) async fn outcome(
    source: &Source,
    members: &[Member],
    id: &Digest,
) -> Result<Option<Outcome>, Failure> {
    if source.unverified {
        return Ok(None);
    }
    let _waiting = Waiting::new("fetching and verifying the transcript");
    if let Some(path) = &source.transcript {
        let bytes = verify::read(path)?;
        let verdict = verify::check(bytes.clone(), Some(*id)).await?;
        return Ok(Some(Outcome { bytes, verdict: Box::new(verdict) }));
    }
    let proof = with_client(Patience::default(), async |client| {
        Ok(client.proof(members, id, |_, _| ()).await)
    });
    match proof.await? {
        Ok(Proof::Outcome { bytes, verdict }) => Ok(Some(Outcome { bytes, verdict })),
        Ok(Proof::Fault { fault, .. }) => Err(Failure::NoOutcome(fault.to_string())),
        Err(error) => Err(Failure::Payment(
            format!("the transcript, which alone proves who won, is not to be had: {error}"),
            "name it with --transcript FILE, or the accumulators with --committee FILE; or take the \
             settlement server's word: --unverified",
        )),
    }
}
