//! Asking a fellow how it came to see things differently. PROTOCOL section 4: a differing hash
//! convicts nobody by itself; who signed two messages for one round, or shows none that give its
//! hash, is at fault.

use std::sync::Arc;

use auction::equivocation::{Comparison, Equivocation, compare, convict_joins};
use auction::join::Auction;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use link::service::{Answer, Declined, Question};

use super::Command;
use super::core::{Core, Found, equivocation};
use crate::fellows::insist;

/// Asks fellow `k` for the messages of round `round` that give the hash it claimed, and compares
/// them with this node's own.
pub(super) fn ask_history(
    core: &mut Core,
    auction: Arc<Auction>,
    k: usize,
    round: u16,
    claimed: Digest,
    own: Vec<RoundMessage>,
) {
    let Some(member) = core.spec().accumulators.get(k) else { return };
    let (peer, id) = (core.site.fellows.peer(member), core.id());
    let (clock, last) = (Arc::clone(&core.site.clock), core.spec().last);
    let Some(commands) = core.commands() else { return };
    let site = Arc::clone(&core.site);
    core.spawn(async move {
        let mut shown = Vec::new();
        for (_, j) in own.iter().zip(0u8..) {
            let settled =
                |answer: &Answer| matches!(answer, Answer::History(_) | Answer::Declined(_));
            match insist(&peer, &Question::History(id, round, j), settled, &clock, last).await {
                Some(Answer::History(message)) => shown.push(*message),
                // Who has ended, or is not there yet, has not said that it shows nothing.
                Some(Answer::Declined(Declined::Finished | Declined::NotNow(_))) | None => return,
                Some(_) => break,
            }
        }
        let found = site.pool.compute(move || match compare(&auction, &claimed, &own, &shown) {
            Comparison::Equivocation(culprit, evidence) => equivocation(culprit, evidence),
            Comparison::FalseClaim => Found {
                text: format!(
                    "accumulator {k} shows no messages of round {round} that give the hash it signed"
                ),
                evidence: None,
            },
        })
        .await;
        let _ = commands.send(Command::Found(found)).await;
    });
}

/// Asks fellow `k`, who takes part under another context, for the joins that it knows, and
/// compares them with this node's own.
pub(super) fn ask_joins(core: &mut Core, k: usize) {
    let Some(member) = core.spec().accumulators.get(k) else { return };
    let (peer, id) = (core.site.fellows.peer(member), core.id());
    let (clock, last) = (Arc::clone(&core.site.clock), core.spec().last);
    let shared = Arc::clone(&core.shared);
    let Some(commands) = core.commands() else { return };
    core.spawn(async move {
        let settled =
            |answer: &Answer| matches!(answer, Answer::Auction { .. } | Answer::Declined(_));
        let asked = insist(&peer, &Question::Auction(id), settled, &clock, last).await;
        let Some(Answer::Auction { joins, .. }) = asked else { return };
        let own = shared.view().joins.clone();
        let text = format!("accumulator {k} takes part under other joins");
        let mut found = vec![Found { text, evidence: None }];
        for join in joins {
            let Some(Some(known)) = own.get(usize::from(join.accumulator)) else { continue };
            let pair = Box::new([known.clone(), join]);
            if let Ok(culprit) = convict_joins(&pair, &shared.spec) {
                found.push(equivocation(culprit, Equivocation::Joins(pair)));
            }
        }
        for found in found {
            let _ = commands.send(Command::Found(found)).await;
        }
    });
}
