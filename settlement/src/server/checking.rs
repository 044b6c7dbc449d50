//! What the checkers' threads do: signatures are verified here, and nowhere else in the server.

use tokio::sync::oneshot;

use super::auctions::Auctions;
use super::desk::{Decision, Desk};
use crate::ledger::{Chain, RequestError, SignedRequest, Unverified, VerifiedRequest};
use crate::service::Declined;
use crate::signatures::Keyring;
use crate::writer::NoOutcome;

/// What waits for a checker.
pub(super) enum Job {
    /// A chain that anybody brings.
    Submission(Submission),
    /// What is checked by itself: an order with its offer, a receipt of what a restore lost.
    Alone(Box<dyn FnOnce(&mut Keyring) + Send>),
}

/// What somebody submitted, on its way to be checked.
pub(super) struct Submission {
    pub(super) requests: Vec<Vec<u8>>,
    pub(super) told: oneshot::Sender<Checked>,
}

/// What became of a submission: declined, or what the writer says.
pub(super) type Checked = Result<Result<Decision, NoOutcome>, Declined>;

/// Checks what was brought, on a checker's thread, and passes on what is good.
pub(super) fn check(desk: &Desk, auctions: &Auctions, keyring: &mut Keyring, jobs: Vec<Job>) {
    let charter = desk.charter();
    let mut decoded = Vec::with_capacity(jobs.len());
    let mut told = Vec::with_capacity(jobs.len());
    for job in jobs {
        let submission = match job {
            Job::Submission(submission) => submission,
            Job::Alone(check) => {
                check(keyring);
                continue;
            }
        };
        match decode(&submission.requests) {
            Ok(requests) => {
                decoded.push(requests);
                told.push(submission.told);
            }
            // Who waited may be gone, here and below.
            Err(declined) => drop(submission.told.send(Err(declined))),
        }
    }
    let counts: Vec<usize> = decoded.iter().map(Vec::len).collect();
    let all = decoded.into_iter().flatten().collect();
    let mut verified = SignedRequest::verify_all(all, charter, keyring).into_iter();
    for (count, told) in counts.into_iter().zip(told) {
        match chain(verified.by_ref().take(count)) {
            Ok(chain) if auctions.is_stray(&chain) => drop(told.send(Err(Declined::Stray))),
            Ok(chain) => desk.put(chain, move |decided| drop(told.send(Ok(decided)))),
            Err(declined) => drop(told.send(Err(declined))),
        }
    }
}

fn decode(requests: &[Vec<u8>]) -> Result<Vec<SignedRequest>, Declined> {
    let decoded = requests.iter().zip(0..).map(|(bytes, place)| {
        let malformed =
            |error: RequestError| Declined::Malformed { place, reason: error.to_string() };
        SignedRequest::decode(bytes).map_err(malformed)
    });
    decoded.collect()
}

fn chain(
    verified: impl Iterator<Item = Result<VerifiedRequest, Unverified>>,
) -> Result<Chain, Declined> {
    let mut requests = Vec::new();
    let mut wrong = None;
    // To the end: the next chain's requests come after.
    for (one, place) in verified.zip(0..) {
        match one {
            Ok(request) => requests.push(request),
            Err(error) => {
                wrong.get_or_insert(Declined::Unsigned { place, reason: error.to_string() });
            }
        }
    }
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    let count = requests.len() as u64;
    Chain::new(requests, None).map_err(|_| Declined::ChainLength(count))
}
