//! The second stage: bids are taken, checked in batches, stored, receipted; until the book is
//! closed. PROTOCOL sections 3 and 4.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use auction::book::{BidBook, Standing};
use auction::checking::{BidChecker, Checked, CheckedBatch, CheckedBid, WrongShare};
use auction::join::Auction;
use auction::keys::PublicKey;
use auction::layout::Digest;
use auction::party::PartySecret;
use auction::receipts::{Reason, Receipt, Refusal, verify_all};
use auction::spec::{EarlyClose, Time};
use link::service::{Answer, Declined, Phase, PhaseReport};

use super::core::{Core, answer, declined, finished, not_now};
use super::engine::Engine;
use super::masking::Masking;
use super::queue::{Incoming, Queue};
use super::report::Reporter;
use super::rounds::Rounds;
use super::{Command, Reply, Stage};
use crate::limits::{
    BUSY_MILLIS, COMMAND_QUEUE, LAST_MILLIS, MAX_WRONG_SHARES, QUIET_MILLIS, WAITING_RECEIPTS,
};
use crate::pool::Computing;
use crate::store::{Batch, BidRow, Closed, StorageKey, StoreError};
use crate::witnessing::key_of;

/// Taking bids.
pub(super) struct Taking {
    auction: Arc<Auction>,
    key: StorageKey,
    secret: PartySecret,
    book: BidBook,
    checker: Arc<BidChecker>,
    queue: Queue,
    /// Those who asked about the bids that are being checked.
    under_check: Vec<(Digest, Reply)>,
    check: Option<Computing<Prepared>>,
    leaving: Vec<(Vec<Receipt>, Reply)>,
    masks: Masking,
    /// When the number of bids last changed.
    changed: Time,
    /// Keys whose bid may be on the disk without a receipt, since storing it failed.
    doubtful: HashSet<PublicKey>,
    /// Bids of which a share that was refused is on the disk.
    wrong_shares: HashSet<Digest>,
    bytes: u64,
    /// Bytes of bids and shares on the disk.
    held: u64,
}

/// What the disk holds of an auction whose bids are being taken.
#[derive(Default)]
pub(super) struct Kept {
    /// Bytes of bids and shares.
    pub(super) bytes: u64,
    /// Bids of which a share that was refused for itself is kept.
    pub(super) wrong_shares: HashSet<Digest>,
}

/// A checked batch, ready to be stored.
struct Prepared {
    /// For each submission what is stored of it, or why it is refused.
    rows: Vec<Result<BidRow, Reason>>,
    /// Those with a row, in the same order.
    batch: CheckedBatch,
    /// Shares that were refused for themselves.
    wrong_shares: Vec<WrongShare>,
}

/// Bids that are being stored, beside those who asked.
struct Taken {
    batch: CheckedBatch,
    asked: Vec<(Digest, Reply)>,
}

impl Taking {
    pub(super) async fn stage(
        core: &mut Core,
        auction: Arc<Auction>,
        key: StorageKey,
        secret: PartySecret,
        book: BidBook,
        kept: Kept,
    ) -> Stage {
        let Kept { bytes: held, wrong_shares } = kept;
        let (of, me) = (Arc::clone(&auction), core.me());
        let checker =
            core.site.pool.compute(move || BidChecker::new(of, me, &mut rand::rng())).await;
        let masks = Masking::new(&secret, &core.site.masks);
        Stage::Taking(Box::new(Self {
            auction,
            key,
            secret,
            book,
            checker: Arc::new(checker),
            queue: Queue::default(),
            under_check: Vec::new(),
            check: None,
            leaving: Vec::new(),
            masks,
            changed: core.now(),
            doubtful: HashSet::new(),
            wrong_shares,
            bytes: 0,
            held,
        }))
    }

    pub(super) async fn run(mut self: Box<Self>, core: &mut Core) -> Stage {
        loop {
            let (now, spec) = (core.now(), core.spec());
            let (opening, closing) = (spec.opening, spec.closing);
            let early = core.shared.view().early_close.is_some();
            if early || now >= closing {
                return self.close(core).await;
            }
            core.set_phase(if now < opening { Phase::Waiting } else { Phase::Open });
            self.settle(core, Vec::new(), None).await;
            self.start_work(core);
            tokio::select! {
                checked = finished(&mut self.check) => {
                        // The next batch is checked while this one is stored.
                        let asked = std::mem::take(&mut self.under_check);
                        self.start_check(core);
                        self.settle(core, asked, Some(checked)).await;
                    }
                made = finished(&mut self.masks.making) => self.masks.keep(made),
                command = core.next(if now < opening { opening } else { closing }) => {
                    let mut next = command;
                    for _ in 0..COMMAND_QUEUE {
                        let Some(command) = next else { break };
                        self.handle(core, command).await;
                        // Whatever waits is stored together.
                        next = core.inbox.try_recv().ok();
                    }
                }
            }
        }
    }

    async fn handle(&mut self, core: &mut Core, command: Command) {
        match command {
            Command::Join(join, reply) => core.hear_late_join(*join, reply).await,
            Command::Submit(incoming) => self.submit(core, incoming),
            Command::LeaveReceipts(receipts, reply) => self.leave(receipts, reply),
            Command::Close(close, reply) => hear_close(core, close, reply).await,
            // A fellow whose clock is ahead, or who heard of an early close first, asks again.
            Command::Round(_, reply) => answer(reply, Answer::Busy { retry_after: 50 }),
            Command::History(_, _, reply) => not_now(reply, "the auction is open"),
            Command::Evidence(evidence, reply) => core.hear_evidence(*evidence, reply).await,
            Command::Void(void, reply) => core.hear_void(void, reply).await,
            Command::Found(found) => core.find(found, true).await,
        }
    }

    /// 3 The cheap checks first: time, room, key not seen.
    fn submit(&mut self, core: &Core, incoming: Box<Incoming>) {
        let (now, spec) = (core.now(), core.spec());
        let bidder = &incoming.submission.bid.bidder;
        if now < spec.opening {
            return self.refuse(
                core,
                incoming.digest,
                Reason::NotOpen(spec.opening),
                incoming.reply,
            );
        }
        if now >= spec.closing {
            return self.refuse(core, incoming.digest, Reason::Closed, incoming.reply);
        }
        match self.book.standing(&incoming.digest, bidder) {
            Standing::Accepted => {
                let receipt = self.receipt(core, incoming.digest);
                answer(incoming.reply, Answer::Accepted(receipt));
            }
            Standing::Refused(reason) => {
                // Whether a key has bid is told to its owner alone, until the set is sealed.
                let signed = incoming.submission.bid.verify_signature(&incoming.digest);
                let reason = signed.map_or(Reason::BidSignature, |_| reason);
                self.refuse(core, incoming.digest, reason, incoming.reply);
            }
            Standing::New if self.is_server_convicted(core) => {
                self.refuse(core, incoming.digest, Reason::ServerConvicted, incoming.reply);
            }
            Standing::New => {
                let length = incoming.length() as u64;
                let most = core.site.config.max_waiting_bids;
                // In a crowd nobody's bid waits behind one that nobody signed.
                if self.queue.len() > most / 2
                    && incoming.submission.bid.verify_signature(&incoming.digest).is_err()
                {
                    let digest = incoming.digest;
                    return self.refuse(core, digest, Reason::BidSignature, incoming.reply);
                }
                match self.queue.push(incoming, self.under_check.len(), most) {
                    Ok(()) => self.bytes += length,
                    Err(incoming) => busy(incoming.reply),
                }
            }
        }
    }

    /// No bid is taken under tickets of a server that its own words convict.
    fn is_server_convicted(&self, core: &Core) -> bool {
        let terms = core.spec().settlement.as_ref();
        terms.is_some_and(|terms| core.site.witnessing.is_convicted(&key_of(terms)))
    }

    fn leave(&mut self, receipts: Vec<Receipt>, reply: Reply) {
        let held = receipts.first().is_some_and(|receipt| self.book.holds(&receipt.bid));
        if !held {
            let why = "this accumulator does not hold the bid: submit it first";
            answer(reply, declined(Declined::Wrong(why.to_owned())));
        } else if self.leaving.len() >= WAITING_RECEIPTS {
            busy(reply);
        } else {
            self.leaving.push((receipts, reply));
        }
    }

    /// Checks what waits. The network goes on meanwhile.
    fn start_check(&mut self, core: &Core) {
        if self.check.is_some() {
            return;
        }
        let batch = self.queue.batch();
        if batch.is_empty() {
            return;
        }
        let (mut submissions, mut bytes) = (Vec::new(), Vec::new());
        for incoming in batch {
            self.under_check.push((incoming.digest, incoming.reply));
            submissions.push(incoming.submission);
            bytes.push(incoming.bytes);
        }
        let (checker, key) = (Arc::clone(&self.checker), self.key.clone());
        self.check = Some(
            core.site
                .pool
                .begin(move || prepare(checker.check(submissions, &mut rand::rng()), &key, bytes)),
        );
    }

    /// When no bid waits, masks of the rounds' proofs are made ahead of time.
    fn start_work(&mut self, core: &Core) {
        self.start_check(core);
        if self.check.is_none() && core.now() >= core.spec().opening {
            let (site, now) = (&core.site, core.now().0);
            let quiet = now >= self.changed.0.saturating_add(QUIET_MILLIS)
                || now.saturating_add(LAST_MILLIS) >= core.spec().closing.0;
            let bids = (self.book.len(), quiet);
            self.masks.begin(&self.auction, bids, &site.pool, &site.masks);
        }
    }

    /// 3 Stores checked bids and receipts left in one commit; only then are they taken, and only
    /// then is a receipt made.
    async fn settle(
        &mut self,
        core: &mut Core,
        asked: Vec<(Digest, Reply)>,
        checked: Option<Prepared>,
    ) {
        let leaving = self.verify_leaving(core).await;
        let id = core.id();
        let mut batch = Batch::default();
        for bidder in &self.doubtful {
            batch.forget_bid(&id, bidder);
        }
        let late = core.now() >= core.spec().closing;
        let (mut again, mut adding) = (Vec::new(), 0);
        let mut wrong = Vec::new();
        let taken = checked.map(|Prepared { rows, batch: mut bids, wrong_shares }| {
            wrong = wrong_shares;
            let mut passed = Vec::with_capacity(rows.len());
            for ((digest, reply), row) in asked.into_iter().zip(rows) {
                match row {
                    Ok(row) => passed.push((digest, reply, row)),
                    Err(reason) => self.refuse(core, digest, reason, reply),
                }
            }
            let (mut passed, mut coming) = (passed.into_iter(), HashMap::new());
            let mut asked = Vec::with_capacity(passed.len());
            bids.retain(|checked| {
                let Some((digest, reply, row)) = passed.next() else { return false };
                let sealed = checked.verified().sealed();
                let length = row.length();
                match self.book.standing_beside(&coming, &digest, &sealed.bidder) {
                    _ if late => self.refuse(core, digest, Reason::Closed, reply),
                    Standing::New
                        if self.held + adding + length > core.site.config.max_bytes_per_auction =>
                    {
                        self.refuse(core, digest, Reason::Full, reply);
                    }
                    Standing::New => {
                        adding += length;
                        coming.insert(sealed.bidder, digest);
                        if self.wrong_shares.remove(&digest) {
                            batch.forget_wrong_share(&id, &digest);
                        }
                        batch.bid(&id, sealed, &row);
                        asked.push((digest, reply));
                        return true;
                    }
                    Standing::Accepted => again.push((digest, reply)),
                    Standing::Refused(reason) => self.refuse(core, digest, reason, reply),
                }
                false
            });
            Taken { batch: bids, asked }
        });
        let taken = taken.filter(|taken| !taken.asked.is_empty());
        for (receipts, _) in &leaving {
            if let Some(first) = receipts.first() {
                batch.receipts(&id, &first.bid, receipts);
            }
        }
        self.keep_wrong_shares(&id, &wrong, &mut batch);
        if taken.is_none() && again.is_empty() && leaving.is_empty() && wrong.is_empty() {
            return;
        }
        match core.site.store.write(batch).await {
            Ok(()) => {
                self.held += adding;
                self.accept(core, taken, again, leaving).await;
            }
            Err(error) => self.not_stored(core, &error, taken),
        }
    }

    /// 2 What convicts a bidder is kept, some of it: whoever was refused for his share may say that
    /// it was a good one.
    fn keep_wrong_shares(&mut self, id: &Digest, wrong: &[WrongShare], batch: &mut Batch) {
        for share in wrong {
            let bid = share.delivery.bid;
            if self.wrong_shares.len() < MAX_WRONG_SHARES && self.wrong_shares.insert(bid) {
                batch.wrong_share(id, &bid, share);
            }
        }
    }

    /// Answers those whose receipts are wrong; returns the others.
    async fn verify_leaving(&mut self, core: &Core) -> Vec<(Vec<Receipt>, Reply)> {
        if self.leaving.is_empty() {
            return Vec::new();
        }
        let (leaving, auction) = (std::mem::take(&mut self.leaving), Arc::clone(&self.auction));
        core.site
            .pool
            .compute(move || {
                let right = |(receipts, reply): (Vec<Receipt>, Reply)| {
                    let bid = receipts.first()?.bid;
                    match verify_all(&auction, &bid, &receipts) {
                        Ok(()) => Some((receipts, reply)),
                        Err(error) => {
                            answer(reply, declined(Declined::Wrong(error.to_string())));
                            None
                        }
                    }
                };
                leaving.into_iter().filter_map(right).collect()
            })
            .await
    }

    /// 3 What is durable is added to book and sum, and answered.
    async fn accept(
        &mut self,
        core: &Core,
        taken: Option<Taken>,
        again: Vec<(Digest, Reply)>,
        leaving: Vec<(Vec<Receipt>, Reply)>,
    ) {
        self.doubtful.clear();
        if taken.is_some() {
            self.changed = core.now();
        }
        let empty = BidBook::new(Arc::clone(&self.auction));
        let mut book = std::mem::replace(&mut self.book, empty);
        let (auction, identity) = (Arc::clone(&self.auction), Arc::clone(&core.site.identity));
        let (me, id) = (core.me_u8(), core.id());
        let count = taken.as_ref().map_or(0, |taken| taken.asked.len());
        // Shown before anybody has a receipt that is not counted in it.
        let bids = book.len() + count;
        core.shared.update(|view| view.state.bids = bids as u32);
        self.book = core
            .site
            .pool
            .compute(move || {
                if let Some(Taken { batch, asked }) = taken {
                    let standings = book.accept(batch).unwrap_or_else(|error| {
                        tracing::error!(auction = %id, %error, "a batch is not taken");
                        Vec::new()
                    });
                    for ((digest, reply), standing) in asked.into_iter().zip(standings) {
                        if standing == Standing::New {
                            let receipt = Receipt::sign(auction.context(), digest, me, &identity);
                            answer(reply, Answer::Accepted(receipt));
                        } else {
                            // It was looked at before it was stored, and nothing came between.
                            tracing::error!(auction = %id, bid = %digest, ?standing, "not taken");
                        }
                    }
                }
                for (digest, reply) in again {
                    if !book.holds(&digest) {
                        tracing::error!(auction = %id, bid = %digest, "not taken");
                        continue;
                    }
                    let receipt = Receipt::sign(auction.context(), digest, me, &identity);
                    answer(reply, Answer::Accepted(receipt));
                }
                for (receipts, reply) in leaving {
                    let complete =
                        receipts.first().map(|first| book.complete(&first.bid, &receipts));
                    match complete {
                        Some(Ok(())) => answer(reply, Answer::Done),
                        _ => tracing::error!(auction = %id, "verified receipts are not taken"),
                    }
                }
                book
            })
            .await;
        tracing::debug!(auction = %id, taken = count, bids, "bids stored");
    }

    /// It is not known what is on the disk: nobody gets a receipt, and what is not receipted is
    /// taken back before anything else is stored.
    fn not_stored(&mut self, core: &Core, error: &StoreError, taken: Option<Taken>) {
        let bids = taken.as_ref().map_or(0, |taken| taken.asked.len());
        tracing::error!(auction = %core.id(), %error, bids, "bids not stored");
        let Some(Taken { batch, asked }) = taken else { return };
        let bidder = |bid: &CheckedBid| bid.verified().sealed().bidder;
        self.doubtful.extend(batch.bids().iter().map(bidder));
        asked.into_iter().for_each(|(_, reply)| busy(reply));
    }

    /// 4 Closes the book: the list is made, and stored in one step with closing; no receipt is
    /// made after it.
    async fn close(mut self: Box<Self>, core: &mut Core) -> Stage {
        for (digest, reply) in std::mem::take(&mut self.under_check) {
            self.refuse(core, digest, Reason::Closed, reply);
        }
        let waiting: Vec<Box<Incoming>> = self.queue.drain().collect();
        for incoming in waiting {
            self.refuse(core, incoming.digest, Reason::Closed, incoming.reply);
        }
        for (_, reply) in std::mem::take(&mut self.leaving) {
            not_now(reply, "the auction is closed");
        }
        let (at, id) = (core.now(), core.id());
        let reporter = Reporter::new(vec![bids_report(core, at, self.bytes)]);
        let (me, identity) = (core.me(), Arc::clone(&core.site.identity));
        let Self { auction, secret, book, mut masks, bytes, doubtful, .. } = *self;
        let bids = book.len();
        masks.drop_useless(&auction, bids);
        let mut engine = core
            .site
            .pool
            .compute(move || {
                let closed = book.close();
                Engine::new(auction, me, identity, secret, closed, Some(masks.done()))
            })
            .await;
        let mut batch = Batch::default();
        for bidder in &doubtful {
            batch.forget_bid(&id, bidder);
        }
        batch.closed(&id, Closed { at, bytes });
        if at < core.spec().last {
            match engine.make() {
                Ok(list) => {
                    batch.own(&id, &list);
                }
                Err(error) => return super::halted::Halted::by_own_trouble(&error),
            }
        }
        core.store_surely(batch).await;
        tracing::info!(auction = %id, bids, "closed");
        Stage::Rounds(Box::new(Rounds::new(core, engine, reporter)))
    }

    fn receipt(&self, core: &Core, bid: Digest) -> Receipt {
        Receipt::sign(self.auction.context(), bid, core.me_u8(), &core.site.identity)
    }

    fn refuse(&self, core: &Core, bid: Digest, reason: Reason, reply: Reply) {
        refuse(core, &self.auction, bid, reason, reply);
    }
}

/// Seals the shares of a checked batch for the store.
fn prepare(checked: Checked, key: &StorageKey, bytes: Vec<Vec<u8>>) -> Prepared {
    let Checked { verdicts, mut batch, wrong_shares } = checked;
    let mut shares = Vec::with_capacity(verdicts.len());
    batch.retain(|checked| {
        let share = key.seal_share(&checked.verified().digest(), checked.share()).ok();
        let sealed = share.is_some();
        shares.push(share);
        sealed
    });
    let mut shares = shares.into_iter();
    let rows = verdicts.into_iter().zip(bytes).map(|(verdict, bid)| {
        verdict?;
        // Sealing fails for nothing that fits into memory.
        let share = shares.next().flatten().ok_or(Reason::OtherShare)?;
        Ok(BidRow { bid, share })
    });
    Prepared { rows: rows.collect(), batch, wrong_shares }
}

/// Answers with a refusal: a signed one, unless others than the bidder may be behind it.
pub(super) fn refuse(core: &Core, auction: &Auction, bid: Digest, reason: Reason, reply: Reply) {
    if reason.is_anyones_doing() {
        return answer(reply, declined(Declined::Wrong(reason.to_string())));
    }
    let (me, identity) = (core.me_u8(), &core.site.identity);
    let refusal = Refusal::sign(auction.context(), bid, me, reason, identity);
    answer(reply, Answer::Refused(refusal));
}

/// The report of the phase in which bids were taken.
pub(super) fn bids_report(core: &Core, closed: Time, bytes: u64) -> PhaseReport {
    let millis = closed.0.saturating_sub(core.spec().opening.0);
    PhaseReport { phase: "bids".to_owned(), micros: millis.saturating_mul(1000), bytes }
}

/// The seller closes early: stored, passed on, and obeyed before the next command.
async fn hear_close(core: &mut Core, close: EarlyClose, reply: Reply) {
    if let Err(error) = close.verify(&core.shared.spec) {
        return answer(reply, declined(Declined::NotAllowed(error.to_string())));
    }
    if core.shared.view().early_close.is_none() {
        let mut batch = Batch::default();
        batch.early_close(&close);
        core.store_surely(batch).await;
        core.shared.update(|view| view.early_close = Some(close));
        core.pass_on(close);
        tracing::info!(auction = %core.id(), "closed early by the seller");
    }
    answer(reply, Answer::Done);
}

fn busy(reply: Reply) {
    answer(reply, Answer::Busy { retry_after: BUSY_MILLIS });
}
