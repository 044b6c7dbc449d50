//! The third stage: the rounds. PROTOCOL sections 4 to 9.
//!
//! A round is complete when the messages of all are there. Then everybody's messages of it and
//! this node's message of the next go to the disk in one commit; after that the new message is
//! sent, and fellows hear that theirs are kept.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use auction::checking::CountedBid;
use auction::messages::RoundMessage;
use auction::party::PartyError;
use auction::referee::{Offered, Refused};
use auction::step::Step;
use auction::transcript::TranscriptView;
use link::service::{Answer, Declined, Phase};

use super::core::{Core, Found, answer, declined, equivocation, not_now};
use super::ended::{end_done, end_void};
use super::engine::Engine;
use super::halted::Halted;
use super::inquiry::{ask_history, ask_joins};
use super::report::Reporter;
use super::{Command, Reply, Stage};
use crate::limits::{BUSY_MILLIS, MAX_INQUIRIES, STORE_PAUSE};
use crate::store::{Batch, BidRow, StoreError};

/// The rounds.
pub(super) struct Rounds {
    engine: Engine,
    reporter: Reporter,
    /// By fellow: his message of the next round, come before this one is complete.
    early: Vec<Option<(RoundMessage, Reply)>>,
    /// By fellow: who waits until his message of this round is on the disk.
    unstored: Vec<Option<Reply>>,
    /// Whom a history was asked of, and before which round.
    asked: HashSet<(usize, u16)>,
    /// In whose name messages were refused, and in which round: told the log once.
    logged: HashSet<(u8, u16)>,
    /// Whether the referee may stand elsewhere than view and findings say.
    moved: bool,
}

/// What a message led to.
struct Judged {
    result: Result<Offered, Refused>,
    completed: Vec<RoundMessage>,
    made: Option<Result<RoundMessage, PartyError>>,
}

impl Rounds {
    /// The rounds, from where the engine stands. Sends what fellows may still lack.
    pub(super) fn new(core: &mut Core, engine: Engine, reporter: Reporter) -> Self {
        let places = core.spec().accumulators.len();
        let mut rounds = Self {
            engine,
            reporter,
            early: (0..places).map(|_| None).collect(),
            unstored: (0..places).map(|_| None).collect(),
            asked: HashSet::new(),
            logged: HashSet::new(),
            moved: true,
        };
        let (me, referee) = (core.me(), &rounds.engine.referee);
        let before = referee.rounds().last().and_then(|round| round.get(me)).cloned();
        let due = referee.received(me).cloned();
        for message in before.into_iter().chain(due) {
            let bytes = core.broadcast(&message);
            rounds.reporter.sent(bytes);
        }
        rounds
    }

    pub(super) async fn run(mut self: Box<Self>, core: &mut Core) -> Stage {
        loop {
            if std::mem::take(&mut self.moved) {
                self.note(core).await;
            }
            let last = core.spec().last;
            if let Some(fault) = self.engine.referee.fault() {
                let text = fault.to_string();
                // 9 It decides nothing, and convicts whoever is at fault.
                keep_transcript(core, self.engine).await;
                return Halted::by_fault(text);
            }
            if *self.engine.referee.step() == Step::Complete {
                return self.finish(core).await;
            }
            // 4 No round message is made after the spec's last time.
            if core.now() >= last {
                return self.expire(core).await;
            }
            if !self.engine.made()
                && let Err(error) = self.make(core).await
            {
                return Halted::by_own_trouble(&error);
            }
            if let Some((message, reply)) = self.due() {
                match self.offer(core, message, reply).await {
                    Ok(rounds) => self = rounds,
                    Err(stage) => return stage,
                }
                continue;
            }
            if let Some(command) = core.next(last).await {
                match self.handle(core, command).await {
                    Ok(rounds) => self = rounds,
                    Err(stage) => return stage,
                }
            }
        }
    }

    async fn handle(
        mut self: Box<Self>,
        core: &mut Core,
        command: Command,
    ) -> Result<Box<Self>, Stage> {
        match command {
            Command::Round(message, reply) => {
                if let Some((message, reply)) = self.sort(*message, reply) {
                    return self.offer(core, message, reply).await;
                }
            }
            Command::History(round, k, reply) => self.show_history(round, k, reply),
            Command::Join(join, reply) => core.hear_late_join(*join, reply).await,
            Command::Submit(incoming) => {
                let auction = self.engine.referee.auction();
                let reason = auction::receipts::Reason::Closed;
                super::taking::refuse(core, auction, incoming.digest, reason, incoming.reply);
            }
            Command::LeaveReceipts(_, reply) => not_now(reply, "the auction is closed"),
            Command::Close(_, reply) => answer(reply, Answer::Done),
            Command::Evidence(evidence, reply) => core.hear_evidence(*evidence, reply).await,
            Command::Void(void, reply) => core.hear_void(void, reply).await,
            Command::Found(found) => core.find(found, true).await,
        }
        Ok(self)
    }

    /// Keeps a message of the next round until it is due; hands back one to be judged now.
    fn sort(&mut self, message: RoundMessage, reply: Reply) -> Option<(RoundMessage, Reply)> {
        let referee = &self.engine.referee;
        let body = &message.body;
        if body.round <= referee.round() || body.context != *referee.auction().context() {
            return Some((message, reply));
        }
        if body.round > referee.round() + 1 {
            not_now(reply, "the message is for a later round");
            return None;
        }
        let sender = message.authentic_sender(referee.auction());
        match sender.and_then(|k| self.early.get_mut(k)) {
            // The first one stays: another is looked at beside it when the round has come.
            Some(Some((known, _))) if known.body != message.body => {
                answer(reply, Answer::Busy { retry_after: BUSY_MILLIS });
            }
            Some(place) => *place = Some((message, reply)),
            None => answer(reply, declined(Declined::Wrong(Refused::NotAuthentic.to_string()))),
        }
        None
    }

    /// A kept message whose round has come.
    fn due(&mut self) -> Option<(RoundMessage, Reply)> {
        let round = self.engine.referee.round();
        let is_due = |early: &&mut Option<(RoundMessage, Reply)>| {
            early.as_ref().is_some_and(|(message, _)| message.body.round <= round)
        };
        self.early.iter_mut().find(is_due)?.take()
    }

    /// Shows the referee a message. When it completes the round, makes the next one's, stores
    /// both, and only then sends and answers.
    async fn offer(
        mut self: Box<Self>,
        core: &mut Core,
        message: RoundMessage,
        reply: Reply,
    ) -> Result<Box<Self>, Stage> {
        let (round, sender) = (message.body.round, usize::from(message.body.accumulator));
        let (clock, last) = (Arc::clone(&core.site.clock), core.spec().last);
        let mut engine = self.engine;
        let offered = message.clone();
        let (engine, step) = core
            .site
            .pool
            .compute(move || {
                let (result, completed) = engine.offer(offered);
                let complete = result == Ok(Offered::Complete);
                // 4 No round message is made after the spec's last time.
                let due = complete && !engine.made() && clock.now() < last;
                let made = due.then(|| engine.make());
                (engine, Judged { result, completed, made })
            })
            .await;
        (self.engine, self.moved) = (engine, true);
        let mut batch = Batch::default();
        for message in &step.completed {
            batch.message(&core.id(), message);
        }
        if let Some(Ok(made)) = &step.made {
            batch.own(&core.id(), made);
        }
        core.store_surely(batch).await;
        if !step.completed.is_empty() {
            // All of the round is on the disk now.
            self.unstored.iter_mut().filter_map(Option::take).for_each(|reply| {
                answer(reply, Answer::Done);
            });
        }
        match step.made {
            Some(Ok(made)) => {
                let bytes = core.broadcast(&made);
                self.reporter.step(core.id(), self.engine.referee.step());
                self.reporter.sent(bytes);
            }
            Some(Err(error)) => return Err(Halted::by_own_trouble(&error)),
            None => {}
        }
        match step.result {
            Ok(Offered::Complete) | Err(Refused::Fault(_)) => answer(reply, Answer::Done),
            Ok(Offered::Duplicate) if round < self.engine.referee.round() => {
                answer(reply, Answer::Done);
            }
            Ok(Offered::Kept | Offered::Duplicate) => {
                if let Some(place) = self.unstored.get_mut(sender) {
                    *place = Some(reply);
                }
            }
            Err(refused) => {
                answer(reply, declined(Declined::Wrong(refused.to_string())));
                self.refused(core, refused, &message).await;
            }
        }
        Ok(self)
    }

    /// This node's message of a round that came without one: after a restart at the edge of one.
    async fn make(&mut self, core: &mut Core) -> Result<(), PartyError> {
        let made = self.engine.make()?;
        self.moved = true;
        let mut batch = Batch::default();
        batch.own(&core.id(), &made);
        core.store_surely(batch).await;
        let bytes = core.broadcast(&made);
        self.reporter.sent(bytes);
        Ok(())
    }

    /// 4 What a refused message says of its sender.
    async fn refused(&mut self, core: &mut Core, refused: Refused, message: &RoundMessage) {
        let place = (message.body.accumulator, self.engine.referee.round());
        if self.logged.insert(place) {
            tracing::warn!(auction = %core.id(), reason = %refused, "message refused");
        }
        let auction = self.engine.referee.auction();
        match refused {
            Refused::Equivocation { accumulator, messages, .. } => {
                let evidence = auction::equivocation::Equivocation::Messages(messages);
                core.find(equivocation(accumulator, evidence), true).await;
            }
            Refused::OtherHistory { accumulator, claimed } => {
                let round = message.body.round;
                let Some(before) = round.checked_sub(1) else {
                    let text = format!(
                        "accumulator {accumulator} signed a first message without the context"
                    );
                    return core.find(Found { text, evidence: None }, true).await;
                };
                let own = self.engine.referee.rounds().get(usize::from(before));
                if let Some(own) = own.cloned()
                    && self.asked.len() < MAX_INQUIRIES
                    && self.asked.insert((accumulator, round))
                {
                    ask_history(core, Arc::clone(auction), accumulator, before, claimed, own);
                }
            }
            Refused::OtherContext => {
                let Some(k) = message.authentic_sender(auction) else { return };
                if self.asked.len() < MAX_INQUIRIES && self.asked.insert((k, 0)) {
                    ask_joins(core, k);
                }
            }
            Refused::NotAuthentic | Refused::Early { .. } | Refused::Fault(_) => {}
        }
    }

    fn show_history(&self, round: u16, k: u8, reply: Reply) {
        let round = self.engine.referee.rounds().get(usize::from(round));
        match round.and_then(|round| round.get(usize::from(k))) {
            Some(message) => answer(reply, Answer::History(Box::new(message.clone()))),
            None => not_now(reply, "the round is not complete here"),
        }
    }

    /// Shows in view, log and findings where the rounds are.
    async fn note(&mut self, core: &mut Core) {
        let referee = &self.engine.referee;
        // Accumulators are at most 16.
        let waiting_for = referee.waiting_for().into_iter().map(|k| k as u8).collect();
        let step = referee.step().name().to_owned();
        let phase = Phase::Closed { round: referee.round(), step, waiting_for };
        let outcome = referee.outcome().copied();
        self.reporter.step(core.id(), referee.step());
        let phases = self.reporter.reports().to_vec();
        core.shared.update(|view| {
            (view.state.phase, view.state.outcome, view.state.phases) = (phase, outcome, phases);
        });
        let omissions = referee.omissions().iter().map(ToString::to_string);
        let false_word = |k| format!("accumulator {k} signed another outcome than the rounds give");
        let false_words = referee.signers().1.into_iter().map(false_word);
        // What is known already is not found again.
        let texts: Vec<String> = omissions.chain(false_words).collect();
        for text in texts {
            core.find(Found { text, evidence: None }, true).await;
        }
    }

    /// 9 The outcome is signed by all.
    async fn finish(self: Box<Self>, core: &mut Core) -> Stage {
        let Some(outcome) = self.engine.referee.outcome().copied() else {
            return Halted::by_fault("the rounds ended without an outcome".to_owned());
        };
        tracing::info!(auction = %core.id(), bids = outcome.bids, sold = outcome.sale.is_some(), "done");
        let (reports, rounds) = (self.reporter.reports().to_vec(), self.engine.referee.round());
        keep_transcript(core, self.engine).await;
        end_done(core, outcome, reports, rounds).await
    }

    /// 4, 9 The last time has passed: void, unless the outcome is decided and but a signature
    /// is missing.
    async fn expire(self: Box<Self>, core: &mut Core) -> Stage {
        let referee = &self.engine.referee;
        let Some(outcome) = referee.outcome().copied() else {
            let missing = referee.waiting_for();
            tracing::warn!(auction = %core.id(), ?missing, "void: the last time has passed");
            let context = *referee.auction().context();
            return end_void(core, Some(context)).await;
        };
        core.fall_silent();
        for k in referee.waiting_for() {
            let text = format!("accumulator {k} did not sign the outcome before the last time");
            core.find(Found { text, evidence: None }, true).await;
        }
        let (reports, rounds) = (self.reporter.reports().to_vec(), self.engine.referee.round());
        keep_transcript(core, self.engine).await;
        end_done(core, outcome, reports, rounds).await
    }
}

/// Keeps the transcript file, however often the disk fails. The party and its secrets go first.
/// Where a bid in the store is damaged there is none here: its fellows have the same one.
async fn keep_transcript(core: &Core, engine: Engine) {
    let (id, mut referee) = (core.id(), Box::new(engine.into_referee()));
    loop {
        let site = Arc::clone(&core.site);
        let written = move || {
            let Some(view) = TranscriptView::of(&referee) else { return Ok(()) };
            let find = |bids: &[&CountedBid]| {
                let bidders = bids.iter().map(|bid| bid.bidder()).collect();
                let rows = site.store.find_bids(id, bidders);
                let bids = rows.and_then(|rows| rows.iter().map(BidRow::sealed).collect());
                bids.map_err(|error: StoreError| match error {
                    StoreError::Row { .. } => io::Error::new(ErrorKind::InvalidData, error),
                    passing => io::Error::other(passing),
                })
            };
            // The referee is needed again where the disk fails, and else dropped here.
            let kept = site.transcripts.keep(&id, |file| view.write(file, find));
            kept.map_err(|error| (error, referee))
        };
        match core.site.pool.compute(written).await {
            Ok(()) => return,
            Err((error, _)) if error.kind() == ErrorKind::InvalidData => {
                tracing::error!(
                    auction = %id, %error,
                    "no transcript is kept here: ask another accumulator for it"
                );
                return;
            }
            Err((error, again)) => {
                tracing::error!(auction = %id, %error, "transcript not stored yet");
                referee = again;
            }
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}
