//! A node's side of the rounds: a referee that judges everybody, and a party that makes this
//! node's messages. Both work hard; the engine is moved to where that disturbs nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use auction::book::ClosedBook;
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::messages::RoundMessage;
use auction::party::{Masks, Party, PartyError, PartySecret};
use auction::referee::{Offered, Referee, Refused};
use auction::step::Step;
use rand::Rng as _;

use super::masking::Held;

/// Referee and party.
pub(super) struct Engine {
    pub(super) referee: Referee,
    party: Party,
    me: usize,
    /// What its masks take of the node.
    _held: Option<Held>,
}

impl Engine {
    pub(super) fn new(
        auction: Arc<Auction>,
        me: usize,
        identity: Arc<SecretKey>,
        secret: PartySecret,
        book: ClosedBook,
        masks: Option<(Masks, Held)>,
    ) -> Self {
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let mut referee = Referee::new(Arc::clone(&auction), seed);
        referee.supply(book.bids().iter().cloned());
        let mut party = Party::new(auction, me, identity, secret, book);
        let held = masks.map(|(masks, held)| {
            *party.masks_mut() = masks;
            held
        });
        Self { referee, party, me, _held: held }
    }

    /// Makes this node's message for the round that is due, and shows it to the referee. It is
    /// to be stored before it is sent, and made once a round: a second one would give secrets
    /// away.
    pub(super) fn make(&mut self) -> Result<RoundMessage, PartyError> {
        let own = self.party.message(&self.referee, &mut rand::rng())?;
        let message = own.message().clone();
        if let Err(error) = self.referee.offer_own(own) {
            tracing::error!(%error, "this node's own message is refused");
        }
        Ok(message)
    }

    /// Whether this node's message of the round that is due exists.
    pub(super) fn made(&self) -> bool {
        *self.referee.step() == Step::Complete || self.referee.received(self.me).is_some()
    }

    /// Takes a message; when it completes its round, returns what is to be stored of the round.
    pub(super) fn offer(
        &mut self,
        message: RoundMessage,
    ) -> (Result<Offered, Refused>, Vec<RoundMessage>) {
        let before = self.referee.rounds().len();
        let result = self.referee.offer(message);
        let me = self.me;
        let completed = self.referee.rounds().get(before).map_or(Vec::new(), |round| {
            let fellows =
                round.iter().filter(|message| usize::from(message.body.accumulator) != me);
            fellows.cloned().collect()
        });
        (result, completed)
    }

    /// What is left when nothing is to be said any more.
    pub(super) fn into_referee(self) -> Referee {
        self.referee
    }

    /// Goes through stored rounds again: this node's messages are repeated, never made anew.
    /// Stops where the store does, or at the fault that stopped the auction.
    pub(super) fn replay(
        &mut self,
        own: &BTreeMap<u16, RoundMessage>,
        messages: &BTreeMap<(u16, u8), RoundMessage>,
    ) -> Result<(), PartyError> {
        while let Some(mine) = own.get(&self.referee.round()) {
            let round = self.referee.round();
            self.party.recall(&self.referee, mine)?;
            let fellows = messages.range((round, 0)..=(round, u8::MAX)).map(|(_, message)| message);
            for message in std::iter::once(mine).chain(fellows) {
                match self.referee.offer(message.clone()) {
                    Ok(_) => {}
                    // The referee remembers it.
                    Err(Refused::Fault(_)) => return Ok(()),
                    Err(error) => tracing::error!(%error, round, "a stored message is refused"),
                }
            }
            if self.referee.round() == round || *self.referee.step() == Step::Complete {
                break;
            }
        }
        Ok(())
    }
}
