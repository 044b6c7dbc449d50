//! Announcing, fetching, watching and downloading where accumulators are not to be trusted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod fake;

use std::ops::ControlFlow;
use std::time::Duration;

use auction::keys::SecretKey;
use auction::layout::Digest;
use auction::messages::Content;
use auction::prices::Level;
use auction::spec::{EarlyClose, Member};
use auction::transcript::Transcript;
use bidder::{ClientError, MemberError, Misbehaviour, Proof, Standing, seal_only, submit_many};
use fake::{Behaviour, Committee, PATIENCE, client, spec_for};
use link::service::{Declined, Phase};

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_auction_is_joined_by_all_and_fetched_by_its_id() {
    let committee = Committee::start(3);
    let client = client();
    let (version, now) = client.hello(&committee.members[1]).await.unwrap();
    assert_eq!((version.as_str(), now.0), ("fake", 1_500));

    let early = client.auction(&committee.members, &committee.id()).await.unwrap_err();
    assert!(
        matches!(&early, ClientError::NotJoined { missing, .. } if *missing == [0, 1, 2]),
        "{early}"
    );
    let announced = client.announce(committee.board.spec.clone()).await.unwrap();
    let again = client.announce(committee.board.spec.clone()).await.unwrap();
    let fetched = client.auction(&committee.members, &committee.id()).await.unwrap();
    assert_eq!(announced.context(), fetched.context());
    assert_eq!(again.context(), fetched.context());
    assert_eq!(fetched.joins(), committee.board.joins());
    assert_eq!(fetched.id(), committee.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_close_is_the_sellers_alone_and_reaches_all() {
    let committee = Committee::open(2);
    let (client, auction) = (client(), committee.auction());
    let stranger = EarlyClose::sign(committee.id(), &SecretKey::from_seed(&[9; 32]));
    assert!(matches!(client.close(&auction, stranger).await, Err(ClientError::EarlyClose(_))));
    assert_eq!(client.early_close(&committee.members, &committee.id()).await.unwrap(), None);

    let word = EarlyClose::sign(committee.id(), &committee.board.seller);
    client.close(&auction, word).await.unwrap();
    let known = client.early_close(&committee.members, &committee.id()).await.unwrap();
    assert_eq!(known, Some(word));
    let bids = vec![seal_only(&auction, Level(1)).unwrap()];
    let reports = submit_many(&client, &auction, bids, 1, PATIENCE, |_| ()).await;
    assert!(matches!(reports[0].per_accumulator[0].standing, Standing::Refused(_)));
    assert!(reports[0].summary().contains("the auction is closed"), "{}", reports[0].summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_somebody_declines_says_who() {
    let committee = Committee::start(2);
    committee.behave(1, Behaviour::Declines(Declined::TooManyAuctions));
    let error = client().announce(committee.board.spec.clone()).await.unwrap_err();
    assert!(matches!(&error, ClientError::NotAnnounced(_)));
    let named = format!("accumulator 1 ({}): it declines", committee.members[1].address);
    assert!(error.to_string().contains(&named), "{error}");

    // What was not signed by the seller is not sent at all.
    let forged = spec_for(&committee.board.seller, &committee.members);
    let forged = forged.sign(&SecretKey::from_seed(&[9; 32]));
    assert!(matches!(client().announce(forged).await, Err(ClientError::Spec(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_auction_in_place_of_the_one_asked_for_is_refused() {
    let committee = Committee::open(3);
    let other = Committee::open(3);
    let lie = || {
        let shown = (other.board.spec.clone(), other.board.joins());
        Behaviour::Shows(Box::new(shown))
    };
    committee.behave(0, lie());
    committee.behave(2, Behaviour::Silent);
    // One honest accumulator is enough.
    let fetched = client().auction(&committee.members, &committee.id()).await.unwrap();
    assert_eq!(fetched.context(), committee.auction().context());

    committee.behave(1, lie());
    committee.behave(2, lie());
    let error = client().auction(&committee.members, &committee.id()).await.unwrap_err();
    let ClientError::NobodyShows { failures, .. } = &error else { panic!("{error}") };
    assert_eq!(failures.0.len(), 3);
    for failure in &failures.0 {
        let MemberError::Misbehaved(Misbehaviour::OtherAuction { got, expected }) = &failure.error
        else {
            panic!("{failure}")
        };
        assert_eq!((*got, *expected), (other.id(), committee.id()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_of_others_do_not_verify_and_those_of_one_convict_him() {
    let committee = Committee::open(3);
    let good = committee.board.joins();
    let shows = |joins| Behaviour::Shows(Box::new((committee.board.spec.clone(), joins)));

    // A join that its accumulator did not sign, joins twice: the shower's fault alone.
    let mut altered = good.clone();
    altered[1].proof = good[2].proof.clone();
    for joins in [altered, [good.clone(), good.clone()].concat()] {
        committee.behave(0, shows(joins));
        let fetched = client().auction(&committee.members, &committee.id()).await.unwrap();
        assert_eq!(fetched.context(), committee.auction().context());
    }

    let mut second = good.clone();
    second[2] = committee.board.make_join(2);
    committee.behave(0, shows(second));
    let error = client().auction(&committee.members, &committee.id()).await.unwrap_err();
    let ClientError::JoinsDiffer { culprit, shown_by, evidence, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*culprit, 2);
    assert!(shown_by.contains(&committee.members[0].address));
    assert_eq!(evidence.as_ref().unwrap().convict(&committee.auction()), Ok(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_with_a_stranger_is_not_bid_in() {
    let committee = Committee::open(3);
    let error = client().auction(&committee.members[..2], &committee.id()).await.unwrap_err();
    let ClientError::Stranger { key, .. } = &error else { panic!("{error}") };
    assert_eq!(*key, committee.members[2].key);
    let none: [Member; 0] = [];
    let error = client().auction(&none, &committee.id()).await.unwrap_err();
    assert!(matches!(error, ClientError::Members { got: 0 }));
    let unknown = client().auction(&committee.members, &Digest([1; 32])).await.unwrap_err();
    assert!(unknown.to_string().contains("knows no auction with this id"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_the_committee_win_over_those_of_the_spec() {
    // The accumulators have moved since the spec was signed.
    let committee = Committee::start_with(2, |spec| {
        for member in &mut spec.accumulators {
            member.address = "127.0.0.1:9".to_owned();
        }
    });
    committee.join_all();
    let client = client();
    let auction = client.auction(&committee.members, &committee.id()).await.unwrap();
    let bids = vec![seal_only(&auction, Level(1)).unwrap()];
    let reports = submit_many(&client, &auction, bids, 1, PATIENCE, |_| ()).await;
    assert!(reports[0].is_secured(), "{}", reports[0].summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_changes_and_no_terminal_commands() {
    let committee = Committee::open(2);
    committee.behave(1, Behaviour::Declines(Declined::UnknownAuction));
    let client = client();
    let auction = committee.auction();
    let mut looks = 0;
    let submitting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let bids = vec![seal_only(&auction, Level(1)).unwrap()];
        submit_many(&client, &auction, bids, 1, PATIENCE, |_| ()).await
    };
    let (id, pause) = (committee.id(), Duration::from_millis(20));
    let watching = client.watch(&committee.members, &id, pause, |states| {
        looks += 1;
        assert_eq!(states.len(), 2);
        let state = states[0].state.as_ref().unwrap();
        assert!(matches!(&state.phase, Phase::Stopped(said) if !said.contains('\u{1b}')));
        assert_eq!(state.findings.len(), 100);
        assert!(state.findings.iter().all(|said| !said.contains('\n')));
        assert!(matches!(states[1].state, Err(MemberError::Declined(Declined::UnknownAuction))));
        if state.bids == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    tokio::join!(submitting, watching);
    assert_eq!(looks, 2, "shown only when something has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_comes_from_the_first_that_gives_a_whole_one() {
    let committee = Committee::open(3);
    let (client, auction, id) = (client(), committee.auction(), committee.id());
    let bids = (0..130).map(|i| seal_only(&auction, Level(1 + i % 16)).unwrap()).collect();
    submit_many(&client, &auction, bids, 16, Duration::from_secs(60), |_| ()).await;
    let whole = committee.run_rounds();
    let file = whole.to_bytes().unwrap();
    assert!(file.len() > 128 << 10, "more than two pieces, got {}", file.len());
    let members = &committee.members;

    let mut told = Vec::new();
    let got = client.transcript(members, &id, |at, total| told.push((at, total))).await.unwrap();
    assert_eq!(got, file);
    assert!(told.is_sorted() && told.len() >= 3);
    assert_eq!(told.last(), Some(&(file.len() as u64, file.len() as u64)));

    // One breaks off, one gives a shorter file, the third is honest.
    committee.behave(0, Behaviour::Truncates);
    committee.behave(1, Behaviour::Gives(file[..file.len() - 100].to_vec()));
    assert_eq!(client.transcript(members, &id, |_, _| ()).await.unwrap(), file);

    // A file that decodes and lacks its last rounds proves nothing.
    let mut cut = Transcript::from_bytes(&file).unwrap();
    cut.rounds.truncate(2);
    committee.behave(1, Behaviour::Gives(cut.to_bytes().unwrap()));
    let (got, verdict) = client.outcome(members, &id, |_, _| ()).await.unwrap();
    assert_eq!(got, file);
    assert_eq!((verdict.outcome.bids, verdict.outcome.tie), (130, true));
    assert_eq!(verdict.outcome.sale.unwrap().level, Level(16));

    let proof = client.proof(members, &id, |_, _| ()).await.unwrap();
    assert!(matches!(proof, Proof::Outcome { bytes, .. } if bytes == file));

    committee.behave(2, Behaviour::Gives(Vec::new()));
    let error = client.outcome(members, &id, |_, _| ()).await.unwrap_err();
    let said = error.to_string();
    for says in
        ["breaks off or changes at byte 65536", "the transcript ends in round", "not a transcript"]
    {
        assert!(said.contains(says), "{said}");
    }
    // One that convicts accumulator 1 is taken where nobody proves an outcome, and only there.
    let mut faulty = whole.clone();
    faulty.rounds.truncate(2);
    let mut body = faulty.rounds[1][1].body.clone();
    body.content = Content::Multiply(Vec::new());
    faulty.rounds[1][1] = body.sign(&committee.board.identities[1]);
    let faulty = faulty.to_bytes().unwrap();
    committee.behave(1, Behaviour::Gives(faulty.clone()));
    match client.proof(members, &id, |_, _| ()).await.unwrap() {
        Proof::Fault { bytes, fault } => {
            assert_eq!(bytes, faulty);
            assert_eq!(fault.culprits.iter().map(|(k, _)| *k).collect::<Vec<_>>(), [1]);
        }
        Proof::Outcome { .. } => panic!("an outcome from nowhere"),
    }
    committee.behave(2, Behaviour::Honest);
    let proof = client.proof(members, &id, |_, _| ()).await.unwrap();
    assert!(matches!(proof, Proof::Outcome { bytes, .. } if bytes == file));
    committee.behave(1, Behaviour::Gives(Vec::new()));
    committee.behave(2, Behaviour::Gives(Vec::new()));

    let error = client.proof(members, &id, |_, _| ()).await.unwrap_err();
    assert!(error.to_string().contains("not a transcript") && !error.is_not_ended(), "{error}");
    committee.behave(2, Behaviour::Declines(Declined::NotNow("no outcome".to_owned())));
    assert!(client.proof(members, &id, |_, _| ()).await.unwrap_err().is_not_ended());
    committee.behave(1, Behaviour::Gives(file.clone()));
    // Somebody else's transcript is not this auction's.
    let other = Digest([3; 32]);
    let error = client.transcript(&members[1..2], &other, |_, _| ()).await.unwrap_err();
    assert!(error.to_string().contains("the transcript is of auction"), "{error}");
}
