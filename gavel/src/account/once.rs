//! A movement that happens once, however often the command is given.

use auction::spec::Time;
use settlement::client::{Client, ClientError};
use settlement::layout::Signer;
use settlement::ledger::{AccountId, Action, Class, Code, Request, RequestId, SignedRequest};
use settlement::service::Declined;

use super::intent::id_of;
use super::refusal::refused;
use crate::charter::asking;
use crate::exit::Failure;
use crate::time;

/// How long a request is good after it was signed, in milliseconds (an hour).
const GOOD_FOR_MS: u64 = 3_600_000;
/// Most refusals of one intent, each final under its own id, after which it is given up.
const ATTEMPTS: u32 = 64;

/// How an intent is named in the ledger.
pub(super) enum Naming {
    /// By an id that the person gave: whatever was decided about it is the answer.
    Given(RequestId),
    /// By what is meant. After a final refusal (no funds, say) the next attempt takes the next
    /// id; since each refusal is proved and final, at most one attempt is ever done.
    Derived {
        /// The kind of movement.
        what: &'static str,
        /// The account that gets.
        to: AccountId,
        /// Minor units.
        amount: u64,
        /// What for.
        reference: auction::layout::Digest,
    },
}

/// What was done.
pub(super) struct Done {
    pub(super) id: RequestId,
    /// The journal entry.
    pub(super) entry: u64,
    /// Its time.
    pub(super) time: Option<Time>,
    /// Whether it was done by an earlier command.
    pub(super) repeated: bool,
}

/// Sees to it that the ledger holds this movement once. `account` is the one that signs.
pub(super) async fn once(
    client: &Client,
    account: AccountId,
    action: Action,
    naming: &Naming,
    signer: &Signer,
) -> Result<Done, Failure> {
    for attempt in 0..ATTEMPTS {
        let id = naming.id(client, &account, attempt);
        let until = Time(time::now().0.saturating_add(GOOD_FOR_MS));
        let request = Request { id, until, action };
        let mut known = known(client, account, &request).await?;
        if known.is_none() {
            let signed = SignedRequest::sign(&request, signer, client.charter());
            let decided = asking(client.submit(&[signed])).await?;
            let result = decided.results.first().copied();
            let result = result.ok_or(ClientError::WrongAnswer("expected a result"))?;
            match (result.code, result.entry) {
                (Code::Done, Some(entry)) => {
                    let time = decided.receipt.map(|receipt| receipt.proven().time);
                    return Ok(Done { id, entry, time, repeated: result.repeated });
                }
                // The same command, given at the same moment, was faster.
                (Code::IdConflict, _) => known = self::known(client, account, &request).await?,
                (code, _) => return Err(refused(&naming.in_words(), code)),
            }
        }
        match known {
            Some((Code::Done, done)) => return Ok(done),
            Some((code, _))
                if matches!(naming, Naming::Given(_)) || code.class() != Class::Final =>
            {
                return Err(refused(&naming.in_words(), code));
            }
            // Refused for ever under this id: the next one.
            Some(_) => {}
            None => return Err(refused(&naming.in_words(), Code::IdConflict)),
        }
    }
    let help = "give another --reference, or an --id";
    Err(Failure::Payment(format!("{} was refused {ATTEMPTS} times", naming.in_words()), help))
}

/// What was decided about the id of a request that means the same.
async fn known(
    client: &Client,
    account: AccountId,
    request: &Request,
) -> Result<Option<(Code, Done)>, Failure> {
    let status = match asking(client.status(account, request.id)).await {
        // The signing account is not there yet: then nothing is decided.
        Err(ClientError::Declined(Declined::NotYours)) => None,
        status => status?,
    };
    let Some(status) = status else { return Ok(None) };
    let proven = status.receipt.proven();
    let mine = |one: &&SignedRequest| one.request().id == request.id;
    let same = proven.requests.iter().find(mine).is_some_and(|one| {
        // Signed at another moment, so good until another.
        one.request().action == request.action
    });
    if !same {
        let id = format!("id {:032x} stands for another request", request.id.get());
        return Err(Failure::Payment(id, "give another --id, or none"));
    }
    let entry = status.receipt.receipt().number;
    let (time, id) = (Some(proven.time), request.id);
    Ok(Some((status.code, Done { id, entry, time, repeated: true })))
}

impl Naming {
    fn id(&self, client: &Client, from: &AccountId, attempt: u32) -> RequestId {
        match self {
            Self::Given(id) => *id,
            Self::Derived { what, to, amount, reference } => {
                let ledger = client.charter().id();
                id_of(what, &ledger, from, to, *amount, reference, attempt)
            }
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Given(id) => format!("the request with id {:032x}", id.get()),
            Self::Derived { what, .. } => format!("the {what}"),
        }
    }
}
