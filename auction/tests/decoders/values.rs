//! Everything that travels by itself.

use std::sync::Arc;

use auction::bid::{SealedBid, Submission};
use auction::checking::{BidChecker, verify_bids};
use auction::equivocation::{Equivocation, compare};
use auction::join::{Auction, Join};
use auction::layout::Digest;
use auction::messages::RoundMessage;
use auction::money::Amount;
use auction::outcome::Void;
use auction::prices::{Level, PriceLadder};
use auction::receipts::{Reason, Receipt, Refusal};
use auction::referee::Referee;
use auction::spec::{EarlyClose, SignedSpec};
use auction::wire::encode;

use crate::in_memory::{Committee, Terms, rng};
use crate::{every_decoding, finished};

fn committee() -> Committee {
    Committee::new(Terms { levels: 4, accumulators: 2, ..Terms::small() }, &mut rng(1))
}

#[test]
fn specs_joins_and_the_seller_s_words() {
    let committee = committee();
    let spec = committee.auction.verified_spec();
    let mut listed = spec.spec().clone();
    listed.ladder = PriceLadder::Listed(vec![Amount(1), Amount(5), Amount(6)]);
    let listed = listed.sign(&committee.seller);
    every_decoding::<SignedSpec>(&[spec.signed().clone(), listed], 1_500, |signed| {
        let id = signed.claimed_id();
        if let Ok(verified) = signed.verify() {
            assert_eq!(verified.id(), id);
        }
    });
    let joins = committee.auction.joins();
    every_decoding::<Join>(joins, 800, |join| {
        let _ = join.verify(spec);
        let _ = Auction::new(spec.clone(), vec![join.clone(), join.clone()]);
        let _ = auction::equivocation::convict_joins(&[join, joins[0].clone()], spec);
    });
    let word = EarlyClose::sign(spec.id(), &committee.seller);
    every_decoding(&[word], 300, |word: EarlyClose| {
        assert_eq!(word.verify(spec).is_ok(), encode(&word) == encode(&word_of(&committee)));
    });
}

fn word_of(committee: &Committee) -> EarlyClose {
    EarlyClose::sign(committee.auction.id(), &committee.seller)
}

#[test]
fn bids_shares_receipts_and_refusals() {
    let committee = committee();
    let auction = &committee.auction;
    let sealed = committee.seal(Level(3), &mut rng(2));
    every_decoding::<Submission>(&sealed.submissions, 800, |submission| {
        for k in 0..2 {
            let checker = BidChecker::new(Arc::clone(auction), k, &mut rng(3));
            let checked = checker.check(vec![submission.clone()], &mut rng(4));
            assert_eq!(checked.verdicts[0].is_ok(), submission == sealed.submissions[k]);
        }
    });
    every_decoding::<SealedBid>(&[sealed.submissions[0].bid.clone()], 800, |bid| {
        let honest = bid == sealed.submissions[0].bid;
        let passed = verify_bids(auction, vec![bid], &mut rng(3)).remove(0).is_ok();
        assert_eq!(passed, honest);
    });
    let digest = sealed.submissions[0].bid.digest();
    let receipts = committee.receipts(digest);
    every_decoding::<Receipt>(&receipts, 500, |receipt| {
        assert_eq!(receipt.verify(auction).is_ok(), receipts.contains(&receipt));
    });
    let reasons = [Reason::Full, Reason::SecondBid(digest), Reason::NotALevel("no".into())];
    let refusals = reasons.map(|reason| {
        Refusal::sign(auction.context(), digest, 1, reason, &committee.identities[1])
    });
    every_decoding::<Refusal>(&refusals, 500, |refusal| {
        assert_eq!(refusal.verify(auction).is_ok(), refusals.contains(&refusal));
    });
    let void = Void::sign(auction.context(), 1, &committee.identities[1]);
    every_decoding::<Void>(&[void], 300, |said| {
        assert_eq!(said.verify(auction).is_ok(), said == void);
    });
}

#[test]
fn messages_and_evidence() {
    let table = finished(5);
    let messages: Vec<RoundMessage> = table.judge.rounds().iter().flatten().cloned().collect();
    let signed: Vec<_> = messages.iter().map(|message| message.body.clone()).collect();
    every_decoding::<RoundMessage>(&messages, 3_000, |message| {
        let authentic = message.authentic_sender(&table.auction).is_some();
        assert_eq!(authentic, messages.contains(&message));
        assert_eq!(authentic, authentic && signed.contains(&message.body));
        let mut referee = Referee::new(Arc::clone(&table.auction), [1; 32]);
        assert!(authentic || referee.offer(message.clone()).is_err());
        let shown = [message.clone(), message];
        let own = &table.judge.rounds()[0];
        let _ = compare(&table.auction, &Digest::default(), own, &shown);
    });
    let evidence = Equivocation::Messages(Box::new([messages[0].clone(), messages[1].clone()]));
    let joins = table.auction.joins();
    let other = Equivocation::Joins(Box::new([joins[0].clone(), joins[0].clone()]));
    every_decoding::<Equivocation>(&[evidence, other], 1_500, |evidence| {
        assert!(evidence.convict(&table.auction).is_err(), "honest words convicted somebody");
    });
}
