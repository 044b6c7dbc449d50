//! A kit of cheats: honest parties at a table, whose messages a test alters and signs again with
//! the cheater's own key before the honest judge and the outsider see them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::sync::Arc;

use auction::bid::SealedBid;
use auction::book::BidBook;
use auction::checking::VerifiedBid;
use auction::join::Auction;
use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::messages::{Content, RoundMessage};
use auction::party::Party;
use auction::prices::Level;
use auction::referee::{Fault, FaultReason, Referee, Refused};
use auction::shares::Share;
use auction::step::Step;
use auction::transcript::{Transcript, TranscriptError};
use curve25519_dalek::Scalar;
use rand::rngs::ChaCha20Rng;

use crate::in_memory::{Committee, Sealed, Terms, rng};

/// Parties and the judge before whom they speak.
pub(crate) struct Table {
    pub(crate) auction: Arc<Auction>,
    pub(crate) identities: Vec<Arc<SecretKey>>,
    /// `x_k` of each accumulator.
    pub(crate) decryption: Vec<Scalar>,
    /// The seed of each accumulator's ciphertexts and masks.
    pub(crate) seeds: Vec<[u8; 32]>,
    /// Each accumulator's shares, where all bids are honest.
    pub(crate) shares: Vec<HashMap<Digest, Share>>,
    pub(crate) bids: Vec<SealedBid>,
    pub(crate) parties: Vec<Party>,
    pub(crate) judge: Referee,
    pub(crate) rng: ChaCha20Rng,
}

impl Table {
    /// Honest parties after honest bids at `levels`.
    pub(crate) fn seated(terms: Terms, levels: &[u32], seed: u64) -> Self {
        let mut rng = rng(seed);
        let committee = Committee::new(terms, &mut rng);
        let bids: Vec<_> = levels.iter().map(|l| committee.seal(Level(*l), &mut rng)).collect();
        let books = committee.take_unchecked(&bids, &mut rng);
        let sealed = bids.iter().map(|bid| bid.submissions[0].bid.clone()).collect();
        let share = |bid: &Sealed, k: usize| {
            let submission = &bid.submissions[k];
            (submission.bid.digest(), submission.delivery.share.clone())
        };
        let of = |k| bids.iter().map(|bid| share(bid, k)).collect();
        let shares = (0..terms.accumulators).map(of).collect();
        Self { shares, ..Self::with(committee, books, sealed, rng) }
    }

    /// Parties with these books; `bids` are what the transcript shows, in any order.
    pub(crate) fn with(
        committee: Committee,
        books: Vec<BidBook>,
        mut bids: Vec<SealedBid>,
        mut rng: ChaCha20Rng,
    ) -> Self {
        bids.sort_by_key(SealedBid::digest);
        let (auction, identities) = (Arc::clone(&committee.auction), committee.identities.clone());
        let secret = |secret: &auction::party::PartySecret| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&secret.to_bytes()[..32]);
            Scalar::from_canonical_bytes(bytes).unwrap()
        };
        let decryption = committee.secrets.iter().map(secret).collect();
        let seed = |secret: &auction::party::PartySecret| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&secret.to_bytes()[32..]);
            bytes
        };
        let seeds = committee.secrets.iter().map(seed).collect();
        let (parties, referees): (Vec<_>, Vec<_>) =
            committee.close(books, &mut rng).into_iter().unzip();
        let judge = referees.into_iter().next().unwrap();
        let shares = Vec::new();
        Self { auction, identities, decryption, seeds, shares, bids, parties, judge, rng }
    }

    /// Tells the judge of valid bids that its own book lacks.
    pub(crate) fn tell(&mut self, bids: Vec<VerifiedBid>) {
        self.judge.supply(bids);
    }

    /// The honest messages that are due.
    pub(crate) fn messages(&mut self) -> Vec<RoundMessage> {
        let (judge, rng) = (&self.judge, &mut self.rng);
        let said = |party: &mut Party| party.message(judge, rng).unwrap().into_message();
        self.parties.iter_mut().map(said).collect()
    }

    /// One honest round.
    pub(crate) fn play(&mut self) {
        for message in self.messages() {
            self.judge.offer(message).unwrap();
        }
    }

    /// Honest rounds until a step of this name is due for the `nth` time, counted from 1.
    pub(crate) fn until(&mut self, name: &str, nth: usize) {
        let mut seen = usize::from(self.judge.step().name() == name);
        while seen < nth {
            assert_ne!(*self.judge.step(), Step::Complete, "no {name} step number {nth}");
            self.play();
            seen += usize::from(self.judge.step().name() == name);
        }
    }

    /// Alters the message of accumulator `k` and signs it with `k`'s own key.
    pub(crate) fn alter(
        &self,
        messages: &mut [RoundMessage],
        k: usize,
        alter: impl FnOnce(&mut Content),
    ) {
        let mut body = messages[k].body.clone();
        alter(&mut body.content);
        messages[k] = body.sign(&self.identities[k]);
    }

    /// Offers a round in which somebody cheats: the fault, or what else refused a message.
    pub(crate) fn offer(&mut self, messages: Vec<RoundMessage>) -> Result<(), Refused> {
        for message in messages {
            self.judge.offer(message)?;
        }
        Ok(())
    }

    /// Everything said so far, the round with the fault included.
    pub(crate) fn transcript(&self) -> Transcript {
        Transcript {
            spec: self.auction.verified_spec().signed().clone(),
            joins: self.auction.joins().to_vec(),
            bids: self.bids.clone(),
            rounds: self.judge.rounds().to_vec(),
        }
    }

    /// Offers a round and expects that judge and outsider stop it with one and the same fault.
    pub(crate) fn stopped_by(&mut self, messages: Vec<RoundMessage>) -> Fault {
        let Err(Refused::Fault(fault)) = self.offer(messages) else {
            panic!("the round passed");
        };
        assert_eq!(self.judge.fault(), Some(&fault));
        assert_eq!(self.judge.waiting_for(), [], "nobody is waited for after a fault");
        match self.transcript().verify(Some(&self.auction.id()), &mut self.rng) {
            Err(TranscriptError::Fault(seen)) => assert_eq!(seen, fault, "judge and outsider"),
            other => panic!("{other:?}"),
        }
        fault
    }

    /// The only culprit of a fault, and the reason.
    pub(crate) fn only_culprit(fault: Fault) -> (usize, FaultReason) {
        assert_eq!(fault.unknown_bid, None);
        let [culprit] = <[_; 1]>::try_from(fault.culprits).unwrap();
        culprit
    }
}

/// Plays honestly until the `nth` step called `step`, lets accumulator `k` say something else
/// there, and returns why it, and nobody else, is at fault.
pub(crate) fn caught(
    terms: Terms,
    (step, nth): (&str, usize),
    k: usize,
    alter: impl FnOnce(&mut Content),
) -> FaultReason {
    let mut table = Table::seated(terms, &[5, 9, 5], 42);
    table.until(step, nth);
    let mut messages = table.messages();
    table.alter(&mut messages, k, alter);
    let (culprit, reason) = Table::only_culprit(table.stopped_by(messages));
    assert_eq!(culprit, k, "{step} {nth}");
    reason
}
