//! One auction at this node: a task that goes through a chain of stages.
//!
//! Everything that changes an auction is a [`Command`] to its task, handled one at a time: that is
//! what makes closing and taking bids, or storing and sending a message, one step each. What may
//! be read without asking the task is in its [`View`].

mod core;
mod ended;
mod engine;
mod halted;
mod inquiry;
mod joining;
mod masking;
mod queue;
mod report;
mod restore;
mod rounds;
mod taking;
mod view;

use std::sync::Arc;

use auction::equivocation::Equivocation;
use auction::join::Join;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::outcome::Void;
use auction::receipts::Receipt;
use auction::spec::{EarlyClose, VerifiedSpec};
use link::service::Answer;
use tokio::sync::{mpsc, oneshot};

use self::core::Core;
use crate::limits::COMMAND_QUEUE;
use crate::node::Site;
use crate::store::StoredAuction;

pub(crate) use self::core::{Found, equivocation};
pub(crate) use joining::first_join;
pub(crate) use masking::MaskRoom;
pub(crate) use queue::Incoming;
pub(crate) use view::Shared;

/// Where the answer goes. One that is dropped tells the asker that the node is busy.
pub(crate) type Reply = oneshot::Sender<Answer>;

/// What an auction's task is told.
pub(crate) enum Command {
    /// A fellow's join; from a question, or learned in an answer.
    Join(Box<Join>, Option<Reply>),
    /// A bid.
    Submit(Box<Incoming>),
    /// The receipts of a bid.
    LeaveReceipts(Vec<Receipt>, Reply),
    /// The seller closes.
    Close(EarlyClose, Reply),
    /// A fellow's message of a round.
    Round(Box<RoundMessage>, Reply),
    /// Which message of a round was hashed for an accumulator?
    History(u16, u8, Reply),
    /// Something that convicts an accumulator.
    Evidence(Box<Equivocation>, Reply),
    /// A fellow sends nothing more.
    Void(Void, Reply),
    /// An inquiry of this node found something.
    Found(Found),
}

/// The way to an auction's task.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) shared: Arc<Shared>,
}

/// A stage of an auction. PROTOCOL sections 1, 3, 4 to 8, and 9.
enum Stage {
    Joining(Box<joining::Joining>),
    Taking(Box<taking::Taking>),
    Rounds(Box<rounds::Rounds>),
    Halted(halted::Halted),
    Ended,
}

/// An auction as it was stored, with its task, which is to be spawned.
pub(crate) fn open(
    site: &Arc<Site>,
    spec: VerifiedSpec,
    stored: StoredAuction,
) -> (Digest, Handle, impl Future<Output = ()> + Send + 'static) {
    let id = stored.id;
    let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
    let shared = Arc::new(Shared::new(spec, &stored));
    let core = Core::new(Arc::clone(site), Arc::clone(&shared), commands.downgrade(), receiver);
    (id, Handle { commands, shared }, run(core, stored))
}

async fn run(mut core: Core, stored: StoredAuction) {
    let mut stage = restore::stage(&mut core, stored).await;
    loop {
        stage = match stage {
            Stage::Joining(joining) => joining.run(&mut core).await,
            Stage::Taking(taking) => taking.run(&mut core).await,
            Stage::Rounds(rounds) => rounds.run(&mut core).await,
            Stage::Halted(halted) => halted.run(&mut core).await,
            Stage::Ended => return ended::run(&mut core).await,
        };
    }
}
