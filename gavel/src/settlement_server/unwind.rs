//! `gavel settlement unwind`: moves back what a corrupt server moved without right. SETTLEMENT,
//! section "Unwinding".

use std::path::{Path, PathBuf};

use auction::keys::SecretKey;
use auction::spec::Time;
use clap::Args;
use journal_postgres::Taking;
use serde::Serialize;
use settlement::bookkeeper::Bookkeeper;
use settlement::config::Config;
use settlement::journal::{AnyStorage, Options};
use settlement::layout::Signer;
use settlement::ledger::{Chain, Charter, Code, SignedRequest, Window};
use settlement::server::{self, SERVER_KEY_FILE, load_key};
use settlement::unwinding::{Planned, plan};

use super::audit::money_of;
use super::inquest::{Files, Inquest, Subject};
use crate::aside::aside;
use crate::charter::with_server;
use crate::exit::Failure;
use crate::journal_place::JournalPlace;
use crate::output::{self, columns, count};
use crate::private_file;
use crate::progress::Waiting;
use crate::time;

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement unwind --dir pay
  gavel settlement unwind --dir pay --operator-key operator.key --yes

Audits the journal, lists every movement that was not rightful, and what can be moved back now: from
whoever got the money to whoever gave it, as far as it is still there. Nothing is done without
--yes. Then the operator's key signs one correction for each, which names the entry that it
corrects; a running server is asked to take them, a stopped one's journal is written directly. What
was spent stays wrong and is said to be: run it again when there is money. An audit accepts a
correction only of what was wrong, and no more of it than was.";

/// For so long a correction is good, in milliseconds (a day).
const GOOD_MS: u64 = 24 * 3600 * 1000;

/// Arguments of `gavel settlement unwind`.
#[derive(Debug, Args)]
pub(crate) struct Unwind {
    #[command(flatten)]
    subject: Subject,
    /// The operator's secret key, which signs corrections.
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    /// Make the corrections.
    #[arg(long, requires = "operator_key")]
    yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    /// Whether corrections were made.
    done: bool,
    corrections: Vec<CorrectionView>,
}

#[derive(Serialize)]
struct CorrectionView {
    entry: u64,
    request: u8,
    /// Who got the money without right, and gives it back.
    from: String,
    /// Who gave it.
    to: String,
    wrong: String,
    corrected_before: String,
    /// What is moved back now.
    amount: String,
    /// What stays wrong.
    rest: String,
    /// The server's answer, where it was asked.
    answer: Option<String>,
}

pub(super) async fn run(arguments: Unwind) -> Result<(), Failure> {
    let files = Files::of(&arguments.subject, false)?;
    let charter = files.charter.clone();
    let waiting = Waiting::new("auditing from the first byte");
    let inquest = aside(move || files.inquire()).await;
    drop(waiting);
    let Inquest { report, ledger, .. } = inquest?;
    let planned = plan(&report.wrongs, &ledger);
    let mut answers: Vec<Option<Code>> = vec![None; planned.len()];
    if let (true, Some(key)) = (arguments.yes, &arguments.operator_key) {
        private_file::check_private(key)?;
        let key = private_file::load_key(key)?;
        if key.public() != charter.charter.operator() {
            let what = "this is not the operator's key that the charter names";
            return Err(Failure::usage(what, "name the key with --operator-key"));
        }
        let until = Time(report.time.max(time::now()).0.saturating_add(GOOD_MS));
        let signed = signed(&planned, &key, &charter.charter, until);
        let made = match arguments.subject.dir.as_deref().map(stopped).transpose()?.flatten() {
            Some(journal) => {
                let dir = arguments.subject.dir.clone().unwrap_or_default();
                let charter = charter.charter;
                aside(move || write(&dir, journal, charter, signed)).await?
            }
            None => {
                with_server(&key, &charter, async |client| {
                    let mut codes = Vec::new();
                    for (place, request) in &signed {
                        let decided = client.submit(std::slice::from_ref(request)).await?;
                        codes.extend(decided.results.first().map(|one| (*place, one.code)));
                    }
                    Ok(codes)
                })
                .await?
            }
        };
        for (place, code) in made {
            if let Some(answer) = answers.get_mut(place) {
                *answer = Some(code);
            }
        }
    }
    let rows = planned.iter().zip(&answers).map(|(one, answer)| CorrectionView::of(one, *answer));
    let corrections = rows.collect::<Result<Vec<_>, _>>()?;
    let view = View { done: arguments.yes, corrections };
    let said = output::either(arguments.json, &view, || view.in_words());
    let refused = answers.iter().flatten().any(|code| *code != Code::Done);
    if refused { said.and(Err(Failure::Said)) } else { said }
}

/// The corrections that move something, signed, each with its place in the plan.
fn signed(
    planned: &[Planned],
    key: &SecretKey,
    charter: &Charter,
    until: Time,
) -> Vec<(usize, SignedRequest)> {
    let signer = Signer::new(key);
    let requests = planned.iter().enumerate().filter_map(|(place, one)| {
        let request = one.request(until)?;
        Some((place, SignedRequest::sign(&request, &signer, charter)))
    });
    requests.collect()
}

/// The journal of a server that does not run; nothing, where it does.
fn stopped(dir: &Path) -> Result<Option<AnyStorage>, Failure> {
    JournalPlace::of(dir)?.open(Taking::IfFree)
}

/// Writes corrections into the journal of a stopped server.
fn write(
    dir: &Path,
    journal: AnyStorage,
    charter: Charter,
    signed: Vec<(usize, SignedRequest)>,
) -> Result<Vec<(usize, Code)>, Failure> {
    let server = Signer::new(&load_key(dir, SERVER_KEY_FILE)?);
    let config = Config::load(dir)?;
    let options = Options { segment_bytes: u64::from(config.segment_mib) << 20 };
    let (index, window) = (Box::new(server::open_index(dir)?), Window::default());
    let opened = Bookkeeper::open_with(journal, index, charter, server, options, window)
        .map_err(from_journal)?;
    let mut keeper = opened.serve(time::now()).map_err(|(doubt, _)| {
        let help = "start the server with --confirm-clock and run this again while it runs";
        Failure::usage(doubt.to_string(), help)
    })?;
    let mut codes = Vec::new();
    for (place, request) in signed {
        let verified = request.verify(&charter).map_err(|error| {
            Failure::Payment(format!("a correction is not signed: {error}"), "report this")
        })?;
        let outcomes =
            keeper.submit(vec![Chain::from(verified)], time::now()).map_err(from_journal)?;
        keeper.flush().map_err(from_journal)?;
        let outcomes = keeper.release(outcomes).unwrap_or_default();
        let replies = outcomes.iter().flat_map(|outcome| outcome.replies.iter());
        codes.extend(replies.map(|reply| (place, reply.code)));
    }
    // What was written is said to be flushed, as after any service.
    keeper.idle().map_err(from_journal)?;
    Ok(codes)
}

fn from_journal(error: settlement::journal::JournalError) -> Failure {
    settlement::audit::AuditError::from(error).into()
}

impl CorrectionView {
    fn of(planned: &Planned, answer: Option<Code>) -> Result<Self, Failure> {
        let wrong = &planned.wrong;
        let money = |minor_units: u64| money_of(wrong.moved.currency, minor_units.into());
        Ok(Self {
            entry: wrong.entry,
            request: wrong.moved.request,
            from: wrong.moved.credit.to_string(),
            to: wrong.moved.debit.to_string(),
            wrong: money(wrong.wrong)?,
            corrected_before: money(wrong.corrected)?,
            amount: money(planned.amount)?,
            rest: money(planned.rest())?,
            answer: answer.map(|code| format!("{code:?}")),
        })
    }
}

impl View {
    fn in_words(&self) -> String {
        if self.corrections.is_empty() {
            return "Nothing was moved without right that is not moved back.".to_owned();
        }
        let mut rows = Vec::new();
        for one in &self.corrections {
            let answer =
                one.answer.as_deref().map_or_else(String::new, |code| format!(" ({code})"));
            rows.push((
                "Correction",
                format!(
                    "entry {}: {} of {} back from {} to {}; {} stays wrong{answer}",
                    one.entry, one.amount, one.wrong, one.from, one.to, one.rest
                ),
            ));
        }
        let number = count(self.corrections.len() as u64, "wrong movement");
        let head = if self.done {
            format!("Corrected, as far as the money is there: {number}.")
        } else {
            format!("Would be corrected with --yes: {number}.")
        };
        format!("{head}\n{}", columns(&rows))
    }
}
