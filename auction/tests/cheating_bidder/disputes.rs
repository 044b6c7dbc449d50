//! Disputes about shares and refusals: who lies is convicted by his own signatures, and nobody by
//! those of others.

use auction::bid::{SealedBid, ShareDelivery};
use auction::checking::BidChecker;
use auction::dispute::{BadDispute, RefusalEvidence, Setting, ShareEvidence};
use auction::evidence::{Evidence as _, EvidenceFile, Role, Ruling};
use auction::keys::PublicKey;
use auction::prices::Level;
use auction::receipts::{Reason, Refusal};
use auction::shares::{ExplicitEntries, Share};
use auction::spec::Time;
use rand::rngs::ChaCha20Rng;

use crate::committee;
use crate::forge::sign_again;
use crate::in_memory::{Committee, Sealed, rng};

/// A bid whose share for a seeded accumulator does not open: the committee, the bid, and `k`.
fn with_wrong_share(rng: &mut ChaCha20Rng) -> (Committee, Sealed, usize) {
    let committee = committee(rng);
    let mut sealed = committee.seal(Level(9), rng);
    let k = (committee.auction.explicit_share_of(&sealed.bidder.public()) + 1) % 3;
    sealed.submissions[k].delivery.share = Share::random_seed(rng);
    sign_again(&mut sealed.submissions[k], &sealed.bidder);
    (committee, sealed, k)
}

fn share_evidence(
    committee: &Committee,
    bid: &SealedBid,
    delivery: &ShareDelivery,
) -> ShareEvidence {
    let setting = Setting::of(&committee.auction);
    ShareEvidence { setting, bid: bid.clone(), delivery: delivery.clone() }
}

fn refusal(committee: &Committee, k: usize, bid: &SealedBid, reason: Reason) -> Refusal {
    let (context, identity) = (committee.auction.context(), &committee.identities[k]);
    Refusal::sign(context, bid.digest(), k as u8, reason, identity)
}

fn refusal_evidence(
    committee: &Committee,
    bid: &SealedBid,
    refusal: Refusal,
    delivery: Option<&ShareDelivery>,
) -> RefusalEvidence {
    let setting = Setting::of(&committee.auction);
    RefusalEvidence { setting, bid: bid.clone(), refusal, delivery: delivery.cloned() }
}

fn convicted(ruling: &Ruling) -> Vec<(Role, PublicKey)> {
    ruling.convicted.iter().map(|conviction| (conviction.role, conviction.key)).collect()
}

#[test]
fn a_share_that_does_not_open_convicts_its_bidder_and_an_honest_one_nobody() {
    let mut rng = rng(40);
    let (committee, sealed, k) = with_wrong_share(&mut rng);
    let submission = sealed.submissions[k].clone();
    let bidder = sealed.bidder.public();
    // As the accumulator keeps it.
    let checker = BidChecker::new(committee.auction.clone(), k, &mut rng);
    let checked = checker.check(vec![submission.clone()], &mut rng);
    let [wrong] = &checked.wrong_shares[..] else { panic!("nothing was kept") };
    assert_eq!((&*wrong.bid, &wrong.delivery), (&submission.bid, &submission.delivery));
    let evidence = share_evidence(&committee, &wrong.bid, &wrong.delivery);
    let file = evidence.to_file().unwrap();
    let read: ShareEvidence = EvidenceFile::open(&file).unwrap().read().unwrap();
    let ruling = read.judge(&mut rng).unwrap();
    assert_eq!(convicted(&ruling), [(Role::Bidder, bidder)]);
    assert!(ruling.convicted[0].deed.contains("does not open its commitment"));
    // Every other share is honest: it proves nothing against anybody.
    for submission in sealed.submissions.iter().filter(|one| one.delivery.accumulator != k as u8) {
        let evidence = share_evidence(&committee, &submission.bid, &submission.delivery);
        let ruling = evidence.judge(&mut rng).unwrap();
        assert_eq!(convicted(&ruling), []);
        assert_eq!(ruling.open.len(), 1);
    }
}

#[test]
fn a_share_of_the_wrong_form_convicts_and_is_kept_like_one_that_does_not_open() {
    let mut rng = rng(41);
    let committee = committee(&mut rng);
    let sealed = committee.seal(Level(9), &mut rng);
    let explicit = committee.auction.explicit_share_of(&sealed.bidder.public());
    let malformed =
        Share::Explicit { entries: ExplicitEntries::new(vec![[0; 17]; 3]), blinding: [0; 32] };
    for share in [Share::random_seed(&mut rng), malformed] {
        let mut bad = sealed.submissions[explicit].clone();
        bad.delivery.share = share;
        sign_again(&mut bad, &sealed.bidder);
        let checker = BidChecker::new(committee.auction.clone(), explicit, &mut rng);
        let checked = checker.check(vec![bad.clone()], &mut rng);
        assert!(matches!(checked.verdicts[..], [Err(Reason::ShareShape { .. })]));
        assert_eq!(checked.wrong_shares[0].delivery, bad.delivery);
        let ruling = share_evidence(&committee, &bad.bid, &bad.delivery).judge(&mut rng).unwrap();
        assert_eq!(convicted(&ruling), [(Role::Bidder, sealed.bidder.public())]);
    }
}

#[test]
fn an_accumulator_cannot_frame_a_bidder_with_a_share_of_its_own_making() {
    let mut rng = rng(42);
    let committee = committee(&mut rng);
    let sealed = committee.seal(Level(9), &mut rng);
    let other = committee.seal(Level(4), &mut rng);
    let (bid, honest) = (&sealed.submissions[0].bid, &sealed.submissions[0].delivery);
    let judged = |delivery: &ShareDelivery, rng: &mut ChaCha20Rng| {
        share_evidence(&committee, bid, delivery).judge(rng).err()
    };
    let mut altered = honest.clone();
    altered.share = Share::random_seed(&mut rng);
    assert_eq!(judged(&altered, &mut rng), Some(BadDispute::Share));
    // Signed by the accumulator, by another bidder, for another accumulator or for another bid.
    let context = committee.auction.context();
    for key in [&*committee.identities[0], &other.bidder] {
        let forged = ShareDelivery::sign(context, bid.digest(), 0, altered.share.clone(), key);
        assert_eq!(judged(&forged, &mut rng), Some(BadDispute::Share));
    }
    let mut elsewhere = honest.clone();
    elsewhere.accumulator = 1;
    assert_eq!(judged(&elsewhere, &mut rng), Some(BadDispute::Share));
    assert_eq!(judged(&other.submissions[0].delivery, &mut rng), Some(BadDispute::Share));
    // A bid whose public part is the accumulator's own.
    let mut evidence = share_evidence(&committee, bid, honest);
    evidence.bid.commitments.swap(0, 1);
    let refused = evidence.judge(&mut rng);
    assert_eq!(refused, Err(BadDispute::Bid(Reason::BidSignature)));
}

#[test]
fn a_refusal_of_a_share_is_settled_by_the_share_that_it_names() {
    let mut rng = rng(43);
    let (committee, sealed, k) = with_wrong_share(&mut rng);
    let (bid, bad) = (&sealed.submissions[k].bid, &sealed.submissions[k].delivery);
    let context = *committee.auction.context();
    let (bidder, accumulator) = (sealed.bidder.public(), committee.identities[k].public());
    let named = |delivery: &ShareDelivery| Reason::ShareDoesNotOpen(delivery.digest(&context));
    let judge = |refusal: &Refusal, delivery: Option<&ShareDelivery>, rng: &mut ChaCha20Rng| {
        refusal_evidence(&committee, bid, refusal.clone(), delivery).judge(rng).unwrap()
    };
    // The accumulator was right, and shows what it refused.
    let right = refusal(&committee, k, bid, named(bad));
    assert_eq!(convicted(&judge(&right, Some(bad), &mut rng)), [(Role::Bidder, bidder)]);
    // Without it neither word proves the other false, and nobody is convicted by silence.
    let ruling = judge(&right, None, &mut rng);
    assert_eq!((convicted(&ruling).len(), ruling.open.len()), (0, 1));

    // The accumulator of another share refuses it though it opens.
    let j = (k + 1) % 3;
    let good = &sealed.submissions[j].delivery;
    let lie = refusal(&committee, j, bid, named(good));
    let liar = committee.identities[j].public();
    let ruling = judge(&lie, Some(good), &mut rng);
    assert_eq!(convicted(&ruling), [(Role::Accumulator(j), liar)]);
    // It says that it refused another: then it has to show that one. The bidder's own word that
    // he sent a good one proves nothing.
    let evasive = refusal(&committee, j, bid, named(bad));
    let ruling = judge(&evasive, Some(good), &mut rng);
    assert_eq!((convicted(&ruling).len(), ruling.open.len()), (0, 1));
    assert!(ruling.open[0].contains("must show"), "{}", ruling.open[0]);
    // Nobody is convicted by a refusal that he did not sign.
    let forged = refusal(&committee, j, bid, named(good));
    let forged = Refusal { accumulator: k as u8, ..forged };
    let evidence = refusal_evidence(&committee, bid, forged, Some(bad));
    assert_eq!(evidence.judge(&mut rng), Err(BadDispute::Refusal));
    assert_ne!(accumulator, liar);
}

#[test]
fn a_refusal_that_the_bid_itself_disproves_convicts_its_signer() {
    let mut rng = rng(44);
    let committee = committee(&mut rng);
    let sealed = committee.seal(Level(9), &mut rng);
    let bid = &sealed.submissions[0].bid;
    let opening = committee.auction.spec().opening;
    let false_ones = [
        Reason::OtherContext,
        Reason::Commitments { got: 2, expected: 3 },
        Reason::NotALevel("a made-up reason".to_owned()),
        Reason::NotOpen(Time(opening.0 + 1)),
    ];
    let key = committee.identities[2].public();
    for reason in false_ones {
        let refusal = refusal(&committee, 2, bid, reason);
        let ruling = refusal_evidence(&committee, bid, refusal, None).judge(&mut rng).unwrap();
        assert_eq!(convicted(&ruling), [(Role::Accumulator(2), key)]);
    }
    // What depends on time or on other bids is left open.
    for reason in [
        Reason::Closed,
        Reason::Full,
        Reason::NotOpen(opening),
        Reason::SecondBid(auction::layout::Digest([1; 32])),
    ] {
        let refusal = refusal(&committee, 2, bid, reason);
        let ruling = refusal_evidence(&committee, bid, refusal, None).judge(&mut rng).unwrap();
        assert_eq!((convicted(&ruling).len(), ruling.open.len()), (0, 1));
    }
    // An invalid bid convicts its bidder, whatever reason was given.
    let mut invalid = sealed.submissions[0].clone();
    invalid.bid.commitments.swap(0, 1);
    sign_again(&mut invalid, &sealed.bidder);
    let refusal = refusal(&committee, 2, &invalid.bid, Reason::Closed);
    let evidence = refusal_evidence(&committee, &invalid.bid, refusal, None);
    let ruling = evidence.judge(&mut rng).unwrap();
    assert_eq!(convicted(&ruling), [(Role::Bidder, sealed.bidder.public())]);
}
