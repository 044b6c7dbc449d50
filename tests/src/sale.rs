//! One auction, seen from outside: bids one accumulator at a time, states, and the outcome held
//! against the plain answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auction::bid::Submission;
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::outcome::Outcome;
use auction::prices::Level;
use auction::receipts::Receipt;
use auction::sealing::seal;
use auction::spec::Rule;
use auction::transcript::{Transcript, Verdict};
use link::Peer;
use link::service::{Answer, Phase, Question, State};
use tokio::task::JoinSet;

use crate::committee::PAUSE;
use crate::plain::answer;

/// Long enough that only a defect reaches it, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// For one question, while the accumulator may be away.
const ATTEMPT: Duration = Duration::from_secs(3);

/// An auction and the accumulators that make it. Clones are the same.
#[derive(Clone)]
pub struct Sale {
    /// The auction.
    pub auction: Arc<Auction>,
    /// Its accumulators, in order.
    pub peers: Vec<Peer>,
}

/// A bid, sealed and perhaps sent.
pub struct Bid {
    /// The bidder's key.
    pub key: SecretKey,
    /// What is bid.
    pub level: u32,
    /// What each accumulator gets.
    pub submissions: Vec<Submission>,
}

impl Bid {
    /// Seals a bid under a fresh key.
    ///
    /// # Panics
    /// When the level is not on the ladder.
    #[must_use]
    pub fn seal(auction: &Auction, level: u32) -> Self {
        Self::seal_with(auction, level, SecretKey::generate(&mut rand::rng()))
    }

    /// Seals a bid under this key.
    ///
    /// # Panics
    /// As [`Bid::seal`].
    #[must_use]
    pub fn seal_with(auction: &Auction, level: u32, key: SecretKey) -> Self {
        let submissions = seal(auction, Level(level), &key, None, &mut rand::rng()).unwrap();
        Self { key, level, submissions }
    }

    /// What names it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.submissions[0].bid.digest()
    }
}

impl Sale {
    /// The auction id.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.auction.id()
    }

    /// Asks an accumulator until it answers and is not busy.
    ///
    /// # Panics
    /// When it does not answer in time.
    pub async fn ask(&self, k: usize, question: &Question) -> Answer {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.peers[k].request(question, PATIENCE).await.unwrap() {
                Answer::Busy { retry_after } if Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(retry_after.into())).await;
                }
                answer => return answer,
            }
        }
    }

    /// Tells an accumulator something that it takes.
    ///
    /// # Panics
    /// When it does not.
    pub async fn told(&self, k: usize, question: &Question) {
        let answer = self.ask(k, question).await;
        assert_eq!(answer, Answer::Done, "accumulator {k}");
    }

    /// Shows an accumulator its part of a bid.
    ///
    /// # Panics
    /// As [`Sale::ask`].
    pub async fn submit(&self, k: usize, bid: &Bid) -> Answer {
        self.ask(k, &Question::Submit(self.id(), Box::new(bid.submissions[k].clone()))).await
    }

    /// The receipt of an accumulator that takes the bid.
    ///
    /// # Panics
    /// When it does not.
    pub async fn receipt(&self, k: usize, bid: &Bid) -> Receipt {
        match self.submit(k, bid).await {
            Answer::Accepted(receipt) => {
                receipt.verify(&self.auction).unwrap();
                receipt
            }
            answer => panic!("accumulator {k}: {answer:?}"),
        }
    }

    /// The receipts of all.
    ///
    /// # Panics
    /// When one does not take the bid.
    pub async fn receipts(&self, bid: &Bid) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for k in 0..self.peers.len() {
            receipts.push(self.receipt(k, bid).await);
        }
        receipts
    }

    /// Leaves the receipts of all with one accumulator.
    ///
    /// # Panics
    /// When it does not take them.
    pub async fn leave(&self, k: usize, receipts: &[Receipt]) {
        self.told(k, &Question::LeaveReceipts(self.id(), receipts.to_vec())).await;
    }

    /// Seals a bid, submits it to all, leaves all receipts with all.
    ///
    /// # Panics
    /// When an accumulator does not take it.
    pub async fn place(&self, level: u32) -> Bid {
        let auction = Arc::clone(&self.auction);
        let sealing = tokio::task::spawn_blocking(move || Bid::seal(&auction, level));
        let bid = sealing.await.unwrap();
        let receipts = self.receipts(&bid).await;
        for k in 0..self.peers.len() {
            self.leave(k, &receipts).await;
        }
        bid
    }

    /// Places bids at these levels, all at once.
    ///
    /// # Panics
    /// As [`Sale::place`].
    pub async fn place_all(&self, levels: &[u32]) -> Vec<Bid> {
        let mut placing = JoinSet::new();
        for level in levels.iter().copied() {
            let sale = self.clone();
            placing.spawn(async move { sale.place(level).await });
        }
        placing.join_all().await
    }

    /// How the auction stands at an accumulator; nothing when it does not answer now.
    pub async fn state(&self, k: usize) -> Option<State> {
        match self.peers[k].request(&Question::State(self.id()), ATTEMPT).await {
            Ok(Answer::State(state)) => Some(*state),
            _ => None,
        }
    }

    /// Waits until the state at an accumulator is as wanted.
    ///
    /// # Panics
    /// When it is not in time, or the auction has ended otherwise.
    pub async fn until(&self, k: usize, what: &str, wanted: impl Fn(&State) -> bool) -> State {
        let end = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < end {
            if let Some(state) = self.state(k).await {
                if wanted(&state) {
                    return state;
                }
                let ended = matches!(state.phase, Phase::Done | Phase::Stopped(_) | Phase::Void);
                assert!(!ended, "accumulator {k}, wanted {what}: {state:?}");
                last = Some(state);
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("accumulator {k}, wanted {what}: {last:?}");
    }

    /// The transcript file that an accumulator gives, once it has it whole.
    ///
    /// # Panics
    /// When it does not give it in time.
    pub async fn transcript(&self, k: usize) -> Vec<u8> {
        let end = Instant::now() + PATIENCE;
        let mut whole = Vec::new();
        loop {
            let question = Question::Transcript(self.id(), whole.len() as u64);
            match self.ask(k, &question).await {
                Answer::Transcript { total, bytes } => {
                    whole.extend(bytes);
                    if whole.len() as u64 == total {
                        return whole;
                    }
                }
                answer => {
                    assert!(Instant::now() < end, "accumulator {k}: {answer:?}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// What the transcript that an accumulator gives proves to an outsider.
    ///
    /// # Panics
    /// When it proves nothing.
    pub async fn verdict(&self, k: usize) -> Verdict {
        let (bytes, id) = (self.transcript(k).await, self.id());
        let verify = move || {
            Transcript::from_bytes(&bytes).unwrap().verify(Some(&id), &mut rand::rng()).unwrap()
        };
        tokio::task::spawn_blocking(verify).await.unwrap()
    }

    /// Waits for the outcome at every accumulator, verifies the transcript of each as an
    /// outsider, and holds the one outcome against the plain answer over the bids that count.
    ///
    /// # Panics
    /// When anything differs.
    pub async fn check_outcome(&self, counted: &[&Bid]) -> Outcome {
        let mut outcomes = Vec::new();
        for k in 0..self.peers.len() {
            let state = self.until(k, "an outcome", |state| state.phase == Phase::Done).await;
            let verdict = self.verdict(k).await;
            assert_eq!(Some(verdict.outcome), state.outcome, "accumulator {k}");
            assert_eq!(verdict.signed_by.len(), self.peers.len(), "accumulator {k}");
            assert!(verdict.omissions.is_empty(), "accumulator {k}: {:?}", verdict.omissions);
            outcomes.push(verdict.outcome);
        }
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{outcomes:?}");
        self.check_plain(&outcomes[0], counted);
        outcomes[0]
    }

    /// The same for accumulators that all kept to the protocol, whatever befell them: none of
    /// them is said to have done wrong.
    ///
    /// # Panics
    /// When anything differs.
    pub async fn check_honest_outcome(&self, counted: &[&Bid]) -> Outcome {
        let outcome = self.check_outcome(counted).await;
        for k in 0..self.peers.len() {
            let state = self.until(k, "an outcome", |state| state.phase == Phase::Done).await;
            assert_eq!(state.findings, Vec::<String>::new(), "accumulator {k}");
        }
        outcome
    }

    fn check_plain(&self, outcome: &Outcome, counted: &[&Bid]) {
        let bids: Vec<(String, u128)> = counted
            .iter()
            .map(|bid| (bid.key.public().to_string(), u128::from(bid.level)))
            .collect();
        let plain = answer(&bids, self.auction.spec().rule == Rule::SecondPrice, 1);
        assert_eq!(outcome.bids as usize, bids.len(), "{outcome:?}");
        assert_eq!(outcome.tie, plain.tie, "{outcome:?}, expected {plain:?}");
        let price = outcome.sale.map(|sale| u128::from(sale.level.0));
        assert_eq!(price, plain.price, "{outcome:?}, expected {plain:?}");
        if let Some(sale) = outcome.sale {
            let winner = sale.winner.to_string();
            assert!(plain.winners.contains(&winner), "{outcome:?}, expected {plain:?}");
        }
    }
}
