//! A committee of accumulators within the test: the real link, the real checks and books of
//! bids, and ways to misbehave. How accumulators talk to each other is replaced by a board.
#![allow(dead_code, reason = "each test file uses a part")]

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use auction::bid::Submission;
use auction::book::{BidBook, Standing};
use auction::checking::BidChecker;
use auction::join::{Auction, Join};
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::money::{Amount, Currency};
use auction::party::{Party, PartySecret};
use auction::prices::PriceLadder;
use auction::receipts::{Reason, Receipt, Refusal};
use auction::referee::Referee;
use auction::spec::{EarlyClose, Member, Rule, SignedSpec, Spec, Time};
use auction::step::Step;
use auction::transcript::Transcript;
use bidder::{Client, Patience};
use link::service::{Answer, Declined, Phase, Question, State, TRANSCRIPT_CHUNK};
use link::{Endpoint, Handler, Identity, Limits, PeerKey};
use rand::RngExt as _;

/// Pieces in which transcripts are given.
const PIECE: usize = 64 << 10;

/// Long enough for an honest accumulator on a busy machine, and short enough to wait for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Honest,
    /// Never answers.
    Silent,
    /// Signs refusals.
    Refuse(Reason),
    /// Receipts signed by nobody who may.
    ForgedReceipt,
    /// Signed receipts for another bid.
    OtherReceipt,
    /// Receipts of another accumulator.
    ReceiptOf(u8),
    /// Refusals signed by nobody who may.
    ForgedRefusal,
    /// Answers "done" to a bid.
    Done,
    /// Busy so many times.
    Busy(u32),
    /// Honest after so long.
    Slow(Duration),
    /// Takes bids and is silent when receipts are left.
    DropsReceipts,
    /// Shows another auction, or other joins.
    Shows(Box<(SignedSpec, Vec<Join>)>),
    /// Declines everything.
    Declines(Declined),
    /// Breaks transcripts off after the first piece.
    Truncates,
    /// Gives another file as transcript.
    Gives(Vec<u8>),
}

/// What the accumulators know together.
pub(crate) struct Board {
    pub(crate) seller: SecretKey,
    pub(crate) identities: Vec<Arc<SecretKey>>,
    pub(crate) secrets: Vec<PartySecret>,
    pub(crate) spec: SignedSpec,
    joins: Mutex<Vec<Option<Join>>>,
    auction: OnceLock<Arc<Auction>>,
    transcript: Mutex<Vec<u8>>,
    early_close: Mutex<Option<EarlyClose>>,
}

pub(crate) struct Fake {
    number: u8,
    board: Arc<Board>,
    behaviour: Mutex<Behaviour>,
    book: Mutex<Option<(BidChecker, BidBook)>>,
    /// The encoding of every submission received.
    pub(crate) received: Mutex<Vec<Submission>>,
}

pub(crate) struct Committee {
    pub(crate) board: Arc<Board>,
    pub(crate) fakes: Vec<Arc<Fake>>,
    pub(crate) members: Vec<Member>,
}

pub(crate) fn client() -> Client {
    Client::with_patience(Patience {
        answer: PATIENCE,
        compare: Duration::from_secs(4),
        join: Duration::from_secs(20),
        pause: Duration::from_millis(20),
    })
    .unwrap()
}

pub(crate) fn spec_for(seller: &SecretKey, members: &[Member]) -> Spec {
    Spec {
        nonce: rand::rng().random(),
        seller: seller.public(),
        title: "a painting".to_owned(),
        description: String::new(),
        rule: Rule::SecondPrice,
        currency: Currency::new("EUR", 2).unwrap(),
        ladder: PriceLadder::Even { min: Amount(1_000), tick: Amount(50), levels: 16 },
        opening: Time(1_000),
        closing: Time(2_000),
        last: Time(3_000),
        most_bids: 1_000,
        accumulators: members.to_vec(),
        settlement: None,
        block: 4,
        fan_out: 2,
    }
}

impl Committee {
    /// A committee that answers; nobody has joined the auction yet.
    pub(crate) fn start(accumulators: usize) -> Self {
        Self::start_with(accumulators, |_| ())
    }

    /// A committee whose auction has terms of the test's own.
    pub(crate) fn start_with(accumulators: usize, terms: impl FnOnce(&mut Spec)) -> Self {
        let seller = SecretKey::generate(&mut rand::rng());
        let identities: Vec<_> =
            (0..accumulators).map(|_| Arc::new(SecretKey::generate(&mut rand::rng()))).collect();
        let endpoints: Vec<Endpoint> = identities
            .iter()
            .map(|identity| {
                let identity = Identity::from_seed(identity.seed());
                Endpoint::bind("127.0.0.1:0".parse().unwrap(), &identity, Limits::default())
                    .unwrap()
            })
            .collect();
        let members: Vec<Member> = identities
            .iter()
            .zip(&endpoints)
            .map(|(identity, endpoint)| Member {
                key: identity.public(),
                address: endpoint.local_addr().unwrap().to_string(),
            })
            .collect();
        let mut spec = spec_for(&seller, &members);
        terms(&mut spec);
        let spec = spec.sign(&seller);
        let board = Arc::new(Board {
            secrets: identities.iter().map(|_| PartySecret::generate(&mut rand::rng())).collect(),
            joins: Mutex::new(vec![None; accumulators]),
            seller,
            identities,
            spec,
            auction: OnceLock::new(),
            transcript: Mutex::default(),
            early_close: Mutex::default(),
        });
        let fakes: Vec<Arc<Fake>> = (0u8..)
            .zip(endpoints)
            .map(|(number, endpoint)| {
                let fake = Arc::new(Fake {
                    number,
                    board: Arc::clone(&board),
                    behaviour: Mutex::new(Behaviour::Honest),
                    book: Mutex::default(),
                    received: Mutex::default(),
                });
                let serving = Arc::clone(&fake);
                tokio::spawn(async move { endpoint.serve(serving, std::future::pending()).await });
                fake
            })
            .collect();
        Self { board, fakes, members }
    }

    /// A committee that takes bids.
    pub(crate) fn open(accumulators: usize) -> Self {
        let committee = Self::start(accumulators);
        committee.join_all();
        committee
    }

    pub(crate) fn join_all(&self) {
        for (number, _) in (0u8..).zip(&self.members) {
            self.board.join(number);
        }
    }

    pub(crate) fn id(&self) -> Digest {
        self.board.spec.claimed_id()
    }

    pub(crate) fn auction(&self) -> Arc<Auction> {
        self.board.auction()
    }

    pub(crate) fn behave(&self, number: usize, behaviour: Behaviour) {
        *self.fakes[number].behaviour.lock().unwrap() = behaviour;
    }

    /// Closes the books, runs all rounds in memory and publishes the transcript.
    pub(crate) fn run_rounds(&self) -> Transcript {
        let auction = self.auction();
        let rng = &mut rand::rng();
        let mut nodes: Vec<(Party, Referee)> = Vec::new();
        for (fake, identity) in self.fakes.iter().zip(&self.board.identities) {
            let number = usize::from(fake.number);
            let (_, book) = fake.book.lock().unwrap().take().unwrap();
            let closed = book.close();
            let mut referee = Referee::new(Arc::clone(&auction), rng.random());
            referee.supply(closed.bids().iter().cloned());
            let secret = PartySecret::from_bytes(&self.board.secrets[number].to_bytes()).unwrap();
            let party =
                Party::new(Arc::clone(&auction), number, Arc::clone(identity), secret, closed);
            nodes.push((party, referee));
        }
        while *nodes[0].1.step() != Step::Complete {
            let messages: Vec<_> = nodes
                .iter_mut()
                .map(|(party, referee)| party.message(referee, rng).unwrap().into_message())
                .collect();
            for (_, referee) in &mut nodes {
                for message in &messages {
                    referee.offer(message.clone()).unwrap();
                }
            }
        }
        let transcript = Transcript::of(&nodes[0].1).unwrap();
        *self.board.transcript.lock().unwrap() = transcript.to_bytes().unwrap();
        transcript
    }
}

impl Board {
    /// Another valid join of one accumulator: two of them convict it.
    pub(crate) fn make_join(&self, number: u8) -> Join {
        let k = usize::from(number);
        let id = self.spec.claimed_id();
        self.secrets[k].join(id, number, &self.identities[k], &mut rand::rng())
    }

    pub(crate) fn joins(&self) -> Vec<Join> {
        self.joins.lock().unwrap().iter().flatten().cloned().collect()
    }

    fn join(&self, number: u8) {
        let join = self.make_join(number);
        self.joins.lock().unwrap()[usize::from(number)].get_or_insert(join);
    }

    fn auction(&self) -> Arc<Auction> {
        let make =
            || Arc::new(Auction::new(self.spec.clone().verify().unwrap(), self.joins()).unwrap());
        Arc::clone(self.auction.get_or_init(make))
    }

    fn show(&self) -> Answer {
        let early_close = *self.early_close.lock().unwrap();
        Answer::Auction { spec: Box::new(self.spec.clone()), joins: self.joins(), early_close }
    }
}

impl Fake {
    /// Number of bids held, and of those the ones with the receipts of all.
    pub(crate) fn holds(&self, bid: &Digest) -> (bool, bool) {
        let book = self.book.lock().unwrap();
        book.as_ref().map_or((false, false), |(_, book)| (book.holds(bid), book.is_complete(bid)))
    }

    fn receipt(&self, bid: Digest) -> Answer {
        let identity = &self.board.identities[usize::from(self.number)];
        let context = *self.board.auction().context();
        Answer::Accepted(Receipt::sign(&context, bid, self.number, identity))
    }

    fn refusal(&self, bid: Digest, reason: Reason) -> Answer {
        let identity = &self.board.identities[usize::from(self.number)];
        let context = *self.board.auction().context();
        Answer::Refused(Refusal::sign(&context, bid, self.number, reason, identity))
    }

    /// What an honest accumulator does with a bid.
    fn take(&self, submission: Submission) -> Answer {
        let digest = submission.bid.digest();
        if self.board.early_close.lock().unwrap().is_some() {
            return self.refusal(digest, Reason::Closed);
        }
        let auction = self.board.auction();
        let mut book = self.book.lock().unwrap();
        let (checker, book) = book.get_or_insert_with(|| {
            let number = usize::from(self.number);
            let checker = BidChecker::new(Arc::clone(&auction), number, &mut rand::rng());
            (checker, BidBook::new(Arc::clone(&auction)))
        });
        let standing = match book.standing(&digest, &submission.bid.bidder) {
            Standing::New => {
                let mut checked = checker.check(vec![submission], &mut rand::rng());
                match checked.verdicts.remove(0) {
                    Ok(()) => book.accept(checked.batch).unwrap().remove(0),
                    Err(reason) => Standing::Refused(reason),
                }
            }
            known => known,
        };
        match standing {
            Standing::Refused(reason) => self.refusal(digest, reason),
            Standing::New | Standing::Accepted => self.receipt(digest),
        }
    }

    fn submit(&self, submission: Submission) -> Answer {
        let digest = submission.bid.digest();
        self.received.lock().unwrap().push(submission.clone());
        let context = *self.board.auction().context();
        let stranger = SecretKey::generate(&mut rand::rng());
        let mut behaviour = self.behaviour.lock().unwrap();
        match &mut *behaviour {
            Behaviour::Refuse(reason) => self.refusal(digest, reason.clone()),
            Behaviour::ForgedReceipt => {
                Answer::Accepted(Receipt::sign(&context, digest, self.number, &stranger))
            }
            Behaviour::ForgedRefusal => Answer::Refused(Refusal::sign(
                &context,
                digest,
                self.number,
                Reason::Full,
                &stranger,
            )),
            Behaviour::OtherReceipt => self.receipt(Digest([7; 32])),
            Behaviour::ReceiptOf(other) => {
                let identity = &self.board.identities[usize::from(*other)];
                Answer::Accepted(Receipt::sign(&context, digest, *other, identity))
            }
            Behaviour::Done => Answer::Done,
            Behaviour::Busy(times @ 1..) => {
                *times -= 1;
                Answer::Busy { retry_after: 30 }
            }
            _ => self.take(submission),
        }
    }

    fn announce(&self, spec: &SignedSpec) -> Answer {
        if spec.claimed_id() != self.board.spec.claimed_id() {
            return Answer::Declined(Declined::UnknownAuction);
        }
        self.board.join(self.number);
        self.board.show()
    }

    fn leave(&self, receipts: &[Receipt]) -> Answer {
        let mut book = self.book.lock().unwrap();
        let left = book.as_mut().zip(receipts.first()).map(|((_, book), first)| {
            assert!(book.holds(&first.bid));
            book.complete(&first.bid, receipts)
        });
        match left {
            Some(Ok(())) => Answer::Done,
            Some(Err(error)) => Answer::Declined(Declined::Wrong(error.to_string())),
            None => Answer::Declined(Declined::Wrong("no such bid".to_owned())),
        }
    }

    fn state(&self) -> Answer {
        let bids = self.book.lock().unwrap().as_ref().map_or(0, |(_, book)| book.len() as u32);
        Answer::State(Box::new(State {
            phase: Phase::Stopped("\u{1b}[2Jred".to_owned()),
            bids,
            outcome: None,
            findings: vec!["a\r\nb".to_owned(); 1_000],
            phases: Vec::new(),
        }))
    }

    fn transcript(&self, from: u64) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        let file = match &behaviour {
            Behaviour::Gives(file) => file.clone(),
            _ => self.board.transcript.lock().unwrap().clone(),
        };
        let from = (from as usize).min(file.len());
        let mut bytes = file[from..].to_vec();
        bytes.truncate(PIECE.min(TRANSCRIPT_CHUNK));
        if matches!(behaviour, Behaviour::Truncates) && from > 0 {
            bytes.clear();
        }
        Answer::Transcript { total: file.len() as u64, bytes }
    }
}

impl Handler for Fake {
    type Question = Question;
    type Answer = Answer;

    fn limit(&self, _: PeerKey) -> usize {
        link::service::MAX_PUBLIC_QUESTION
    }

    async fn answer(&self, _: PeerKey, question: Question) -> Answer {
        let behaviour = self.behaviour.lock().unwrap().clone();
        let waits = matches!(behaviour, Behaviour::Silent)
            || (matches!(behaviour, Behaviour::DropsReceipts)
                && matches!(question, Question::LeaveReceipts(..)));
        if waits {
            return std::future::pending().await;
        }
        if let Behaviour::Slow(time) = behaviour {
            tokio::time::sleep(time).await;
        }
        if let Behaviour::Declines(declined) = behaviour {
            return Answer::Declined(declined);
        }
        match (question, behaviour) {
            (Question::Auction(_) | Question::Announce(_), Behaviour::Shows(shown)) => {
                let (spec, joins) = *shown;
                Answer::Auction { spec: Box::new(spec), joins, early_close: None }
            }
            (Question::Hello, _) => Answer::Hello { version: "fake".to_owned(), now: Time(1_500) },
            (Question::Announce(spec), _) => self.announce(&spec),
            (Question::Auction(id), _) if id == self.board.spec.claimed_id() => self.board.show(),
            (Question::Submit(id, submission), _) if id == self.board.spec.claimed_id() => {
                self.submit(*submission)
            }
            (Question::LeaveReceipts(_, receipts), _) => self.leave(&receipts),
            (Question::State(_), _) => self.state(),
            (Question::Close(word), _) => {
                assert!(word.verify(self.board.auction().verified_spec()).is_ok());
                *self.board.early_close.lock().unwrap() = Some(word);
                Answer::Done
            }
            (Question::Transcript(_, from), _) => self.transcript(from),
            _ => Answer::Declined(Declined::UnknownAuction),
        }
    }
}
