//! How an incoming connection stands: the place that it has, and what its peer is allowed. Trust may
//! come after the connection, and go before it.

use std::time::Duration;

use crate::{Grant, Limits, PeerKey, admission::Slot, room::Budgets};

/// The standing of one connection.
pub(crate) struct Standing {
    peer: PeerKey,
    slot: Slot,
    granted: Option<Grant>,
    budgets: Budgets,
}

impl Standing {
    /// As one who is trusted, or as a stranger if there is a place for one more.
    pub(crate) fn new(
        peer: PeerKey,
        mut slot: Slot,
        granted: Option<Grant>,
        limits: &Limits,
    ) -> Option<Self> {
        let budgets = match granted {
            Some(grant) => Budgets(vec![slot.trusted_budget(peer, grant.bytes)]),
            None if slot.give_to_stranger() => slot.strangers_budgets(limits),
            None => return None,
        };
        Some(Self { peer, slot, granted, budgets })
    }

    /// Takes note of what the peer is granted now; whether that is something else than before. Who
    /// is trusted no more is a stranger, whether or not there was a place for one: what he had under
    /// way stays until it ends, and others wait.
    pub(crate) fn note(&mut self, granted: Option<Grant>, limits: &Limits) -> bool {
        let changed = granted != self.granted;
        if let Some(grant) = granted {
            self.slot.take_from_stranger();
            // Another connection of the same key may have heard of an earlier grant just now.
            let budget = self.slot.trusted_budget(self.peer, grant.bytes);
            if changed {
                self.budgets = Budgets(vec![budget]);
            }
        } else if changed {
            self.slot.give_to_stranger();
            self.budgets = self.slot.strangers_budgets(limits);
        }
        self.granted = granted;
        changed
    }

    /// Whose connection it is.
    pub(crate) fn peer(&self) -> PeerKey {
        self.peer
    }

    /// Questions that may be under way at a time.
    pub(crate) fn streams(&self, limits: &Limits) -> u32 {
        let granted = self.granted.map_or(0, |grant| grant.streams);
        granted.max(limits.max_streams_per_connection)
    }

    /// Time without a question after which the connection is closed.
    pub(crate) fn patience(&self, limits: &Limits) -> Duration {
        if self.granted.is_none() && self.slot.crowded() {
            limits.crowded_unused_timeout
        } else {
            limits.unused_timeout
        }
    }

    /// What bounds the bytes of the next question and its answer.
    pub(crate) fn budgets(&self) -> Budgets {
        self.budgets.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Admission, Entry};

    #[test]
    fn trust_comes_and_goes_while_a_connection_lasts() {
        let limits = Limits { connection_bytes: 10, strangers_bytes: 20, ..Limits::default() };
        let admission = Admission::new(&limits);
        let Entry::Welcome(slot) = admission.enter("192.0.2.1".parse().unwrap(), true) else {
            panic!("there is room");
        };
        let mut standing = Standing::new(PeerKey([1; 32]), slot, None, &limits).unwrap();
        let held = standing.budgets().take(8).unwrap();
        assert!(standing.budgets().take(8).is_none() && !standing.note(None, &limits));
        let grant = Grant { streams: 1_000, bytes: 100 };
        assert!(standing.note(Some(grant), &limits) && !standing.note(Some(grant), &limits));
        assert_eq!(standing.streams(&limits), 1_000);
        let much = standing.budgets().take(100).unwrap();
        assert!(standing.note(None, &limits));
        assert_eq!(standing.streams(&limits), limits.max_streams_per_connection);
        let ten = standing.budgets().take(10).unwrap();
        assert!(standing.budgets().take(1).is_none());
        // All strangers have 20 bytes, of which he holds 18.
        drop((held, ten, much));
        assert!(standing.budgets().take(10).is_some());
        assert!(standing.note(Some(grant), &limits) && standing.note(None, &limits));
        drop(standing);
        let Entry::Welcome(mut slot) = admission.enter("192.0.2.1".parse().unwrap(), true) else {
            panic!("there is room");
        };
        assert!(slot.give_to_stranger());
    }
}
