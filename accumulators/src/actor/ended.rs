//! The last stage: the outcome is known or the auction is void, and the secrets are erased.
//! PROTOCOL sections 4 and 9.

use std::sync::Arc;
use std::time::Instant;

use auction::layout::Digest;
use auction::outcome::{Outcome, Void};
use auction::receipts::Reason;
use link::service::{Answer, Declined, Phase, PhaseReport};

use super::core::{Core, answer, declined, not_now};
use super::taking::refuse;
use super::{Command, Stage};
use crate::limits::{CROWDED_LINGER, LINGER_LOOK, STORE_PAUSE};
use crate::store::{AuctionRow, Batch, End};

/// Rounds at the end whose messages fellows may lack: who is in a round has all of those before
/// the last.
pub(super) const NEEDED: u16 = 2;

/// Ends with an outcome, whose transcript is on the disk, after `rounds` rounds.
pub(super) async fn end_done(
    core: &mut Core,
    outcome: Outcome,
    reports: Vec<PhaseReport>,
    rounds: u16,
) -> Stage {
    end(core, End::Done(outcome, reports), rounds.saturating_sub(NEEDED)).await
}

/// 4 Ends without an outcome: this node says that it sends nothing more. The context is not
/// there when the accumulators never joined.
pub(super) async fn end_void(core: &mut Core, context: Option<Digest>) -> Stage {
    core.fall_silent();
    if context.is_none() {
        // It never came about: no join is shown any more.
        core.abandon();
    }
    let context = context.unwrap_or_else(|| core.id());
    let void = Void::sign(&context, core.me_u8(), &core.site.identity);
    end(core, End::Void(void), u16::MAX).await
}

/// Stores how the auction ended, then says so where it came to nothing and erases its secrets; this
/// node's messages from round `keep` on stay, for fellows that lack them.
pub(super) async fn end(core: &mut Core, end: End, keep: u16) -> Stage {
    let mut batch = Batch::default();
    batch.end(&core.id(), &end);
    core.store_surely(batch).await;
    if let End::Void(void) | End::Stopped(_, void) = &end {
        core.take_leave(*void);
    }
    core.shared.update(|view| {
        view.ended = true;
        view.state.phase = match end {
            End::Done(outcome, phases) => {
                (view.state.outcome, view.state.phases) = (Some(outcome), phases);
                Phase::Done
            }
            End::Stopped(text, _) => Phase::Stopped(text),
            End::Void(_) => Phase::Void,
        };
    });
    erase(core, keep).await;
    Stage::Ended
}

/// 4 Destroys the storage key, then forgets what was sealed under it. The tombstone stays.
pub(super) async fn erase(core: &Core, keep: u16) {
    let id = core.id();
    loop {
        let site = Arc::clone(&core.site);
        match core.site.pool.compute(move || site.vault.destroy(&id)).await {
            Ok(()) => break,
            Err(error) => tracing::error!(auction = %id, %error, "secrets not erased yet"),
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
    let spec = core.shared.spec.signed().clone();
    let row = AuctionRow { spec, me: core.me_u8(), secret: Vec::new() };
    let mut batch = Batch::default();
    batch.auction(&id, &row).forget_auction(&id, keep);
    core.store_surely(batch).await;
    tracing::info!(auction = %id, "secrets erased");
}

/// What a word about the whole auction names: its context, or its id where it never came to one.
pub(super) fn context_or_id(core: &Core) -> Digest {
    let auction = core.shared.view().auction.clone();
    auction.map_or_else(|| core.id(), |auction| *auction.context())
}

/// Answers whoever still asks, until the messages that fellows lack are delivered.
pub(super) async fn run(core: &mut Core) {
    let done = core.shared.view().state.phase == Phase::Done;
    let (site, since) = (Arc::clone(&core.site), Instant::now());
    let _place = site.lingering.enter();
    let most = site.config.max_auctions;
    while !core.idle() && (site.lingering.count() <= most || since.elapsed() < CROWDED_LINGER) {
        let command = tokio::select! {
            command = core.inbox.recv() => command,
            () = tokio::time::sleep(LINGER_LOOK) => continue,
        };
        let Some(command) = command else { return };
        let auction = core.shared.view().auction.clone();
        match command {
            Command::Join(_, Some(reply)) | Command::History(_, _, reply) => {
                answer(reply, declined(Declined::Finished));
            }
            Command::Join(_, None) => {}
            Command::Submit(incoming) => match auction {
                Some(auction) => {
                    refuse(core, &auction, incoming.digest, Reason::Closed, incoming.reply);
                }
                None => answer(incoming.reply, declined(Declined::Finished)),
            },
            Command::LeaveReceipts(_, reply) => not_now(reply, "the auction is closed"),
            Command::Close(_, reply) => answer(reply, Answer::Done),
            // Done: the message is in the transcript, or came after it was complete.
            Command::Round(_, reply) if done => answer(reply, Answer::Done),
            Command::Round(_, reply) => answer(reply, declined(Declined::Finished)),
            Command::Evidence(evidence, reply) if auction.is_some() => {
                core.hear_evidence(*evidence, reply).await;
            }
            Command::Evidence(_, reply) => answer(reply, declined(Declined::Finished)),
            Command::Void(void, reply) => core.hear_void(void, reply).await,
            Command::Found(found) => core.find(found, true).await,
        }
    }
}
