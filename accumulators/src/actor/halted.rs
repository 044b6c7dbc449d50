//! A stage nobody wants: the auction is stopped. Nothing more is said; at the last time the
//! secrets are erased. PROTOCOL section 9.

use auction::outcome::Void;
use link::service::{Answer, Declined, Phase};

use super::core::{Core, answer, declined, not_now};
use super::ended::{context_or_id, end};
use super::{Command, Stage};
use crate::store::End;

/// Stopped, for a reason in words.
pub(super) struct Halted {
    text: String,
    /// Whether this node alone is in trouble: mended and started again before the last time it
    /// goes on, and fellows go on bringing what it lacks until then.
    own: bool,
}

impl Halted {
    /// By a fault that everybody sees.
    pub(super) fn by_fault(text: String) -> Stage {
        Stage::Halted(Self { text, own: false })
    }

    /// By what this node lacks.
    pub(super) fn by_own_trouble(error: &impl std::fmt::Display) -> Stage {
        Stage::Halted(Self { text: error.to_string(), own: true })
    }

    pub(super) async fn run(self, core: &mut Core) -> Stage {
        tracing::error!(auction = %core.id(), reason = self.text, "stopped");
        core.set_phase(Phase::Stopped(self.text.clone()));
        let last = core.spec().last;
        while core.now() < last {
            if let Some(command) = core.next(last).await {
                handle(core, command, self.own).await;
            }
        }
        core.fall_silent();
        let void = Void::sign(&context_or_id(core), core.me_u8(), &core.site.identity);
        end(core, End::Stopped(self.text, void), u16::MAX).await
    }
}

async fn handle(core: &mut Core, command: Command, own: bool) {
    match command {
        Command::Join(join, reply) => core.hear_late_join(*join, reply).await,
        Command::Submit(incoming) => not_now(incoming.reply, "the auction is stopped"),
        Command::LeaveReceipts(_, reply) => not_now(reply, "the auction is stopped"),
        Command::Close(_, reply) => answer(reply, Answer::Done),
        Command::Round(_, reply) | Command::History(_, _, reply) if own => {
            not_now(reply, "this accumulator is in trouble of its own");
        }
        Command::Round(_, reply) | Command::History(_, _, reply) => {
            answer(reply, declined(Declined::Finished));
        }
        Command::Evidence(evidence, reply) => core.hear_evidence(*evidence, reply).await,
        Command::Void(void, reply) => core.hear_void(void, reply).await,
        Command::Found(found) => core.find(found, true).await,
    }
}
