//! What every stage of an auction's task needs: the node, the view, the inbox, words to fellows.

use std::sync::Arc;
use std::time::Duration;

use auction::equivocation::{Equivocation, convict_joins};
use auction::join::Join;
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::outcome::Void;
use auction::spec::{EarlyClose, Spec, Time};
use auction::wire::encode;
use link::service::{Answer, Declined, Phase, Question};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::view::Shared;
use super::{Command, Reply};
use crate::fellows::insist;
use crate::limits::{FAREWELL_MILLIS, LONGEST_NAP, MAX_FINDINGS};
use crate::node::Site;
use crate::pool::Computing;
use crate::store::{Batch, FindingRow};

/// A wrong, in words, with what convinces others of it where there is such.
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) evidence: Option<Equivocation>,
}

/// What every stage needs.
pub(super) struct Core {
    pub(super) site: Arc<Site>,
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: mpsc::Receiver<Command>,
    commands: mpsc::WeakSender<Command>,
    tasks: JoinSet<()>,
    /// Deliveries of this node's round messages, with their round.
    deliveries: Vec<(u16, AbortHandle)>,
}

impl Core {
    pub(super) fn new(
        site: Arc<Site>,
        shared: Arc<Shared>,
        commands: mpsc::WeakSender<Command>,
        inbox: mpsc::Receiver<Command>,
    ) -> Self {
        Self { site, shared, inbox, commands, tasks: JoinSet::new(), deliveries: Vec::new() }
    }

    pub(super) fn id(&self) -> Digest {
        self.shared.spec.id()
    }

    pub(super) fn spec(&self) -> &Spec {
        self.shared.spec.spec()
    }

    pub(super) fn me(&self) -> usize {
        self.shared.me
    }

    /// This node's number as it travels.
    pub(super) fn me_u8(&self) -> u8 {
        // Accumulators are at most 16.
        self.shared.me as u8
    }

    pub(super) fn now(&self) -> Time {
        self.site.clock.now()
    }

    /// The next command; nothing when it is about `until`, or when it is time to look at the
    /// clock, which may be set.
    pub(super) async fn next(&mut self, until: Time) -> Option<Command> {
        let left = Duration::from_millis(until.0.saturating_sub(self.now().0));
        let nap = left.clamp(Duration::from_millis(1), LONGEST_NAP);
        tokio::select! {
            command = self.inbox.recv() => command,
            () = sleep(nap) => None,
        }
    }

    /// Stores what the auction cannot go on without.
    pub(super) async fn store_surely(&self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.site.store.write_surely(batch).await {
            // Only at a shutdown: nothing may happen after what was not stored.
            tracing::error!(auction = %self.id(), %error, "cannot go on");
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.shared.update(|view| view.state.phase = phase);
    }

    /// The numbers of all fellows.
    pub(super) fn fellows(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.me();
        (0..self.spec().accumulators.len()).filter(move |k| *k != me)
    }

    /// Runs a task that ends with this auction's task.
    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.collect_ended();
        self.tasks.spawn(task)
    }

    /// The way back to this task; nothing once the node has let go of it.
    pub(super) fn commands(&self) -> Option<mpsc::Sender<Command>> {
        self.commands.upgrade()
    }

    /// Tells one fellow something, again and again until he takes it.
    fn tell(&mut self, k: usize, question: Arc<Question>, until: Time) -> Option<AbortHandle> {
        let peer = self.site.fellows.peer(self.spec().accumulators.get(k)?);
        let clock = Arc::clone(&self.site.clock);
        Some(self.spawn(async move {
            let settled = |answer: &Answer| {
                matches!(answer, Answer::Done | Answer::Declined(Declined::Finished))
            };
            insist(&peer, &question, settled, &clock, until).await;
        }))
    }

    fn tell_all(&mut self, question: Question, until: Time) {
        let question = Arc::new(question);
        for k in self.fellows() {
            self.tell(k, Arc::clone(&question), until);
        }
    }

    /// 4 Sends a stored message to every fellow until he has it on his disk; the messages of the
    /// last two rounds are all that anybody can still lack. Returns the bytes of one copy times
    /// the fellows.
    pub(super) fn broadcast(&mut self, message: &RoundMessage) -> u64 {
        let round = message.body.round;
        self.deliveries.retain(|(of, delivery)| {
            let needed = of + 1 >= round;
            if !needed {
                delivery.abort();
            }
            needed && !delivery.is_finished()
        });
        let bytes = encode(message).map_or(0, |bytes| bytes.len() as u64);
        let question = Arc::new(Question::Round(self.id(), Box::new(message.clone())));
        let last = self.spec().last;
        let mut fellows = 0;
        for k in self.fellows() {
            fellows += 1;
            if let Some(delivery) = self.tell(k, Arc::clone(&question), last) {
                self.deliveries.push((round, delivery));
            }
        }
        bytes * fellows
    }

    /// Whether nothing of this auction is on its way to anybody.
    pub(super) fn idle(&mut self) -> bool {
        self.collect_ended();
        self.tasks.is_empty()
    }

    fn collect_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                tracing::error!(auction = %self.id(), %error, "a task panicked");
            }
        }
    }

    /// Nothing more is said at all.
    pub(super) fn abandon(&mut self) {
        self.tasks.abort_all();
    }

    /// Nothing more is said in rounds.
    pub(super) fn fall_silent(&mut self) {
        self.deliveries.drain(..).for_each(|(_, delivery)| delivery.abort());
    }

    /// Passes the seller's early close on.
    pub(super) fn pass_on(&mut self, close: EarlyClose) {
        self.tell_all(Question::Close(close), self.spec().last);
    }

    /// Tells the fellows that this node sends nothing more.
    pub(super) fn take_leave(&mut self, void: Void) {
        let until = Time(self.now().0.saturating_add(FAREWELL_MILLIS));
        self.tell_all(Question::Void(self.id(), void), until);
    }

    /// Records a wrong, once; tells the fellows where there is evidence that they did not give.
    pub(super) async fn find(&mut self, found: Found, ours: bool) {
        let Found { text, evidence } = found;
        let (number, new) = {
            let known = &self.shared.view().state.findings;
            (known.len(), !known.contains(&text))
        };
        if !new || number >= MAX_FINDINGS {
            return;
        }
        tracing::warn!(auction = %self.id(), finding = text, "wrong found");
        self.shared.update(|view| view.state.findings.push(text.clone()));
        if let (Some(evidence), true) = (&evidence, ours) {
            let question = Question::Evidence(self.id(), Box::new(evidence.clone()));
            self.tell_all(question, self.spec().last);
        }
        let mut batch = Batch::default();
        // At most MAX_FINDINGS.
        batch.finding(&self.id(), number as u32, &FindingRow { text, evidence });
        self.store_surely(batch).await;
    }

    /// Answers evidence, and records it when it convicts somebody.
    pub(super) async fn hear_evidence(&mut self, evidence: Equivocation, reply: Reply) {
        let auction = self.shared.view().auction.clone();
        let convicted = match (&evidence, auction) {
            (Equivocation::Joins(joins), _) => convict_joins(joins, &self.shared.spec),
            (_, Some(auction)) => evidence.convict(&auction),
            (_, None) => {
                answer(reply, declined(Declined::NotNow("accumulators are still joining".into())));
                return;
            }
        };
        match convicted {
            Ok(culprit) => {
                let found = equivocation(culprit, evidence);
                self.find(found, false).await;
                answer(reply, Answer::Done);
            }
            Err(reason) => answer(reply, declined(Declined::Wrong(reason.to_string()))),
        }
    }

    /// A join that came after this accumulator's was known: nothing new, or a second one, which
    /// convicts its signer. The first one stays.
    pub(super) async fn hear_late_join(&mut self, join: Join, reply: Option<Reply>) {
        let known = self.shared.view().joins.get(usize::from(join.accumulator)).cloned().flatten();
        if let Some(known) = known
            && let pair = Box::new([known, join])
            && let Ok(culprit) = convict_joins(&pair, &self.shared.spec)
        {
            self.find(equivocation(culprit, Equivocation::Joins(pair)), true).await;
        }
        if let Some(reply) = reply {
            answer(reply, self.shared.auction_answer());
        }
    }

    /// A fellow's word that it sends nothing more. It weighs nothing; people may want to know.
    pub(super) async fn hear_void(&mut self, void: Void, reply: Reply) {
        let auction = self.shared.view().auction.clone();
        if auction.is_some_and(|auction| void.verify(&auction).is_ok()) {
            let text = format!("accumulator {} sends nothing more", void.accumulator);
            self.find(Found { text, evidence: None }, false).await;
        }
        answer(reply, Answer::Done);
    }
}

/// The finding that somebody signed two words.
pub(crate) fn equivocation(culprit: usize, evidence: Equivocation) -> Found {
    let text = match &evidence {
        Equivocation::Joins(_) => format!("accumulator {culprit} signed two joins"),
        Equivocation::Omission(words) => {
            format!("accumulator {culprit} receipted bid {} and left it out", words.0.bid)
        }
        Equivocation::Messages(messages) => {
            let [first, _] = &**messages;
            let round = first.body.round;
            format!("accumulator {culprit} signed two messages for round {round}")
        }
    };
    Found { text, evidence: Some(evidence) }
}

/// Answers; who asked may be gone.
pub(super) fn answer(reply: Reply, answer: Answer) {
    let _ = reply.send(answer);
}

pub(super) fn declined(reason: Declined) -> Answer {
    Answer::Declined(reason)
}

/// The answer to what is not for this stage.
pub(super) fn not_now(reply: Reply, why: &str) {
    answer(reply, declined(Declined::NotNow(why.to_owned())));
}

/// Waits for a computation, if there is one, and takes it away.
pub(super) async fn finished<T>(job: &mut Option<Computing<T>>) -> T {
    let Some(running) = job else { return std::future::pending().await };
    let Ok(result) = running.await else {
        // It panicked: the alarm ends the node.
        return std::future::pending().await;
    };
    *job = None;
    result
}
