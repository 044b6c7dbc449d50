//! The other accumulators: one shared connection to each, and questions that do not give up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auction::spec::{Member, Time};
use link::service::{Answer, Question};
use link::{Endpoint, Peer, PeerKey};
use tokio::time::sleep;

use crate::clock::Clock;
use crate::limits::{ATTEMPT, CLOCK_TOLERANCE_MILLIS, PAUSE};

/// Connections to accumulators, shared by all auctions that name them.
pub(crate) struct Fellows {
    endpoint: Endpoint,
    peers: Mutex<HashMap<(PeerKey, String), Peer>>,
}

impl Fellows {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, peers: Mutex::default() }
    }

    /// The accumulator that a spec names.
    pub(crate) fn peer(&self, member: &Member) -> Peer {
        let key = PeerKey(member.key.0);
        let address = &member.address;
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Peer::new(self.endpoint.clone(), address, key);
        peers.entry((key, address.clone())).or_insert_with(new).clone()
    }

    /// Lets go of all that no auction needs any more.
    pub(crate) fn retain(&self, needed: impl Fn(PeerKey, &str) -> bool) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.retain(|(key, address), _| needed(*key, address));
    }
}

/// Warns the operator when a fellow's clock and this node's differ: opening, closing and last time
/// are judged by each node's own.
pub(crate) async fn compare_clocks(peer: Peer, clock: Arc<dyn Clock>) {
    let asked: Result<Answer, _> = peer.request(&Question::Hello, ATTEMPT).await;
    if let Ok(Answer::Hello { now, .. }) = asked {
        let millis = clock.now().0.abs_diff(now.0);
        if millis > CLOCK_TOLERANCE_MILLIS {
            let (key, address) = (peer.key(), peer.addr());
            tracing::warn!(peer = %key, address, millis, "clocks differ: synchronise them");
        }
    }
}

/// Asks until the answer satisfies `settled`; gives up when `until` has passed.
pub(crate) async fn insist(
    peer: &Peer,
    question: &Question,
    settled: impl Fn(&Answer) -> bool,
    clock: &Arc<dyn Clock>,
    until: Time,
) -> Option<Answer> {
    let mut pause = PAUSE.0;
    let mut told = false;
    while clock.now() < until {
        let wait = match peer.request(question, ATTEMPT).await {
            Ok(answer) if settled(&answer) => return Some(answer),
            Ok(Answer::Busy { retry_after }) => {
                Duration::from_millis(retry_after.into()).clamp(PAUSE.0, PAUSE.1)
            }
            Ok(answer) => {
                let reason = match &answer {
                    Answer::Declined(reason) => reason.to_string(),
                    _ => "an answer to another question".to_owned(),
                };
                if !told {
                    tracing::info!(peer = %peer.key(), reason, "declined; asking again");
                }
                told = true;
                pause
            }
            Err(error) => {
                tracing::debug!(peer = %peer.key(), %error, "no answer; asking again");
                pause
            }
        };
        sleep(wait).await;
        pause = (pause * 2).min(PAUSE.1);
    }
    None
}
