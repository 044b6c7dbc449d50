//! `gavel settlement readmit`: what a restore has lost comes back by its receipts. SETTLEMENT,
//! section "Readmission".

use std::path::PathBuf;

use auction::keys::SecretKey;
use clap::Args;
use serde::Serialize;
use settlement::client::{Client, ClientError, Decided};
use settlement::journal::Receipt;
use settlement::ledger::{Class, Code};
use settlement::service::Declined;

use super::inquest::listed;
use crate::account::directory::Account;
use crate::account::refusal::words;
use crate::charter::{CharterArgument, asking, with_server};
use crate::exit::Failure;
use crate::output;
use crate::receipt::file;

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement readmit receipts --charter charter.toml
  gavel settlement readmit photo.receipt receipts --account ann --out new-receipts --json

Anybody may bring any receipt, and as often as he likes: what was lost is done again once, as of the
time at which it was done first, though its own time-out may have passed since. Deposits, payments,
withdrawals, cancellations, holds and purchases with their keys come back, for seven days from the
restored server's first entry on; what was decided otherwise under an id since then stays. What the
restore has kept is passed over. Refusals, and what concerns auctions, do not come back: the answer
says why, and what to do instead. Exit code 0 when everything is there, now or before.";

/// Arguments of `gavel settlement readmit`.
#[derive(Debug, Args)]
pub(crate) struct Readmit {
    /// Receipts: files that 'gavel receipt', 'gavel account receipts' or 'gavel buy' wrote, or
    /// directories of them.
    #[arg(value_name = "FILE|DIR", required = true, num_args = 1..)]
    receipts: Vec<PathBuf>,
    #[command(flatten)]
    charter: CharterArgument,
    /// Directory of your account: in its name one is also shown what others have brought.
    #[arg(long, value_name = "DIR")]
    account: Option<PathBuf>,
    /// Directory to keep the new receipts in; made where there is none.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct View {
    readmitted: usize,
    there: usize,
    /// Not lost, by the server's word: 'gavel settlement audit --receipts' holds it to that.
    kept: usize,
    refused: usize,
    receipts: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    file: String,
    /// The epoch and the number that the receipt is of.
    epoch: u32,
    number: u64,
    /// `readmitted`, `there` (it was brought before), `kept` (it was not lost) or `refused`.
    state: &'static str,
    /// The entry in the journal of now.
    entry: Option<u64>,
    /// Why it was refused, and what to do.
    why: Option<String>,
    help: Option<String>,
}

/// A receipt that waits for its turn.
struct Waiting {
    file: String,
    receipt: Receipt,
}

pub(super) async fn run(arguments: Readmit) -> Result<(), Failure> {
    let (key, charter) = match &arguments.account {
        Some(dir) => {
            let account = Account::open(dir)?;
            (account.key, account.charter)
        }
        None => (SecretKey::generate(&mut rand::rng()), arguments.charter.load()?),
    };
    let waiting = read(&arguments.receipts)?;
    if let Some(out) = &arguments.out {
        std::fs::create_dir_all(out).map_err(|source| Failure::file("create", out, source))?;
    }
    let lines = with_server(&key, &charter, async |client| {
        bring_all(client, waiting, arguments.out.as_deref()).await
    });
    let receipts = lines.await?;
    let so = |state| receipts.iter().filter(|line: &&Line| line.state == state).count();
    let (readmitted, there) = (so(READMITTED), so(THERE));
    let (kept, refused) = (so(KEPT), so(REFUSED));
    let view = View { readmitted, there, kept, refused, receipts };
    let said = output::either(arguments.json, &view, || view.in_words());
    if view.refused == 0 { said } else { said.and(Err(Failure::Said)) }
}

const READMITTED: &str = "readmitted";
const THERE: &str = "there";
const KEPT: &str = "kept";
const REFUSED: &str = "refused";

/// All receipts of the files, in the order in which they were committed, each once.
fn read(paths: &[PathBuf]) -> Result<Vec<Waiting>, Failure> {
    let mut waiting = Vec::new();
    for path in listed(paths)? {
        let file = path.display().to_string();
        let receipts = file::read_all(&path)?;
        waiting.extend(receipts.into_iter().map(|receipt| {
            let receipt = receipt.original();
            Waiting { file: file.clone(), receipt }
        }));
    }
    let place = |one: &Waiting| (one.receipt.head.head.epoch, one.receipt.number);
    waiting.sort_by_key(place);
    waiting.dedup_by(|one, other| {
        place(one) == place(other) && one.receipt.entry == other.receipt.entry
    });
    Ok(waiting)
}

/// Brings them in order; what needs something that comes later is brought again, as long as that
/// helps.
async fn bring_all(
    client: &Client,
    mut waiting: Vec<Waiting>,
    out: Option<&std::path::Path>,
) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    loop {
        let before = waiting.len();
        let mut again = Vec::new();
        let mut refused = Vec::new();
        for one in waiting {
            match asking(client.readmit(&one.receipt)).await {
                Ok(decided) => {
                    let line = one.line(&decided);
                    if let (Some(out), Some(receipt)) = (out, &decided.receipt) {
                        let receipt = receipt.receipt();
                        let name =
                            format!("{}-{}.receipt", receipt.head.head.epoch, receipt.number);
                        file::write_entry(&out.join(name), receipt)?;
                    }
                    if line.state == REFUSED && may_come_again(&decided) {
                        refused.push(line);
                        again.push(one);
                    } else {
                        lines.push(line);
                    }
                }
                Err(ClientError::Declined(Declined::NotLost(why))) => {
                    lines.push(Line { state: KEPT, ..one.refused(Some(why), None) });
                }
                Err(ClientError::Declined(Declined::NotReadmitted(why))) => {
                    lines.push(one.refused(Some(why), None));
                }
                Err(ClientError::Unproven(why)) => {
                    let help = "it is of another server, or damaged".to_owned();
                    lines.push(one.refused(Some(why.to_string()), Some(help)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if again.is_empty() || again.len() == before {
            lines.append(&mut refused);
            lines.sort_by_key(|line| (line.epoch, line.number));
            return Ok(lines);
        }
        waiting = again;
    }
}

/// Whether nothing was decided that stays so.
fn may_come_again(decided: &Decided) -> bool {
    let class = |code: Code| matches!(code.class(), Class::Again | Class::Final | Class::Done);
    decided.results.iter().all(|result| class(result.code))
}

impl Waiting {
    fn line(&self, decided: &Decided) -> Line {
        let failed = decided.results.iter().find(|result| {
            !matches!(result.code, Code::Done | Code::ChainFailed | Code::ChainPartlyKnown)
        });
        let failed = failed.or_else(|| decided.results.iter().find(|one| one.code != Code::Done));
        if let Some(result) = failed {
            let (why, help) = words(result.code);
            return self.refused(Some(why.to_owned()), Some(help.to_owned()));
        }
        let first = decided.results.first();
        let repeated = first.is_some_and(|result| result.repeated);
        let entry = first.and_then(|result| result.entry);
        Line { state: if repeated { THERE } else { READMITTED }, entry, ..self.refused(None, None) }
    }

    fn refused(&self, why: Option<String>, help: Option<String>) -> Line {
        let (file, number) = (self.file.clone(), self.receipt.number);
        let epoch = self.receipt.head.head.epoch;
        Line { file, epoch, number, state: REFUSED, entry: None, why, help }
    }
}

impl View {
    fn in_words(&self) -> String {
        let Self { readmitted, there, kept, refused, .. } = self;
        let mut text = format!(
            "{readmitted} taken back, {there} there already, {kept} never lost, {refused} not taken \
             back.\n"
        );
        // Of what was kept there is nothing to say that the line above does not.
        let told = self.receipts.iter().filter(|line| line.state != KEPT);
        for Line { file, epoch, number, state, entry, why, help } in told {
            let now = match (*state, entry) {
                (READMITTED, Some(entry)) => format!("taken back as entry {entry}"),
                (THERE, Some(entry)) => format!("there already, entry {entry}"),
                _ => {
                    let parts = [why.as_deref(), help.as_deref()];
                    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
                }
            };
            text.push_str(&format!("{file} (entry {number} of epoch {epoch}): {now}\n"));
        }
        text
    }
}
