//! `gavel settlement witness`: holds a settlement server to one history. SETTLEMENT, section
//! "Witnesses".

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::evidence::{EvidenceFile, Kind};
use auction::wire::{decode, encode};
use clap::Args;
use link::service::{Answer, Declined, MAX_PUBLIC_QUESTION, Question};
use link::{Endpoint, Handler, Identity, Limits, PeerKey};
use serde::Serialize;
use settlement::client::{Client, ClientError};
use witness::evidence::{Case, Word};
use witness::layout::Signer;
use witness::service::{Standing, Witnessed};
use witness::watch::Heard;
use witness::{Countersigned, ServerEvidence, SignedHead, Watch};

use super::heads_file;
use crate::auctions::export;
use crate::charter::{CharterArgument, with_server_as_anyone};
use crate::exit::Failure;
use crate::private_file::load_or_create_key;
use crate::receipt::file;
use crate::{evidence, output, signals, time};

pub(super) const EXAMPLES: &str = "Examples:
  gavel settlement witness --charter charter.toml --dir watch
  gavel settlement witness --charter charter.toml --dir watch --once
  gavel settlement witness --charter charter.toml --dir watch --once --seen her.receipt his.heads

Anyone may be a witness. It asks the server for its head again and again, demands proof that each
continues all before, countersigns what it accepts and keeps it: DIR/heads is what 'gavel settlement
audit --heads' holds a journal to. --seen takes what others were shown: receipts, files of heads,
files of evidence; the server must show that all of it is one history. --listen serves what was
accepted to whoever asks. Killed at any moment, it goes on where it was.

What convicts the server is written to DIR as a file of evidence for 'gavel judge', and the command
ends with exit code 1. A server that answers and does not show that its history is one has not
convicted itself: that is written as an accusation, which it can clear; with --once the exit code is
1 as well.";

/// First bytes of the file of what was accepted, its format version last.
const MAGIC: &[u8; 8] = b"gavelWT\x01";
/// Longest such file, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// Longest file of evidence that is looked at, in bytes.
const MAX_SEEN_BYTES: u64 = 2 << 20;

/// Arguments of `gavel settlement witness`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    charter: CharterArgument,
    /// Where the witness keeps its key, the heads that it accepted, and evidence.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Look once and end.
    #[arg(long)]
    once: bool,
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
    /// What others were shown: receipts, files of heads, files of evidence.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    seen: Vec<PathBuf>,
    /// Serve what was accepted at this address and UDP port.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "once")]
    listen: Option<SocketAddr>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What a look has given, as JSON.
#[derive(Debug, Serialize)]
struct View {
    time: String,
    /// `followed`, `unchanged`, `silent`, `unanswered` or `convicted`.
    standing: &'static str,
    witness: String,
    entries: Option<u64>,
    epoch: Option<u32>,
    root: Option<String>,
    /// Entries that a restore has lost of what had been seen: the first, and how many.
    lost: Option<(u64, u64)>,
    /// More in words.
    detail: Option<String>,
    /// The file of evidence.
    evidence: Option<String>,
}

/// A witness at work.
struct Witness {
    dir: PathBuf,
    signer: Signer,
    /// What is shown to others too.
    state: Arc<Mutex<State>>,
}

struct State {
    watch: Watch,
    shown: Witnessed,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let charter = arguments.charter.load()?;
    std::fs::create_dir_all(&arguments.dir)
        .map_err(|source| Failure::file("create", &arguments.dir, source))?;
    let key = load_or_create_key(&arguments.dir.join("witness.key"))?;
    let of = charter.charter.ledger_key();
    let watch = match load(&arguments.dir)? {
        Some(watch) if *watch.of() == of => watch,
        Some(_) => {
            let what = format!("{} is the witness of another ledger", arguments.dir.display());
            return Err(Failure::usage(what, "name another --dir for this charter"));
        }
        None => Watch::new(of),
    };
    let seen = seen(&arguments.seen, &charter.charter)?;
    let signer = Signer::new(&key);
    let shown = shown(&watch, &signer, None, Standing::Silent);
    let state = Arc::new(Mutex::new(State { watch, shown }));
    let witness = Witness { dir: arguments.dir.clone(), signer, state: Arc::clone(&state) };
    let work = with_server_as_anyone(&charter, async |client| {
        witness.work(client, &arguments, seen).await
    });
    match arguments.listen {
        None => work.await,
        Some(addr) => {
            let limits = Limits::default();
            let endpoint = Endpoint::bind(addr, &Identity::from_seed(key.seed()), limits)
                .map_err(ClientError::from)?;
            let mut result = Ok(());
            let served = endpoint.serve(Arc::new(Service(state)), async { result = work.await });
            served.await.map_err(ClientError::from)?;
            result
        }
    }
}

impl Witness {
    async fn work(
        &self,
        client: &Client,
        arguments: &Arguments,
        seen: Vec<Seen>,
    ) -> Result<(), Failure> {
        let mut seen = Some(seen);
        let interval = Duration::from_secs(arguments.interval);
        loop {
            let view = self.look(client, seen.take().unwrap_or_default()).await?;
            let said = output::either(arguments.json, &view, || view.in_words());
            match view.standing {
                "convicted" => return said.and(Err(Failure::Said)),
                "unanswered" | "silent" if arguments.once => return said.and(Err(Failure::Said)),
                _ => said?,
            }
            if arguments.once {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = signals::interrupted() => return Ok(()),
            }
        }
    }

    /// Looks at the server, and at what others were shown; keeps what is accepted, on the disk,
    /// before it is countersigned.
    async fn look(&self, client: &Client, seen: Vec<Seen>) -> Result<View, Failure> {
        let mut watch = self.state().watch.clone();
        let before = watch.last().copied();
        let losses = watch.losses().len();
        let mut heard = client.look(&mut watch).await;
        for one in seen {
            if !matches!(heard, Ok(Heard::Accepted | Heard::Known | Heard::Lost)) {
                break;
            }
            heard = match one {
                Seen::Head(head) => client.hold(&mut watch, head).await,
                Seen::Evidence(evidence) => {
                    let convicts = watch.hear_evidence(*evidence);
                    Ok(if convicts { Heard::Convicted } else { Heard::Known })
                }
            };
        }
        // A client compares what it was shown since it was made, too.
        if let Err(ClientError::Convicted(evidence)) = &heard {
            watch.hear_evidence((**evidence).clone());
            heard = Ok(Heard::Convicted);
        }
        self.keep(&watch, before.as_ref())?;
        let (standing, detail) = match &heard {
            Ok(Heard::Convicted) => ("convicted", None),
            Ok(Heard::Unanswered) => ("unanswered", None),
            Ok(_) if watch.last().copied() == before => ("unchanged", None),
            Ok(_) => ("followed", None),
            Err(error) => ("silent", Some(error.to_string())),
        };
        let evidence = match standing {
            "convicted" => watch.convicted().cloned(),
            "unanswered" => watch.accusation(),
            _ => None,
        };
        let evidence = match evidence {
            Some(found) => {
                let path = evidence::write(&self.dir, &found.name(), &found)?;
                Some(path.display().to_string())
            }
            None => None,
        };
        let lost = watch.losses().get(losses).map(|loss| (loss.kept, loss.seen - loss.kept));
        let head = watch.last().map(|signed| signed.head);
        let view = View {
            time: time::utc(time::now()),
            standing,
            witness: self.signer.public().to_string(),
            entries: head.map(|head| head.size),
            epoch: head.map(|head| head.epoch),
            root: head.map(|head| head.root.to_string()),
            lost,
            detail,
            evidence,
        };
        let standing = match (watch.convicted(), watch.unanswered()) {
            (Some(evidence), _) => Standing::Convicted(Box::new(evidence.clone())),
            (None, Some(heads)) => Standing::Unanswered(Box::new(*heads)),
            (None, None) if heard.is_err() => Standing::Silent,
            (None, None) => Standing::Followed,
        };
        let heard = if heard.is_ok() { Some(time::now()) } else { self.state().shown.heard };
        let shown = shown(&watch, &self.signer, heard, standing);
        *self.state() = State { watch, shown };
        Ok(view)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, watch: &Watch, before: Option<&SignedHead>) -> Result<(), Failure> {
        let mut bytes = MAGIC.to_vec();
        let encoded =
            encode(watch).map_err(|error| Failure::Payment(error.to_string(), "report this"))?;
        bytes.extend(encoded);
        export::write(&self.dir.join("watch"), &bytes)?;
        match watch.last().filter(|last| Some(*last) != before) {
            Some(last) => heads_file::append(&self.dir.join("heads"), last),
            None => Ok(()),
        }
    }
}

fn shown(
    watch: &Watch,
    signer: &Signer,
    heard: Option<auction::spec::Time>,
    standing: Standing,
) -> Witnessed {
    let of = *watch.of();
    let head = watch.last().map(|head| Countersigned::sign(of, *head, signer));
    Witnessed { of, head, heard, standing, losses: watch.losses().to_vec() }
}

fn load(dir: &Path) -> Result<Option<Watch>, Failure> {
    let path = dir.join("watch");
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|source| Failure::input("read", &path, source))?,
    };
    let watch = bytes.strip_prefix(MAGIC).and_then(|body| decode(body, MAX_BYTES).ok());
    watch.map(Some).ok_or_else(|| {
        let what = format!("{} is damaged", path.display());
        Failure::usage(what, "keep it, and begin in another --dir with --seen DIR/heads")
    })
}

/// What others were shown.
enum Seen {
    Head(SignedHead),
    Evidence(Box<ServerEvidence>),
}

fn seen(paths: &[PathBuf], charter: &settlement::ledger::Charter) -> Result<Vec<Seen>, Failure> {
    let mut seen = Vec::new();
    for path in paths {
        let unreadable = |source| Failure::input("read", path, source);
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        let bytes = if length <= MAX_SEEN_BYTES {
            std::fs::read(path).map_err(unreadable)?
        } else {
            Vec::new()
        };
        if file::is_any(&bytes) {
            for receipt in file::read_all(path)? {
                // Only a path that leads to it makes the entry the head's.
                receipt.verify(charter).map_err(ClientError::from)?;
                seen.push(Seen::Head(receipt.head));
                // Of what came back after a restore: also what the server signed before.
                let original = receipt.original();
                if original.head != receipt.head {
                    seen.push(Seen::Head(original.head));
                }
            }
        } else if EvidenceFile::is_one(&bytes) {
            let evidence = EvidenceFile::open(&bytes)?;
            if evidence.kind() == Kind::History {
                let evidence: ServerEvidence = evidence.read()?;
                seen.extend(heads_of(&evidence).into_iter().map(Seen::Head));
                seen.push(Seen::Evidence(Box::new(evidence)));
            }
        } else {
            seen.extend(heads_file::read(path)?.into_iter().map(Seen::Head));
        }
    }
    Ok(seen)
}

fn heads_of(evidence: &ServerEvidence) -> Vec<SignedHead> {
    match &evidence.case {
        Case::Unanswered(heads) => heads.to_vec(),
        Case::Words(words, _) => words
            .iter()
            .filter_map(|word| match word {
                Word::Head(head) => Some(*head),
                Word::Entry(entry) => Some(entry.head),
                Word::Continuation(_) => None,
            })
            .collect(),
        Case::FalseProof(_) => Vec::new(),
    }
}

/// Shows what was accepted to whoever asks.
struct Service(Arc<Mutex<State>>);

impl Handler for Service {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_PUBLIC_QUESTION
    }

    async fn answer(&self, _: PeerKey, question: Question) -> Answer {
        match question {
            Question::Hello => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Answer::Hello { version, now: time::now() }
            }
            Question::Witnessed => {
                let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                Answer::Witnessed(vec![state.shown.clone()])
            }
            _ => Answer::Declined(Declined::NotAllowed("this is a witness and no more".to_owned())),
        }
    }
}

impl View {
    fn in_words(&self) -> String {
        let head = match (self.entries, &self.root) {
            (Some(entries), Some(root)) => format!("{entries} entries, root {root}"),
            _ => "nothing accepted yet".to_owned(),
        };
        let said = match self.standing {
            "followed" => "accepted and countersigned".to_owned(),
            "unchanged" => "as before".to_owned(),
            "silent" => {
                format!("no answer ({})", self.detail.as_deref().unwrap_or("no reason given"))
            }
            "unanswered" => "the server has not shown that its history is one".to_owned(),
            _ => "the server is convicted by its own words".to_owned(),
        };
        let mut line = format!("{}  {said}: {head}", self.time);
        if let Some((first, count)) = self.lost {
            line.push_str(&format!("; a restore has lost {count} entries from {first} on"));
        }
        if let Some(path) = &self.evidence {
            line.push_str(&format!("; evidence: {path}"));
        }
        line
    }
}
