//! Downloading a transcript from accumulators that are not trusted. PROTOCOL section 9.

use auction::layout::Digest;
use auction::referee::Fault;
use auction::spec::Member;
use auction::transcript::{MAX_TRANSCRIPT_BYTES, Transcript, TranscriptError, Verdict};
use link::service::{Answer, Question, TRANSCRIPT_CHUNK};

use super::{Client, aside, failure, unexpected};
use crate::error::{ClientError, Failures, MemberError, Misbehaviour};

/// Shortest piece that is taken, but for the last: it keeps the number of questions in bounds.
const MIN_PIECE: usize = 64 << 10;

/// What the transcripts of an auction prove.
#[derive(Debug)]
pub enum Proof {
    /// One proves the outcome, whatever others say.
    Outcome {
        /// The transcript file.
        bytes: Vec<u8>,
        /// What it proves.
        verdict: Box<Verdict>,
    },
    /// None proves an outcome, and one convicts accumulators of the fault that stopped it.
    Fault {
        /// The transcript file.
        bytes: Vec<u8>,
        /// Who broke which rule.
        fault: Fault,
    },
}

impl Client {
    /// The transcript file of an auction, from the first of `members` that gives one which
    /// decodes and is of this auction. `progress` is told the bytes received and their total.
    ///
    /// Whether it proves anything is for [`Transcript::verify`] to say; [`Client::outcome`] does
    /// both and goes on to the next accumulator when it does not.
    ///
    /// # Errors
    /// [`ClientError::NoTranscript`] with what each accumulator did instead.
    pub async fn transcript(
        &self,
        members: &[Member],
        id: &Digest,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Vec<u8>, ClientError> {
        let shown = |bytes: Vec<u8>, id: Digest| {
            let got = Transcript::from_bytes(&bytes)?.spec.claimed_id();
            if got == id {
                Ok(bytes)
            } else {
                Err(TranscriptError::OtherAuction { got, expected: id })
            }
        };
        self.first_that(members, id, progress, shown).await
    }

    /// The transcript file of an auction and what it proves, from the first of `members` whose
    /// transcript verifies.
    ///
    /// # Errors
    /// [`ClientError::NoTranscript`] with what each accumulator did instead.
    pub async fn outcome(
        &self,
        members: &[Member],
        id: &Digest,
        progress: impl FnMut(u64, u64) + Send,
    ) -> Result<(Vec<u8>, Verdict), ClientError> {
        let proved = |bytes: Vec<u8>, id: Digest| {
            let verdict = Transcript::from_bytes(&bytes)?.verify(Some(&id), &mut rand::rng())?;
            Ok((bytes, verdict))
        };
        self.first_that(members, id, progress, proved).await
    }

    /// The transcript that proves the outcome, from the first of `members` that has one; if none
    /// has, the first that convicts whoever stopped the auction.
    ///
    /// # Errors
    /// [`ClientError::NoTranscript`] with what each accumulator did instead.
    pub async fn proof(
        &self,
        members: &[Member],
        id: &Digest,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<Proof, ClientError> {
        let mut failures = Vec::new();
        let mut convicting = None;
        for (k, member) in members.iter().enumerate() {
            let id = *id;
            let proved = match self.whole(member, &id, &mut progress).await {
                Ok(bytes) => aside(move || proof_of(bytes, &id))
                    .await
                    .map_err(|error| Misbehaviour::Transcript(error).into()),
                Err(error) => Err(error),
            };
            match proved {
                Ok(outcome @ Proof::Outcome { .. }) => return Ok(outcome),
                Ok(fault @ Proof::Fault { .. }) => {
                    convicting.get_or_insert(fault);
                }
                Err(error) => failures.push(failure(members, k, error)),
            }
        }
        let nothing = ClientError::NoTranscript { auction: *id, failures: Failures(failures) };
        convicting.ok_or(nothing)
    }

    async fn first_that<T: Send + 'static>(
        &self,
        members: &[Member],
        id: &Digest,
        mut progress: impl FnMut(u64, u64) + Send,
        check: fn(Vec<u8>, Digest) -> Result<T, TranscriptError>,
    ) -> Result<T, ClientError> {
        let mut failures = Vec::new();
        for (k, member) in members.iter().enumerate() {
            let id = *id;
            let checked = match self.whole(member, &id, &mut progress).await {
                Ok(bytes) => aside(move || check(bytes, id))
                    .await
                    .map_err(|error| Misbehaviour::Transcript(error).into()),
                Err(error) => Err(error),
            };
            match checked {
                Ok(checked) => return Ok(checked),
                Err(error) => failures.push(failure(members, k, error)),
            }
        }
        Err(ClientError::NoTranscript { auction: *id, failures: Failures(failures) })
    }

    /// Begins to download the transcript file of an auction from one accumulator, at most `limit`
    /// bytes and [`MAX_TRANSCRIPT_BYTES`]: for who does not want it in memory. Nothing is checked
    /// but its length.
    #[must_use]
    pub fn download<'a>(&'a self, member: &'a Member, id: &Digest, limit: u64) -> Download<'a> {
        let limit = limit.min(MAX_TRANSCRIPT_BYTES as u64);
        Download { client: self, member, id: *id, limit, at: 0, total: None }
    }

    async fn whole(
        &self,
        member: &Member,
        id: &Digest,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<Vec<u8>, MemberError> {
        // Nothing is reserved on the word of an accumulator: the file grows with what came.
        let mut file: Vec<u8> = Vec::new();
        let mut download = self.download(member, id, u64::MAX);
        while let Some(piece) = download.piece().await? {
            file.extend_from_slice(&piece);
            progress(download.at, download.total.unwrap_or(download.at));
        }
        Ok(file)
    }
}

/// A transcript file on its way from one accumulator.
#[derive(Debug)]
pub struct Download<'a> {
    client: &'a Client,
    member: &'a Member,
    id: Digest,
    limit: u64,
    /// How many bytes have come.
    at: u64,
    /// How many there are, once the accumulator has said it.
    total: Option<u64>,
}

impl Download<'_> {
    /// The next piece, at most [`TRANSCRIPT_CHUNK`] bytes; `None` after the last.
    ///
    /// # Errors
    /// [`MemberError`]; what came before is worth nothing then.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, MemberError> {
        let at = self.at;
        if self.total == Some(at) {
            return Ok(None);
        }
        let question = Question::Transcript(self.id, at);
        let patience = self.client.patience().answer;
        let (total, bytes) = match self.client.ask(self.member, &question, patience).await? {
            Answer::Transcript { total, bytes } => (total, bytes),
            other => return Err(unexpected(&other, "transcript").into()),
        };
        let limit = self.limit;
        if total > limit {
            return Err(Misbehaviour::TranscriptTooLong { got: total, limit }.into());
        }
        let reached = at + bytes.len() as u64;
        let fits = (MIN_PIECE..=TRANSCRIPT_CHUNK).contains(&bytes.len()) || reached == total;
        if *self.total.get_or_insert(total) != total || reached > total || !fits {
            return Err(Misbehaviour::TranscriptPiece { at }.into());
        }
        self.at = reached;
        Ok(Some(bytes))
    }
}

fn proof_of(bytes: Vec<u8>, id: &Digest) -> Result<Proof, TranscriptError> {
    match Transcript::from_bytes(&bytes)?.verify(Some(id), &mut rand::rng()) {
        Ok(verdict) => Ok(Proof::Outcome { bytes, verdict: Box::new(verdict) }),
        // A fault without culprits is whoever's who handed the transcript over.
        Err(TranscriptError::Fault(fault)) if !fault.culprits.is_empty() => {
            Ok(Proof::Fault { bytes, fault })
        }
        Err(error) => Err(error),
    }
}
